"""The doctor's checks for what an attacker would look for in the Asterisk that we are connected to."""

from __future__ import annotations

import asyncio
import fcntl
import secrets
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from urllib.parse import urlsplit

from ari_app.ari.connection import AriConnection
from ari_app.ari.errors import AriError
from ari_app.ari.rest import Request
from ari_app.ari.whereabouts import CONTEXT as RING_CONTEXT
from ari_app.cli.asterisk import AsteriskAri, Refused
from ari_app.cli.doctor_asterisk import asking
from ari_app.cli.findings import Check, Finding, Patient, fault, fine, skipped, warning
from ari_app.cli.screen import count
from ari_app.settings import Settings

ENTRY = "from-trunk"
CONTEXTS = frozenset({ENTRY, "lab-phones"})
"""Contexts that calls may come in by; the lab's own phones call nobody."""
SHORTEST_PASSWORD = 12
WELL_KNOWN = ("asterisk", "password", "secret", "changeme", "admin", "ari-app", "12345")
DANGEROUS = {
    "app_system.so": "the dialplan can run a shell",
    "func_shell.so": "the dialplan can run a shell",
    "app_externalivr.so": "the dialplan can run programs",
    "app_disa.so": "a caller can be given a dial tone, and call on at your expense",
    "func_curl.so": "the dialplan can fetch any URL",
    "res_http_media_cache.so": "a sound may be a URL, and Asterisk fetches it",
    "res_phoneprov.so": "phones' passwords are served over HTTP",
    "chan_sip.so": "SIP beside PJSIP, without its guards",
    "chan_skinny.so": "phones are let in without a password",
    "chan_mgcp.so": "calls are let in without a password",
    "chan_iax2.so": "calls are let in by another door",
}
"""Modules that calls do not need, and what they let others do."""
PROBE_MODULE, PROBE = "func_env.so", "STAT(e,/)"
"""A harmless function of those that only live_dangerously lets others read."""
HTTP_SESSIONS = 150
"""More than Asterisk's default of 100, which a hundred idle connections fill."""
PATIENCE = 0.5
PROBE_SECONDS = 5.0
SIOCGIFADDR = 0x8915
"""Of Linux: an interface's address (netdevice(7))."""


def examine_password(patient: Patient) -> Finding:
    """Whether ARI's password could be guessed: Asterisk lets 2,000 a second be tried."""
    settings = patient.settings
    password = settings.ari_password.get_secret_value() if settings else ""
    if settings is None or not password:
        return skipped("not checked: the settings come first")
    if weak := _weak(password, settings.ari_user):
        return fault(
            f"ARI's password {weak}; whoever guesses it has every call",
            "a longer one, in ari.conf and here: head -c 24 /dev/urandom | base64",
        )
    return fine(f"ARI's password has {len(password)} characters")


def _weak(password: str, user: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        return f"has fewer than {SHORTEST_PASSWORD} characters"
    if len(set(password)) < 5 or password.lower().strip("0123456789!") in (user.lower(), *WELL_KNOWN):
        return "is one of those that are tried first"
    return ""


@asking
def examine_exposure(patient: Patient) -> Finding:
    """Whether ARI can be reached from outside without TLS, or AMI at all."""
    settings = patient.settings
    assert settings is not None  # noqa: S101 - asking saw to it
    url = urlsplit(settings.ari_url)
    host, port = str(url.hostname), url.port or 80
    if url.scheme == "https":
        return fine("ARI is asked over TLS")
    if not _is_loopback(host):
        return fault(
            f"ARI is asked at {host} without TLS: its password and every call go in the clear",
            "TLS in http.conf and ARI_APP_ARI_URL=https://..., or the controller on Asterisk's machine",
        )
    for address in outward_addresses():
        if _answers(address, port):
            return fault(
                f"ARI answers at {address}:{port} without TLS, to whoever reaches this machine",
                "bindaddr = 127.0.0.1 in http.conf",
            )
        if _answers(address, 5038):
            return fault(f"AMI answers at {address}:5038", "enabled = no in manager.conf, or bindaddr = 127.0.0.1")
    return fine("ARI answers on loopback alone, AMI not from outside")


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _answers(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), PATIENCE):
        return True
    return False


def outward_addresses() -> Iterator[str]:
    """This machine's IPv4 addresses that are not loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                told = fcntl.ioctl(asked, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                if not _is_loopback(address := socket.inet_ntoa(told[20:24])):
                    yield address


@asking
def examine_dangerous(patient: Patient) -> Finding:
    """Whether what runs could be turned against its owner: modules, and functions that outsiders may call."""
    assert patient.settings is not None  # noqa: S101 - asking saw to it
    if PROBE_MODULE in patient.modules and asyncio.run(_lives_dangerously(patient.settings)):
        return fault(
            "live_dangerously is on: whoever sets a variable over ARI or AMI can read files and run a shell",
            "live_dangerously = no in asterisk.conf, then restart Asterisk",
        )
    if found := [name for name in DANGEROUS if name in patient.modules]:
        told = "; ".join(f"{name} ({DANGEROUS[name]})" for name in found)
        return warning(f"loaded: {told}", f"unless you use them, noload in modules.conf: {', '.join(found)}")
    return fine("nothing that runs a shell, fetches a URL or opens another door is loaded")


async def _lives_dangerously(settings: Settings) -> bool:
    """Whether the probe can be read. Functions are read of a channel alone: one is made that calls nobody, for an
    application of our own, so that the controller hears nothing of it."""
    name = f"doctor-{secrets.token_hex(8)}"
    with suppress(AriError, TimeoutError):
        async with (
            AriConnection(replace(settings.ari, app=name), lambda _: None) as ari,
            asyncio.timeout(PROBE_SECONDS),
        ):
            await ari.wait_connected(PROBE_SECONDS)
            made = {"endpoint": f"Local/{name}@{name}", "app": name, "channelId": name, "otherChannelId": f"{name}-2"}
            try:
                await ari.rest.send(Request("POST", "channels/create", made))
                told = await ari.rest.send(Request("GET", f"channels/{name}/variable", {"variable": PROBE}))
                return str(told.get("value")) == "1"
            finally:
                await asyncio.wait([ari.client.channels.hangup(name), ari.client.channels.hangup(f"{name}-2")])
    return False


@asking
def examine_phones(patient: Patient) -> Finding:
    """Whether some SIP endpoint lets in whom it should not, or lets callers do what they should not."""
    ari = patient.ari
    assert ari is not None  # noqa: S101 - asking saw to it
    names = sorted(str(each["resource"]) for each in ari.get("endpoints", "PJSIP"))
    faults: dict[str, str] = {}
    warnings: dict[str, str] = {}
    for name in names:
        endpoint = _object(ari, "endpoint", name)
        for text, mend in _faults_of(ari, name, endpoint, patient.modules):
            faults[f"{name} {text}"] = mend
        for text, mend in _warnings_of(endpoint):
            warnings[f"{name} {text}"] = mend
    found = faults | warnings
    if not found:
        return fine(f"{count(len(names), 'SIP endpoint')}: none anonymous, none may transfer, all enter {ENTRY}")
    judged = fault if faults else warning
    return judged("; ".join(found), "; ".join(dict.fromkeys(found.values())))


def _object(ari: AsteriskAri, kind: str, name: str) -> dict[str, str]:
    """A PJSIP object as Asterisk has it; empty when it has none."""
    try:
        told = ari.get("asterisk", "config", "dynamic", "res_pjsip", kind, name)
    except Refused:
        return {}
    return {str(each["attribute"]): str(each["value"]) for each in told}


def _is_on(endpoint: Mapping[str, str], setting: str) -> bool:
    return endpoint.get(setting) in ("yes", "true")


def _faults_of(
    ari: AsteriskAri, name: str, endpoint: Mapping[str, str], modules: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if name == "anonymous" and "res_pjsip_endpoint_identifier_anonymous.so" in modules:
        yield "lets everybody call", "remove it, or noload = res_pjsip_endpoint_identifier_anonymous.so"
    by_name = "username" in endpoint.get("identify_by", "") and "res_pjsip_endpoint_identifier_user.so" in modules
    if by_name and not endpoint.get("auth") and name != "anonymous":
        yield "lets in whoever writes its name into From", f"give {name} an auth section, or identify_by = ip"
    if _is_on(endpoint, "allow_transfer"):
        yield "may transfer calls anywhere (REFER)", f"allow_transfer = no for {name}"
    for auth in filter(None, endpoint.get("auth", "").split(",")):
        secret = _object(ari, "auth", auth)
        if (weak := secret.get("password", "")) and _weak(weak, secret.get("username", name)):
            yield "has a SIP password that can be guessed", f"a longer password in the auth section {auth}"


def _warnings_of(endpoint: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    context = endpoint.get("context", ENTRY)
    if context not in CONTEXTS:
        harm = " and may ring what it likes" if context == RING_CONTEXT else ""
        yield f"calls into context {context}, past the controller{harm}", f"context = {ENTRY}, if it is a trunk"
    if endpoint.get("rtp_timeout") == "0":
        yield "has no rtp_timeout: a caller who vanishes stays", "rtp_timeout = 30"
    if _is_on(endpoint, "trust_id_inbound"):
        yield "is believed whatever it says of the caller", "trust_id_inbound = no, unless its network checks it"


@asking
def examine_sessions(patient: Patient) -> Finding:
    """Whether strangers' idle connections could shut the controller out. Tried, since Asterisk does not tell; only
    while no call is live, since for an instant it takes what the controller may want."""
    ari, settings = patient.ari, patient.settings
    assert ari is not None  # noqa: S101 - asking saw to it
    assert settings is not None  # noqa: S101 - asking saw to it
    if ari.get("channels"):
        return fine("not tried while calls are live: it takes connections")
    if (held := _sessions(settings)) < HTTP_SESSIONS:
        return warning(
            f"Asterisk's HTTP server takes {held} connections at once, and then shuts the controller out",
            "sessionlimit = 1000 in http.conf",
        )
    return fine(f"Asterisk's HTTP server takes more than {held} connections at once")


def _sessions(settings: Settings) -> int:
    """How many idle connections Asterisk keeps, of so many that are tried."""
    url = urlsplit(settings.ari_url)
    place = (str(url.hostname), url.port or (443 if url.scheme == "https" else 80))
    with ExitStack() as opened:
        for held in range(HTTP_SESSIONS):
            try:
                sock = opened.enter_context(socket.create_connection(place, PATIENCE))
            except OSError:
                return held
            if held % 10 == 9 and _closed(sock):
                return held
        return HTTP_SESSIONS


def _closed(sock: socket.socket) -> bool:
    """Whether the other side closes it at once; one that is kept says nothing."""
    sock.settimeout(0.02)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


WEAKNESS_CHECKS = (
    Check("ARI's guard", "Weaknesses", examine_password),
    Check("reach", "Weaknesses", examine_exposure),
    Check("dangerous parts", "Weaknesses", examine_dangerous),
    Check("SIP endpoints", "Weaknesses", examine_phones),
    Check("HTTP sessions", "Weaknesses", examine_sessions),
)

"""The doctor's checks of Asterisk, by asking it over ARI."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from email.utils import parsedate_to_datetime

from ari_app.cli.asterisk import AsteriskAri, AsteriskUnavailable, Refused
from ari_app.cli.findings import Check, Examine, Finding, Patient, fault, fine, skipped, warning
from ari_app.cli.screen import count
from ari_app.core.scheme import Destination, DialStep, TargetKind
from ari_app.settings import Settings

OLDEST = (22, 7)
SAFE = (22, 10, 1)
_ARI_MODULES = ("applications", "asterisk", "bridges", "channels", "endpoints", "events", "playbacks", "recordings")
MODULES = {
    "app_stasis_broadcast.so": "calls are offered to the controller by it",
    "res_stasis_broadcast.so": "calls are offered to the controller by it",
    "app_stasis.so": "calls are handed to the controller by it",
    "res_stasis_answer.so": "callers are answered by it",
    "res_stasis_playback.so": "greetings are played by it",
    "res_stasis_recording.so": "voicemail is recorded by it",
    "res_http_websocket.so": "the controller is connected by it",
    "res_pjsip_session.so": "SIP calls need it",
    "chan_pjsip.so": "SIP calls need it",
    "res_rtp_asterisk.so": "audio needs it",
    "format_wav.so": "greetings and messages are wav files",
    "codec_alaw.so": "carriers speak it",
    "codec_ulaw.so": "carriers speak it",
    **{f"res_ari_{name}.so": "ARI needs it" for name in _ARI_MODULES},
}
"""What has to be loaded, and what for."""
RECORD_SECONDS = 5.0
HEADER_BYTES = 44
"""Of a wav; a bridge that nobody is in gives no more than that."""
CLOCKS_APART = 3.0


def asking(examine: Examine) -> Examine:
    """A check that asks Asterisk, once that is known to answer."""

    def guarded(patient: Patient) -> Finding:
        if patient.ari is None:
            return skipped("not checked: Asterisk comes first")
        try:
            return examine(patient)
        except AsteriskUnavailable as error:
            return fault(str(error), "see Asterisk's log, then run the doctor again")

    return guarded


def examine_ari(patient: Patient) -> Finding:
    """Whether ARI answers to our user, and of which version Asterisk is."""
    settings = patient.settings
    if settings is None or not settings.ari_password.get_secret_value():
        return skipped("not checked: the settings come first")
    ari = AsteriskAri(settings.ari)
    began = time.monotonic()
    try:
        info = ari.get("asterisk", "info")
    except (AsteriskUnavailable, Refused) as error:
        ari.__exit__(None, None, None)
        what, _, mend = str(error).partition("; ")
        return fault(what, mend or "see Asterisk's log")
    took = time.monotonic() - began
    patient.ari, patient.ari_clock = ari, _clock_ahead(ari)
    return _version(str(info.get("system", {}).get("version", "unknown")), f"{settings.ari_url}, {took * 1000:.0f} ms")


def _version(version: str, told: str) -> Finding:
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers < OLDEST:
        return fault(f"Asterisk {version} at {told}", "22.7 or later is needed (StasisBroadcast): upgrade Asterisk")
    if numbers < SAFE:
        return warning(f"Asterisk {version} at {told}", "22.10.1 mends security faults: upgrade Asterisk")
    return fine(f"Asterisk {version} at {told}")


def _clock_ahead(ari: AsteriskAri) -> float | None:
    try:
        return parsedate_to_datetime(ari.clock_header or "").timestamp() - time.time()
    except ValueError:
        return None


@asking
def examine_modules(patient: Patient) -> Finding:
    """Whether what calls need is loaded and running."""
    assert patient.ari is not None  # noqa: S101 - asking saw to it
    running = frozenset(each["name"] for each in patient.ari.get("asterisk", "modules") if each["status"] == "Running")
    patient.modules = running
    missing = {name: why for name, why in MODULES.items() if name not in running}
    if missing:
        told = "; ".join(f"{name} ({why})" for name, why in missing.items())
        return fault(f"not loaded: {told}", f"load them in modules.conf: {', '.join(missing)}")
    return fine(f"{len(MODULES)} needed ones run, of {len(running)}")


@asking
def examine_controller(patient: Patient) -> Finding:
    """Whether a controller is connected under our application's name."""
    assert patient.ari is not None  # noqa: S101 - asking saw to it
    assert patient.settings is not None  # noqa: S101 - asking saw to it
    app = patient.settings.ari_application
    if patient.ari.exists("applications", app):
        return fine(f"connected as application {app}")
    return fault(f"none is connected as application {app}: callers get the dialplan's fallback", "ari-app serve")


@asking
def examine_endpoints(patient: Patient) -> Finding:
    """Whether Asterisk knows every endpoint that the schemes and the dial templates name."""
    assert patient.ari is not None  # noqa: S101 - asking saw to it
    assert patient.settings is not None  # noqa: S101 - asking saw to it
    known = {f"{each['technology']}/{each['resource']}" for each in patient.ari.get("endpoints")}
    named = _named(patient.settings, _destinations(patient))
    missing = sorted(named - known)
    if missing:
        return fault(
            f"Asterisk has no {', '.join(missing)}: ringing it fails at once",
            "define the endpoint in pjsip.conf, or correct the destination or ARI_APP_NUMBER_TEMPLATE",
        )
    return fine(f"{count(len(named), 'endpoint')} that schemes dial: {', '.join(sorted(named))}")


def _destinations(patient: Patient) -> list[Destination]:
    if patient.reading is None:
        return []
    in_force = (judged.in_force for judged in patient.reading.judged.values())
    branches = (branch for scheme in in_force if scheme for branch in scheme.branches)
    steps = (step for branch in branches for step in branch.steps if isinstance(step, DialStep))
    listed = [destination for step in steps for destination in step.destinations]
    managers = [destination for rung in patient.reading.book.managers.values() for destination in rung]
    return [destination for destination in (*listed, *managers) if destination.kind is not TargetKind.MANAGER]


def _named(settings: Settings, destinations: Iterable[Destination]) -> set[str]:
    """The endpoints those destinations are dialed by; the number's part of a dial string is no endpoint's."""
    rendered = set()
    for destination in destinations:
        technology, _, target = settings.dial_templates.render(destination).partition("/")
        by_number = destination.kind is TargetKind.NUMBER and "@" in target
        rendered.add(f"{technology}/{target.rpartition('@')[2] if by_number else target}")
    return rendered


@asking
def examine_recording(patient: Patient) -> Finding:
    """Whether a recording really ends up as a file: Debian's package lacks the folder, and then none does."""
    ari = patient.ari
    assert ari is not None  # noqa: S101 - asking saw to it
    name = f"doctor-{secrets.token_hex(8)}"
    try:
        ari.post("bridges", type="mixing", bridgeId=name)
        ari.post("bridges", name, "record", name=name, format="wav", maxDurationSeconds="1")
        stored = _stored(ari, name)
        size = len(ari.content("recordings", "stored", name, "file")) if stored else 0
    except Refused as refused:
        return fault(
            f"Asterisk cannot record: {refused}",
            "make the folder recording in its astspooldir (asterisk.conf), owned by the user Asterisk runs as: "
            "install -d -o asterisk -g asterisk -m 750 /var/spool/asterisk/recording",
        )
    finally:
        with suppress(Refused, AsteriskUnavailable):
            ari.delete("bridges", name)
        with suppress(Refused, AsteriskUnavailable):
            ari.delete("recordings", "stored", name)
    if not stored:
        return fault("a recording was begun and never ended", "see Asterisk's log; is the disk full?")
    if size < HEADER_BYTES:
        return fault(
            f"Asterisk says that a second was recorded, and its file holds {size} bytes: messages are lost",
            "make room on the disk that Asterisk's astspooldir (asterisk.conf) is on",
        )
    return fine("a second of silence was recorded, found and removed")


def _stored(ari: AsteriskAri, name: str) -> bool:
    give_up = time.monotonic() + RECORD_SECONDS
    while time.monotonic() < give_up:
        if not ari.exists("recordings", "live", name):
            return ari.exists("recordings", "stored", name)
        time.sleep(0.1)  # in a command of its own; ARI tells the end of a recording to applications alone
    return False


@asking
def examine_clocks(patient: Patient) -> Finding:
    """Whether Asterisk's machine and this one agree on the time (to the second, as HTTP tells it)."""
    if patient.ari_clock is None:
        return skipped("Asterisk does not tell its time")
    apart = abs(patient.ari_clock)
    if apart > CLOCKS_APART:
        return warning(f"Asterisk's clock is {apart:.0f} s off this machine's", "let NTP keep both")
    return fine("Asterisk's and this machine's agree")


ASTERISK_CHECKS = (
    Check("ARI", "Asterisk", examine_ari),
    Check("modules", "Asterisk", examine_modules),
    Check("endpoints", "Asterisk", examine_endpoints),
    Check("recording", "Asterisk", examine_recording),
    Check("clocks", "Asterisk", examine_clocks),
    Check("controller", "Asterisk", examine_controller),
)

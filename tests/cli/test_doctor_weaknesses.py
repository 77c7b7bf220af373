"""`doctor` on an Asterisk set up as carelessly as one can: each weakness is told, with its mend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ari_app.cli import doctor_weaknesses
from ari_app.lab import kinds
from ari_app.lab.asterisk import AsteriskInstance, choose
from tests.cli.conftest import Cli
from tests.e2e.ports import on_free_ports
from tests.monitoring.scraping import free_port

CARELESS = {
    "asterisk.conf": ("live_dangerously = no", "live_dangerously = yes"),
    "http.conf": ("sessionlimit = 1000", "sessionlimit = 100"),
    "modules.conf": (
        "load = app_dial.so",
        "load = app_dial.so\nload = app_system.so\nload = func_env.so\nload = func_curl.so\nload = res_curl.so\n"
        "load = res_pjsip_endpoint_identifier_user.so\nload = res_pjsip_endpoint_identifier_anonymous.so",
    ),
}
ENDPOINTS = """
[anonymous](trunk)
transport = trunk-udp

[open-door](trunk)
transport = trunk-udp
identify_by = username

[careless](trunk)
transport = trunk-udp
context = internal
allow_transfer = yes
rtp_timeout = 0
trust_id_inbound = yes
auth = careless
[careless]
type = auth
auth_type = userpass
username = careless
password = 1234

[careful](trunk)
transport = trunk-udp
identify_by = ip
auth = careful
[careful]
type = auth
auth_type = userpass
username = careful
password = Rq7-uW2_mKx9zT
"""


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskInstance]:
    """A running Asterisk whose provisioned files were edited by somebody in a hurry."""
    kind = choose(os.environ.get("ASTERISK") or "local")
    if kind.name == "docker":
        pytest.skip("a container provisions itself; nobody can edit its files before it starts")
    instance = AsteriskInstance(kind, tmp_path_factory.mktemp("weak") / "instance", on_free_ports("ari-app", 42000))
    instance.add("pjsip.d/weak.conf", ENDPOINTS)
    provision = kinds.provision

    def in_a_hurry(settings: Any) -> None:
        provision(settings)
        for name, (written, edited) in CARELESS.items():
            path = instance.instance_dir / "etc" / name
            text = path.read_text()
            assert written in text
            path.write_text(text.replace(written, edited))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "provision", in_a_hurry)
        instance.start()
    yield instance
    instance.stop()


@pytest.fixture
def told(weak: AsteriskInstance, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str, str]]:
    """What the doctor says of each weakness: state, text, mend."""
    monkeypatch.setenv("ARI_APP_ARI_URL", weak.ari_url)
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", weak.ari_password)
    monkeypatch.setenv("ARI_APP_AGI_PORT", str(free_port()))
    for process in ("MONITOR", "SENDER_MONITOR", "AGI_MONITOR"):
        monkeypatch.setenv(f"ARI_APP_{process}_PORT", "0")
    checks = cli.json("doctor", code=1)["checks"]
    return {each["name"]: (each["state"], each["text"], each["mend"]) for each in checks}


@pytest.mark.parametrize(
    ("about", "mend"),
    [
        ("anonymous lets everybody call", "res_pjsip_endpoint_identifier_anonymous.so"),
        ("open-door lets in whoever writes its name into From", "identify_by = ip"),
        ("careless may transfer calls anywhere (REFER)", "allow_transfer = no for careless"),
        ("careless has a SIP password that can be guessed", "auth section careless"),
        ("careless calls into context internal, past the controller", "context = from-trunk"),
        ("careless has no rtp_timeout", "rtp_timeout = 30"),
        ("careless is believed whatever it says of the caller", "trust_id_inbound = no"),
    ],
)
def test_an_endpoint_that_lets_in_too_much_is_found(
    told: dict[str, tuple[str, str, str]], about: str, mend: str
) -> None:
    state, text, mends = told["SIP endpoints"]
    assert state == "fault"
    assert about in text
    assert mend in mends
    assert "careful" not in text
    assert "1234" not in text + mends


def test_functions_that_outsiders_may_call_are_found(told: dict[str, tuple[str, str, str]]) -> None:
    state, text, mend = told["dangerous parts"]
    assert (state, mend) == ("fault", "live_dangerously = no in asterisk.conf, then restart Asterisk")
    assert "can read files and run a shell" in text


def test_modules_that_run_a_shell_or_fetch_a_url_are_found(
    told: dict[str, tuple[str, str, str]], cli: Cli, weak: AsteriskInstance
) -> None:
    """Once the greater fault is gone: here the function that tells of it."""
    weak.cli("module unload func_env.so")
    try:
        (state, text, mend), *_ = [
            (each["state"], each["text"], each["mend"])
            for each in cli.json("doctor", code=1)["checks"]
            if each["name"] == "dangerous parts"
        ]
    finally:
        weak.cli("module load func_env.so")
    assert state == "warning"
    assert "app_system.so (the dialplan can run a shell)" in text
    assert "func_curl.so" in mend


def test_a_small_limit_of_http_connections_is_found(told: dict[str, tuple[str, str, str]]) -> None:
    state, text, mend = told["HTTP sessions"]
    assert (state, mend) == ("warning", "sessionlimit = 1000 in http.conf")
    assert "then shuts the controller out" in text


def test_ari_in_the_clear_on_an_address_from_outside_is_found(
    cli: Cli, weak: AsteriskInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback stands for such an address here: no test opens a door to the network."""
    monkeypatch.setenv("ARI_APP_ARI_URL", weak.ari_url)
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", weak.ari_password)
    monkeypatch.setattr(doctor_weaknesses, "outward_addresses", lambda: iter(["127.0.0.1"]))
    (reach,) = [each for each in cli.json("doctor", code=1)["checks"] if each["name"] == "reach"]
    assert (reach["state"], reach["mend"]) == ("fault", "bindaddr = 127.0.0.1 in http.conf")
    assert "without TLS" in reach["text"]


def test_this_machine_s_addresses_from_outside_are_none_of_loopback() -> None:
    assert not [address for address in doctor_weaknesses.outward_addresses() if address.startswith("127.")]


@pytest.mark.parametrize("password", ["short", "asterisk12345", "aaaaaaaaaaaaaaaa", "ari-app1234!!"])
def test_a_password_that_is_guessed_at_once_is_found(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, password: str
) -> None:
    monkeypatch.setenv("ARI_APP_ARI_URL", f"http://127.0.0.1:{free_port()}/ari")
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", password)
    answer = cli.json("doctor", code=1)
    (guard,) = [each for each in answer["checks"] if each["name"] == "ARI's guard"]
    assert guard["state"] == "fault"
    assert password not in str(answer)

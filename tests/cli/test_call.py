"""`call`: real calls through a real Asterisk and a real controller; and the simulation told the same."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, Installation


def caller() -> str:
    """A caller that no other test has."""
    return f"+7916444{secrets.randbelow(10_000):04d}"


def told_alike(call: dict[str, Any]) -> list[tuple[str, str]]:
    """Kinds and sentences, without what differs from call to call: seconds, and the far end's own words of refusal."""
    return [(moment["kind"], _plain(moment["kind"], moment["sentence"])) for moment in call["timeline"]]


def _plain(kind: str, sentence: str) -> str:
    if kind == "leg_ended":
        return re.sub(r" \(.*\)$", "", sentence)
    return re.sub(r"\b\d+\.\d s", "so many s", sentence)


SAME = {
    "the second answers, the caller hangs up": (
        "+74950000102",
        ("--hang-up-after", "5"),
        ("--outcome", "busy,answer@3", "--hang-up-at", "5"),
    ),
    "all busy": ("+74950000105", (), ("--outcome", "busy,busy")),
    "declined, unknown, unreachable, a message": (
        "+74950000109",
        ("--message", "3"),
        ("--outcome", "declined,unknown,unreachable", "--message", "3"),
    ),
    "hung up while ringing": ("+74950000101", ("--hang-up-after", "1"), ("--hang-up-at", "1")),
    "hung up in the greeting": ("+74950000107", ("--hang-up-after", "2"), ("--hang-up-at", "2")),
    "a greeting, then talk": (
        "+74950000111",
        ("--talk", "1"),
        ("--outcome", "answer@3", "--hang-up-at", "10.5"),
    ),
    "no number of ours": ("+74950000999", ("--hang-up-after", "1"), ("--hang-up-at", "1")),
}


@pytest.mark.promise("OUR-01", "OUR-02")
@pytest.mark.parametrize("story", list(SAME))
def test_a_simulation_tells_what_a_real_call_does(running: Cli, story: str) -> None:
    number, as_caller, as_script = SAME[story]
    come_from = caller()
    real = running.json("call", "--to", number, "--from", come_from, *as_caller)
    at = real["call"]["arrived_at"]
    simulated = running.json("simulate", "--to", number, "--from", come_from, "--at", at, *as_script)
    assert told_alike(simulated) == told_alike(real)
    verdict = {key: real["call"][key] for key in ("disposition", "reason", "answered_by")}
    assert simulated["verdict"] == verdict


def test_a_call_is_told_as_it_is_journalled(running: Cli) -> None:
    result = running("call", "--talk", "1", "--expect", "answered")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("  0.0")
    assert lines[0].endswith("to +74950000101")  # the first number of the list
    assert any(line.endswith("✔ the caller talks with lab-answers") for line in lines)
    assert lines[-1].startswith("See it again: ari-app calls show ")
    call_id = lines[-1].rpartition(" ")[2]
    shown = running("calls", "show", call_id).stdout.splitlines()
    assert [line for line in lines if " s " in line[:10]] == [line for line in shown if " s " in line[:10]]
    leg = next(line for line in lines if line.startswith("  lab-answers"))
    assert leg.endswith("answered")
    assert "-" not in leg.removeprefix("  lab-answers")


def test_what_was_not_expected_is_exit_code_1(running: Cli) -> None:
    refused = running("call", "--to", "+74950000105", "--expect", "answered", code=1)
    assert refused.stderr == "Error: the call ended lost, not answered\n"
    assert running.json("call", "--to", "+74950000105", "--expect", "lost")["call"]["disposition"] == "lost"


def test_without_a_controller_it_says_so(unattended: Cli) -> None:
    refused = unattended("call", "--to", "+74950000101", code=1)
    assert "no controller took the call" in refused.stderr
    assert "ari-app serve" in refused.stderr
    assert refused.stdout == ""


def test_a_controller_of_another_database_is_told_apart(
    running: Cli, demo_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARI_APP_DATABASE_URL", f"sqlite:///{demo_database}")
    assert "it works with another database" in running("call", "--to", "+74950000105", code=1).stderr


def test_without_numbers_one_must_be_given(bare: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", "any-password")
    bare("db", "upgrade")
    assert "give one with --to" in bare("call", code=1).stderr


def test_giving_up_hangs_up(running: Cli, installed: Installation) -> None:
    ended = running.json("call", "--to", "+74950000101", "--timeout", "1")
    assert ended["call"]["reason"] == "hung_up_while_ringing"
    assert "test-call-" not in installed.asterisk.cli("core show channels concise")


@pytest.mark.parametrize("number", ["PJSIP/x", "+7495;x", "1", "101@elsewhere", "+7495\n"])
def test_what_is_no_number_reaches_no_dial_string(running: Cli, number: str) -> None:
    assert "is not a number such as" in running("call", "--to", number, code=2).stderr
    assert "is not a number such as" in running("call", "--to", "+74950000101", "--from", number, code=2).stderr


@pytest.fixture
def plain_asterisk() -> Iterator[str]:
    """The ARI of an Asterisk without the lab, as far as it is asked here: there is no such endpoint."""

    class NoEndpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"message": "Endpoint not found"}'
            self.send_response(404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), NoEndpoint) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/ari"
        server.shutdown()
        thread.join()


def test_an_asterisk_without_the_lab_is_told_how_to_get_it(
    cli: Cli, plain_asterisk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARI_APP_ARI_URL", plain_asterisk)
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", "any-password")
    refused = cli("call", "--to", "+74950000101", code=1)
    assert "no endpoint lab-caller" in refused.stderr
    assert "AST_LAB=yes" in refused.stderr


GREETED = (
    "INSERT INTO schemes (name, time_zone) VALUES ('{greeting}', 'Europe/Kyiv')",
    "INSERT INTO branches (scheme_id, name) SELECT id, 'Always' FROM schemes WHERE name = '{greeting}'",
    "INSERT INTO steps (branch_id, kind, greeting_id) "
    "SELECT max(b.id), 'voicemail', g.id FROM branches b, greetings g WHERE g.name = '{greeting}'",
    "INSERT INTO numbers (e164, name, scheme_id) SELECT '{number}', 'own', id FROM schemes WHERE name = '{greeting}'",
)
"""A number that plays a greeting."""


@pytest.mark.promise("CAL-10", "RNG-17")
def test_a_caller_hears_the_upload_the_recording_that_was_there_or_the_default(
    running: Cli, installed: Installation, wav_file: Callable[..., Path], mp3_file: Callable[..., Path]
) -> None:
    running("greetings", "add", "Short tone", str(wav_file(seconds=1.5)))
    running("greetings", "add", "From an mp3", str(mp3_file(seconds=2.5)))
    running.sql("INSERT INTO greetings (name, sound) VALUES ('Shipped', 'en/unavailable')")
    numbers = {"Short tone": "+74950000150", "From an mp3": "+74950000151", "Shipped": "+74950000152"}
    controller = installed.controller
    before = controller.mark
    running.sql(*(each.format(greeting=name, number=number) for name, number in numbers.items() for each in GREETED))
    controller.said(r"book \w+ in force", since=before, seconds=2)
    lasted = {name: heard(running, number, name) for name, number in numbers.items()}
    assert 1500 <= lasted["Short tone"] < 2600  # the tone, the beep of 0.4 s, and no more
    assert 2500 <= lasted["From an mp3"] < 3700
    assert lasted["Shipped"] > 1000
    assert heard(running, "+74950000999", "universal (ru)") > 5000  # the one that ships with the product


def heard(cli: Cli, number: str, greeting: str) -> int:
    """How many ms a greeting and the beep took to play."""
    told = cli.json("call", "--to", number, "--message", "1")
    moments = {moment["kind"]: moment for moment in told["timeline"]}
    assert moments["prompt_ended"]["details"] == {"greeting": greeting, "end": "played"}
    taken: int = moments["prompt_ended"]["at_ms"] - moments["prompt_began"]["at_ms"]
    return taken

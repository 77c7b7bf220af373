"""`simulate`: what would happen to a call, told like a real one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Cli

OFFICE = "+74950000108"


def kinds(told: dict[str, Any]) -> list[str]:
    """The kinds of a timeline's entries."""
    return [moment["kind"] for moment in told["timeline"]]


def sentences(told: dict[str, Any]) -> str:
    """The timeline's sentences, a line each."""
    return "\n".join(moment["sentence"] for moment in told["timeline"])


@pytest.mark.promise("OUR-02")
def test_outcomes_are_given_leg_by_leg(cli: Cli) -> None:
    told = cli.json("simulate", "--to", "+74950000102", "--outcome", "busy,answer@7", "--talk", "20")
    assert told["verdict"] == {"disposition": "answered", "reason": "talked", "answered_by": "+79160000003"}
    assert [(leg["destination"], leg["outcome"], leg["answered_ms"], leg["ended_ms"]) for leg in told["legs"]] == [
        ("lab-busy", "busy", None, 100),
        ("+79160000003", "answered", 7100, 27100),
    ]


@pytest.mark.parametrize(
    ("at", "branch"),
    [
        ("2026-03-02T09:00", "Working hours"),  # a Monday, in Moscow
        ("2026-03-02T08:59", "Out of hours"),
        ("2026-03-02T09:00Z", "Working hours"),
        ("2026-03-02T18:00+03:00", "Out of hours"),
        ("sat 11:30", "Out of hours"),
        ("mon 17:59", "Working hours"),
    ],
)
def test_the_moment_is_reckoned_in_the_schemes_zone(cli: Cli, at: str, branch: str) -> None:
    assert f"branch '{branch}' chosen" in sentences(cli.json("simulate", "--to", OFFICE, "--at", at))


def test_the_deployments_longest_call_ends_a_simulated_one_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_MAX_CALL_SECONDS", "60")
    told = cli.json("simulate", "--to", "+74950000102", "--outcome", "answer@7", "--talk", "600")
    assert "the longest call, 60 s, is reached" in sentences(told)
    assert told["timeline"][-1]["at_ms"] == 60_000


def test_the_caller_hangs_up_or_speaks_as_told(cli: Cli) -> None:
    left = cli.json("simulate", "--to", "+74950000101", "--hang-up-at", "2")
    assert left["verdict"]["reason"] == "hung_up_while_ringing"
    short = cli.json("simulate", "--to", "+74950000107", "--message", "1")
    assert short["verdict"]["reason"] == "no_message"
    assert cli.json("simulate", "--to", "+74950000107", "--message", "5")["verdict"]["disposition"] == "message_left"


@pytest.mark.promise("FLD-09")
@pytest.mark.parametrize(
    ("keys", "reason", "leads"),
    [("1", "talked", ["sales"]), ("9, 2", "message", [None, "support"]), ("-,0", "message", ["message"])],
)
def test_keys_are_pressed_in_a_menu(cli: Cli, keys: str, reason: str, leads: list[str | None]) -> None:
    told = cli.json("simulate", "--to", "+74950000131", "--outcome", "answer" if keys == "1" else "", "--keys", keys)
    assert told["verdict"]["reason"] == reason
    pressed = [moment["details"]["leads"] for moment in told["timeline"] if moment["kind"] == "key_pressed"]
    assert pressed == leads


def test_a_number_that_is_not_ours_gets_the_default(cli: Cli) -> None:
    told = cli.json("simulate", "--to", "nonsense")
    assert told["call"]["dialled"] is None
    assert kinds(told)[:3] == ["arrived", "default_used", "step_began"]


def test_an_edit_by_sql_is_simulated_at_once(cli: Cli) -> None:
    cli.sql("UPDATE destinations SET timeout_seconds = 33 WHERE target = 'lab-busy'")
    assert "lab-busy (33 s)" in sentences(cli.json("simulate", "--to", "+74950000102"))


def test_the_problems_of_a_refused_scheme_are_told(cli: Cli) -> None:
    cli.sql("UPDATE schemes SET time_zone = 'Europe/Moskva' WHERE name = 'Demo: office hours'")
    told = cli.json("simulate", "--to", OFFICE)
    assert [problem["severity"] for problem in told["problems"]] == ["error"]
    assert "'Europe/Moskva' is not an IANA time zone" in told["problems"][0]["text"]
    assert "default_used" in kinds(told)
    people = cli("simulate", "--to", OFFICE)
    assert "error: scheme 'Demo: office hours': 'Europe/Moskva' is not an IANA time zone" in people.stderr
    assert "Moskva" not in people.stdout
    assert cli.json("simulate", "--to", "+74950000101")["problems"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing option '--to'"),
        (("--to", OFFICE, "--at", "soon"), "'soon' is not a moment; write 2026-01-31T11:30"),
        (("--to", OFFICE, "--at", "0001-01-01T00:00"), "too far away"),
        (("--to", OFFICE, "--outcome", "busy,asleep"), "outcome 'asleep' is not known; use answer, busy"),
        (("--to", OFFICE, "--hang-up-at", "-1"), "--hang-up-at"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    assert said in cli("simulate", *arguments, code=2).stderr


@pytest.mark.promise("UIS-01", "OUR-01", "OUR-02")
def test_what_the_caller_would_be_sent_is_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_COMPANY", "Acme")
    command = ("simulate", "--to", "+74950000105", "--outcome", "busy,busy", "--at", "2026-03-02T12:00+03:00")
    told = cli.json(*command)
    due = "2026-03-02T12:00:01+03:00"
    sentence = f"an apology by rule 'Demo: sales' (SMS to the client) is due at {due}: nobody answered"
    assert sentence in sentences(told)
    (apology, *_) = told["messages"]
    assert apology == {
        "kind": "apology",
        "channel": "sms",
        "audience": "client",
        "recipient": "+79161112233",
        "rule": "Demo: sales",
        "text": "Извините, что не ответили на ваш звонок на +74950000105. Перезвоним в течение часа.",
        "parts": 2,
        "due_at": "2026-03-02T09:00:01.200000Z",
    }
    shown = cli(*command).stdout
    assert sentence in shown
    assert "apology to +79161112233 (sms, 2 parts):" in shown
    assert apology["text"] in shown


@pytest.mark.promise("UIS-03")
def test_at_night_it_is_due_as_the_deployments_window_opens(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("simulate", "--to", "+74950000105", "--outcome", "busy,busy", "--at", "2026-03-02T22:00+03:00")
    assert "is due at 2026-03-03T09:00:00+03:00" in sentences(cli.json(*command))
    monkeypatch.setenv("ARI_APP_SENDING_HOURS", "00:00-24:00")
    assert "is due at 2026-03-02T22:00:01+03:00" in sentences(cli.json(*command))


@pytest.mark.promise("UIS-02", "OUR-01")
def test_why_nothing_would_be_sent_is_shown(cli: Cli) -> None:
    answered = sentences(cli.json("simulate", "--to", "+74950000101", "--outcome", "answer@2"))
    assert "no apology (SMS to the client): the call was answered" in answered
    off = sentences(cli.json("simulate", "--to", "+74950000109", "--hang-up-at", "1"))
    assert "no apology by rule 'Demo: switched off' (SMS to the client): the rule is switched off" in off
    none = sentences(cli.json("simulate", "--to", "+74950000110", "--hang-up-at", "1"))
    assert "no apology (SMS to the client): no rule has +74950000110" in none
    landline = ("simulate", "--to", "+74950000105", "--from", "+74957654321", "--hang-up-at", "1")
    assert "is a landline, and only mobiles are written to" in sentences(cli.json(*landline))


@pytest.mark.promise("POL-07")
def test_a_call_out_of_hours_is_told_as_one(cli: Cli) -> None:
    command = ("simulate", "--to", OFFICE, "--at", "sat 11:30", "--hang-up-at", "2")
    (text,) = [each for each in cli.json(*command)["messages"] if each["audience"] == "client"]
    assert text["kind"] == "call_out_of_hours"
    assert text["text"].startswith("Demo support: We are closed.")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("SENDING_HOURS", "20:00-09:00", "it must open earlier on the same day than it closes"),
        ("SENDING_ZONE", "Mars", "zone 'Mars' is unknown"),
    ],
)
def test_a_window_that_makes_no_sense_is_a_wrong_setting(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(f"ARI_APP_{name}", value)
    told = cli("simulate", "--to", OFFICE, code=2).stderr
    assert complaint in told
    assert f"ARI_APP_{name}" in told

"""`calls list`, `calls show`, `calls stats` on a journal written as the controller writes it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ari_app.simulation import CallerScript
from tests.cli.conftest import Cli
from tests.cli.journal import ARRIVED, journalled

TALKED, LOST, MESSAGE = "20260302-093000-aaaa", "20260302-103000-bbbb", "20260302-113000-cccc"


@pytest.fixture
def three_calls(cli: Cli) -> Cli:
    """One answered by the second, one lost, one that left a message."""
    journalled(TALKED, "+74950000102", "busy,answer@7")
    journalled(LOST, "+74950000105", "busy,busy", at=ARRIVED + timedelta(hours=1), caller_raw="+79160000077")
    journalled(MESSAGE, "+74950000107", caller=CallerScript(message=4), at=ARRIVED + timedelta(hours=2))
    return cli


def ids(cli: Cli, *options: str) -> list[str]:
    """Which calls a list has, in its order."""
    return [call["id"] for call in cli.json("calls", "list", *options)["calls"]]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), [MESSAGE, LOST, TALKED]),
        (("--disposition", "lost"), [LOST]),
        (("--number", "84950000102"), [TALKED]),
        (("--caller", "+79160000077"), [LOST]),
        (("--since", "2026-03-02T10:00"), [MESSAGE, LOST]),
        (("--until", "2026-03-02T10:00Z"), [TALKED]),
        (("--since", "2026-03-02T12:30+03:00", "--until", "2026-03-02T13:30+03:00"), [TALKED]),
        (("--limit", "1"), [MESSAGE]),
        (("--since", "1h"), []),
    ],
)
def test_a_list_has_what_was_asked_for(three_calls: Cli, options: tuple[str, ...], found: list[str]) -> None:
    assert ids(three_calls, *options) == found


def test_a_list_for_people_is_a_line_a_call(three_calls: Cli) -> None:
    lines = three_calls("calls", "list").stdout.splitlines()
    assert lines[0].split() == ["arrived", "(UTC)", "caller", "dialled", "ended", "why", "after", "id"]
    assert lines[2].split() == [
        *("2026-03-02", "10:30:00", "+79160000077", "+74950000105"),
        *("lost", "nobody", "answered", "0.2", "s", LOST),
    ]
    assert len(lines) == 4


def test_no_calls_is_an_answer_too(cli: Cli) -> None:
    assert cli("calls", "list").stdout == "No such calls.\n"
    assert cli.json("calls", "list") == {"calls": []}
    assert "ari-app call --to" in cli("calls", "show", "last", code=1).stderr


@pytest.mark.promise("OUR-01")
def test_a_call_is_explained_step_by_step(three_calls: Cli) -> None:
    assert three_calls("calls", "show", TALKED[:13]).stdout.splitlines() == [
        f"call     {TALKED}",
        "arrived  2026-03-02 09:30:00 UTC",
        "scheme   Demo: the second answers (version "
        + three_calls.json("calls", "show", TALKED)["call"]["scheme_version"]
        + "), branch Always",
        "",
        "  0.00 s ● call from +79161112233 to +74950000102",
        "  0.00 s → +74950000102 (Busy, then the second answers) goes by scheme 'Demo: the second answers', version "
        + three_calls.json("calls", "show", TALKED)["call"]["scheme_version"],
        "  0.00 s → branch 'Always' chosen: it is Mon 12:30 Europe/Moscow, its hours are always",
        "  0.00 s ▶ step 1: ring in turn: lab-busy (8 s), +79160000003 (8 s)",
        "  0.00 s · ringing lab-busy, for 8 s at most",
        "  0.10 s ✘ lab-busy is busy (cause 17)",
        "  0.10 s · ringing +79160000003, for 8 s at most",
        "  0.10 s · +79160000003 rings",
        "  7.10 s ✔ +79160000003 picked up",
        "  7.10 s ✔ the caller talks with +79160000003",
        " 37.10 s · the talk is over, ended by the destination",
        " 37.10 s ■ we hang up (normal)",
        " 37.10 s ◆ answered: talked with +79160000003",
        " 37.10 s · no apology (SMS to the client): the call was answered",
        "",
        "  destination   dialed  rang  answered  ended  outcome",
        "  lab-busy        0.00     -         -   0.10  busy (cause 17)",
        "  +79160000003    0.10  0.10      7.10  37.10  answered",
    ]


@pytest.mark.promise("OUR-01")
def test_the_branches_that_were_not_taken_are_explained_too(cli: Cli) -> None:
    journalled("night", "+74950000108", at=ARRIVED + timedelta(hours=12))
    told = [moment["sentence"] for moment in cli.json("calls", "show", "last")["timeline"]]
    assert "branch 'Working hours' passed over: its hours are Mon-Fri 09:00-17:59" in told
    assert any(line.startswith("branch 'Out of hours' chosen: it is Tue 00:30 Europe/Moscow") for line in told)


def test_json_of_a_call_has_its_legs_messages_and_details(three_calls: Cli) -> None:
    talked = three_calls.json("calls", "show", TALKED)
    assert set(talked) == {"call", "timeline", "legs", "messages"}
    assert [(leg["destination"], leg["outcome"]) for leg in talked["legs"]] == [
        ("lab-busy", "busy"),
        ("+79160000003", "answered"),
    ]
    assert set(talked["timeline"][0]) == {"at_ms", "kind", "sentence", "details"}
    message = three_calls.json("calls", "show", "last")
    assert message["call"]["arrived_at"] == "2026-03-02T11:30:00Z"
    assert [(each["name"], each["length_ms"]) for each in message["messages"]] == [("voicemail-of-the-test", 4000)]


def test_a_beginning_that_fits_none_or_several_is_refused(three_calls: Cli) -> None:
    assert "no call has an id that begins with 'x'" in three_calls("calls", "show", "x", code=1).stderr
    several = three_calls("calls", "show", "2026", code=1)
    assert "give more of it" in several.stderr
    assert several.stdout == ""


def test_an_entry_of_a_newer_release_is_shown_as_it_is(three_calls: Cli) -> None:
    three_calls.sql(
        "INSERT INTO call_events (call_id, seq, at_ms, kind, details) "
        f"""VALUES ('{LOST}', 9223372036854775807, 900, 'beamed', '{{"up": "twice"}}')"""
    )
    assert "beamed (unknown to this release): up twice" in three_calls("calls", "show", LOST).stdout


@pytest.mark.fault("23")
def test_hostile_text_in_the_database_does_not_reach_the_terminal(three_calls: Cli) -> None:
    three_calls.sql(f"UPDATE calls SET caller = NULL, caller_raw = char(27) || '[2Jevil' WHERE id = '{LOST}'")
    assert "\x1b" not in three_calls("calls", "list").stdout
    assert ids(three_calls)[1] == LOST


@pytest.mark.promise("CAL-11")
def test_the_share_of_unanswered_calls_is_reported(three_calls: Cli) -> None:
    assert three_calls("calls", "stats").stdout == "2 of 3 calls unanswered: 66.7%\n"
    assert three_calls.json("calls", "stats", "--until", "2026-03-02T10:00") == {
        "since": None,
        "until": "2026-03-02T10:00:00Z",
        "calls": 1,
        "unanswered": 0,
        "share": 0.0,
    }
    assert three_calls("calls", "stats", "--since", "1h").stdout == "No calls have ended in that time.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--since", "yesterday"), "'yesterday' is not a moment; write"),
        (("list", "--number", "abc"), "'abc' is not a telephone number"),
        (("list", "--disposition", "fine"), "'fine' is not one of"),
        (("list", "--limit", "0"), "--limit"),
        (("show",), "Missing argument 'ID'"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    result = cli("calls", *arguments, code=2)
    assert said in result.stderr
    assert result.stdout == ""

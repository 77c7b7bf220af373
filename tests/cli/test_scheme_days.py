"""`schemes show` and `override`: what holds now and why, open or closed for a while, and `simulate` that goes by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Cli

pytestmark = pytest.mark.promise("FLD-05")

HOLIDAYS = "Demo: public holidays"
NUMBER = "+74950000116"


def branch(cli: Cli, at: str = "") -> str:
    """Where a call goes, as `simulate` has it."""
    told = cli.json("simulate", "--to", NUMBER, *(("--at", at) if at else ()))
    (chosen,) = [moment["details"]["branch"] for moment in told["timeline"] if moment["kind"] == "branch_chosen"]
    return str(chosen)


@pytest.mark.promise("OUR-02")
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-12-30T12:00", "Working hours"),
        ("2026-12-31T12:00", "Closed"),  # moved from a Sunday
        ("2027-01-04T12:00", "Closed"),
        ("2027-01-11T12:00", "Working hours"),
        ("2027-02-20T12:00", "Working hours"),  # a Saturday that is worked
        ("2027-02-22T12:00", "Closed"),  # the Monday for which it is
    ],
)
def test_a_simulated_call_goes_by_the_calendar(cli: Cli, at: str, expected: str) -> None:
    assert branch(cli, at) == expected


def test_show_tells_what_holds_now_and_which_days_are_out_of_the_ordinary(cli: Cli) -> None:
    told = cli.json("schemes", "show", "Demo: today goes as a Monday", "--days", "2")
    assert (told["branch_now"], told["numbers"], told["override"]) == ("Mondays", ["+74950000114"], None)
    assert [(day["goes"], day["source"]) for day in told["days"]] == [("as on Mon", "own")] * 2
    text = cli("schemes", "show", HOLIDAYS, "--days", "800").stdout
    assert "  Thu 2026-12-31 15:00-23:59: closed (New Year's Eve)\n" in text
    assert "  Sat 2027-02-20: as on Fri (working day of the weekend)\n" in text
    assert "  public holidays: RU\n" in text
    opened = cli.json("schemes", "show", "Demo: opened for a while", "--days", "0")
    assert (opened["branch_now"], opened["override"]["goes"], opened["days"]) == ("Working hours", "open", [])
    assert cli.json("schemes", "show", "Demo: all busy")["days"] == []


def test_show_of_what_is_not_in_force_says_where_to_look(cli: Cli) -> None:
    assert "there is no scheme 'Nobody'" in cli("schemes", "show", "Nobody", code=1).stderr
    cli.sql("UPDATE schemes SET time_zone = 'Mars/Base' WHERE name = 'Demo: all busy'")
    assert "is not in force" in cli("schemes", "show", "Demo: all busy", code=1).stderr


def test_a_gap_now_is_told_by_show(cli: Cli) -> None:
    other_day = (datetime.now(UTC) + timedelta(days=3)).isoweekday()
    cli.sql(
        f"UPDATE schedule_entries SET first_day = {other_day}, last_day = {other_day} WHERE branch_id IN "
        "(SELECT b.id FROM branches b JOIN schemes s ON s.id = b.scheme_id WHERE s.name = 'Demo: office hours')"
    )
    assert "now: no branch holds\n" in cli("schemes", "show", "Demo: office hours").stdout


def test_a_scheme_is_closed_for_a_while_and_opened_again(cli: Cli) -> None:
    until = f"{datetime.now(UTC) + timedelta(hours=2):%Y-%m-%dT%H:%M}Z"
    told = cli("schemes", "override", HOLIDAYS, "closed", "--until", until, "--reason", "fire\x1b drill").stdout
    assert told.startswith(f"{HOLIDAYS}: closed until ")
    assert branch(cli) == "Closed"
    assert "fire drill" in cli("simulate", "--to", NUMBER).stdout
    cli("schemes", "override", HOLIDAYS, "open", "--until", until)
    assert branch(cli) == "Working hours"
    assert branch(cli, "2027-01-04T12:00") == "Closed"  # it is over by then
    cli("schemes", "override", HOLIDAYS, "--branch", "Closed", "--until", until)
    assert cli.json("schemes", "show", HOLIDAYS)["override"]["goes"] == "branch 'Closed'"
    assert cli("schemes", "override", HOLIDAYS, "--end").stdout == f"{HOLIDAYS}: the override is over\n"
    assert cli("schemes", "override", HOLIDAYS, "--end").stdout == f"{HOLIDAYS}: nothing overrides it\n"
    assert cli.json("schemes", "show", HOLIDAYS)["override"] is None


def test_who_overrode_what_is_in_the_log(cli: Cli) -> None:
    cli("schemes", "override", HOLIDAYS, "closed", "--until", "2099-01-01T00:00", "--reason", "fire drill")
    cli("schemes", "override", HOLIDAYS, "--end")
    ended, put = cli.json("users", "log")["changes"]
    assert (put["subject"], put["action"], put["target"]) == ("schemes", "override", HOLIDAYS)
    assert put["details"]["reason"] == "fire drill"
    assert put["actor"].startswith("operator")
    assert ended["action"] == "end override"


@pytest.mark.parametrize(
    ("words", "complaint", "code"),
    [
        (("open", "--until", "2020-01-01T00:00"), "is past; give an end that is to come", 1),
        (("--branch", "Nihgt", "--until", "2099-01-01T00:00"), "branch 'Nihgt' is none of the scheme's", 1),
        (("open", "--until", "soon"), "'soon' is not a moment", 2),
        (("open",), "say open or closed, or --branch, and --until when; or --end alone", 2),
        (("open", "--until", "23:59", "--end"), "or --end alone", 2),
        (("half", "--until", "23:59"), "'half' is not one of", 2),
        (("open", "--branch", "Closed", "--until", "23:59"), "say open or closed", 2),
    ],
)
def test_what_cannot_be_is_told(cli: Cli, words: tuple[str, ...], complaint: str, code: int) -> None:
    assert complaint in cli("schemes", "override", HOLIDAYS, *words, code=code).stderr


def test_a_scheme_that_is_not_there_is_told(cli: Cli) -> None:
    refused = cli("schemes", "override", "Nobody", "open", "--until", "2099-01-01T00:00", code=1)
    assert "there is no scheme 'Nobody'; ari-app schemes list" in refused.stderr

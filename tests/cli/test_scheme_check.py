"""`schemes check`: the week drawn and proved, the clock's changes, and what a build server reads off it."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Cli

OFFICE = "Demo: office hours"
GREEN = "\x1b[32m"
EARLIER = "UPDATE schedule_entries SET closes = '17:44' WHERE opens = '09:00'"
LATER = "UPDATE schedule_entries SET closes = '18:14' WHERE opens = '09:00'"
WARSAW = f"UPDATE schemes SET time_zone = 'Europe/Warsaw' WHERE name = '{OFFICE}'"


def grid(told: str) -> dict[str, str]:
    """Each day's line."""
    return dict(re.findall(r"^  (Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\S+)$", told, re.MULTILINE))


@pytest.mark.promise("RNG-02", "OUR-03")
@pytest.mark.parametrize(("columns", "cells"), [("120", 96), ("80", 48), ("40", 24)])
def test_a_week_that_is_whole_is_drawn_as_wide_as_the_screen_allows(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: str, cells: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    told = cli("schemes", "check", OFFICE).stdout
    hour = cells // 24
    working = "B" * 9 * hour + "A" * 9 * hour + "B" * 6 * hour
    assert grid(told) == dict.fromkeys(["Mon", "Tue", "Wed", "Thu", "Fri"], working) | dict.fromkeys(
        ["Sat", "Sun"], "B" * cells
    )
    assert max(map(len, told.splitlines())) <= int(columns)
    assert "10,080 minutes" in told
    assert "\x1b" not in told


@pytest.mark.promise("RNG-02", "RNG-03")
def test_green_is_for_a_whole_week_alone(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    assert GREEN in cli("schemes", "check", OFFICE).stdout
    cli.sql(EARLIER)
    told = cli("schemes", "check", OFFICE, code=1).stdout
    assert GREEN not in told
    assert "\x1b[1;31m!" in told
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in cli("schemes", "check", OFFICE, code=1).stdout


@pytest.mark.promise("RNG-03", "OUR-03")
def test_what_is_not_covered_is_told_to_the_minute_and_fails_a_build(cli: Cli) -> None:
    cli.sql(EARLIER)
    told = cli("schemes", "check", OFFICE, code=1).stdout
    assert "✘ 10,005 of 10,080 minutes are covered; by no branch: Mon-Fri 17:45-17:59\n" in told
    assert grid(told)["Mon"].count("!") == 1
    assert f"! warning scheme '{OFFICE}': no branch covers Mon-Fri 17:45-17:59: calls get" in told
    (scheme,) = cli.json("schemes", "check", OFFICE, code=1)["schemes"]
    assert (scheme["whole"], scheme["covered_minutes"], scheme["gaps"]) == (False, 10_005, ["Mon-Fri 17:45-17:59"])
    assert "1 warning" in cli("schemes", "check", code=1).stdout


@pytest.mark.promise("RNG-03", "OUR-03")
def test_what_is_covered_twice_is_told_and_is_no_fault(cli: Cli) -> None:
    cli.sql(LATER)
    told = cli("schemes", "check", OFFICE).stdout
    assert "covered twice: Mon-Fri 18:00-18:14: 'Working hours' takes it from 'Out of hours', by order\n" in told
    (scheme,) = cli.json("schemes", "check", OFFICE)["schemes"]
    assert scheme["overlaps"] == [
        {"hours": ["Mon-Fri 18:00-18:14"], "taken_by": "Working hours", "others": ["Out of hours"]}
    ]
    assert [(branch["name"], branch["minutes"]) for branch in scheme["branches"]] == [
        ("Working hours", 2775),
        ("Out of hours", 7305),
    ]


@pytest.mark.promise("OUR-03")
@pytest.mark.fault("32")
def test_minutes_that_the_clock_skips_or_repeats_are_told_with_what_they_do_to_a_branch(cli: Cli) -> None:
    cli.sql(WARSAW)
    changes = cli.json("schemes", "check", OFFICE)["schemes"][0]["clock_changes"]
    assert len(changes) in (4, 5)
    spring = next(change for change in changes if change["skipped"])
    assert (spring["minutes"], spring["first_minute"][10:]) == (60, "T02:00")
    assert spring["branches"] == [{"name": "Out of hours", "minutes": -60, "lost": []}]
    cli.sql(
        "INSERT INTO branches (scheme_id, position, name) "
        f"SELECT id, 1, 'Backup window' FROM schemes WHERE name = '{OFFICE}'",
        "INSERT INTO schedule_entries (branch_id, first_day, last_day, opens, closes) "
        "SELECT max(id), 7, 7, '02:00', '02:59' FROM branches",
        "INSERT INTO steps (branch_id, kind) SELECT max(id), 'hang_up' FROM branches",
        "UPDATE branches SET position = 2 WHERE name IN ('Out of hours', 'Working hours')",
    )
    told = cli("schemes", "check", OFFICE).stdout
    assert "02:00-02:59 is skipped: 'Backup window' holds 60 minutes less, not at all in Sun 02:00-02:59\n" in told
    assert "02:00-02:59 comes twice: 'Backup window' holds 60 minutes more\n" in told


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        ("UPDATE schemes SET time_zone = 'Mars/Base'", "'Mars/Base' is not an IANA time zone"),
        ("UPDATE schedule_entries SET opens = '29:00', closes = '29:01' WHERE opens = '09:00'", "minute 1740"),
    ],
)
def test_a_scheme_that_cannot_be_proved_fails_with_the_reason(cli: Cli, edit: str, problem: str) -> None:
    cli.sql("PRAGMA ignore_check_constraints = ON", edit)
    assert problem in cli("schemes", "check", OFFICE, code=1).stdout
    (scheme,) = cli.json("schemes", "check", OFFICE, code=1)["schemes"]
    assert scheme["whole"] is ("Mars" in problem)


@pytest.mark.promise("OUR-03")
def test_destinations_that_are_not_valid_are_errors(cli: Cli) -> None:
    cli.sql("UPDATE destinations SET target = '+79009998877112' WHERE kind = 'number'")
    told = cli("schemes", "check", "Demo: the second answers", code=1).stdout
    assert "✘ error   scheme 'Demo: the second answers', branch 'Always', step 1, destination '+79009998877112'" in told

"""Exceptional days and overrides as they are written: what is refused, and what they come to."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ari_app.core.calendar import Calendar, DayRule, ExceptionalDay, Override, PublicDay, Treatment
from ari_app.core.calendar_draft import DayDraft, OverrideDraft, override_of
from ari_app.core.checks import errors, problems
from ari_app.core.draft import BranchDraft, EntryDraft, SchemeDraft, StepDraft, compiled
from ari_app.core.numbering import DialPolicy
from ari_app.core.schedule import ScheduleError
from ari_app.core.scheme import Greeting

UNIVERSAL = Greeting("universal (ru)", "ari-app/ru/greeting")
WORKING = BranchDraft("Working hours", (EntryDraft(1, 5, "09:00", "17:59"),), (StepDraft("hang_up"),))
CLOSED = BranchDraft("Closed", (), (StepDraft("voicemail"),), out_of_hours=True)
OFFICE = SchemeDraft("Office", "Europe/Moscow", (WORKING, CLOSED))
EVE = DayDraft("New Year's Eve", "2026-12-31", "2026-12-31", "15:00", "23:59")


def told(draft: SchemeDraft) -> list[str]:
    return [str(problem).removeprefix("scheme 'Office'").lstrip(":, ") for problem in problems(draft, DialPolicy())]


@pytest.mark.promise("FLD-05")
def test_days_that_make_sense_are_compiled_with_their_scheme() -> None:
    moved = DayDraft("moved", "2027-02-20", "2027-02-20", rule="weekday", weekday=5)
    named = DayDraft("works holiday", "2027-07-01", "2027-07-14", rule="branch", branch="Closed")
    public = {date(2027, 1, 1): PublicDay("New Year", Treatment(DayRule.CLOSED))}
    draft = OFFICE._replace(holidays="RU", days=(EVE, moved, named))
    assert told(draft) == []
    assert compiled(draft, UNIVERSAL, public).calendar == Calendar(
        "RU",
        public,
        (
            ExceptionalDay(
                "New Year's Eve", date(2026, 12, 31), date(2026, 12, 31), Treatment(DayRule.CLOSED), 900, 1439
            ),
            ExceptionalDay("moved", date(2027, 2, 20), date(2027, 2, 20), Treatment(DayRule.WEEKDAY, 5)),
            ExceptionalDay(
                "works holiday", date(2027, 7, 1), date(2027, 7, 14), Treatment(DayRule.BRANCH, branch="Closed")
            ),
        ),
    )
    assert compiled(OFFICE, UNIVERSAL).calendar is None


@pytest.mark.promise("FLD-05")
def test_the_version_changes_with_the_calendar_and_is_the_old_one_without() -> None:
    versions = {
        OFFICE.version,
        OFFICE._replace(holidays="RU").version,
        OFFICE._replace(days=(EVE,)).version,
        OFFICE._replace(days=(EVE._replace(rule="open"),)).version,
    }
    assert len(versions) == 4
    assert SchemeDraft("Office", "UTC", ()).version == "6365e2c34c85"  # as journals have it from before calendars


@pytest.mark.promise("FLD-05")
@pytest.mark.fault("21")
@pytest.mark.parametrize(
    ("day", "fault"),
    [
        (EVE._replace(first_date="31.12.2026"), "'31.12.2026' is no date; write one such as 2026-12-31"),
        (EVE._replace(last_date="2026-02-30"), "'2026-02-30' is no date; write one such as 2026-12-31"),
        (
            EVE._replace(last_date="2026-12-30"),
            "it ends on 2026-12-30, before it begins on 2026-12-31; exchange the dates",
        ),
        (
            EVE._replace(opens="18:00", closes="08:59"),
            "18:00-08:59 crosses midnight; write two entries instead: 18:00-23:59 and 00:00-08:59",
        ),
        (EVE._replace(rule="half"), "'half' is no rule; write closed, open, weekday, branch"),
        (EVE._replace(rule="weekday", weekday=8), "it goes by no weekday; give it one from 1 (Monday) to 7 (Sunday)"),
        (EVE._replace(rule="branch", branch="Nihgt"), "branch 'Nihgt' is none of the scheme's; name one of its own"),
    ],
)
def test_a_day_that_makes_no_sense_is_told_with_what_to_write(day: DayDraft, fault: str) -> None:
    (problem,) = errors(problems(OFFICE._replace(days=(day,)), DialPolicy()))
    assert problem.where == f"scheme 'Office', exceptional day \"New Year's Eve\" of {day.first_date}"
    assert problem.text == fault


def test_days_are_bounded() -> None:
    (problem,) = told(OFFICE._replace(days=(EVE,) * 1001))
    assert problem == "it has 1001 exceptional days; 1000 are allowed: remove those that are past"


@pytest.mark.promise("FLD-05")
def test_days_for_which_there_is_no_branch_are_doubtful() -> None:
    always = BranchDraft("Always", (), (StepDraft("voicemail"),))
    doubt = "no branch is marked as out of hours, so calls get the configured default on closed days; mark one"
    assert told(OFFICE._replace(branches=(always,), holidays="RU")) == [doubt]
    assert told(OFFICE._replace(branches=(always,), days=(EVE,))) == [doubt]
    assert told(OFFICE._replace(branches=(CLOSED,), days=(EVE._replace(rule="open"),))) == [
        "all branches are out of hours, so open days go as their weekday; add a working branch"
    ]


@pytest.mark.promise("FLD-05", "OUR-03")
def test_a_branch_for_days_out_of_the_ordinary_is_reached_by_them_whatever_stands_before_it() -> None:
    always = BranchDraft("Always", (), (StepDraft("voicemail"),))
    draft = SchemeDraft("Office", "Europe/Moscow", (always, CLOSED))
    never = "branch 'Closed': it is never reached: branch 'Always' before it always holds"
    assert told(draft) == [never]
    assert told(draft._replace(holidays="RU")) == []
    assert told(draft._replace(days=(EVE,))) == []
    assert told(draft._replace(days=(EVE._replace(rule="branch", branch="Closed"),))) == []
    assert told(draft._replace(days=(EVE._replace(rule="branch", branch="Always"),))) == [never]


@pytest.mark.promise("FLD-05")
def test_moments_of_an_override_are_utc_unless_they_say_otherwise() -> None:
    draft = OverrideDraft("closed", "", "2026-11-26 12:00:00", "2026-11-26T18:00:00+03:00", "fire drill")
    assert override_of(draft) == Override(
        Treatment(DayRule.CLOSED),
        datetime(2026, 11, 26, 12, tzinfo=UTC),
        datetime(2026, 11, 26, 15, tzinfo=UTC),
        "fire drill",
    )


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    ("draft", "fault"),
    [
        (OverrideDraft("closed", "", "now", "2026-11-26 12:00"), "'now' is no moment"),
        (OverrideDraft("closed", "", "2026-11-26 12:00", "0001-01-01T00:00+23:00"), "is no moment"),
        (OverrideDraft("closed", "", "2026-11-26 12:00", "2026-11-26 12:00"), "it ends before it begins"),
        (OverrideDraft("weekday", "", "2026-11-26 12:00", "2026-11-26 13:00"), "write closed, open, branch"),
    ],
)
def test_an_override_that_makes_no_sense_is_told(draft: OverrideDraft, fault: str) -> None:
    with pytest.raises(ScheduleError, match=fault):
        override_of(draft)

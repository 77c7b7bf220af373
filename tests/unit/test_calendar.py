"""Holidays, exceptional days and overrides: which branch holds, and what the timeline says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ari_app.core.calendar import Calendar, DayRule, ExceptionalDay, Override, PublicDay, Treatment
from ari_app.core.engine import Arrival, Route, route
from ari_app.core.explain import sentence
from ari_app.core.hours import is_out_of_hours
from ari_app.core.outcomes import HangUpCause
from ari_app.core.schedule import ScheduleEntry
from ari_app.core.scheme import Branch, Greeting, HangUpStep, Number, Scheme, SchemeBook, VoicemailStep
from ari_app.core.timeline import Entry, Kind

pytestmark = pytest.mark.promise("FLD-05")

ZONE = ZoneInfo("Europe/Moscow")
VOICEMAIL = VoicemailStep(Greeting("welcome", "en/greeting"))
WORKING = Branch("Working hours", (ScheduleEntry(1, 5, 540, 1079),), (VOICEMAIL,))
SATURDAY = Branch("Saturday", (ScheduleEntry(6, 6, 600, 899),), (VOICEMAIL,))
EVENING = Branch("Evening", (ScheduleEntry(1, 7, 1080, 1439),), (VOICEMAIL,), out_of_hours=True)
CLOSED = Branch("Closed", (ScheduleEntry(1, 7, 0, 1079),), (HangUpStep(),), out_of_hours=True)
OFFICE = Scheme("office", ZONE, (WORKING, SATURDAY, EVENING, CLOSED), "v1")
CLOSES, OPENS = Treatment(DayRule.CLOSED), Treatment(DayRule.OPEN)
AS_FRIDAY, NAMED = Treatment(DayRule.WEEKDAY, 5), Treatment(DayRule.BRANCH, branch="Evening")
THURSDAY, WORKED_SATURDAY = date(2026, 12, 31), date(2027, 2, 20)
HOLIDAYS = Calendar(
    "RU",
    {date(2027, 1, 4): PublicDay("New Year", CLOSES), WORKED_SATURDAY: PublicDay("working day", AS_FRIDAY)},
    (ExceptionalDay("New Year's Eve", THURSDAY, THURSDAY, CLOSES, 900, 1439),),
)
NUMBER = "+74950000101"


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)


def chosen(scheme: Scheme, moment: datetime) -> Route:
    book = SchemeBook({NUMBER: Number(NUMBER, "desk", scheme=scheme)})
    return route(Arrival(None, NUMBER, NUMBER, moment), book, (HangUpStep(HangUpCause.NORMAL),))


def told(found: Route) -> list[str]:
    return [sentence(Entry(0, note.kind, note.details)) for note in found.notes]


def with_days(*days: ExceptionalDay) -> Scheme:
    return replace(OFFICE, calendar=Calendar(own=days))


def one_day(treatment: Treatment, day: date = THURSDAY, **hours: int) -> Scheme:
    return with_days(ExceptionalDay("The day", day, day, treatment, **hours))


@pytest.mark.parametrize(
    ("scheme", "moment", "branch"),
    [
        (replace(OFFICE, calendar=HOLIDAYS), at(date(2027, 1, 4), 12), CLOSED),  # a Monday, and a holiday
        (replace(OFFICE, calendar=HOLIDAYS), at(date(2027, 1, 4), 19), EVENING),  # of closed branches by their hours
        (replace(OFFICE, calendar=HOLIDAYS), at(date(2027, 1, 11), 12), WORKING),  # an ordinary Monday
        (replace(OFFICE, calendar=HOLIDAYS), at(WORKED_SATURDAY, 17, 59), WORKING),  # goes by Friday's hours
        (replace(OFFICE, calendar=HOLIDAYS), at(THURSDAY, 14, 59), WORKING),
        (replace(OFFICE, calendar=HOLIDAYS), at(THURSDAY, 15), CLOSED),  # own hours on a day of one's own
        (one_day(OPENS, date(2026, 12, 27)), at(date(2026, 12, 27), 12), WORKING),  # a Sunday: the first working one
        (one_day(OPENS, date(2026, 12, 26)), at(date(2026, 12, 26), 12), SATURDAY),  # or the one that covers
        (one_day(NAMED), at(THURSDAY, 12), EVENING),
        (one_day(Treatment(DayRule.BRANCH, branch="gone")), at(THURSDAY, 12), WORKING),  # refused by checks; total
    ],
)
def test_the_branch_of_a_day_out_of_the_ordinary(scheme: Scheme, moment: datetime, branch: Branch) -> None:
    assert chosen(scheme, moment).branch == branch


def test_own_days_go_before_public_holidays_and_the_first_before_the_others() -> None:
    day = date(2027, 1, 4)
    own = (ExceptionalDay("we work", day, day, AS_FRIDAY), ExceptionalDay("never asked", day, day, CLOSES))
    assert chosen(replace(OFFICE, calendar=replace(HOLIDAYS, own=own)), at(day, 12)).branch == WORKING


def test_a_run_of_days_has_both_its_ends() -> None:
    week = ExceptionalDay("works holiday", date(2026, 12, 24), date(2027, 1, 2), CLOSES)
    scheme = with_days(week)
    found = {day: chosen(scheme, at(day, 12)).branch for day in (date(2026, 12, 23), week.first, week.last)}
    assert list(found.values()) == [WORKING, CLOSED, CLOSED]
    assert chosen(scheme, at(date(2027, 1, 3), 12)).notes[1].kind is not Kind.SPECIAL_DAY


def test_an_override_goes_before_everything_until_its_end() -> None:
    noon = at(date(2027, 1, 4), 12)
    override = Override(OPENS, noon, noon + timedelta(hours=2), "stocktaking")
    scheme = replace(OFFICE, calendar=HOLIDAYS, override=override)
    assert [
        chosen(scheme, noon + later).branch
        for later in (timedelta(seconds=-1), timedelta(), timedelta(hours=2, seconds=-1), timedelta(hours=2))
    ] == [CLOSED, WORKING, WORKING, CLOSED]
    assert told(chosen(scheme, noon))[1:3] == [
        "an override holds until 2027-01-04 14:00: open (stocktaking)",
        "branch 'Working hours' chosen: it is Mon 12:00 Europe/Moscow, and open",
    ]


def test_without_a_calendar_an_override_that_is_over_leaves_the_week() -> None:
    noon = at(THURSDAY, 12)
    scheme = replace(OFFICE, override=Override(CLOSES, noon - timedelta(hours=2), noon))
    assert chosen(scheme, noon).branch == WORKING


@pytest.mark.promise("OUR-01")
def test_the_timeline_says_why_the_day_is_no_ordinary_one_and_why_branches_lost() -> None:
    assert told(chosen(replace(OFFICE, calendar=HOLIDAYS), at(date(2027, 1, 4), 12)))[1:] == [
        "Mon 2027-01-04 is no ordinary day in RU (New Year): closed",
        "branch 'Working hours' passed over: it is closed, and this branch is a working one",
        "branch 'Saturday' passed over: it is closed, and this branch is a working one",
        "branch 'Evening' passed over: its hours are Mon-Sun 18:00-23:59",
        "branch 'Closed' chosen: it is Mon 12:00 Europe/Moscow, and closed",
    ]
    assert told(chosen(replace(OFFICE, calendar=HOLIDAYS), at(WORKED_SATURDAY, 12)))[1:3] == [
        "Sat 2027-02-20 is no ordinary day in RU (working day): as on Fri",
        "branch 'Working hours' chosen: it is Sat 12:00 Europe/Moscow, its hours are Mon-Fri 09:00-17:59",
    ]
    assert told(chosen(one_day(NAMED), at(THURSDAY, 12)))[1] == (
        "Thu 2026-12-31 is an exceptional day (The day): branch 'Evening'"
    )


def test_of_several_closed_branches_that_hold_the_later_ones_are_told_to_stand_later() -> None:
    night = replace(CLOSED, name="Night")
    scheme = replace(one_day(CLOSES), branches=(CLOSED, night))
    assert told(chosen(scheme, at(THURSDAY, 12)))[-1] == "branch 'Night' passed over: it holds too, but stands later"


def test_a_closed_day_without_a_branch_for_it_goes_by_the_default_and_counts_as_out_of_hours() -> None:
    scheme = replace(one_day(CLOSES), branches=(WORKING, SATURDAY))
    found = chosen(scheme, at(THURSDAY, 12))
    assert (found.branch, found.scheme) == (None, scheme)
    assert found.notes[-1].kind is Kind.DEFAULT_USED
    assert told(found)[-1] == "the default is used: it is closed, and no branch is marked as out of hours"
    book = SchemeBook({NUMBER: Number(NUMBER, "desk", scheme=scheme)})
    assert is_out_of_hours(book, NUMBER, at(THURSDAY, 12)) is True
    assert is_out_of_hours(book, NUMBER, at(THURSDAY - timedelta(days=1), 12)) is False


def test_an_open_day_without_a_working_branch_goes_as_its_weekday() -> None:
    scheme = replace(one_day(OPENS), branches=(EVENING, CLOSED))
    assert chosen(scheme, at(THURSDAY, 19)).branch == EVENING


@pytest.mark.parametrize(
    ("moment", "closed"),
    [
        (datetime(2026, 12, 30, 20, 59, tzinfo=UTC), False),
        (datetime(2026, 12, 30, 21, 0, tzinfo=UTC), True),  # midnight in Moscow
        (datetime(2026, 12, 31, 20, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 21, 0, tzinfo=UTC), False),
    ],
)
@pytest.mark.fault("32")
def test_a_day_is_one_of_the_scheme_s_own_zone(moment: datetime, closed: bool) -> None:
    notes = chosen(one_day(CLOSES), moment).notes
    assert any(note.kind is Kind.SPECIAL_DAY for note in notes) is closed

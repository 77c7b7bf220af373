"""Exceptional days and overrides as somebody wrote them: what is wrong with them, and what they come to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

from ari_app.core.calendar import Calendar, DayRule, ExceptionalDay, Override, PublicDay, Treatment
from ari_app.core.numbering import printable
from ari_app.core.schedule import DAY_NAMES, ScheduleEntry, ScheduleError, parse_hours

MOST_DAYS = 1000
"""Exceptional days in a scheme."""
OVERRIDING = (DayRule.CLOSED, DayRule.OPEN, DayRule.BRANCH)


class DayDraft(NamedTuple):
    """One of the company's own days, or a run of them. Dates are ``YYYY-MM-DD``, hours ``HH:MM``, all included.
    ``weekday`` (1 Monday to 7 Sunday, else 0) is looked at with rule weekday alone, ``branch`` with rule branch."""

    name: str
    first_date: str
    last_date: str
    opens: str = "00:00"
    closes: str = "23:59"
    rule: str = "closed"
    weekday: int = 0
    branch: str = ""


class OverrideDraft(NamedTuple):
    """What goes before week and calendar for a while. Moments are ISO 8601, UTC unless they say otherwise."""

    rule: str
    branch: str
    begins_at: str
    ends_at: str
    reason: str = ""


def day_of(draft: DayDraft) -> ExceptionalDay:
    """The day. Raises `ScheduleError`, saying what to write instead."""
    first, last = _date(draft.first_date), _date(draft.last_date)
    if first > last:
        raise ScheduleError(f"it ends on {last}, before it begins on {first}; exchange the dates")
    opens, closes = parse_hours(f"{draft.opens}-{draft.closes}")
    ScheduleEntry(1, 1, opens, closes)
    treatment = _treatment(draft.rule, draft.weekday, draft.branch, tuple(DayRule))
    return ExceptionalDay(draft.name, first, last, treatment, opens, closes)


def override_of(draft: OverrideDraft) -> Override:
    """The override. Raises `ScheduleError`."""
    begins, ends = _moment(draft.begins_at), _moment(draft.ends_at)
    if begins >= ends:
        raise ScheduleError("it ends before it begins; give it an end that comes later")
    return Override(_treatment(draft.rule, 0, draft.branch, OVERRIDING), begins, ends, draft.reason)


def calendar_of(holidays: str, days: Collection[DayDraft], public: Mapping[date, PublicDay]) -> Calendar | None:
    """The calendar of a scheme whose days are without `day_faults`; None: it has none."""
    if not holidays and not days:
        return None
    return Calendar(holidays, public, tuple(map(day_of, days)))


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ScheduleError(f"{printable(text)!r} is no date; write one such as 2026-12-31") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ScheduleError(f"{printable(text)!r} is no moment; write one such as 2026-12-31 18:00:00") from None


def _treatment(rule: str, weekday: int, branch: str, known: Collection[DayRule]) -> Treatment:
    if rule not in known:
        raise ScheduleError(f"{printable(rule)!r} is no rule; write {', '.join(known)}")
    if rule == DayRule.WEEKDAY and not 1 <= weekday <= 7:
        raise ScheduleError("it goes by no weekday; give it one from 1 (Monday) to 7 (Sunday)")
    return Treatment(DayRule(rule), weekday if rule == DayRule.WEEKDAY else 0, branch if rule == DayRule.BRANCH else "")


def canonical_day(day: DayDraft) -> DayDraft:
    """The day without what its rule does not look at."""
    return day._replace(
        weekday=day.weekday if day.rule == DayRule.WEEKDAY else 0,
        branch=day.branch if day.rule == DayRule.BRANCH else "",
    )


def dates_words(day: DayDraft) -> str:
    """The dates as descriptions write them: ``2026-12-24 to 2027-01-02``."""
    return day.first_date if day.first_date == day.last_date else f"{day.first_date} to {day.last_date}"


def rule_words(day: DayDraft) -> str:
    """How the day goes, as descriptions write it: closed, open, ``like Sat``, ``branch Night``."""
    if day.rule == DayRule.WEEKDAY:
        return f"like {DAY_NAMES[day.weekday - 1]}" if 1 <= day.weekday <= 7 else f"like {day.weekday}"
    return f"branch {day.branch}" if day.rule == DayRule.BRANCH else day.rule


def day_words(day: DayDraft) -> str:
    """The day in a line."""
    hours = "" if (day.opens, day.closes) == ("00:00", "23:59") else f" {day.opens}-{day.closes}"
    return f"exceptional day {dates_words(day)}{hours} ({day.name}): {rule_words(day)}"


def day_faults(days: Collection[DayDraft], branches: Collection[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with a scheme's days: the place and the fault; ``branches`` are the names of the scheme's."""
    if len(days) > MOST_DAYS:
        yield "", f"it has {len(days)} exceptional days; {MOST_DAYS} are allowed: remove those that are past"
    for day in days:
        place = f"exceptional day {printable(day.name)!r} of {printable(day.first_date)}"
        try:
            day_of(day)
        except ScheduleError as error:
            yield place, str(error)
        else:
            if day.rule == DayRule.BRANCH and day.branch not in branches:
                yield place, unknown_branch(day.branch)


def unknown_branch(name: str) -> str:
    """What is said of a branch that the scheme does not have."""
    return f"branch {printable(name)!r} is none of the scheme's; name one of its own"

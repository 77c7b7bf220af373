"""Days that do not go as their weekday does: public holidays, the company's own days, an override for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ari_app.core.schedule import DAY_NAMES, MINUTES_A_DAY
from ari_app.core.timeline import Kind, Note, Scalar


class DayRule(StrEnum):
    """How such a day goes: by the out-of-hours branches, by the working ones, as another weekday, by one branch."""

    CLOSED = "closed"
    OPEN = "open"
    WEEKDAY = "weekday"
    BRANCH = "branch"


@dataclass(frozen=True, slots=True)
class Treatment:
    """A rule with what it needs: the ISO ``weekday`` that the day goes as, or the name of the ``branch``."""

    rule: DayRule
    weekday: int = 0
    branch: str = ""

    def __str__(self) -> str:
        if self.rule is DayRule.WEEKDAY:
            return f"as on {DAY_NAMES[self.weekday - 1]}"
        return f"branch {self.branch!r}" if self.rule is DayRule.BRANCH else str(self.rule)


@dataclass(frozen=True, slots=True)
class ExceptionalDay:
    """One of the company's own days, or a run of them (both ends included), at all hours or at those from ``opens`` to
    ``closes`` (minutes of the day, both included)."""

    name: str
    first: date
    last: date
    treatment: Treatment
    opens: int = 0
    closes: int = MINUTES_A_DAY - 1

    def covers(self, day: date, minute: int) -> bool:
        """Whether it says anything about this minute, as the wall shows it."""
        return self.first <= day <= self.last and self.opens <= minute <= self.closes


@dataclass(frozen=True, slots=True)
class PublicDay:
    """A public holiday, or a day of the weekend that is worked for another one."""

    name: str
    treatment: Treatment


@dataclass(frozen=True, slots=True)
class Calendar:
    """A scheme's days out of the ordinary. ``holidays`` names the country (and region) that ``public`` is of, which
    knows a few years; ``own`` days go before them, the first that covers a minute before the others."""

    holidays: str = ""
    public: Mapping[date, PublicDay] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    own: tuple[ExceptionalDay, ...] = ()


@dataclass(frozen=True, slots=True)
class Override:
    """What goes before week and calendar from ``begins`` until ``ends`` (aware, not included)."""

    treatment: Treatment
    begins: datetime
    ends: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Special:
    """What holds at a moment instead of the week, and the note that says why."""

    treatment: Treatment
    note: Note


def special_at(calendar: Calendar | None, override: Override | None, at: datetime, zone: ZoneInfo) -> Special | None:
    """What goes before the week at the aware moment ``at``: the override, one of the own days, a public holiday, in
    this order; None on an ordinary day."""
    there = at.astimezone(zone)
    if override is not None and override.begins <= at < override.ends:
        until = f"{override.ends.astimezone(zone):%Y-%m-%d %H:%M}"
        return _special(override.treatment, {"why": "override", "until": until, "reason": override.reason})
    if calendar is None:
        return None
    day, minute = there.date(), there.hour * 60 + there.minute
    for own in calendar.own:
        if own.covers(day, minute):
            return _special(own.treatment, {"why": "own_day", "day": f"{day:%a %Y-%m-%d}", "name": own.name})
    public = calendar.public.get(day)
    if public is None:
        return None
    told = {"day": f"{day:%a %Y-%m-%d}", "name": public.name, "holidays": calendar.holidays}
    return _special(public.treatment, {"why": "public_day", **told})


def _special(treatment: Treatment, details: Mapping[str, Scalar]) -> Special:
    rule: Scalar = treatment.rule.value
    return Special(treatment, Note(Kind.SPECIAL_DAY, {**details, "rule": rule, "goes": str(treatment)}))

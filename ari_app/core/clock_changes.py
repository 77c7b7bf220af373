"""When a zone's clocks are changed, and what that does to a scheme: minutes that are skipped, or come twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from ari_app.core.schedule import MINUTES_A_DAY, ScheduleEntry, clock
from ari_app.core.week import Stretch, WeekProof, minutes, shared

_STRIDE = timedelta(days=1)
"""No zone changes its clocks twice within a day."""
_GRAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ClockChange:
    """At the aware moment ``at`` the clocks go on (``minutes`` above zero) or back; ``first`` is the first minute, as
    the wall shows it (naive), that is skipped or comes twice."""

    at: datetime
    first: datetime
    minutes: int

    @property
    def is_skip(self) -> bool:
        """Whether minutes are skipped; else they come twice."""
        return self.minutes > 0

    @property
    def stretch(self) -> Stretch:
        """The minutes concerned, as minutes of the week."""
        start = self.first.weekday() * MINUTES_A_DAY + self.first.hour * 60 + self.first.minute
        return Stretch(start, start + abs(self.minutes))

    def __str__(self) -> str:
        last = self.first + timedelta(minutes=abs(self.minutes) - 1)
        what = "is skipped" if self.is_skip else "comes twice"
        return f"{self.first:%a %Y-%m-%d %H:%M}-{clock(last.hour * 60 + last.minute)} {what}"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to one branch (by its place, from 0): so many minutes fewer, or more where they come twice.
    ``lost`` are entries of its that do not hold at all that day."""

    branch: int
    minutes: int
    lost: tuple[ScheduleEntry, ...] = ()


def clock_changes(zone: tzinfo, since: datetime, until: datetime) -> tuple[ClockChange, ...]:
    """The changes between two aware moments, in order."""
    found = []
    before = since
    while before < until:
        after = min(before + _STRIDE, until)
        if _offset(before, zone) != _offset(after, zone):
            found.append(_change(before, after, zone))
        before = after
    return tuple(found)


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _change(before: datetime, after: datetime, zone: tzinfo) -> ClockChange:
    """The change between two moments that lie on either side of it."""
    old, new = _offset(before, zone), _offset(after, zone)
    before, after = before.replace(second=0, microsecond=0), after.replace(second=0, microsecond=0)
    while after - before > _GRAIN:
        middle = before + (after - before) // 2 // _GRAIN * _GRAIN
        if _offset(middle, zone) == old:
            before = middle
        else:
            after = middle
    first = (after.astimezone(UTC) + min(old, new)).replace(tzinfo=None)
    return ClockChange(after, first, (new - old) // _GRAIN)


def effects(change: ClockChange, proof: WeekProof, hours: Sequence[Sequence[ScheduleEntry]]) -> tuple[Effect, ...]:
    """What the change does to each branch that it concerns."""
    sign = -1 if change.is_skip else 1
    touched = ((place, minutes(shared(taken, change.stretch))) for place, taken in enumerate(proof.taken))
    return tuple(
        Effect(place, sign * amount, _lost(change, hours[place]) if change.is_skip else ())
        for place, amount in touched
        if amount
    )


def _lost(change: ClockChange, entries: Sequence[ScheduleEntry]) -> tuple[ScheduleEntry, ...]:
    """The entries that lie wholly among the minutes skipped on that day."""
    weekday, first = change.first.isoweekday(), change.first.hour * 60 + change.first.minute
    return tuple(
        entry
        for entry in entries
        if entry.covers(weekday, entry.opens) and first <= entry.opens and entry.closes < first + change.minutes
    )

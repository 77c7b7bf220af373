"""How many times a day a scheme may ring numbers outside, so that what abuse of it can cost is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from ari_app.core.scheme import Destination, Scheme, TargetKind


@dataclass(frozen=True, slots=True)
class DayCount:
    """What one scheme has rung outside on ``day``, a date in its own zone; and what it was refused."""

    day: date
    rung: int = 0
    refused: int = 0


def is_outside(destination: Destination) -> bool:
    """Whether ringing it may cost: a telephone number. Endpoints are phones of ours."""
    return destination.kind is TargetKind.NUMBER


def day_of(scheme: Scheme, at: datetime) -> date:
    """The scheme's day at that moment."""
    return at.astimezone(scheme.zone).date()


def cap_of(scheme: Scheme, default: int) -> int:
    """How often it may in a day; 0: no limit. ``default`` holds for schemes that say nothing."""
    return default if scheme.outside_calls_a_day is None else scheme.outside_calls_a_day


def counted(before: DayCount | None, day: date, cap: int) -> DayCount:
    """The count with one more number outside that is about to be rung on ``day``: let, or refused. A day that is not
    that of ``before`` begins at nought."""
    count = before if before is not None and before.day == day else DayCount(day)
    if cap and count.rung >= cap:
        return replace(count, refused=count.refused + 1)
    return replace(count, rung=count.rung + 1)


def resumed(present: DayCount | None, day: date, rung: int) -> DayCount:
    """The count with ``rung`` of ``day`` added, which another process had made; what is of another day is over."""
    if present is None:
        return DayCount(day, rung)
    return replace(present, rung=present.rung + rung) if present.day == day else present

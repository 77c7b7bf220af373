"""Working hours: which minutes of the week an entry covers, reckoned in a scheme's own time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

MINUTES_A_DAY = 24 * 60
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")


class ScheduleError(ValueError):
    """A schedule entry makes no sense; the message says why and what to write instead."""


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """Hours on a run of weekdays.

    ``first_day`` and ``last_day`` are ISO weekdays (1 is Monday, 7 is Sunday), both included. ``opens`` and ``closes``
    are minutes of the day (0 to 1439), both included: 09:00-17:59 ends as the clock strikes 18:00.

    Raises:
        ScheduleError: days outside a week or in the wrong order, hours outside a day or across midnight.
    """

    first_day: int
    last_day: int
    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 1 <= self.first_day <= self.last_day <= 7:
            raise ScheduleError(
                f"days {self.first_day}-{self.last_day} are not a run of weekdays from 1 (Monday) to 7 (Sunday); "
                "a run across Sunday is two entries"
            )
        for minute in (self.opens, self.closes):
            if not 0 <= minute < MINUTES_A_DAY:
                raise ScheduleError(f"minute {minute} is not within a day: hours run from 00:00 to 23:59")
        if self.opens > self.closes:
            start, end = clock(self.opens), clock(self.closes)
            raise ScheduleError(
                f"{start}-{end} crosses midnight; write two entries instead: {start}-23:59 and 00:00-{end}"
            )

    def covers(self, weekday: int, minute: int) -> bool:
        """Whether the entry holds on ISO weekday ``weekday`` at ``minute`` of the day."""
        return self.first_day <= weekday <= self.last_day and self.opens <= minute <= self.closes

    def __str__(self) -> str:
        days = DAY_NAMES[self.first_day - 1]
        if self.last_day != self.first_day:
            days += f"-{DAY_NAMES[self.last_day - 1]}"
        return f"{days} {clock(self.opens)}-{clock(self.closes)}"


@dataclass(frozen=True, slots=True)
class LocalMinute:
    """A moment as the wall clock of a zone shows it: ISO weekday and minute of the day."""

    weekday: int
    minute: int
    zone: str

    def __str__(self) -> str:
        return f"{DAY_NAMES[self.weekday - 1]} {clock(self.minute)} {self.zone}"


def local_minute(at: datetime, zone: ZoneInfo) -> LocalMinute:
    """The wall-clock minute in ``zone`` at the aware moment ``at``, daylight saving included.

    Raises:
        ValueError: ``at`` is naive; a moment without a zone would be read in the host's, which may be wrong.
    """
    if at.tzinfo is None:
        raise ValueError("a naive time was given; the moment of a call is always UTC-aware")
    there = at.astimezone(zone)
    return LocalMinute(there.isoweekday(), there.hour * 60 + there.minute, zone.key)


def clock(minute: int) -> str:
    """Minute of the day as HH:MM."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def parse_hours(text: str) -> tuple[int, int]:
    """Read ``09:00-17:59`` into (opens, closes), minutes of the day.

    Raises:
        ScheduleError: not of that form. Order and range are the entry's own business.
    """
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise ScheduleError(f"hours {text!r} are not of the form 09:00-17:59")
    start_hour, start_minute, end_hour, end_minute = map(int, match.groups())
    if max(start_minute, end_minute) > 59:
        raise ScheduleError(f"hours {text!r} have more than 59 minutes")
    return start_hour * 60 + start_minute, end_hour * 60 + end_minute

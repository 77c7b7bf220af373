"""When messages may be sent: the hours of a day between which the window is open, by the clock of one zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

DEFAULT_OPENS = time(9)
DEFAULT_CLOSES = time(20)
DEFAULT_ZONE = timezone(timedelta(hours=3))
END_OF_DAY = time(0)
"""As a closing time: 24:00."""

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*[-–]\s*(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(0?\d|1[0-4])(?::([0-5]\d))?", re.ASCII)
_DAY = timedelta(days=1)


class WindowError(ValueError):
    """The hours or the zone of a sending window make no sense; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class SendingWindow:
    """Open each day from ``opens`` (included) to ``closes`` (not included) by the wall clock of ``zone``.

    ``closes`` of ``END_OF_DAY`` is 24:00. Where the clock is put back, hours that come twice are open or closed twice.

    Raises:
        WindowError: it would not open before it closes.
    """

    opens: time = DEFAULT_OPENS
    closes: time = DEFAULT_CLOSES
    zone: tzinfo = DEFAULT_ZONE

    def __post_init__(self) -> None:
        if self.opens.tzinfo or self.closes.tzinfo:
            raise WindowError("opening and closing times have no zone of their own; the window's zone is theirs")
        if self.closes != END_OF_DAY and self.opens >= self.closes:
            raise WindowError(
                f"the window opens at {self.opens:%H:%M} and closes at {self.closes:%H:%M}; "
                "it must open earlier on the same day than it closes, such as 09:00-20:00"
            )

    @classmethod
    def parse(cls, hours: str, zone: str) -> SendingWindow:
        """The window of ``09:00-20:00`` (``00:00-24:00`` is always) and ``+03:00`` or ``Europe/Warsaw``.

        Raises:
            WindowError: text of another form, or a zone that the tz database has not.
        """
        match = _HOURS.fullmatch(hours.strip())
        if match is None:
            raise WindowError(f"hours {hours!r} are not of the form 09:00-20:00")
        first_hour, first_minute, last_hour, last_minute = match.groups()
        closes = time(int(last_hour), int(last_minute)) if last_hour else END_OF_DAY
        if last_hour and closes == END_OF_DAY:
            raise WindowError(f"hours {hours!r} end before they begin; the end of the day is written 24:00")
        return cls(time(int(first_hour), int(first_minute)), closes, _zone(zone.strip()))

    def is_open(self, at: datetime) -> bool:
        """Whether a message may be sent at the aware moment ``at``.

        Raises:
            ValueError: ``at`` is naive.
        """
        clock = self._local(at).time()
        return self.opens <= clock and (self.closes == END_OF_DAY or clock < self.closes)

    def next_opening(self, at: datetime) -> datetime:
        """The first moment from ``at`` on at which the window is open: ``at`` itself, or a later one, in UTC.

        Raises:
            ValueError: ``at`` is naive.
        """
        if self.is_open(at):
            return at
        start = at.astimezone(UTC)
        while True:  # a day may have no opening at all: the clock jumped over it
            openings = [moment for moment in self._edges(start) if moment >= start and self.is_open(moment)]
            if openings:
                return min(openings)
            start += _DAY

    def day_of(self, at: datetime) -> date:
        """The day, by the window's clock, that a message sent at ``at`` counts for.

        Raises:
            ValueError: ``at`` is naive.
        """
        return self._local(at).date()

    def _local(self, at: datetime) -> datetime:
        if at.tzinfo is None:
            raise ValueError("a naive time was given; the moment of a message is always aware")
        return at.astimezone(self.zone)

    def _edges(self, start: datetime) -> Iterator[datetime]:
        """Every moment of the day from ``start`` (in UTC) at which a closed window may become open, and some others."""
        end = start + _DAY
        first, last = self.day_of(start), self.day_of(end)
        for number in range((last - first).days + 1):  # three days where the clock is put forward
            opening = datetime.combine(first + number * _DAY, self.opens, self.zone)
            for fold in (0, 1):
                moment = opening.replace(fold=fold).astimezone(UTC)
                if moment <= end:
                    yield moment
        if self._offset(start) != self._offset(end):
            yield self._clock_change(start, end)

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()

    def _clock_change(self, before: datetime, after: datetime) -> datetime:
        """The first whole second of the new offset, of two moments of different offsets."""
        before = before.replace(microsecond=0)
        old = self._offset(before)
        seconds = (after - before) // timedelta(seconds=1) + 1
        low, high = 0, seconds
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset(before + timedelta(seconds=middle)) == old else (low, middle)
        return before + timedelta(seconds=high)

    def __str__(self) -> str:
        closes = "24:00" if self.closes == END_OF_DAY else f"{self.closes:%H:%M}"
        return f"{self.opens:%H:%M}-{closes} {self.zone}"


def _zone(name: str) -> tzinfo:
    match = _OFFSET.fullmatch(name)
    if match:
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # names that are no path in the database raise in several ways
        raise WindowError(
            f"zone {name!r} is unknown; write an offset such as +03:00, or a name as Europe/Warsaw"
        ) from None

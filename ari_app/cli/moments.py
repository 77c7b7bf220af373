"""Reads the moments that people write: ISO times, ``HH:MM``, ``sat 11:30``, ``2h`` ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

_CLOCK = re.compile(r"(?:([A-Za-z]{3,9})\s+)?(\d{1,2}):(\d{2})")
_AGO = re.compile(r"(\d{1,4})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class MomentError(ValueError):
    """The moment could not be read; the message says what can be."""


def moment_at(text: str, zone: tzinfo, now: datetime) -> datetime:
    """The moment ``text`` names, aware; what names no zone is meant in ``zone``.

    ``2026-01-31T11:30`` with or without an offset; ``11:30`` is today's; ``sat 11:30`` is on the next Saturday, today
    included. ``now`` is aware.

    Raises:
        MomentError: it is none of these.
    """
    today = now.astimezone(zone)
    if match := _CLOCK.fullmatch(text.strip()):
        day, hour, minute = match[1], int(match[2]), int(match[3])
        if hour > 23 or minute > 59:
            raise MomentError(f"{text!r} is not a time of day: hours run from 00:00 to 23:59")
        ahead = 0 if day is None else (_weekday(day) - today.weekday()) % 7
        there = today.date() + timedelta(days=ahead)
        return datetime(there.year, there.month, there.day, hour, minute, tzinfo=zone)
    return _iso(text, zone)


def moment_past(text: str, now: datetime) -> datetime:
    """A moment to search from: ``2h``, ``7d`` (ago), ``today`` (UTC), or an ISO time, UTC unless it says otherwise.

    Raises:
        MomentError: it is none of these.
    """
    word = text.strip().lower()
    if match := _AGO.fullmatch(word):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    if word == "today":
        return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return _iso(text, UTC)


def _iso(text: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise MomentError(
            f"{text!r} is not a moment; write 2026-01-31T11:30, 2026-01-31T11:30+03:00 or 2026-01-31T08:30Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _weekday(name: str) -> int:
    for index, day in enumerate(_DAYS):
        if day.startswith(name.lower()):
            return index
    raise MomentError(f"{name!r} is no day of the week; write mon, tue, wed, thu, fri, sat or sun")

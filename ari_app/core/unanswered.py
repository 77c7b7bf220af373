"""How many calls nobody answered: by number, scheme, branch, hour and weekday, reckoned in each scheme's own zone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple

from ari_app.core.verdict import Disposition


class Ended(NamedTuple):
    """A call that is over, as far as it is counted. ``at`` is aware; what it had not is None."""

    at: datetime
    number: str | None
    scheme: str | None
    branch: str | None
    disposition: Disposition


class By(StrEnum):
    """What calls are counted by."""

    NUMBER = "number"
    SCHEME = "scheme"
    BRANCH = "branch"
    HOUR = "hour"
    WEEKDAY = "weekday"


@dataclass(slots=True)
class Tally:
    """Calls, those of them that nobody answered, and those again that left a message."""

    calls: int = 0
    unanswered: int = 0
    messages: int = 0

    @property
    def share(self) -> float | None:
        """The unanswered as a part of all, 0.0 to 1.0; None without calls."""
        return self.unanswered / self.calls if self.calls else None

    def add(self, disposition: Disposition) -> None:
        """Count one more."""
        self.calls += 1
        self.unanswered += disposition is not Disposition.ANSWERED
        self.messages += disposition is Disposition.MESSAGE_LEFT


Key = tuple[str | int | None, ...]
"""What a row is of: a number, a scheme, a scheme and a branch, an hour (0 to 23), a weekday (1 Monday to 7 Sunday)."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The tallies: of all, of each row, and of each hour of the week by (weekday, hour)."""

    total: Tally = field(default_factory=Tally)
    rows: Mapping[By, Mapping[Key, Tally]] = field(default_factory=dict)
    week: Mapping[tuple[int, int], Tally] = field(default_factory=dict)


_KEYS: Mapping[By, Callable[[Ended, datetime], Key]] = {
    By.NUMBER: lambda call, _: (call.number,),
    By.SCHEME: lambda call, _: (call.scheme,),
    By.BRANCH: lambda call, _: (call.scheme, call.branch),
    By.HOUR: lambda _, there: (there.hour,),
    By.WEEKDAY: lambda _, there: (there.isoweekday(),),
}


def tallied(calls: Iterable[Ended], zones: Mapping[str, tzinfo]) -> Unanswered:
    """Count them. ``zones`` are those of the schemes, by name; a call of another scheme, or of none, goes by UTC.

    Rows by time are in its order, others with the most unanswered calls first.
    """
    total = Tally()
    rows: dict[By, dict[Key, Tally]] = {by: defaultdict(Tally) for by in By}
    week: dict[tuple[int, int], Tally] = defaultdict(Tally)
    for call in calls:
        there = call.at.astimezone(zones.get(call.scheme or "", UTC))
        total.add(call.disposition)
        week[there.isoweekday(), there.hour].add(call.disposition)
        for by, key in _KEYS.items():
            rows[by][key(call, there)].add(call.disposition)
    return Unanswered(
        total, {by: dict(sorted(found.items(), key=_ORDER[by])) for by, found in rows.items()}, dict(week)
    )


def _by_time(row: tuple[Key, Tally]) -> tuple[int, tuple[str, ...]]:
    return int(row[0][0] or 0), ()


def _worst_first(row: tuple[Key, Tally]) -> tuple[int, tuple[str, ...]]:
    key, tally = row
    return -tally.unanswered, tuple(str(part or "") for part in key)


_ORDER: Mapping[By, Callable[[tuple[Key, Tally]], tuple[int, tuple[str, ...]]]] = {
    By.NUMBER: _worst_first,
    By.SCHEME: _worst_first,
    By.BRANCH: _worst_first,
    By.HOUR: _by_time,
    By.WEEKDAY: _by_time,
}

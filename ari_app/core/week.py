"""The 10,080 minutes of the week: which branch takes which, which ones nobody covers, which are covered twice."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from ari_app.core.schedule import MINUTES_A_DAY, ScheduleEntry

DAYS_A_WEEK = 7
MINUTES_A_WEEK = DAYS_A_WEEK * MINUTES_A_DAY


class Stretch(NamedTuple):
    """Minutes of the week, counted from Monday 00:00: ``start`` included, ``end`` not."""

    start: int
    end: int


class Overlap(NamedTuple):
    """Minutes that several branches cover: the first by order takes them from the ``others`` (places from 0)."""

    stretch: Stretch
    taken_by: int
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WeekProof:
    """What becomes of every minute of an ordinary week. Branches are meant by their places, from 0.

    ``taken`` has the stretches of each branch. ``overlaps`` are among branches that have hours: one without holds
    whenever no branch before it does, and that is what it is for.
    """

    taken: tuple[tuple[Stretch, ...], ...]
    gaps: tuple[Stretch, ...]
    overlaps: tuple[Overlap, ...]

    @property
    def covered(self) -> int:
        """How many minutes some branch takes."""
        return MINUTES_A_WEEK - minutes(self.gaps)

    @property
    def is_whole(self) -> bool:
        """Whether no minute is left out."""
        return not self.gaps

    @property
    def twice(self) -> dict[tuple[int, tuple[int, ...]], tuple[Stretch, ...]]:
        """The overlaps by who takes from whom."""
        found: defaultdict[tuple[int, tuple[int, ...]], list[Stretch]] = defaultdict(list)
        for stretch, taken_by, others in self.overlaps:
            found[taken_by, others].append(stretch)
        return {places: tuple(stretches) for places, stretches in found.items()}

    @property
    def unreached(self) -> tuple[int, ...]:
        """The branches that never get a call: those before them take all their minutes."""
        return tuple(place for place, stretches in enumerate(self.taken) if not stretches)


def minutes(stretches: Iterable[Stretch]) -> int:
    """How many minutes they are together."""
    return sum(end - start for start, end in stretches)


def prove(hours: Sequence[Sequence[ScheduleEntry]]) -> WeekProof:
    """Judge the week of a scheme from the entries of its branches, in their order; none: the branch always holds.

    By the ends of stretches, never minute by minute: the work grows with the entries alone.
    """
    own = [_covered(entries) if entries else [Stretch(0, MINUTES_A_WEEK)] for entries in hours]
    taken: list[list[Stretch]] = [[] for _ in own]
    gaps: list[Stretch] = []
    overlaps: list[Overlap] = []
    for stretch, holding in _between_ends(own):
        if not holding:
            _append(gaps, stretch)
            continue
        _append(taken[holding[0]], stretch)
        timed = [place for place in holding if hours[place]]
        if len(timed) > 1 and timed[0] == holding[0]:
            overlaps.append(Overlap(stretch, timed[0], tuple(timed[1:])))
    return WeekProof(tuple(map(tuple, taken)), tuple(gaps), tuple(overlaps))


def _covered(entries: Iterable[ScheduleEntry]) -> list[Stretch]:
    """The minutes of all entries together, in order, none twice."""
    merged: list[Stretch] = []
    each = sorted(
        Stretch(midnight + entry.opens, midnight + entry.closes + 1)
        for entry in entries
        for midnight in range((entry.first_day - 1) * MINUTES_A_DAY, entry.last_day * MINUTES_A_DAY, MINUTES_A_DAY)
    )
    for stretch in each:
        if merged and stretch.start <= merged[-1].end:
            merged[-1] = Stretch(merged[-1].start, max(merged[-1].end, stretch.end))
        else:
            merged.append(stretch)
    return merged


def _between_ends(own: Sequence[Sequence[Stretch]]) -> Iterator[tuple[Stretch, list[int]]]:
    """The week cut at every end, each piece with the branches that hold in it, by order."""
    begin: defaultdict[int, list[int]] = defaultdict(list)
    end: defaultdict[int, list[int]] = defaultdict(list)
    for place, stretches in enumerate(own):
        for stretch in stretches:
            begin[stretch.start].append(place)
            end[stretch.end].append(place)
    holding: list[int] = []
    for start, until in pairwise(sorted({0, MINUTES_A_WEEK, *begin, *end})):
        for place in end[start]:
            holding.remove(place)
        for place in begin[start]:
            insort(holding, place)
        yield Stretch(start, until), list(holding)


def _append(stretches: list[Stretch], stretch: Stretch) -> None:
    if stretches and stretches[-1].end == stretch.start:
        stretches[-1] = Stretch(stretches[-1].start, stretch.end)
    else:
        stretches.append(stretch)


def shared(stretches: Iterable[Stretch], wanted: Stretch) -> tuple[Stretch, ...]:
    """What of the stretches lies in ``wanted``, which may run over the end of the week into its beginning."""
    parts = [wanted, Stretch(wanted.start - MINUTES_A_WEEK, wanted.end - MINUTES_A_WEEK)]
    cut = (Stretch(max(start, part.start), min(end, part.end)) for start, end in stretches for part in parts)
    return tuple(stretch for stretch in cut if stretch.start < stretch.end)


def as_entries(stretches: Iterable[Stretch]) -> tuple[ScheduleEntry, ...]:
    """The stretches as a schedule is written: equal hours of days that follow each other are one entry."""
    days: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for stretch in stretches:
        for day in range(stretch.start // MINUTES_A_DAY, (stretch.end - 1) // MINUTES_A_DAY + 1):
            midnight = day * MINUTES_A_DAY
            opens = max(stretch.start - midnight, 0)
            closes = min(stretch.end - midnight, MINUTES_A_DAY) - 1
            days[opens, closes].append(day + 1)
    entries = [ScheduleEntry(*run, *hours) for hours, on in days.items() for run in _runs(on)]
    return tuple(sorted(entries, key=lambda entry: (entry.first_day, entry.opens, entry.last_day)))


def _runs(days: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Days that follow each other, as (first, last)."""
    first = last = days[0]
    for day in days[1:]:
        if day != last + 1:
            yield first, last
            first = day
        last = day
    yield first, last

"""From what was measured of the outbox to the numbers that are compared, and the limits that they have to keep."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.outbox_calls import Beside, Round
from benchmarks.outbox_growth import Size, Times
from benchmarks.outbox_places import Kind
from benchmarks.outbox_plans import BIG, Access
from benchmarks.outbox_throughput import Throughput
from benchmarks.summary import Promise, percentile

MOST_GROWTH = 1.5
"""A median at the longest history, times that at 1,000 rows: from there to 1,000,000 a search in an index takes
two pages more; what is read whole would take a thousand times as long."""
MOST_WORSE = 1.10
SMALL = 10_000
"""With fewer rows PostgreSQL reads a table whole for good reason."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Milliseconds."""

    median: float
    p95: float

    @classmethod
    def of(cls, times: Iterable[float]) -> Quantiles:
        """Those of times in any order."""
        ascending = sorted(times)
        return cls(percentile(ascending, 50), percentile(ascending, 95))


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """A database with so many rows of history, and so many queued. ``times`` are the claim's, the gate's and the
    settling's; ``ratios`` their medians over those of a history of 1,000, measured in turn."""

    kind: Kind
    rows: int
    queued: int
    times: tuple[Quantiles, Quantiles, Quantiles]
    ratios: tuple[float, float, float]
    plan: frozenset[Access]

    @property
    def read_whole(self) -> list[str]:
        """Tables that grow, and are read whole."""
        return sorted(access.table for access in self.plan if not access.by and access.table in BIG)


@dataclass(frozen=True, slots=True)
class CallsRow:
    """All rounds of one kind together. Set-up in ms: ``setup`` of all calls, ``usual_p95`` the median of the rounds'
    p95, which a burst of other work in one of them does not decide. ``sent`` is a second; ``sender`` a share of one
    processor."""

    kind: Kind
    beside: Beside
    calls: int
    success: float
    setup: Quantiles
    usual_p95: float
    sent: float
    sender: float


@dataclass(frozen=True, slots=True)
class OutboxSummary:
    """Everything that a report of the outbox says."""

    throughput: tuple[Throughput, ...]
    growth: tuple[GrowthRow, ...]
    calls: tuple[CallsRow, ...]

    def kept(self) -> list[Promise]:
        """What must be kept, for each database that was measured."""
        return [*self._growth_promises(), *self._calls_promises()]

    def _growth_promises(self) -> Iterable[Promise]:
        for kind in dict.fromkeys(row.kind for row in self.growth):
            last = max((row for row in self.growth if row.kind == kind), key=lambda row: (row.rows, row.queued))
            at = f"{last.rows:,} rows, {last.queued:,} queued"
            for what, ratio in zip(("claim", "gate"), last.ratios, strict=False):
                yield Promise(f"{kind}: {what} at {at}, times that at 1,000", ratio, "<=", MOST_GROWTH)
            if last.rows >= SMALL:
                yield Promise(f"{kind}: growing tables read whole at {at}", len(last.read_whole), "<=", 0)

    def _calls_promises(self) -> Iterable[Promise]:
        for kind in dict.fromkeys(row.kind for row in self.calls):
            found = {row.beside: row for row in self.calls if row.kind == kind}
            if len(found) == 2:
                what = f"{kind}: usual set-up p95 beside the queue, times that alone"
                yield Promise(what, _ratio(found["queue"].usual_p95, found["nothing"].usual_p95), "<=", MOST_WORSE)


def grown(size: Size) -> GrowthRow:
    """One size, beside the shortest history."""
    claim, gate, settling = _quantiles(size.times)
    short = _quantiles(size.short)
    ratios = (
        _ratio(claim.median, short[0].median),
        _ratio(gate.median, short[1].median),
        _ratio(settling.median, short[2].median),
    )
    return GrowthRow(size.kind, size.rows, size.queued, (claim, gate, settling), ratios, size.plan)


def _quantiles(times: Times) -> tuple[Quantiles, Quantiles, Quantiles]:
    return Quantiles.of(times.claims), Quantiles.of(times.gates), Quantiles.of(times.settlings)


def _ratio(value: float, of: float) -> float:
    return value / of if of else math.nan


def together(rounds: Sequence[Round]) -> tuple[CallsRow, ...]:
    """All rounds of one database beside the same become one row."""
    keys = dict.fromkeys((one.kind, one.beside) for one in rounds)  # each database alone first: A B, B A
    return tuple(_row([one for one in rounds if (one.kind, one.beside) == key]) for key in keys)


def _row(rounds: Sequence[Round]) -> CallsRow:
    begun = sum(one.begun for one in rounds)
    return CallsRow(
        kind=rounds[0].kind,
        beside=rounds[0].beside,
        calls=begun,
        success=sum(one.whole for one in rounds) / begun,
        setup=Quantiles.of(time for one in rounds for time in one.setup_ms),
        usual_p95=statistics.median(Quantiles.of(one.setup_ms).p95 for one in rounds),
        sent=sum(one.sent for one in rounds) / len(rounds),
        sender=sum(one.sender for one in rounds) / len(rounds),
    )

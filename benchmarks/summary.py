"""From rounds to the numbers that are compared: set-up times, CPU a call, the highest rate, and the floor to keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.rounds import Round, held_rates
from benchmarks.site import WAYS, Way

FLOOR_RATE = 50
FLOOR_MEDIAN_MS, FLOOR_P95_MS, FLOOR_CPU, FLOOR_RATES = 3.0, 15.0, 2.0, 0.55


@dataclass(frozen=True, slots=True)
class Row:
    """One way at one rate, all its rounds together. Set-up in milliseconds, CPU in milliseconds a call."""

    way: Way
    rate: int
    calls: int
    success: float
    median: float
    p95: float
    p99: float
    asterisk: float
    controller: float

    @property
    def cpu(self) -> float:
        """What a call costs the machine: for native calls the controller has no part in it."""
        return self.asterisk + (self.controller if self.way == "ours" else 0.0)


@dataclass(frozen=True, slots=True)
class Pair:
    """Both ways at one rate."""

    native: Row
    ours: Row

    @property
    def cpu_ratio(self) -> float:
        """CPU a call, ours to native."""
        return self.ours.cpu / self.native.cpu


@dataclass(frozen=True, slots=True)
class Promise:
    """Something measured, and the limit it has to keep."""

    what: str
    value: float
    sense: Literal["<=", ">="]
    limit: float

    @property
    def kept(self) -> bool:
        """Whether it is within the limit; a value that is not there is not."""
        return self.value <= self.limit if self.sense == "<=" else self.value >= self.limit


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything a report says."""

    rows: tuple[Row, ...]
    highest: dict[Way, int]

    def pairs(self) -> list[Pair]:
        """The rates that both ways were measured at."""
        found = {(row.way, row.rate): row for row in self.rows}
        rates = sorted({row.rate for row in self.rows})
        return [
            Pair(found["native", rate], found["ours", rate])
            for rate in rates
            if ("native", rate) in found and ("ours", rate) in found
        ]

    @property
    def rate_ratio(self) -> float:
        """Highest rate held, ours to native."""
        return self.highest["ours"] / self.highest["native"] if self.highest["native"] else math.nan

    def floor(self) -> list[Promise]:
        """What must be kept."""
        ratio = Promise("highest rate held, share of native's", self.rate_ratio, ">=", FLOOR_RATES)
        at = next((pair for pair in self.pairs() if pair.ours.rate == FLOOR_RATE), None)
        if at is None:
            return [ratio]
        median, p95 = at.ours.median - at.native.median, at.ours.p95 - at.native.p95
        return [
            Promise(f"median set-up over native at {FLOOR_RATE}/s, ms", median, "<=", FLOOR_MEDIAN_MS),
            Promise(f"p95 set-up over native at {FLOOR_RATE}/s, ms", p95, "<=", FLOOR_P95_MS),
            Promise(f"CPU a call at {FLOOR_RATE}/s, times native's", at.cpu_ratio, "<=", FLOOR_CPU),
            ratio,
        ]


def summarise(rounds: Sequence[Round]) -> Summary:
    """All rounds of one way and rate become one row."""
    keys = sorted({(one.rate, one.way) for one in rounds})
    rows = tuple(_row([one for one in rounds if (one.rate, one.way) == key]) for key in keys)
    return Summary(rows, {way: max(held_rates(rounds, way), default=0) for way in WAYS})


def _row(rounds: Sequence[Round]) -> Row:
    begun = sum(one.begun for one in rounds)
    times = sorted(time for one in rounds for time in one.setup_ms)
    return Row(
        way=rounds[0].way,
        rate=rounds[0].rate,
        calls=begun,
        success=sum(one.whole for one in rounds) / begun,
        median=percentile(times, 50),
        p95=percentile(times, 95),
        p99=percentile(times, 99),
        asterisk=sum(one.asterisk_cpu for one in rounds) / begun * 1000,
        controller=sum(one.controller_cpu for one in rounds) / begun * 1000,
    )


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The value that ``percent`` of the values do not exceed (nearest rank); NaN when there is none."""
    if not ascending:
        return math.nan
    return ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)]

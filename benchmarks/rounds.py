"""Runs both ways in turn, A B B A, up a ladder of rates; a way that no longer holds a rate climbs no further."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.processes import cpu_seconds
from benchmarks.site import WAYS, Site, Way

HELD_SHARE = 0.999
FEWEST_CALLS = 200
WARM_UP = (20, 60)
"""Rate and count of the calls before all others, which nobody counts."""


@dataclass(frozen=True, slots=True)
class Round:
    """Some calls one way at one rate (calls a second); CPU in seconds of the whole round, set-up in milliseconds."""

    way: Way
    rate: int
    begun: int
    whole: int
    setup_ms: tuple[float, ...]
    asterisk_cpu: float
    controller_cpu: float

    @property
    def held(self) -> bool:
        """Whether 99.9 % of the calls were answered and ended as they should."""
        return self.whole >= HELD_SHARE * self.begun


@dataclass(frozen=True, slots=True)
class Plan:
    """Rates in calls a second, ascending; each lasts ``seconds``, in each of ``rounds`` rounds."""

    rates: Sequence[int]
    seconds: float
    rounds: int


def run(site: Site, plan: Plan, tell: Callable[[Round], None]) -> list[Round]:
    """Measure every rate both ways, then halve the step between the last rate held and the first that was not."""
    for way in WAYS:
        site.place(way, *WARM_UP)
    done: list[Round] = []
    climbing: list[Way] = list(WAYS)
    for rate in plan.rates:
        for way in _in_turn(climbing, plan.rounds):
            done.append(_measured(site, way, rate, plan.seconds))
            tell(done[-1])
        climbing = [way for way in climbing if rate in held_rates(done, way)]
    for way in WAYS:
        if way not in climbing and (between := _between(plan.rates, held_rates(done, way))):
            for _ in range(plan.rounds):
                done.append(_measured(site, way, between, plan.seconds))
                tell(done[-1])
    return done


def held_rates(rounds: Sequence[Round], way: Way) -> list[int]:
    """The rates that held in one of their rounds at least: a rate is given up when it has failed in all of them."""
    return sorted({one.rate for one in rounds if one.way == way and one.held})


def _in_turn(ways: Sequence[Way], rounds: int) -> Iterator[Way]:
    for number in range(rounds):
        yield from ways if number % 2 == 0 else reversed(ways)


def _between(rates: Sequence[int], held: Sequence[int]) -> int | None:
    steps = pairwise((0, *rates))
    return next((round((low + high) / 2) for low, high in steps if high not in held), None)


def _measured(site: Site, way: Way, rate: int, seconds: float) -> Round:
    count = max(round(rate * seconds), FEWEST_CALLS if seconds >= 5 else 1)
    asterisk, controller = cpu_seconds(site.asterisk_pid), cpu_seconds(site.controller_pid)
    calls = site.place(way, rate, count)
    asterisk, controller = cpu_seconds(site.asterisk_pid) - asterisk, cpu_seconds(site.controller_pid) - controller
    return Round(way, rate, calls.begun, calls.whole, calls.setup_ms, asterisk, controller)

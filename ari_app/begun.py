"""What another process has done of a dial step: which destination each of its legs was placed for."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ari_app.chronicle import LegChronicle
from ari_app.core.caller_ids import presented_as
from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.core.scheme import Destination, TargetKind

BegunLeg = LegChronicle | LegOutcome | str
"""The record that is open; how it ended; the id, of a leg that is not on record."""
Turn = list[tuple[Destination, BegunLeg | None]]
"""Destinations that are rung together, each with its leg if it has one."""


@dataclass(frozen=True, slots=True)
class BegunRinging:
    """What has been done of the step, ``seconds`` ago: the legs that were dialed, in their order, each with its
    destination's target; behind them the ids of legs that are not on record. Or the leg that talks. ``found`` says of
    managers, by their target, at which destinations they are rung; none: nobody was found."""

    legs: Sequence[tuple[str, LegChronicle | LegOutcome]] = ()
    unknown: Sequence[str] = ()
    talking: LegChronicle | None = None
    seconds: float = 0.0
    found: Mapping[str, tuple[Destination, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def turns(self, destinations: Sequence[Destination]) -> list[Turn]:
        """The turn of each destination. Legs belong to the first that has their target; what is not on record, to the
        first that is left."""
        left: defaultdict[str, deque[LegChronicle | LegOutcome]] = defaultdict(deque)
        for target, leg in self.legs:
            left[target].append(leg)
        unknown = deque(self.unknown)
        turns: list[Turn] = []
        for destination in destinations:
            turn: Turn = []
            for one in self._rung(destination):
                turn.append((one, left[one.target].popleft() if left[one.target] else None))
            turns.append(turn)
        for each in turns:
            for place, (one, begun) in enumerate(each):
                if begun is None and unknown:
                    each[place] = (one, unknown.popleft())
        return turns

    def _rung(self, destination: Destination) -> tuple[Destination, ...]:
        if destination.kind is TargetKind.MANAGER and destination.target in self.found:
            found = self.found[destination.target]
            return tuple(replace(presented_as(one, destination), delay=destination.delay) for one in found)
        return (destination,)

    def wanted(self, destinations: Sequence[Destination]) -> set[str]:
        """The ids of the legs that some destination goes on with."""
        if self.talking is not None:
            return {self.talking.leg_id}
        legs = [leg for turn in self.turns(destinations) for _, leg in turn]
        return {leg if isinstance(leg, str) else leg.leg_id for leg in legs if isinstance(leg, str | LegChronicle)}


class GoneLeg:
    """A leg that talked, and was gone when it was looked for."""

    def __init__(self, leg_id: str, end: LegEnd) -> None:
        loop = asyncio.get_running_loop()
        self.id = leg_id
        self.rang: asyncio.Future[None] = loop.create_future()
        self.settled: asyncio.Future[LegEnd | None] = loop.create_future()
        self.ended: asyncio.Future[LegEnd] = loop.create_future()
        self.rang.set_result(None)
        self.settled.set_result(None)
        self.ended.set_result(end)

    def hang_up(self, outcome: LegOutcome) -> None:
        """It has."""

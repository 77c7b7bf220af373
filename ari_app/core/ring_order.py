"""In which order a step rings one after another: by turns, by lot, by weight, by rest. Pure: of the same past and the
same seed comes the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import log

from ari_app.core.scheme import DialStep, RingStrategy
from ari_app.core.timeline import Entry, Kind, Note, Scalar

NEVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Turn:
    """Which step it is that takes turns: by what an edit of something else leaves as it is. ``step`` counts from 1; the
    configured default has no scheme."""

    scheme: str
    branch: str
    step: int


@dataclass(frozen=True, slots=True)
class RingPast:
    """What a step's order follows from, by target: when each was last ``begun`` with in this very step, and when it
    last ``talked`` in whatever call. ``advised``: when each last talked with this caller."""

    begun: Mapping[str, datetime] = field(default_factory=dict)
    talked: Mapping[str, datetime] = field(default_factory=dict)
    advised: Mapping[str, datetime] = field(default_factory=dict)

    def adviser(self, step: DialStep, now: datetime) -> int | None:
        """The place of the destination that talked with the caller last, if one did within the step's days."""
        since = now - timedelta(days=step.last_adviser_days)
        known = [(self.advised.get(one.target, NEVER), -place) for place, one in enumerate(step.destinations)]
        latest, place = max(known, default=(NEVER, 0))
        return -place if step.last_adviser_days and latest >= since else None

    def rests_since(self, target: str) -> datetime:
        """When it last had a call: talked, or was the first to be rung. Whoever is never there must not stay the first
        for ever."""
        return max(self.begun.get(target, NEVER), self.talked.get(target, NEVER))


def order(step: DialStep, seed: str, past: RingPast, now: datetime = NEVER) -> tuple[int, ...]:
    """The places (from 0) of the step's destinations in the order in which they are to be rung ``now``."""
    places = _by_strategy(step, seed, past)
    adviser = past.adviser(step, now) if step.last_adviser_days else None
    if adviser is None:
        return places
    return (adviser, *(place for place in places if place != adviser))


def _by_strategy(step: DialStep, seed: str, past: RingPast) -> tuple[int, ...]:
    targets = [one.target for one in step.destinations]
    places = range(len(targets))
    match step.strategy:
        case RingStrategy.ROUND_ROBIN:
            begin = min(places, key=lambda place: (past.begun.get(targets[place], NEVER), place), default=0)
            return (*places[begin:], *places[:begin])
        case RingStrategy.LEAST_RECENT:
            return tuple(sorted(places, key=lambda place: (past.rests_since(targets[place]), place)))
        case RingStrategy.RANDOM:
            return _drawn([1] * len(targets), seed)
        case RingStrategy.WEIGHTED:
            return _drawn([one.weight for one in step.destinations], seed)
    return tuple(places)


def by_lot(step: DialStep, seed: str) -> DialStep:
    """The step as it is rung where nothing is known of the calls before: turns are drawn, which spreads them as evenly
    in the long run."""
    if step.strategy.has_turns:
        return arranged(step, _drawn([1] * len(step.destinations), seed))
    return arranged(step, order(step, seed, RingPast()))


def _drawn(weights: Sequence[int], seed: str) -> tuple[int, ...]:
    """Drawn without putting back, each by its weight: the least of exponentially distributed numbers is of each with a
    probability in proportion to its rate (Efraimidis and Spirakis, 2006)."""
    marks = [-log(_lot(seed, place)) / weight for place, weight in enumerate(weights)]
    return tuple(sorted(range(len(weights)), key=lambda place: (marks[place], place)))


def _lot(seed: str, place: int) -> float:
    """Above 0 and at most 1, evenly, and the same on every machine."""
    digest = hashlib.sha256(f"{seed}/{place}".encode("utf-8", "backslashreplace")).digest()
    return ((int.from_bytes(digest[:8]) >> 11) + 1) / (1 << 53)


def arranged(step: DialStep, places: Sequence[int]) -> DialStep:
    """The step with its destinations in this order."""
    return replace(step, destinations=tuple(step.destinations[place] for place in places))


def order_note(turn: Turn, step: DialStep, places: Sequence[int], past: RingPast, at: datetime) -> Note:
    """What the timeline is told of the order. Of it the order is read again by whoever goes on with the call, and the
    turn by the journal that keeps it: ``at`` is when it was taken."""
    names = [step.destinations[place].target for place in places]
    told: dict[str, Scalar] = {
        "step": turn.step,
        "strategy": step.strategy.value,
        "order": ", ".join(names),
        "places": " ".join(str(place + 1) for place in places),
    }
    if step.strategy.has_turns:
        told |= {"scheme": turn.scheme, "branch": turn.branch, "first": names[0], "at": at.isoformat()}
        since = past.begun.get(names[0], NEVER)
        if step.strategy is RingStrategy.LEAST_RECENT:
            since = past.rests_since(names[0])
        told["since"] = since.isoformat(timespec="seconds") if since is not NEVER else None
    if step.last_adviser_days and places:
        told["days"] = step.last_adviser_days
        if past.adviser(step, at) is not None:
            told["talked"] = past.advised[names[0]].isoformat(timespec="seconds")
    return Note(Kind.RING_ORDER, told)


def recorded(timeline: Iterable[Entry], step: int, count: int) -> tuple[int, ...] | None:
    """The order that a timeline tells of step ``step`` (from 1) with ``count`` destinations; None if it tells none."""
    found: tuple[int, ...] | None = None
    for entry in timeline:
        if entry.kind is Kind.RING_ORDER and entry.details.get("step") == step:
            words = str(entry.details.get("places", "")).split()
            places = tuple(int(word) - 1 for word in words if word.isascii() and word.isdecimal())
            found = places if sorted(places) == list(range(count)) else None
    return found


def turn_of(timeline: Iterable[Entry], step: int) -> Turn:
    """Whose turn is taken in step ``step`` (from 1) of a call, by what its timeline says it was matched to."""
    by_kind = {entry.kind: entry.details for entry in timeline}
    scheme = by_kind.get(Kind.NUMBER_FOUND, {}).get("scheme", "") if Kind.BRANCH_CHOSEN in by_kind else ""
    return Turn(str(scheme), str(by_kind.get(Kind.BRANCH_CHOSEN, {}).get("branch", "")), step)

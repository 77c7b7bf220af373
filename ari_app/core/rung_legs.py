"""Legs as a timeline tells them; those that it leaves open, for it broke off, are known by it alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ari_app.core.outcomes import LegOutcome
from ari_app.core.timeline import Entry, Kind


@dataclass(frozen=True, slots=True)
class RungLeg:
    """One leg of such a call; milliseconds count from the call's arrival. ``number`` tells it from the others."""

    leg_id: str
    step: int
    destination: str
    dialed_ms: int
    rang_ms: int | None
    answered_ms: int | None
    ended_ms: int
    outcome: LegOutcome
    cause: int = 0
    text: str = ""


def left_open(timeline: Sequence[Entry]) -> tuple[RungLeg, ...]:
    """The legs that a timeline says were dialed, and not how they ended: they ended, as failed, at its last moment."""
    found: dict[str, RungLeg] = {}
    step, last = 0, max((entry.at_ms for entry in timeline), default=0)
    for entry in timeline:
        leg = str(entry.details.get("leg", ""))
        match entry.kind:
            case Kind.STEP_BEGAN:
                step = number_of(entry, "step")
            case Kind.LEG_DIALED:
                name = str(entry.details.get("destination", ""))
                found[leg] = RungLeg(leg, step, name, entry.at_ms, None, None, last, LegOutcome.FAILED)
            case Kind.LEG_RANG if leg in found:
                found[leg] = replace(found[leg], rang_ms=entry.at_ms)
            case Kind.LEG_ANSWERED if leg in found:
                found[leg] = replace(found[leg], answered_ms=entry.at_ms, outcome=LegOutcome.ANSWERED)
            case Kind.LEG_ENDED:
                found.pop(leg, None)
    return tuple(found.values())


def number_of(entry: Entry, name: str) -> int:
    """A particular that is a whole number; 0 where there is none such."""
    number = entry.details.get(name)
    return number if isinstance(number, int) else 0

"""Where a call stands that another process began: read off its timeline, so that it can be gone on with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from ari_app.core.manager_draft import understood
from ari_app.core.outcomes import HangUpCause, LegOutcome, PlayEnd
from ari_app.core.scheme import Destination, TargetKind
from ari_app.core.timeline import Entry, Kind

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class LegStanding:
    """A leg as far as it is on record. ``step`` counts from 1; ``outcome`` is None while its end is not known."""

    leg_id: str
    step: int
    destination: str
    timeout: int
    dialed_ms: int
    rang_ms: int | None = None
    answered_ms: int | None = None
    connected: bool = False
    outcome: LegOutcome | None = None


@dataclass(frozen=True, slots=True)
class RecordingStanding:
    """A recording that was begun. ``judged``: whether it is on record what came of it."""

    name: str
    began_ms: int
    max_seconds: int
    min_seconds: int
    judged: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """``step`` is the one the call is in, from 1, and ``kind`` its kind; 0 when none has begun. ``prompt`` is how the
    prompt of this step ended, None if it has not; ``prompt_begun`` whether it began. ``prompts`` counts them all,
    ``asked`` those of this step. ``managers`` are those whom this step has found, by the target that asked for them:
    where they are rung, nowhere when there was nobody. ``hung_up``: we have ended the call, or were about to. ``told``:
    its verdict is on record."""

    step: int = 0
    kind: str = ""
    began_ms: int = 0
    legs: tuple[LegStanding, ...] = ()
    talk_over: bool = False
    prompts: int = 0
    asked: int = 0
    prompt_begun: bool = False
    prompt: PlayEnd | None = None
    recording: RecordingStanding | None = None
    hung_up: HangUpCause | None = None
    told: bool = False
    last_ms: int = 0
    managers: Mapping[str, tuple[Destination, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def in_step(self) -> tuple[LegStanding, ...]:
        """The legs of the step that it is in, in the order they were dialed."""
        return tuple(leg for leg in self.legs if leg.step == self.step)

    def places(self, destinations: Sequence[Destination]) -> int:
        """How many legs these have when all are rung, as far as it is known."""
        managers = [one.target for one in destinations if one.kind is TargetKind.MANAGER]
        found = [len(self.managers[target]) for target in managers if target in self.managers]
        return len(destinations) - len(found) + sum(found)

    @property
    def open_legs(self) -> tuple[LegStanding, ...]:
        """The legs of whose end nothing is known; the one that talked among them."""
        return tuple(leg for leg in self.legs if leg.outcome is None)

    @property
    def connected(self) -> LegStanding | None:
        """The leg that the caller was connected to."""
        return next((leg for leg in self.legs if leg.connected), None)


def standing(timeline: Iterable[Entry]) -> Standing:
    """Read it off a timeline that broke off anywhere; total."""
    reading = _Reading()
    for entry in timeline:
        reading.take(entry)
    return replace(reading.found, legs=tuple(reading.legs.values()))


@dataclass
class _Reading:
    found: Standing = field(default_factory=Standing)
    legs: dict[str, LegStanding] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        details, found = entry.details, self.found
        changed: dict[str, object] = {"last_ms": max(found.last_ms, entry.at_ms)}
        match entry.kind:
            case Kind.STEP_BEGAN:
                changed |= {"step": _number(entry, "step"), "kind": str(details.get("kind")), "began_ms": entry.at_ms}
                changed |= {"prompt_begun": False, "prompt": None, "asked": 0, "managers": MappingProxyType({})}
            case Kind.MANAGER_FOUND | Kind.NO_MANAGER:
                changed["managers"] = _and_manager(found.managers, entry)
            case Kind.LEG_DIALED | Kind.LEG_RANG | Kind.LEG_ANSWERED | Kind.LEG_ENDED | Kind.CONNECTED:
                self._leg(entry)
            case Kind.TALK_ENDED:
                changed["talk_over"] = True
            case Kind.PROMPT_BEGAN:
                changed |= {"prompt_begun": True, "prompt": None}
                changed |= {"prompts": found.prompts + 1, "asked": found.asked + 1}
            case Kind.PROMPT_ENDED:
                changed["prompt"] = _known(PlayEnd, details.get("end"), PlayEnd.FAILED)
            case Kind.RECORDING_BEGAN if details.get("name"):
                longest, shortest = _number(entry, "max_seconds"), _number(entry, "min_seconds")
                changed["recording"] = RecordingStanding(str(details["name"]), entry.at_ms, longest, shortest)
            case Kind.MESSAGE_LEFT | Kind.MESSAGE_DISCARDED if found.recording is not None:
                changed["recording"] = replace(found.recording, judged=True)
            case Kind.HUNG_UP | Kind.VERDICT:
                changed |= _ended(entry)
        self.found = replace(found, **changed)  # type: ignore[arg-type]  # each of its own field

    def _leg(self, entry: Entry) -> None:
        leg_id, at = str(entry.details.get("leg")), entry.at_ms
        if entry.kind is Kind.LEG_DIALED:
            target = str(entry.details.get("destination"))
            self.legs[leg_id] = LegStanding(leg_id, self.found.step, target, _number(entry, "timeout"), at)
            return
        leg = self.legs.get(leg_id)
        if leg is None:
            return
        match entry.kind:
            case Kind.LEG_RANG:
                leg = replace(leg, rang_ms=at)
            case Kind.LEG_ANSWERED:
                leg = replace(leg, answered_ms=at)
            case Kind.CONNECTED:
                leg = replace(leg, connected=True)
            case _:
                leg = replace(leg, outcome=_known(LegOutcome, entry.details.get("outcome"), LegOutcome.FAILED))
        self.legs[leg_id] = leg


def _ended(entry: Entry) -> dict[str, object]:
    """What an entry at the call's end says."""
    if entry.kind is Kind.VERDICT:
        return {"told": True}
    return {"hung_up": _known(HangUpCause, entry.details.get("cause"), HangUpCause.NORMAL)}


def _and_manager(
    managers: Mapping[str, tuple[Destination, ...]], entry: Entry
) -> Mapping[str, tuple[Destination, ...]]:
    """Those who are known, and whom this entry says are found."""
    rung = understood(str(entry.details.get("rings", "")))
    return MappingProxyType({**managers, str(entry.details.get("asked")): rung})


def _number(entry: Entry, name: str) -> int:
    """A particular that is a whole number; 0 where there is none such."""
    value = entry.details.get(name)
    return value if isinstance(value, int) else 0


def _known(kind: type[E], value: object, otherwise: E) -> E:
    """The value as this release knows it; a later one's may be new."""
    return next((one for one in kind if one == value), otherwise)

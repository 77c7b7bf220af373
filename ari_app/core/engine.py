"""The engine: from a call's arrival to its plan, and from each step's result to the next decision. Pure.

The same functions decide for a live call and for a simulated one. `route` chooses once, when the call arrives; then
`first` and `after` name the next step until one of them says `Finish`. Every answer carries the notes that explain it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from ari_app.core.branch_choice import Choice, choose, named
from ari_app.core.outcomes import HangUpCause, LegOutcome, PlayEnd
from ari_app.core.scheme import (
    Branch,
    Destination,
    DialStep,
    Greeting,
    GreetingStep,
    HangUpStep,
    MenuStep,
    Number,
    RingStrategy,
    Scheme,
    SchemeBook,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.standing import LegStanding, Standing
from ari_app.core.timeline import Entry, Kind, Note, Scalar


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call at the door. ``dialled`` is E.164, or None when what was dialled is no number; ``at`` is aware."""

    caller: str | None
    dialled: str | None
    dialled_raw: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Route:
    """What a call will go by. ``scheme`` and ``branch`` are None when the configured default is used."""

    steps: tuple[Step, ...]
    notes: tuple[Note, ...]
    number: Number | None = None
    scheme: Scheme | None = None
    branch: Branch | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A dial step is over and nobody answered; the outcomes of its legs, in the order they came."""

    outcomes: tuple[LegOutcome, ...]


@dataclass(frozen=True, slots=True)
class Talked:
    """A dial step connected the caller, and the talk is over."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """A greeting step is over."""

    end: PlayEnd


@dataclass(frozen=True, slots=True)
class Chosen:
    """A menu step is over, and leads to step ``goal`` (from 0); ``by_key``: because the caller chose it."""

    goal: int
    by_key: bool = True


@dataclass(frozen=True, slots=True)
class MessageTaken:
    """A voicemail step is over, whether or not what was recorded counts."""


StepResult = Unanswered | Talked | Prompted | Chosen | MessageTaken


@dataclass(frozen=True, slots=True)
class Perform:
    """Do step ``index`` (from 0) next."""

    index: int
    step: Step
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing more to do: end the caller's side with ``cause``."""

    cause: HangUpCause
    notes: tuple[Note, ...] = ()


Decision = Perform | Finish


def route(arrival: Arrival, book: SchemeBook, default: tuple[Step, ...]) -> Route:
    """The branch of the dialled number's scheme that holds at the moment of the call; else the ``default`` steps."""
    number = book.numbers.get(arrival.dialled) if arrival.dialled else None
    rule = book.callers.rule_for(arrival.caller, arrival.dialled)
    if rule is not None and rule.refusal is not None:
        told = {"rule": rule.caller, "reason": rule.reason, "cause": rule.refusal.value}
        return Route((HangUpStep(rule.refusal),), (Note(Kind.CALLER_BLOCKED, told),), number)
    if number is None:
        why = "unknown_number" if book.loaded else "no_schemes_yet"
        return _default(default, why, None, dialled=arrival.dialled or arrival.dialled_raw)
    if not number.enabled:
        return _default(default, "number_disabled", number)
    if rule is not None and rule.scheme is not None:
        told = {"rule": rule.caller, "reason": rule.reason, "scheme": rule.scheme.name}
        known = Note(Kind.CALLER_KNOWN, told)
        choice = named(rule.scheme, rule.branch, arrival.at) if rule.branch else choose(rule.scheme, arrival.at)
        route = _by_choice(choice, number, rule.scheme, default)
        return replace(route, notes=(known, *route.notes))
    if number.scheme is None:
        return _default(default, "no_scheme", number)
    return _by_choice(choose(number.scheme, arrival.at), number, number.scheme, default)


def _by_choice(choice: Choice, number: Number, scheme: Scheme, default: tuple[Step, ...]) -> Route:
    """By the branch of the scheme that was chosen."""
    details = {"number": number.e164, "name": number.name, "scheme": scheme.name, "version": scheme.version}
    found = Note(Kind.NUMBER_FOUND, details)
    if choice.branch is None:
        unserved = _default(default, choice.why_none, number, local_time=str(choice.now))
        return Route(unserved.steps, (found, *choice.notes, *unserved.notes), number, scheme)
    return Route(choice.branch.steps, (found, *choice.notes), number, scheme, choice.branch)


def _default(steps: tuple[Step, ...], why: str, number: Number | None, **details: str) -> Route:
    if number is not None:
        details = {"number": number.e164, "name": number.name, **details}
    return Route(steps, (Note(Kind.DEFAULT_USED, {"why": why, **details}),), number)


def route_again(timeline: Iterable[Entry], book: SchemeBook, default: tuple[Step, ...]) -> tuple[Step, ...] | None:
    """The steps that a call was going by, according to its timeline; None if that is not on record, or the book has
    another version by now."""
    by_kind = {entry.kind: entry.details for entry in timeline}
    if Kind.LOOP_STOPPED in by_kind:
        return (HangUpStep(HangUpCause.BUSY),)
    if (blocked := by_kind.get(Kind.CALLER_BLOCKED)) is not None:
        return (HangUpStep(next((one for one in HangUpCause if one == blocked.get("cause")), HangUpCause.BUSY)),)
    if Kind.DEFAULT_USED in by_kind:
        return default
    found, chosen = by_kind.get(Kind.NUMBER_FOUND), by_kind.get(Kind.BRANCH_CHOSEN)
    if found is None or chosen is None:
        return None
    wanted = found.get("scheme"), found.get("version")
    schemes = chain((number.scheme for number in book.numbers.values()), book.callers.schemes)
    scheme = next((one for one in schemes if one is not None and (one.name, one.version) == wanted), None)
    branches = scheme.branches if scheme is not None else ()
    return next((branch.steps for branch in branches if branch.name == chosen.get("branch")), None)


ELSEWHERE = -1
"""Index of a step that none of the steps is: of a version that is gone, of which only what is under way is known."""


def go_on(steps: tuple[Step, ...] | None, at: Standing, unknown_legs: int = 0) -> Decision | None:
    """The decision that a call is taken up with, which another process has left standing ``at``; None: as a new one.

    ``steps`` is None when its scheme is there no more: what is under way goes on all the same. ``unknown_legs`` is how
    many legs there are that its timeline does not know yet.
    """
    if at.hung_up is not None or at.talk_over:
        return Finish(at.hung_up or HangUpCause.NORMAL)
    if (step := _under_way(at)) is not None:
        return Perform(ELSEWHERE, step, ())
    if steps is None:
        open_legs = [leg for leg in at.in_step if leg.outcome is None]
        return Perform(ELSEWHERE, _rung(open_legs), ()) if open_legs else None
    if unknown_legs:
        return _where_it_rings(steps, at)
    index = at.step - 1
    step = steps[index] if 0 <= index < len(steps) else None
    return Perform(index, step, ()) if step is not None and _KIND_WORDS[type(step)] == at.kind else None


def _under_way(at: Standing) -> Step | None:
    """A talk, or a recording: what it is part of plays no role any more."""
    if at.connected is not None:
        return DialStep(RingStrategy.IN_TURN, ())
    if at.recording is not None:
        return VoicemailStep(_UNNAMED, at.recording.max_seconds, min_seconds=at.recording.min_seconds)
    return None


def _rung(legs: Iterable[LegStanding]) -> DialStep:
    """A step that rings those that are rung already."""
    destinations = (Destination(TargetKind.ENDPOINT, leg.destination, leg.timeout) for leg in legs)
    return DialStep(RingStrategy.ALL_AT_ONCE, tuple(destinations))


def _where_it_rings(steps: tuple[Step, ...], at: Standing) -> Decision | None:
    """The step that rings legs nobody has noted yet: the present one if it has any left to ring, else the next."""
    for index in range(max(at.step - 1, 0), len(steps)):
        step, here = steps[index], index == at.step - 1
        if not isinstance(step, DialStep):
            continue
        left = at.places(step.destinations) - len(at.in_step) if here else len(step.destinations)
        if left > 0:
            note = Note(Kind.STEP_BEGAN, _step_told(steps, index, "nobody_answered" if index else "first_step"))
            return Perform(index, step, () if here else (note,))
    return None


def first(steps: tuple[Step, ...]) -> Decision:
    """The decision a call begins with."""
    return _perform(steps, 0, "first_step", HangUpCause.NO_ANSWER)


def after(steps: tuple[Step, ...], index: int, result: StepResult) -> Decision:
    """The decision that follows step ``index`` having ended with ``result``."""
    match result:
        case Unanswered(outcomes):
            return _perform(steps, index + 1, why_unanswered(outcomes), _cause_for(outcomes))
        case Prompted(end):
            return _perform(steps, index + 1, f"prompt_{end.value}", HangUpCause.NORMAL)
        case Chosen(goal, by_key):
            # Only ever forward: whatever a menu says, a call ends.
            goal = max(goal, index + 1)
            return _perform(steps, goal, "menu_choice" if by_key else "menu_default", HangUpCause.NORMAL)
        case Talked() | MessageTaken():
            return Finish(HangUpCause.NORMAL)


def why_unanswered(outcomes: tuple[LegOutcome, ...]) -> str:
    """One word for a step's legs: the outcome they share, or that they differ."""
    if not outcomes:
        return "nobody_rung"
    return f"all_{outcomes[0].value}" if len(set(outcomes)) == 1 else "nobody_answered"


def _cause_for(outcomes: tuple[LegOutcome, ...]) -> HangUpCause:
    """What the caller's network is told when the last step has failed: busy only if every leg was."""
    all_busy = bool(outcomes) and set(outcomes) == {LegOutcome.BUSY}
    return HangUpCause.BUSY if all_busy else HangUpCause.NO_ANSWER


def _perform(steps: tuple[Step, ...], index: int, why: str, at_end: HangUpCause) -> Decision:
    if index >= len(steps):
        return Finish(at_end, (Note(Kind.STEPS_ENDED, {"why": why}),))
    step = steps[index]
    note = Note(Kind.STEP_BEGAN, _step_told(steps, index, why))
    if isinstance(step, HangUpStep):
        return Finish(step.cause or at_end, (note,))
    return Perform(index, step, (note,))


def _step_told(steps: tuple[Step, ...], index: int, why: str) -> dict[str, Scalar]:
    step = steps[index]
    return {"step": index + 1, "kind": _KIND_WORDS[type(step)], "what": describe(step), "why": why}


def describe(step: Step) -> str:
    """A step in the admin's words."""
    match step:
        case DialStep(strategy, destinations, days):
            names = ", ".join(f"{one} ({_times(one, strategy)})" for one in destinations)
            first = f", the last adviser of {days} days first" if days else ""
            return f"ring {strategy.words}{first}: {names}"
        case GreetingStep(greeting):
            return f"play greeting {greeting.name!r}"
        case MenuStep(greeting=greeting, choices=choices):
            keys = ", ".join(f"{choice.key} {choice.label}" for choice in choices)
            return f"menu with greeting {greeting.name!r}: {keys}, else {step.otherwise_label or 'the next step'}"
        case VoicemailStep(greeting=greeting, max_seconds=longest):
            return f"voicemail with greeting {greeting.name!r}, at most {longest} s"
        case HangUpStep():
            return "hang up"


def _times(one: Destination, strategy: RingStrategy) -> str:
    delay = f" after {one.delay} s" if one.delay and strategy is not RingStrategy.ALL_AT_ONCE else ""
    weight = f", weight {one.weight}" if strategy is RingStrategy.WEIGHTED else ""
    confirm = f", press 1 in {one.confirm_seconds} s" if one.confirm_seconds else ""
    return f"{one.timeout} s{delay}{weight}{confirm}"


_UNNAMED = Greeting("", "")
"""Of a recording under way, whose greeting has been heard."""
_KIND_WORDS: Mapping[type[Step], str] = {
    DialStep: "dial",
    GreetingStep: "greeting",
    MenuStep: "menu",
    VoicemailStep: "voicemail",
    HangUpStep: "hang_up",
}

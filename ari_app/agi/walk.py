"""What the dialplan is told to do next: the engine's decision, cut to what one dialplan application does. Pure.

`Dial()` rings a group with one timeout. So destinations in turn are told one by one; those rung at once or staggered
are one group, rung together for the longest of their timeouts: Dial() knows no delays within a group. An order that
follows from the calls before is drawn by lot; who must press 1 to take a call cannot be asked, and is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ari_app.core import engine
from ari_app.core.engine import Arrival, Chosen, Decision, MessageTaken, Perform, Prompted, Route, Talked, Unanswered
from ari_app.core.outcomes import HangUpCause, LegOutcome, PlayEnd
from ari_app.core.place import Place, version_of
from ari_app.core.ring_order import by_lot
from ari_app.core.scheme import Destination, DialStep, GreetingStep, MenuStep, SchemeBook, Step, VoicemailStep
from ari_app.dialstring import DialTemplates
from ari_app.ports import LegRefused

MOST_DIAL_CHARACTERS = 1900
"""A line of AGI holds 2,048 (AGI_BUF_LEN of res_agi)."""

_RESULTS: dict[str, LegOutcome | Talked | Prompted | MessageTaken] = {
    # DIALSTATUS of Dial().
    "ANSWER": Talked(),
    "BUSY": LegOutcome.BUSY,
    "NOANSWER": LegOutcome.NO_ANSWER,
    "CHANUNAVAIL": LegOutcome.UNREACHABLE,
    "CONGESTION": LegOutcome.FAILED,
    "CANCEL": LegOutcome.CALLER_LEFT,
    # PLAYBACKSTATUS of Playback().
    "SUCCESS": Prompted(PlayEnd.PLAYED),
    "FAILED": Prompted(PlayEnd.FAILED),
    # RECORD_STATUS of Record().
    **dict.fromkeys(("DTMF", "SILENCE", "SKIP", "TIMEOUT", "OPERATOR", "HANGUP", "ERROR"), MessageTaken()),
}


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring these dial strings together for ``timeout`` seconds, having waited ``delay`` seconds."""

    dial: tuple[str, ...]
    timeout: int
    delay: int = 0


Deed = Ring | GreetingStep | VoicemailStep | HangUpCause


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do next; ``place`` is to be handed back with the result. None where nothing follows."""

    deed: Deed
    route: Route
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What every lookup is answered from: the book in force, the configured default, the dial templates."""

    book: SchemeBook
    default: tuple[Step, ...]
    templates: DialTemplates


def begin(arrival: Arrival, exchange: Exchange, *, greeted: bool = False) -> Answer:
    """The first thing to do for a call. A caller ``greeted`` by a controller that is gone has waited long enough: the
    voicemail step, if there is one."""
    route = engine.route(arrival, exchange.book, exchange.default)
    for index, step in enumerate(route.steps if greeted else ()):
        if isinstance(step, VoicemailStep):
            return Answer(step, route, _place(arrival, route, index, ()))
    return _answer(engine.first(route.steps), arrival, route, exchange)


def go_on(arrival: Arrival, place: Place, result: str, exchange: Exchange) -> Answer:
    """What follows the step at ``place`` having ended with ``result``: the word in which Dial(), Playback() or Record()
    tells it. Any other word counts as a leg that failed.

    ``arrival.at`` is the place's, so that a call keeps its branch when the hour strikes. A scheme edited meanwhile is
    gone on with at the same step; since steps only count up, a call ends all the same.
    """
    route = engine.route(arrival, exchange.book, exchange.default)
    told = _RESULTS.get(result, LegOutcome.FAILED)
    if not isinstance(told, LegOutcome):
        return _answer(engine.after(route.steps, place.index, told), arrival, route, exchange)
    outcomes = (*place.outcomes, told)
    step = route.steps[place.index] if place.index < len(route.steps) else None
    if isinstance(step, DialStep):
        ring, outcomes = _ring(_lots(step, place.index, arrival), outcomes, exchange.templates)
        if ring is not None:
            return Answer(ring, route, _place(arrival, route, place.index, outcomes))
    decision = engine.after(route.steps, place.index, Unanswered(outcomes))
    return _answer(decision, arrival, route, exchange)


def _answer(decision: Decision, arrival: Arrival, route: Route, exchange: Exchange) -> Answer:
    """The decision as a deed; dial steps of which nobody may be rung are passed over, as the controller does. So are
    menus: the call goes on where it does when nothing is chosen."""
    while isinstance(decision, Perform):
        match decision.step:
            case DialStep() as step:
                ring, outcomes = _ring(_lots(step, decision.index, arrival), (), exchange.templates)
                if ring is not None:
                    return Answer(ring, route, _place(arrival, route, decision.index, outcomes))
                decision = engine.after(route.steps, decision.index, Unanswered(outcomes))
            case MenuStep() as menu:
                decision = engine.after(route.steps, decision.index, Chosen(menu.otherwise, by_key=False))
            case GreetingStep() | VoicemailStep() as deed:
                return Answer(deed, route, _place(arrival, route, decision.index, ()))
            case _:
                raise AssertionError("the engine finishes a call at a hang-up step")
    return Answer(decision.cause, route)


def _place(arrival: Arrival, route: Route, index: int, outcomes: tuple[LegOutcome, ...]) -> Place:
    version = version_of(route.scheme.version if route.scheme else "")
    return Place(arrival.at.replace(microsecond=0), version, index, outcomes)


def _lots(step: DialStep, index: int, arrival: Arrival) -> DialStep:
    """The step with its destinations in their order. Nothing is known here of the calls before, and nothing is kept of
    this one: turns are drawn by lot, of what every lookup of the call tells alike."""
    seed = f"{int(arrival.at.timestamp())}/{arrival.caller}/{arrival.dialled_raw}/{index + 1}"
    return by_lot(step, seed) if step.strategy.reorders else step


def _ring(
    step: DialStep, outcomes: tuple[LegOutcome, ...], templates: DialTemplates
) -> tuple[Ring | None, tuple[LegOutcome, ...]]:
    """The step's next turn after those with ``outcomes``, and their outcomes with those that could not be rung."""
    alone = not step.strategy.together
    turns = [(one,) for one in step.destinations] if alone else [step.destinations]
    for turn in turns[len(outcomes) :]:
        rung = _rendered(turn, templates)
        if rung:
            longest = max(destination.timeout for destination, _ in rung)
            return Ring(tuple(dial for _, dial in rung), longest, turn[0].delay if alone else 0), outcomes
        outcomes = (*outcomes, LegOutcome.REFUSED)
    return None, outcomes


def _rendered(turn: Sequence[Destination], templates: DialTemplates) -> list[tuple[Destination, str]]:
    """The dial strings of those that may be rung, as many as one line of AGI holds."""
    rung: list[tuple[Destination, str]] = []
    room = MOST_DIAL_CHARACTERS
    for destination in turn:
        if destination.confirm_seconds:
            continue  # Dial() would connect whoever picks up, and be it a carrier's voicemail
        try:
            dial = templates.render(destination)
        except LegRefused:
            continue
        room -= len(dial) + 1
        if room >= 0:
            rung.append((destination, dial))
    return rung

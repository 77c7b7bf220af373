"""One call, from its arrival to its verdict: performs what the engine decides and journals all of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ari_app.accepting import prompt
from ari_app.chronicle import Chronicle
from ari_app.core import engine, verdict
from ari_app.core.admission import Full
from ari_app.core.caller_ids import presented
from ari_app.core.endings import CallFacts
from ari_app.core.message_book import MessageBook
from ari_app.core.messages import Intent
from ari_app.core.notices import Deployment, of_call
from ari_app.core.numbering import masked
from ari_app.core.outcomes import CallerEnd, HangUpCause
from ari_app.core.scheme import Destination, DialStep, GreetingStep, HangUpStep, MenuStep, Step, VoicemailStep
from ari_app.core.timeline import Kind
from ari_app.day_caps import DayCaps
from ari_app.dialing import Dialing
from ari_app.loops import LoopGuard, refuse_forwarder
from ari_app.menu import Menu
from ari_app.ports import (
    Book,
    CallClosed,
    CallOpened,
    CallRouted,
    CallSoFar,
    Journal,
    Line,
    LineTrouble,
    Managers,
    MessageKeeper,
    MessageRules,
)
from ari_app.responsible import NoManagers, Responsible
from ari_app.ring_turns import RingTurns, Talk
from ari_app.scopes import leave_when
from ari_app.takenup import Begun, TakenUp
from ari_app.voicemail import Prompting, Voicemail

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FixedRules:
    """Rules of messages that do not change; by default none."""

    messages: MessageBook = field(default_factory=MessageBook)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What every call is handled with: the book in force, the journal, the keeper of messages, the deployment's limits.

    ``default`` is what callers get whose number has no scheme in force; ``max_call_seconds`` ends any call, ``caps``
    what schemes ring outside in a day, ``turns`` whose turn it is, ``language`` in which advisers are told of calls;
    ``managers`` know who is responsible for a caller.
    ``rules`` and ``deployment`` say which messages follow from a call.
    """

    book: Book
    journal: Journal
    keeper: MessageKeeper
    default: tuple[Step, ...]
    max_call_seconds: float = 4 * 3600
    loops: LoopGuard = field(default_factory=LoopGuard)
    rules: MessageRules = field(default_factory=FixedRules)
    deployment: Deployment = field(default_factory=Deployment)
    caps: DayCaps = field(default_factory=DayCaps)
    turns: RingTurns = field(default_factory=RingTurns)
    managers: Managers = field(default_factory=NoManagers)
    language: str = "en"


async def conduct(
    opened: CallOpened, line: Line, exchange: Exchange, full: Full | None = None, so_far: CallSoFar | None = None
) -> verdict.Verdict | None:
    """Handle one inbound call whole; however it goes, the line is closed and the journal has its verdict. None when
    somebody else goes on with the call: the verdict is theirs to give. A call that there is no room for (``full`` says
    why) is told so, and that is all. ``so_far``: another process began it."""
    call = _Call(opened, line, exchange, full, so_far)
    try:
        await call.walk()
    except asyncio.CancelledError:
        call.chronicle.note(Kind.TROUBLE, what="program", why="the controller was stopped")
        raise
    except LineTrouble as trouble:
        log.warning("call %s from %s: %s", opened.call_id, masked(opened.caller), trouble)
        call.chronicle.note(Kind.TROUBLE, what="line", why=str(trouble))
    except Exception as error:
        log.exception("call %s from %s broke", opened.call_id, masked(opened.caller))
        call.chronicle.note(Kind.TROUBLE, what="program", why=repr(error))
    finally:
        result = await _whatever_comes(call.end())
    return result


async def _whatever_comes(owed: Coroutine[Any, Any, T]) -> T:
    """Do what is owed even if a shutdown cancels this task meanwhile; the cancellation is passed on afterwards."""
    task = asyncio.ensure_future(owed)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return task.result()


class _Call:
    """The state of one call under way."""

    def __init__(
        self, opened: CallOpened, line: Line, exchange: Exchange, full: Full | None, so_far: CallSoFar | None
    ) -> None:
        timeline, seconds = (so_far.timeline, so_far.seconds) if so_far is not None else ((), 0.0)
        self.chronicle = Chronicle(opened.call_id, exchange.journal, timeline, seconds)
        self._opened = opened
        self._line = line
        self._exchange = exchange
        self._full = full
        self._voicemail = Voicemail(line, self.chronicle, exchange.keeper, exchange.journal)
        self._taken = TakenUp(line, self.chronicle, exchange.journal) if so_far is not None else None
        self._legs_placed = self._taken.legs_placed if self._taken is not None else 0
        self._closing = False
        self._responsible = Responsible(exchange.managers, exchange.book, opened.caller, self.chronicle)
        if self._taken is not None and self._taken.recording is not None:
            self._voicemail.adopt(self._taken.recording)
        line.listen(lambda note: self.chronicle.extend((note,)))
        # Before any step is left because of it: what a step does at its end must know that the call is not ours.
        line.gone.add_done_callback(lambda _: self._note_caller_left())

    async def walk(self) -> None:
        """Route the call and perform its steps until it is finished, the caller leaves or the longest call is over."""
        with self._exchange.loops.watching(self._opened, self.chronicle) as circling:
            if self._taken is not None:
                self._taken.note_recovered()
                if self._line.gone.done():
                    return
                steps, decision = self._resumed(self._taken)
            else:
                steps = self._allowed(self._route(), circling=circling)
                self._responsible.begin(steps)
                decision = engine.first(steps)
            longest = self._exchange.max_call_seconds
            left = longest - self.chronicle.now_ms / 1000 if self._taken is not None else longest
            async with leave_when(self._line.gone):
                try:
                    async with asyncio.timeout(left):
                        await self._steps(steps, decision)
                except TimeoutError:
                    self.chronicle.note(Kind.LIMIT_REACHED, seconds=longest)

    def _allowed(self, steps: tuple[Step, ...], *, circling: bool) -> tuple[Step, ...]:
        """Unless there is no room for the call, or it goes in a circle."""
        if self._full is not None:
            self.chronicle.note(Kind.TURNED_AWAY, why=self._full.value)
            return (HangUpStep(HangUpCause.CONGESTION),)
        if circling:
            self.chronicle.note(Kind.LOOP_STOPPED)
            return (HangUpStep(HangUpCause.BUSY),)
        return steps

    def _route(self) -> tuple[Step, ...]:
        opened = self._opened
        self._exchange.journal.opened(opened)
        self.chronicle.note(
            Kind.ARRIVED,
            caller=opened.caller or opened.caller_raw or None,
            dialled=opened.dialled or opened.dialled_raw,
            at=opened.at.isoformat(timespec="milliseconds"),
            **({"diverted_by": opened.diverted_by} if opened.diverted_by else {}),
        )
        return self._routed()

    def _routed(self) -> tuple[Step, ...]:
        opened, exchange = self._opened, self._exchange
        arrival = engine.Arrival(opened.caller, opened.dialled, opened.dialled_raw, opened.at)
        route = engine.route(arrival, exchange.book.current, exchange.default)
        self.chronicle.extend(route.notes)
        exchange.journal.routed(
            CallRouted(
                call_id=opened.call_id,
                number=route.number.e164 if route.number else None,
                scheme=route.scheme.name if route.scheme else None,
                scheme_version=route.scheme.version if route.scheme else None,
                branch=route.branch.name if route.branch else None,
            )
        )
        return route.steps

    def _resumed(self, taken: TakenUp) -> tuple[tuple[Step, ...], engine.Decision]:
        """Where to go on with a call that another process began."""
        if taken.unwritten:
            self._exchange.journal.opened(self._opened)
        book, default = self._exchange.book.current, self._exchange.default
        known = engine.route_again(self.chronicle.entries, book, default)
        decision = taken.decision(known)
        if known is None and not taken.is_under_way(decision):
            known = self._routed()
            decision = decision or taken.decision_anew(known)
        steps = known or ()
        if decision is None:
            decision = taken.decision_anew(steps)
        taken.end_unfit(decision)
        return steps, decision

    async def _steps(self, steps: tuple[Step, ...], decision: engine.Decision) -> None:
        begun = self._taken.begun(decision) if self._taken is not None else None
        while isinstance(decision, engine.Perform):
            self.chronicle.extend(decision.notes)
            result = await self._perform(decision.index, self._arranged(decision), begun)
            begun = None
            decision = engine.after(steps, decision.index, result)
        self.chronicle.extend(decision.notes)
        if not self.chronicle.happened(Kind.HUNG_UP):
            self.chronicle.note(Kind.HUNG_UP, cause=decision.cause.value)
        await self._line.hang_up(decision.cause)

    def _arranged(self, decision: engine.Perform) -> Step:
        """The step, its destinations in the order of this call, each with what it is shown."""
        step, turns = decision.step, self._exchange.turns
        if not isinstance(step, DialStep):
            return step
        arranged = turns.arranged(step, decision.index + 1, self.chronicle, self._opened)
        return presented(arranged, self._opened.dialled)

    async def _perform(self, index: int, step: Step, begun: Begun | None) -> engine.StepResult:
        """Perform a step, or what is left of one that another process has ``begun``."""
        at = begun.at if begun is not None else None
        match step:
            case DialStep():
                rung = begun.ringing if begun is not None else None
                dialing = Dialing(
                    self._line,
                    self.chronicle,
                    *(index + 1, self._legs_placed + 1, rung),
                    admit=self._admit,
                    sounds=prompt(self._exchange.language, self._opened.caller),
                    talks=self._exchange.turns.talk_began,
                    look_up=self._responsible.destinations,
                )
                try:
                    return await dialing.perform(step)
                finally:
                    self._legs_placed = dialing.next_leg - 1
                    self._talk_ended(dialing.talked_with)
            case GreetingStep():
                return await Prompting(self._line, self.chronicle).perform(step, at)
            case MenuStep():
                return await Menu(self._line, self.chronicle).perform(step, at)
            case VoicemailStep():
                return await self._voicemail.perform(step, at)
            case HangUpStep():
                raise AssertionError("the engine finishes a call at a hang-up step")

    def _talk_ended(self, destination: str | None) -> None:
        if destination is not None:
            at = self._opened.at + timedelta(milliseconds=self.chronicle.now_ms)
            self._exchange.turns.talk_ended(Talk(self._opened.caller or "", destination, at))

    def _admit(self, destination: Destination) -> None:
        """Raises `LegRefused` for whoever has forwarded the call, and beyond the cap of the scheme as it is now: an
        edit is to help at once."""
        refuse_forwarder(self._opened, destination)
        number = self._exchange.book.current.numbers.get(self._opened.dialled or "")
        at = self._opened.at + timedelta(milliseconds=self.chronicle.now_ms)
        self._exchange.caps.admit(number.scheme if number else None, destination, at)

    async def end(self) -> verdict.Verdict | None:
        """Release the line, settle the message, derive the verdict and journal it. The call ended before all that,
        which can take half a minute while Asterisk is ill."""
        ended_ms = self.chronicle.now_ms
        self._note_caller_left()
        self._closing = True
        await self._line.close()
        if self.chronicle.sealed:
            return None
        if self._taken is not None:
            self._taken.close_legs()
        await self._voicemail.judge()
        result = verdict.derive(self.chronicle.entries)
        self.chronicle.note(
            Kind.VERDICT,
            disposition=result.disposition.value,
            reason=result.reason.value,
            answered_by=result.answered_by,
        )
        at = self._opened.at + timedelta(milliseconds=ended_ms)
        connected_ms = next((e.at_ms for e in self.chronicle.entries if e.kind is Kind.CONNECTED), None)
        # A cancelled call may have been connected for an instant; it was not answered.
        answered_ms = connected_ms if result.disposition is verdict.Disposition.ANSWERED else None
        owed = self._voicemail.owed
        intents = () if owed else self._messages(result, at, ended_ms)  # what it brings is known with the recording
        closed = CallClosed(self._opened.call_id, at, result, answered_ms, ended_ms, intents, owed)
        self._exchange.journal.closed(closed)
        return result

    def _messages(self, result: verdict.Verdict, at: datetime, ended_ms: int) -> tuple[Intent, ...]:
        """The messages that the call brings, by the rules in force as it ends. No call is to fail for them: trouble
        with them is told in its timeline."""
        opened, chronicle = self._opened, self.chronicle
        facts = CallFacts(
            call_id=opened.call_id,
            at=opened.at,
            caller=opened.caller,
            caller_raw=opened.caller_raw,
            dialled=opened.dialled,
            verdict=result,
            timeline=tuple(chronicle.entries),
            ended_ms=ended_ms,
        )
        try:
            decided = of_call(facts, self._exchange.rules.messages, self._exchange.deployment, at)
        except Exception as error:
            log.exception("the messages of call %s from %s broke", opened.call_id, masked(opened.caller))
            chronicle.note(Kind.TROUBLE, what="messages", why=repr(error))
            return ()
        chronicle.extend(decided.notes)
        return decided.intents

    def _note_caller_left(self) -> None:
        """Once, at the very moment; unless it was we who hung up."""
        gone = self._line.gone
        if not gone.done() or self._closing or any(map(self.chronicle.happened, _CALLER_IS_GONE)):
            return
        how = gone.result()
        if how.handed_on:
            self.chronicle.note(Kind.HANDED_ON, how=how.value)
            self.chronicle.seal()
            return
        talked = self.chronicle.happened(Kind.CONNECTED) and not self.chronicle.happened(Kind.TALK_ENDED)
        if how is CallerEnd.HUNG_UP and talked:
            self.chronicle.note(Kind.TALK_ENDED, by="caller")
        self.chronicle.note(Kind.CALLER_LEFT, how=how.value)


_CALLER_IS_GONE = (Kind.HUNG_UP, Kind.CALLER_LEFT)

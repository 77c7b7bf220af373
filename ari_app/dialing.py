"""Performs a dial step: rings destinations by the step's strategy and connects the first who answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ari_app.accepting import Accepting
from ari_app.begun import BegunRinging, GoneLeg
from ari_app.chronicle import Chronicle, LegChronicle
from ari_app.core.caller_ids import presented_as
from ari_app.core.engine import Talked, Unanswered
from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.core.scheme import Destination, DialStep, RingStrategy, TargetKind
from ari_app.core.timeline import Kind
from ari_app.ports import Leg, LegRefused, Line, LineTrouble

NET_SECONDS = 5
"""How much later than our own no-answer timeout Asterisk's stands behind it."""


@dataclass(frozen=True, slots=True)
class _Connected:
    """The leg that talks with the caller, and its record."""

    leg: Leg
    record: LegChronicle


class Dialing:
    """One dial step of one call. The line owns every leg placed here, and ends what is left when the call closes."""

    def __init__(
        self,
        line: Line,
        chronicle: Chronicle,
        step: int,
        first_leg: int,
        begun: BegunRinging | None = None,
        *,
        admit: Callable[[Destination], None],
        look_up: Callable[[Destination], Awaitable[Sequence[Destination]]],
        sounds: tuple[str, ...] = (),
        talks: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``admit`` raises `LegRefused` for a destination that is not to be rung; ``look_up`` finds where a manager is
        rung; ``sounds`` tell of the call whoever must accept it; ``talks`` is told with whom the caller begins to talk.
        """
        self._line = line
        self._chronicle = chronicle
        self._step = step
        self._next_leg = first_leg
        self._admit = admit
        self._talks = talks
        self._look_up = look_up
        self._accepting = Accepting(line, chronicle, sounds)
        self._begun = begun or BegunRinging()
        self._connecting = asyncio.Lock()
        self._winner: _Connected | None = None
        self._outcomes: list[LegOutcome] = []

    @property
    def next_leg(self) -> int:
        """The number the next leg of the call will have."""
        return self._next_leg

    @property
    def talked_with(self) -> str | None:
        """The destination that was connected to the caller."""
        return self._winner.record.destination if self._winner is not None else None

    async def perform(self, step: DialStep) -> Talked | Unanswered:
        """Ring until someone is connected to the caller, and stay until their talk is over."""
        try:
            if (talking := self._begun.talking) is not None:
                self._talk_on(talking)
            else:
                await self._sound_ringing()
                await self._ring(step.strategy, step.destinations)
            if self._winner is None:
                return Unanswered(tuple(self._outcomes))
            await asyncio.wait([self._winner.leg.ended])
            self._chronicle.note(Kind.TALK_ENDED, by="destination")
            return Talked()
        finally:
            self._release_winner()

    def _talk_on(self, record: LegChronicle) -> None:
        """The two are connected already; who has hung up while nobody heard it was the destination, for the caller is
        there."""
        try:
            leg: Leg = self._line.adopt(record.leg_id)
        except LegRefused as gone:
            leg = GoneLeg(record.leg_id, gone.end)
        self._win(leg, record)

    def _win(self, leg: Leg, record: LegChronicle) -> None:
        self._winner = _Connected(leg, record)
        self._talks(record.destination)

    async def _ring(self, strategy: RingStrategy, destinations: Sequence[Destination]) -> None:
        match strategy:
            case RingStrategy.ALL_AT_ONCE:
                await self._together([replace(one, delay=0) for one in destinations])
            case RingStrategy.STAGGERED:
                await self._together(destinations)
            case _:  # one after another; in which order has been decided
                await self._in_turn(destinations)

    async def _in_turn(self, destinations: Sequence[Destination]) -> None:
        for turn in self._turns(destinations):
            if turn and all(begun is None for _, begun in turn):
                await asyncio.sleep(turn[0][0].delay)
            await self._beside(turn, alone=len(turn) == 1)
            if self._winner is not None:
                return

    def _turns(self, destinations: Sequence[Destination]) -> Iterator[list[tuple[Destination, LegChronicle | None]]]:
        """Whom to ring, in their order: one, or all that a manager is rung at. Those who are rung already with the
        record of it, those who were are left out."""
        for turn in self._begun.turns(destinations):
            left: list[tuple[Destination, LegChronicle | None]] = []
            for destination, begun in turn:
                if isinstance(begun, LegOutcome):
                    self._outcomes.append(begun)
                else:
                    record = self._chronicle.leg(self._step, begun, destination) if isinstance(begun, str) else begun
                    left.append((destination, record))
            yield left

    async def _together(self, destinations: Sequence[Destination]) -> None:
        """Ring side by side, each from its own delay on."""
        ordered = sorted(destinations, key=lambda one: one.delay)
        waiting = [one for turn in self._turns(ordered) for one in turn]
        await self._beside(waiting, alone=len(destinations) == len(waiting) == 1)

    async def _beside(self, waiting: list[tuple[Destination, LegChronicle | None]], *, alone: bool) -> None:
        """Ring each from its own delay on; whoever waits is brought forward once nobody rings."""
        ringing: list[asyncio.Task[None]] = []
        clock = asyncio.get_running_loop().time
        began = clock() - self._begun.seconds
        try:
            while (waiting or ringing) and self._winner is None:
                while waiting and (not ringing or waiting[0][1] or began + waiting[0][0].delay <= clock()):
                    ringing.append(asyncio.create_task(self._ring_one(*waiting.pop(0), alone=alone)))
                until_next = began + waiting[0][0].delay - clock() if waiting else None
                done, _ = await asyncio.wait(ringing, timeout=until_next, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    ringing.remove(task)
                    task.result()
        finally:
            await _cancel(ringing)

    async def _ring_manager(self, destination: Destination, *, alone: bool) -> None:
        """Ring all that the caller's manager is rung at, once it is known; whoever else rings is not waited for."""
        found = await self._look_up(destination)
        shown = [replace(presented_as(one, destination), delay=0) for one in found]
        await self._beside([(one, None) for one in shown], alone=alone and len(found) == 1)

    async def _ring_one(self, destination: Destination, begun: LegChronicle | None, *, alone: bool) -> None:
        """Ring one destination for its timeout, or for what is left of it, beside others or alone; if it answers first,
        connect it."""
        if destination.kind is TargetKind.MANAGER and begun is None:
            await self._ring_manager(destination, alone=alone)
            return
        record = begun or self._new_leg(destination)
        leg: Leg | None = None
        try:
            if begun is not None:
                leg = self._line.adopt(record.leg_id)
                if record.has_rung and not leg.rang.done():
                    leg.rang.set_result(None)  # it is on record, and is not told twice
            else:
                self._admit(destination)
                net = destination.timeout + NET_SECONDS
                unasked = alone and not destination.confirm_seconds  # Dial() would connect whoever picks up
                leg = await self._line.place(record.leg_id, destination, net, alone=unasked)
            leg.rang.add_done_callback(lambda _: record.rang())
            rung = (self._chronicle.now_ms - record.dialed_ms) / 1000 if begun is not None else 0
            end = await self._until_settled(leg, max(0.0, destination.timeout - rung))
            if end is None:
                record.answered()
                end = await self._accepting.asked(destination, leg, record) or await self._connect(leg, record)
        except LegRefused as refused:
            end = refused.end
        except LineTrouble as trouble:
            end = LegEnd(LegOutcome.FAILED, text=str(trouble))
        except asyncio.CancelledError:  # another has won, or the caller has gone
            won = self._winner is not None
            self._over(leg, record, LegEnd(LegOutcome.ANSWERED_ELSEWHERE if won else LegOutcome.CALLER_LEFT))
            raise
        except Exception as error:
            self._over(leg, record, LegEnd(LegOutcome.FAILED, text=repr(error)))
            raise
        if end is not None:
            self._over(leg, record, end)

    def _new_leg(self, destination: Destination) -> LegChronicle:
        record = self._chronicle.leg(self._step, f"{self._chronicle.call_id}-{self._next_leg}", destination)
        self._next_leg += 1
        return record

    async def _until_settled(self, leg: Leg, seconds: float) -> LegEnd | None:
        """None once the leg is answered; else how its ringing ended, our own timeout included."""
        await asyncio.wait([leg.settled], timeout=seconds)
        if leg.settled.done():
            return leg.settled.result()
        rang = leg.rang.done()
        outcome = LegOutcome.NO_ANSWER if rang else LegOutcome.UNREACHABLE
        return LegEnd(outcome, text=f"no answer in {seconds:g} s" if rang else f"never rang in {seconds:g} s")

    async def _connect(self, leg: Leg, record: LegChronicle) -> LegEnd | None:
        """Connect an answered leg, unless another was quicker; None when it is the one."""
        async with self._connecting:
            if self._winner is not None:
                return LegEnd(LegOutcome.ANSWERED_ELSEWHERE, text="another answered first")
            try:
                await self._line.connect(leg)
            except (LegRefused, LineTrouble):
                # It may have answered the caller, or ended the tone, before it failed; others go on ringing.
                await self._sound_ringing()
                raise
            self._win(leg, record)
        self._chronicle.note(Kind.CONNECTED, leg=record.leg_id, destination=record.destination)
        return None

    async def _sound_ringing(self) -> None:
        """Let the caller hear ringing; that we cannot is no reason to ring nobody."""
        if self._line.gone.done():
            return
        try:
            await self._line.ring()
        except LineTrouble as trouble:
            self._chronicle.note(Kind.TROUBLE, what="ringing tone", why=str(trouble))

    def _release_winner(self) -> None:
        """The talk is over, whoever ended it."""
        if self._winner is None:
            return
        leg, record = self._winner.leg, self._winner.record
        leg.hang_up(LegOutcome.ANSWERED)
        cause = leg.ended.result().cause if leg.ended.done() else 0
        record.ended(LegEnd(LegOutcome.ANSWERED, cause))

    def _over(self, leg: Leg | None, record: LegChronicle, end: LegEnd) -> None:
        if leg is not None:
            leg.hang_up(end.outcome)
        self._outcomes.append(end.outcome)
        record.ended(end)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)

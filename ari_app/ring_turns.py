"""Whose turn it is: what controllers know of the calls before, kept in memory, so that no call waits for SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta

from ari_app.chronicle import Chronicle
from ari_app.core.ring_order import RingPast, Turn, arranged, order, order_note, recorded, turn_of
from ari_app.core.scheme import DialStep
from ari_app.ports import CallOpened

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """The step began with this destination then."""

    turn: Turn
    destination: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Talk:
    """The caller (E.164, or empty) talked with this destination until then."""

    caller: str
    destination: str
    at: datetime


class RingTurns:
    """One process's knowledge: its own calls at once, those of other controllers, and from before the start, as they
    are told to it. Of two times of one thing the later counts, so that it may be told anything twice, in any order."""

    def __init__(self) -> None:
        self._begun: dict[Turn, dict[str, datetime]] = {}
        self._talked: dict[str, datetime] = {}
        self._talking: Counter[str] = Counter()
        self._advised: dict[str, dict[str, datetime]] = {}

    def arranged(self, step: DialStep, number: int, chronicle: Chronicle, opened: CallOpened) -> DialStep:
        """The step, number ``number`` (from 1) of the call that was ``opened``, with its destinations in the order in
        which they are rung. It is decided once, and written into the chronicle; who goes on with the call reads it
        there. The call's own id is the seed of what is drawn."""
        if not step.reorders or not step.destinations:
            return step
        places = recorded(chronicle.entries, number, len(step.destinations))
        if places is None:
            places = self._decide(step, number, chronicle, opened)
        return arranged(step, places)

    def _decide(self, step: DialStep, number: int, chronicle: Chronicle, opened: CallOpened) -> tuple[int, ...]:
        at = opened.at + timedelta(milliseconds=chronicle.now_ms)
        turn = turn_of(chronicle.entries, number)
        past = self._past(turn, at, opened.caller)
        places = order(step, f"{chronicle.call_id}/{number}", past, at)
        if step.strategy.has_turns:
            # Two calls of one instant, or clocks of two machines: a turn is later than those it follows upon.
            at = max([at, *(before + _INSTANT for before in past.begun.values())])
            self._take(TurnTaken(turn, step.destinations[places[0]].target, at))
        chronicle.extend((order_note(turn, step, places, past, at),))
        return places

    def begun(self, turn: Turn) -> dict[str, datetime]:
        """When each destination was last the first to be rung in that step."""
        return dict(self._begun.get(turn, {}))

    def _past(self, turn: Turn, now: datetime, caller: str | None) -> RingPast:
        """As it is known now; who talks at present has not rested at all."""
        talking = dict.fromkeys((target for target, count in self._talking.items() if count > 0), now)
        return RingPast(self.begun(turn), {**self._talked, **talking}, self._advised.get(caller or "", {}))

    def talk_began(self, destination: str) -> None:
        """A caller of this process talks with it."""
        self._talking[destination] += 1

    def talk_ended(self, talk: Talk) -> None:
        """And does no more."""
        self._talking[talk.destination] -= 1
        self._hear(talk)

    def resume(self, turns: Iterable[TurnTaken] = (), talks: Iterable[Talk] = (), *, anew: bool = False) -> None:
        """Hear of what other processes did. ``anew``: it is all there is, so that nothing is left of callers who were
        erased, or of long ago."""
        if anew:
            self._advised.clear()
        for turn in turns:
            self._take(turn)
        for talk in talks:
            self._hear(talk)

    def copy(self) -> RingTurns:
        """The same knowledge once more, for a call that is only thought through."""
        return deepcopy(self)

    def _take(self, taken: TurnTaken) -> None:
        begun = self._begun.setdefault(taken.turn, {})
        begun[taken.destination] = max(taken.at, begun.get(taken.destination, taken.at))

    def _hear(self, talk: Talk) -> None:
        self._talked[talk.destination] = max(talk.at, self._talked.get(talk.destination, talk.at))
        if talk.caller:
            advised = self._advised.setdefault(talk.caller, {})
            advised[talk.destination] = max(talk.at, advised.get(talk.destination, talk.at))

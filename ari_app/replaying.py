"""Plays journalled calls through another book, by the engine and performers of live ones: what would be otherwise.

Known is what the call itself showed: a destination that it rang does the same again, a caller who hung up while it rang
does so after the same time. What it did not show is not guessed: it is tried each way, and where the ways differ the
outcome is unknown.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product
from typing import NamedTuple

from ari_app.core.engine import Arrival, route
from ari_app.core.outcomes import CallerEnd, LegEnd, LegOutcome, PlayEnd
from ari_app.core.scheme import KEYS, Destination, SchemeBook, Step, VoicemailStep
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition, Reason, Verdict
from ari_app.ports import CallOpened
from ari_app.ring_turns import RingTurns
from ari_app.scripted_managers import WHOEVER, UnknownManagers, Whoever
from ari_app.simulation import (
    NO_KEY,
    CallerScript,
    LegScript,
    ScriptedLeg,
    ScriptedLine,
    ScriptedRecording,
    simulate,
)

TOLERANCE = 0.5
"""Seconds by which a real call's times differ from the settings that made them."""
CUT_OFF = (Reason.BLOCKED, Reason.LOOP, Reason.OVERLOAD, Reason.LIMIT_REACHED, Reason.LINE_LOST, Reason.TROUBLE)
"""What ends a call from outside of its scheme, so that nothing can be said of another scheme."""
IN_A_PROMPT = (Reason.HUNG_UP_IN_GREETING, Reason.HUNG_UP_IN_MENU)
_UNTIL_THEN = (LegOutcome.NO_ANSWER, LegOutcome.ANSWERED_ELSEWHERE, LegOutcome.CALLER_LEFT)
"""Ends that say only that the destination had not answered so far."""


@dataclass(frozen=True, slots=True)
class PastLeg:
    """A destination that was rung: after how many seconds it did what."""

    destination: str
    outcome: LegOutcome
    seconds: float
    cause: int = 0


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call of the journal that is over, after ``seconds``. Seconds count from its arrival, too, for when it was
    answered and when its last prompt began; ``message_seconds`` is how long the message was that the caller left. What
    never came is None."""

    opened: CallOpened
    scheme: str | None
    version: str | None
    branch: str | None
    disposition: Disposition
    reason: str
    answered_by: str | None
    seconds: float
    legs: tuple[PastLeg, ...] = ()
    answered_seconds: float | None = None
    prompt_seconds: float | None = None
    message_seconds: float | None = None

    @property
    def id(self) -> str:
        """The call's id."""
        return self.opened.call_id

    @property
    def at(self) -> datetime:
        """When it arrived."""
        return self.opened.at

    @property
    def hung_up_ringing(self) -> bool:
        """Whether the caller gave up while it rang: then it is known for how long this caller waits."""
        return self.reason == Reason.HUNG_UP_RINGING

    @property
    def waited(self) -> float:
        """For how many seconds from the arrival on the caller is known to have waited for somebody."""
        if self.answered_seconds is not None:
            return self.answered_seconds
        in_prompt = self.prompt_seconds is not None and self.leaves_message is not None
        return self.prompt_seconds or 0.0 if in_prompt else self.seconds

    @property
    def leaves_message(self) -> bool | None:
        """Whether this caller speaks to voicemail; None: it was not offered."""
        if self.message_seconds is not None:
            return True
        return False if self.reason in (Reason.NO_MESSAGE, *IN_A_PROMPT) else None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What would have become of the call: every way it may have ended, whom it would have rung in each of them, and
    what cannot be known."""

    call: PastCall
    ends: frozenset[Disposition]
    answerers: frozenset[str | None]
    rung: tuple[frozenset[str], ...]
    doubts: tuple[str, ...] = ()

    @property
    def disposition(self) -> Disposition | None:
        """What it would have been; None: that cannot be known."""
        return next(iter(self.ends)) if len(self.ends) == 1 else None

    @property
    def elsewhere(self) -> bool | None:
        """Whether it would have rung others than it did: somebody more, or somebody less; None: not to be known."""
        if any(target.startswith(WHOEVER) for rung in self.rung for target in rung):
            return None
        found = {rung != self._rung_then for rung in self.rung}
        return found.pop() if len(found) == 1 else None

    @property
    def _rung_then(self) -> frozenset[str]:
        return frozenset(leg.destination for leg in self.call.legs)

    @property
    def newly(self) -> Disposition | None:
        """What it would have been and was not; None: no other than it was, or not to be known."""
        return self.disposition if self.disposition is not self.call.disposition else None


class _Guess(NamedTuple):
    """One way in which what is not known may have been."""

    manager: bool = True
    legs: LegOutcome = LegOutcome.ANSWERED
    stays: bool = True
    leaves_message: bool = True
    key: str = NO_KEY


_WAYS = {
    "manager": (True, False),
    "legs": (LegOutcome.ANSWERED, LegOutcome.NO_ANSWER, LegOutcome.FAILED),
    "stays": (True, False),
    "leaves_message": (True, False),
    "key": (NO_KEY, *KEYS),
}


@dataclass(slots=True)
class _Doubts:
    """What was asked for in one run and is not known: which part of a guess was needed, and in words."""

    parts: set[str] = field(default_factory=set)
    words: dict[str, None] = field(default_factory=dict)

    def note(self, part: str, words: str) -> None:
        self.parts.add(part)
        self.words[words] = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What calls are played through: another book, with the deployment's ``default`` and longest call. Its ``turns``
    go on from one call to the next."""

    book: SchemeBook
    default: tuple[Step, ...]
    max_call_seconds: float = 4 * 3600
    turns: RingTurns = field(default_factory=RingTurns)


def replay(past: PastCall, draft: Draft) -> Replayed:
    """Play the call through the draft."""
    as_it_was = Replayed(
        past,
        frozenset({past.disposition}),
        frozenset({past.answered_by}),
        (frozenset(leg.destination for leg in past.legs),),
    )
    if _same_way(past, draft):
        return as_it_was
    if past.reason in CUT_OFF:
        why = f"the call was cut off: {past.reason.replace('_', ' ')}"
        return Replayed(past, frozenset(Disposition), frozenset(), (), (why,))
    ends: set[Disposition] = set()
    answerers: set[str | None] = set()
    rung: dict[frozenset[str], None] = {}
    doubts = _Doubts()
    for result, numbers in _every_way(past, draft, doubts):
        ends.add(result.disposition)
        answerers.add(result.answered_by)
        rung[numbers] = None
    return Replayed(past, frozenset(ends), frozenset(answerers), tuple(rung), tuple(doubts.words))


def _same_way(past: PastCall, draft: Draft) -> bool:
    """Whether the call would go by the very branch that it went by."""
    opened = past.opened
    found = route(Arrival(opened.caller, opened.dialled, opened.dialled_raw, opened.at), draft.book, draft.default)
    scheme = found.scheme
    if scheme is None:
        return past.scheme is None
    branch = found.branch.name if found.branch else None
    return (scheme.name, scheme.version, branch) == (past.scheme, past.version, past.branch)


def _every_way(past: PastCall, draft: Draft, doubts: _Doubts) -> Iterator[tuple[Verdict, frozenset[str]]]:
    """What comes of each guess, as far as anything hangs on it."""
    tried: set[_Guess] = set()
    before = draft.turns.copy()  # each guess has them as they were; the first one, the likeliest, is what counts
    while True:
        ways = [_WAYS[part] if part in doubts.parts else _WAYS[part][:1] for part in _Guess._fields]
        waiting = [guess for guess in map(_Guess._make, product(*ways)) if guess not in tried]
        if not waiting:
            return
        for guess in waiting:
            yield _one_way(past, guess, draft, doubts, draft.turns if not tried else before.copy())
            tried.add(guess)


def _one_way(
    past: PastCall, guess: _Guess, draft: Draft, doubts: _Doubts, turns: RingTurns
) -> tuple[Verdict, frozenset[str]]:
    result = simulate(
        past.opened,
        replace(draft.book, managers=Whoever()),
        draft.default,
        max_call_seconds=draft.max_call_seconds,
        turns=turns,
        managers=UnknownManagers(guess.manager, lambda words: doubts.note("manager", words)),
        on=lambda: _ReplayedLine(past, guess, doubts),
    )
    dialed = (entry.details["destination"] for entry in result.timeline if entry.kind is Kind.LEG_DIALED)
    return result.verdict, frozenset(map(str, dialed))


class _ReplayedLeg(ScriptedLeg):
    """A leg that does what it did, and, if it is rung for longer than that tells, what is guessed."""

    def turn(self, guessed: LegOutcome) -> None:
        """It has rung for longer than is known."""
        if guessed is LegOutcome.ANSWERED:
            self._answer()
        elif guessed is LegOutcome.FAILED:
            self._end(LegEnd(guessed, 38))


class _ReplayedLine(ScriptedLine):
    """The line of a caller who does what was done in the past call, and else what is guessed."""

    def __init__(self, past: PastCall, guess: _Guess, doubts: _Doubts) -> None:
        super().__init__((), CallerScript(talks=1.0))
        self._past, self._guess, self._doubts = past, guess, doubts
        self._known: dict[str, list[PastLeg]] = {}
        for leg in past.legs:
            self._known.setdefault(leg.destination, []).append(leg)
        self._rung: Counter[str] = Counter()
        self._waits = self._impatient = False
        patience = past.waited + (0.0 if past.hung_up_ringing else TOLERANCE)
        asyncio.get_running_loop().call_later(patience, self._patience_ends)

    def _patience_ends(self) -> None:
        """So long this caller is known to have waited; in a prompt or a talk nobody is waited for."""
        self._impatient = True
        if self._waits and not self.gone.done():
            self._leave_or_stay()

    def _leave_or_stay(self) -> None:
        if self._past.hung_up_ringing:
            self._hang_up()
            return
        self._doubts.note("stays", f"whether the caller would have waited for more than {self._past.waited:.0f} s")
        if not self._guess.stays:
            self._hang_up()

    async def place(
        self, leg_id: str, destination: Destination, net_seconds: float, *, alone: bool = False
    ) -> ScriptedLeg:
        """Ring it as it was rung: the first time as the first, and so on."""
        target = destination.target
        times = self._known.get(target, [])
        known = times[self._rung[target]] if self._rung[target] < len(times) else None
        self._rung[target] += 1
        if known is None:
            again = " once more" if times else ""
            self._doubts.note("legs", f"what {target} would have done, which was not rung{again}")
            return ScriptedLeg(leg_id, LegScript(self._guess.legs, 0, 0.0), 1.0)
        if known.outcome not in _UNTIL_THEN:
            return ScriptedLeg(leg_id, LegScript(known.outcome, known.cause, known.seconds), 1.0)
        leg = _ReplayedLeg(leg_id, LegScript(LegOutcome.NO_ANSWER, 0, 0.0), 1.0)
        asyncio.get_running_loop().call_later(known.seconds + TOLERANCE, self._rings_on, leg, known)
        return leg

    def _rings_on(self, leg: _ReplayedLeg, known: PastLeg) -> None:
        if not leg.settled.done() and not self.gone.done():
            words = f"whether {known.destination} would have answered after more than {known.seconds:.0f} s"
            self._doubts.note("legs", words)
            leg.turn(self._guess.legs)

    async def ring(self) -> None:
        """A dial step begins: now somebody is waited for."""
        self._waits = True
        if self._impatient:
            self._leave_or_stay()

    async def connect(self, leg: object) -> None:
        self._waits = False
        await super().connect(leg)

    async def play(
        self, sounds: Iterable[str], within_seconds: float, until: asyncio.Future[str] | None = None
    ) -> PlayEnd:
        """Who hung up in a prompt does so again."""
        self._waits = False
        if self._past.reason in IN_A_PROMPT:
            self.leave(CallerEnd.HUNG_UP)
        return await super().play(tuple(sounds), within_seconds, until)

    def _answer_to_menu(self) -> str:
        """Another menu than the call's own may offer anything by any key."""
        self._doubts.note("key", "what the caller would have chosen in the menu")
        return self._guess.key

    async def record(self, name: str, limits: VoicemailStep) -> ScriptedRecording:
        self._waits = False
        self.recording = ScriptedRecording(self, self._message_seconds(limits), limits)
        return self.recording

    def _message_seconds(self, limits: VoicemailStep) -> float:
        leaves = self._past.leaves_message
        if leaves is None:
            self._doubts.note("leaves_message", "whether the caller would have left a message")
            leaves = self._guess.leaves_message
        if not leaves:
            return 0.0
        return self._past.message_seconds or limits.min_seconds + 1.0

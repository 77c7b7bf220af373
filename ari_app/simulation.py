"""A call that is only thought through: the real engine and performers on a scripted line, in virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ari_app import virtual_time
from ari_app.call import Exchange, FixedRules, conduct
from ari_app.core.message_book import MessageBook
from ari_app.core.messages import Intent
from ari_app.core.notices import Deployment
from ari_app.core.outcomes import CallerEnd, HangUpCause, LegEnd, LegOutcome, PlayEnd, Recorded, RecordEnd
from ari_app.core.scheme import Destination, SchemeBook, Step, VoicemailStep
from ari_app.core.timeline import Entry, Note
from ari_app.core.verdict import Verdict
from ari_app.keys import Keys
from ari_app.ports import (
    CallAmended,
    CallClosed,
    CallOpened,
    CallRouted,
    LegRecord,
    LegRefused,
    Managers,
    MessageRecord,
)
from ari_app.responsible import NoManagers
from ari_app.ring_turns import RingTurns

PROMPT_SECONDS = 6.0
KEY_SECONDS = 4.0
NO_KEY = "-"
_TOKEN = re.compile(r"([a-z_-]+)(?:@(\d+(?:\.\d+)?))?")
_WORDS = {
    "answer": (LegOutcome.ANSWERED, 0),
    "busy": (LegOutcome.BUSY, 17),
    "declined": (LegOutcome.DECLINED, 21),
    "noanswer": (LegOutcome.NO_ANSWER, 0),
    "unknown": (LegOutcome.UNKNOWN, 1),
    "unreachable": (LegOutcome.UNREACHABLE, 20),
    "failed": (LegOutcome.FAILED, 38),
    "carrier": (LegOutcome.ANSWERED, 0),
}


class ScriptError(ValueError):
    """The outcomes to simulate could not be read; the message says which and what is possible."""


@dataclass(frozen=True, slots=True)
class LegScript:
    """What one destination does, ``seconds`` after it is dialed."""

    outcome: LegOutcome
    cause: int
    seconds: float
    accepts: bool = True
    """Whether, having picked up, it presses 1."""


def parse_outcomes(text: str) -> tuple[LegScript, ...]:
    """Read ``busy,noanswer,answer@7``: one word a leg, in the order dialed, with the seconds after which it happens.

    Raises:
        ScriptError: a word that is not known.
    """
    return tuple(_parse_one(word.strip()) for word in text.split(",") if word.strip())


def _parse_one(word: str) -> LegScript:
    match = _TOKEN.fullmatch(word)
    if match is None or match[1] not in _WORDS:
        raise ScriptError(f"outcome {word!r} is not known; use {', '.join(_WORDS)}, each with @SECONDS if need be")
    outcome, cause = _WORDS[match[1]]
    default = 3.0 if outcome is LegOutcome.ANSWERED else 0.1
    return LegScript(outcome, cause, float(match[2]) if match[2] else default, match[1] != "carrier")


@dataclass(frozen=True, slots=True)
class CallerScript:
    """What the caller does: hangs up ``leaves_at`` seconds after calling (None: stays), talks for ``talks`` seconds,
    speaks ``message`` seconds into voicemail. ``keys`` are pressed one a time that a menu asks, `KEY_SECONDS` after it
    began to; `NO_KEY` among them is pressed by nobody, as are those that come after all of them."""

    leaves_at: float | None = None
    talks: float = 30.0
    message: float = 8.0
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it."""

    verdict: Verdict
    timeline: tuple[Entry, ...]
    intents: tuple[Intent, ...] = ()


def simulate(
    opened: CallOpened,
    book: SchemeBook,
    default: tuple[Step, ...],
    outcomes: Sequence[LegScript] = (),
    caller: CallerScript = CallerScript(),
    *,
    max_call_seconds: float = 4 * 3600,
    messages: MessageBook | None = None,
    deployment: Deployment | None = None,
    turns: RingTurns | None = None,
    managers: Managers | None = None,
    on: Callable[[], ScriptedLine] | None = None,
) -> Simulated:
    """Think one call through: the verdict, timeline and messages that a real call would get, legs and caller behaving
    as told.

    ``default``, ``max_call_seconds`` and ``deployment`` are the deployment's, as in `ari_app.call.Exchange`. ``turns``
    are what is known of the calls before, to which this one is added. ``managers`` say who is responsible; without them
    nobody is. ``on`` makes the caller's line, if it is to be another than that of the scripts.
    """

    async def think() -> Simulated:
        journal = _Notebook()
        line = on() if on is not None else ScriptedLine(outcomes, caller)
        keeper = _ScriptedKeeper(line)
        exchange = Exchange(
            _OneBook(book),
            journal,
            keeper,
            default,
            max_call_seconds,
            rules=FixedRules(messages or MessageBook()),
            deployment=deployment or Deployment(),
            turns=turns or RingTurns(),
            managers=managers or NoManagers(),
        )
        result = await conduct(opened, line, exchange)
        if result is None:
            raise AssertionError("nobody takes a scripted call over")
        return Simulated(result, tuple(journal.timeline), journal.intents)

    return virtual_time.run(think())


@dataclass(frozen=True, slots=True)
class _OneBook:
    current: SchemeBook


class _Notebook:
    """A journal of one call, kept in memory."""

    def __init__(self) -> None:
        self.timeline: list[Entry] = []
        self.intents: tuple[Intent, ...] = ()

    def opened(self, call: CallOpened) -> None: ...

    def routed(self, call: CallRouted) -> None: ...

    def noted(self, call_id: str, entry: Entry) -> None:
        self.timeline.append(entry)

    def leg(self, leg: LegRecord) -> None: ...

    def message(self, message: MessageRecord) -> None: ...

    def closed(self, call: CallClosed) -> None:
        self.intents = call.intents

    def amended(self, call: CallAmended) -> None: ...


class ScriptedLeg:
    """A leg that does what its script says."""

    def __init__(self, leg_id: str, script: LegScript, talks: float) -> None:
        loop = asyncio.get_running_loop()
        self.id = leg_id
        self.rang: asyncio.Future[None] = loop.create_future()
        self.settled: asyncio.Future[LegEnd | None] = loop.create_future()
        self.ended: asyncio.Future[LegEnd] = loop.create_future()
        self._talks = talks
        self.accepts = script.accepts
        if script.outcome in (LegOutcome.ANSWERED, LegOutcome.NO_ANSWER):
            self.rang.set_result(None)
        if script.outcome is LegOutcome.ANSWERED:
            loop.call_later(script.seconds, self._answer)
        elif script.outcome is not LegOutcome.NO_ANSWER:
            loop.call_later(script.seconds, self._end, LegEnd(script.outcome, script.cause))

    def _answer(self) -> None:
        if not self.settled.done():
            self.settled.set_result(None)
            asyncio.get_running_loop().call_later(self._talks, self._end, LegEnd(LegOutcome.ANSWERED, 16))

    def _end(self, end: LegEnd) -> None:
        for future in (self.settled, self.ended):
            if not future.done():
                future.set_result(end)

    def hang_up(self, outcome: LegOutcome) -> None:
        self._end(LegEnd(outcome))


class ScriptedRecording:
    """A recording in which the caller speaks as long as the script says, and then hangs up."""

    def __init__(self, line: ScriptedLine, seconds: float, limits: VoicemailStep) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[RecordEnd] = loop.create_future()
        self.seconds = min(seconds, float(limits.max_seconds))
        self._began = loop.time()
        line.gone.add_done_callback(lambda _: self._end(RecordEnd.CALLER_LEFT))
        if seconds > limits.max_seconds:
            loop.call_later(self.seconds, self._end, RecordEnd.FINISHED)
        else:
            loop.call_later(self.seconds, line.leave, CallerEnd.HUNG_UP)

    def _end(self, end: RecordEnd) -> None:
        if not self.ended.done():
            self.seconds = min(self.seconds, asyncio.get_running_loop().time() - self._began)
            self.ended.set_result(end)


class ScriptedLine:
    """A caller's line on which everything goes by a script."""

    def __init__(self, outcomes: Sequence[LegScript], caller: CallerScript) -> None:
        loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[CallerEnd] = loop.create_future()
        self.recording: ScriptedRecording | None = None
        self.keys = Keys()
        self._outcomes: Iterator[LegScript] = iter(outcomes)
        self._pressed: Iterator[str] = iter(caller.keys)
        self._caller = caller
        self._answered = False
        if caller.leaves_at is not None:
            loop.call_later(caller.leaves_at, self._hang_up)

    def leave(self, how: CallerEnd) -> None:
        """The caller goes."""
        if not self.gone.done():
            self.gone.set_result(how)

    def _hang_up(self) -> None:
        self.leave(CallerEnd.HUNG_UP if self._answered else CallerEnd.CANCELLED)

    def listen(self, tell: Callable[[Note], None]) -> None: ...

    async def answer(self) -> None:
        self._answered = True

    async def ring(self) -> None: ...

    async def place(
        self, leg_id: str, destination: Destination, net_seconds: float, *, alone: bool = False
    ) -> ScriptedLeg:
        script = next(self._outcomes, LegScript(LegOutcome.NO_ANSWER, 0, 0))
        return ScriptedLeg(leg_id, script, self._caller.talks)

    def found(self) -> Sequence[str]:
        return ()

    def adopt(self, leg_id: str) -> ScriptedLeg:
        raise LegRefused(LegEnd(LegOutcome.FAILED))

    def adopt_recording(self, name: str) -> ScriptedRecording:
        raise AssertionError("no scripted call was begun by another process")

    async def play_on(self, within_seconds: float, until: asyncio.Future[str] | None = None) -> PlayEnd | None:
        return None

    async def ask(self, leg: object, sounds: Sequence[str], key: str, seconds: float) -> bool:
        """Who presses 1 does so after two seconds; a carrier's voicemail lets the time pass."""
        accepts = isinstance(leg, ScriptedLeg) and leg.accepts
        await asyncio.sleep(2.0 if accepts else seconds)
        return accepts

    async def connect(self, leg: object) -> None:
        self._answered = True

    async def play(
        self, sounds: Sequence[str], within_seconds: float, until: asyncio.Future[str] | None = None
    ) -> PlayEnd:
        seconds = self.prompt_seconds()
        if until is None:
            await asyncio.sleep(seconds)
            return PlayEnd.PLAYED
        if (key := self._answer_to_menu()) != NO_KEY:
            asyncio.get_running_loop().call_later(KEY_SECONDS, self.keys.press, key)
        await asyncio.wait([until], timeout=seconds)
        return PlayEnd.CUT_SHORT if until.done() else PlayEnd.PLAYED

    def recorded(self) -> tuple[float, float]:
        """The seconds of the recording, and of speech in it."""
        seconds = self.recording.seconds if self.recording else 0.0
        return seconds, seconds

    def prompt_seconds(self) -> float:
        """How long the next prompt plays."""
        return PROMPT_SECONDS

    def _answer_to_menu(self) -> str:
        """The key that is pressed now that a menu asks."""
        return next(self._pressed, NO_KEY)

    async def record(self, name: str, limits: VoicemailStep) -> ScriptedRecording:
        self.recording = ScriptedRecording(self, self._caller.message, limits)
        return self.recording

    async def hang_up(self, cause: HangUpCause) -> None:
        self.leave(CallerEnd.HUNG_UP)

    async def close(self) -> None: ...


class _ScriptedKeeper:
    """Judges the scripted recording by what its line says of it."""

    def __init__(self, line: ScriptedLine) -> None:
        self._line = line

    def new_name(self) -> str:
        return "simulated"

    async def take(self, name: str) -> Recorded:
        return Recorded(name, *self._line.recorded())

    def keep(self, name: str) -> None: ...

    def discard(self, name: str) -> None: ...

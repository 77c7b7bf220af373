"""A caller's line as hard on its user as a real one: all takes time, anything may fail, everything is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ari_app import virtual_time
from ari_app.call import Exchange, FixedRules, conduct
from ari_app.core.outcomes import CallerEnd, HangUpCause, LegEnd, LegOutcome, PlayEnd, Recorded, RecordEnd
from ari_app.core.scheme import (
    Branch,
    Destination,
    Greeting,
    Number,
    RingStrategy,
    Scheme,
    SchemeBook,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.timeline import Entry, Kind, Note
from ari_app.core.verdict import Verdict
from ari_app.keys import Keys
from ari_app.ports import (
    CallAmended,
    CallClosed,
    CallOpened,
    CallRouted,
    LegRecord,
    LegRefused,
    LineTrouble,
    Managers,
    MessageRecord,
    MessageRules,
)
from tests.fakes.managers import RUNG, AskedManagers

AS_WRITTEN = [one for one in RingStrategy if one not in (RingStrategy.RANDOM, RingStrategy.WEIGHTED)]
"""Ways to ring by which the first call of all rings destinations in the order in which they are written."""
LATENCY = {"answer": 0.003, "ring": 0.002, "place": 0.003, "connect": 0.005, "record": 0.005, "hang_up": 0.010}
"""Seconds each operation takes; what is instant hides a missing shield or lock."""
LEG_DIES_IN = 0.010
CLOSE_SECONDS = 2.0
_FAILED = LegEnd(LegOutcome.FAILED, 38)


@dataclass(frozen=True, slots=True)
class LegPlan:
    """What a destination does, in seconds after it is placed.

    It rings at ``rings`` (None: never); ``answers`` and then talks for ``talks`` once connected; or ends by itself at
    ``ends_at`` with ``end``, which after an answer makes it vanish while it is being connected. ``refused`` turns it
    down at once.
    """

    rings: float | None = 0.02
    answers: float | None = None
    talks: float = 30.0
    ends_at: float | None = None
    end: LegEnd = _FAILED
    refused: LegEnd | None = None
    accepts: float | None = 1.0
    """So long after the answer it presses 1; None: never."""


def answers(after: float, talks: float = 30.0) -> LegPlan:
    """Picks up."""
    return LegPlan(answers=after, talks=talks)


def ends(outcome: LegOutcome, cause: int, after: float = 0.1) -> LegPlan:
    """Is turned down by the far end."""
    return LegPlan(rings=None, ends_at=after, end=LegEnd(outcome, cause))


BUSY = ends(LegOutcome.BUSY, 17)
SILENT = LegPlan()
DEAF = LegPlan(rings=None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens around a call.

    ``leaves_at`` is when the caller goes, in seconds; ``leaves_in`` is an operation in the midst of which the caller
    goes, and ``leaves_how`` forces the way (None: CANCEL before the answer, else hang-up). ``troubles`` maps
    (operation, how manyeth time from 1) to the trouble it ends in. ``prompts`` are how prompts end, in order, then
    played. ``keys`` are pressed so many seconds after the call came, each.
    """

    legs: Sequence[LegPlan] = ()
    leaves_at: float | None = None
    leaves_in: str | None = None
    leaves_how: CallerEnd | None = None
    speaks: float = 8.0
    voiced: float | None = None
    keeper_trouble: str = ""
    prompts: Sequence[PlayEnd] = ()
    prompt_seconds: float = 6.0
    keys: Sequence[tuple[str, float]] = ()
    recording_hangs: bool = False
    troubles: Mapping[tuple[str, int], str] = field(default_factory=dict)
    max_call_seconds: float = 4 * 3600


class HostileLeg:
    """A leg that takes its time to die, and remembers when it rang and when it was told to stop."""

    def __init__(self, leg_id: str, destination: Destination, plan: LegPlan, *, alone: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self.id = leg_id
        self.alone = alone
        self.destination = destination.target
        self.plan = plan
        self.rang: asyncio.Future[None] = self._loop.create_future()
        self.settled: asyncio.Future[LegEnd | None] = self._loop.create_future()
        self.ended: asyncio.Future[LegEnd] = self._loop.create_future()
        self.placed_at = self._loop.time()
        self.ended_at: float | None = None
        self.told: list[LegOutcome] = []

    def start(self, net_seconds: float) -> None:
        """The far end has the call, and rings no longer than ``net_seconds``."""
        plan, later = self.plan, self._loop.call_later
        later(net_seconds, self._net)
        if plan.rings is not None:
            later(plan.rings, self._ring)
        if plan.answers is not None:
            later(plan.answers, self._answer)
        if plan.ends_at is not None:
            later(plan.ends_at, self.over, plan.end)

    def talk(self) -> None:
        """Connected: it hangs up when it has said all."""
        self._loop.call_later(self.plan.talks, self.over, LegEnd(LegOutcome.ANSWERED, 16))

    def hang_up(self, outcome: LegOutcome) -> None:
        self.told.append(outcome)
        self._loop.call_later(LEG_DIES_IN, self.over, LegEnd(outcome))

    def over(self, end: LegEnd) -> None:
        """Gone."""
        if self.ended_at is None:
            self.ended_at = self._loop.time()
            self.ended.set_result(end)
            if not self.settled.done():
                self.settled.set_result(end)

    def _net(self) -> None:
        if not self.settled.done():
            self.over(LegEnd(LegOutcome.NO_ANSWER, 19))

    def _ring(self) -> None:
        if self.ended_at is None and not self.rang.done():
            self.rang.set_result(None)

    def _answer(self) -> None:
        if not self.settled.done():
            self._ring()
            self.settled.set_result(None)


class HostileRecording:
    """A recording that is closed a moment after what ends it."""

    def __init__(self, line: HostileLine, limits: VoicemailStep) -> None:
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[RecordEnd] = self._loop.create_future()
        self.began = self._loop.time()
        self.stopped: float | None = None
        self._hangs = line.plan.recording_hangs
        if line.plan.speaks > limits.max_seconds:
            self._loop.call_later(limits.max_seconds, self._stop, RecordEnd.FINISHED)
        elif not self._hangs:
            self._loop.call_later(line.plan.speaks, line.leave, CallerEnd.HUNG_UP)
        line.gone.add_done_callback(lambda _: self._stop(RecordEnd.CALLER_LEFT))

    @property
    def seconds(self) -> float:
        return (self._loop.time() if self.stopped is None else self.stopped) - self.began

    def _stop(self, end: RecordEnd) -> None:
        if self.stopped is None and not self._hangs:
            self.stopped = self._loop.time()
            self._loop.call_later(0.01, self.ended.set_result, end)


async def _cut_short(seconds: float, until: asyncio.Future[str] | None) -> PlayEnd | None:
    """Whether a key cuts short what lasts for ``seconds``."""
    if until is None:
        await asyncio.sleep(seconds)
        return None
    await asyncio.wait([until], timeout=seconds)
    return PlayEnd.CUT_SHORT if until.done() else None


class HostileLine:
    """A line that does as planned and keeps count of what is done with it."""

    def __init__(self, plan: Plan) -> None:
        loop = asyncio.get_running_loop()
        self.plan = plan
        self.gone: asyncio.Future[CallerEnd] = loop.create_future()
        self.gone_at: float | None = None
        self.legs: list[HostileLeg] = []
        self.bridged: list[HostileLeg] = []
        self.played: list[tuple[str, ...]] = []
        self.recordings: list[HostileRecording] = []
        self.hang_up_causes: list[HangUpCause] = []
        self.closed = 0
        self.answered = False
        self.hears_ringing = False
        self.keys = Keys()
        self._times: dict[str, int] = {}
        self._playing = False
        for key, seconds in plan.keys:
            loop.call_later(seconds, self.keys.press, key)
        self._prompts = iter(plan.prompts)
        if plan.leaves_at is not None:
            loop.call_later(plan.leaves_at, self._leave)

    def leave(self, how: CallerEnd) -> None:
        """The caller goes."""
        if not self.gone.done():
            self.gone_at = asyncio.get_running_loop().time()
            self.gone.set_result(how)

    def _leave(self) -> None:
        unforced = CallerEnd.HUNG_UP if self.answered else CallerEnd.CANCELLED
        self.leave(self.plan.leaves_how or unforced)

    def times(self, what: str) -> int:
        """How often an operation has been begun."""
        return self._times.get(what, 0)

    async def _does(self, what: str) -> None:
        """Take the time the operation takes, and the trouble it was planned to run into."""
        times = self._times[what] = self._times.get(what, 0) + 1
        if self.plan.leaves_in == what:
            asyncio.get_running_loop().call_later(LATENCY[what] / 2, self._leave)
        await asyncio.sleep(LATENCY[what])
        trouble = self.plan.troubles.get((what, times))
        if trouble is not None:
            raise LineTrouble(trouble)

    def listen(self, tell: Callable[[Note], None]) -> None: ...

    async def answer(self) -> None:
        await self._does("answer")
        self.answered = True

    async def ring(self) -> None:
        await self._does("ring")
        self.hears_ringing = True

    async def place(
        self, leg_id: str, destination: Destination, net_seconds: float, *, alone: bool = False
    ) -> HostileLeg:
        plans = self.plan.legs
        beside = [leg for leg in self.legs if not (leg.told or leg.ended.done())]
        assert not beside or not (alone or any(leg.alone for leg in beside)), "one that rings alone has company"
        plan = plans[len(self.legs)] if len(self.legs) < len(plans) else SILENT
        leg = HostileLeg(leg_id, destination, plan, alone=alone)
        self.legs.append(leg)
        try:
            await self._does("place")
        except LineTrouble:
            leg.over(LegEnd(LegOutcome.FAILED))
            raise
        except asyncio.CancelledError:  # whoever asked does not have the leg, so the line ends it
            leg.hang_up(LegOutcome.ANSWERED_ELSEWHERE)
            raise
        if leg.plan.refused is not None:
            leg.over(leg.plan.refused)
            raise LegRefused(leg.plan.refused)
        leg.start(net_seconds)
        return leg

    def leave_behind(self, leg_ids: Sequence[str], talking: str | None, *, recording: bool, playing: bool) -> None:
        """What another process has left: these legs in the order of the plan's, the one that talks among them."""
        self.answered = talking is not None or recording or playing
        self._playing = playing
        for leg_id, plan in zip(leg_ids, [*self.plan.legs, *[SILENT] * len(leg_ids)], strict=False):
            leg = HostileLeg(leg_id, Destination(TargetKind.ENDPOINT, "left", 0), plan, alone=False)
            self.legs.append(leg)
            leg.start(30)
            if leg_id == talking:
                leg.rang.set_result(None)
                leg.settled.set_result(None)
                self.bridged.append(leg)
                leg.talk()

    def found(self) -> Sequence[str]:
        return [leg.id for leg in self.legs]

    def adopt(self, leg_id: str) -> HostileLeg:
        for leg in self.legs:
            if leg.id == leg_id:
                return leg
        raise LegRefused(LegEnd(LegOutcome.FAILED, text="nobody saw it end"))

    def adopt_recording(self, name: str) -> HostileRecording:
        self.recordings.append(HostileRecording(self, VoicemailStep(Greeting("", ""))))
        return self.recordings[-1]

    async def play_on(self, within_seconds: float, until: asyncio.Future[str] | None = None) -> PlayEnd | None:
        if not self._playing:
            return None
        return await _cut_short(self.plan.prompt_seconds, until) or PlayEnd.PLAYED

    async def ask(self, leg: object, sounds: Sequence[str], key: str, seconds: float) -> bool:
        assert isinstance(leg, HostileLeg)
        after = leg.plan.accepts
        accepts = after is not None and after < seconds
        await asyncio.wait((leg.ended,), timeout=after if accepts else seconds)
        return accepts and not leg.ended.done()

    async def connect(self, leg: object) -> None:
        assert isinstance(leg, HostileLeg)
        self.hears_ringing = False
        await self._does("connect")
        if leg.ended.done():
            raise LegRefused(leg.ended.result())
        if self.gone.done() and self.plan.leaves_how is None:
            raise LineTrouble("the caller's channel is no more")
        self.answered = True
        self.bridged.append(leg)
        leg.talk()

    async def play(
        self, sounds: Sequence[str], within_seconds: float, until: asyncio.Future[str] | None = None
    ) -> PlayEnd:
        self.played.append(tuple(sounds))
        times = self._times["play"] = self._times.get("play", 0) + 1
        if ("play", times) in self.plan.troubles:
            raise LineTrouble(self.plan.troubles["play", times])
        end = next(self._prompts, PlayEnd.PLAYED)
        lasts = {PlayEnd.PLAYED: self.plan.prompt_seconds, PlayEnd.FAILED: 0.02, PlayEnd.OVERDUE: within_seconds}
        return await _cut_short(lasts[end], until) or end

    async def record(self, name: str, limits: VoicemailStep) -> HostileRecording:
        await self._does("record")
        self.recordings.append(HostileRecording(self, limits))
        return self.recordings[-1]

    async def hang_up(self, cause: HangUpCause) -> None:
        await self._does("hang_up")
        self.hang_up_causes.append(cause)
        self.leave(CallerEnd.HUNG_UP)

    async def close(self) -> None:
        """As the real line does: tell all to end, and so see the caller "leave" as well."""
        self.closed += 1
        for leg in self.legs:
            leg.hang_up(LegOutcome.CALLER_LEFT)
        asyncio.get_running_loop().call_later(LATENCY["hang_up"], self._leave)
        endings: list[asyncio.Future[Any]] = [self.gone, *(leg.ended for leg in self.legs)]
        await asyncio.wait(endings, timeout=CLOSE_SECONDS)


class Notebook:
    """A journal that keeps all it is told."""

    def __init__(self) -> None:
        self.calls: list[CallOpened] = []
        self.routes: list[CallRouted] = []
        self.timeline: list[Entry] = []
        self.legs: list[LegRecord] = []
        self.messages: list[MessageRecord] = []
        self.endings: list[CallClosed] = []
        self.amendments: list[CallAmended] = []

    def opened(self, call: CallOpened) -> None:
        self.calls.append(call)

    def routed(self, call: CallRouted) -> None:
        self.routes.append(call)

    def noted(self, call_id: str, entry: Entry) -> None:
        self.timeline.append(entry)

    def leg(self, leg: LegRecord) -> None:
        self.legs.append(leg)

    def message(self, message: MessageRecord) -> None:
        self.messages.append(message)

    def closed(self, call: CallClosed) -> None:
        self.endings.append(call)

    def amended(self, call: CallAmended) -> None:
        self.amendments.append(call)


class Keeper:
    """Judges recordings by what the line says was spoken."""

    def __init__(self, line: HostileLine) -> None:
        self._line = line
        self.named: list[str] = []
        self.taken: list[str] = []
        self.kept: list[str] = []
        self.discarded: list[str] = []

    def new_name(self) -> str:
        self.named.append(f"recording-{len(self.named) + 1}")
        return self.named[-1]

    async def take(self, name: str) -> Recorded:
        self.taken.append(name)
        await asyncio.sleep(0.01)
        seconds = self._line.recordings[-1].seconds
        plan = self._line.plan
        return Recorded(name, seconds, seconds if plan.voiced is None else plan.voiced, plan.keeper_trouble)

    def keep(self, name: str) -> None:
        self.kept.append(name)

    def discard(self, name: str) -> None:
        self.discarded.append(name)


@dataclass(frozen=True, slots=True)
class OneBook:
    """A book that never changes."""

    current: SchemeBook


NUMBER = "+74950000101"
CALLER = "+79160000001"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def opened(
    dialled: str | None = NUMBER, at: datetime = NOW, caller: str | None = CALLER, diverted_by: str | None = None
) -> CallOpened:
    """A call as it comes in."""
    return CallOpened("call", at, caller, caller or "", dialled, dialled or "", diverted_by=diverted_by)


def book_of(scheme: Scheme) -> SchemeBook:
    """One number going by one scheme."""
    return SchemeBook({NUMBER: Number(NUMBER, "office", scheme=scheme)}, managers=RUNG)


def always(zone: str, *steps: Step) -> SchemeBook:
    """One number whose only branch always holds."""
    return book_of(Scheme("office", ZoneInfo(zone), (Branch("always", (), steps),), "v1"))


@dataclass(slots=True)
class Conducted:
    """One call gone through: what is left of it, and how many seconds it took."""

    line: HostileLine
    journal: Notebook
    keeper: Keeper
    verdict: Verdict | None = None
    error: BaseException | None = None
    seconds: float = 0.0

    @property
    def kinds(self) -> list[Kind]:
        return [entry.kind for entry in self.journal.timeline]

    def of(self, kind: Kind) -> list[Entry]:
        return [entry for entry in self.journal.timeline if entry.kind is kind]

    @property
    def outcomes(self) -> list[LegOutcome]:
        return [leg.outcome for leg in self.journal.legs]


NO_RULES = FixedRules()


def call(
    book: SchemeBook,
    plan: Plan,
    *,
    dialled: str | None = NUMBER,
    stopped_at: float | None = None,
    rules: MessageRules = NO_RULES,
    managers: Managers | None = None,
) -> Conducted:
    """Conduct a call in virtual time; ``stopped_at`` is when the controller is told to stop, in seconds."""

    async def go() -> Conducted:
        loop = asyncio.get_running_loop()
        line, journal = HostileLine(plan), Notebook()
        gone_through = Conducted(line, journal, Keeper(line))
        exchange = Exchange(
            OneBook(book),
            journal,
            gone_through.keeper,
            (),
            plan.max_call_seconds,
            rules=rules,
            managers=managers or AskedManagers(),
        )
        task = asyncio.create_task(conduct(opened(dialled), line, exchange))
        if stopped_at is not None:
            loop.call_later(stopped_at, task.cancel)
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, BaseException):
            gone_through.error = outcome
        else:
            gone_through.verdict = outcome
        gone_through.seconds = loop.time()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left)
        return gone_through

    return virtual_time.run(go())

"""What a call needs of the outside, as small Protocols: a line, its legs, a journal, a keeper of messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ari_app.core.message_book import MessageBook
from ari_app.core.messages import Intent
from ari_app.core.outcomes import CallerEnd, HangUpCause, LegEnd, LegOutcome, PlayEnd, Recorded, RecordEnd
from ari_app.core.recordings import LateCall
from ari_app.core.responsible import Question, Said
from ari_app.core.scheme import Destination, SchemeBook, VoicemailStep
from ari_app.core.timeline import Entry, Note
from ari_app.core.verdict import Verdict
from ari_app.keys import Keys


class LineTrouble(Exception):
    """The telephony side could not do what the call needed; the message says what and why."""


class LegRefused(Exception):
    """A destination was turned down before it could ring; ``end`` says how."""

    def __init__(self, end: LegEnd) -> None:
        super().__init__(end.text or end.outcome.value)
        self.end = end


class Leg(Protocol):
    """One ringing or answered destination."""

    @property
    def id(self) -> str:
        """The leg's id, unique for ever."""

    @property
    def rang(self) -> asyncio.Future[None]:
        """Done once the destination is known to ring."""

    @property
    def settled(self) -> asyncio.Future[LegEnd | None]:
        """Done when ringing is over: None for an answer, else how it ended."""

    @property
    def ended(self) -> asyncio.Future[LegEnd]:
        """Done when the leg is gone, answered or not."""

    def hang_up(self, outcome: LegOutcome) -> None:
        """Tell the leg to end, and why, at once; ``ended`` is done when it has. Never raises.

        ``ANSWERED_ELSEWHERE`` leaves no missed call on its phone.
        """


class Recording(Protocol):
    """A recording under way."""

    @property
    def ended(self) -> asyncio.Future[RecordEnd]:
        """Done when nothing more is recorded and the file is closed."""


class Line(Protocol):
    """One inbound call in our hands, and all that can be done with it.

    Every method raises `LineTrouble` when it cannot be done; a caller who has gone is seen in ``gone`` alone.
    """

    @property
    def gone(self) -> asyncio.Future[CallerEnd]:
        """Done when the caller has left, however that came about; or is somebody else's (`CallerEnd.handed_on`), who
        gives the verdict: then nothing more is done to the call, or told of it."""

    @property
    def keys(self) -> Keys:
        """What the caller presses."""

    def listen(self, tell: Callable[[Note], None]) -> None:
        """Have what befalls the line itself, such as a lost connection, told as notes for the call's timeline."""

    async def answer(self) -> None:
        """Answer the caller, if that has not been done."""

    async def ring(self) -> None:
        """Let the caller hear ringing."""

    async def place(self, leg_id: str, destination: Destination, net_seconds: float, *, alone: bool = False) -> Leg:
        """Begin ringing; ``net_seconds`` is the far deadline Asterisk itself keeps. ``alone``: nobody else will be rung
        before this leg is over, so that Asterisk may connect the two by itself. Raises `LegRefused`; cancelled
        meanwhile, it ends the leg itself."""

    def found(self) -> Sequence[str]:
        """Of a call that another process began: the ids of its legs that live, in the order they were placed."""

    def adopt(self, leg_id: str) -> Leg:
        """Such a leg, as it is found. Raises `LegRefused` when it is over, which nobody has heard."""

    def adopt_recording(self, name: str) -> Recording:
        """A recording that another process began, under way or over."""

    async def play_on(self, within_seconds: float, until: asyncio.Future[str] | None = None) -> PlayEnd | None:
        """Wait for the end of what another process has begun to play; None when nothing plays."""

    async def ask(self, leg: Leg, sounds: Sequence[str], key: str, seconds: float) -> bool:
        """Whether an answered leg that is rung beside others presses the key within so many seconds, while it hears the
        sounds; the caller goes on hearing ringing."""

    async def connect(self, leg: Leg) -> None:
        """Answer the caller and let the two talk, if they do not yet; done when they can hear each other. Raises
        `LegRefused` if the leg has gone meanwhile."""

    async def play(
        self, sounds: Sequence[str], within_seconds: float, until: asyncio.Future[str] | None = None
    ) -> PlayEnd:
        """Play to the answered caller, giving up after ``within_seconds``; ``until`` this is done, if it is given."""

    async def record(self, name: str, limits: VoicemailStep) -> Recording:
        """Begin to record the caller into ``name``, until a limit, ``#`` or hang-up ends it."""

    async def hang_up(self, cause: HangUpCause) -> None:
        """End the caller's side."""

    async def close(self) -> None:
        """Release whatever is left of the call: legs, bridge, the caller; nothing of one that was handed on. Bounded in
        time; never raises."""


class MessageKeeper(Protocol):
    """Takes finished recordings into keeping."""

    def new_name(self) -> str:
        """A name for a recording that nobody can guess and that is used once."""

    async def take(self, name: str) -> Recorded:
        """Fetch the recording, judge its file and keep it; never raises, trouble is told in the result. A recording
        that was never written has no seconds and is no trouble. May be repeated until it is kept or discarded."""

    def keep(self, name: str) -> None:
        """A recording taken counts as a message: do behind the call whatever is left to do. Never raises."""

    def discard(self, name: str) -> None:
        """A recording taken is no message: remove it, behind the call. Never raises."""


@dataclass(frozen=True, slots=True)
class CallOpened:
    """A call as it arrives. ``caller`` and ``dialled`` are E.164 where they could be read as numbers; the ``raw`` ones
    are what the signalling said, made printable. ``at`` is UTC."""

    call_id: str
    at: datetime
    caller: str | None
    caller_raw: str
    dialled: str | None
    dialled_raw: str
    channel: str = ""
    application: str = ""
    """Whose it is: the controller's name at Asterisk."""
    diverted_by: str | None = None
    """Who forwarded it to us last, E.164, where the signalling says so. As easily made up as a caller's number."""


@dataclass(frozen=True, slots=True)
class CallSoFar:
    """A call that another process began and did not close: how it arrived, and its timeline. ``seconds`` is how long
    ago it arrived."""

    opened: CallOpened
    timeline: tuple[Entry, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CallRouted:
    """What the call was matched to; the scheme and its version are None when the default was used."""

    call_id: str
    number: str | None
    scheme: str | None
    scheme_version: str | None
    branch: str | None


@dataclass(frozen=True, slots=True)
class LegRecord:
    """One leg, as it came out. ``step`` counts from 1. Milliseconds count from the call's arrival; ``answered_ms`` is
    None if it never was."""

    call_id: str
    leg_id: str
    step: int
    destination: str
    dialed_ms: int
    rang_ms: int | None
    answered_ms: int | None
    ended_ms: int
    outcome: LegOutcome
    cause: int
    cause_text: str


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A voicemail message that was left: the name of its wav in the keeper's folder, length in milliseconds."""

    call_id: str
    name: str
    length_ms: int


@dataclass(frozen=True, slots=True)
class RecordingOwed:
    """A recording that could not be taken when its call ended. ``application`` names whose Asterisk has it, ``why``
    what was in the way; ``min_seconds`` is what its step asks of a message."""

    name: str
    application: str
    min_seconds: int
    why: str


@dataclass(frozen=True, slots=True)
class CallClosed:
    """The end of a call. ``at`` is UTC; ``answered_ms`` and ``ended_ms`` count from the arrival. ``intents`` are the
    messages that it brings: they are written in the transaction that writes the end. So is a recording ``owed``, whose
    call has its messages decided later."""

    call_id: str
    at: datetime
    verdict: Verdict
    answered_ms: int | None
    ended_ms: int
    intents: tuple[Intent, ...] = ()
    owed: RecordingOwed | None = None


@dataclass(frozen=True, slots=True)
class CallAmended:
    """What an owed recording made of its call; written in one transaction, and once, for then it is owed no more.

    ``at`` is UTC. ``settled``: the recording is owed no more; else only the messages have been decided without it.
    """

    call_id: str
    at: datetime
    recording: str
    settled: bool
    verdict: Verdict
    entries: tuple[Entry, ...]
    message: MessageRecord | None = None
    intents: tuple[Intent, ...] = ()


@dataclass(frozen=True, slots=True)
class Owed:
    """A recording in Asterisk's spool that a closed call is owed."""

    name: str
    call: LateCall


class LateKeeper(MessageKeeper, Protocol):
    """A keeper that is asked again later."""

    async def works(self) -> bool:
        """Whether there is a place to keep recordings; after trouble it is tried."""


class Ledger(Protocol):
    """Knows which recordings are owed."""

    async def owed(self) -> Sequence[Owed]:
        """Those that are, as far as it can be told now. Never raises."""


class Journal(Protocol):
    """Remembers calls. Every method returns at once and never raises; writing happens behind the call."""

    def opened(self, call: CallOpened) -> None:
        """A call has arrived."""

    def routed(self, call: CallRouted) -> None:
        """The call's scheme and branch are known."""

    def noted(self, call_id: str, entry: Entry) -> None:
        """Something happened in the call."""

    def leg(self, leg: LegRecord) -> None:
        """A leg is over."""

    def message(self, message: MessageRecord) -> None:
        """The caller left a message."""

    def closed(self, call: CallClosed) -> None:
        """The call is over."""

    def amended(self, call: CallAmended) -> None:
        """The recording that a closed call was owed has come, or has been waited for long enough."""


class Book(Protocol):
    """Where the present scheme book is had from."""

    @property
    def current(self) -> SchemeBook:
        """The snapshot in force."""


class Managers(Protocol):
    """Knows, from CRMs, who is responsible for a caller."""

    def ask(self, question: Question) -> asyncio.Future[Said]:
        """Begin to ask, and return at once. The answer, which may be shared and must not be cancelled, is there within
        the CRM's budget, whatever becomes of it. Never raises."""


class MessageRules(Protocol):
    """Where the present rules and types of messages are had from."""

    @property
    def messages(self) -> MessageBook:
        """The snapshot in force."""

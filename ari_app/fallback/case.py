"""One call that no controller had to its end: read from the dialplan's notes, judged, and made ready to be entered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ari_app.core import engine, verdict
from ari_app.core.call_id import call_id, named
from ari_app.core.deployment import Deployment
from ari_app.core.endings import CallFacts
from ari_app.core.fallback_notes import FallbackNote, Word
from ari_app.core.fallback_story import LeftRecording, Setting, Story, tell
from ari_app.core.messages import Intent
from ari_app.core.notices import of_call
from ari_app.core.numbering import masked, normalise
from ari_app.core.outcomes import Recorded
from ari_app.core.recordings import worth
from ari_app.core.rung_legs import RungLeg
from ari_app.core.scheme import Step
from ari_app.core.timeline import Entry, Kind, Note, Scalar
from ari_app.dialstring import DialTemplates
from ari_app.ports import Book, CallClosed, CallOpened, CallRouted, LegRecord, MessageRecord, MessageRules
from ari_app.storage.fallback_rows import FallbackCall, HeldCall

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What calls are entered by: as a live call's `Exchange`, and how numbers are read and dialed. ``owner`` is the
    controller's name at Asterisk; ``entered`` is told each verdict."""

    book: Book
    rules: MessageRules
    default: tuple[Step, ...]
    default_greeting: str
    deployment: Deployment
    templates: DialTemplates
    region: str
    owner: str
    entered: Callable[[verdict.Verdict], None] = lambda verdict: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Case:
    """One call that is over, read from its notes and from what a controller had written of it."""

    desk: Desk
    opened: CallOpened
    held: HeldCall | None
    route: engine.Route
    story: Story

    @classmethod
    def of(cls, channel: str, notes: Sequence[FallbackNote], held: HeldCall | None, desk: Desk) -> Case:
        """Read it; the scheme is that of now, at the hour of the call, as FastAGI had it."""
        opened = _opened(channel, notes[0], held, desk)
        arrival = engine.Arrival(opened.caller, opened.dialled, opened.dialled_raw, opened.at)
        route = engine.route(arrival, desk.book.current, desk.default)
        setting = Setting(
            call_id=opened.call_id,
            arrived_ms=round(opened.at.timestamp() * 1000),
            steps=route.steps,
            version=route.scheme.version if route.scheme else "",
            default_greeting=desk.default_greeting,
            name_of=lambda dial: desk.templates.target_of(f"PJSIP/{dial}"),
            before=held.timeline if held else (),
            entered=desk.now().isoformat(timespec="seconds"),
        )
        return cls(desk, opened, held, route, tell(notes, setting))

    @property
    def ended_at(self) -> datetime:
        """When the call was over."""
        return self.opened.at + timedelta(milliseconds=self.story.ended_ms)

    @property
    def dialled(self) -> str | None:
        """The number called."""
        return self.opened.dialled

    @property
    def dialled_raw(self) -> str:
        """What the signalling said of it."""
        return self.opened.dialled_raw

    def told(self, result: verdict.Verdict) -> str:
        """The call for the log: the team's own number whole, the caller's masked."""
        caller = masked(self.opened.caller or self.opened.caller_raw)
        return (
            f"call {self.opened.call_id} from {caller} to {self.dialled or self.dialled_raw}, which no controller "
            f"served, is entered: {result.disposition.value}, {result.reason.value}"
        )

    def closed(self, recorded: Sequence[tuple[LeftRecording, Recorded]]) -> FallbackCall:
        """All that is to be written, with what became of its recordings."""
        ended_ms, before = self.story.ended_ms, self.held.timeline if self.held else ()
        judgements = [(_judged(each, recording), each) for recording, each in recorded]
        new = [*self._entries(), *(Entry(ended_ms, note.kind, note.details) for note, _ in judgements)]
        result = verdict.derive((*before, *new))
        told = {
            "disposition": result.disposition.value,
            "reason": result.reason.value,
            "answered_by": result.answered_by,
        }
        timeline = (*before, *new, Entry(ended_ms, Kind.VERDICT, told))
        notes, intents = self._messages(timeline, result)
        connected = next((entry.at_ms for entry in timeline if entry.kind is Kind.CONNECTED), None)
        answered_ms = connected if result.disposition is verdict.Disposition.ANSWERED else None
        left = [each for note, each in judgements if note.kind is Kind.MESSAGE_LEFT]
        return FallbackCall(
            opened=None if self.held else self.opened,
            routed=None if self.held else self._routed(),
            entries=(*timeline[len(before) :], *(Entry(ended_ms, note.kind, note.details) for note in notes)),
            legs=[self._leg(leg) for leg in self.story.legs],
            messages=[MessageRecord(self.opened.call_id, each.name, round(each.seconds * 1000)) for each in left],
            closed=CallClosed(self.opened.call_id, self.ended_at, result, answered_ms, ended_ms, intents),
        )

    def _entries(self) -> tuple[Entry, ...]:
        """What is not in the journal yet."""
        if self.held:
            return self.story.entries
        opened = self.opened
        arrived: dict[str, Scalar] = {
            "caller": opened.caller or opened.caller_raw or None,
            "dialled": opened.dialled or opened.dialled_raw,
            "at": opened.at.isoformat(timespec="milliseconds"),
        }
        route = (Entry(0, note.kind, note.details) for note in self.route.notes)
        return (Entry(0, Kind.ARRIVED, arrived), *route, *self.story.entries)

    def _messages(
        self, timeline: Sequence[Entry], result: verdict.Verdict
    ) -> tuple[Sequence[Note], tuple[Intent, ...]]:
        """The messages that the call brings, as of its end. No call is to fail for them."""
        facts = CallFacts(
            call_id=self.opened.call_id,
            at=self.opened.at,
            caller=self.opened.caller,
            caller_raw=self.opened.caller_raw,
            dialled=self.opened.dialled,
            verdict=result,
            timeline=timeline,
            ended_ms=self.story.ended_ms,
        )
        try:
            decided = of_call(facts, self.desk.rules.messages, self.desk.deployment, self.ended_at)
        except Exception as error:
            log.exception("the messages of call %s broke", self.opened.call_id)
            return (Note(Kind.TROUBLE, {"what": "messages", "why": repr(error)}),), ()
        return decided.notes, decided.intents

    def _routed(self) -> CallRouted:
        route = self.route
        return CallRouted(
            call_id=self.opened.call_id,
            number=route.number.e164 if route.number else None,
            scheme=route.scheme.name if route.scheme else None,
            scheme_version=route.scheme.version if route.scheme else None,
            branch=route.branch.name if route.branch else None,
        )

    def _leg(self, leg: RungLeg) -> LegRecord:
        return LegRecord(
            call_id=self.opened.call_id,
            leg_id=leg.leg_id,
            step=leg.step,
            destination=leg.destination,
            dialed_ms=leg.dialed_ms,
            rang_ms=leg.rang_ms,
            answered_ms=leg.answered_ms,
            ended_ms=leg.ended_ms,
            outcome=leg.outcome,
            cause=leg.cause,
            cause_text=leg.text,
        )


def moment(at_ms: int) -> datetime:
    """Milliseconds since 1970 as a moment in UTC."""
    return datetime.fromtimestamp(at_ms // 1000, UTC) + timedelta(milliseconds=at_ms % 1000)


def _judged(recorded: Recorded, recording: LeftRecording) -> Note:
    """What it is worth; where that cannot be told it stays in Asterisk's spool, for an admin to decide."""
    if recorded.trouble:
        return Note(Kind.TROUBLE, {"what": "recording", "why": recorded.trouble})
    return worth(recorded, recording.min_seconds)


def _opened(channel: str, first: FallbackNote, held: HeldCall | None, desk: Desk) -> CallOpened:
    """The call as it came. Its id is the same whoever makes it, and whenever: there is one row of it."""
    if held is not None:
        who = (held.caller, held.caller_raw, held.dialled, held.dialled_raw)
        return CallOpened(held.call_id, held.arrived_at, *who, channel)
    caller, dialled, at = "", "", moment(first.at_ms)
    id_of = named(at, first.key)
    if first.word == Word.CAME:
        caller, dialled = first.part(0), first.part(1)
    if first.word in (Word.UNHEARD, Word.GONE):
        at = moment(first.moment_ms(7) or _second_ms(channel) or first.at_ms)
        caller, dialled = first.part(5), first.part(6)
        if application := first.part(8):  # had the call, and its spool may yet be found
            id_of = call_id(at, application, channel)
    return CallOpened(
        call_id=id_of,
        at=at,
        caller=normalise(caller, desk.region),
        caller_raw=caller,
        dialled=normalise(dialled, desk.region),
        dialled_raw=dialled,
        channel=channel,
    )


def _second_ms(channel: str) -> int:
    """When it was made, ms since 1970, by the number that its id begins with; 0 if it begins with none."""
    seconds = channel.rpartition("-")[2].partition(".")[0]
    return int(seconds) * 1000 if seconds.isascii() and seconds.isdecimal() and len(seconds) == 10 else 0

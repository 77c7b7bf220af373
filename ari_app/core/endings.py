"""How a call ended, as far as messages go by it: derived once, from the verdict and the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ari_app.core.messages import MessageKind
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, Reason, Verdict, last_step_kind


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A call that is over. ``caller`` and ``dialled`` are E.164 where they could be read as numbers; ``at`` is the
    aware moment of its arrival. The controller takes inbound calls only; ``outbound`` ones bring no message."""

    call_id: str
    at: datetime
    caller: str | None
    caller_raw: str
    dialled: str | None
    verdict: Verdict
    timeline: Sequence[Entry]
    ended_ms: int = 0
    outbound: bool = False


class Point(StrEnum):
    """At which point of its way a call ended; the words for each are in `ari_app.core.explain`."""

    RINGING = "lost_ringing"
    GREETING = "lost_greeting"
    MENU = "lost_menu"
    CHOICE = "lost_choice"
    PROMPT = "lost_prompt"
    NO_MESSAGE = "lost_no_message"
    UNANSWERED = "lost_unanswered"
    VOICEMAIL = "message_left"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Ending:
    """``kinds`` are the types of message that it may bring, the first that is switched on counts. ``recording`` names
    the voicemail message. ``quiet`` is why the call brings nothing, if it does not: ``loop``, it had come back to us by
    a destination that forwards it, and the first call of the circle has a verdict of its own; ``blocked``, it was one
    that nobody wants."""

    point: Point
    kinds: tuple[MessageKind, ...]
    out_of_hours: bool = False
    quiet: str = ""
    recording: str | None = None

    @property
    def lost(self) -> bool:
        """Whether nobody answered and nothing was left."""
        return self.point not in (Point.ANSWERED, Point.VOICEMAIL)


def ending_of(verdict: Verdict, timeline: Sequence[Entry]) -> Ending:
    """Read the ending off a call's whole timeline; total."""
    closed = any(map(_out_of_hours, timeline))
    point = _point(verdict, timeline)
    kinds = _KINDS[point]
    if closed and point is Point.VOICEMAIL:
        kinds = (*kinds, MessageKind.CALL_OUT_OF_HOURS)
    elif closed and point is not Point.ANSWERED:
        kinds = (MessageKind.CALL_OUT_OF_HOURS, *kinds)
    quiet = verdict.reason.value if verdict.reason in (Reason.LOOP, Reason.BLOCKED) else ""
    left = next((entry.details.get("name") for entry in timeline if entry.kind is Kind.MESSAGE_LEFT), None)
    recording = str(left) if left and point is Point.VOICEMAIL else None
    return Ending(point, kinds, closed, quiet, recording)


_KINDS: Mapping[Point, tuple[MessageKind, ...]] = {
    Point.RINGING: (MessageKind.HUNG_UP,),
    Point.GREETING: (MessageKind.HUNG_UP,),
    Point.MENU: (MessageKind.MISSED,),
    Point.CHOICE: (MessageKind.HUNG_UP,),
    Point.PROMPT: (MessageKind.MISSED,),
    Point.NO_MESSAGE: (MessageKind.MISSED,),
    Point.UNANSWERED: (MessageKind.MISSED,),
    Point.VOICEMAIL: (MessageKind.VOICEMAIL_LEFT,),
    Point.ANSWERED: (MessageKind.ANSWERED_WITH_TICKET,),
}


UNPROVIDED = ("no_branch_covers", "closed_without_branch")
"""Why a call goes by the default although its number has a scheme in force."""


def _out_of_hours(entry: Entry) -> bool:
    """Whether the entry says that the call came at an hour that counts as closed, or that no branch provides for."""
    if entry.kind is Kind.BRANCH_CHOSEN:
        return bool(entry.details.get("out_of_hours"))
    return entry.kind is Kind.DEFAULT_USED and entry.details.get("why") in UNPROVIDED


def _point(verdict: Verdict, timeline: Sequence[Entry]) -> Point:
    if verdict.disposition is Disposition.ANSWERED:
        return Point.ANSWERED
    if verdict.disposition is Disposition.MESSAGE_LEFT:
        return Point.VOICEMAIL
    kinds = {entry.kind for entry in timeline}
    if Kind.RECORDING_BEGAN in kinds:
        return Point.NO_MESSAGE
    if Kind.CALLER_LEFT not in kinds:
        return Point.UNANSWERED
    chose = any(entry.kind is Kind.KEY_PRESSED and entry.details.get("leads") for entry in timeline)
    before = {"voicemail": Point.PROMPT, "menu": Point.MENU}.get(last_step_kind(timeline))
    if before is not None or chose:
        return before or Point.CHOICE
    return Point.GREETING if last_step_kind(timeline) == "greeting" else Point.RINGING

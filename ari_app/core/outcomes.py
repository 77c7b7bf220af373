"""How a leg, a prompt, a recording and a caller can end, each as one value; and what a cause says of a leg."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LegOutcome(StrEnum):
    """How ringing one destination came out."""

    ANSWERED = "answered"
    BUSY = "busy"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    REFUSED = "refused"
    OVER_CAP = "over_cap"
    NOT_ACCEPTED = "not_accepted"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    CALLER_LEFT = "caller_left"


# ITU-T Q.850 table 1, as Asterisk 22 maps SIP answers to them (res_pjsip, hangup_sip2cause): 486 and 600 are 17,
# 603, 401 and 403 are 21, 404 and 604 are 1, 480 is 19, 408 is 18, 410 is 22, 484 is 28, 503 is 34, 500 is 38.
_BY_CAUSE = {
    1: LegOutcome.UNKNOWN,
    2: LegOutcome.UNREACHABLE,
    3: LegOutcome.UNREACHABLE,
    17: LegOutcome.BUSY,
    18: LegOutcome.NO_ANSWER,
    19: LegOutcome.NO_ANSWER,
    20: LegOutcome.UNREACHABLE,
    21: LegOutcome.DECLINED,
    22: LegOutcome.UNKNOWN,
    26: LegOutcome.ANSWERED_ELSEWHERE,
    27: LegOutcome.UNREACHABLE,
    28: LegOutcome.UNKNOWN,
}


def leg_outcome(cause: int, *, rang: bool) -> LegOutcome:
    """What a leg's end means, from its Q.850 hangup cause.

    A destination that cannot be reached and one that nobody picks up both end with cause 18 or 19; only the second
    ever rang. A cause this table does not know is a failure, never an answer.
    """
    outcome = _BY_CAUSE.get(cause, LegOutcome.FAILED)
    if outcome is LegOutcome.NO_ANSWER and not rang:
        return LegOutcome.UNREACHABLE
    return outcome


@dataclass(frozen=True, slots=True)
class LegEnd:
    """Why a leg is over before it was answered: outcome, Q.850 cause (0 when none was given) and words for people."""

    outcome: LegOutcome
    cause: int = 0
    text: str = ""


class CallerEnd(StrEnum):
    """How the caller left. ``CANCELLED`` is a hang-up before we answered.

    A caller who vanished without a word is ``HUNG_UP``: Asterisk ends the channel for the silence of its RTP, and tells
    of that just as of a BYE. ``TO_FALLBACK`` and ``TO_SUCCESSOR``: the caller is there still, but the dialplan's
    fallback has the call now, or it is left to the controller that comes after this one; its verdict is theirs to give.
    """

    CANCELLED = "cancelled"
    HUNG_UP = "hung_up"
    LINE_LOST = "line_lost"
    TO_FALLBACK = "to_fallback"
    TO_SUCCESSOR = "to_successor"

    @property
    def handed_on(self) -> bool:
        """Whether somebody else goes on with the call."""
        return self in (CallerEnd.TO_FALLBACK, CallerEnd.TO_SUCCESSOR)


class PlayEnd(StrEnum):
    """How a prompt ended. ``CUT_SHORT``: by a key that the caller pressed."""

    PLAYED = "played"
    CUT_SHORT = "cut_short"
    FAILED = "failed"
    OVERDUE = "overdue"


class RecordEnd(StrEnum):
    """What ended a recording, as far as can be told while it runs."""

    FINISHED = "finished"
    CALLER_LEFT = "caller_left"
    OVERDUE = "overdue"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording as its file shows it, not as its event says.

    ``seconds`` is the audio's length; ``voiced_seconds`` is how much of it is louder than silence; ``name`` is where it
    is kept; ``trouble`` says what went wrong with it, if anything. ``waits_at`` names the application in whose Asterisk
    it waits to be taken later; empty: it is here, or will never be.
    """

    name: str
    seconds: float
    voiced_seconds: float
    trouble: str = ""
    waits_at: str = ""


class HangUpCause(StrEnum):
    """Why we end the caller's side ourselves; the adapter turns it into the signalling's own words."""

    NORMAL = "normal"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNKNOWN_NUMBER = "unknown_number"
    CONGESTION = "congestion"
    ANSWERED_ELSEWHERE = "answered_elsewhere"

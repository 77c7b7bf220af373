"""What a recording is worth: a message, or none and why; also one that could only be looked at long after its call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ari_app.core.deployment import Deployment
from ari_app.core.endings import CallFacts
from ari_app.core.message_book import MessageBook
from ari_app.core.messages import Intent
from ari_app.core.notices import of_call
from ari_app.core.outcomes import Recorded
from ari_app.core.timeline import Entry, Kind, Note, Scalar
from ari_app.core.verdict import Verdict, derive


def worth(recorded: Recorded, min_seconds: float) -> Note:
    """Whether it is a message, and if not, why: by what its file holds, never by what was said of it."""
    seconds, voiced = round(recorded.seconds, 1), round(recorded.voiced_seconds, 1)
    if recorded.seconds >= min_seconds and recorded.voiced_seconds > 0:
        return Note(Kind.MESSAGE_LEFT, {"seconds": seconds, "name": recorded.name})
    why = "too_short" if recorded.seconds < min_seconds else "silent"
    details: dict[str, Scalar] = {"why": why, "seconds": seconds, "voiced": voiced, "min_seconds": min_seconds}
    return Note(Kind.MESSAGE_DISCARDED, details)


@dataclass(frozen=True, slots=True)
class Terms:
    """What messages are decided by: the rules in force, and the deployment's own."""

    book: MessageBook
    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Amended:
    """What becomes of a closed call: further entries of its timeline, its verdict as it is now, messages to send."""

    entries: tuple[Entry, ...]
    verdict: Verdict
    is_message: bool
    intents: tuple[Intent, ...] = ()


@dataclass(frozen=True, slots=True)
class LateCall:
    """A call that ended at ``ended_at`` (aware) with its recording owed. ``decided``: its messages were decided as if
    there were no recording, because that did not come in time."""

    facts: CallFacts
    ended_at: datetime
    min_seconds: int
    decided: bool = False

    def after(self, recorded: Recorded, terms: Terms, at: datetime) -> Amended:
        """What follows from the recording, taken at last ``at`` an aware moment. The team hears of a message by what is
        in force now; a call that was lost after all brings what it would have brought at its end."""
        late_seconds = round((at - self.ended_at).total_seconds(), 1)
        found = worth(recorded, self.min_seconds)
        what = self._entries((_note(Kind.RECORDING_CAME, late=late_seconds), found), at)
        verdict = derive((*self.facts.timeline, *what))
        if verdict != self.facts.verdict:
            what += self._entries((_verdict(verdict),), at)
        amended = Amended(what, verdict, found.kind is Kind.MESSAGE_LEFT)
        return amended if self.decided and not amended.is_message else self._with_messages(amended, terms, at)

    def without(self, terms: Terms, at: datetime) -> Amended:
        """What follows when the recording has kept the messages waiting for long enough."""
        return self._with_messages(Amended((), self.facts.verdict, is_message=False), terms, at)

    def _with_messages(self, amended: Amended, terms: Terms, at: datetime) -> Amended:
        facts = replace(self.facts, verdict=amended.verdict, timeline=(*self.facts.timeline, *amended.entries))
        due = at if amended.is_message else self.ended_at
        decided = of_call(facts, terms.book, terms.deployment, due)
        entries = (*amended.entries, *self._entries(decided.notes, at))
        return replace(amended, entries=entries, intents=decided.intents)

    def _entries(self, notes: Iterable[Note], at: datetime) -> tuple[Entry, ...]:
        at_ms = max(0, round((at - self.facts.at).total_seconds() * 1000))
        return tuple(Entry(at_ms, note.kind, note.details) for note in notes)


def _note(kind: Kind, **details: Scalar) -> Note:
    return Note(kind, details)


def _verdict(verdict: Verdict) -> Note:
    return _note(
        Kind.VERDICT,
        disposition=verdict.disposition.value,
        reason=verdict.reason.value,
        answered_by=verdict.answered_by,
    )

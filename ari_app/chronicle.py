"""One call's chronicle: gives each happening its time, keeps the timeline, tells the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.core.scheme import Destination
from ari_app.core.standing import LegStanding
from ari_app.core.timeline import Entry, Kind, Note, Scalar
from ari_app.ports import Journal, LegRecord


class Chronicle:
    """The record of one call as it happens. Times are of the event loop's clock, which never jumps.

    ``so_far`` is what another process has written of it, whose call began ``seconds_ago``.
    """

    def __init__(self, call_id: str, journal: Journal, so_far: Iterable[Entry] = (), seconds_ago: float = 0.0) -> None:
        self.call_id = call_id
        self.entries: list[Entry] = [*so_far]
        self.sealed = False
        self._kinds: set[Kind] = {entry.kind for entry in self.entries}
        self._journal = journal
        self._clock = asyncio.get_running_loop().time
        # The other's clock may have been another one: what comes now is not before what has been.
        last = max((entry.at_ms for entry in self.entries), default=0) / 1000
        self._began = self._clock() - max(seconds_ago, last)

    @property
    def now_ms(self) -> int:
        """Milliseconds since the call arrived."""
        return round((self._clock() - self._began) * 1000)

    def note(self, kind: Kind, **details: Scalar) -> None:
        """Write down that something happened, now."""
        self._write(Entry(self.now_ms, kind, details))

    def extend(self, notes: Iterable[Note]) -> None:
        """Write down what the engine decided, now."""
        for note in notes:
            self._write(Entry(self.now_ms, note.kind, note.details))

    def happened(self, kind: Kind) -> bool:
        """Whether something of this kind is on record."""
        return kind in self._kinds

    def seal(self) -> None:
        """Somebody else goes on with the record: nothing more is written into it."""
        self.sealed = True

    def _write(self, entry: Entry) -> None:
        if self.sealed:
            return
        self.entries.append(entry)
        self._kinds.add(entry.kind)
        self._journal.noted(self.call_id, entry)

    def leg(self, step: int, leg_id: str, destination: Destination) -> LegChronicle:
        """Begin the record of one leg."""
        leg = LegStanding(leg_id, step, destination.target, destination.timeout, self.now_ms)
        shows = {"shows": destination.caller_id} if destination.caller_id else {}
        self.note(Kind.LEG_DIALED, leg=leg_id, destination=destination.target, timeout=destination.timeout, **shows)
        return LegChronicle(self, self._journal, leg)


class LegChronicle:
    """The record of one leg, from dialing to its end; written to the journal exactly once. ``leg`` is how far it is
    already on record."""

    def __init__(self, call: Chronicle, journal: Journal, leg: LegStanding) -> None:
        self.leg_id = leg.leg_id
        self.destination = leg.destination
        self.dialed_ms = leg.dialed_ms
        self._call = call
        self._journal = journal
        self._step = leg.step
        self._rang_ms = leg.rang_ms
        self._answered_ms = leg.answered_ms
        self._closed = False

    @property
    def has_rung(self) -> bool:
        """Whether it is on record that the destination rings."""
        return self._rang_ms is not None

    def rang(self) -> None:
        """The destination rings."""
        if self._rang_ms is None and not self._closed:
            self._rang_ms = self._call.now_ms
            self._call.note(Kind.LEG_RANG, leg=self.leg_id, destination=self.destination)

    def answered(self) -> None:
        """The destination picked up."""
        if self._answered_ms is None:
            self._answered_ms = self._call.now_ms
            self._call.note(Kind.LEG_ANSWERED, leg=self.leg_id, destination=self.destination)

    def ended(self, end: LegEnd) -> None:
        """The leg is over; later words about it are not listened to."""
        if self._closed or self._call.sealed:
            return
        self._closed = True
        now, target = self._call.now_ms, self.destination
        if end.outcome is not LegOutcome.ANSWERED:
            details: dict[str, Scalar] = {"outcome": end.outcome.value, "cause": end.cause, "text": end.text}
            self._call.note(Kind.LEG_ENDED, leg=self.leg_id, destination=target, **details)
        self._journal.leg(
            LegRecord(
                call_id=self._call.call_id,
                leg_id=self.leg_id,
                step=self._step,
                destination=target,
                dialed_ms=self.dialed_ms,
                rang_ms=self._rang_ms,
                answered_ms=self._answered_ms,
                ended_ms=now,
                outcome=end.outcome,
                cause=end.cause,
                cause_text=end.text,
            )
        )

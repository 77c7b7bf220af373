"""Counts calls, by a journal that passes on to the real one whatever it is told."""

from __future__ import annotations

from ari_app.core.outcomes import LegOutcome
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, Reason
from ari_app.monitoring import catalogue
from ari_app.monitoring.meters import Meters
from ari_app.ports import CallAmended, CallClosed, CallOpened, CallRouted, Journal, LegRecord, MessageRecord

_DECISIONS = {Kind.MESSAGE_QUEUED: "queued", Kind.MESSAGE_WITHHELD: "withheld", Kind.NO_MESSAGE: "none"}
_TROUBLES = ("program", "line", "prompt", "recording", "messages", "ringing tone", "connection")
_COMMON_LEGS = (
    *((LegOutcome.BUSY, 17), (LegOutcome.NO_ANSWER, 19), (LegOutcome.DECLINED, 21), (LegOutcome.ANSWERED, 16)),
    (LegOutcome.OVER_CAP, 0),
)
HIGHEST_CAUSE = 127
"""Of Q.850, whose causes have seven bits."""


class CountingJournal:
    """An `ari_app.ports.Journal` that counts what ``journal`` is told. Called on the event loop alone."""

    def __init__(self, journal: Journal, meters: Meters) -> None:
        self._journal = journal
        self._rung: dict[str, bool] = {}
        self._arrived = meters.counter(catalogue.ARRIVED)
        self._calls = meters.counter(catalogue.CALLS)
        self._legs = meters.counter(catalogue.LEGS)
        self._voicemail = meters.counter(catalogue.VOICEMAIL)
        self._troubles = meters.counter(catalogue.TROUBLES)
        self._decisions = meters.counter(catalogue.DECISIONS)
        self._first_ring = meters.histogram(catalogue.FIRST_RING)
        self._connected = meters.histogram(catalogue.CONNECTED)
        meters.read(catalogue.LIVE, lambda: len(self._rung))
        self._begin_at_nought()

    def _begin_at_nought(self) -> None:
        """A series that appears with a 1 has no increase that Prometheus could see."""
        for disposition, reason in verdicts():
            self._calls.labels(disposition.value, reason.value)
        for outcome, cause in _COMMON_LEGS:
            self._legs.labels(outcome.value, str(cause))
        for what in _TROUBLES:
            self._troubles.labels(what)
        for decision in _DECISIONS.values():
            self._decisions.labels(decision)

    def opened(self, call: CallOpened) -> None:
        """A call has arrived."""
        self._rung[call.call_id] = False
        self._arrived.inc()
        self._journal.opened(call)

    def routed(self, call: CallRouted) -> None:
        """The call's scheme and branch are known."""
        self._journal.routed(call)

    def noted(self, call_id: str, entry: Entry) -> None:
        """Something happened in the call."""
        match entry.kind:
            case Kind.LEG_RANG if self._rung.get(call_id) is False:
                self._rung[call_id] = True
                self._first_ring.observe(entry.at_ms / 1000)
            case Kind.RECOVERED:
                self._rung.setdefault(call_id, True)  # begun by another process, where it counted as arrived
            case Kind.HANDED_ON:
                self._rung.pop(call_id, None)
            case Kind.CONNECTED:
                self._connected.observe(entry.at_ms / 1000)
            case Kind.TROUBLE:
                what = str(entry.details.get("what"))
                self._troubles.labels(what if what in _TROUBLES else "other").inc()
            case Kind.MESSAGE_QUEUED | Kind.MESSAGE_WITHHELD | Kind.NO_MESSAGE:
                self._decisions.labels(_DECISIONS[entry.kind]).inc()
        self._journal.noted(call_id, entry)

    def leg(self, leg: LegRecord) -> None:
        """A leg is over."""
        cause = leg.cause if 0 <= leg.cause <= HIGHEST_CAUSE else HIGHEST_CAUSE
        self._legs.labels(leg.outcome.value, str(cause)).inc()
        self._journal.leg(leg)

    def message(self, message: MessageRecord) -> None:
        """The caller left a message."""
        self._voicemail.inc()
        self._journal.message(message)

    def closed(self, call: CallClosed) -> None:
        """The call is over."""
        self._rung.pop(call.call_id, None)
        self._calls.labels(call.verdict.disposition.value, call.verdict.reason.value).inc()
        self._journal.closed(call)

    def amended(self, call: CallAmended) -> None:
        """A recording that was owed has come; the verdict was counted when the call ended."""
        if call.message is not None:
            self._voicemail.inc()
        for entry in call.entries:
            if entry.kind in _DECISIONS:
                self._decisions.labels(_DECISIONS[entry.kind]).inc()
        self._journal.amended(call)


def verdicts() -> list[tuple[Disposition, Reason]]:
    """Every verdict that there can be: a call that was lost was lost for any reason but these two."""
    kept = [(Disposition.ANSWERED, Reason.TALKED), (Disposition.MESSAGE_LEFT, Reason.MESSAGE)]
    return [*kept, *((Disposition.LOST, reason) for reason in Reason if reason not in dict(kept).values())]

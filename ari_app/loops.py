"""Stops calls that go in circles: a destination outside that forwards back to the number it was rung for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from ari_app.chronicle import Chronicle
from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.core.scheme import Destination
from ari_app.core.timeline import Kind
from ari_app.ports import CallOpened, LegRefused

ROUNDS = 3
"""So many unanswered calls of one caller to one number, each ringing somebody, and the next is taken for a circle."""


class LoopGuard:
    """Knows the calls under way by caller and dialled number.

    Schemes that forward to a number of ours are refused when they are loaded; what a mobile is set to do is seen here
    alone. Each round of a circle comes back as one more call with the caller's id, while those before it still ring. A
    caller without an id cannot be told from others, and is let pass: Asterisk's limits end such a circle.
    """

    def __init__(self, rounds: int = ROUNDS) -> None:
        self._rounds = rounds
        self._live: defaultdict[tuple[str, str], set[Chronicle]] = defaultdict(set)

    @contextmanager
    def watching(self, call: CallOpened, chronicle: Chronicle) -> Iterator[bool]:
        """Count the call while the block runs; the value says whether it closes a circle."""
        if call.caller is None or call.dialled is None:
            yield False
            return
        key = (call.caller, call.dialled)
        ringing = sum(_rings(other) for other in self._live[key])
        self._live[key].add(chronicle)
        try:
            yield ringing >= self._rounds
        finally:
            self._live[key].discard(chronicle)
            if not self._live[key]:
                del self._live[key]


def refuse_forwarder(call: CallOpened, destination: Destination) -> None:
    """Nobody is rung for a call that he has forwarded to us: it would come back. Not every network says who has.

    Raises:
        LegRefused: the destination has.
    """
    if call.diverted_by is not None and destination.target == call.diverted_by:
        raise LegRefused(LegEnd(LegOutcome.REFUSED, text="it has forwarded this call to us"))


def _rings(call: Chronicle) -> bool:
    """Whether somebody outside is rung for this call: named endpoints of ours forward nothing."""
    outside = (entry.kind is Kind.LEG_DIALED and str(entry.details["destination"])[:1] == "+" for entry in call.entries)
    return not call.happened(Kind.CONNECTED) and any(outside)

"""The life of a message: its states, what a gateway may say of it, and what follows; drawn in docs/messages.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


TRANSITIONS: Mapping[State, frozenset[State]] = {
    # Delivered: a gateway that had said it never got it was wrong; what has arrived is not sent again.
    State.QUEUED: frozenset({State.SENDING, State.CANCELLED, State.EXPIRED, State.FAILED, State.DELIVERED}),
    # Back to queued only when it is known that nothing was sent. A receipt may overtake the answer to the sending.
    State.SENDING: frozenset(
        {State.QUEUED, State.SENT, State.DELIVERED, State.UNDELIVERED, State.FAILED, State.UNKNOWN}
    ),
    # Failed: the gateway had taken it, and says now that it never sent it on.
    State.SENT: frozenset({State.DELIVERED, State.UNDELIVERED, State.FAILED}),
    # Asked of the gateway: it has it, it has not (and so it may be sent again), or we never learn.
    State.UNKNOWN: frozenset({State.SENT, State.DELIVERED, State.UNDELIVERED, State.FAILED, State.QUEUED}),
    State.DELIVERED: frozenset(),
    # Queued: by hand, by somebody who has been told why it failed. Delivered: receipts come in any order.
    State.UNDELIVERED: frozenset({State.DELIVERED, State.QUEUED}),
    State.FAILED: frozenset({State.DELIVERED, State.QUEUED}),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""Every step that a message may take; whatever else is asked for leaves it where it is."""


def may_become(present: State, wanted: State) -> bool:
    """Whether a message may go from one state to another."""
    return wanted in TRANSITIONS[present]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gateway has the message, under ``gateway_id`` (empty if it gives none). ``price`` is what it says it charged,
    as it writes it."""

    gateway_id: str = ""
    price: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The message was not sent and never will be, by this gateway or another: a number that does not exist, say."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """It is known that nothing was sent, and it may be tried again, here or elsewhere: no connection, 429, no balance.

    ``retry_after`` is in seconds, where the gateway said so.
    """

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Whether it was sent is not known: the connection broke after the request had gone out."""

    reason: str


Outcome = Accepted | Refused | Unavailable | Unclear
"""What came of one attempt."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a gateway says of a message later, pushed or asked for.

    It is found by ``ref`` (our id) or by ``gateway_id``; one of them is given. ``state`` is SENT (the gateway has it),
    DELIVERED, UNDELIVERED, FAILED, or QUEUED: the gateway knows for sure that it never had it.
    """

    state: State
    ref: str = ""
    gateway_id: str = ""
    reason: str = ""


BACKOFF_SECONDS = (10, 30, 120, 300, 900, 1800)
"""After the first failed attempt, the second and so on; the last one repeats until the message expires."""


def backoff(attempts: int, retry_after: float | None = None) -> timedelta:
    """How long to wait after so many failed attempts (1 or more); a gateway's own wish counts, up to an hour."""
    ours = BACKOFF_SECONDS[min(attempts, len(BACKOFF_SECONDS)) - 1]
    return timedelta(seconds=max(float(ours), min(retry_after or 0.0, 3600.0)))


ASK_AFTER_SECONDS = (30, 120, 600, 3600, 3 * 3600, 12 * 3600, 24 * 3600, 48 * 3600, 72 * 3600)
"""How long after the sending the gateway is asked how it went, where nothing was heard; then never again."""


def next_asking(since: datetime, at: datetime) -> datetime | None:
    """When, after ``at``, a gateway is asked of a message sent ``since`` (both aware); None: often enough by then."""
    moments = (since + timedelta(seconds=seconds) for seconds in ASK_AFTER_SECONDS)
    return next((moment for moment in moments if moment > at), None)

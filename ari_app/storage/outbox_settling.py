"""Enters what came of a sending: only from the states that it may follow, and only for who holds the lease."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import Accepted, Outcome, Refused, State, Unavailable, Unclear, backoff, may_become
from ari_app.core.release import Limits
from ari_app.outbox_ports import Held, InHand, Released
from ari_app.storage.columns import storable
from ari_app.storage.outbox_claims import mark
from ari_app.storage.outbox_counts import counts_of, take_back
from ari_app.storage.outbox_facts import waiting
from ari_app.storage.outbox_rows import ITS_ID, MessageRow, become, change, locked, locking
from ari_app.storage.outbox_schema import messages
from ari_app.storage.receipts import apply_early_reports, lock_gateway_id

_OF_THE_LEASE = locking(ITS_ID, messages.c.lease == sa.bindparam("its_lease"))
_OF_THE_ATTEMPT = locking(
    ITS_ID, messages.c.lease == sa.bindparam("its_lease"), messages.c.attempts == sa.bindparam("attempt")
)
_BEING_SENT = locking(ITS_ID, messages.c.state == State.SENDING.value)
_LET_GO: dict[str, None] = {"lease": None, "leased_until": None}


def turn_to(connection: sa.Connection, released: Released, gateway: str, at: datetime, until: datetime) -> bool:
    """Enter that another gateway is tried, before it is: whoever finds the message must know whom to ask."""
    message = _ours(connection, released)
    if message is None or message.state is not State.SENDING:
        return False
    become(connection, message, State.SENDING, "", at, gateway=gateway, leased_until=until)
    return True


def undo(connection: sa.Connection, held: Held, at: datetime) -> None:
    """Queue a message again whose release broke off, so that nobody knows whether it was committed; no gateway was
    told. What it may have been counted for stays counted."""
    message = locked(connection, _OF_THE_LEASE, message=held.id, its_lease=held.lease)
    if message is None:
        return
    if message.state in (State.SENDING, State.UNKNOWN):
        become(connection, message, State.QUEUED, "the database failed before it was sent", at, ask_at=None, **_LET_GO)
    elif message.state is State.QUEUED:
        change(connection, message.id, _LET_GO)


def settle(
    connection: sa.Connection,
    released: Released,
    outcome: Outcome,
    at: datetime,
    *,
    ask_at: datetime | None,
    limits: Limits,
) -> State | None:
    """Enter what came of it; the state that the message is in then, None if it is no longer this sender's.

    A message that was given up meanwhile as unknown is brought to the truth; one that a receipt has settled already
    stays there.
    """
    if isinstance(outcome, Accepted):
        lock_gateway_id(connection, outcome.gateway_id)
    message = _ours(connection, released)
    if message is None:
        return None
    match outcome:
        case Accepted():
            return _accepted(connection, message, outcome, at, ask_at)
        case Refused() | Unavailable():
            return _not_sent(connection, message, released, outcome, at, limits=limits)
        case Unclear(reason):
            if not may_become(message.state, State.UNKNOWN):
                return message.state
            become(connection, message, State.UNKNOWN, reason, at, ask_at=ask_at, **_LET_GO)
            return State.UNKNOWN


def _ours(connection: sa.Connection, released: Released) -> MessageRow | None:
    """The message, whatever has become of it, if nobody has begun it anew since."""
    held = released.held
    return locked(connection, _OF_THE_ATTEMPT, message=held.id, its_lease=held.lease, attempt=released.attempts)


def _accepted(
    connection: sa.Connection, message: MessageRow, outcome: Accepted, at: datetime, ask_at: datetime | None
) -> State:
    known: dict[str, Any] = {
        "gateway_id": storable(outcome.gateway_id) or message.gateway_id,
        "price": storable(outcome.price) or None,
        "sent_at": at,
        **_LET_GO,
    }
    state = message.state
    if may_become(state, State.SENT):
        state = State.SENT
        become(connection, message, state, "", at, ask_at=ask_at, **known)
    else:
        change(connection, message.id, known)
    if message.gateway and outcome.gateway_id:
        state = apply_early_reports(connection, message.gateway, outcome.gateway_id, at) or state
    return state


def _not_sent(
    connection: sa.Connection,
    message: MessageRow,
    released: Released,
    outcome: Refused | Unavailable,
    at: datetime,
    *,
    limits: Limits,
) -> State:
    """It is known that nothing went out: the counts are given back."""
    wanted = State.FAILED if isinstance(outcome, Refused) else State.QUEUED
    if message.state not in (State.SENDING, State.UNKNOWN):
        return message.state
    columns: dict[str, Any] = {"ask_at": None, **_LET_GO}
    if isinstance(outcome, Unavailable):
        again = at + backoff(message.attempts, outcome.retry_after)
        columns["due_at"] = min(again, message.expires_at + timedelta(seconds=1))
    become(connection, message, wanted, outcome.reason, at, **columns)
    if waiting(message).is_text_to_client:
        for count in counts_of(message.recipient, message.parts, limits, released.counted_at):
            take_back(connection, count)
    return wanted


def rescue(connection: sa.Connection, found: InHand, reason: str, at: datetime, *, ask_at: datetime | None) -> bool:
    """Settle a message as unknown whose sender is dead; False if that sender has done something after all.

    The lease stays: should the sender not be dead but slow, it still enters the truth.
    """
    message = locked(connection, _BEING_SENT, message=found.id)
    if message is None or found.mark != mark(message.lease, message.attempts, message.leased_until, message.gateway):
        return False
    become(connection, message, State.UNKNOWN, reason, at, ask_at=ask_at)
    return True

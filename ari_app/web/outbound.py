"""Calls that the company made, told by its own telephone system: rows of the journal that withdraw an apology."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ari_app.core.delivery import State
from ari_app.core.verdict import Disposition, Reason
from ari_app.storage.outbox_schema import messages
from ari_app.storage.records import calls
from ari_app.web.event_models import OutboundCall


@dataclass(frozen=True, slots=True)
class Journalled:
    """The row that there is now, whether it is new, and what follows from it."""

    id: str
    new: bool
    reason: str


def journal_outbound(connection: sa.Connection, call: OutboundCall, event_id: str) -> Journalled:
    """Enter a call that the company made, once for each ``event_id``. Whether an apology is withdrawn for it is seen
    by the outbox when the apology comes due."""
    call_id = f"{call.at:%Y%m%d-%H%M%S}-{hashlib.sha256(event_id.encode()).hexdigest()[:10]}"
    ended_ms = call.seconds * 1000
    row = {
        "id": call_id,
        "arrived_at": call.at,
        "caller": call.number,
        "caller_raw": call.number,
        "dialled": call.client,
        "dialled_raw": call.client,
        "direction": "outbound",
        "number": call.number,
        "disposition": (Disposition.ANSWERED if call.answered else Disposition.LOST).value,
        "reason": (Reason.TALKED if call.answered else Reason.NOBODY_ANSWERED).value,
        "answered_by": call.client if call.answered else None,
        "ended_ms": ended_ms,
        "ended_at": call.at + timedelta(milliseconds=ended_ms),
    }
    insert = postgresql.insert(calls) if connection.dialect.name == "postgresql" else sqlite.insert(calls)
    entered = connection.execute(insert.on_conflict_do_nothing(index_elements=["id"]).values(row).returning(calls.c.id))
    new = entered.scalar_one_or_none() is not None
    return Journalled(call_id, new, _what_follows(connection, call))


def _what_follows(connection: sa.Connection, call: OutboundCall) -> str:
    if not call.answered:
        return "the client was not reached: whatever message waits is sent"
    waiting = connection.scalar(
        sa.select(sa.func.count())
        .select_from(messages)
        .where(
            messages.c.client == call.client,
            messages.c.state == State.QUEUED.value,
            messages.c.withdraw_if_reached,
            messages.c.created_at <= call.at + timedelta(seconds=call.seconds),
        )
    )
    if not waiting:
        return "the client was reached; no message waits that would be withdrawn for it"
    return f"the client was reached: {waiting} that waited will not be sent"

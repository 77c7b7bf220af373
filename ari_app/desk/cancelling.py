"""Takes queued messages back before they are sent; what a sender has in hand is not touched."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.storage.columns import storable
from ari_app.storage.outbox_schema import message_events, messages


def queued(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Those of the messages that wait to be sent."""
    return which & (messages.c.state == State.QUEUED.value)


def count_queued(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    """How many of the messages wait to be sent."""
    return connection.execute(sa.select(sa.func.count()).select_from(messages).where(queued(which))).scalar_one()


def cancel_queued(connection: sa.Connection, which: sa.ColumnElement[bool], reason: str, at: datetime) -> list[int]:
    """Cancel those of the messages that wait to be sent; their ids. ``at`` is aware."""
    reason = storable(reason)
    cancelled = {"state": State.CANCELLED.value, "reason": reason, "settled_at": at}
    changed = sa.update(messages).where(queued(which)).values(cancelled).returning(messages.c.id)
    ids = sorted(connection.scalars(changed))
    told = [{"message_id": one, "at": at, "state": State.CANCELLED.value, "reason": reason} for one in ids]
    if told:
        connection.execute(sa.insert(message_events), told)
    return ids

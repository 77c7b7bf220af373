"""Takes queued messages back before they are sent; what a sender has in hand is not touched."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.storage.outbox_rows import as_message, become
from ari_app.storage.outbox_schema import messages


def queued(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Those of the messages that wait to be sent."""
    return which & (messages.c.state == State.QUEUED.value)


def count_queued(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    """How many of the messages wait to be sent."""
    return connection.execute(sa.select(sa.func.count()).select_from(messages).where(queued(which))).scalar_one()


def cancel_queued(connection: sa.Connection, which: sa.ColumnElement[bool], reason: str, at: datetime) -> int:
    """Cancel those of the messages that wait to be sent; how many they are. ``at`` is aware."""
    waiting = sa.select(messages).where(queued(which)).order_by(messages.c.id).with_for_update()
    found = [as_message(row) for row in connection.execute(waiting)]
    for message in found:
        become(connection, message, State.CANCELLED, reason, at)
    return len(found)

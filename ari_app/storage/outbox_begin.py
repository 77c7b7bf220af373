"""Begins with a message that a sender has in hand: reads it, and what is read with it at no further cost, and keeps it
from other writers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.outbox_ports import Held
from ari_app.storage.outbox_counts import Pace, Turn, next_at
from ari_app.storage.outbox_rows import ITS_ID, MessageRow, as_message, locked, locking
from ari_app.storage.outbox_schema import messages
from ari_app.storage.records import calls

_STILL_OURS = (ITS_ID, messages.c.lease == sa.bindparam("its_lease"), messages.c.state == State.QUEUED.value)
_QUEUED = locking(*_STILL_OURS)
_PACES = ("pace", "other_pace")
"""A message has its channel's at most, and its gateway's."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A message that is ours to send. ``turns`` are those of its paces; ``since`` is when the call arrived that brought
    it, or else when it was taken in."""

    message: MessageRow
    since: datetime
    turns: Sequence[Turn]

    def seconds_to_wait(self, at: datetime) -> float:
        """How long from ``at`` (aware) until all the paces let it go; 0: now."""
        return max((turn.seconds_to_wait(at) for turn in self.turns), default=0.0)


def queued(connection: sa.Connection, held: Held) -> MessageRow | None:
    """The message, if it is still ours to begin."""
    return locked(connection, _QUEUED, message=held.id, its_lease=held.lease)


def begin(connection: sa.Connection, held: Held, paces: Sequence[Pace]) -> Begun | None:
    """As `queued`, with what its release goes by. Whoever begins with another message of its kind to its recipient
    waits until this transaction ends, and so sees what it has decided: on SQLite anyway, where one writes at a time."""
    placed = dict(zip(_PACES, paces, strict=False))  # there may be fewer
    names = {column: placed[column].name if column in placed else None for column in _PACES}
    values = {"message": held.id, "its_lease": held.lease, **names}
    row = connection.execute(_beginning(connection.dialect.name), values).one_or_none()
    if row is None:
        return None
    message = as_message(row)
    turns = tuple(Turn(pace, row._mapping[f"{column}_at"]) for column, pace in placed.items())
    return Begun(message, row.call_arrived_at or message.created_at, turns)


@functools.cache
def _beginning(dialect: str) -> sa.Select[Any]:
    columns: list[sa.ColumnElement[Any]] = [next_at(pace).label(f"{pace}_at") for pace in _PACES]
    if dialect == "postgresql":
        columns.append(_IN_ORDER)
    return (
        sa.select(messages, calls.c.arrived_at.label("call_arrived_at"), *columns)
        .select_from(messages.outerjoin(calls, calls.c.id == messages.c.call_id))
        .where(*_STILL_OURS)
        .with_for_update(of=messages)
    )


_ITS_LIKE = sa.func.concat("once ", messages.c.kind, " ", messages.c.channel, " ", messages.c.recipient)
_LOCK = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(_ITS_LIKE, 0))
_IN_ORDER = sa.case((messages.c.once_in_hours > 0, _LOCK)).label("in_order")
"""Had when the statement ends, and so before the next looks for another message to the same recipient."""

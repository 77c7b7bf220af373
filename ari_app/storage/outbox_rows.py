"""A message's row, and the one way in which its state changes: with its history, and its call's timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.timeline import Kind
from ari_app.storage.columns import Details, PlainText, storable
from ari_app.storage.outbox_events import tell_systems
from ari_app.storage.outbox_schema import message_events, messages
from ari_app.storage.records import call_events, calls

_TOLD_TO_THE_CALL = {
    State.SENT: Kind.MESSAGE_SENT,
    State.DELIVERED: Kind.MESSAGE_SENT,
    State.UNDELIVERED: Kind.MESSAGE_FAILED,
    State.FAILED: Kind.MESSAGE_FAILED,
    State.UNKNOWN: Kind.MESSAGE_UNCLEAR,
    State.CANCELLED: Kind.MESSAGE_WITHHELD,
    State.EXPIRED: Kind.MESSAGE_WITHHELD,
}
LONGEST_MS = 2**31 - 1
"""What PostgreSQL's integer holds: 24 days after the call."""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as the outbox has it; each field is the column of its name."""

    id: int
    key: str
    ref: str
    created_at: datetime
    kind: MessageKind
    channel: Channel
    audience: Audience
    recipient: str
    client: str | None
    subject: str
    text: str
    parts: int
    rule_id: int | None
    rule: str | None
    team: str | None
    call_id: str | None
    item: str | None
    attachment: str | None
    once_in_hours: int
    withdraw_if_reached: bool
    needs_ticket: bool
    forced: bool
    bulk: bool
    asked_by: str
    due_at: datetime
    expires_at: datetime
    state: State
    reason: str
    attempts: int
    lease: str | None
    leased_until: datetime | None
    gateway: str | None
    gateway_id: str | None
    price: str | None
    sent_at: datetime | None
    settled_at: datetime | None
    ask_at: datetime | None


_FIELDS = tuple(field.name for field in fields(MessageRow))


def as_message(row: sa.Row[Any]) -> MessageRow:
    """The row of a ``SELECT`` of the whole table, whatever is selected beside, in the core's words."""
    columns = row._mapping
    found = {name: columns[name] for name in _FIELDS}
    found["kind"] = MessageKind(found["kind"])
    found["channel"] = Channel(found["channel"])
    found["audience"] = Audience(found["audience"])
    found["state"] = State(found["state"])
    for name in ("withdraw_if_reached", "needs_ticket", "forced", "bulk"):
        found[name] = bool(found[name])
    return MessageRow(**found)


def locking(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The statement by which `locked` finds a message. It is built once and given its values when it runs: to build one
    costs several times what running it does, and a message takes a dozen."""
    return sa.select(messages).where(*conditions).with_for_update()


ITS_ID = messages.c.id == sa.bindparam("message")
BY_ID = locking(ITS_ID)
"""The message of this id: `locked` takes it as ``message``."""


def locked(connection: sa.Connection, statement: sa.Select[Any], **values: Any) -> MessageRow | None:
    """The one message that ``statement`` finds with ``values``, kept from other writers until the transaction ends;
    None: there is none."""
    row = connection.execute(statement, values).one_or_none()
    return as_message(row) if row else None


_CHANGE = sa.update(messages).where(ITS_ID)


def change(connection: sa.Connection, message_id: int, columns: Mapping[str, Any]) -> None:
    """Change columns of a locked message, and nothing else."""
    connection.execute(_CHANGE, {"message": message_id, **columns})


def become(
    connection: sa.Connection,
    message: MessageRow,
    state: State,
    reason: str,
    at: datetime,
    *,
    gateway: str | None = None,
    **columns: Any,
) -> None:
    """Bring a locked message to ``state``, with its history's row. Where it ends or is doubted, its call's timeline
    gets an entry, and the team's systems are told. ``columns`` are changed beside; ``gateway`` is whose doing it is."""
    through = gateway or message.gateway
    values = {"state": state.value, "reason": storable(reason), "settled_at": at, "gateway": through, **columns}
    change(connection, message.id, values)
    note(connection, message.id, state, reason, at, gateway=through or "")
    if state not in _TOLD_TO_THE_CALL:
        return
    tell_systems(connection, message, state, reason, at, gateway=through)
    if message.call_id is not None:
        _tell_call(connection, message, state, reason, at, gateway=through)


_NOTE = sa.insert(message_events).inline()


def note(
    connection: sa.Connection, message_id: int, state: State, reason: str, at: datetime, *, gateway: str = ""
) -> None:
    """A row of the message's history."""
    row = {"message_id": message_id, "at": at, "state": state.value, "reason": storable(reason), "gateway": gateway}
    connection.execute(_NOTE, row)


_ITS_CALL = sa.select(calls.c.arrived_at).where(calls.c.id == sa.bindparam("call")).with_for_update(key_share=True)
_ENTRY = {
    "call_id": sa.bindparam("call", type_=PlainText),
    "seq": sa.func.coalesce(sa.func.max(call_events.c.seq), 0) + 1,
    "at_ms": sa.bindparam("since_ms", type_=sa.Integer),
    "kind": sa.bindparam("what", type_=sa.Text),
    "details": sa.bindparam("particulars", type_=Details),
}
_TELL = sa.insert(call_events).from_select(
    list(_ENTRY), sa.select(*_ENTRY.values()).where(call_events.c.call_id == sa.bindparam("call"))
)


def _tell_call(
    connection: sa.Connection, message: MessageRow, state: State, reason: str, at: datetime, *, gateway: str | None
) -> None:
    """An entry at the end of the call's timeline. The call's row is locked, so that two messages of one call do not
    take the same place."""
    arrived_at = connection.scalar(_ITS_CALL, {"call": message.call_id})
    if arrived_at is None:
        return
    details = {
        "message": message.kind.value,
        "channel": message.channel.value,
        "audience": message.audience.value,
        "id": message.id,
        "state": state.value,
        "why": storable(reason),
        **({"rule": message.rule} if message.rule else {}),
        **({"gateway": gateway} if gateway else {}),
    }
    since_ms = int((at - arrived_at).total_seconds() * 1000)
    entry = {
        "call": message.call_id,
        "since_ms": max(0, min(since_ms, LONGEST_MS)),
        "what": _TOLD_TO_THE_CALL[state].value,
        "particulars": details,
    }
    connection.execute(_TELL, entry)  # a statement of its own: what it counts on must be read after the lock is had

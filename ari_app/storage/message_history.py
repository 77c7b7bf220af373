"""Reads the history of messages: page by page with filters, one message with all that became of it, and its sums."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.storage.columns import storable
from ari_app.storage.outbox_schema import message_events, messages
from ari_app.storage.records import calls

_CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CursorError(ValueError):
    """It is no cursor that a page gave out."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Which messages are sought; what is None narrows nothing.

    ``client``, ``recipient`` and ``dialled`` (the number that was called) are exact; ``since`` is included, ``until``
    is not, both are aware.
    """

    client: str | None = None
    recipient: str | None = None
    dialled: str | None = None
    call_id: str | None = None
    rule: str | None = None
    kind: MessageKind | None = None
    channel: Channel | None = None
    state: State | None = None
    audience: Audience | None = None
    team: str | None = None
    item: str | None = None
    asked_by: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the history has it. Moments are UTC; ``asked_by`` is empty for one that came of itself."""

    id: int
    ref: str
    created_at: datetime
    kind: str
    channel: str
    audience: str
    recipient: str
    client: str | None
    subject: str
    text: str
    parts: int
    rule: str | None
    team: str | None
    call_id: str | None
    item: str | None
    attachment: str | None
    bulk: bool
    asked_by: str
    due_at: datetime
    expires_at: datetime
    state: str
    reason: str
    attempts: int
    gateway: str | None
    gateway_id: str | None
    price: str | None
    sent_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a message: when (UTC), which state it came to, why, and the gateway concerned."""

    at: datetime
    state: str
    reason: str
    gateway: str


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, the latest first; ``next`` is the cursor of the page after it, None on the last."""

    messages: tuple[Message, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """So many messages of a kind, channel and state, of so many SMS parts."""

    kind: str
    channel: str
    state: str
    messages: int
    parts: int


_COLUMNS = tuple(messages.c[one.name] for one in fields(Message))


def page(connection: sa.Connection, sought: Sought, *, limit: int = 50, cursor: str | None = None) -> Page:
    """The latest messages that fit, or those after ``cursor``.

    A page takes as long at the end of a million rows as at their beginning.

    Raises:
        CursorError: the cursor is none of ours.
    """
    query = sa.select(*_COLUMNS).where(*_conditions(sought))
    if cursor is not None:
        query = query.where(sa.tuple_(messages.c.created_at, messages.c.id) < sa.tuple_(*_place(cursor)))
    query = query.order_by(messages.c.created_at.desc(), messages.c.id.desc()).limit(limit + 1)
    found = [_message(row) for row in connection.execute(query)]
    return Page(tuple(found[:limit]), _cursor(found[limit - 1]) if len(found) > limit else None)


def _conditions(sought: Sought) -> list[sa.ColumnElement[bool]]:
    exact = (
        "client",
        "recipient",
        "call_id",
        "rule",
        "kind",
        "channel",
        "state",
        "audience",
        "team",
        "item",
        "asked_by",
    )
    wanted = {name: value for name in exact if (value := getattr(sought, name)) is not None}
    found = [messages.c[name] == storable(str(value)) for name, value in wanted.items()]
    if sought.dialled is not None:
        of_number = sa.exists().where(calls.c.id == messages.c.call_id, calls.c.dialled == sought.dialled)
        found.append(of_number)
    return [*found, *_between(sought.since, sought.until)]


def _between(since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    bounds: list[sa.ColumnElement[bool]] = []
    if since is not None:
        bounds.append(messages.c.created_at >= since)
    if until is not None:
        bounds.append(messages.c.created_at < until)
    return bounds


def _cursor(last: Message) -> str:
    return f"{(last.created_at - _EPOCH) // timedelta(microseconds=1)}-{last.id}"


def _place(cursor: str) -> tuple[sa.BindParameter[Any], sa.BindParameter[Any]]:
    match = _CURSOR.fullmatch(cursor)
    try:
        if match is None:
            raise CursorError
        at = _EPOCH + timedelta(microseconds=int(match[1]))
    except (CursorError, OverflowError):
        raise CursorError("this is no cursor that a page of messages gave out; begin again without one") from None
    return (
        sa.bindparam("cursor_at", at, type_=messages.c.created_at.type),
        sa.bindparam("cursor_id", int(match[2]), type_=messages.c.id.type),
    )


def one(connection: sa.Connection, message_id: int) -> Message | None:
    """The message of this id, if there is one."""
    row = connection.execute(sa.select(*_COLUMNS).where(messages.c.id == message_id)).one_or_none()
    return None if row is None else _message(row)


def latest_id(connection: sa.Connection) -> int | None:
    """The id of the message that was taken in last."""
    newest = sa.select(messages.c.id).order_by(messages.c.created_at.desc(), messages.c.id.desc()).limit(1)
    return connection.scalar(newest)


def events_of(connection: sa.Connection, message_id: int) -> tuple[Event, ...]:
    """What became of a message, in order."""
    columns = (message_events.c[name.name] for name in fields(Event))
    query = sa.select(*columns).where(message_events.c.message_id == message_id).order_by(message_events.c.id)
    return tuple(Event(*row) for row in connection.execute(query))


def counts(connection: sa.Connection, since: datetime | None, until: datetime | None) -> list[Count]:
    """How many messages were taken in between ``since`` (included) and ``until`` (not), by kind, channel and state."""
    by = (messages.c.kind, messages.c.channel, messages.c.state)
    sums = (sa.func.count(), sa.func.sum(messages.c.parts))
    query = sa.select(*by, *sums).where(*_between(since, until)).group_by(*by).order_by(*by)
    return [Count(*row) for row in connection.execute(query)]


def _message(row: sa.Row[Any]) -> Message:
    return Message(**{**row._mapping, "bulk": bool(row.bulk)})

"""Reads the journal: which calls there were, everything about one of them, and how many went unanswered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ari_app.core.timeline import Details, Entry, Kind
from ari_app.core.verdict import Disposition
from ari_app.storage.columns import storable
from ari_app.storage.records import call_events, calls, legs, voicemail_messages


class CallNotFoundError(LookupError):
    """No call, or more than one, has an id that begins so; the message says which."""


@dataclass(frozen=True, slots=True)
class JournalledCall:
    """A call as the journal has it. Moments are UTC; milliseconds count from the arrival; what is None while the call
    lasts is known once it has ended."""

    id: str
    arrived_at: datetime
    caller: str | None
    caller_raw: str
    dialled: str | None
    dialled_raw: str
    channel: str
    application: str
    direction: str
    number: str | None
    scheme: str | None
    scheme_version: str | None
    branch: str | None
    disposition: str | None
    reason: str | None
    answered_by: str | None
    answered_ms: int | None
    ended_ms: int | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class JournalledLeg:
    """One leg of a call; milliseconds count from the call's arrival."""

    id: str
    call_id: str
    step: int
    destination: str
    dialed_ms: int
    rang_ms: int | None
    answered_ms: int | None
    ended_ms: int
    outcome: str
    cause: int
    cause_text: str


@dataclass(frozen=True, slots=True)
class JournalledEvent:
    """One entry of a call's timeline; ``kind`` may be one that this version does not know."""

    at_ms: int
    kind: str
    details: Details

    def as_entry(self) -> Entry:
        """The entry it was made from. Raises ValueError for a kind that this version does not know."""
        return Entry(self.at_ms, Kind(self.kind), self.details)


@dataclass(frozen=True, slots=True)
class JournalledMessage:
    """A voicemail message: the name of its wav, the length in ms, when it was entered (UTC)."""

    name: str
    length_ms: int
    written_at: datetime


@dataclass(frozen=True, slots=True)
class CallHistory:
    """All that the journal has about one call."""

    call: JournalledCall
    legs: tuple[JournalledLeg, ...]
    events: tuple[JournalledEvent, ...]
    messages: tuple[JournalledMessage, ...]


@dataclass(frozen=True, slots=True)
class UnansweredShare:
    """How many of the calls that have ended nobody answered; ``share`` is 0.0 to 1.0, None when there were none."""

    calls: int
    unanswered: int

    @property
    def share(self) -> float | None:
        """Unanswered calls as a part of all."""
        return self.unanswered / self.calls if self.calls else None


def list_calls(
    connection: sa.Connection,
    *,
    number: str | None = None,
    caller: str | None = None,
    disposition: Disposition | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
) -> list[JournalledCall]:
    """The latest calls that fit, newest first.

    ``number`` is the one dialled and ``caller`` the one who called, both E.164. ``since`` is included, ``until`` is
    not; both are aware. Calls that still last are listed unless a ``disposition`` is asked for.
    """
    query = sa.select(calls).order_by(calls.c.arrived_at.desc(), calls.c.id.desc()).limit(limit)
    for column, value in ((calls.c.dialled, number), (calls.c.caller, caller), (calls.c.disposition, disposition)):
        if value is not None:
            query = query.where(column == str(value))
    return [_call(row) for row in connection.execute(query.where(*_between(since, until)))]


def _between(since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    bounds: list[sa.ColumnElement[bool]] = []
    if since is not None:
        bounds.append(calls.c.arrived_at >= since)
    if until is not None:
        bounds.append(calls.c.arrived_at < until)
    return bounds


def show_call(connection: sa.Connection, call_id: str) -> CallHistory:
    """Everything about the call whose id is, or alone begins with, ``call_id``.

    Raises:
        CallNotFoundError: there is none, or there are several.
    """
    call = _call(_only(connection, storable(call_id)))
    of_call = {"call_id": call.id}
    return CallHistory(
        call,
        tuple(JournalledLeg(**row._mapping) for row in connection.execute(_LEGS, of_call)),
        tuple(JournalledEvent(*row) for row in connection.execute(_EVENTS, of_call)),
        tuple(JournalledMessage(*row) for row in connection.execute(_MESSAGES, of_call)),
    )


def call_of_id(connection: sa.Connection, call_id: str) -> JournalledCall | None:
    """The call of exactly this id, if the journal has it."""
    row = connection.execute(sa.select(calls).where(calls.c.id == call_id)).one_or_none()
    return None if row is None else _call(row)


def _only(connection: sa.Connection, call_id: str) -> sa.Row[Any]:
    exact = connection.execute(sa.select(calls).where(calls.c.id == call_id)).one_or_none() if call_id else None
    if exact is not None:
        return exact
    if not call_id:
        raise CallNotFoundError("no id was given; ari-app calls list shows them")
    # A range and not LIKE: it needs no escaping, and the primary key serves it.
    begins = (calls.c.id >= call_id) & (calls.c.id < call_id + "\U0010ffff")
    found = connection.execute(sa.select(calls).where(begins).order_by(calls.c.id).limit(3)).all()
    if not found:
        raise CallNotFoundError(f"no call has an id that begins with {call_id!r}; ari-app calls list shows them")
    if len(found) > 1:
        some = ", ".join(row.id for row in found)
        raise CallNotFoundError(f"several calls have an id that begins with {call_id!r} ({some} ...); give more of it")
    return found[0]


def unanswered_share(
    connection: sa.Connection, since: datetime | None = None, until: datetime | None = None
) -> UnansweredShare:
    """The share of calls between ``since`` (included) and ``until`` (not) that nobody answered; a message left is not
    an answer. Calls that still last are not counted."""
    query = sa.select(
        sa.func.count(calls.c.disposition),
        sa.func.count(sa.case((calls.c.disposition != Disposition.ANSWERED.value, 1))),
    ).where(*_between(since, until))
    return UnansweredShare(*connection.execute(query).one())


def _call(row: sa.Row[Any]) -> JournalledCall:
    return JournalledCall(**row._mapping)


_OF_CALL: sa.BindParameter[str] = sa.bindparam("call_id")
_LEGS = sa.select(legs).where(legs.c.call_id == _OF_CALL).order_by(legs.c.dialed_ms, legs.c.id)
_EVENTS = (
    sa.select(call_events.c.at_ms, call_events.c.kind, call_events.c.details)
    .where(call_events.c.call_id == _OF_CALL)
    .order_by(call_events.c.seq)
)
_MESSAGES = (
    sa.select(voicemail_messages.c.name, voicemail_messages.c.length_ms, voicemail_messages.c.written_at)
    .where(voicemail_messages.c.call_id == _OF_CALL)
    .order_by(voicemail_messages.c.written_at, voicemail_messages.c.name)
)

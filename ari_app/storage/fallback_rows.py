"""Enters calls into the journal that no controller had to its end: found by their channel, entered once."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ari_app.core.timeline import Entry, Kind
from ari_app.ports import CallClosed, CallOpened, CallRouted, LegRecord, MessageRecord
from ari_app.storage.batch import Batch, open_call
from ari_app.storage.columns import storable
from ari_app.storage.database import writing
from ari_app.storage.records import call_events, calls, voicemail_messages


@dataclass(frozen=True, slots=True)
class HeldCall:
    """A call that a controller had begun and not ended, as the journal has it."""

    call_id: str
    arrived_at: datetime
    caller: str | None
    caller_raw: str
    dialled: str | None
    dialled_raw: str
    timeline: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class FallbackCall:
    """A call as it is to be entered. ``opened`` is None when the journal has a row of it, which is then completed."""

    opened: CallOpened | None
    entries: Sequence[Entry]
    legs: Sequence[LegRecord]
    closed: CallClosed
    routed: CallRouted | None = None
    messages: Sequence[MessageRecord] = ()


class FallbackRows:
    """The journal's rows of such calls. Methods block; SQLAlchemy's errors mean that the database cannot be used."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def entered(self, channel: str) -> bool:
        """Whether the call of this channel has been entered."""
        with self._engine.connect() as connection:
            return connection.execute(_entered(channel).limit(1)).first() is not None

    def known(self, channel: str) -> bool:
        """Whether any call of this channel is in the journal, open or not."""
        query = sa.select(calls.c.id).where(calls.c.channel == storable(channel))
        with self._engine.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def held(self, channel: str) -> HeldCall | None:
        """The open row of this channel, if some controller wrote one."""
        columns = (calls.c.id, calls.c.arrived_at, calls.c.caller, calls.c.caller_raw, calls.c.dialled)
        query = sa.select(*columns, calls.c.dialled_raw).where(
            calls.c.channel == storable(channel), calls.c.disposition.is_(None)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query.order_by(calls.c.arrived_at.desc()).limit(1)).first()
            return None if row is None else HeldCall(*row, tuple(_timeline(connection, row.id)))

    def recordings(self, channel: str) -> Sequence[str]:
        """The names, at Asterisk, of the recordings that were begun in the entered call of this channel."""
        began = sa.select(call_events.c.details).where(call_events.c.kind == Kind.RECORDING_BEGAN.value)
        query = began.where(call_events.c.call_id.in_(_entered(channel)))
        with self._engine.connect() as connection:
            return [str(details.get("name", "")) for details in connection.execute(query).scalars()]

    def is_message(self, name: str) -> bool:
        """Whether a recording is on record as a message that was left."""
        query = sa.select(voicemail_messages.c.name).where(voicemail_messages.c.name == name)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def enter(self, call: FallbackCall) -> bool:
        """Write all of it in one transaction; False, and nothing is written, if somebody else was first."""
        # Entries of a row that is there must come after those of the controller that wrote them.
        numbers = itertools.count(time.time_ns() // 1000)
        closed = call.closed
        rest = (call.routed, closed, *call.legs, *call.messages)
        batch = Batch(
            [
                *(each for each in rest if each is not None),
                *((closed.call_id, next(numbers), entry) for entry in call.entries),
            ]
        )
        with writing(self._engine).begin() as connection:
            ours = open_call(connection, call.opened) if call.opened else _take(connection, closed)
            if ours:
                batch.write(connection)
        return ours


def _entered(channel: str) -> sa.Select[tuple[str]]:
    took = sa.select(call_events.c.call_id).join(calls, calls.c.id == call_events.c.call_id)
    return took.where(calls.c.channel == storable(channel), call_events.c.kind == Kind.FALLBACK_TOOK.value)


def _take(connection: sa.Connection, closed: CallClosed) -> bool:
    """Close an open row, which only one can."""
    values = {"disposition": closed.verdict.disposition.value, "ended_at": closed.at}
    still_open = sa.update(calls).where(calls.c.id == closed.call_id, calls.c.disposition.is_(None))
    return connection.execute(still_open.values(values)).rowcount == 1


def _timeline(connection: sa.Connection, call_id: str) -> Iterable[Entry]:
    """What this release understands of it."""
    columns = (call_events.c.at_ms, call_events.c.kind, call_events.c.details)
    query = sa.select(*columns).where(call_events.c.call_id == call_id).order_by(call_events.c.seq)
    known = {kind.value for kind in Kind}
    return (Entry(at_ms, Kind(kind), details) for at_ms, kind, details in connection.execute(query) if kind in known)

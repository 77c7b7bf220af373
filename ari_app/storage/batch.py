"""Turns what the journal heard into the rows of one transaction: few statements, calls merged, all text storable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ari_app.core.timeline import Entry
from ari_app.ports import CallAmended, CallClosed, CallOpened, CallRouted, LegRecord, MessageRecord, RecordingOwed
from ari_app.storage import ring_rows
from ari_app.storage.amendments import amend
from ari_app.storage.columns import storable
from ari_app.storage.intents import intent_row, taking_in
from ari_app.storage.outbox_schema import messages
from ari_app.storage.prepared import Prepared
from ari_app.storage.records import call_events, calls, legs, owed_recordings, voicemail_messages

Row = dict[str, Any]
Noted = tuple[str, int, Entry]
"""Call id, order, what happened."""

Happening = CallOpened | CallRouted | CallClosed | CallAmended | LegRecord | MessageRecord | Noted

# In this order: what refers to a call comes after it.
_INSERTS = (calls, legs, call_events, voicemail_messages, owed_recordings, messages)


def is_refusal(error: Exception) -> bool:
    """Whether the row is at fault and would be for ever, rather than the database, which may come to its senses.

    What cannot even be handed to the database comes as the driver's own complaint, wrapped or not.
    """
    if isinstance(error, sa.exc.DBAPIError):
        return isinstance(error, sa.exc.IntegrityError | sa.exc.DataError)
    return isinstance(error, sa.exc.StatementError | TypeError | ValueError | OverflowError)


class Batch:
    """Rows ready to be written, in one or several goes; writing the same batch twice does no harm."""

    def __init__(self, happenings: Iterable[Happening]) -> None:
        self._opened: dict[str, Row] = {}
        self._changed: dict[str, Row] = {}
        self._turns: list[Row] = []
        self._talked: list[tuple[str, str]] = []
        self._amended: list[CallAmended] = []
        self._rows: dict[str, list[Row]] = {table.name: [] for table in _INSERTS}
        for happening in happenings:
            self._take(happening)
        self._rows[calls.name] = list(self._opened.values())

    def _take(self, happening: Happening) -> None:
        match happening:
            case (call_id, seq, entry):
                self._note(call_id, seq, entry)
            case CallOpened():
                self._opened[happening.call_id] = _opened(happening)
            case CallRouted():
                self._change(happening.call_id, _routed(happening))
            case CallClosed():
                self._close(happening)
            case CallAmended():
                self._amended.append(happening)
            case LegRecord():
                self._rows[legs.name].append(_leg(happening))
            case MessageRecord(call_id, name, length_ms):
                self._rows[voicemail_messages.name].append({"call_id": call_id, "name": name, "length_ms": length_ms})

    def _note(self, call_id: str, seq: int, entry: Entry) -> None:
        details = {storable(str(key)): storable(value) for key, value in entry.details.items()}
        row = {"call_id": call_id, "seq": seq, "at_ms": entry.at_ms, "kind": entry.kind.value}
        self._rows[call_events.name].append({**row, "details": details})
        if (turn := ring_rows.turn_row(entry)) is not None:
            self._turns.append(turn)

    def _close(self, closed: CallClosed) -> None:
        self._change(closed.call_id, _closed(closed))
        if closed.verdict.answered_by is not None:
            self._talked.append((closed.verdict.answered_by, closed.call_id))
        # In the same transaction as the verdict: no message is lost, or sent for a call that is not on record.
        self._rows[messages.name].extend(intent_row(intent, closed.at) for intent in closed.intents)
        if closed.owed is not None:
            self._rows[owed_recordings.name].append(_owed(closed.call_id, closed.owed))

    def _change(self, call_id: str, values: Row) -> None:
        """A call that was opened in this very batch is written once, complete."""
        if call_id in self._opened:
            self._opened[call_id].update(values)
        else:
            self._changed.setdefault(call_id, {}).update(values)

    def write(self, connection: sa.Connection) -> None:
        """Everything, one statement for each kind of row, in the connection's transaction."""
        for statement, rows in self._statements(connection.dialect.name):
            _prepared(connection.dialect, statement, tuple(rows[0])).execute(connection, rows)
        for amended in self._amended:
            amend(connection, amended)

    def write_one_by_one(self, connection: sa.Connection) -> list[tuple[Row, Exception]]:
        """Everything that the database takes, row by row; the rows it refuses, each with its reason."""
        refused: list[tuple[Row, Exception]] = []

        def attempt(row: Row, write: Callable[[], object]) -> None:
            try:
                with connection.begin_nested():
                    write()
            except (sa.exc.StatementError, TypeError, ValueError, OverflowError) as error:
                if not is_refusal(error):
                    raise
                refused.append((row, error))

        for statement, rows in self._statements(connection.dialect.name):
            for row in rows:
                attempt(row, partial(connection.execute, statement, row))
        for amended in self._amended:
            attempt({"call_id": amended.call_id}, partial(amend, connection, amended))
        return refused

    def _statements(self, dialect: str) -> Iterable[tuple[sa.Insert | sa.Update, list[Row]]]:
        yield from self._inserts(dialect, calls)
        by_columns: dict[tuple[str, ...], list[Row]] = {}
        for call_id, values in self._changed.items():
            by_columns.setdefault(tuple(values), []).append({"its_id": call_id, **values})
        for columns, rows in by_columns.items():
            yield _UPDATES[columns], rows
        for table in _INSERTS[1:]:
            yield from self._inserts(dialect, table)
        yield from ring_rows.statements(dialect, self._turns, self._talked)

    def _inserts(self, dialect: str, table: sa.Table) -> Iterable[tuple[sa.Insert, list[Row]]]:
        """Calls opened in this batch differ in what is known of them; an executemany wants one set of columns."""
        by_columns: dict[tuple[str, ...], list[Row]] = {}
        for row in self._rows[table.name]:
            by_columns.setdefault(tuple(row), []).append(row)
        for rows in by_columns.values():
            yield _INSERT[dialect, table.name], rows


def open_call(connection: sa.Connection, call: CallOpened) -> bool:
    """Write the row of a call that has arrived; False if there is one of its id already."""
    # What was inserted is told: psycopg counts no rows of an INSERT that SQLAlchemy has made.
    insert = _INSERT[connection.dialect.name, calls.name].returning(calls.c.id)
    return connection.execute(insert, _opened(call)).first() is not None


def _opened(call: CallOpened) -> Row:
    return {
        "id": call.call_id,
        "arrived_at": call.at,
        "caller": storable(call.caller),
        "caller_raw": storable(call.caller_raw),
        "dialled": storable(call.dialled),
        "dialled_raw": storable(call.dialled_raw),
        "channel": storable(call.channel),
        "application": storable(call.application),
    }


def _routed(call: CallRouted) -> Row:
    return {
        "number": storable(call.number),
        "scheme": storable(call.scheme),
        "scheme_version": storable(call.scheme_version),
        "branch": storable(call.branch),
    }


def _closed(call: CallClosed) -> Row:
    return {
        "ended_at": call.at,
        "disposition": call.verdict.disposition.value,
        "reason": call.verdict.reason.value,
        "answered_by": storable(call.verdict.answered_by),
        "answered_ms": call.answered_ms,
        "ended_ms": call.ended_ms,
    }


def _owed(call_id: str, owed: RecordingOwed) -> Row:
    return {
        "name": storable(owed.name),
        "call_id": call_id,
        "application": storable(owed.application),
        "min_seconds": owed.min_seconds,
        "why": storable(owed.why),
    }


def _leg(leg: LegRecord) -> Row:
    return {
        "id": leg.leg_id,
        "call_id": leg.call_id,
        "step": leg.step,
        "destination": storable(leg.destination),
        "dialed_ms": leg.dialed_ms,
        "rang_ms": leg.rang_ms,
        "answered_ms": leg.answered_ms,
        "ended_ms": leg.ended_ms,
        "outcome": leg.outcome.value,
        "cause": leg.cause,
        "cause_text": storable(leg.cause_text),
    }


def _insert(dialect: str, table: sa.Table) -> sa.Insert:
    """A row that is there already is left alone: after a commit of unknown outcome the batch is written again."""
    if table is messages:
        return taking_in(dialect)
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _update(columns: Iterable[str]) -> sa.Update:
    return (
        sa.update(calls)
        .where(calls.c.id == sa.bindparam("its_id"))
        .values({name: sa.bindparam(name) for name in columns})
    )


_ROUTED = ("number", "scheme", "scheme_version", "branch")
_CLOSED = ("ended_at", "disposition", "reason", "answered_by", "answered_ms", "ended_ms")
_INSERT: Mapping[tuple[str, str], sa.Insert] = {
    (dialect, table.name): _insert(dialect, table) for dialect in ("sqlite", "postgresql") for table in _INSERTS
}
_UPDATES: Mapping[tuple[str, ...], sa.Update] = {
    columns: _update(columns) for columns in (_ROUTED, _CLOSED, (*_ROUTED, *_CLOSED), (*_CLOSED, *_ROUTED))
}
_PREPARED: dict[tuple[str, int, tuple[str, ...]], Prepared] = {}
"""By dialect, statement and columns: as many as there are, and no more for any number of calls."""


def _prepared(dialect: sa.Dialect, statement: sa.Insert | sa.Update, columns: tuple[str, ...]) -> Prepared:
    key = dialect.name, id(statement), columns
    if key not in _PREPARED:
        _PREPARED[key] = Prepared(dialect, statement, columns)
    return _PREPARED[key]

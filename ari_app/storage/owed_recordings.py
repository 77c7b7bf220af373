"""Which recordings the journal still owes their calls, and all that is to be known of those calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from ari_app.core.endings import CallFacts
from ari_app.core.recordings import LateCall
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, Reason, Verdict
from ari_app.ports import Owed
from ari_app.storage.records import call_events, calls, owed_recordings

AT_ONCE = 100
"""So many are looked at in one go, the longest owed first."""


class OwedRecordings:
    """The `ari_app.ports.Ledger` of one application's recordings, in SQL."""

    def __init__(self, engine: sa.Engine, application: str, entered: Callable[[], bool]) -> None:
        """``entered`` says whether the database has what the journal heard before now, and before the last start."""
        self._engine = engine
        self._application = application
        self._entered = entered

    async def owed(self) -> tuple[Owed, ...]:
        """What is owed, as far as it can be told now: nothing while the database is away or behind."""
        if not self._entered():
            return ()
        with suppress(sa.exc.SQLAlchemyError):  # the journal says so
            return await asyncio.to_thread(self._read)
        return ()

    def _read(self) -> tuple[Owed, ...]:
        with self._engine.connect() as connection:
            return tuple(read_owed(connection, self._application))


def read_owed(connection: sa.Connection, application: str) -> Iterator[Owed]:
    """The recordings in the Asterisk of ``application`` that closed calls are owed."""
    query = (
        sa.select(owed_recordings, calls)
        .join(calls)
        .where(owed_recordings.c.application == application, calls.c.disposition.is_not(None))
        .order_by(calls.c.ended_at, owed_recordings.c.name)
        .limit(AT_ONCE)
    )
    for row in connection.execute(query).mappings().all():
        facts = _facts(row, tuple(_timeline(connection, row[calls.c.id])))
        call = LateCall(facts, row[calls.c.ended_at], row[owed_recordings.c.min_seconds], bool(row[_DECIDED]))
        yield Owed(row[owed_recordings.c.name], call)


def owed_in_all(connection: sa.Connection) -> Sequence[sa.Row[Any]]:
    """The rows of all that is owed, whatever application is to take it, the longest owed first."""
    return connection.execute(sa.select(owed_recordings).join(calls).order_by(calls.c.arrived_at)).all()


_DECIDED = owed_recordings.c.decided


def _facts(row: sa.RowMapping, timeline: tuple[Entry, ...]) -> CallFacts:
    verdict = Verdict(Disposition(row[calls.c.disposition]), Reason(row[calls.c.reason]), row[calls.c.answered_by])
    return CallFacts(
        call_id=row[calls.c.id],
        at=row[calls.c.arrived_at],
        caller=row[calls.c.caller],
        caller_raw=row[calls.c.caller_raw],
        dialled=row[calls.c.dialled],
        verdict=verdict,
        timeline=timeline,
        ended_ms=row[calls.c.ended_ms] or 0,
    )


def _timeline(connection: sa.Connection, call_id: str) -> Iterator[Entry]:
    query = sa.select(call_events.c.at_ms, call_events.c.kind, call_events.c.details)
    rows: Any = connection.execute(query.where(call_events.c.call_id == call_id).order_by(call_events.c.seq))
    for at_ms, kind, details in rows:
        with suppress(ValueError):  # a kind of a later release: nothing that is decided here goes by it
            yield Entry(at_ms, Kind(kind), details)

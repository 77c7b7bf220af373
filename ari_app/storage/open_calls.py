"""The calls that a process has left open in the journal: in the database, and in the spool on its way there."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from ari_app.core.timeline import Entry, Kind
from ari_app.ports import CallClosed, CallOpened, CallSoFar
from ari_app.storage import spool_owner
from ari_app.storage.batch import Happening
from ari_app.storage.columns import storable
from ari_app.storage.database import snapshot
from ari_app.storage.happening_json import UnknownRecord, understood
from ari_app.storage.records import call_events, calls
from ari_app.storage.spool_frames import scanned

log = logging.getLogger(__name__)

_OPENED = tuple(field.name for field in fields(CallOpened) if field.name != "diverted_by")  # its timeline has it alone


class OpenCalls:
    """Reads them, for one ``application``. What is on its way from the spool into the database is found in at least one
    of the two, for the spool is read first."""

    def __init__(self, engine: sa.Engine, spool: Path, application: str) -> None:
        self._engine = engine
        self._spool = spool
        self._application = application
        self._opened: dict[str, CallOpened] = {}
        self._entries: defaultdict[str, dict[int, Entry]] = defaultdict(dict)
        self._closed: set[str] = set()

    def read_spool(self) -> None:
        """What lies on this disk. A file that cannot be read is told of by those whose business it is."""
        for happening in _spooled(self._spool):
            match happening:
                case CallOpened():
                    self._opened[happening.call_id] = happening
                case CallClosed():
                    self._closed.add(happening.call_id)
                case (call_id, seq, entry):
                    self._entries[call_id][seq] = entry

    def read_database(self) -> None:
        """What the journal has, and its timelines. Raises SQLAlchemyError."""
        spooled = [call_id for call_id in self._opened if call_id not in self._closed]
        sought = sa.or_(self._are_open(), calls.c.id.in_(spooled))
        columns = (calls.c["id" if name == "call_id" else "arrived_at" if name == "at" else name] for name in _OPENED)
        events = sa.select(call_events).join(calls, calls.c.id == call_events.c.call_id).where(sought)
        with snapshot(self._engine).begin() as connection:
            for row in connection.execute(sa.select(*columns, calls.c.disposition).where(sought)):
                self._opened[row[0]] = CallOpened(*row[:-1])
                if row[-1] is not None:
                    self._closed.add(row[0])
            for event in connection.execute(events):
                if event.kind in _KINDS:
                    entry = Entry(event.at_ms, Kind(event.kind), event.details)
                    self._entries[event.call_id][event.seq] = entry

    def _are_open(self) -> sa.ColumnElement[bool]:
        return sa.and_(calls.c.disposition.is_(None), calls.c.application == storable(self._application))

    def found(self, now: datetime) -> list[CallSoFar]:
        """What was read so far, oldest first."""
        mine = [
            call
            for call in self._opened.values()
            if call.application == self._application and call.call_id not in self._closed
        ]
        return [
            CallSoFar(call, self._timeline(call.call_id), (now - call.at.astimezone(UTC)).total_seconds())
            for call in sorted(mine, key=lambda call: call.at)
        ]

    def _timeline(self, call_id: str) -> tuple[Entry, ...]:
        entries = self._entries[call_id]
        return tuple(entries[seq] for seq in sorted(entries))


_KINDS = frozenset(Kind)


def _spooled(folder: Path) -> Iterator[Happening]:
    """What is in the files of a spool, in order."""
    for record in _records(folder):
        try:
            yield understood(record)
        except UnknownRecord:
            continue


def _records(folder: Path) -> Iterable[bytes]:
    try:
        files = [path for name in spool_owner.names(folder) for path in sorted(folder.glob(f"{name}-*.spool"))]
    except OSError:
        return
    for path in files:
        try:
            content = path.read_bytes()
        except OSError:
            continue
        yield from scanned(content).records

"""Turns and talks in SQL: written with the rest of the journal, a later one over an earlier; read by controllers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ari_app.core.checks import ADVISER_DAYS
from ari_app.core.ring_order import Turn
from ari_app.core.timeline import Entry, Kind
from ari_app.ring_turns import RingTurns, Talk, TurnTaken
from ari_app.storage.columns import storable
from ari_app.storage.database import writing
from ari_app.storage.records import calls
from ari_app.storage.ring_schema import last_talks, ring_turns

log = logging.getLogger(__name__)

REMEMBERED = timedelta(days=ADVISER_DAYS.stop - 1)
"""For so long it is remembered who talked with whom."""
MOST_TALKS = 200_000
"""So many of them at most are kept in mind, the latest."""
LATE = timedelta(seconds=60)
"""So much later than it says a row may appear: clocks differ, and a journal may be behind."""
_ANEW = timedelta(minutes=10)
"""How often all is read again: of what came later still."""

Row = dict[str, Any]


def turn_row(entry: Entry) -> Row | None:
    """The row that an entry of a timeline asks for, if a turn was taken by it."""
    told = entry.details
    if entry.kind is not Kind.RING_ORDER or "at" not in told:
        return None
    row = {"scheme": told["scheme"], "branch": told["branch"], "step": told["step"], "destination": told["first"]}
    return {**{name: storable(value) for name, value in row.items()}, "at": datetime.fromisoformat(str(told["at"]))}


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(value for name, value in row.items() if name != "at")


def latest(rows: Iterable[Row]) -> list[Row]:
    """Of several rows of one key the latest: no statement writes a row twice."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = _key(row)
        if key not in found or row["at"] > found[key]["at"]:
            found[key] = row
    return list(found.values())


def taking_turn(dialect: str) -> sa.Insert:
    """A turn; a later one that is there already stays."""
    return _if_later(dialect, ring_turns)


def remembering_talk(dialect: str) -> sa.Insert:
    """Who a call, ``its_id``, that is over has talked with."""
    who = sa.func.coalesce(calls.c.caller, sa.literal_column("''"))
    talked = sa.select(who, calls.c.answered_by, calls.c.ended_at).where(
        calls.c.id == sa.bindparam("its_id"), calls.c.answered_by.is_not(None), calls.c.ended_at.is_not(None)
    )
    return _if_later(dialect, last_talks, talked)


def _if_later(dialect: str, table: sa.Table, select: sa.Select[Any] | None = None) -> sa.Insert:
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    if select is not None:
        insert = insert.from_select([column.name for column in table.columns], select)
    later: sa.Insert = insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={"at": insert.excluded.at},
        where=insert.excluded.at > table.c.at,
    )
    return later


def read_turns(connection: sa.Connection, since: datetime | None = None) -> Iterator[TurnTaken]:
    """The turns that were taken, from then on."""
    query = sa.select(ring_turns)
    for row in connection.execute(query if since is None else query.where(ring_turns.c.at >= since)):
        yield TurnTaken(Turn(row.scheme, row.branch, row.step), row.destination, row.at)


def read_talks(connection: sa.Connection, since: datetime) -> Iterator[Talk]:
    """The talks that ended from then on, the latest first."""
    query = sa.select(last_talks).where(last_talks.c.at >= since).order_by(last_talks.c.at.desc()).limit(MOST_TALKS)
    for row in connection.execute(query):
        yield Talk(row.caller, row.destination, row.at)


def known_turns(connection: sa.Connection) -> RingTurns:
    """What a controller would know that started now."""
    known = RingTurns()
    known.resume(read_turns(connection), read_talks(connection, datetime.now(UTC) - REMEMBERED))
    return known


class Resume(Protocol):
    """Who is told (`RingTurns.resume`)."""

    def __call__(self, turns: Iterable[TurnTaken], talks: Iterable[Talk], *, anew: bool) -> None:
        """These are new, or, ``anew``, all there are."""


class RingRows:
    """Tells a controller what all of them have done: everything at first, then what is new."""

    def __init__(self, engine: sa.Engine, resume: Resume) -> None:
        self._engine = engine
        self._resume = resume
        self._all_at: datetime | None = None
        self._failing = False

    async def tell(self) -> None:
        """Do it, unless the database is away: then the next time."""
        now = datetime.now(UTC)
        anew = self._all_at is None or now - self._all_at > _ANEW
        try:
            turns, talks = await asyncio.to_thread(self._read, now, anew=anew)
        except sa.exc.SQLAlchemyError as error:
            if not self._failing:
                cause = str(getattr(error, "orig", None) or error).strip()
                log.warning("whose turn it is cannot be read, this controller goes by what it knows: %s", cause)
            self._failing = True
            return
        self._failing = False
        if anew:
            self._all_at = now
        self._resume(turns, talks, anew=anew)

    def _read(self, now: datetime, *, anew: bool) -> tuple[list[TurnTaken], list[Talk]]:
        with self._engine.connect() as connection:
            turns = list(read_turns(connection, None if anew else now - LATE))
            talks = list(read_talks(connection, now - (REMEMBERED if anew else LATE)))
        if anew:
            self._forget(now - REMEMBERED)
        return turns, talks

    def _forget(self, before: datetime) -> None:
        with writing(self._engine).begin() as connection:
            connection.execute(sa.delete(last_talks).where(last_talks.c.at < before))


_STATEMENTS: Mapping[tuple[str, str], sa.Insert] = {
    (dialect, table.name): make(dialect)
    for dialect in ("sqlite", "postgresql")
    for table, make in ((ring_turns, taking_turn), (last_talks, remembering_talk))
}


def statements(
    dialect: str, turns: Iterable[Row], talked: Iterable[tuple[str, str]]
) -> Iterator[tuple[sa.Insert, list[Row]]]:
    """What a batch writes of turns, and of those who ``talked`` in which call. In an order of their own, so that two
    controllers that write the same rows wait for each other, and not each for the other."""
    if turns:
        yield _STATEMENTS[dialect, ring_turns.name], sorted(latest(turns), key=_key)
    if talked:
        yield _STATEMENTS[dialect, last_talks.name], [{"its_id": call_id} for _, call_id in sorted(talked)]

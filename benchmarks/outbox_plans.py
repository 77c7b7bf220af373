"""Which index each statement of a claim or a release goes by, as the database explains it; and what it reads whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import sqlalchemy as sa

BIG = ("messages", "message_events", "calls", "call_events")
"""Tables that grow; the others have a few rows for ever, and are read whole for good reason."""

_SQLITE = re.compile(r"(?:SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?INDEX (\w+)| USING (INTEGER PRIMARY KEY))?")
_POSTGRESQL = re.compile(r"(Seq Scan on|Index (?:Only )?Scan(?: Backward)? using (\w+) on|Bitmap Index Scan on) (\w+)")


class Access(NamedTuple):
    """A table that is read, by an index or, where ``by`` is empty, whole."""

    table: str
    by: str


class Statement(NamedTuple):
    """A statement as the driver was given it."""

    text: str
    parameters: Any


@contextmanager
def noted(engine: sa.Engine) -> Iterator[list[Statement]]:
    """What is asked of the database meanwhile."""
    found: list[Statement] = []

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, *_: Any) -> None:
        found.append(Statement(text, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def accesses(engine: sa.Engine, statements: Iterable[Statement]) -> set[Access]:
    """How the statements read the tables that grow. Nothing is executed."""
    explain = "EXPLAIN " if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    found: set[Access] = set()
    with engine.connect() as connection:
        for statement in statements:
            if statement.text.startswith(("SELECT", "UPDATE", "INSERT", "WITH", "DELETE")):
                rows = connection.exec_driver_sql(explain + statement.text, statement.parameters)
                found |= set(read("\n".join(str(row[-1]) for row in rows)))
    return {access for access in found if access.table in BIG}


def read(plan: str) -> Iterator[Access]:
    """The accesses of a plan of either database. An index that SQLite makes for a constraint has the table's name in
    its own; PostgreSQL's bitmap scans name no table but on the line above, and their index is enough."""
    for line in plan.splitlines():
        if found := _POSTGRESQL.search(line):
            how, index, named = found.groups()
            if how.startswith("Bitmap"):
                yield from (Access(table, named) for table in _of_index(named))
            else:
                yield Access(named, index or "")
        elif found := _SQLITE.search(line):
            table, index, key = found.groups()
            yield Access(table, index or (key or "").lower())


def _of_index(index: str) -> Iterator[str]:
    with suppress(StopIteration):
        yield next(table for table in sorted(BIG, key=len, reverse=True) if index.startswith(table.rstrip("s")))


def told(found: Iterable[Access]) -> str:
    """On one line: the indexes, and in capitals what is read whole."""
    return ", ".join(sorted(access.by or f"{access.table} WHOLE" for access in found))

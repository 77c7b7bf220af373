"""The database as an admin of PostgreSQL sees it: what `tests/e2e/journal.py` asks, by another way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.e2e.journal import Database, Row


class _Shell:
    """A connection to PostgreSQL that understands what is written for SQLite."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[object] = ()) -> psycopg.Cursor[Any]:
        return self._connection.execute(sql.replace("?", "%s"), values)

    def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.cursor().executemany(sql.replace("?", "%s"), rows)


class PostgresDatabase(Database):
    """A migrated PostgreSQL, reached past the proxy."""

    def __init__(self, url: str) -> None:
        super().__init__(Path("postgresql"))
        self._url = url

    @contextmanager
    def edit(self) -> Iterator[Any]:
        """One transaction."""
        with psycopg.connect(self._url) as connection:
            yield _Shell(connection)

    def rows(self, sql: str, *values: object) -> list[Row]:
        """The rows of a SELECT."""
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            found = connection.execute(sql.replace("?", "%s"), values).fetchall()
        return [row | {"details": json.dumps(row["details"])} if "details" in row else row for row in found]

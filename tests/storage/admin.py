"""The admin at a shell: plain SQL over a plain connection, every statement committed by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa

REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)
"""What either shell's library raises when a constraint refuses."""


class Shell(Protocol):
    """As much of a DBAPI connection as an admin needs."""

    def execute(self, sql: str, /) -> Any:
        """Run one statement."""


@contextmanager
def shell(url: str) -> Iterator[Shell]:
    """A connection as sqlite3 or psql would open it: autocommit, no pragmas, no settings of the controller's."""
    place = sa.make_url(url)
    if place.get_backend_name() == "sqlite":
        file = sqlite3.connect(str(place.database), isolation_level=None, timeout=5)
        try:
            yield file
        finally:
            file.close()
        return
    dsn = place.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def type_in(url: str, *statements: str) -> None:
    """Open a shell, run the statements, close it."""
    with shell(url) as open_shell:
        for statement in statements:
            open_shell.execute(statement)


OFFICE = (
    "INSERT INTO schemes (name, time_zone) VALUES ('Office', 'Europe/Moscow')",
    "INSERT INTO branches (scheme_id, name) SELECT id, 'Working hours' FROM schemes WHERE name = 'Office'",
    "INSERT INTO schedule_entries (branch_id, last_day, opens, closes) "
    "SELECT id, 5, '09:00', '17:59' FROM branches WHERE name = 'Working hours'",
    "INSERT INTO steps (branch_id, kind) SELECT id, 'dial' FROM branches WHERE name = 'Working hours'",
    "INSERT INTO destinations (step_id, target) SELECT id, '+79160000003' FROM steps WHERE kind = 'dial'",
    "INSERT INTO branches (scheme_id, name) SELECT id, 'Out of hours' FROM schemes WHERE name = 'Office'",
    "INSERT INTO steps (branch_id, kind) SELECT id, 'voicemail' FROM branches WHERE name = 'Out of hours'",
    "INSERT INTO numbers (e164, scheme_id) SELECT '+74950000101', id FROM schemes WHERE name = 'Office'",
)
"""A whole scheme by the shortest INSERTs there are: everything else has a default."""

"""Engines for SQLite and PostgreSQL, tuned alike: short lock time-outs, UTC, no values in error messages."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

BUSY_SECONDS = 5
"""How long a statement waits for somebody else's lock before it fails (and is tried again by whoever may)."""

STATEMENT_SECONDS = 15
"""How long PostgreSQL works on one statement of ours before it gives up."""


class DatabaseUrlError(ValueError):
    """The database URL cannot be used; the message says why and what to write instead."""


def parse_url(text: str) -> sa.URL:
    """Read a database URL; plain ``postgresql://`` means the psycopg driver.

    Raises:
        DatabaseUrlError: not a URL, another database, or SQLite in memory (it would be empty for every thread).
    """
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise DatabaseUrlError(
            "the database URL cannot be read; write sqlite:////var/lib/ari-app/ari-app.db "
            "or postgresql://user@host/database"
        ) from error
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise DatabaseUrlError(f"{backend} is not a database this works with; use sqlite or postgresql")
    if url.database in (None, "", ":memory:"):
        raise DatabaseUrlError(
            "SQLite in memory is not shared between threads; name a file: sqlite:////path/to/file.db"
        )
    return url


def open_database(url: str | sa.URL, *, pool_size: int = 5) -> sa.Engine:
    """An engine for the controller and its commands; connects when first used.

    Connections wait at most `BUSY_SECONDS` for a lock, keep foreign keys on SQLite and work in UTC on PostgreSQL.
    """
    engine = _engine(url, pool_size=pool_size, foreign_keys=True, statement_seconds=STATEMENT_SECONDS)
    if engine.dialect.name == "sqlite":
        _never_make(engine, Path(engine.url.database or ""))
    return engine


def open_for_migration(url: str | sa.URL) -> sa.Engine:
    """An engine for alembic: no limit on a statement's time, and SQLite's foreign keys off while tables are rebuilt
    (the schema's triggers keep them meanwhile)."""
    engine = _engine(url, pool_size=1, foreign_keys=False, statement_seconds=0)
    if engine.dialect.name == "sqlite":
        _make_private(Path(engine.url.database or ""))
    return engine


def _engine(url: str | sa.URL, *, pool_size: int, foreign_keys: bool, statement_seconds: int) -> sa.Engine:
    place = parse_url(url) if isinstance(url, str) else url
    common: dict[str, Any] = {
        "hide_parameters": True,
        "pool_pre_ping": True,
        "pool_size": pool_size,
        "pool_timeout": BUSY_SECONDS,
    }
    if place.get_backend_name() == "sqlite":
        Path(place.database or "").parent.mkdir(parents=True, exist_ok=True)
        # Transactions are begun by our own BEGIN below: the driver's habits leave DDL and reads outside of them.
        sqlite_args = {"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False}
        engine = sa.create_engine(place, connect_args=sqlite_args, poolclass=sa.pool.QueuePool, **common)
        _tune_sqlite(engine, foreign_keys=foreign_keys)
        return engine
    options = (
        f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout={statement_seconds}s "
        f"-c idle_in_transaction_session_timeout=60s -c timezone=UTC"
    )
    postgresql_args = {
        "options": options,
        "connect_timeout": BUSY_SECONDS,
        "application_name": "ari-app",
        # A server that has vanished without a word is noticed as soon as one that is too slow.
        "keepalives_idle": STATEMENT_SECONDS,
        "keepalives_interval": BUSY_SECONDS,
        "keepalives_count": 2,
        "tcp_user_timeout": 1000 * (STATEMENT_SECONDS + 2 * BUSY_SECONDS),
    }
    return sa.create_engine(
        place,
        connect_args=postgresql_args,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        **common,
    )


def _never_make(engine: sa.Engine, file: Path) -> None:
    """SQLite makes a file that is missing, and would go by that empty one when the real one's disk is mounted late."""

    @sa.event.listens_for(engine, "do_connect")
    def _connecting(*_: object) -> None:
        if not file.exists():
            raise sqlite3.OperationalError(
                f"there is no database {file}; is its disk mounted? else: ari-app db upgrade"
            )


def _make_private(file: Path) -> None:
    """A new database is its owner's alone, for it will hold callers' numbers; one that is there stays as it is.
    SQLite gives its -wal and -shm files the same mode."""
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))


def _tune_sqlite(engine: sa.Engine, *, foreign_keys: bool) -> None:
    """Set each new connection's pragmas, and begin every transaction as its ``sqlite_begin`` option says."""

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        how = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {how}")


def writing(engine: sa.Engine) -> sa.Engine:
    """The same engine for transactions that are going to write: SQLite takes its write lock at their beginning, where
    waiting for it works, and not in their midst, where it fails at once if another has written meanwhile."""
    return engine.execution_options(sqlite_begin="IMMEDIATE")


def snapshot(engine: sa.Engine) -> sa.Engine:
    """The same engine for transactions that read one consistent state however many statements they take."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine

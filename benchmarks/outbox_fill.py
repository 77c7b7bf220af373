"""Fills a database with calls and their apologies by one statement a table: history that is over, or a queue."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

CLIENTS = 200_000
"""So many numbers call, and call again: a client has 5 messages when there are 1,000,000."""
SECONDS_APART = 30
"""From one call of the history to the one before it: 1,000,000 are a year."""
DAYS_PAST = 3
"""The latest call of the history was so long ago: nobody's hours for one apology last until now."""
MANY = 50_000
OUTBOX_TABLES = ("message_events", "messages", "call_events", "calls", "sending_pace", "sending_counts")

_RULE = "INSERT INTO apology_rules (name, text) VALUES ('bench', 'Sorry that we missed your call')"
_CALLS = """
INSERT INTO calls (id, arrived_at, caller, caller_raw, dialled, dialled_raw, number, scheme, disposition, reason,
 ended_ms, ended_at)
SELECT {id}, {ended}, {client}, {client}, '+74950000001', '+74950000001', 'bench', 'bench', 'lost',
 'nobody_answered', 30000, {ended} FROM {numbers}"""
_CALL_EVENTS = """
INSERT INTO call_events (call_id, seq, at_ms, kind, details)
SELECT {id}, 1, 30000, 'verdict', '{{"disposition": "lost"}}' FROM {numbers}"""
_MESSAGES = """
INSERT INTO messages (key, ref, created_at, kind, channel, audience, recipient, client, text, rule_id, rule, call_id,
 once_in_hours, withdraw_if_reached, due_at, expires_at, state, attempts, gateway, gateway_id, sent_at, settled_at)
SELECT {id} || '/apology', {random}, {ended}, 'apology', 'sms', 'client', {client}, {client},
 'Sorry that we missed your call', {rule}, 'bench', {id}, 24, TRUE, {due}, {expires}, {outcome} FROM {numbers}"""
_MESSAGE_EVENTS = """
INSERT INTO message_events (message_id, at, state, gateway)
SELECT messages.id, messages.settled_at, told.state, 'bench' FROM messages
CROSS JOIN (SELECT 'sending' AS state UNION ALL SELECT 'sent') AS told
WHERE messages.id > {after} AND messages.state <> 'queued'"""


class _Words(NamedTuple):
    """How one database says it. ``i`` is the running number of `numbers`."""

    numbers: str
    digits: str
    random: str
    ago: str
    literal: str

    def id_of(self, prefix: str) -> str:
        """The id of a call."""
        return f"'{prefix}' || {self.digits.format(width=9, what='i')}"


_SQLITE = _Words(
    "(WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {last}) SELECT i FROM n)",
    "printf('%0{width}d', {what})",
    "lower(hex(randomblob(16)))",
    "strftime('%Y-%m-%d %H:%M:%f', '{at:%Y-%m-%d %H:%M:%S}', '-' || ({seconds}) || ' seconds') || '000'",
    "'{at:%Y-%m-%d %H:%M:%S.%f}'",
)
_POSTGRESQL = _Words(
    "generate_series({first}, {last} - 1) AS n(i)",
    "lpad(({what})::text, {width}, '0')",
    "md5(random()::text || i)",
    "'{at:%Y-%m-%d %H:%M:%S}+00'::timestamptz - ({seconds}) * interval '1 second'",
    "'{at:%Y-%m-%d %H:%M:%S.%f}+00'::timestamptz",
)

_OURS = ", ".join(repr(table) for table in OUTBOX_TABLES)
_INDEXES = {
    "sqlite": f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({_OURS})",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes"
    f" WHERE tablename IN ({_OURS}) AND indexname NOT IN (SELECT conname FROM pg_constraint)",
}
"""Those that no constraint needs, with the statements that make them."""


def add_rule(engine: sa.Engine) -> int:
    """The rule that all apologies are by; its id."""
    with engine.begin() as connection:
        connection.execute(sa.text(_RULE))
        return int(connection.execute(sa.text("SELECT max(id) FROM apology_rules")).scalar_one())


def add_history(engine: sa.Engine, rule: int, which: range, at: datetime) -> None:
    """Lost calls of these numbers with apologies that were sent, the older the higher the number. ``at`` is now."""
    words = _words(engine)
    past = words.ago.format(at=at, seconds=f"{DAYS_PAST} * 86400 + i * {SECONDS_APART}")
    sent = f"'sent', 1, 'bench', {words.random}, {past}, {past}"
    _add(engine, which, rule, id=words.id_of("h"), ended=past, due=past, expires=past, outcome=sent)


def add_queue(engine: sa.Engine, rule: int, which: range, at: datetime, expires: datetime) -> None:
    """Lost calls of these numbers, an hour ago, with apologies that are all due ``at``. Moments are in UTC."""
    words = _words(engine)
    past = words.ago.format(at=at, seconds="3600")
    due, until = words.literal.format(at=at), words.literal.format(at=expires)
    queued = "'queued', 0, NULL, NULL, NULL, NULL"
    _add(engine, which, rule, id=words.id_of("q"), ended=past, due=due, expires=until, outcome=queued)


def empty(engine: sa.Engine) -> None:
    """Remove all calls and messages."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text(f"TRUNCATE {', '.join(OUTBOX_TABLES)} CASCADE"))
        else:
            for table in OUTBOX_TABLES:
                connection.execute(sa.text(f"DELETE FROM {table}"))


def analyse(engine: sa.Engine) -> None:
    """Bring statistics up to date, as autovacuum does in time."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("VACUUM ANALYZE")
        else:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _words(engine: sa.Engine) -> _Words:
    return _POSTGRESQL if engine.dialect.name == "postgresql" else _SQLITE


def _add(engine: sa.Engine, which: range, rule: int, **told: str) -> None:
    words = _words(engine)
    told |= {
        "client": f"'+7916' || {words.digits.format(width=7, what=f'i - i / {CLIENTS} * {CLIENTS}')}",
        "numbers": words.numbers.format(first=which.start, last=which.stop),
        "random": words.random,
        "rule": str(rule),
    }
    with _filling(engine, anew=len(which) >= MANY) as connection:
        after = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM messages").scalar_one()
        for statement in (_CALLS, _CALL_EVENTS, _MESSAGES, _MESSAGE_EVENTS):
            connection.exec_driver_sql(statement.format(after=after, **told))


@contextmanager
def _filling(engine: sa.Engine, *, anew: bool) -> Iterator[sa.Connection]:
    """One transaction on a connection of its own, with no limit of time and, on SQLite, memory for the indexes.
    ``anew``: make the indexes after the rows, which takes a third of the time where most rows are new."""
    own = sa.create_engine(engine.url, poolclass=sa.NullPool)
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(own, "connect")
        def _connected(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -1000000")

    with own.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no look-up of foreign keys
            connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
        indexes = connection.exec_driver_sql(_INDEXES[engine.dialect.name]).all() if anew else []
        for name, _ in indexes:
            connection.exec_driver_sql(f"DROP INDEX {name}")
        yield connection
        for _, made_by in indexes:
            connection.exec_driver_sql(made_by)

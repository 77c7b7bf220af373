"""Whatever an admin types, with or without constraints in its way, the book can be read and the other schemes hold."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_app.core.checks import Severity
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import DialStep, Greeting, TargetKind
from ari_app.storage.book import Reading, load_book
from ari_app.storage.database import open_database, snapshot
from tests.storage.admin import OFFICE, Shell, shell

UNIVERSAL = Greeting("universal", "ari-app/en/greeting")
RULES = DialPolicy()

BYSTANDER = (
    "INSERT INTO schemes (id, name, time_zone) VALUES (900000000, 'Bystander', 'UTC')",
    "INSERT INTO branches (id, scheme_id, name) VALUES (900000000, 900000000, 'Always')",
    "INSERT INTO steps (id, branch_id, kind) VALUES (900000000, 900000000, 'voicemail')",
    "INSERT INTO numbers (id, e164, scheme_id) VALUES (900000000, '+74950000900', 900000000)",
)
"""A scheme that no edit below touches."""

WORDS = (
    *("", " ", "A b", "🙈", "--", "dial", "greeting", "voicemail", "hang_up", "in_turn", "all_at_once", "weighted"),
    *("number", "endpoint", "reception", "PJSIP/x", "Local/1@x", "+", "+19005550100"),
    *("+79160000003", "+74950000101", "+74950000102", "+74950000900"),
    *("closed", "weekday", "branch", "2026-12-31", "2026-02-30", "2099-01-01 00:00:00", "RU", "DE-BY", "XX-"),
    *("UTC", "Europe/Kyiv", "../../etc/passwd", "/", "http://x", "ru/x", "00:00", "23:59", "24:00", "9:00"),
)
TEXTS = st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NUMBERS = st.sampled_from([-1, 0, 1, 2, 5, 7, 8, 60, 180, 600, 601, 3601, 2**31 - 1]) | st.integers(-10, 1100)
COLUMNS: dict[str, dict[str, Any]] = {
    "schemes": {"name": TEXTS, "time_zone": TEXTS, "holidays": TEXTS, "outside_calls_a_day": NUMBERS | st.none()},
    "exceptional_days": {"scheme_id": NUMBERS, "name": TEXTS, "first_date": TEXTS, "last_date": TEXTS | st.none()}
    | {
        "opens": TEXTS,
        "closes": TEXTS,
        "rule": TEXTS,
        "weekday": NUMBERS | st.none(),
        "branch_id": NUMBERS | st.none(),
    },
    "overrides": {"scheme_id": NUMBERS, "rule": TEXTS, "branch_id": NUMBERS | st.none(), "reason": TEXTS}
    | {"begins_at": TEXTS, "ends_at": TEXTS},
    "branches": {"scheme_id": NUMBERS, "position": NUMBERS, "name": TEXTS},
    "schedule_entries": dict.fromkeys(("first_day", "last_day", "branch_id"), NUMBERS)
    | {"opens": TEXTS, "closes": TEXTS},
    "steps": dict.fromkeys(("branch_id", "position", "max_seconds", "silence_seconds", "min_seconds"), NUMBERS)
    | {"kind": TEXTS, "strategy": TEXTS, "greeting_id": NUMBERS | st.none()},
    "destinations": dict.fromkeys(("step_id", "position", "timeout_seconds", "delay_seconds"), NUMBERS)
    | {"kind": TEXTS, "target": TEXTS},
    "greetings": {"name": TEXTS, "sound": TEXTS},
    "numbers": {"e164": TEXTS, "name": TEXTS, "scheme_id": NUMBERS | st.none()},
}


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


@st.composite
def edits(draw: st.DrawFn) -> str:
    """One statement over one table; the bystander's ids, which no sequence comes to, are left alone."""
    table = draw(st.sampled_from(sorted(COLUMNS)))
    wanted = draw(st.lists(st.sampled_from(sorted(COLUMNS[table])), min_size=1, unique=True))
    values = {column: literal(draw(COLUMNS[table][column])) for column in wanted}
    match draw(st.sampled_from(("insert", "update", "update", "delete"))):
        case "insert":
            return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"
        case "update":
            changes = ", ".join(f"{column} = {value}" for column, value in values.items())
            return f"UPDATE {table} SET {changes} WHERE id < 900000000"
    return f"DELETE FROM {table} WHERE id < 900000000"


def harmless(reading: Reading) -> None:
    """What must hold of any book, and of this one's bystander."""
    bystander = reading.book.numbers["+74950000900"].scheme
    assert bystander is not None
    assert bystander.name == "Bystander"
    for number in reading.book.numbers.values():
        for branch in number.scheme.branches if number.scheme else ():
            assert branch.steps
            for step in branch.steps:
                if isinstance(step, DialStep):
                    for one in step.destinations:
                        assert one.kind is TargetKind.ENDPOINT or RULES.refusal(one.target) is None
                        assert 5 <= one.timeout <= 600
    refused = [problem for problem in reading.problems if problem.severity is Severity.ERROR]
    assert all(problem.where.startswith(("scheme ", "number ")) for problem in refused)


@contextmanager
def fresh(url: str) -> Iterator[tuple[Shell, sa.Engine]]:
    """The office and the bystander, gone again afterwards."""
    engine = open_database(url)
    with shell(url) as admin:
        admin.execute("BEGIN")
        for table in ("numbers", *(table for table in COLUMNS if table != "numbers")):
            admin.execute(f"DELETE FROM {table}")
        admin.execute("COMMIT")
        for statement in (*OFFICE, *BYSTANDER):
            admin.execute(statement)
        yield admin, engine
    engine.dispose()


def read(engine: sa.Engine, previous: Reading | None = None) -> Reading:
    with snapshot(engine).begin() as connection:
        return load_book(connection, RULES, UNIVERSAL, previous)


def type_each(admin: Shell, engine: sa.Engine, statements: list[str]) -> None:
    reading = read(engine)
    for statement in statements:
        with suppress(sqlite3.Error, psycopg.Error):
            admin.execute(statement)
        reading = read(engine, reading)
        harmless(reading)
    harmless(read(engine))


TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
"""How many times more is tried than in `make test`."""
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.fault("21", "22")
@settings(max_examples=60 * TIMES, deadline=None, suppress_health_check=SLOW)
@given(statements=st.lists(edits(), min_size=1, max_size=8))
def test_any_edits_leave_a_readable_book(url: str, statements: list[str]) -> None:
    with fresh(url) as (admin, engine):
        type_each(admin, engine, statements)


@pytest.fixture
def lawless_url(sqlite_url: str) -> str:
    """A database whose triggers somebody has dropped."""
    file = sqlite3.connect(str(Path(str(sa.make_url(sqlite_url).database))))
    for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        file.execute(f"DROP TRIGGER {name}")
    file.close()
    return sqlite_url


@pytest.mark.fault("21", "22")
@settings(max_examples=150 * TIMES, deadline=None, suppress_health_check=SLOW)
@given(statements=st.lists(edits(), min_size=1, max_size=8))
def test_any_edits_without_constraints_leave_a_readable_book(lawless_url: str, statements: list[str]) -> None:
    with fresh(lawless_url) as (admin, engine):
        admin.execute("PRAGMA ignore_check_constraints = ON")
        type_each(admin, engine, statements)

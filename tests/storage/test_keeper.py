"""An edit at a shell is live for the next call within two seconds, whole or not at all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting
from ari_app.storage import keeper as keeper_module
from ari_app.storage.book import Reading
from ari_app.storage.database import open_database
from ari_app.storage.keeper import SchemeBookKeeper
from tests.storage.admin import OFFICE, shell, type_in
from tests.storage.postgres import PrivatePostgres

UNIVERSAL = Greeting("universal", "ari-app/en/greeting")


class Readings:
    """Hears of every new reading, in the keeper's thread, and lets a test wait for one."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._seen: list[Reading] = []

    def __call__(self, reading: Reading) -> None:
        with self._news:
            self._seen.append(reading)
            self._news.notify_all()

    def wait_for(self, wanted: Callable[[Reading], bool], seconds: float = 2.0) -> None:
        with self._news:
            assert self._news.wait_for(lambda: any(wanted(reading) for reading in self._seen), seconds), self._seen[-1:]


@pytest.fixture
def readings() -> Readings:
    return Readings()


@pytest.fixture
def keeper(engine: sa.Engine, readings: Readings) -> Iterator[SchemeBookKeeper]:
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL, on_change=readings)
    keeper.start()
    assert keeper.wait_loaded(5)
    yield keeper
    keeper.stop()


def _zone(reading: Reading) -> str:
    number = reading.book.numbers.get("+74950000101")
    return number.scheme.zone.key if number and number.scheme else ""


@pytest.mark.promise("CAL-02", "RNG-01", "RNG-10")
def test_an_edit_by_plain_sql_is_live_within_two_seconds(
    url: str, keeper: SchemeBookKeeper, readings: Readings
) -> None:
    assert dict(keeper.current.numbers) == {}
    type_in(url, *OFFICE)
    readings.wait_for(lambda reading: _zone(reading) == "Europe/Moscow")
    for edit in (
        "UPDATE schemes SET time_zone = 'Europe/Kyiv'",
        "INSERT INTO schemes (name, time_zone) VALUES ('Empty', 'UTC')",
        "DELETE FROM numbers",
    ):
        before, edited = keeper.current, time.monotonic()
        type_in(url, edit)
        readings.wait_for(lambda _, before=before: keeper.reading.book is not before)  # type: ignore[misc]
        assert time.monotonic() - edited < 2


def test_a_transaction_at_the_shell_is_live_as_a_whole(url: str, keeper: SchemeBookKeeper, readings: Readings) -> None:
    with shell(url) as admin:
        admin.execute("BEGIN")
        for statement in OFFICE:
            admin.execute(statement)
        assert not keeper.refresh()
        assert dict(keeper.current.numbers) == {}
        admin.execute("COMMIT")
    readings.wait_for(lambda reading: _zone(reading) == "Europe/Moscow")
    assert keeper.reading.problems == ()


def test_edits_that_commit_out_of_order_are_all_noticed(postgresql_url: str) -> None:
    """The first shell's change has the lower id and commits last: a look at the highest id alone would miss it."""
    engine = open_database(postgresql_url)
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL)
    type_in(postgresql_url, *OFFICE)
    with shell(postgresql_url) as slow, shell(postgresql_url) as quick:
        slow.execute("BEGIN")
        slow.execute("UPDATE schemes SET time_zone = 'Europe/Kyiv'")
        quick.execute("UPDATE numbers SET name = 'Hotline'")
        assert keeper.refresh()
        assert _zone(keeper.reading) == "Europe/Moscow"
        slow.execute("COMMIT")
        assert keeper.refresh()
    assert _zone(keeper.reading) == "Europe/Kyiv"
    assert not keeper.refresh()
    engine.dispose()


def test_a_truncated_table_is_noticed(postgresql_url: str) -> None:
    engine = open_database(postgresql_url)
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL)
    type_in(postgresql_url, *OFFICE)
    assert keeper.refresh()
    type_in(postgresql_url, "TRUNCATE numbers")
    assert keeper.refresh()
    assert dict(keeper.current.numbers) == {}
    engine.dispose()


def test_nothing_new_means_nothing_read(url: str, keeper: SchemeBookKeeper) -> None:
    type_in(url, *OFFICE)
    keeper.refresh()
    before = keeper.reading
    assert not keeper.refresh()
    assert keeper.reading is before


def test_a_problem_is_logged_once_and_not_at_every_reading(
    url: str, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL)
    type_in(url, *OFFICE, "UPDATE schemes SET time_zone = 'Mars/Base'")
    with caplog.at_level(logging.WARNING):
        keeper.refresh()
        type_in(url, "UPDATE numbers SET name = 'Hotline'")
        keeper.refresh()
    assert caplog.text.count("'Mars/Base' is not an IANA time zone") == 1


def test_the_list_of_changes_is_pruned_and_hides_no_edit(
    url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "CHANGES_AT_MOST", 20)
    monkeypatch.setattr(keeper_module, "CHANGES_KEPT", 5)
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL)
    type_in(url, *OFFICE, *["UPDATE numbers SET name = 'Hotline'"] * 30)
    assert keeper.refresh()
    with engine.connect() as connection:
        noted = connection.execute(sa.text("SELECT table_name FROM configuration_changes ORDER BY id")).scalars().all()
    assert len(noted) == 6
    assert noted[-1] == "configuration_changes", "the removal must change the highest id, or it could hide an edit"
    keeper.refresh()
    type_in(url, "UPDATE schemes SET time_zone = 'Europe/Kyiv'")
    assert keeper.refresh()
    assert _zone(keeper.reading) == "Europe/Kyiv"


def test_the_last_book_stays_in_force_while_the_database_is_away(
    postgres: PrivatePostgres, postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_database(postgresql_url)
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL)
    type_in(postgresql_url, *OFFICE)
    keeper.refresh()
    postgres.halt()
    try:
        with caplog.at_level(logging.INFO):
            assert not keeper.refresh()
            assert not keeper.refresh()
        assert keeper.trouble
        assert _zone(keeper.reading) == "Europe/Moscow"
        assert caplog.text.count("the last book stays in force") == 1
    finally:
        postgres.start()
    type_in(postgresql_url, "UPDATE schemes SET time_zone = 'Europe/Kyiv'")
    assert keeper.refresh()
    assert keeper.trouble == ""
    assert _zone(keeper.reading) == "Europe/Kyiv"
    engine.dispose()


@pytest.mark.fault("20")
def test_a_shell_that_holds_sqlites_write_lock_does_not_keep_the_book_from_being_read(sqlite_url: str) -> None:
    type_in(sqlite_url, *OFFICE)
    engine = open_database(sqlite_url)
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL)
    with shell(sqlite_url) as admin:
        admin.execute("BEGIN IMMEDIATE")
        admin.execute("DELETE FROM numbers")
        assert keeper.refresh()
        admin.execute("ROLLBACK")
    assert _zone(keeper.reading) == "Europe/Moscow"
    engine.dispose()

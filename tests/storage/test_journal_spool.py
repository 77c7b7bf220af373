"""While the database is away, slow or locked the journal goes to disk; it is entered afterwards, once and in order.

Kills are tried at every third line on SQLite and every 23rd on PostgreSQL; ``OUTBOX_KILLS=all`` tries all on both.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import ari_app.storage.batch_writer
import ari_app.storage.journal
import ari_app.storage.private_files
import ari_app.storage.spool
import ari_app.storage.spool_owner
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting
from ari_app.core.timeline import Entry, Kind
from ari_app.storage import database
from ari_app.storage import journal as journal_module
from ari_app.storage.batch import Batch
from ari_app.storage.database import open_database
from ari_app.storage.history import show_call
from ari_app.storage.intents import intent_row
from ari_app.storage.journal import SqlJournal
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.outbox_schema import messages
from ari_app.storage.records import calls
from ari_app.storage.spool import Spool
from tests.e2e.proxy import Proxy
from tests.outbox.killing import killed_at, moments_of
from tests.outbox.messages import a_rule, apology
from tests.storage.admin import shell
from tests.storage.postgres import PrivatePostgres
from tests.storage.test_journal import closed, leg, opened, told, unwritable, whole_call

ALL = os.environ.get("OUTBOX_KILLS") == "all"
STEP = {"sqlite": 1 if ALL else 3, "postgresql": 1 if ALL else 23}
WATCHED = tuple(
    str(module.__file__)
    for module in (
        ari_app.storage.batch_writer,
        ari_app.storage.journal,
        ari_app.storage.spool,
        ari_app.storage.spool_owner,
        ari_app.storage.private_files,
    )
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def journal(engine: sa.Engine, folder: Path) -> Iterator[SqlJournal]:
    journal = SqlJournal(engine, spool=Spool(folder))
    yield journal
    journal.close()


def spool_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool*"))


def numbers_of(engine: sa.Engine, call_id: str = "call-1") -> list[int]:
    """The times of the call's entries, in their order."""
    with engine.connect() as connection:
        return [event.at_ms for event in show_call(connection, call_id).events]


def ring(journal: SqlJournal, *numbers: int, call_id: str = "call-1") -> None:
    for number in numbers:
        journal.noted(call_id, Entry(number, Kind.LEG_RANG))


@pytest.mark.fault("19")
def test_what_is_heard_while_the_database_is_away_is_on_disk_at_once_and_entered_in_order(
    engine: sa.Engine,
    journal: SqlJournal,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal.opened(opened())
    assert journal.flush()
    mend = unwritable(monkeypatch)
    for number in range(50):
        ring(journal, number)
        assert journal.keep(5)
    assert spool_files(folder)
    assert (journal.in_memory, journal.unwritten) == (0, 50)
    mend()
    assert journal.flush(5)
    assert numbers_of(engine) == list(range(50))
    assert journal.keep(0)
    ring(journal, 50)
    assert journal.flush(5)
    assert not spool_files(folder)
    assert journal.unwritten == 0
    assert journal.lost == 0
    assert caplog.text.count(f"cannot be written now and is kept in {folder}: disk full") == 1


@pytest.mark.fault("19")
def test_an_intent_that_went_over_the_disk_is_taken_in_once(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = a_rule(engine)
    mend = unwritable(monkeypatch)
    ending = closed()
    intent = apology("call-1", rule)
    for _ in range(2):
        first = SqlJournal(engine, spool=Spool(folder))
        first.opened(opened())
        first.closed(type(ending)(ending.call_id, ending.at, ending.verdict, 3000, 9000, (intent,)))
        assert not first.close(0.01)
    mend()
    second = SqlJournal(engine, spool=Spool(folder))
    entered(second, folder)
    with engine.connect() as connection:
        (row,) = connection.execute(sa.select(messages)).mappings()
    expected = intent_row(intent, ending.at)
    for name in expected.keys() - {"ref"}:
        assert row[name] == expected[name], name
    assert second.close()


def entered(journal: SqlJournal, folder: Path, seconds: float = 10) -> None:
    """Return once the journal has entered all that there was in the spool of earlier processes."""
    deadline = time.monotonic() + seconds
    while spool_files(folder):
        assert time.monotonic() < deadline, spool_files(folder)
        journal.opened(opened("a call that comes later"))
        assert journal.flush(seconds)


@pytest.mark.fault("19")
def test_a_stop_without_the_database_leaves_all_of_it_to_the_next_start(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mend = unwritable(monkeypatch)
    first = SqlJournal(engine, spool=Spool(folder), gather_seconds=30)
    whole_call(first)
    assert not first.close(0.1)
    assert f"7 entries of the journal are in {folder}, for the next start" in caplog.text
    assert "were not written" not in caplog.text
    mend()
    second = SqlJournal(engine, spool=Spool(folder))
    second.noted("call-1", Entry(9001, Kind.VERDICT))
    assert second.flush()
    assert numbers_of(engine) == [0, 5, 9001]
    assert second.close()
    assert not list(folder.iterdir())


@pytest.mark.fault("18")
def test_a_commit_that_hangs_has_its_entries_and_those_behind_it_put_on_disk(
    engine: sa.Engine, journal: SqlJournal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that has the row already, and says so late: it is there once."""
    monkeypatch.setattr(journal_module, "OVERDUE_SECONDS", 0.1)
    write, begun, go_on = Batch.write, threading.Event(), threading.Event()

    def hang(batch: Batch, connection: sa.Connection) -> None:
        write(batch, connection)
        begun.set()
        go_on.wait(10)

    journal.opened(opened())
    assert journal.flush(5)
    monkeypatch.setattr(Batch, "write", hang)
    ring(journal, 1)
    assert begun.wait(5)
    ring(journal, 2, 3)
    assert journal.keep(5), "safe though the database has not answered"
    assert "has not answered" in journal.trouble
    assert spool_files(folder)
    assert journal.unwritten == 3
    go_on.set()
    assert journal.flush(5)
    assert numbers_of(engine) == [1, 2, 3]
    assert journal.trouble == ""


@pytest.mark.fault("3")
def test_what_is_heard_first_is_on_disk_before_the_database_has_taken_anything(
    engine: sa.Engine, journal: SqlJournal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed within its first second, a controller leaves no call without a row."""
    write, begun, go_on = Batch.write, threading.Event(), threading.Event()

    def slow(batch: Batch, connection: sa.Connection) -> None:
        begun.set()
        assert go_on.wait(10)
        write(batch, connection)

    monkeypatch.setattr(journal_module, "OVERDUE_SECONDS", 30.0)
    monkeypatch.setattr(Batch, "write", slow)
    journal.opened(opened())
    assert begun.wait(5)
    assert (spool_files(folder) != [], journal.in_memory, journal.trouble) == (True, 0, "")
    go_on.set()
    assert journal.flush(5)
    assert numbers_of(engine) == []
    assert not spool_files(folder)


@pytest.mark.fault("18")
def test_what_is_heard_while_an_old_spool_is_entered_is_put_behind_it_on_disk(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entering a long one takes minutes: a kill meanwhile must not cost what was heard in them."""
    left = Spool(folder)
    left.append([opened(), ("call-1", 1, Entry(1, Kind.LEG_RANG))])
    left.close()
    write, begun, go_on = Batch.write, threading.Event(), threading.Event()

    def slow(batch: Batch, connection: sa.Connection) -> None:
        begun.set()
        assert go_on.wait(10)
        write(batch, connection)

    monkeypatch.setattr(Batch, "write", slow)
    monkeypatch.setattr(journal_module, "OVERDUE_SECONDS", 30.0)
    journal = SqlJournal(engine, spool=Spool(folder))
    assert begun.wait(5)
    ring(journal, 2, 3)
    assert journal.keep(5)
    go_on.set()
    assert journal.flush(5)
    assert numbers_of(engine) == [1, 2, 3]
    assert journal.close()


def test_many_at_once_are_put_on_disk_and_written_in_portions(
    engine: sa.Engine, journal: SqlJournal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "CHUNK", 100)
    sizes: list[int] = []
    make = Batch.__init__

    def measured(batch: Batch, happenings: list[object]) -> None:
        sizes.append(len(happenings))
        make(batch, happenings)  # type: ignore[arg-type]

    mend = unwritable(monkeypatch)
    monkeypatch.setattr(Batch, "__init__", measured)
    journal.opened(opened())
    ring(journal, *range(1000))
    with told("cannot be written now") as refused:
        assert refused.wait(5) or journal.trouble
    assert journal.keep(5)
    mend()
    assert journal.flush(10)
    assert max(sizes) == 100
    assert len(sizes) <= 13, "a batch that is tried again is not made again"
    assert numbers_of(engine) == list(range(1000))


def test_a_backlog_goes_to_disk_however_fast_the_database_is(
    engine: sa.Engine, journal: SqlJournal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "BACKLOG", 10)
    journal.opened(opened())
    ring(journal, *range(500))
    assert journal.flush(10)
    assert numbers_of(engine) == list(range(500))
    assert not spool_files(folder)


@pytest.mark.fault("24")
def test_a_full_disk_leaves_memory_up_to_its_bound_and_is_told_once(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mend = unwritable(monkeypatch)
    folder.parent.mkdir(exist_ok=True)
    folder.touch()  # no folder can be made there
    journal = SqlJournal(engine, spool=Spool(folder), capacity=10)
    journal.opened(opened())
    ring(journal, *range(20))
    assert not journal.keep(0.3)
    assert journal.lost == 11
    assert caplog.text.count("the journal's spool on disk cannot be used") == 1
    assert caplog.text.count("the journal is full (10 entries)") == 1
    assert "is kept in memory" in caplog.text
    folder.unlink()
    assert journal.keep(5), "the disk is back before the database is"
    ring(journal, 30)
    mend()
    assert journal.flush(5)
    assert numbers_of(engine) == [*range(9), 30]
    journal.close()


def test_a_fault_of_our_own_in_the_spool_is_told_once_and_the_database_is_written(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_spool: Spool, _happenings: object) -> int:
        raise RuntimeError("a mistake")

    mend = unwritable(monkeypatch)
    monkeypatch.setattr(Spool, "_append", broken)
    journal = SqlJournal(engine, spool=Spool(folder))
    with told("cannot be written now") as refused:
        whole_call(journal)
        assert refused.wait(5)
    assert not journal.keep(0.3)
    mend()
    assert journal.close(10), "the database takes what the disk did not"
    assert numbers_of(engine) == [0, 5]
    assert caplog.text.count("a mistake") == 1


def test_a_fault_of_our_own_in_the_journal_does_not_loop_nor_hold_up_the_stop(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_journal: SqlJournal) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(SqlJournal, "_begin", broken)
    journal = SqlJournal(engine)
    with told("stumbled") as stumbled:
        whole_call(journal)
        assert stumbled.wait(5)
    assert not journal.close(0.1)
    assert caplog.text.count("stumbled") <= 2


def test_an_impossible_entry_in_the_spool_is_lost_alone(
    engine: sa.Engine, journal: SqlJournal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = unwritable(monkeypatch)
    journal.leg(leg("a-call-nobody-opened"))
    whole_call(journal)
    assert journal.keep(5)
    mend()
    assert journal.flush(5)
    assert numbers_of(engine) == [0, 5]
    assert journal.lost == 1
    assert not spool_files(folder)


def test_the_spool_of_a_controller_that_died_is_entered_by_one_that_lives(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_module, "ADOPT_SECONDS", 0.05)
    living = SqlJournal(engine, spool=Spool(folder))
    mend = unwritable(monkeypatch)
    other = SqlJournal(engine, spool=Spool(folder))
    whole_call(other)
    assert other.keep(5)
    mend_at_last = mend
    with told("left") as adopted:
        assert not other.close(0.01)
        mend_at_last()
        assert adopted.wait(5)
    entered(living, folder)
    assert numbers_of(engine) == [0, 5]
    living.close()


# --- the database itself ----------------------------------------------------------------------------------------------


@pytest.mark.fault("19")
def test_postgresql_dies_amid_calls(postgres: PrivatePostgres, postgresql_url: str, folder: Path) -> None:
    engine = open_database(postgresql_url)
    journal = SqlJournal(engine, spool=Spool(folder))
    whole_call(journal)
    assert journal.flush()
    postgres.halt()
    try:
        whole_call(journal, "call-2")
        assert journal.keep(10)
        assert journal.in_memory == 0
        assert spool_files(folder)
    finally:
        postgres.start()
    assert journal.flush(10)
    assert numbers_of(engine, "call-2") == [0, 5]
    assert journal.close()
    assert not list(folder.iterdir())
    engine.dispose()


@pytest.mark.fault("20")
def test_a_lock_held_by_an_admins_shell_puts_the_journal_on_disk(
    sqlite_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell holds the lock longer than one attempt waits."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    engine = open_database(sqlite_url)
    journal = SqlJournal(engine, spool=Spool(folder))
    with shell(sqlite_url) as admin:
        admin.execute("BEGIN IMMEDIATE")
        whole_call(journal)
        assert journal.keep(5)
        assert not journal.flush(0)
        admin.execute("ROLLBACK")
    assert journal.flush(5)
    assert numbers_of(engine) == [0, 5]
    assert journal.close()
    engine.dispose()


class Frozen:
    """A way to PostgreSQL on which, from some moment, nothing is let through."""

    def __init__(self, port: int) -> None:
        self.proxy = Proxy(("127.0.0.1", port))

    def freeze(self) -> None:
        self.proxy.watch = lambda _chunk, _towards: True

    def thaw(self) -> None:
        """Silent connections are lost for good; new ones work."""
        self.proxy.watch = lambda _chunk, _towards: False
        self.proxy.cut()


@pytest.fixture
def frozen(postgres: PrivatePostgres) -> Iterator[Frozen]:
    way = Frozen(postgres.port)
    yield way
    way.proxy.close()


@pytest.mark.fault("18")
@pytest.mark.parametrize("how", ["frozen", "locked"])
def test_the_event_loop_never_waits_for_a_database_that_does_not_answer(
    request: pytest.FixtureRequest, how: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls tell the journal and read the book throughout; no turn of the loop takes 0.1 s, and all is entered."""
    if how == "frozen":
        way: Frozen = request.getfixturevalue("frozen")
        url = str(sa.make_url(request.getfixturevalue("postgresql_url")).set(port=way.proxy.port))
        stop: Callable[[], object] = way.freeze
        go_on: Callable[[], object] = way.thaw
    else:
        url = request.getfixturevalue("sqlite_url")
        held = shell(url)
        admin = held.__enter__()
        stop, go_on = lambda: admin.execute("BEGIN IMMEDIATE"), lambda: held.__exit__(None, None, None)
    engine = open_database(url)
    journal = SqlJournal(engine, spool=Spool(folder))
    keeper = SchemeBookKeeper(engine, DialPolicy(), Greeting("universal", "beep"), poll_seconds=0.01)
    keeper.start()
    assert keeper.wait_loaded(5)
    journal.opened(opened())
    assert journal.flush(5)
    stop()
    turns = asyncio.run(_calls_for(1.5, journal, keeper))
    assert max(turns) < 0.1
    assert journal.keep(5)
    assert journal.unwritten == len(turns)
    go_on()
    assert journal.flush(20)
    assert numbers_of(engine) == list(range(len(turns)))
    keeper.stop()
    assert journal.close()
    engine.dispose()


async def _calls_for(seconds: float, journal: SqlJournal, keeper: SchemeBookKeeper) -> list[float]:
    """How long each turn of the loop took while calls went on."""
    loop = asyncio.get_running_loop()
    turns: list[float] = []
    end = loop.time() + seconds
    while loop.time() < end:
        began = loop.time()
        ring(journal, len(turns))
        assert keeper.current.loaded
        await asyncio.sleep(0.001)
        turns.append(loop.time() - began)
    return turns


# --- killed -----------------------------------------------------------------------------------------------------------


class Trial:
    """A call that is told to a journal without a database, by a child that may be killed at any line."""

    def __init__(self, url: str, folder: Path) -> None:
        self.engine = open_database(url)
        self.folder = folder

    def tell(self, call_id: str, kept: int | None = None) -> None:
        """What the child does: a call with twenty entries; writes to ``kept`` how many of them it was told are safe."""

        def away(_batch: Batch, _connection: sa.Connection) -> None:
            raise sa.exc.OperationalError("INSERT", None, Exception("away"))

        Batch.write = away  # type: ignore[method-assign, assignment]
        journal = SqlJournal(self.engine, spool=Spool(self.folder, file_bytes=2000), gather_seconds=0.0)
        journal.opened(opened(call_id))
        for number in range(20):
            ring(journal, number, call_id=call_id)
            if number % 5 == 4:
                assert journal.keep(10)
                if kept is not None:
                    os.write(kept, bytes([number + 1]))
        journal.closed(closed(call_id))
        journal.close(0.0)

    def enter(self) -> None:
        """What the next process does, killed or not."""
        journal = SqlJournal(self.engine, spool=Spool(self.folder, file_bytes=2000), gather_seconds=0.0)
        entered(journal, self.folder)
        assert journal.close()


@pytest.mark.fault("19")
def test_killed_at_any_line_while_spooling_nothing_that_was_safe_is_lost(
    url: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trial = Trial(url, folder)
    moments = moments_of(lambda: trial.tell("first"), WATCHED)
    assert len(moments) > 150
    trial.enter()
    killed = 0
    for line in moments[:: STEP[trial.engine.dialect.name]]:
        call_id, (read_end, write_end) = f"call {line}", os.pipe()
        trial.engine.dispose()
        killed += killed_at(line, lambda call_id=call_id, end=write_end: trial.tell(call_id, end), WATCHED)  # type: ignore[misc]
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            safe = (pipe.read() or b"\0")[-1]
        trial.enter()
        with trial.engine.connect() as connection:
            there = connection.scalar(sa.select(calls.c.id).where(calls.c.id == call_id))
        found = numbers_of(trial.engine, call_id) if there else []
        assert found == list(range(len(found))), f"killed at line {line}"
        assert len(found) >= safe, f"killed at line {line}"
        assert not list(folder.iterdir()), f"killed at line {line}"
    assert killed > 100 / STEP[trial.engine.dialect.name]
    assert "damaged" not in caplog.text
    trial.engine.dispose()


@pytest.mark.fault("19")
def test_killed_at_any_line_while_entering_everything_is_there_once(url: str, folder: Path) -> None:
    trial = Trial(url, folder)
    alone = moments_of(lambda: trial.tell("first"), ())
    assert alone == []
    moments = moments_of(trial.enter, WATCHED)
    assert len(moments) > 100
    for line in moments[:: STEP[trial.engine.dialect.name]]:
        call_id = f"call {line}"
        trial.engine.dispose()
        assert not killed_at(10**9, lambda call_id=call_id: trial.tell(call_id), ())  # type: ignore[misc]
        killed_at(line, trial.enter, WATCHED)
        trial.enter()
        with trial.engine.connect() as connection:
            history = show_call(connection, call_id)
        assert [event.at_ms for event in history.events] == list(range(20)), f"killed at line {line}"
        assert history.call.disposition == "answered"
        assert not list(folder.iterdir()), f"killed at line {line}"
    trial.engine.dispose()

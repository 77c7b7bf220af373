"""The journal takes everything at once, writes it behind the calls, and loses nothing while the database is away."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ari_app.core.outcomes import LegOutcome
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, Reason, Verdict
from ari_app.ports import CallClosed, CallOpened, CallRouted, LegRecord, MessageRecord
from ari_app.storage import database
from ari_app.storage.batch import Batch
from ari_app.storage.database import open_database
from ari_app.storage.history import JournalledEvent, list_calls, show_call
from ari_app.storage.journal import SqlJournal
from tests.storage.admin import shell
from tests.storage.postgres import PrivatePostgres

ARRIVED = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)


def opened(call_id: str = "call-1", **other: str) -> CallOpened:
    values = {"caller": "+79161112233", "caller_raw": "89161112233", "dialled": "+74950000101"}
    return CallOpened(call_id=call_id, at=ARRIVED, dialled_raw="+74950000101", channel="in-1", **(values | other))


def closed(call_id: str = "call-1", disposition: Disposition = Disposition.ANSWERED) -> CallClosed:
    verdict = Verdict(disposition, Reason.TALKED, "lab-answers")
    return CallClosed(call_id, ARRIVED + timedelta(seconds=9), verdict, answered_ms=3000, ended_ms=9000)


def leg(call_id: str = "call-1", number: int = 1, text: str = "Normal Clearing") -> LegRecord:
    return LegRecord(call_id, f"{call_id}-{number}", 0, "lab-answers", 5, 60, 3000, 9000, LegOutcome.ANSWERED, 16, text)


def whole_call(journal: SqlJournal, call_id: str = "call-1") -> None:
    journal.opened(opened(call_id))
    journal.routed(CallRouted(call_id, "+74950000101", "Office", "abc123", "Always"))
    journal.noted(call_id, Entry(0, Kind.ARRIVED, {"caller": "+79161112233"}))
    journal.noted(call_id, Entry(5, Kind.LEG_DIALED, {"leg": f"{call_id}-1", "timeout": 8, "again": None}))
    journal.leg(leg(call_id))
    journal.message(MessageRecord(call_id, f"message-of-{call_id}", 4200))
    journal.closed(closed(call_id))


@pytest.fixture
def journal(engine: sa.Engine) -> Iterator[SqlJournal]:
    journal = SqlJournal(engine)
    yield journal
    journal.close()


def test_a_whole_call_is_read_back_as_it_was_told(engine: sa.Engine, journal: SqlJournal) -> None:
    whole_call(journal)
    assert journal.flush()
    with engine.connect() as connection:
        history = show_call(connection, "call-1")
    call = history.call
    assert (call.arrived_at, call.ended_at) == (ARRIVED, ARRIVED + timedelta(seconds=9))
    assert (call.caller, call.caller_raw, call.dialled, call.channel) == (
        "+79161112233",
        "89161112233",
        "+74950000101",
        "in-1",
    )
    assert (call.scheme, call.scheme_version, call.branch) == ("Office", "abc123", "Always")
    assert (call.disposition, call.reason, call.answered_by) == ("answered", "talked", "lab-answers")
    assert (call.answered_ms, call.ended_ms) == (3000, 9000)
    assert [(one.destination, one.outcome, one.cause, one.rang_ms) for one in history.legs] == [
        ("lab-answers", "answered", 16, 60)
    ]
    assert history.events == (
        JournalledEvent(0, "arrived", {"caller": "+79161112233"}),
        JournalledEvent(5, "leg_dialed", {"leg": "call-1-1", "timeout": 8, "again": None}),
    )
    assert history.events[1].as_entry().kind is Kind.LEG_DIALED
    assert [(message.name, message.length_ms) for message in history.messages] == [("message-of-call-1", 4200)]
    assert abs(history.messages[0].written_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_call_is_on_record_while_it_lasts_and_completed_when_it_ends(engine: sa.Engine, journal: SqlJournal) -> None:
    journal.opened(opened())
    assert journal.flush()
    with engine.connect() as connection:
        (call,) = list_calls(connection)
    assert (call.disposition, call.ended_at, call.scheme) == (None, None, None)
    journal.routed(CallRouted("call-1", "+74950000101", "Office", "abc123", "Always"))
    assert journal.flush()
    journal.closed(closed())
    assert journal.flush()
    with engine.connect() as connection:
        (call,) = list_calls(connection)
    assert (call.disposition, call.scheme, call.ended_ms) == ("answered", "Office", 9000)


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """What is sent to the database meanwhile, COMMITs included."""
    sent: list[str] = []

    def on_statement(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    def on_commit(_c: object) -> None:
        sent.append("COMMIT")

    sa.event.listen(engine, "before_cursor_execute", on_statement)
    sa.event.listen(engine, "commit", on_commit)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", on_statement)
    sa.event.remove(engine, "commit", on_commit)


def test_a_hundred_calls_take_one_transaction_of_five_statements(engine: sa.Engine) -> None:
    journal = SqlJournal(engine, gather_seconds=30)
    with statements(engine) as sent:
        for number in range(100):
            whole_call(journal, f"call-{number}")
        assert journal.flush()
    journal.close()
    assert sent.count("COMMIT") == 1
    assert [line.split()[2] for line in sent if line.startswith("INSERT")] == [
        "calls",
        "legs",
        "call_events",
        "voicemail_messages",
        "last_talks",
    ]
    assert not [line for line in sent if line.startswith("UPDATE")]
    if engine.dialect.name == "sqlite":
        assert "BEGIN IMMEDIATE" in sent, "the write lock is waited for at the beginning alone"


def test_what_is_heard_is_written_without_anybody_asking(engine: sa.Engine, journal: SqlJournal) -> None:
    written = threading.Event()
    sa.event.listen(engine, "commit", lambda _connection: written.set())
    journal.opened(opened())
    assert written.wait(2)


@pytest.mark.fault("23")
@pytest.mark.parametrize(
    "hostile",
    [
        "'; DROP TABLE calls; --",
        '"><script>alert(1)</script>',
        "../../etc/passwd",
        "=cmd|'/c calc'!A1",
        "имя\nInjected: log line\r\n",
        "%s %(name)s {0} :name ?1",
        "🙈" * 200,
    ],
)
def test_a_hostile_caller_id_is_stored_as_it_is_and_does_nothing(
    engine: sa.Engine, journal: SqlJournal, hostile: str
) -> None:
    journal.opened(opened(caller_raw=hostile))
    journal.noted("call-1", Entry(0, Kind.ARRIVED, {"caller": hostile, hostile: hostile}))
    journal.leg(leg(text=hostile))
    assert journal.flush()
    with engine.connect() as connection:
        history = show_call(connection, "call-1")
    assert history.call.caller_raw == hostile
    assert history.events[0].details == {"caller": hostile, hostile: hostile}
    assert history.legs[0].cause_text == hostile
    assert journal.lost == 0


@pytest.mark.fault("23")
def test_what_no_database_can_store_is_replaced(engine: sa.Engine, journal: SqlJournal) -> None:
    journal.opened(opened(caller_raw="a\0b\ud800c"))
    journal.noted("call-1", Entry(0, Kind.ARRIVED, {"caller\0": "a\0b\ud800c", "big": 1 << 70}))
    assert journal.flush()
    with engine.connect() as connection:
        history = show_call(connection, "call-1")
    assert history.call.caller_raw == "a\ufffdb?c"
    assert history.events[0].details == {"caller\ufffd": "a\ufffdb?c", "big": str(1 << 70)}


def test_a_commit_that_may_have_happened_is_made_again_without_doubling(engine: sa.Engine) -> None:
    batch = Batch([opened(), ("call-1", 1, Entry(0, Kind.ARRIVED)), leg(), MessageRecord("call-1", "m", 1), closed()])
    for _ in range(2):
        with database.writing(engine).begin() as connection:
            batch.write(connection)
    with engine.connect() as connection:
        history = show_call(connection, "call-1")
    assert (len(history.legs), len(history.events), len(history.messages)) == (1, 1, 1)


def test_one_impossible_entry_does_not_hold_up_the_others(
    engine: sa.Engine, journal: SqlJournal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.leg(leg("a-call-nobody-opened"))
    journal.leg(replace(leg("call-1", 2), cause=1 << 70))
    whole_call(journal)
    assert journal.flush()
    with engine.connect() as connection:
        history = show_call(connection, "call-1")
    assert (len(history.legs), len(history.events)) == (1, 2)
    assert journal.lost == 2
    assert "the journal lost an entry of call a-call-nobody-opened" in caplog.text


@contextmanager
def told(words: str) -> Iterator[threading.Event]:
    """Set once the journal logs a line with these words."""
    said = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                said.set()

    listener = Listener()
    logger = logging.getLogger("ari_app.storage.journal")
    logger.addHandler(listener)
    yield said
    logger.removeHandler(listener)


@pytest.mark.fault("20")
def test_a_lock_held_by_an_admins_shell_is_waited_for(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The shell holds the lock for longer than one attempt waits; nothing is lost, nothing is written twice."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    engine = open_database(sqlite_url)
    journal = SqlJournal(engine)
    with shell(sqlite_url) as admin, caplog.at_level(logging.INFO), told("cannot be written now") as refused:
        admin.execute("BEGIN IMMEDIATE")
        whole_call(journal)
        assert refused.wait(5)
        whole_call(journal, "call-2")
        assert not journal.flush(0.01)
        assert "database is locked" in journal.trouble
        admin.execute("ROLLBACK")
        assert journal.flush(5)
    assert journal.trouble == ""
    assert caplog.text.count("cannot be written now") == 1
    with engine.connect() as connection:
        assert {call.id for call in list_calls(connection)} == {"call-1", "call-2"}
    assert journal.close()
    engine.dispose()


def test_what_is_heard_while_the_database_is_away_is_written_when_it_is_back(
    postgres: PrivatePostgres, postgresql_url: str
) -> None:
    engine = open_database(postgresql_url)
    journal = SqlJournal(engine)
    journal.opened(opened())
    assert journal.flush()
    postgres.halt()
    try:
        with told("cannot be written now") as refused:
            journal.closed(closed())
            whole_call(journal, "call-2")
            assert refused.wait(10)
        assert not journal.flush(0.01)
        assert journal.trouble
    finally:
        postgres.start()
    assert journal.flush(10)
    with engine.connect() as connection:
        assert {call.disposition for call in list_calls(connection)} == {"answered"}
    assert journal.lost == 0
    journal.close()
    engine.dispose()


def unwritable(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A database that takes nothing, until the returned function is called."""
    write = Batch.write

    def refuse(_self: Batch, _connection: sa.Connection) -> None:
        raise sa.exc.OperationalError("INSERT", None, Exception("disk full"))

    monkeypatch.setattr(Batch, "write", refuse)
    return lambda: monkeypatch.setattr(Batch, "write", write)


def test_memory_is_bounded_and_the_bound_is_told_once(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mend = unwritable(monkeypatch)
    journal = SqlJournal(engine, capacity=10)
    journal.opened(opened())
    for number in range(20):
        journal.noted("call-1", Entry(number, Kind.LEG_RANG))
    assert journal.lost == 11
    assert caplog.text.count("the journal is full (10 entries)") == 1
    mend()
    assert journal.flush(5)
    journal.close()
    with engine.connect() as connection:
        assert [event.at_ms for event in show_call(connection, "call-1").events] == list(range(9))


def test_closing_gives_up_after_its_time_and_says_how_much_was_lost(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unwritable(monkeypatch)
    journal = SqlJournal(engine)
    whole_call(journal)
    assert not journal.close(0.3)
    assert "7 entries of the journal were not written: disk full" in caplog.text


def test_entries_of_a_call_keep_their_order_over_a_change_of_controller(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(1_700_000_000_000_000_000, 1_000_000_000)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    for process in range(2):
        journal = SqlJournal(engine)
        journal.opened(opened())
        for number in range(3):
            journal.noted("call-1", Entry(process * 10 + number, Kind.LEG_RANG))
        journal.close()
    with engine.connect() as connection:
        assert [event.at_ms for event in show_call(connection, "call-1").events] == [0, 1, 2, 10, 11, 12]

"""What a sender asks of the outbox goes by an index that leads to few rows, however long history and queue are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ari_app.core.delivery import Accepted
from ari_app.core.messages import Channel
from ari_app.core.release import Limits
from ari_app.core.window import SendingWindow
from ari_app.outbox_ports import Held, Lane, Passed, Released
from ari_app.storage import outbox_claims
from ari_app.storage.outbox import SqlOutbox, open_for_sending
from ari_app.storage.outbox_schema import messages
from benchmarks import outbox_fill
from benchmarks.outbox_plans import Access, accesses, noted, told
from tests.outbox.messages import a_call

BY_ID = "integer primary key"
ROOM: dict[Lane, int] = {Channel.SMS: 2}


@pytest.fixture
def outbox(sqlite_url: str) -> Iterator[tuple[sa.Engine, SqlOutbox]]:
    """Five apologies are due, after ten that were sent. On SQLite, which keeps no statistics, so that its plans are
    those of any size; PostgreSQL's are noted by the benchmark at every size."""
    engine = open_for_sending(sqlite_url)
    now = datetime.now(UTC)
    rule = outbox_fill.add_rule(engine)
    outbox_fill.add_history(engine, rule, range(10), now)
    outbox_fill.add_queue(engine, rule, range(5), now, now + timedelta(hours=1))
    yield engine, SqlOutbox(engine, Limits(window=SendingWindow.parse("00:00-24:00", "+03:00")), rate=10_000)
    engine.dispose()


def claimed(outbox: SqlOutbox) -> Sequence[Held]:
    held = outbox.claim(datetime.now(UTC), ROOM)
    assert len(held) == 2
    return held


def test_a_claim_reads_what_is_due_and_nothing_else(outbox: tuple[sa.Engine, SqlOutbox]) -> None:
    engine, store = outbox
    with noted(engine) as statements:
        claimed(store)
    assert told(accesses(engine, statements)) == f"{BY_ID}, messages_due_to_clients, messages_due_to_others"


def test_the_gate_reads_what_concerns_the_client(outbox: tuple[sa.Engine, SqlOutbox]) -> None:
    engine, store = outbox
    held = claimed(store)[0]
    with noted(engine) as statements:
        assert isinstance(store.release(held, "bench", datetime.now(UTC)), Released)
    assert accesses(engine, statements) == {
        Access("messages", BY_ID),
        Access("messages", "messages_by_recipient"),
        Access("calls", "sqlite_autoindex_calls_1"),
        Access("calls", "calls_by_caller"),
        Access("calls", "calls_by_dialled"),
    }


def test_the_gate_asks_whether_a_client_who_calls_again_talks(outbox: tuple[sa.Engine, SqlOutbox]) -> None:
    engine, store = outbox
    held = claimed(store)[0]
    with engine.connect() as connection:
        client = connection.execute(sa.select(messages.c.client).where(messages.c.id == held.id)).scalar_one()
    a_call(engine, "again", at=datetime.now(UTC), caller=client, ended=None)
    with noted(engine) as statements:
        assert isinstance(store.release(held, "bench", datetime.now(UTC)), Passed)
    reads = [one for one in statements if one.text.startswith("SELECT")]
    assert accesses(engine, reads[-1:]) == {
        Access("calls", "calls_by_caller"),
        Access("call_events", "sqlite_autoindex_call_events_1"),
    }


def test_settling_reads_the_message_and_its_call(outbox: tuple[sa.Engine, SqlOutbox]) -> None:
    engine, store = outbox
    released = store.release(claimed(store)[0], "bench", datetime.now(UTC))
    assert isinstance(released, Released)
    with noted(engine) as statements:
        store.settle(released, Accepted("their-id", ""), datetime.now(UTC), None)
    assert told(accesses(engine, statements)) == f"{BY_ID}, sqlite_autoindex_call_events_1, sqlite_autoindex_calls_1"


def test_giving_back_and_keeping_read_the_messages_alone(outbox: tuple[sa.Engine, SqlOutbox]) -> None:
    engine, store = outbox
    held = claimed(store)
    with noted(engine) as statements:
        store.keep(held, datetime.now(UTC))
        store.give_back(held)
    assert told(accesses(engine, statements)) == BY_ID
    assert [each.id for each in claimed(store)] == [each.id for each in held]


def test_looking_for_the_dead_and_for_questions_reads_those_alone(outbox: tuple[sa.Engine, SqlOutbox]) -> None:
    engine, store = outbox
    with noted(engine) as statements:
        assert store.in_hand() == []
        assert store.to_ask(datetime.now(UTC), 50) == []
    of_those_sending = Access("messages", "messages_by_state")
    assert accesses(engine, statements) == {of_those_sending, Access("messages", "messages_to_ask_about")}


def test_a_look_at_a_long_queue_begins_where_it_begins_on_postgresql(postgresql_url: str) -> None:
    """Where much of the table is wanted, PostgreSQL expects to find one soon wherever it begins: history has none."""
    engine = open_for_sending(postgresql_url)
    now = datetime.now(UTC)
    rule = outbox_fill.add_rule(engine)
    outbox_fill.add_history(engine, rule, range(2000), now)
    outbox_fill.add_queue(engine, rule, range(2000), now, now + timedelta(hours=1))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE messages SET ask_at = due_at WHERE state = 'queued'"))
    outbox_fill.analyse(engine)
    with engine.connect() as connection, noted(engine) as statements:
        assert outbox_claims.lanes_waiting(connection, now) == [Channel.SMS]
        assert outbox_claims.questions_wait(connection, now)
    indexes = ("messages_due_to_clients", "messages_due_to_others", "messages_to_ask_about")
    assert accesses(engine, statements) == {Access("messages", index) for index in indexes}
    engine.dispose()

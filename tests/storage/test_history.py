"""The journal is read by number, caller, outcome, time or id; and stays quick however long it has grown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ari_app.core.verdict import Disposition
from ari_app.storage.history import CallNotFoundError, list_calls, show_call, unanswered_share
from ari_app.storage.records import call_events, calls, legs

BEGAN = datetime(2026, 3, 2, tzinfo=UTC)


def call(number: int, disposition: Disposition | None = Disposition.LOST, **other: str) -> dict[str, object]:
    """The ``number``-th call, a minute after the one before it."""
    at = BEGAN + timedelta(minutes=number)
    row: dict[str, object] = {
        "id": f"2026-{number:04d}",
        "arrived_at": at,
        "caller": "+79161112233",
        "caller_raw": "",
        "dialled": "+74950000101",
        "dialled_raw": "",
        "disposition": disposition.value if disposition else None,
        "ended_at": at if disposition else None,
    }
    return row | other


@pytest.fixture
def journalled(engine: sa.Engine) -> sa.Engine:
    rows = [
        call(1, Disposition.ANSWERED),
        call(2),
        call(3, Disposition.MESSAGE_LEFT, caller="+48221112233"),
        call(4, Disposition.ANSWERED, dialled="+74950000102"),
        call(5, None),
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(calls), rows)
    return engine


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"limit": 2}, [5, 4]),
        ({"number": "+74950000102"}, [4]),
        ({"caller": "+48221112233"}, [3]),
        ({"disposition": Disposition.ANSWERED}, [4, 1]),
        ({"since": BEGAN + timedelta(minutes=3)}, [5, 4, 3]),
        ({"until": BEGAN + timedelta(minutes=3)}, [2, 1]),
        ({"number": "+74950000101", "disposition": Disposition.LOST, "since": BEGAN}, [2]),
        ({"number": "' OR 1=1 --"}, []),
    ],
)
def test_calls_are_listed_newest_first_as_asked(
    journalled: sa.Engine, filters: dict[str, object], expected: list[int]
) -> None:
    with journalled.connect() as connection:
        found = list_calls(connection, **filters)  # type: ignore[arg-type]
    assert [one.id for one in found] == [f"2026-{number:04d}" for number in expected]


def test_a_naive_time_is_refused_and_not_read_in_the_hosts_zone(journalled: sa.Engine) -> None:
    with journalled.connect() as connection, pytest.raises(sa.exc.StatementError, match="must be aware"):
        list_calls(connection, since=datetime(2026, 3, 2))  # noqa: DTZ001


@pytest.mark.promise("CAL-11")
def test_the_share_of_unanswered_calls_counts_messages_and_leaves_out_calls_that_last(journalled: sa.Engine) -> None:
    with journalled.connect() as connection:
        all_of_them = unanswered_share(connection)
        later = unanswered_share(connection, since=BEGAN + timedelta(minutes=4))
        never = unanswered_share(connection, until=BEGAN)
    assert (all_of_them.calls, all_of_them.unanswered, all_of_them.share) == (4, 2, 0.5)
    assert (later.calls, later.share) == (1, 0.0)
    assert (never.calls, never.share) == (0, None)


def test_a_call_is_shown_by_the_beginning_of_its_id_if_that_is_enough(journalled: sa.Engine) -> None:
    with journalled.connect() as connection:
        assert show_call(connection, "2026-0003").call.id == "2026-0003"
        assert show_call(connection, "2026-0003").legs == ()
        with pytest.raises(CallNotFoundError, match="several calls have an id that begins with '2026'"):
            show_call(connection, "2026")
        for nothing in ("2027", "%", "2026-0003x", "a\0b"):
            with pytest.raises(CallNotFoundError, match="no call has an id"):
                show_call(connection, nothing)
        with pytest.raises(CallNotFoundError, match="no id was given"):
            show_call(connection, "")


def test_an_id_that_begins_another_is_still_found(journalled: sa.Engine) -> None:
    with journalled.connect() as connection:
        connection.execute(sa.insert(calls), call(6) | {"id": "2026-00031"})
        assert show_call(connection, "2026-0003").call.id == "2026-0003"
        connection.rollback()


QUERIES = {
    "calls_by_arrival": sa.select(calls).order_by(calls.c.arrived_at.desc(), calls.c.id.desc()).limit(50),
    "calls_by_dialled": sa.select(calls)
    .where(calls.c.dialled == "+74950000101")
    .order_by(calls.c.arrived_at.desc())
    .limit(50),
    "calls_by_caller": sa.select(calls)
    .where(calls.c.caller == "+79161112233")
    .order_by(calls.c.arrived_at.desc())
    .limit(50),
    "calls_by_disposition": sa.select(calls)
    .where(calls.c.disposition == "lost")
    .order_by(calls.c.arrived_at.desc())
    .limit(50),
    "legs_of_a_call": sa.select(legs).where(legs.c.call_id == "x"),
    "pk_call_events": sa.select(call_events).where(call_events.c.call_id == "x").order_by(call_events.c.seq),
}


@pytest.mark.parametrize("index", QUERIES)
def test_every_question_is_answered_from_an_index(engine: sa.Engine, index: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(calls), [call(number) for number in range(2000)])
    query = QUERIES[index].compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {query}").scalars())
            assert "Seq Scan" not in plan
            assert index in plan
            return
        plan = "\n".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    # SQLite numbers the indexes of its primary keys.
    assert index.replace("pk_", "sqlite_autoindex_") in plan
    assert "SCAN" not in plan or index == "calls_by_arrival"

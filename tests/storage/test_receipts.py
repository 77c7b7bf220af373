"""Receipts are applied in any order, twice, from whoever may say so, and before the answer to the sending is known."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_app.core.delivery import TRANSITIONS, Accepted, Report, State
from ari_app.outbox_ports import Released
from ari_app.storage.database import writing
from ari_app.storage.history import show_call
from ari_app.storage.outbox_schema import early_reports, message_events, messages
from ari_app.storage.receipts import apply_report
from tests.outbox.clocks import NOON, Clock
from tests.outbox.messages import a_call, a_rule, apology, history, queue, text, the
from tests.outbox.senders import ROOM, ScriptedGateway, TestSender

LATER = NOON + timedelta(minutes=1)


def put(engine: sa.Engine, state: State, **values: Any) -> int:
    """A message in a state, as if through gateway ``one`` under the id ``id-1``."""
    (message_id,) = queue(engine, text())
    row = {"state": state.value, "gateway": "one", "gateway_id": "id-1", "attempts": 1, **values}
    with writing(engine).begin() as connection:
        connection.execute(sa.update(messages).where(messages.c.id == message_id).values(row))
    return message_id


def report(engine: sa.Engine, said: Report, gateway: str = "one") -> State | None:
    with writing(engine).begin() as connection:
        return apply_report(connection, gateway, said, LATER)


@pytest.mark.promise("FLD-13")
@pytest.mark.parametrize("by", ["ref", "gateway_id"])
def test_a_receipt_is_found_by_either_id_and_settles_the_message(engine: sa.Engine, by: str) -> None:
    put(engine, State.SENT, sent_at=NOON, ask_at=NOON)
    ids = {"ref": the(engine).ref} if by == "ref" else {"gateway_id": "id-1"}
    assert report(engine, Report(State.UNDELIVERED, reason="phone off", **ids)) is State.UNDELIVERED
    message = the(engine)
    assert (message.state, message.reason, message.settled_at, message.ask_at) == (
        State.UNDELIVERED,
        "phone off",
        LATER,
        None,
    )
    assert history(engine) == [("undelivered", "phone off")]


@pytest.mark.promise("FLD-13")
def test_the_same_receipt_twice_changes_nothing_more(engine: sa.Engine) -> None:
    put(engine, State.SENT, sent_at=NOON)
    said = Report(State.DELIVERED, gateway_id="id-1")
    assert [report(engine, said) for _ in range(3)] == [State.DELIVERED, None, None]
    assert history(engine) == [("delivered", "")]


@pytest.mark.promise("FLD-13")
@pytest.mark.parametrize(
    "order", list(itertools.permutations((State.SENT, State.UNDELIVERED, State.DELIVERED))), ids="-".join
)
def test_in_whatever_order_receipts_come_what_has_arrived_has_arrived(
    engine: sa.Engine, order: tuple[State, ...]
) -> None:
    put(engine, State.SENT, sent_at=NOON)
    for state in order:
        report(engine, Report(state, gateway_id="id-1"))
    assert the(engine).state is State.DELIVERED


@pytest.mark.parametrize("by", ["ref", "gateway_id"])
def test_a_receipt_that_overtakes_the_answer_is_applied_when_that_is_known(engine: sa.Engine, by: str) -> None:
    queue(engine, text())
    one = TestSender(engine, Clock(), [])

    class Overtaken(ScriptedGateway):
        def send(self, letter: Any) -> Accepted:
            ids = {"ref": letter.ref} if by == "ref" else {"gateway_id": "id-1"}
            early.append(one.store.report("scripted", Report(State.DELIVERED, **ids), one.clock.now()))
            return Accepted("id-1", "2.50")

    early: list[State | None] = []
    TestSender(engine, Clock(), [Overtaken()]).run()
    message = the(engine)
    assert early == [State.DELIVERED if by == "ref" else None]
    assert (message.state, message.gateway_id, message.price, message.lease) == (
        State.DELIVERED,
        "id-1",
        "2.50",
        None,
    )
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(early_reports)) == 0


def test_answer_and_receipt_at_the_same_moment_do_not_miss_each_other(engine: sa.Engine) -> None:
    """Each looks for what the other writes: whichever is first, the message ends delivered."""
    clock = Clock()
    one = TestSender(engine, clock, [ScriptedGateway()])
    for number in range(1, 26):
        queue(engine, text(number))
        clock.pass_by(1)
        (held,) = one.outbox.claim(ROOM)
        released = one.store.release(held, "scripted", clock.now())
        assert isinstance(released, Released)
        both = threading.Barrier(2)

        def receive(number: int = number, both: threading.Barrier = both) -> None:
            both.wait()
            one.store.report("scripted", Report(State.DELIVERED, gateway_id=f"id {number}"), clock.now())

        thread = threading.Thread(target=receive)
        thread.start()
        both.wait()
        one.store.settle(released, Accepted(f"id {number}"), clock.now(), None)
        thread.join()
        assert the(engine, number).state is State.DELIVERED, number


def test_receipts_of_strangers_are_kept_and_change_nothing(engine: sa.Engine) -> None:
    put(engine, State.SENT)
    assert report(engine, Report(State.DELIVERED, gateway_id="id-2")) is None
    assert report(engine, Report(State.DELIVERED, gateway_id="id-1"), gateway="another") is None
    assert report(engine, Report(State.DELIVERED, ref="0" * 32)) is None
    assert report(engine, Report(State.DELIVERED)) is None
    assert the(engine).state is State.SENT
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(early_reports)) == 2


def test_a_gateway_that_was_given_up_is_believed_only_when_it_has_delivered(engine: sa.Engine) -> None:
    put(engine, State.SENT, gateway="two")
    assert report(engine, Report(State.UNDELIVERED, ref=the(engine).ref)) is None
    assert report(engine, Report(State.DELIVERED, ref=the(engine).ref)) is State.DELIVERED


@pytest.mark.fault("28")
def test_it_never_had_it_is_believed_of_the_unknown_alone(engine: sa.Engine) -> None:
    put(engine, State.SENDING, lease="x", leased_until=LATER)
    never = Report(State.QUEUED, ref=the(engine).ref)
    for state in (State.SENDING, State.SENT, State.FAILED, State.DELIVERED):
        with writing(engine).begin() as connection:
            connection.execute(sa.update(messages).values(state=state.value))
        assert report(engine, never) is None, state
    with writing(engine).begin() as connection:
        connection.execute(sa.update(messages).values(state="unknown"))
    assert report(engine, never) is State.QUEUED
    assert (the(engine).lease, the(engine).due_at) == (None, LATER + timedelta(seconds=10))


def test_a_message_about_to_be_sent_again_is_not_once_it_has_arrived(engine: sa.Engine) -> None:
    put(engine, State.QUEUED)
    assert report(engine, Report(State.UNDELIVERED, gateway_id="id-1")) is None
    assert report(engine, Report(State.DELIVERED, gateway_id="id-1")) is State.DELIVERED
    assert TestSender(engine, Clock(), [ScriptedGateway()]).run() == []


def test_the_calls_timeline_tells_what_became_of_its_message(engine: sa.Engine) -> None:
    queue(engine, apology(a_call(engine, "lost"), a_rule(engine)))
    TestSender(engine, Clock(), [ScriptedGateway(name="one")]).run()
    report(engine, Report(State.DELIVERED, gateway_id="id-1"))
    with engine.connect() as connection:
        events = show_call(connection, "lost").events
    assert [(event.kind, event.details["state"], event.at_ms) for event in events] == [
        ("message_sent", "sent", 300_000),
        ("message_sent", "delivered", 360_000),
    ]
    assert {event.details["rule"] for event in events} == {"Missed"}


def test_two_messages_of_a_call_told_at_once_both_stand_in_its_timeline(engine: sa.Engine) -> None:
    call, rule = a_call(engine, "lost"), a_rule(engine)
    for number in range(20):
        queue(engine, apology(call, rule, key=f"{number}", once_in_hours=0))
    TestSender(engine, Clock(), [ScriptedGateway(name="one")]).run()
    everything = [
        threading.Thread(target=report, args=(engine, Report(State.DELIVERED, gateway_id=f"id-{number}")))
        for number in range(1, 21)
    ]
    for thread in everything:
        thread.start()
    for thread in everything:
        thread.join()
    with engine.connect() as connection:
        events = show_call(connection, call).events
    assert sorted(int(str(event.details["id"])) for event in events[20:]) == list(range(1, 21))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(st.sampled_from([State.SENT, State.DELIVERED, State.UNDELIVERED, State.FAILED, State.QUEUED])))
def test_whatever_is_reported_each_step_is_one_of_the_drawn_ones(sqlite_url: str, said: list[State]) -> None:
    from ari_app.storage.database import open_database

    engine = open_database(sqlite_url)
    with writing(engine).begin() as connection:
        connection.execute(sa.delete(messages))
    message_id = put(engine, State.UNKNOWN)
    for state in said:
        report(engine, Report(state, gateway_id="id-1"))
    with engine.connect() as connection:
        query = sa.select(message_events.c.state).where(message_events.c.message_id == message_id)
        steps = ["unknown", *connection.execute(query.order_by(message_events.c.id)).scalars()]
    assert all(State(after) in TRANSITIONS[State(before)] for before, after in itertools.pairwise(steps))
    engine.dispose()

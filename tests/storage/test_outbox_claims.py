"""Several senders share one table: each message is claimed once, at a cost that does not grow with the history."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ari_app.core.delivery import Accepted, State, Unavailable
from ari_app.core.messages import Channel
from ari_app.outbox import DEAD_SECONDS
from ari_app.outbox_ports import Attempted, Held, Passed, Released
from ari_app.storage.database import writing
from ari_app.storage.intents import intent_row, taking_in
from ari_app.storage.outbox import open_for_sending
from ari_app.storage.outbox_claims import LANES, claim_lane
from ari_app.storage.outbox_schema import messages
from benchmarks.outbox_fill import analyse
from benchmarks.outbox_plans import accesses, noted
from tests.outbox.clocks import NOON, Clock
from tests.outbox.messages import history, mobile, notice, queue, text, the
from tests.outbox.senders import ROOM, ScriptedGateway, TestSender

CLAIMANT = """
import sys
from ari_app.core.release import Limits
from ari_app.storage.outbox import SqlOutbox, open_for_sending
from tests.outbox.clocks import NOON
from tests.outbox.senders import ROOM
store = SqlOutbox(open_for_sending(sys.argv[1]), Limits(), rate=1e6)
sys.stdin.readline()
while held := store.claim(NOON, dict.fromkeys(ROOM, 7)):
    print(*(each.id for each in held), flush=True)
"""


def queue_many(engine: sa.Engine, count: int, first: int = 0, **values: object) -> None:
    rows = [{**intent_row(text(number), NOON), **values} for number in range(first, first + count)]
    with writing(engine).begin() as connection:
        connection.execute(taking_in(engine.dialect.name), rows)


@pytest.mark.promise("OUR-04")
def test_four_processes_claim_a_thousand_messages_each_once(engine: sa.Engine, url: str) -> None:
    queue_many(engine, 1000)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMANT, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    claimed = [[int(word) for word in process.communicate()[0].split()] for process in processes]
    assert sorted(number for ids in claimed for number in ids) == list(range(1, 1001))
    assert len([ids for ids in claimed if ids]) > 1


def test_the_longest_due_go_first_and_no_more_than_there_is_room_for(engine: sa.Engine) -> None:
    for number in (3, 1, 2):
        queue(engine, text(number, due_at=NOON - timedelta(minutes=number)))
    one = TestSender(engine, Clock(), [ScriptedGateway()])
    assert [held.id for held in one.outbox.claim({Channel.SMS: 2})] == [1, 3]
    assert [held.id for held in one.outbox.claim(ROOM)] == [2]


def test_ten_thousand_clients_that_wait_stand_before_no_notice_to_staff(engine: sa.Engine) -> None:
    queue_many(engine, 10_000)
    queue(engine, notice())
    one = TestSender(engine, Clock(), [ScriptedGateway()])
    lanes = [held.lane for held in one.outbox.claim(dict.fromkeys(LANES, 5))]
    assert sorted(lanes, key=str) == [None] + [Channel.SMS] * 5


@pytest.mark.parametrize("lane", [None, Channel.SMS], ids=str)
def test_claiming_reads_an_index_that_holds_nothing_but_what_waits(engine: sa.Engine, lane: Channel | None) -> None:
    queue_many(engine, 3000, state="delivered")
    queue_many(engine, 20, first=3000)
    analyse(engine)
    with engine.connect() as connection, noted(engine) as statements:
        claim_lane(connection, lane, NOON, 60.0, 10)
    found = {access.by for access in accesses(engine, statements)}
    assert ("messages_due_to_others" if lane is None else "messages_due_to_clients") in found
    assert "" not in found, "no table is read whole"


def test_a_claim_of_what_was_just_written_writes_to_no_index_on_postgresql(postgresql_url: str) -> None:
    engine = open_for_sending(postgresql_url)
    queue(engine, text(), text(1))
    written = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'messages'"
    with engine.begin() as connection:
        assert len(claim_lane(connection, Channel.SMS, NOON, 60.0, 10)) == 2
        rows, without_an_index = connection.execute(sa.text(written)).one()
    assert (rows, without_an_index) == (2, 2)
    engine.dispose()


def held_and_released(one: TestSender) -> tuple[Held, Released]:
    (held,) = one.outbox.claim(ROOM)
    released = one.store.release(held, "scripted", one.clock.now())
    assert isinstance(released, Released)
    return held, released


@pytest.mark.promise("OUR-04")
def test_a_lease_that_ran_out_is_anothers_and_its_holder_can_do_nothing_more(engine: sa.Engine) -> None:
    queue(engine, text())
    clock = Clock()
    slow, quick = (TestSender(engine, clock, [ScriptedGateway(name=name)]) for name in ("slow", "quick"))
    (held,) = slow.outbox.claim(ROOM)
    assert quick.outbox.claim(ROOM) == []
    clock.pass_by(61)
    assert len(quick.run()) == 1
    assert slow.outbox.attend(held) == Passed()
    slow.outbox.give_back([held])
    slow.outbox.keep([held])
    assert (the(engine).state, the(engine).gateway, the(engine).lease) == (State.SENT, "quick", None)


@pytest.mark.promise("OUR-04")
def test_who_holds_a_lease_that_ran_out_does_not_begin_what_another_holds(engine: sa.Engine) -> None:
    queue(engine, text())
    clock, gateway = Clock(), ScriptedGateway()
    slow, quick = (TestSender(engine, clock, [gateway]) for _ in range(2))
    (held,) = slow.outbox.claim(ROOM)
    clock.pass_by(61)
    (again,) = quick.outbox.claim(ROOM)
    assert slow.outbox.attend(held) == Passed()
    assert gateway.letters == []
    assert quick.outbox.attend(again) == Attempted(State.SENT)


def test_a_living_sender_keeps_what_it_holds(engine: sa.Engine) -> None:
    queue(engine, text())
    clock = Clock()
    one, other = (TestSender(engine, clock, [ScriptedGateway()]) for _ in range(2))
    (held,) = one.outbox.claim(ROOM)
    for _ in range(5):
        clock.pass_by(45)
        one.outbox.keep([held])
        assert other.outbox.claim(ROOM) == []
    one.outbox.give_back([held])
    assert len(other.outbox.claim(ROOM)) == 1


@pytest.mark.promise("OUR-04")
def test_what_a_dead_sender_was_sending_is_found_unknown_and_a_living_ones_is_left(engine: sa.Engine) -> None:
    queue(engine, text())
    clock = Clock()
    dead, observer = (TestSender(engine, clock, [ScriptedGateway()]) for _ in range(2))
    held, released = held_and_released(dead)
    for _ in range(10):
        assert observer.outbox.rescue() == 0
        clock.pass_by(45)
        dead.outbox.keep([held])
    assert observer.outbox.rescue() == 0
    clock.pass_by(DEAD_SECONDS - 1)
    assert observer.outbox.rescue() == 0
    clock.pass_by(1)
    assert observer.outbox.rescue() == 1
    assert (the(engine).state, the(engine).reason) == (State.UNKNOWN, "its sender ended while it was sending")
    # It was not dead after all, and tells the truth.
    dead.store.settle(released, Accepted("late"), clock.now(), None)
    assert (the(engine).state, the(engine).gateway_id) == (State.SENT, "late")


def test_a_sender_that_comes_too_late_to_a_message_begun_anew_changes_nothing(engine: sa.Engine) -> None:
    queue(engine, text())
    clock = Clock()
    late, one = (TestSender(engine, clock, [ScriptedGateway()]) for _ in range(2))
    _, released = held_and_released(late)
    one.outbox.rescue()
    clock.pass_by(DEAD_SECONDS)
    one.outbox.rescue()
    with writing(engine).begin() as connection:
        connection.execute(sa.update(messages).values(state="queued", lease=None, leased_until=None, attempts=0))
    one.run()  # tried again by hand: the first attempt once more
    assert late.store.settle(released, Unavailable("slow"), clock.now(), None) is None
    assert late.store.turn_to(released, "other", clock.now()) is False
    assert the(engine).state is State.SENT


@pytest.mark.promise("OUR-04")
@pytest.mark.parametrize("committed", [True, False])
def test_a_release_that_nobody_knows_to_be_committed_is_undone_and_the_message_sent_later(
    engine: sa.Engine, *, committed: bool
) -> None:
    queue(engine, text())
    clock, gateway = Clock(), ScriptedGateway()
    one, other = (TestSender(engine, clock, [gateway]) for _ in range(2))
    (held,) = one.outbox.claim(ROOM)
    if committed:
        one.store.release(held, "scripted", clock.now())
    one.store.undo(held, clock.now())
    assert (the(engine).state, the(engine).lease) == (State.QUEUED, None)
    clock.pass_by(1)
    assert other.run() == [Attempted(State.SENT)]
    one.store.undo(held, clock.now())
    assert the(engine).state is State.SENT
    assert len(gateway.letters) == 1


@pytest.mark.fault("32")
@pytest.mark.parametrize("hours", [-5, 5, 5000, -5000])
def test_a_clock_that_jumps_doubles_nothing_and_stops_nothing(engine: sa.Engine, hours: int) -> None:
    """One sender is in the midst of a sending, holds another message, and has set the pace; then the clock is set."""
    forever = NOON + timedelta(days=1000)
    queue(engine, *(text(number, due_at=NOON - timedelta(days=900), expires_at=forever) for number in range(4)))
    clock, gateway = Clock(), ScriptedGateway()
    one, other = (TestSender(engine, clock, [gateway], rate=0.5) for _ in range(2))
    first, second, *_ = one.outbox.claim({Channel.SMS: 2})
    released = one.store.release(first, "scripted", clock.now())
    other.outbox.rescue()
    jumped = NOON + timedelta(hours=hours)
    clock.jump_to(jumped.replace(hour=9))  # within the window
    clock.seconds += 10
    assert other.outbox.rescue() == 0, "the sender lives, whatever the clock says"
    other.run()
    assert isinstance(released, Released)
    assert one.store.settle(released, Accepted("1"), clock.now(), None) is State.SENT
    one.outbox.attend(second)
    one.run()
    clock.pass_by(61)
    other.run()
    assert [the(engine, number).state.value for number in range(1, 5)] == ["sent"] * 4
    assert sorted(letter.recipient for letter in gateway.letters) == [mobile(number) for number in (1, 2, 3)]
    assert [step for step, _ in history(engine, 2)] == ["sending", "sent"]


def test_sqlite_hands_what_was_sent_to_the_disk(sqlite_url: str) -> None:
    engine = open_for_sending(sqlite_url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()

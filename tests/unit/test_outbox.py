"""What a sender does when the database fails in the midst of a sending, when it was frozen, and when gateways break."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from ari_app.core.delivery import (
    BACKOFF_SECONDS,
    TRANSITIONS,
    Accepted,
    Outcome,
    Report,
    State,
    Unavailable,
    Unclear,
    backoff,
    may_become,
)
from ari_app.core.messages import Audience, Channel
from ari_app.message_ports import Letter
from ari_app.outbox import DEAD_SECONDS, FRESH_SECONDS, Outbox, shown
from ari_app.outbox_ports import (
    Attempted,
    Held,
    InHand,
    Lane,
    NotYet,
    Passed,
    Question,
    Released,
    StoreTrouble,
)
from tests.outbox.clocks import NOON, Clock
from tests.outbox.senders import Folder, ScriptedGateway

HELD = Held(7, "token", Channel.SMS, Audience.CLIENT, NOON)
RELEASED = Released(HELD, Letter("0" * 32, Channel.SMS, "+79161112233", "Sorry"), 1, NOON + timedelta(days=1), NOON)


class Store:
    """Notes what it is told; fails as often as the test says."""

    def __init__(self, **failures: int) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.answer: Released | NotYet | Passed = RELEASED
        self.hands: list[InHand] = []
        self.questions: list[Question] = []
        self._failures = failures

    def _tell(self, what: str, *more: Any) -> None:
        self.told.append((what, *more))
        if self._failures.get(what, 0):
            self._failures[what] -= 1
            raise StoreTrouble("the disk is full")

    def claim(self, at: datetime, room: Mapping[Lane, int]) -> Sequence[Held]:
        self._tell("claim")
        return [HELD]

    def give_back(self, held: Sequence[Held]) -> None:
        self._tell("give_back", *held)

    def keep(self, held: Sequence[Held], at: datetime) -> None:
        self._tell("keep", *held)

    def postpone(self, held: Held, until: datetime, reason: str, at: datetime) -> None:
        self._tell("postpone", reason)

    def release(self, held: Held, gateway: str, at: datetime) -> Released | NotYet | Passed:
        self._tell("release", gateway)
        return self.answer

    def undo(self, held: Held, at: datetime) -> None:
        self._tell("undo")

    def turn_to(self, released: Released, gateway: str, at: datetime) -> bool:
        self._tell("turn_to", gateway)
        return True

    def settle(self, released: Released, outcome: Outcome, at: datetime, ask_at: datetime | None) -> State | None:
        self._tell("settle", outcome, ask_at)
        return State.SENT

    def in_hand(self) -> Sequence[InHand]:
        return self.hands

    def rescue(self, found: InHand, reason: str, at: datetime, ask_at: datetime | None) -> bool:
        self._tell("rescue", found.id, ask_at)
        return True

    def to_ask(self, at: datetime, limit: int) -> Sequence[Question]:
        return self.questions

    def report(self, gateway: str, report: Report, at: datetime) -> State | None:
        self._tell("report", gateway, report)
        return report.state

    def writes_itself(self, channel: Channel) -> bool:
        return False


def outbox(
    store: Store, *gateways: ScriptedGateway, clock: Clock | None = None, pause: Callable[[float], bool] | None = None
) -> Outbox:
    clock = clock or Clock()
    return Outbox(
        store,
        gateways or [ScriptedGateway()],
        recordings=Folder(),
        clock=clock.now,
        monotonic=clock.monotonic,
        pause=pause or clock.pause,
    )


def test_what_came_of_a_sending_is_entered_however_long_the_database_takes() -> None:
    store, clock = Store(settle=20), Clock()
    assert outbox(store, clock=clock).attend(HELD) == Attempted(State.SENT)
    settled = [row for row in store.told if row[0] == "settle"]
    assert len(settled) == 21
    assert set(settled) == {("settle", Accepted("id-1"), NOON + timedelta(seconds=30))}, "the moment is the first one"
    assert (clock.now() - NOON).total_seconds() == pytest.approx(0.1 + 0.2 + 0.5 + 1 + 2 + 15 * 5)


def test_at_a_stop_it_is_given_up_and_said_to_be_found_unknown(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(settle=20)
    assert outbox(store, pause=lambda _seconds: False).attend(HELD) == Attempted(None)
    assert "message 7: what became of it was not entered; it will be found unknown" in caplog.text


def test_a_release_that_broke_off_is_undone_for_nothing_was_sent() -> None:
    store, gateway = Store(release=1, undo=2), ScriptedGateway()
    with pytest.raises(StoreTrouble):
        outbox(store, gateway).attend(HELD)
    assert [row[0] for row in store.told] == ["release", "undo", "undo", "undo"]
    assert gateway.letters == []


def test_a_turn_that_could_not_be_entered_is_not_taken() -> None:
    store = Store(turn_to=1)
    first, second = ScriptedGateway(deque([Unavailable("down")]), "first"), ScriptedGateway(name="second")
    outbox(store, first, second).attend(HELD)
    assert second.letters == []
    assert store.told[-1] == ("settle", Unavailable("down"), None)


def test_every_turn_is_entered_before_the_gateway_hears_of_it() -> None:
    store = Store()
    seen: list[str] = []

    class Seeing(ScriptedGateway):
        def send(self, letter: Letter) -> Outcome:
            seen.append(str(store.told[-1]))
            return Unavailable("down")

    outbox(store, *(Seeing(name=name) for name in "abc")).attend(HELD)
    assert seen == ["('release', 'a')", "('turn_to', 'b')", "('turn_to', 'c')"]


@pytest.mark.parametrize("late", [False, True])
def test_a_process_that_was_frozen_does_not_send_what_others_may_have_taken_over(*, late: bool) -> None:
    clock, gateway = Clock(), ScriptedGateway()

    class Frozen(Store):
        def release(self, held: Held, gateway: str, at: datetime) -> Released | NotYet | Passed:
            clock.seconds += FRESH_SECONDS + late
            return RELEASED

    store = Frozen()
    outbox(store, gateway, clock=clock).attend(HELD)
    assert len(gateway.letters) == (0 if late else 1)
    assert (store.told[-1][1] == Unavailable("the sender was held up before it could send")) is late


def test_a_gateway_that_rests_is_tried_last_until_it_has_rested() -> None:
    store, clock = Store(), Clock()
    first, second = ScriptedGateway(deque([Unavailable("429", 40.0)]), "first"), ScriptedGateway(name="second")
    one = outbox(store, first, second, clock=clock)
    order = []
    for seconds in (0, 39, 2):
        clock.pass_by(seconds)
        one.attend(HELD)
        order.append(next(row[1] for row in reversed(store.told) if row[0] == "release"))
    assert order == ["first", "second", "first"]


@pytest.mark.parametrize(
    ("gateway", "outcome", "asked"),
    [
        (ScriptedGateway(can_ask=True), Accepted(), True),
        (ScriptedGateway(), Accepted("id"), True),
        (ScriptedGateway(), Accepted(), False),
        (ScriptedGateway(can_ask=True), Unclear("dropped"), True),
        (ScriptedGateway(), Unclear("dropped"), False),
        (ScriptedGateway(can_ask=True), Unavailable("down"), False),
    ],
)
def test_who_can_be_asked_is_asked_after_half_a_minute(
    gateway: ScriptedGateway, outcome: Outcome, *, asked: bool
) -> None:
    store = Store()
    gateway.script = deque([outcome])
    outbox(store, gateway).attend(HELD)
    assert store.told[-1] == ("settle", outcome, NOON + timedelta(seconds=30) if asked else None)


def test_not_yet_and_passed_are_told_to_whoever_has_the_message_in_hand(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    store = Store()
    store.answer = NotYet(3.0)
    assert outbox(store).attend(HELD) == NotYet(3.0)
    store.answer = Passed(State.CANCELLED, "they have talked")
    assert outbox(store).attend(HELD) == store.answer
    assert "message 7 (sms) is cancelled: they have talked" in caplog.text


def test_a_sender_is_dead_when_it_has_shown_nothing_twice_over_the_observers_own_time() -> None:
    store, clock = Store(), Clock()
    one = outbox(store, ScriptedGateway(name="smsc", can_ask=True), clock=clock)
    store.hands = [InHand(1, "a", Channel.SMS, "smsc"), InHand(2, "b", Channel.SMS, "gone")]
    clock.pass_by(10 * DEAD_SECONDS)
    assert one.rescue() == 0, "seen for the first time"
    clock.seconds += DEAD_SECONDS - 1
    store.hands[1] = InHand(2, "it lives", Channel.SMS, "gone")
    assert one.rescue() == 0
    clock.seconds += 1
    assert one.rescue() == 1
    assert store.told == [("rescue", 1, clock.now())]
    clock.seconds += DEAD_SECONDS
    assert one.rescue() == 2
    assert ("rescue", 2, None) in store.told, "a gateway that is configured no more cannot be asked"


def test_answers_are_applied_by_our_id_and_a_gateway_that_breaks_holds_up_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(ScriptedGateway):
        def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
            raise KeyError(ref)

    store = Store()
    good = ScriptedGateway(name="good", answers={"r2": Report(State.DELIVERED, gateway_id="9")})
    store.questions = [Question(number, name, f"r{number}", "", "+7") for number, name in enumerate(("bad", "gone"))]
    store.questions += [Question(2, "good", "r2", "9", "+7"), Question(3, "good", "r3", "", "+7")]
    assert outbox(store, Broken(name="bad"), good).ask() == 1
    assert store.told == [("report", "good", Report(State.DELIVERED, "r2", "9"))]
    assert "gateway bad broke while it was asked" in caplog.text


@pytest.mark.parametrize(
    ("recipient", "seen"),
    [
        ("+79161112233", "+791******33"),
        ("ivan@example.com", "i***@example.com"),
        ('{"endpoint": "https://push.example.com/a@b"}', "***"),
        ("helpdesk", "***"),
    ],
)
def test_logs_show_too_little_of_a_recipient_to_write_to(recipient: str, seen: str) -> None:
    assert shown(recipient) == seen


def test_waits_grow_and_a_gateways_wish_counts_up_to_an_hour() -> None:
    waits = [backoff(attempts).total_seconds() for attempts in range(1, 12)]
    assert waits[: len(BACKOFF_SECONDS)] == list(BACKOFF_SECONDS)
    assert all(earlier <= later for earlier, later in itertools.pairwise(waits))
    assert backoff(1, 50).total_seconds() == 50
    assert backoff(1, 1e9).total_seconds() == 3600
    assert backoff(4, 1).total_seconds() == 300


def test_what_has_arrived_or_was_withheld_stays_so() -> None:
    final = [state for state in State if not TRANSITIONS[state]]
    assert final == [State.DELIVERED, State.CANCELLED, State.EXPIRED]
    assert not may_become(State.SENT, State.QUEUED), "what a gateway has taken is never sent again by itself"
    assert may_become(State.UNKNOWN, State.QUEUED)


def test_every_state_can_be_come_to_from_the_queue() -> None:
    reached = {State.QUEUED}
    while more := {after for before in reached for after in TRANSITIONS[before]} - reached:
        reached |= more
    assert reached == set(State)

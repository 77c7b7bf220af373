"""What a sender has in hand is given to workers lane by lane, and a lane that must wait holds up no other."""

from __future__ import annotations

import threading

import pytest

from ari_app.core.delivery import State
from ari_app.core.messages import Audience, Channel
from ari_app.hand import Hand
from ari_app.outbox_ports import Attempted, Held, NotYet, Passed
from tests.outbox.clocks import NOON, Clock


def held(number: int, channel: Channel = Channel.SMS, audience: Audience = Audience.CLIENT) -> Held:
    return Held(number, "lease", channel, audience, NOON)


def notice(number: int) -> Held:
    return held(number, Channel.EMAIL, Audience.STAFF)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hand(clock: Clock) -> Hand:
    return Hand(0.5, 4, clock.monotonic)


def test_staff_are_served_while_clients_wait_for_their_turn(hand: Hand, clock: Clock) -> None:
    hand.put([held(1), held(2), notice(3), notice(4)])
    assert [one.id for one in (hand.take(), hand.take(), hand.take()) if one] == [1, 3, 4]
    clock.pass_by(0.5)
    assert hand.take() == held(2)


def test_what_the_pace_put_off_comes_first_when_it_may(hand: Hand, clock: Clock) -> None:
    hand.put([held(1), held(2)])
    first = hand.take()
    assert first == held(1)
    hand.attended(held(1), NotYet(2.0))
    hand.put([notice(3)])
    assert hand.take() == notice(3)
    clock.pass_by(2.0)
    assert hand.take() == held(1)


def test_what_was_not_sent_has_cost_no_turn(hand: Hand) -> None:
    hand.put([held(1), held(2)])
    hand.take()
    hand.attended(held(1), Passed(State.CANCELLED, "they talked"))
    assert hand.take() == held(2)


def test_more_is_claimed_when_a_lane_is_half_empty(hand: Hand, clock: Clock) -> None:
    assert hand.room[Channel.SMS] == 4
    hand.put([held(1), held(2), held(3)])
    assert hand.room[Channel.SMS] == 0
    assert hand.room[None] == 4
    hand.take()
    assert hand.room[Channel.SMS] == 2


def test_whoever_waits_is_woken_by_what_comes_and_by_the_end(hand: Hand) -> None:
    found: list[Held | None] = []
    waiting = threading.Thread(target=lambda: found.extend((hand.take(), hand.take())))
    waiting.start()
    hand.put([notice(1)])
    hand.put([held(2), held(3)])
    waiting.join(5)
    assert found == [notice(1), held(2)]
    hand.attended(notice(1), Attempted(State.SENT))
    hand.attended(held(2), None)
    assert not hand.empty
    assert hand.close() == [held(3)]
    assert hand.empty
    assert hand.wait_until_empty(0)
    assert hand.take() is None


def test_what_is_held_long_is_known(hand: Hand, clock: Clock) -> None:
    hand.put([held(1)])
    clock.pass_by(10)
    hand.put([held(2)])
    assert [one.id for one in hand.held_for(10)] == [1]


def test_what_the_pace_puts_off_after_the_end_is_left_to_be_given_back(hand: Hand) -> None:
    hand.put([held(1)])
    hand.take()
    assert hand.close() == []
    hand.attended(held(1), NotYet(1.0))
    assert hand.close() == [held(1)]
    assert hand.empty

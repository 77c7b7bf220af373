"""Outages: Asterisk, the controller or the way between them fails, and calls end cleanly all the same."""

import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.house import House, Stage, ring
from tests.e2e.proxy import Proxy
from tests.e2e.test_ringing import AT_ONCE

WEBSOCKET_MESSAGE = (0x81, 0x82)
"""First byte of a frame with a whole text or binary message (RFC 6455, 5.2)."""


@pytest.fixture(scope="module")
def rough(new_house: Callable[..., House]) -> House:
    """An installation whose parts the stories stop and start; its controller reaches ARI through a proxy."""
    return new_house(through_proxy=True)


@pytest.fixture
def proxy(rough: House) -> Iterator[Proxy]:
    """The proxy, transparent again afterwards."""
    assert rough.proxy is not None
    yield rough.proxy
    rough.proxy.watch = rough.proxy.drop = lambda chunk, towards: False
    rough.proxy.silenced.clear()
    rough.proxy.cut()


@pytest.fixture
def scene(rough: House) -> Iterator[Stage]:
    """A story with Asterisk and the controller up at its beginning."""
    if rough.asterisk.pid is None:
        rough.asterisk.start()
    if not rough.controller.running:
        rough.controller.start()
    with rough.story() as stage:
        yield stage


def call_that_works(stage: Stage) -> None:
    """The whole way once: a phone rings, answers, talks."""
    caller = stage.call(stage.plan(ring(stage.answering())), talk_ms=200)
    assert caller.over().final == 200
    assert caller.journalled().verdict == ("answered", "talked")


@pytest.mark.fault("10")
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside others"])
def test_a_lost_reply_does_not_ring_anybody_twice(scene: Stage, proxy: Proxy, alone: bool) -> None:
    """Asterisk dials, but its reply and all after it on that connection are lost: the leg is looked up and goes on."""
    phone, second = scene.answering(after_ms=3000), scene.answering()
    strategy = "in_turn" if alone else "staggered"
    number = scene.plan(ring(phone, second, strategy=strategy, timeout=10, delays=(0, 0 if alone else 9)))
    told_of = b"/continue" if alone else phone.name.encode()
    proxy.watch = lambda chunk, towards: not towards and b"RESTResponse" in chunk and told_of in chunk
    caller = scene.call(number, talk_ms=300)
    assert caller.over().final == 200
    assert proxy.silenced.is_set()
    assert phone.invites == 1
    assert second.invites == 0
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert journalled.outcomes == [(phone.name, "answered")]


@pytest.mark.fault("10")
@pytest.mark.parametrize("lost", ["the handing over", "the leg", "the bridge"])
def test_a_request_that_hangs_costs_its_deadline_and_the_next_one_is_rung(
    scene: Stage, proxy: Proxy, lost: str
) -> None:
    """From some event on nothing gets through on the websocket that requests go by; HTTP works."""
    first, second = scene.answering(), scene.answering()
    beside = ring(first, second, strategy="staggered", delays=(0, 9))
    steps = (ring(first), ring(second)) if lost == "the handing over" else (beside,)
    number = scene.plan(*steps)
    last_heard = b'"dialstatus":"RINGING"' if lost == "the bridge" else b'"StasisStart"'
    begun = threading.Event()

    def then_silent(chunk: bytes, towards: bool) -> bool:
        if not towards and last_heard in chunk:
            begun.set()
        return towards and begun.is_set() and chunk[0] in WEBSOCKET_MESSAGE

    proxy.watch = then_silent
    caller = scene.call(number, talk_ms=300)
    wire = caller.over()
    assert wire.final == 200
    assert proxy.silenced.is_set()
    assert wire.one(200).at - wire.one("INVITE").at < 4
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked"), journalled.told
    # Where the event comes later than the request that it should stop, the first leg is the one that talks.
    assert journalled.outcomes[-1][1] == "answered"
    assert {outcome for _, outcome in journalled.outcomes[:-1]} <= {"failed"}
    assert max(first.invites, second.invites) == 1
    scene.counts_invites = False  # the journal may have a leg that Asterisk never heard of


def test_a_dropped_frozen_connection_is_noticed_by_its_silence(scene: Stage, proxy: Proxy) -> None:
    """No FIN, no RST: only the heartbeat tells. The caller who came meanwhile gets the fallback."""
    mark = scene.house.controller.mark
    proxy.watch = lambda chunk, towards: True
    scene.house.controller.said("connection to Asterisk was lost", since=mark, seconds=8)
    proxy.watch = lambda chunk, towards: False
    scene.house.controller.said("connected$", since=mark, seconds=8)
    call_that_works(scene)


def test_asterisk_restarted_between_calls(scene: Stage) -> None:
    call_that_works(scene)
    scene.house.tidy()
    mark = scene.house.controller.mark
    scene.house.asterisk.restart()
    scene.house.controller.said("connected$", since=mark, seconds=2)
    call_that_works(scene)


def test_asterisk_killed_with_a_live_call(scene: Stage) -> None:
    phone = scene.answering()
    caller = scene.call(scene.plan(ring(phone)))
    caller.connected()
    mark = scene.house.controller.mark
    scene.house.asterisk.kill()
    scene.house.controller.said("connection to Asterisk was lost", since=mark)
    for process in (caller.sipp, phone.sipp):  # nobody says BYE to them
        process.stop()
    scene.callers.remove(caller)
    scene.phones.remove(phone)
    caller.voice.close()
    scene.house.asterisk.start()
    scene.house.controller.said("connected$", since=mark, seconds=2)
    assert caller.journalled().verdict == ("answered", "talked")
    call_that_works(scene)


def test_a_controller_started_before_asterisk_waits_for_it(rough: House) -> None:
    rough.controller.stop()
    rough.asterisk.stop()
    rough.controller.start(until="controller ari-app is running")
    mark = rough.controller.mark
    rough.asterisk.start()
    rough.controller.said("connected$", since=mark, seconds=3)
    with rough.story() as stage:
        call_that_works(stage)


def test_a_frozen_controller_does_not_keep_the_caller_waiting(scene: Stage) -> None:
    scene.counts_invites = False
    number = scene.plan(ring(scene.ringing()))
    scene.house.controller.signal(signal.SIGSTOP)
    caller = scene.call(number, talk_ms=300)
    wire = caller.over()
    scene.house.controller.signal(signal.SIGCONT)
    assert wire.one(200).at - wire.one("INVITE").at < 1.1
    call_that_works(scene)


def test_a_controller_told_to_stop_lets_a_talk_finish(scene: Stage) -> None:
    phone = scene.answering()
    number = scene.plan(ring(phone))
    caller = scene.call(number, talk_ms=1500)
    caller.connected()
    mark = scene.house.controller.mark
    scene.house.controller.signal(signal.SIGTERM)
    scene.house.controller.said("waiting up to", since=mark)
    scene.counts_invites = False
    late = scene.call(number, talk_ms=200)  # nobody takes new calls: the fallback has it
    assert late.over().final == 200
    wire = caller.over()
    assert wire.one("BYE").sent, "the caller ended the talk, not we"
    assert wire.one("BYE").at - wire.one(200).at > 1.4
    assert scene.house.controller.ended(5) == 0
    assert caller.journalled().verdict == ("answered", "talked")


def test_a_second_signal_ends_calls_at_once(scene: Stage) -> None:
    phone = scene.answering()
    caller = scene.call(scene.plan(ring(phone)))
    caller.connected()
    mark = scene.house.controller.mark
    scene.house.controller.signal(signal.SIGTERM)
    scene.house.controller.said("waiting up to", since=mark)
    scene.house.controller.signal(signal.SIGINT)
    assert scene.house.controller.ended(5) == 0
    assert not caller.over().one("BYE").sent
    assert caller.journalled().verdict == ("answered", "talked")


@pytest.mark.parametrize("strategy", ["in_turn", "all_at_once"])
def test_a_leg_never_rings_for_ever(rough: House, strategy: str) -> None:
    """The controller is killed while phones ring: Asterisk's own timeout, behind ours, ends the legs. Then the dialplan
    has a caller that it rang for; with one that the controller rang for the next controller goes on."""
    if not rough.controller.running:
        rough.controller.start()
    alone = strategy == "in_turn"
    with rough.story(journal=False) as stage:
        stage.counts_invites = False  # what the dead controller had not written yet is lost
        phone, other = stage.ringing(), stage.ringing()
        number = stage.plan(ring(phone, other, timeout=5, strategy=strategy))
        caller = stage.call(number, **({"talk_ms": 4000} if alone else {"scenario": "caller-refused", "status": 480}))
        rung = phone.sipp.until("INVITE").at
        rough.controller.kill()
        assert phone.sipp.until("CANCEL", 15).at - rung == pytest.approx(10, abs=1.5)
        if alone:
            answered = caller.sipp.until(200).at
            assert answered - phone.wire.one("CANCEL").at < AT_ONCE + 1, "the fallback asks for FastAGI first"
        rough.controller.start()
        wire = caller.over(8)
        assert not alone or wire.one("BYE").sent, "the fallback's caller is not swept"
        if not alone:
            assert caller.journalled().verdict == ("lost", "nobody_answered")
    with rough.database.edit() as connection:  # closing the fallback's is for whoever enters that
        connection.execute("DELETE FROM calls WHERE disposition IS NULL")

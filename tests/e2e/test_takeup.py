"""The controller is killed and comes back: whatever state a call is in, it goes on, and the journal is whole."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.house import Caller, House, Stage, ring
from tests.e2e.journal import Greeting, HangUp, JournalledCall, Labelled, Menu, Voicemail
from tests.e2e.sipp import ticks
from tests.e2e.voice import Key, Silence, Speech, Until

WAYS = pytest.mark.parametrize("strategy", ["in_turn", "all_at_once"])
"""Rung by Dial(), alone; by the controller, beside others."""
pytestmark = [pytest.mark.fault("3"), pytest.mark.promise("OUR-08")]


@pytest.fixture(scope="module")
def mortal(new_house: Callable[..., House]) -> House:
    """An installation whose controller is killed again and again."""
    made = new_house(shutdown_seconds=1)
    made.controller.start()
    return made


@pytest.fixture
def scene(mortal: House) -> Iterator[Stage]:
    """A story with the controller up at its beginning, and no trouble of the program's at its end."""
    if not mortal.controller.running:
        mortal.controller.start()
    with mortal.story() as stage:
        yield stage
    assert not [line for line in mortal.controller.lines if "Traceback" in line], "\n".join(mortal.controller.lines)


@contextmanager
def dead(stage: Stage, *, and_back: bool = True) -> Iterator[None]:
    """The controller is killed, and started again after the block."""
    stage.house.controller.kill()
    yield
    if and_back:
        stage.house.controller.start()


def until(caller: Caller, kind: str, seconds: float = 10, count: int = 1) -> JournalledCall:
    """The call, once the journal has so many entries of a kind."""
    for _ in ticks(seconds):
        for call in caller.house.database.calls(caller.dialled):
            if len(call.details(kind)) >= count:
                return call
    raise AssertionError(f"no {kind} in {seconds} s: {caller.sipp.complaint()}")


def recovered(call: JournalledCall) -> bool:
    """Whether the journal says that the call was taken up, and has it whole."""
    kinds = [event["kind"] for event in call.events]
    assert kinds.count("verdict") == 1
    assert kinds.index("verdict") > max(at for at, kind in enumerate(kinds) if kind == "recovered")
    assert [event["at_ms"] for event in call.events] == sorted(event["at_ms"] for event in call.events)
    return [one["after"] for one in call.details("recovered")] == ["restart"]


@WAYS
@pytest.mark.parametrize("who", ["caller", "destination"])
def test_a_talk_goes_on_until_one_of_them_hangs_up(scene: Stage, strategy: str, who: str) -> None:
    phone, other = scene.answering(talk_ms=30000 if who == "caller" else 2500), scene.ringing()
    number = scene.plan(ring(phone, other, strategy=strategy), Voicemail())
    caller = scene.call(number, talk_ms=2500 if who == "caller" else 30000)
    caller.connected()
    with dead(scene):
        pass
    assert caller.over().final == 200
    assert caller.wire.one("BYE").sent is (who == "caller")
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert (phone.name, "answered") in call.outcomes
    assert recovered(call)


@WAYS
@pytest.mark.parametrize("who", ["caller", "destination"])
def test_a_talk_that_ended_while_no_controller_ran_was_answered(scene: Stage, strategy: str, who: str) -> None:
    phone, other = scene.answering(talk_ms=30000 if who == "caller" else 700), scene.ringing()
    caller = scene.call(scene.plan(ring(phone, other, strategy=strategy)), talk_ms=700 if who == "caller" else 30000)
    caller.connected()
    with dead(scene):
        (caller.sipp if who == "caller" else phone.sipp).until("BYE", sent=True)
    caller.over(6)
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert recovered(call)


@WAYS
def test_it_rings_on_and_the_two_are_connected(scene: Stage, strategy: str) -> None:
    phone, other = scene.answering(after_ms=4500), scene.ringing()
    number = scene.plan(ring(phone, other, strategy=strategy, timeout=15), Voicemail())
    caller = scene.call(number, talk_ms=9000)  # it may be answered before anybody is back
    until(caller, "leg_rang", count=1 if strategy == "in_turn" else 2)
    with dead(scene):
        pass
    assert caller.over().final == 200
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert sorted(call.outcomes) == sorted(
        [(phone.name, "answered"), *([(other.name, "answered_elsewhere")] if strategy == "all_at_once" else [])]
    )
    assert recovered(call)


def test_what_rang_out_is_taken_further(scene: Stage) -> None:
    """The rest of its time, then the next step: the caller leaves a message."""
    phone, other = scene.ringing(), scene.ringing()
    number = scene.plan(ring(phone, other, strategy="all_at_once", timeout=5), Voicemail())
    caller = scene.call(number, Silence(0.2), Speech(2), Key("#"))
    call = until(caller, "leg_rang", count=2)
    with dead(scene):
        pass
    assert caller.over().final == 200
    call = caller.journalled()
    assert call.verdict == ("message_left", "message"), call.told
    assert [outcome for _, outcome in call.outcomes] == ["no_answer"] * 2
    assert all(4500 < leg["ended_ms"] - leg["dialed_ms"] < 6500 for leg in call.legs)
    assert recovered(call)


def test_who_rings_alone_is_ended_at_its_time_and_the_next_one_is_rung(scene: Stage) -> None:
    """By the controller that has come back, which finds the channel that Dial() has made."""
    phone, other = scene.ringing(), scene.answering()
    caller = scene.call(scene.plan(ring(phone, other, timeout=6)), talk_ms=300)
    until(caller, "leg_rang")
    with dead(scene):
        pass
    assert caller.over().final == 200
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert call.outcomes == [(phone.name, "no_answer"), (other.name, "answered")]
    assert call.legs[0]["ended_ms"] - call.legs[0]["dialed_ms"] == pytest.approx(6000, abs=300)
    assert recovered(call)


@WAYS
def test_a_caller_who_left_while_no_controller_ran_is_on_record(scene: Stage, strategy: str) -> None:
    phone, other = scene.ringing(), scene.ringing()
    number = scene.plan(ring(phone, other, strategy=strategy, timeout=30), Voicemail())
    caller = scene.call(number, scenario="caller-cancels", ring_ms=1200)
    until(caller, "leg_rang", count=1 if strategy == "in_turn" else 2)
    with dead(scene):
        caller.over()
    phone.sipp.until("CANCEL", 3)
    call = caller.journalled()
    assert call.verdict == ("lost", "hung_up_while_ringing"), call.told
    assert {outcome for _, outcome in call.outcomes} == {"caller_left"}
    assert recovered(call)


@pytest.mark.parametrize("ms", [5, 20, 60, 120])
@WAYS
def test_killed_at_its_very_beginning(scene: Stage, strategy: str, ms: int) -> None:
    """Before the journal has a word of it: it is served all the same, as one call; or the fallback has it."""
    phone, other = scene.answering(after_ms=6000), scene.answering(after_ms=6000)
    phone.may_stumble = other.may_stumble = True  # one is cancelled in its first milliseconds
    number = scene.plan(ring(phone, other, strategy=strategy, timeout=15))
    scene.counts_invites = False  # what was dialed in the last milliseconds may not be on record
    caller = scene.call(number, talk_ms=300)
    caller.sipp.until("INVITE")
    for _ in ticks(ms / 1000):
        pass
    with dead(scene):
        pass
    assert caller.over().final == 200
    scene.house.tidy()
    for call in scene.house.database.calls(number):
        assert call.verdict == ("answered", "talked"), call.told
    assert len(scene.house.database.calls(number)) <= 1


@pytest.mark.parametrize("state", ["prompt", "tone", "recording"])
def test_a_message_is_left_all_the_same(scene: Stage, state: str) -> None:
    number = scene.plan(Voicemail("en/greeting" if state != "recording" else "beep", silence_seconds=4))
    wait = {"prompt": 7.0, "tone": 11.0, "recording": 0.3}[state]  # the greeting lasts 5.7 s
    caller = scene.call(number, Silence(wait), Speech(4.0), Silence(8), talk_ms=40000)
    until(caller, "recording_began" if state == "recording" else "prompt_began")
    with dead(scene):
        if state == "tone":  # the greeting is over before anybody is back
            channel = scene.house.ari("channels")[0]["id"]
            for _ in ticks(20):
                if "message" in scene.house.ari(f"playbacks/{channel}-play-1"):
                    break
    assert caller.over(40).final == 200
    call = caller.journalled()
    assert call.verdict == ("message_left", "message"), call.told
    assert len(call.messages) == 1
    assert recovered(call)


def test_a_message_whose_caller_left_while_no_controller_ran_is_judged(scene: Stage) -> None:
    number = scene.plan(Voicemail("beep", silence_seconds=10))
    caller = scene.call(number, Silence(0.3), Speech(3.0), talk_ms=4000)
    until(caller, "recording_began")
    with dead(scene):
        caller.over()
    call = caller.journalled()
    assert call.verdict == ("message_left", "message"), call.told
    assert recovered(call)


@pytest.mark.promise("FLD-09")
@pytest.mark.parametrize("playing", [True, False], ids=["while the greeting plays", "after it"])
def test_a_menu_goes_on_to_be_asked(scene: Stage, playing: bool) -> None:
    phone = scene.answering(talk_ms=500)
    sound = "en/greeting" if playing else "beep"
    menu = Menu({"1": "desk"}, sound=sound, otherwise="bye", retries=1, wait_seconds=20)
    number = scene.plan(menu, Labelled("bye", HangUp()), Labelled("desk", ring(phone)))
    key = threading.Event()
    caller = scene.call(number, Until(key), Key("1"), Silence(20))
    until(caller, "prompt_began" if playing else "prompt_ended")
    with dead(scene):
        pass
    until(caller, "recovered" if playing else "prompt_began", count=1 if playing else 2)
    key.set()
    caller.over()
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert call.details("key_pressed") == [{"key": "1", "leads": "desk"}]
    assert recovered(call)


def test_a_greeting_that_is_over_is_followed_by_the_next_step(scene: Stage) -> None:
    phone = scene.answering()
    number = scene.plan(Greeting("en/greeting"), ring(phone))
    caller = scene.call(number, talk_ms=12000)
    until(caller, "prompt_began")
    with dead(scene):
        pass
    assert caller.over(40).final == 200
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert recovered(call)


def test_the_scheme_that_it_began_with_is_gone(scene: Stage) -> None:
    """Who rings rings on; then it goes by today's."""
    phone, other, new = scene.ringing(), scene.ringing(), scene.answering()
    number = scene.plan(ring(phone, other, strategy="all_at_once", timeout=5))
    caller = scene.call(number, talk_ms=500)
    until(caller, "leg_rang", count=2)
    with dead(scene):
        scene.plan_again(number, ring(new))
    assert caller.over().final == 200
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert sorted(call.outcomes) == sorted(
        [(phone.name, "no_answer"), (other.name, "no_answer"), (new.name, "answered")]
    )
    assert recovered(call)


def test_it_is_told_to_stop_and_the_next_one_has_the_talk(scene: Stage) -> None:
    """An upgrade: SIGTERM, a limit that is over before the talk, a start."""
    phone = scene.answering()
    caller = scene.call(scene.plan(ring(phone)), talk_ms=5000)
    caller.connected()
    scene.house.controller.stop(10)
    scene.house.controller.start()
    assert caller.over().one("BYE").sent, "the caller ended the talk, not we"
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert [one["how"] for one in call.details("handed_on")] == ["to_successor"]
    assert recovered(call)

"""The websocket is cut and comes back: calls live on, and what happened meanwhile is found out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.house import Caller, House, Phone, Stage, ring
from tests.e2e.journal import Greeting, JournalledCall, Step, Voicemail
from tests.e2e.proxy import Proxy
from tests.e2e.sipp import ticks
from tests.e2e.voice import Key, Silence, Speech

WAYS = pytest.mark.parametrize("strategy", ["in_turn", "all_at_once"])
"""Rung by Dial(), alone; by the controller, beside others."""


@pytest.fixture(scope="module")
def cut_off(new_house: Callable[..., House]) -> House:
    """An installation whose controller reaches ARI through a proxy."""
    made = new_house(through_proxy=True)
    made.controller.start()
    return made


@pytest.fixture
def scene(cut_off: House) -> Iterator[Stage]:
    """A story with the connection up at its beginning, and no trouble of the program's at its end."""
    assert cut_off.proxy is not None
    try:
        with cut_off.story() as stage:
            yield stage
    finally:
        cut_off.proxy.shut = False
    assert not [line for line in cut_off.controller.lines if "Traceback" in line], "\n".join(cut_off.controller.lines)


@contextmanager
def deaf(stage: Stage) -> Iterator[Proxy]:
    """No connection to Asterisk within the block; after it the controller is connected again."""
    house = stage.house
    assert house.proxy is not None
    mark = house.controller.mark
    house.proxy.shut = True
    house.proxy.cut()
    house.controller.said("calls go on unheard", since=mark)
    yield house.proxy
    house.proxy.shut = False
    house.controller.said("connected$", since=mark, seconds=3)


def until(caller: Caller, kind: str) -> JournalledCall:
    """The call, once the journal has an entry of a kind."""
    for _ in ticks(10):
        for call in caller.house.database.calls(caller.dialled):
            if call.details(kind):
                return call
    raise AssertionError(f"no {kind}: {caller.sipp.complaint()}")


def ringing_call(stage: Stage, *steps: Step, phone: Phone, **places: object) -> Caller:
    """A call whose phone rings."""
    caller = stage.call(stage.plan(*steps), **places)  # type: ignore[arg-type]  # scenario's places
    phone.sipp.until(180, sent=True)
    until(caller, "leg_rang")
    return caller


def recovered(caller: Caller) -> bool:
    """Whether the journal says that the call was taken up."""
    return [one["after"] for one in caller.journalled().details("recovered")] == ["cut"]


@pytest.mark.fault("1")
@pytest.mark.promise("OUR-08")
@WAYS
def test_a_talk_goes_on_and_ends_as_the_two_want(scene: Stage, strategy: str) -> None:
    phone, other = scene.answering(), scene.ringing()
    caller = scene.call(scene.plan(ring(phone, other, strategy=strategy)), talk_ms=1500)
    caller.connected()
    with deaf(scene):
        pass
    assert caller.over().one("BYE").sent, "the caller ended the talk, not we"
    assert caller.journalled().verdict == ("answered", "talked")
    assert recovered(caller)


@pytest.mark.fault("1")
@WAYS
def test_it_rings_on_and_is_answered_once_we_hear_again(scene: Stage, strategy: str) -> None:
    phone, other = scene.answering(after_ms=2500), scene.ringing()
    caller = ringing_call(scene, ring(phone, other, strategy=strategy, timeout=10), phone=phone, talk_ms=300)
    with deaf(scene):
        pass
    assert caller.over().final == 200
    assert caller.journalled().verdict == ("answered", "talked")
    assert recovered(caller)


@pytest.mark.fault("2")
def test_an_answer_that_was_missed_is_found(scene: Stage) -> None:
    """Dial() has connected the two by itself."""
    phone = scene.answering(after_ms=1000)
    caller = ringing_call(scene, ring(phone, timeout=10), phone=phone, talk_ms=2000)
    with deaf(scene):
        phone.sipp.until("ACK")
    assert caller.over().final == 200
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert journalled.outcomes == [(phone.name, "answered")]
    assert recovered(caller)


@pytest.mark.fault("2")
def test_a_leg_that_answered_to_nobody_is_over_and_the_others_ring_on(scene: Stage) -> None:
    """An application that is not connected takes no channel: Asterisk ends the leg."""
    phone, other = scene.answering(after_ms=1000), scene.answering(after_ms=3000)
    caller = ringing_call(scene, ring(phone, other, strategy="all_at_once", timeout=10), phone=phone, talk_ms=300)
    with deaf(scene):
        phone.sipp.until("BYE")
    assert caller.over().final == 200
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert sorted(journalled.outcomes) == sorted([(phone.name, "failed"), (other.name, "answered")])


@pytest.mark.fault("2")
@WAYS
def test_a_caller_who_left_meanwhile_is_found_gone_and_nobody_rings_on(scene: Stage, strategy: str) -> None:
    phone, other = scene.ringing(), scene.ringing()
    step = ring(phone, other, strategy=strategy, timeout=15)
    caller = ringing_call(scene, step, Voicemail(), phone=phone, scenario="caller-cancels", ring_ms=900)
    with deaf(scene):
        caller.over()
    phone.sipp.until("CANCEL", 3)
    journalled = caller.journalled()
    assert journalled.verdict == ("lost", "hung_up_while_ringing")
    assert {outcome for _, outcome in journalled.outcomes} == {"caller_left"}
    assert recovered(caller)


@pytest.mark.fault("2")
@WAYS
@pytest.mark.parametrize("who", ["caller", "destination"])
def test_a_talk_that_ended_meanwhile_is_closed_as_answered(scene: Stage, strategy: str, who: str) -> None:
    by_caller = who == "caller"
    phone, other = scene.answering(talk_ms=30000 if by_caller else 900), scene.ringing()
    number = scene.plan(ring(phone, other, strategy=strategy))
    caller = scene.call(number, talk_ms=900 if by_caller else 30000)
    caller.connected()
    with deaf(scene):
        (caller.sipp if by_caller else phone.sipp).until("BYE", sent=True)
    caller.over(4)
    assert caller.journalled().verdict == ("answered", "talked")
    scene.house.tidy()


@pytest.mark.fault("1")
@pytest.mark.parametrize("sound", ["prompt", "recording"])
def test_what_is_heard_and_said_meanwhile_is_kept(scene: Stage, sound: str) -> None:
    """A prompt ends and is followed by the next step; a message that was ended by # is judged."""
    number = scene.plan(Greeting("beep"), Voicemail())
    caller = scene.call(number, Silence(2.5), Speech(2), Key("#"), Silence(1))
    call = until(caller, "recording_began" if sound == "recording" else "prompt_began")
    with deaf(scene):
        under_way = (
            f"recordings/live/{call.details('recording_began')[0]['name']}"
            if sound == "recording"
            else f"playbacks/{call.call['channel']}-play-1"
        )
        for _ in ticks(10):
            if "message" in scene.house.ari(under_way):
                break
    caller.over(40)
    journalled = caller.journalled()
    assert journalled.verdict == ("message_left", "message"), journalled.told
    assert recovered(caller)


@pytest.mark.fault("8")
def test_asterisk_restarted_with_a_live_call(scene: Stage) -> None:
    """Its call is closed as soon as it is up again, with the reason."""
    phone = scene.ringing()
    caller = ringing_call(scene, ring(phone, timeout=30), phone=phone)
    mark = scene.house.controller.mark
    scene.house.asterisk.kill()
    for process in (caller.sipp, phone.sipp):  # nobody says BYE to them
        process.stop()
    scene.callers.remove(caller)
    scene.phones.remove(phone)
    caller.voice.close()
    scene.house.asterisk.start()
    scene.house.controller.said("connected$", since=mark, seconds=2.5)
    journalled = caller.journalled()
    assert journalled.verdict == ("lost", "line_lost")
    assert journalled.details("trouble") == [{"what": "connection", "why": "Asterisk was restarted"}]

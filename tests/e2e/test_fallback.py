"""The fallback: no controller takes the call; callers are served all the same, by FastAGI or by the dialplan alone."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ari_app.audio import wav
from tests.docs.documents import blocks
from tests.e2e.controller import Controller
from tests.e2e.house import Caller, House, Stage, ring
from tests.e2e.journal import Destination, Dial, Greeting, HangUp, Step, Voicemail
from tests.e2e.sipp import ticks
from tests.e2e.test_hostile_callers import HOSTILE
from tests.e2e.voice import Key, Silence, Speech

SPEAKS = (Silence(1.5), Speech(2), Key("#"), Silence(5))
"""After the beep, which is all of the greeting where the scheme says so."""
SPEAKS_LONG = (Silence(7), Speech(2), Key("#"), Silence(5))
"""After the default greeting in English, 5.7 s, and the tone."""
OWN_CALLER = "127.0.0.8"
"""Calls from there enter the dialplan of the engineer's guide."""
OWN_ENDPOINT = f"""
[own](trunk)
transport = trunk-udp
context = my-trunk
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
[own]
type = identify
endpoint = own
match = {OWN_CALLER}
"""
NEVER_ANSWERS = Dial((Destination("+79160000480", timeout=8, kind="number"),))


@pytest.fixture(scope="module")
def deserted(new_house: Callable[..., House]) -> House:
    """An installation whose controller does not run, unless a story starts it; with a dialplan of its own."""
    house = new_house()
    (example,) = [block.text for block in blocks("asterisk") if block.document.name == "engineer.md"]
    port = house.asterisk.settings.agi_port
    house.asterisk.add("extensions.d/own.conf", example.replace(":4573/", f":{port}/"))
    house.asterisk.add("pjsip.d/own.conf", OWN_ENDPOINT)
    house.asterisk.restart()
    return house


@pytest.fixture(scope="module")
def fastagi(deserted: House) -> Iterator[Controller]:
    """Its FastAGI, a process of its own."""
    settings = {
        "database_url": deserted.database_url,
        "agi_port": deserted.asterisk.settings.agi_port,
        "number_template": "PJSIP/{number}@lab-trunk",
    }
    agi = Controller(deserted.folder / "agi", settings, "agi")
    yield agi
    agi.kill()


@pytest.fixture
def scene(deserted: House, fastagi: Controller) -> Iterator[Stage]:
    """A story with FastAGI up, and no controller."""
    if not fastagi.running:
        fastagi.start(until="FastAGI is ready")
    with story(deserted) as stage:
        yield stage
    assert not [line for line in fastagi.lines if "Traceback" in line], "\n".join(fastagi.lines)


@pytest.fixture
def alone(deserted: House, fastagi: Controller) -> Iterator[Stage]:
    """A story with neither."""
    if fastagi.running:
        assert fastagi.stop() == 0
    with story(deserted) as stage:
        yield stage


@contextmanager
def story(house: House) -> Iterator[Stage]:
    """One story whose calls no journal has."""
    with house.story() as stage:
        stage.counts_invites = False
        yield stage


def plan(stage: Stage, fastagi: Controller, *steps: Step) -> str:
    """A number with these steps, in force in FastAGI when this returns."""
    mark = fastagi.mark
    number = stage.plan(*steps)
    fastagi.said(r"book \w+ in force", since=mark, seconds=2)
    return number


def recorded(house: House, whose: str = "fallback") -> Iterator[Path]:
    """The recordings of a dialplan's."""
    yield from house.asterisk.recordings.glob(f"{whose}-*.wav")


def message(house: House, whose: str = "fallback") -> wav.Audio:
    """The only message that the dialplan has taken; removed, so that the next story finds none."""
    for _ in ticks(5):
        if not house.ari("channels"):
            break
    [file] = recorded(house, whose)
    audio = wav.read(file.read_bytes())
    file.unlink()
    return audio


def seconds_to(caller: Caller, what: str | int) -> float:
    """From the caller's INVITE to what it got first."""
    wire = caller.wire
    return wire.all(what, sent=False)[0].at - wire.one("INVITE").at


def heard_after(caller: Caller) -> float:
    """Seconds from the caller's INVITE until it heard a voice."""
    assert caller.voice.loud_from is not None, "nothing was heard"
    return caller.voice.loud_from - caller.wire.one("INVITE").at


# --- FastAGI decides -------------------------------------------------------------------------------------------------


def test_the_scheme_is_walked_and_who_answers_talks_with_the_caller(scene: Stage, fastagi: Controller) -> None:
    busy, answering, spare = scene.refusing("486 Busy Here"), scene.answering(), scene.ringing()
    number = plan(scene, fastagi, ring(busy, answering), ring(spare))
    caller = scene.call(number, talk_ms=500)
    wire = caller.over()
    assert wire.final == 200
    assert wire.one("BYE").sent, "the caller ended the talk"
    assert [phone.invites for phone in (busy, answering, spare)] == [1, 1, 0]
    assert seconds_to(caller, 200) < 2.0
    assert answering.wire.one("INVITE").header("From").startswith('"+79161112233" <sip:+79161112233@')
    assert list(recorded(scene.house)) == []


def test_those_rung_together_ring_together_and_the_losers_are_told(scene: Stage, fastagi: Controller) -> None:
    slow, quick = scene.ringing(), scene.answering(after_ms=600)
    slow.may_stumble = True
    number = plan(scene, fastagi, ring(slow, quick, strategy="all_at_once"))
    scene.call(number, talk_ms=300).over()
    quick.sipp.wait()
    assert slow.sipp.until("CANCEL").header("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert abs(slow.wire.one("INVITE").at - quick.wire.one("INVITE").at) < 0.1


def test_nobody_answers_and_the_message_is_recorded(scene: Stage, fastagi: Controller) -> None:
    busy, gone = scene.refusing("486 Busy Here"), scene.refusing("404 Not Found")
    number = plan(scene, fastagi, ring(busy), ring(gone), Voicemail())
    caller = scene.call(number, *SPEAKS)
    assert caller.over().final == 200
    audio = message(scene.house)
    assert 2 < audio.seconds < 4
    assert audio.voiced_seconds > 0.7, "half of speech is pauses"


def test_a_greeting_is_played_before_the_next_step(scene: Stage, fastagi: Controller) -> None:
    answering = scene.answering()
    number = plan(scene, fastagi, Greeting(), ring(answering))
    caller = scene.call(number, Silence(3), talk_ms=1500)
    assert caller.over().final == 200
    assert heard_after(caller) < 1.5
    assert answering.invites == 1


@pytest.mark.parametrize(("phone", "status"), [("486 Busy Here", 486), ("480 Temporarily Unavailable", 480)])
def test_a_scheme_that_hangs_up_tells_why(scene: Stage, fastagi: Controller, phone: str, status: int) -> None:
    number = plan(scene, fastagi, ring(scene.refusing(phone)), HangUp())
    caller = scene.call(number, scenario="caller-refused", status=status)
    assert caller.over().final == status


def test_a_302_is_not_followed(scene: Stage, fastagi: Controller) -> None:
    elsewhere, second = scene.answering(), scene.answering()
    contact = f"Contact: <sip:{elsewhere.name}@{elsewhere.extension.host}:{elsewhere.extension.port}>\n"
    moved = scene.refusing("302 Moved Temporarily", contact)
    number = plan(scene, fastagi, ring(moved, second))
    assert scene.call(number, talk_ms=300).over().final == 200
    assert [phone.invites for phone in (moved, elsewhere, second)] == [1, 0, 1]


def test_an_edit_is_live_within_two_seconds(scene: Stage, fastagi: Controller) -> None:
    first, second = scene.answering(), scene.answering()
    number = plan(scene, fastagi, ring(first))
    mark = fastagi.mark
    with scene.house.database.edit() as connection:
        connection.execute("UPDATE destinations SET target = ? WHERE target = ?", (second.name, first.name))
    fastagi.said(r"book \w+ in force", since=mark, seconds=2)
    scene.call(number, talk_ms=300).over()
    assert (first.invites, second.invites) == (0, 1)


@pytest.mark.promise("FLD-11")
def test_a_circle_ends(scene: Stage, fastagi: Controller) -> None:
    """Ten calls at once of one caller to one number: so does a destination come back that forwards to it."""
    number = plan(scene, fastagi, NEVER_ANSWERS, HangUp())
    for _ in range(9):
        scene.call(number, scenario="caller-refused", status=480)
    for _ in ticks(5):
        if len([line for line in fastagi.lines if f"to {number}: step 1, dial" in line]) == 9:
            break
    assert scene.call(number, scenario="caller-refused", status=486).over().final == 486


@pytest.mark.fault("5")
def test_a_frozen_controller_is_stood_in_for_within_a_second(scene: Stage, fastagi: Controller) -> None:
    controller = scene.house.controller
    controller.start()
    answering = scene.answering()
    number = plan(scene, fastagi, ring(answering))
    try:
        controller.signal(signal.SIGSTOP)
        caller = scene.call(number, talk_ms=300)
        assert caller.over().final == 200
        assert answering.wire.one("INVITE").at - caller.wire.one("INVITE").at < 1.0
    finally:
        controller.kill()


@pytest.mark.fault("23")
@pytest.mark.parametrize("who", ["line breaks", "quotes", "dialplan", "bytes", "another charset", "anonymous"])
def test_a_hostile_caller_id_reaches_nobody(scene: Stage, fastagi: Controller, who: str) -> None:
    answering = scene.answering()
    number = plan(scene, fastagi, ring(answering))
    mark = fastagi.mark
    caller = scene.call(number, talk_ms=200, **{"from": HOSTILE[who]})
    assert caller.over().final == 200
    offered = answering.wire.one("INVITE")
    for header in ("From", "P-Asserted-Identity"):
        told = re.match(r'"(anonymous|\+?\d+)" <sip:(anonymous|\+?\d{1,20})@[\d.]+>', offered.header(header))
        assert told, offered.header(header)
    assert fastagi.said("step 1, dial", since=mark).isprintable()
    assert len(fastagi.lines[mark:]) == 1


# --- a dialplan of one's own ------------------------------------------------------------------------------------------


def test_the_dialplan_of_the_engineer_s_guide_walks_a_scheme(scene: Stage, fastagi: Controller) -> None:
    busy = scene.refusing("486 Busy Here")
    number = plan(scene, fastagi, Greeting(), ring(busy), Voicemail())
    caller = scene.call(number, *SPEAKS, host=OWN_CALLER)
    assert caller.over().final == 200
    assert busy.invites == 1
    assert message(scene.house, "my").voiced_seconds > 0.7


def test_the_dialplan_of_the_engineer_s_guide_dials_and_hangs_up(scene: Stage, fastagi: Controller) -> None:
    number = plan(scene, fastagi, ring(scene.refusing("486 Busy Here"), scene.refusing("486 Busy Here")))
    caller = scene.call(number, scenario="caller-refused", status=486, host=OWN_CALLER)
    assert caller.over().final == 486


# --- FastAGI fails too -----------------------------------------------------------------------------------------------


def test_with_neither_the_caller_is_greeted_and_leaves_a_message(alone: Stage) -> None:
    caller = alone.call(alone.house.new_number(), *SPEAKS_LONG)
    wire = caller.over()
    assert heard_after(caller) < 1.5
    assert not wire.one("BYE").sent, "the key ended the message, and the message the call"
    audio = message(alone.house)
    assert 1.5 < audio.seconds < 6
    assert audio.voiced_seconds > 0.7, "half of speech is pauses"


def test_a_frozen_fastagi_costs_a_second(scene: Stage, fastagi: Controller) -> None:
    number = plan(scene, fastagi, ring(scene.ringing()))
    fastagi.signal(signal.SIGSTOP)
    try:
        caller = scene.call(number, Silence(5), talk_ms=1000)
        assert caller.over().final == 200
        assert heard_after(caller) < 2.5
    finally:
        fastagi.signal(signal.SIGCONT)


def test_a_fastagi_killed_while_a_phone_rings_costs_nobody_their_message(scene: Stage, fastagi: Controller) -> None:
    phone = scene.ringing()
    number = plan(scene, fastagi, ring(phone), Voicemail())
    caller = scene.call(number, *SPEAKS_LONG)
    phone.sipp.until("INVITE")
    fastagi.kill()
    assert caller.over().final == 200
    assert message(scene.house).voiced_seconds > 0.7


def test_where_nothing_can_be_recorded_the_caller_is_told(alone: Stage) -> None:
    recordings = alone.house.asterisk.recordings
    aside = recordings.with_name("recording-aside")
    recordings.rename(aside)
    recordings.write_text("no folder")
    try:
        caller = alone.call(alone.house.new_number(), Silence(20), talk_ms=20000)
        wire = caller.over()
    finally:
        recordings.unlink()
        aside.rename(recordings)
    greeting, unavailable = 5.67 + 0.4, 4.7
    lasted = wire.one("BYE", sent=False).at - wire.one(200).at
    assert lasted == pytest.approx(greeting + unavailable, abs=1)
    assert caller.voice.loud_until is not None
    assert wire.one("BYE", sent=False).at - caller.voice.loud_until < 1


def test_fastagi_stops_when_it_is_told_to(deserted: House, fastagi: Controller) -> None:
    if not fastagi.running:
        fastagi.start(until="FastAGI is ready")
    with socket.create_connection(("127.0.0.1", deserted.asterisk.settings.agi_port)):
        assert fastagi.stop() == 0
    assert not [line for line in fastagi.lines if "Traceback" in line], "\n".join(fastagi.lines)

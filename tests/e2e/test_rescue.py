"""A controller dies and none comes back: whoever waits for it is served by the dialplan, whoever talks talks on."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.controller import Controller
from tests.e2e.house import Caller, House, Phone, Stage, ring
from tests.e2e.journal import JournalledCall, Voicemail
from tests.e2e.sipp import ticks
from tests.e2e.test_fallback_journal import outbox, plan
from tests.e2e.voice import Key, Silence, Speech

pytestmark = [pytest.mark.fault("4"), pytest.mark.promise("OUR-08")]

RESCUE_SECONDS = 1.5
UNWRITTEN = ("unwritten rung", "unwritten talk")


@dataclass(frozen=True)
class Bereft:
    """What became of the callers of a controller that was killed while they were in every state."""

    house: House
    fastagi: Controller
    callers: dict[str, Caller]
    phones: dict[str, Phone]

    def call(self, name: str) -> JournalledCall:
        """The call as the journal has it."""
        (call,) = self.house.database.calls(self.callers[name].dialled)
        return call


@pytest.fixture(scope="module")
def bereft(new_house: Callable[..., House]) -> Iterator[Bereft]:
    """All of them at once: one controller dies, one more comes when they are over."""
    house, fastagi = _watched(new_house)
    with house.story(journal=False) as stage:
        stage.counts_invites = False
        try:
            yield _bereave(house, fastagi, stage)
        finally:
            fastagi.kill()
            house.controller.kill()
            for path in house.asterisk.recordings.glob("voicemail-*"):  # it is the taking up that makes it a message
                path.unlink()


def _watched(new_house: Callable[..., House]) -> tuple[House, Controller]:
    """An installation, and its FastAGI, which looks after its callers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    house = new_house(monitor_port=port)
    settings = {
        "database_url": house.database_url,
        "agi_port": house.asterisk.settings.agi_port,
        "ari_url": house.asterisk.ari_url,
        "ari_password_file": house.asterisk.instance_dir / "ari-password",
        "monitor_port": port,
        "rescue_seconds": RESCUE_SECONDS,
    }
    return house, Controller(house.folder / "agi", settings, "agi")


def _bereave(house: House, fastagi: Controller, stage: Stage) -> Bereft:
    phones = {name: stage.phone(answer_ms=30000, calls=2) for name in ("rung 1", "rung 2")}
    phones["talking"], phones["beside"] = stage.answering(), stage.ringing()
    phones["late"] = stage.answering(after_ms=6000)
    phones["busy"] = stage.phone("phone-refuses", status="486 Busy Here", extra="", calls=2)
    phones["unwritten rung"], phones["unwritten talk"] = stage.ringing(), stage.answering()
    for phone in phones.values():
        phone.may_stumble = True
    together = "all_at_once"
    numbers = {
        "prompt": plan(house, stage, Voicemail(sound=None)),
        "ringing": plan(
            house,
            stage,
            ring(phones["busy"]),
            ring(phones["rung 1"], phones["rung 2"], strategy=together),
            Voicemail(),
        ),
        "talking": plan(house, stage, ring(phones["talking"], phones["beside"], strategy=together)),
        "recording": plan(house, stage, Voicemail()),
        "handed": plan(house, stage, ring(phones["late"], timeout=20)),
        "unwritten rung": plan(house, stage, ring(phones["unwritten rung"], timeout=20)),
        "unwritten talk": plan(house, stage, ring(phones["unwritten talk"])),
    }
    fastagi.start(until="FastAGI is ready")
    house.controller.start()
    callers = {
        "talking": stage.call(numbers["talking"], Speech(9), talk_ms=8000),
        "recording": stage.call(numbers["recording"], Silence(1.5), Speech(5), Key("#"), Silence(5)),
        "ringing": stage.call(numbers["ringing"], Silence(1.5), Speech(2), Key("#"), Silence(5)),
        "handed": stage.call(numbers["handed"], talk_ms=2000),
        "unwritten rung": stage.call(numbers["unwritten rung"], scenario="caller-cancels", ring_ms=6000),
        "unwritten talk": stage.call(numbers["unwritten talk"], talk_ms=6000),
        "prompt": stage.call(numbers["prompt"], Silence(17), Speech(2), Key("#"), Silence(5), talk_ms=40000),
    }
    states = {"prompt": "prompt_began", "ringing": "leg_rang", "talking": "connected", "recording": "recording_began"}
    states |= {"handed": "leg_rang", "unwritten rung": "leg_rang", "unwritten talk": "connected"}
    for _ in ticks(10):
        found = {name: house.database.calls(number) for name, number in numbers.items()}
        if all(calls and calls[0].details(states[name]) for name, calls in found.items()):
            break
    house.controller.kill()
    with house.database.edit() as sql:  # as if it had been killed before it had written them
        for name in UNWRITTEN:
            sql.execute("DELETE FROM calls WHERE dialled = ?", (numbers[name],))
    for caller in callers.values():
        caller.over(40)
    for _ in ticks(5):
        if not house.ari("channels"):
            break
    house.controller.start()
    for name in ("prompt", "ringing", "handed", *UNWRITTEN):
        house.database.closed(numbers[name], 1, 16)
    return Bereft(house, fastagi, callers, phones)


def test_who_heard_a_prompt_is_asked_for_a_message_again(bereft: Bereft) -> None:
    call = bereft.call("prompt")
    assert call.verdict == ("message_left", "message")
    assert [entry["held"] for entry in call.details("fallback_took")] == [True]
    assert outbox(bereft.house, call) == [("voicemail_notice", "email")]


def test_who_waited_while_phones_rang_has_them_rung_again_and_leaves_a_message(bereft: Bereft) -> None:
    """Also one for whom Dial() had rung a phone: nothing that was told to it keeps the fallback from its notes."""
    call = bereft.call("ringing")
    assert call.verdict == ("message_left", "message")
    assert [outcome for _, outcome in call.outcomes] == ["busy", "failed", "failed", "busy", "no_answer", "no_answer"]
    assert [bereft.phones[name].invites for name in ("rung 1", "rung 2")] == [2, 2]
    assert all(bereft.phones[name].wire.all("CANCEL", sent=False) for name in ("rung 1", "rung 2"))


def test_who_talks_talks_on(bereft: Bereft) -> None:
    wire = bereft.callers["talking"].wire
    assert wire.one("BYE").sent, "the caller ended the talk"
    assert wire.one("BYE").at - wire.one(200).at > RESCUE_SECONDS + 2
    assert bereft.phones["talking"].wire.all("BYE", sent=False), "and its phone was told"


def test_who_was_answered_and_hung_up_with_no_controller_to_hear_it_has_talked(bereft: Bereft) -> None:
    call = bereft.call("handed")
    assert call.verdict == ("answered", "talked")
    assert call.outcomes == [(bereft.phones["late"].name, "answered")]
    assert outbox(bereft.house, call) == []


@pytest.mark.fault("3")
def test_who_left_without_being_on_record_is_journalled_all_the_same(bereft: Bereft) -> None:
    """Of the last tenth of a second before a kill nothing is written; who came in it has called, and is sent an apology
    if nobody spoke to him."""
    talk, lost = bereft.call("unwritten talk"), bereft.call("unwritten rung")
    assert (talk.verdict, talk.call["answered_by"]) == (("answered", "talked"), bereft.phones["unwritten talk"].name)
    assert lost.verdict == ("lost", "hung_up_while_ringing")
    assert [call.call["caller"] for call in (talk, lost)] == ["+79161112233"] * 2
    assert (outbox(bereft.house, talk), outbox(bereft.house, lost)) == (
        [],
        [("apology", "sms"), ("missed_call_ticket", "ticket")],
    )


def test_who_was_speaking_is_let_speak(bereft: Bereft) -> None:
    wire = bereft.callers["recording"].wire
    assert not wire.one("BYE").sent, "the key ended the message, and the message the call"
    assert any("has left a message" in line for line in bereft.fastagi.lines)


def test_what_was_done_is_told(bereft: Bereft) -> None:
    told = [line for line in bereft.fastagi.lines if "rescue" in line]
    assert sum("the controller has not answered" in line for line in told) == 1
    assert sum("is sent to the dialplan" in line for line in told) == 2
    assert not [line for line in bereft.fastagi.lines if "Traceback" in line]


@pytest.mark.fault("5")
def test_a_controller_that_hung_and_goes_on_leaves_whom_fastagi_has_sent_to_the_dialplan(
    new_house: Callable[..., House],
) -> None:
    house, fastagi = _watched(new_house)
    fastagi.start(until="FastAGI is ready")
    house.controller.start()
    try:
        with house.story() as stage:
            phones = [stage.phone(answer_ms=6000, calls=2) for _ in range(2)]
            for phone in phones:
                phone.may_stumble = True
            stage.counts_invites = False
            number = plan(house, stage, ring(*phones, strategy="all_at_once", timeout=60), Voicemail())
            caller = stage.call(number, talk_ms=500)
            for _ in ticks(10):
                if (calls := house.database.calls(number)) and calls[0].details("leg_rang"):
                    break
            house.controller.signal(signal.SIGSTOP)
            try:
                fastagi.said("is sent to the dialplan")
            finally:
                house.controller.signal(signal.SIGCONT)
            caller.over(60)
            (call,) = house.database.closed(number, 1, 15)
            assert call.verdict == ("answered", "talked")
            assert call.details("handed_on")
            assert outbox(house, call) == []
    finally:
        fastagi.kill()

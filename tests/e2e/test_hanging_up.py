"""The caller hangs up: at any instant, with or without a word, and whoever rings or talks is told at once."""

import threading
from contextlib import closing

import pytest

from tests.e2e.house import CALLER, VANISHING_CALLER, Stage, ring
from tests.e2e.journal import Voicemail
from tests.e2e.softphone import Phone as Softphone
from tests.e2e.softphone import header
from tests.e2e.test_ringing import AT_ONCE, ELSEWHERE


@pytest.mark.promise("CAL-07")
@pytest.mark.parametrize("strategy", ["in_turn", "all_at_once", "staggered"])
def test_hung_up_while_ringing_every_leg_is_cancelled_at_once(stage: Stage, strategy: str) -> None:
    phones = [stage.ringing() for _ in range(3)]
    number = stage.plan(ring(*phones, strategy=strategy), Voicemail())
    caller = stage.call(number, scenario="caller-cancels", ring_ms=600)
    cancelled = caller.over().one("CANCEL").at
    rung = [phone for phone in phones if phone.invites]
    assert len(rung) == (1 if strategy == "in_turn" else 3)
    for phone in rung:
        phone.sipp.wait()
        assert phone.wire.one("CANCEL").at - cancelled < AT_ONCE
        assert ELSEWHERE not in phone.wire.one("CANCEL").text
    journalled = caller.journalled()
    assert journalled.verdict == ("lost", "hung_up_while_ringing")
    assert journalled.details("caller_left") == [{"how": "cancelled"}]
    assert {outcome for _, outcome in journalled.outcomes} == {"caller_left"}


def test_hung_up_before_anybody_rings(stage: Stage) -> None:
    """The CANCEL comes while the call is being offered to the controller, or just after."""
    phone = stage.ringing()
    number = stage.plan(ring(phone))
    for ring_ms in (1, 3, 6, 10, 15, 25):
        stage.call(number, scenario="caller-cancels", ring_ms=ring_ms).over()
    stage.counts_invites = False  # a leg cancelled before it was sent is no INVITE
    phone.sipp.stop()
    stage.house.tidy()
    for call in stage.house.database.calls(number):
        assert call.verdict == ("lost", "hung_up_while_ringing")


@pytest.mark.fault("35")
def test_a_caller_that_vanishes_while_talking_is_ended_by_its_silence(stage: Stage) -> None:
    phone = stage.answering()
    number = stage.plan(ring(phone))
    caller = stage.call(number, scenario="caller-vanishes", host=VANISHING_CALLER)
    answered = caller.over().one(200).at
    phone.sipp.wait()
    assert phone.wire.one("BYE").at - answered < 4
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert journalled.details("caller_left") == [{"how": "hung_up"}]


SDP = "Content-Type: application/sdp\r\n"
OFFSETS_MS = [-2, -1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9, 10, 12, 15, 20]


@pytest.mark.fault("12")
def test_a_cancel_that_crosses_the_answer_is_judged_by_what_the_caller_got(stage: Stage) -> None:
    """Caller and called act in this process, the one so many milliseconds after the other."""
    extension = next(stage.house.extensions)
    number = stage.plan(ring(extension.name))
    seen = set()
    for count, offset in enumerate(OFFSETS_MS, 1):
        with (
            closing(Softphone(stage.house.asterisk, CALLER)) as caller,
            closing(Softphone(stage.house.asterisk, extension.host, extension.port)) as called,
        ):
            got = _race(caller, called, number, offset / 1000)
            journalled = stage.house.database.closed(number, count)[-1]
        assert journalled.verdict == (("answered", "talked") if got == 200 else ("lost", "hung_up_while_ringing")), (
            f"the caller got {got}, {offset} ms after the answer: "
            + "; ".join(f"{e['at_ms']} {e['kind']} {e['details']}" for e in journalled.events[5:])
        )
        seen.add(got)
        stage.house.tidy()
    assert seen == {200, 487}, "the offsets must cover both outcomes"


def _race(caller: Softphone, called: Softphone, number: str, offset: float) -> int:
    """Answer and cancel, ``offset`` seconds apart; the final status the caller got. A call that stands is hung up."""
    caller.invite(number)
    invite = called.receive("INVITE")
    called.answer(invite, "180 Ringing")
    caller.receive(r"SIP/2\.0 180")
    answer = threading.Timer(max(0.0, -offset), called.answer, (invite, "200 OK", SDP, called.sdp()))
    cancel = threading.Timer(max(0.0, offset), caller.request, ("CANCEL", number, 1))
    for act in (answer, cancel):
        act.start()
    for act in (answer, cancel):
        act.join()
    while "INVITE" not in header(final := caller.receive(r"SIP/2\.0 [2-6]"), "CSeq"):
        pass  # the reply to CANCEL
    caller.to = header(final, "To")
    caller.request("ACK", "ack", 1)
    if final.startswith("SIP/2.0 200"):
        called.receive("ACK")
        threading.Event().wait(0.1)  # they talk
        caller.request("BYE", number, 2)
    ended = called.receive("BYE|CANCEL")
    called.answer(ended, "200 OK")
    return int(final.split()[1])

"""The caller hangs up: at any instant, with or without a word, and whoever rings or talks is told at once."""

import pytest

from tests.e2e.house import VANISHING_CALLER, Stage, ring
from tests.e2e.journal import Voicemail
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

"""Limits: what neither side ends, and nobody tells of, ends all the same."""

import pytest

from tests.e2e.long_calls import LIMIT, NET, LongCalls
from tests.e2e.test_ringing import AT_ONCE
from tests.e2e.test_voicemail import message

LONG = 90
"""Seconds that SIPp is waited for; its calls began when the tier did."""


@pytest.mark.promise("CAL-07")
def test_a_call_never_outlives_its_maximum(long_calls: LongCalls) -> None:
    caller, phone = long_calls.endless.caller, long_calls.endless.phone
    assert phone is not None
    wire = caller.over(LONG)
    phone.sipp.wait()
    began = wire.one("INVITE").at
    for ended in (wire.one("BYE"), phone.wire.one("BYE")):
        assert not ended.sent
        assert ended.at - began == pytest.approx(LIMIT, abs=1)
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert journalled.details("limit_reached") == [{"seconds": LIMIT}]


def test_a_call_without_its_controller_is_ended_by_asterisk_itself(long_calls: LongCalls) -> None:
    """The controller was killed while the two talked, and never came back."""
    caller, phone = long_calls.unconducted.caller, long_calls.unconducted.phone
    assert phone is not None
    wire = caller.over(LONG)
    assert wire.one("BYE").at - wire.one("INVITE").at == pytest.approx(NET, abs=2)
    assert not wire.one("BYE").sent
    phone.sipp.wait()
    assert phone.wire.one("BYE").at - wire.one("BYE").at < AT_ONCE
    long_calls.unconducted.stage.house.controller.start()


@pytest.mark.fault("16")
def test_a_prompt_that_never_finishes_costs_its_deadline_and_not_the_message(long_calls: LongCalls) -> None:
    """Asterisk plays the greeting, but the event that it has finished is lost on the way."""
    caller = long_calls.unfinished.caller
    caller.over(LONG)
    journalled = caller.journalled()
    assert journalled.details("prompt_ended") == [{"greeting": "beep", "end": "overdue"}]
    assert journalled.verdict == ("message_left", "message"), journalled.events
    message(long_calls.unfinished.stage.house, journalled)

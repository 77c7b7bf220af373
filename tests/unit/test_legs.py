"""A leg at Asterisk, told event by event: nothing rings on that was given up."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from ari_app.ari.caller import presentable
from ari_app.ari.client import AriClient
from ari_app.ari.errors import NotFound
from ari_app.ari.events import Channel, Dial, Event
from ari_app.ari.handover import HandedLeg
from ari_app.ari.legs import AriLeg
from ari_app.ari.rest import Request, Rest
from ari_app.core.outcomes import LegEnd, LegOutcome


class Wire:
    """What was asked of Asterisk; the test answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[asyncio.Future[Any]] = []

    def send(self, request: Request, **_: object) -> asyncio.Future[Any]:
        self.asked.append(str(request))
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


def event(kind: str, **fields: object) -> Event:
    return cast(Event, {"type": kind, **fields})


RINGS = event("Dial", dialstatus="RINGING")
ANSWERED = event("StasisStart")
DESTROYED = event("ChannelDestroyed", cause=16, cause_txt="Normal Clearing")
HANGUP = "DELETE channels/leg-1"


@pytest.mark.fault("1")
def test_a_caller_who_is_back_and_was_answered_for_a_prompt_has_not_talked_with_the_leg() -> None:
    async def story() -> None:
        place = {"context": "ring", "exten": "1", "app_name": "Stasis", "app_data": "app,back,BUSY,17,486,call-1"}
        leg = HandedLeg(AriClient(cast(Rest, Wire())), "call-1")
        leg.catch_up(cast(Channel, {"state": "Up", "dialplan": place}))
        leg.on_back(["BUSY", "17", "486", "call-1"])
        assert leg.settled.result() == leg.ended.result() == LegEnd(LegOutcome.BUSY, 17, "User busy, SIP 486")

    asyncio.run(story())


@pytest.mark.fault("10")
@pytest.mark.parametrize("late", [RINGS, ANSWERED])
def test_a_leg_that_comes_to_life_after_it_was_given_up_is_hung_up(late: Event) -> None:
    async def story() -> None:
        wire = Wire()
        leg = AriLeg(AriClient(cast(Rest, wire)), "leg-1")
        leg.hang_up(LegOutcome.FAILED)
        wire.answers[0].set_exception(NotFound(HANGUP, 404, "Channel not found"))
        assert (await leg.ended).outcome is LegOutcome.FAILED
        leg.on_event(late)
        assert wire.asked == [HANGUP, HANGUP]
        leg.on_event(late)
        assert wire.asked == [HANGUP, HANGUP], "a second word is not sent while the first is under way"

    asyncio.run(story())


@pytest.mark.parametrize("last", [RINGS, ANSWERED, DESTROYED])
def test_a_leg_that_is_destroyed_is_told_nothing_more(last: Event) -> None:
    async def story() -> None:
        wire = Wire()
        leg = AriLeg(AriClient(cast(Rest, wire)), "leg-1")
        leg.on_event(DESTROYED)
        leg.on_event(last)
        leg.hang_up(LegOutcome.CALLER_LEFT)
        assert wire.asked == []
        assert await leg.settled == LegEnd(LegOutcome.FAILED, 16, "Normal Clearing")

    asyncio.run(story())


@pytest.mark.parametrize("caller_id", ["+79160000001", "79160000001", "102", "+" + "1" * 20])
def test_a_caller_id_of_digits_goes_out_on_the_leg_as_it_is(caller_id: str) -> None:
    assert presentable(caller_id) == f'"{caller_id}" <{caller_id}>'


@pytest.mark.parametrize(
    "caller_id", ["", "+", "++123", "1+2", "anonymous", "\u0661\u0662", "1" * 21, '1" <2>', "123\n", "+7 916"]
)
def test_any_other_caller_id_goes_out_as_a_word(caller_id: str) -> None:
    assert presentable(caller_id) == '"anonymous" <anonymous>'


def dial(status: str) -> Dial:
    return cast(Dial, {"type": "Dial", "dialstatus": status, "peer": {"id": "leg-1"}})


def handed(wire: Wire) -> HandedLeg:
    return HandedLeg(AriClient(cast(Rest, wire)), "call-1")


def test_a_handed_leg_is_hung_up_once_asterisk_has_named_it_and_only_once() -> None:
    async def story() -> None:
        wire = Wire()
        leg = handed(wire)
        leg.hang_up(LegOutcome.NO_ANSWER)
        assert wire.asked == [], "its channel is not known yet"
        leg.on_dial(dial(""))
        leg.on_dial(dial("RINGING"))
        leg.hang_up(LegOutcome.NO_ANSWER)
        assert wire.asked == [HANGUP]

    asyncio.run(story())


@pytest.mark.fault("10")
def test_a_handed_leg_that_rings_after_it_was_given_up_is_hung_up() -> None:
    async def story() -> None:
        wire = Wire()
        leg = handed(wire)
        leg.hang_up(LegOutcome.FAILED)
        leg.over(LegEnd(LegOutcome.FAILED))
        leg.on_dial(dial("RINGING"))
        assert wire.asked == [HANGUP]

    asyncio.run(story())


@pytest.mark.parametrize("outcome", [LegOutcome.CALLER_LEFT, LegOutcome.ANSWERED])
def test_a_handed_leg_that_ends_with_its_caller_is_left_to_dial(outcome: LegOutcome) -> None:
    async def story() -> None:
        wire = Wire()
        leg = handed(wire)
        leg.on_dial(dial("ANSWER"))
        leg.hang_up(outcome)
        assert wire.asked == []

    asyncio.run(story())


OUTCOMES = [
    (("BUSY", "17", "486"), LegEnd(LegOutcome.BUSY, 17, "User busy, SIP 486")),
    (("CONGESTION", "34", "503"), LegEnd(LegOutcome.FAILED, 34, "Circuit/channel congestion, SIP 503")),
    (("NOANSWER", "19", "480"), LegEnd(LegOutcome.UNREACHABLE, 19, "User alerting, no answer, SIP 480")),
    (("CONGESTION", "99", "499"), LegEnd(LegOutcome.FAILED, 99, "cause 99, SIP 499")),
    # The time of Dial() was over; the cause is of an earlier leg, and the SIP status is no final one.
    (("NOANSWER", "17", "180"), LegEnd(LegOutcome.UNREACHABLE, 19, "User alerting, no answer")),
    # A redirection that was not followed.
    (("BUSY", "0", ""), LegEnd(LegOutcome.FAILED, 23, "Redirected to new destination")),
    (("ANSWER", "16", "200"), LegEnd(LegOutcome.ANSWERED, 16, "Normal Clearing")),
    (("CHANUNAVAIL",), LegEnd(LegOutcome.FAILED, 0, "cause 0")),
    ((), LegEnd(LegOutcome.FAILED, 0, "cause 0")),
]


@pytest.mark.parametrize(("said", "end"), OUTCOMES)
def test_what_the_caller_brings_back_is_how_the_leg_ended(said: tuple[str, ...], end: LegEnd) -> None:
    async def story() -> None:
        leg = handed(Wire())
        leg.on_dial(dial(""))
        leg.on_back(said)
        # An answer that nobody told of is one all the same.
        assert leg.settled.result() == (None if said[:1] == ("ANSWER",) else end)
        assert leg.ended.result() == end

    asyncio.run(story())


def test_a_leg_that_asterisk_never_named_could_not_be_dialed() -> None:
    async def story() -> None:
        leg = handed(Wire())
        leg.on_back(["CHANUNAVAIL", "20", ""])
        assert leg.ended.result() == LegEnd(LegOutcome.FAILED, 0, "Asterisk could not dial it: CHANUNAVAIL")

    asyncio.run(story())

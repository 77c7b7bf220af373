"""A leg at Asterisk, told event by event: nothing rings on that was given up."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from ari_app.ari.caller import presentable
from ari_app.ari.client import AriClient
from ari_app.ari.errors import NotFound
from ari_app.ari.events import Event
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

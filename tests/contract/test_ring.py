"""A destination that rings alone: the dialplan's Dial() rings it, and the controller sees and ends it all the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from ari_app.ari.handover import CAUSE_WORDS, HandedLeg
from ari_app.ari.legs import AriLeg
from ari_app.ari.line import AriLine
from ari_app.ari.registry import Registry
from ari_app.core.outcomes import CallerEnd, HangUpCause, LegEnd, LegOutcome
from ari_app.core.scheme import Destination, TargetKind
from ari_app.dialstring import DialTemplates
from tests.contract.rigs import APP, Caller, FakeWorld, Rig

FAILURES = [
    "code486",
    "code600",
    "code603",
    "code404",
    "code410",
    "code480",
    "code408",
    "code500",
    "code503",
    "code302",
]


@dataclass
class Rung:
    """A caller on a line of ours, whose destinations are rung."""

    calling: Caller
    line: AriLine

    async def ring(self, user: str, net_seconds: float = 20, *, alone: bool = True) -> HandedLeg | AriLeg:
        """Ring a phone of that behaviour for this caller."""
        destination = Destination(TargetKind.ENDPOINT, user, 20)
        ringing = f"leg-{id(destination)}-{alone}"
        return await self.line.place(ringing, destination, net_seconds, alone=alone)


async def rung(rig: Rig, caller: str = "420600000001", name: str = "") -> Rung:
    """A caller whose call is ours."""
    calling, channel_id = await rig.inbound(caller=caller, name=name)
    registry = Registry()
    templates = DialTemplates(endpoint="PJSIP/{name}@phones")
    channel = await rig.client.channels.get(channel_id)
    line = AriLine(rig.client, registry, APP, templates, channel, longest_seconds=60)
    registry.add(channel_id, line)
    line.side.entered.set_result(None)
    rig.watch.also = registry.pass_on
    return Rung(calling, line)


async def test_a_leg_that_enters_late_after_its_answer_is_connected_all_the_same(rig: Rig) -> None:
    """A busy Asterisk tells of an answer before the leg is the application's; the real one is fast here, mostly."""
    if isinstance(rig.world, FakeWorld):
        rig.world.fake.switch.entry_takes = 0.2
    on = await rung(rig)
    leg = await on.ring("up300", alone=False)
    assert await leg.settled is None
    await on.line.connect(leg)
    assert not leg.ended.done()
    assert await on.calling.end.final() == 200
    await on.line.close()


async def test_it_rings_answers_and_the_two_are_connected_without_another_word(rig: Rig) -> None:
    on = await rung(rig)
    leg = await on.ring("up300")
    await leg.rang
    assert on.calling.end.status == 0, "the caller is answered when the phone is, and not before"
    assert await leg.settled is None
    await on.line.connect(leg)
    assert await on.calling.end.final() == 200
    phone = await rig.world.rung("up300")
    on.calling.hang_up()
    assert await on.line.gone is CallerEnd.HUNG_UP
    await phone.until("BYE")
    await leg.ended
    await on.line.close()


@pytest.mark.fault("15")
@pytest.mark.parametrize("user", FAILURES)
async def test_its_failure_is_told_as_that_of_any_leg(rig: Rig, user: str) -> None:
    """Outcome, Q.850 cause and words are the same, whichever way it is rung."""
    on = await rung(rig)
    beside = await on.ring(user, alone=False)
    by_itself = await on.ring(user)
    assert isinstance(by_itself, HandedLeg)
    one, other = await by_itself.ended, await beside.ended
    assert (one.outcome, one.cause) == (other.outcome, other.cause)
    assert one.text == (other.text if user != "code302" else CAUSE_WORDS[23])
    assert by_itself.settled.result() == by_itself.ended.result()
    assert by_itself.ended.result().cause in CAUSE_WORDS
    await on.line.close()


async def test_what_cannot_be_dialed_has_failed(rig: Rig) -> None:
    on = await rung(rig)
    destination = Destination(TargetKind.ENDPOINT, "up", 20)
    on.line._dial = DialTemplates(endpoint="PJSIP/{name}@nosuchtrunk")
    leg = await on.line.place("leg-unknown", destination, 20, alone=True)
    assert (await leg.ended).outcome is LegOutcome.FAILED
    await on.line.close()


@pytest.mark.promise("CAL-07", "RNG-08")
async def test_at_our_deadline_it_stops_and_the_next_one_rings(rig: Rig) -> None:
    on = await rung(rig)
    first = await on.ring("ring")
    await first.rang
    first.hang_up(LegOutcome.NO_ANSWER)
    second = await on.ring("up30")
    phone = await rig.world.rung("ring")
    await phone.until("CANCEL")
    assert "Call completed elsewhere" not in phone.cancel_reason
    assert first.ended.done(), "the caller came back before the second one was rung"
    assert await second.settled is None
    assert await on.calling.end.final() == 200
    await on.line.close()


async def test_one_given_up_before_asterisk_has_named_it_is_ended_too(rig: Rig) -> None:
    on = await rung(rig)
    leg = await on.ring("ring")
    leg.hang_up(LegOutcome.NO_ANSWER)
    await leg.ended
    await (await rig.world.rung("ring")).until("CANCEL")
    await on.line.close()


async def test_behind_our_deadline_stands_asterisk_s_own(rig: Rig) -> None:
    on = await rung(rig)
    leg = await on.ring("ring", net_seconds=1)
    assert (await leg.ended).outcome is LegOutcome.NO_ANSWER
    await (await rig.world.rung("ring")).until("CANCEL")
    await on.line.close()


async def test_the_caller_who_gives_up_ends_it(rig: Rig) -> None:
    on = await rung(rig)
    leg = await on.ring("ring")
    await leg.rang
    on.calling.cancel()
    assert await on.line.gone is CallerEnd.CANCELLED
    await (await rig.world.rung("ring")).until("CANCEL")
    await leg.ended
    await on.line.close()


async def test_a_caller_who_was_rung_for_in_vain_is_told_our_cause(rig: Rig) -> None:
    """And not the one that Dial() happens to end with."""
    for _ in range(5):
        on = await rung(rig)
        leg = await on.ring("ring")
        await leg.rang
        leg.hang_up(LegOutcome.NO_ANSWER)
        await on.line.hang_up(HangUpCause.NO_ANSWER)
        assert await on.calling.end.final() == 480
        await on.line.close()


@pytest.mark.fault("23")
async def test_what_a_caller_says_of_himself_is_no_part_of_the_dialing(rig: Rig) -> None:
    """Text with the dialplan's own characters in it goes nowhere, and what is rung is what was to be rung."""
    on = await rung(rig, caller="42$,(m)", name="x),Hangup(${EXTEN},m")
    leg = await on.ring("up30")
    assert await leg.settled is None
    assert (await rig.world.rung("up30")).status == 200
    await on.line.close()


async def test_an_answered_caller_is_rung_for_by_the_controller_itself(rig: Rig) -> None:
    """He hears a tone of ours, which Dial() would break off."""
    on = await rung(rig)
    await on.line.answer()
    leg = await on.ring("ring")
    assert isinstance(leg, AriLeg)
    leg.over(LegEnd(LegOutcome.CALLER_LEFT))
    await rig.client.channels.hangup(leg.id)
    await asyncio.wait([leg.ended])
    await on.line.close()

"""What the controller leans on in a call: claims, legs and their causes, bridging, hang-ups and their races."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.ari.errors import BadRequest, Conflict, NotFound, ServerError
from tests.contract.rigs import APP, Rig

CAUSES = {"code486": 17, "code600": 17, "code603": 21, "code403": 21, "code404": 1, "code480": 19, "code503": 34}


async def test_a_call_is_claimed_once(rig: Rig) -> None:
    """The second claim is a conflict; an unknown call cannot be claimed at all."""
    _, inbound = await rig.inbound()
    with pytest.raises(Conflict):
        await rig.client.events.claim(inbound, APP)
    with pytest.raises(NotFound):
        await rig.client.events.claim("nobody", APP)


async def test_a_call_whose_caller_has_gone_cannot_be_claimed(rig: Rig) -> None:
    """The claim comes too late: 404, or a StasisStart with its StasisEnd right behind, no cause, and never Up.

    The caller hears 487 a moment before the channel hears of the CANCEL: a claim in that moment is in time, and the
    CANCEL is told as in any call of ours.
    """
    offered = rig.watch.next("CallBroadcast")
    calling = rig.world.call("100", "420600000001", "")
    inbound = (await offered)["channel"]["id"]
    calling.cancel()
    await calling.end.until("487")
    over = rig.watch.next("StasisEnd", inbound)
    try:
        await rig.client.events.claim(inbound, APP)
    except NotFound:
        return
    assert (await over)["channel"]["state"] == "Ring"
    begun, *told, ended = rig.watch.about(inbound)[1:]
    assert (begun["type"], ended["type"]) == ("StasisStart", "StasisEnd")
    assert [(one["type"], one["cause"], one["tech_cause"]) for one in told] in (
        [],
        [("ChannelHangupRequest", 127, 487)],
    )


async def test_a_call_that_nobody_claims_goes_on_without_us(rig: Rig) -> None:
    """The dialplan gives up on us within about a second, and takes the call itself."""
    calling = rig.world.call("100", "420600000001", "")
    async with asyncio.timeout(2):
        await calling.end.until("200")
    assert "StasisStart" not in [event["type"] for event in rig.watch.events]


async def test_who_calls_what_is_told_before_the_claim(rig: Rig) -> None:
    """The broadcast carries both numbers."""
    _, inbound = await rig.inbound("74950000101", "420600000007")
    offer = rig.watch.about(inbound)[0]
    assert offer["channel"]["caller"]["number"] == "420600000007"
    assert offer["channel"]["dialplan"]["exten"] == "74950000101"


@pytest.mark.parametrize("user", sorted(CAUSES))
async def test_a_leg_that_fails_says_why(rig: Rig, user: str) -> None:
    """The Q.850 cause and the SIP status are in its ChannelDestroyed; it never enters our application."""
    destroyed = rig.watch.next("ChannelDestroyed", "leg-why")
    await rig.leg(user, "leg-why")
    event = await destroyed
    assert (event["cause"], event["tech_cause"]) == (CAUSES[user], int(user[4:]))
    assert "StasisStart" not in rig.watch.kinds("leg-why")


async def test_a_leg_that_nobody_answers_ends_after_its_timeout(rig: Rig) -> None:
    """Asterisk's own timeout stands behind ours: cause 19, and the phone stops ringing."""
    destroyed = rig.watch.next("ChannelDestroyed", "leg-long")
    phone = await rig.leg("ring", "leg-long", seconds=1)
    event = await destroyed
    assert (event["cause"], event["tech_cause"]) == (19, 480)
    await phone.until("CANCEL")
    assert [event["dialstatus"] for event in rig.watch.about("leg-long") if event["type"] == "Dial"][:2] == [
        "",
        "RINGING",
    ]


async def test_an_unknown_endpoint_is_refused_at_once(rig: Rig) -> None:
    """No channel is made for it."""
    with pytest.raises(ServerError):
        await rig.client.channels.originate("PJSIP/100@nosuchtrunk", APP, "leg-unknown")
    with pytest.raises(NotFound):
        await rig.client.channels.get("leg-unknown")


async def test_an_answered_leg_rings_answers_and_then_is_ours(rig: Rig) -> None:
    """RINGING, ANSWER, StasisStart, in that order, and Up at the last."""
    started = rig.watch.next("StasisStart", "leg-up")
    await rig.leg("up30", "leg-up")
    assert (await started)["channel"]["state"] == "Up"
    told = [event.get("dialstatus", event["type"]) for event in rig.watch.about("leg-up")]
    assert told == ["", "RINGING", "ANSWER", "StasisStart"]


async def test_the_answer_of_a_leg_is_passed_on_in_one_go(rig: Rig) -> None:
    """answer, create and add both: pipelined in order on a leg's StasisStart, all carried out."""
    calling, inbound = await rig.inbound()
    started = rig.watch.next("StasisStart", "leg-a")
    await rig.leg("up30", "leg-a", inbound)
    await started
    line = rig.client.in_order()
    await asyncio.gather(
        line.channels.answer(inbound),
        line.bridges.create("bridge-a"),
        line.bridges.add_channel("bridge-a", inbound, "leg-a"),
    )
    await calling.end.until("200")
    assert sorted((await rig.client.bridges.get("bridge-a"))["channels"]) == sorted([inbound, "leg-a"])


async def test_the_same_in_order_with_the_websocket_away(rig: Rig) -> None:
    """Over HTTP the order of a line is kept too."""
    rig.ari.rest.lane = None
    await test_the_answer_of_a_leg_is_passed_on_in_one_go(rig)
    assert rig.ari.rest.sent_over_http >= 4


async def test_a_leg_is_staged_before_create_answers(rig: Rig) -> None:
    """create, then dial: StasisStart comes for the id we chose, then Dial, then the cause."""
    started, destroyed = rig.watch.next("StasisStart", "leg-c"), rig.watch.next("ChannelDestroyed", "leg-c")
    await rig.client.channels.create("PJSIP/code486@phones", APP, "leg-c")
    await started
    await rig.client.channels.dial("leg-c", timeout=5)
    assert (await destroyed)["cause"] == 17
    assert rig.watch.kinds("leg-c") == [
        "StasisStart", "Dial", "ChannelHangupRequest", "StasisEnd", "ChannelDestroyed"
    ]  # fmt: skip


async def test_ids_are_idempotency_keys(rig: Rig) -> None:
    """A second leg or bridge under an id in use is a conflict, however it was asked for."""
    await rig.leg("ring", "same")
    with pytest.raises(Conflict):
        await rig.client.channels.originate("PJSIP/ring@phones", APP, "same")
    with pytest.raises(Conflict):
        await rig.client.channels.create("PJSIP/ring@phones", APP, "same")
    await rig.client.bridges.create("same")
    with pytest.raises(Conflict):
        await rig.client.bridges.create("same")


async def test_requests_for_a_channel_that_is_gone(rig: Rig) -> None:
    """404 for its own verbs, 400 for a bridge that should take it; the other channel is not added either."""
    _, gone = await rig.inbound()
    await rig.end(gone)
    _, alive = await rig.inbound("200")
    channels = rig.client.channels
    for late in (
        channels.answer(gone),
        channels.ring(gone),
        channels.hangup(gone),
        channels.get(gone),
        channels.continue_(gone),
    ):
        with pytest.raises(NotFound):
            await late
    with pytest.raises(NotFound):
        await channels.play(gone, "sound:beep", "p-late")
    with pytest.raises(NotFound):
        await channels.record(gone, "r-late", max_duration_seconds=2)
    await rig.client.bridges.create("bridge-late")
    with pytest.raises(BadRequest):
        await rig.client.bridges.add_channel("bridge-late", alive, gone)
    assert (await rig.client.bridges.get("bridge-late"))["channels"] == []
    await rig.client.bridges.destroy("bridge-late")
    with pytest.raises(NotFound):
        await rig.client.bridges.add_channel("bridge-late", alive)
    with pytest.raises(NotFound):
        await rig.client.bridges.destroy("bridge-late")


async def test_a_leg_not_yet_ours_is_no_member_of_a_bridge(rig: Rig) -> None:
    """While it rings it is in no application: 422."""
    await rig.leg("ring", "leg-early")
    await rig.client.bridges.create("bridge-early")
    with pytest.raises(Exception, match=r"4\d\d"):
        await rig.client.bridges.add_channel("bridge-early", "leg-early")


async def test_the_losers_of_a_race_are_told_so(rig: Rig) -> None:
    """answered_elsewhere: CANCEL with a reason that keeps "missed call" off the phone, cause 26."""
    ringing = rig.watch.next("Dial", "loser", dialstatus="RINGING")
    destroyed = rig.watch.next("ChannelDestroyed", "loser")
    phone = await rig.leg("ring", "loser")
    await ringing
    await rig.client.channels.hangup("loser", "answered_elsewhere")
    await phone.until("CANCEL")
    assert "Call completed elsewhere" in phone.cancel_reason
    assert (await destroyed)["cause"] == 26


async def test_a_leg_hung_up_as_soon_as_it_is_asked_for_is_destroyed(rig: Rig) -> None:
    """Both requests on the wire at once: no orphan."""
    destroyed = rig.watch.next("ChannelDestroyed", "leg-brief")
    line = rig.client.in_order()
    await asyncio.gather(
        line.channels.originate("PJSIP/ring@phones", APP, "leg-brief"), line.channels.hangup("leg-brief")
    )
    await destroyed


@pytest.mark.parametrize(
    ("reason", "status"),
    [("normal", 603), ("busy", 486), ("no_answer", 480), ("congestion", 503), ("unallocated", 404)],
)
async def test_an_unanswered_caller_is_told_the_reason(rig: Rig, reason: str, status: int) -> None:
    """The reason of DELETE becomes the caller's SIP status."""
    calling, inbound = await rig.inbound()
    await rig.client.channels.hangup(inbound, reason)  # type: ignore[arg-type]
    await calling.end.until(str(status))


async def test_a_caller_who_gives_up_shows_487(rig: Rig) -> None:
    """Before StasisEnd, and without any subscription, ChannelHangupRequest says 127/487."""
    calling, inbound = await rig.inbound()
    over = rig.watch.next("StasisEnd", inbound)
    calling.cancel()
    await over
    told = rig.watch.about(inbound)
    assert [event["type"] for event in told][-2:] == ["ChannelHangupRequest", "StasisEnd"]
    assert (told[-2]["cause"], told[-2]["tech_cause"]) == (127, 487)


async def test_a_caller_who_hangs_up_after_the_answer_shows_no_cause(rig: Rig) -> None:
    """So it can be told from a CANCEL that crossed the answer."""
    calling, inbound = await rig.inbound()
    await rig.client.channels.answer(inbound)
    await calling.end.until("200")
    over = rig.watch.next("StasisEnd", inbound)
    calling.hang_up()
    await over
    request = rig.watch.about(inbound)[-2]
    assert request["type"] == "ChannelHangupRequest"
    assert "tech_cause" not in request


async def test_a_cancel_that_crosses_our_answer_can_be_told_from_a_hang_up(rig: Rig) -> None:
    """ARI may say 204 and Up, yet the caller got 487: then, and only then, the events say 487."""
    endings = set()
    for number in range(20):
        calling, inbound = await rig.inbound(f"3{number:03}")
        over = rig.watch.next("StasisEnd", inbound)
        answer = rig.client.channels.answer(inbound)
        calling.cancel_crossing()
        await asyncio.wait([answer])
        await calling.end.final()
        if calling.end.status == 200:
            calling.hang_up()
        await over
        first = next(event for event in rig.watch.about(inbound) if event["type"] == "ChannelHangupRequest")
        assert (calling.end.status == 487) == (first.get("tech_cause") == 487), (calling.end.seen, first)
        endings.add(calling.end.status)
    assert 487 in endings


async def test_the_end_of_an_inbound_channel_is_stasis_end(rig: Rig) -> None:
    """ChannelDestroyed does not come for it, unless we subscribe."""
    calling, inbound = await rig.inbound()
    over = rig.watch.next("StasisEnd", inbound)
    calling.cancel()
    await over
    calling, watched = await rig.inbound("200")
    await rig.client.applications.subscribe(APP, f"channel:{watched}")
    destroyed = rig.watch.next("ChannelDestroyed", watched)
    calling.cancel()
    assert (await destroyed)["tech_cause"] == 487
    assert "ChannelDestroyed" not in rig.watch.kinds(inbound)


async def test_the_callers_hang_up_does_not_stop_his_legs(rig: Rig) -> None:
    """It is ours to stop them."""
    calling, inbound = await rig.inbound()
    await rig.leg("ring", "leg-left", inbound)
    over = rig.watch.next("StasisEnd", inbound)
    calling.cancel()
    await over
    assert (await rig.client.channels.get("leg-left"))["id"] == "leg-left"


async def test_a_channel_given_back_to_the_dialplan_is_over_for_us(rig: Rig) -> None:
    """continue_ ends our part at once; what follows is the dialplan's."""
    calling, inbound = await rig.inbound()
    over = rig.watch.next("StasisEnd", inbound)
    await rig.client.channels.continue_(inbound, context="fallback", extension="100", priority=1)
    await over
    with pytest.raises((Conflict, NotFound)):
        await rig.client.channels.answer(inbound)
    await calling.end.until("200")


async def test_hanging_up_many_at_once(rig: Rig) -> None:
    """Twenty pipelined: all are carried out, in order."""
    calls = [await rig.inbound(f"4{number:03}") for number in range(20)]
    gone = [rig.watch.next("StasisEnd", inbound) for _, inbound in calls]
    await asyncio.gather(*(rig.client.channels.hangup(inbound, "busy") for _, inbound in calls))
    await asyncio.gather(*gone)
    for calling, _ in calls:
        await calling.end.until("486")

"""The connection itself: filtered events, both ways of REST, cuts, frozen peers, replacement, wrong passwords."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from ari_app.ari.connection import AriConnection
from ari_app.ari.errors import Disconnected, NotConnected, NotFound, Refused
from ari_app.ari.settings import UNUSED_EVENTS
from tests.contract.rigs import APP, Rig, Watch


async def test_only_wanted_events_come(rig: Rig) -> None:
    """The filter is in force before the first call: nothing of what it names ever arrives."""
    calling, inbound = await rig.inbound()
    started = rig.watch.next("StasisStart", "leg-f")
    await rig.leg("up30", "leg-f", inbound)
    await started
    line = rig.client.in_order()
    line.channels.answer(inbound)
    line.bridges.create("bridge-f")
    await line.bridges.add_channel("bridge-f", inbound, "leg-f")
    await calling.end.until("200")
    over, gone = rig.watch.next("StasisEnd", inbound), rig.watch.next("ChannelDestroyed", "leg-f")
    calling.hang_up()
    await over
    await rig.client.channels.hangup("leg-f")
    await gone
    assert not {event["type"] for event in rig.watch.events} & set(UNUSED_EVENTS)
    assert len(rig.watch.events) <= 13


async def test_both_ways_of_rest_say_the_same(rig: Rig) -> None:
    """Answers and refusals do not depend on the way."""
    await rig.client.bridges.create("bridge-both")
    questions = [("GET", "bridges", "bridge-both"), ("GET", "bridges", "none"), ("GET", "asterisk", "modules"),
                 ("GET", "applications", APP), ("POST", "channels", "none", "answer")]  # fmt: skip
    for method, *path in questions:
        over_websocket, over_http = rig.ari.rest.sent_over_websocket, rig.ari.rest.sent_over_http
        told = [await _told(rig.client.send(method, *path, apart=apart)) for apart in (False, True)]
        assert told[0] == told[1]
        assert (rig.ari.rest.sent_over_websocket, rig.ari.rest.sent_over_http) == (over_websocket + 1, over_http + 1)


async def _told(answer: asyncio.Future[object]) -> object:
    try:
        return await answer
    except Refused as refusal:
        return type(refusal), refusal.status, refusal.reason


async def test_awkward_names_arrive_whole(rig: Rig) -> None:
    """Slashes, spaces, quotes and plus signs in ids and values, both ways."""
    _, inbound = await rig.inbound()
    for apart in (False, True):
        awkward = f"a/b c+d&e=f?#\"'ü-{apart}"
        await rig.client.send("POST", "bridges", query={"bridgeId": awkward, "name": "x+y z"}, apart=apart)
        bridge = await rig.client.send("GET", "bridges", awkward, apart=apart)
        assert (bridge["id"], bridge["name"]) == (awkward, "x+y z")
    name = (await rig.client.channels.get(inbound))["name"]
    await rig.client.asterisk.set_variable(f"SHARED(WORDS,{name})", "x+y & z=1?")
    assert (await rig.client.channels.get_variable(inbound, "SHARED(WORDS)"))["value"] == "x+y & z=1?"


async def test_a_hostile_caller_name_does_not_cost_the_connection(rig: Rig) -> None:
    """Bytes that are no UTF-8, escapes and tags in a caller's name."""
    _, inbound = await rig.inbound("100", "420600000001", "\udcff\udcfe \x1b[31m<script>\\ ünïcode")
    assert (await rig.client.channels.get(inbound))["id"] == inbound
    assert inbound in [channel["id"] for channel in await rig.client.channels.list()]
    assert rig.ari.connected


async def test_nobody_need_await_what_he_has_sent(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal that is not looked at is no error of asyncio's."""
    unheeded = rig.client.channels.hangup("none"), rig.client.channels.get_variable("none", "X")
    await asyncio.wait(unheeded)
    del unheeded
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_after_a_cut_we_are_back_within_two_seconds(rig: Rig) -> None:
    """The filter is in force again, calls are taken again, and those concerned were told in order."""
    loop = asyncio.get_running_loop()
    told, _, calm = _told_of(rig)
    _, inbound = await rig.inbound()
    began = loop.time()
    rig.wire.cut()
    await calm.wait()
    assert loop.time() - began < 2
    assert [word.split(":")[0] for word in told] == ["lost", "back"]
    assert (await rig.client.channels.get(inbound))["id"] == inbound, "calls outlive the cut"
    filtered = await rig.client.applications.get(APP)
    assert {entry["type"] for entry in filtered["events_disallowed"]} == set(UNUSED_EVENTS)
    await rig.inbound("200")
    rest = rig.ari.rest
    before = rest.sent_over_websocket
    await rig.client.asterisk.ping()
    assert rest.sent_over_websocket == before + 1


def _told_of(rig: Rig) -> tuple[list[str], asyncio.Event, asyncio.Event]:
    """What the owner is told from now on, and events for when he is told of a loss and of a new connection."""
    told: list[str] = []
    lost, calm = asyncio.Event(), asyncio.Event()

    async def back() -> None:
        assert not rig.ari.connected, "events wait until the owner is ready"
        told.append("back")
        asyncio.get_running_loop().call_soon(calm.set)

    def gone(reason: str) -> None:
        told.append(f"lost: {reason}")
        lost.set()

    rig.ari._on_connected = back
    rig.ari._on_disconnected = gone
    return told, lost, calm


async def test_events_wait_until_the_owner_is_ready(rig: Rig) -> None:
    """A call that comes while he ends what outlived the drop is passed on afterwards, not before and not never."""
    watch, swept = Watch(), asyncio.Event()
    seen_early: list[int] = []
    await rig.ari.close()
    sweeping = asyncio.Event()

    async def sweep() -> None:
        sweeping.set()
        await swept.wait()
        seen_early.append(len(watch.events))

    async with AriConnection(rig.settings, watch.take, on_connected=sweep) as ari:
        offered = watch.next("CallBroadcast")
        await sweeping.wait()
        calling = rig.world.call("100", "420600000001", "")
        await calling.end.until("180")
        await ari.client.asterisk.ping()
        swept.set()
        await offered
        assert seen_early == [0]


async def test_a_cut_under_way_says_that_the_outcome_is_unknown(rig: Rig) -> None:
    """Disconnected, reached; with the wire down, Disconnected and certainly not reached."""
    rig.wire.freeze()
    over_websocket, over_http = rig.client.asterisk.ping(), rig.client.send("GET", "asterisk", "ping", apart=True)
    await asyncio.wait([over_http], timeout=0.1)
    rig.wire.sever()
    for under_way in (over_websocket, over_http):
        with pytest.raises(Disconnected) as error:
            await under_way
        assert error.value.reached
    with pytest.raises(Disconnected) as never:
        await rig.client.send("POST", "bridges", apart=True)
    assert not never.value.reached
    rig.wire.thaw()
    await rig.wire.mend()
    await rig.ari.wait_connected(5)


async def test_a_frozen_peer_is_noticed(rig: Rig) -> None:
    """Within five seconds, by our own ping: Asterisk sends none."""
    _, lost, calm = _told_of(rig)
    loop = asyncio.get_running_loop()
    began = loop.time()
    rig.wire.freeze()
    await lost.wait()
    assert loop.time() - began < 5.5
    rig.wire.thaw()
    await calm.wait()


@pytest.mark.fault("6")
async def test_a_controller_whose_name_is_taken_goes_passive(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """It is told, alarms, does not fight, and does not take the application down with it; its REST goes on."""
    second = Watch()
    async with AriConnection(rig.settings, second.take) as usurper:
        await usurper.wait_connected(5)
        await rig.watch.replaced.wait()
        assert rig.ari.replaced
        assert not rig.ari.connected
        assert "another controller" in rig.ari.trouble
        assert [record for record in caplog.records if record.levelno == logging.ERROR]
        offered = second.next("CallBroadcast")
        rig.world.call("100", "420600000001", "")
        await offered
        assert usurper.connected
        assert (await rig.client.asterisk.ping())["ping"] == "pong"
    await rig.ari.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("ari")]


async def test_a_wrong_password_is_said_clearly(rig: Rig) -> None:
    """With the mend, and without the password."""
    settings = replace(rig.settings, password="not-the-one")
    async with AriConnection(settings, lambda event: None) as ari:
        with pytest.raises(NotConnected, match=r"password.*ari\.conf") as error:
            await ari.wait_connected(0.5)
    assert "not-the-one" not in str(error.value) + repr(settings)


async def test_nobody_there_is_said_clearly(rig: Rig) -> None:
    """With the address."""
    rig.wire.sever()
    async with AriConnection(rig.settings, lambda event: None) as ari:
        with pytest.raises(NotConnected, match=r"127\.0\.0\.1.*is it running"):
            await ari.wait_connected(0.5)


async def test_closing_leaves_nothing_behind(rig: Rig) -> None:
    """No task of ours, whether connected or still trying."""
    before = asyncio.all_tasks()
    async with AriConnection(replace(rig.settings, app="another-app"), lambda event: None) as ari:
        await ari.wait_connected(5)
        ari.client.asterisk.ping()
        ari.client.send("GET", "asterisk", "ping", apart=True)
    ours = {task for task in asyncio.all_tasks() - before if task.get_name().startswith("ari")}
    assert not ours
    await ari.close()
    with pytest.raises(NotFound):
        await rig.client.applications.get("another-app")

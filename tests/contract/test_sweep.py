"""Nothing is left behind, and nobody else's call is touched: sweeps, stops, and answers that never come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ari_app.ari.connection import AriConnection
from ari_app.ari.events import Channel
from ari_app.ari.line import AriLine
from ari_app.ari.settings import AriSettings, own_id
from ari_app.ari.telephony import Conduct, Telephony
from ari_app.core.admission import Full
from ari_app.core.scheme import Destination, Greeting, TargetKind, VoicemailStep
from ari_app.dialstring import DialTemplates
from ari_app.ports import Leg, LineTrouble
from tests.fakes.fake_asterisk import FakeAsterisk


async def _conduct(line: AriLine, _channel: Channel, _full: Full | None) -> None:
    await line.gone


@asynccontextmanager
async def controller(fake: FakeAsterisk, app: str, conduct: Conduct = _conduct) -> AsyncIterator[Telephony]:
    settings = AriSettings(fake.url, fake.user, fake.password, app)
    telephony = Telephony(settings, DialTemplates(endpoint="PJSIP/{name}@phones"), conduct)
    await telephony.start()
    try:
        await telephony.connection.wait_connected(5)
        yield telephony
    finally:
        await telephony.finish(0)
        await telephony.close()


async def ringing(ari: AriConnection, app: str) -> str:
    """A leg of the application, and a bridge beside it, that no call of it knows."""
    leg = own_id(app, "20260101-080000-0123456789-1")
    await ari.client.channels.originate("PJSIP/ring@phones", app, leg)
    await ari.client.bridges.create(own_id(app, "1700000000.1"))
    return leg


@pytest.mark.fault("7")
@pytest.mark.parametrize("neighbour", ["ari-app-2", "ari-ap", "ari-app_b"])
async def test_a_sweep_spares_another_controller_whose_name_begins_alike(tmp_path: Path, neighbour: str) -> None:
    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app") as telephony:
        theirs = replace(telephony.connection._settings, app=neighbour)
        async with AriConnection(theirs, lambda _: None) as other:
            await other.wait_connected(5)
            spared = await ringing(other, neighbour)
            swept = await ringing(telephony.connection, "ari-app")
            await telephony.sweep()
            async with asyncio.timeout(5):
                while swept in fake.switch.channels:
                    await telephony.connection.client.asterisk.ping()
            assert spared in fake.switch.channels
            assert list(fake.switch.bridges) == [own_id(neighbour, "1700000000.1")]


async def test_a_sweep_does_not_hold_up_the_requests_of_calls(tmp_path: Path) -> None:
    """What it asks for is long, and the websocket carries out one request after the other."""
    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app") as telephony:
        sent = telephony.connection.rest.sent_over_websocket
        await telephony.sweep()
        assert telephony.connection.rest.sent_over_websocket == sent


async def test_a_sweep_that_asterisk_is_too_ill_for_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app") as telephony:
        fake.booting = "503"
        await telephony.sweep_if_possible()
        assert "could not be swept, the next sweep will" in caplog.text
    await telephony.sweep_if_possible()  # not connected: nothing to do


@pytest.mark.parametrize(("context", "swept"), [("ring", True), ("fallback", False)])
async def test_a_sweep_spares_a_caller_whom_the_dialplan_serves(tmp_path: Path, context: str, swept: bool) -> None:
    """We were told of him when we rang somebody for him, and are so for ever."""
    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app") as telephony:
        channel = fake.switch.incoming("+74950000101", "420600000001", "", [])
        channel.context = context
        channel.known_to.add("ari-app")
        await telephony.sweep()
        assert (await channel.party.final() == 603) if swept else channel.id in fake.switch.channels, "swept"


async def test_a_caller_who_comes_back_to_a_call_that_is_over_is_ended(tmp_path: Path) -> None:
    """And is not taken for a new one."""
    conducted: list[AriLine] = []

    async def conduct(line: AriLine, _channel: Channel, _full: Full | None) -> None:
        conducted.append(line)

    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app", conduct):
        channel = fake.switch.incoming("+74950000101", "420600000001", "", [])
        channel.context = "ring"
        fake.switch.enter(channel, "ari-app", "back", "NOANSWER", "0", "")
        assert await channel.party.final() == 603
        assert conducted == []


async def test_a_call_handed_over_while_we_stop_is_given_to_the_fallback_and_not_left_in_silence(
    tmp_path: Path,
) -> None:
    """Such as Stasis() hands over, or a claim that was carried out as we gave its call up."""
    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app") as telephony:
        await telephony.finish(0)
        caller = fake.incoming("+74950000101")
        await telephony.connection.client.events.claim(caller.channel.id, "ari-app")
        async with asyncio.timeout(5):
            while caller.channel.id in fake.switch.channels:
                await telephony.connection.client.asterisk.ping()
        assert caller.party.status == 200


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "another's"])
async def test_a_call_whose_claim_is_under_way_as_we_stop_is_the_fallbacks_if_it_is_ours(
    tmp_path: Path, ours: bool
) -> None:
    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app") as telephony:
        usual, asked, told = fake.rest.handle, asyncio.Event(), asyncio.Event()

        async def handle(method: str, path: str, *more: Any) -> tuple[int, Any]:
            if path != "events/claim":
                return await usual(method, path, *more)
            answer = await usual(method, path, *more) if ours else (409, {"message": "claimed by another"})
            asked.set()
            await told.wait()
            return answer

        fake.rest.handle = handle  # type: ignore[method-assign, assignment]
        caller = fake.incoming("+74950000101")
        await asked.wait()
        stopping = asyncio.ensure_future(telephony.finish(patience_seconds=0))
        await asyncio.wait([stopping], timeout=0.05)
        told.set()
        await stopping
        await telephony.connection.client.asterisk.ping()
        assert caller.party.status == (200 if ours else 0)


@pytest.mark.parametrize("begun", [True, False], ids=["under way", "being begun"])
async def test_a_recording_that_is_never_heard_of_again_is_forgotten_with_its_call(tmp_path: Path, begun: bool) -> None:
    """Its end was told to nobody, or the call ended before Asterisk had begun it."""
    taken, asked = asyncio.Event(), asyncio.Event()

    async def conduct(line: AriLine, _channel: Channel, _full: Full | None) -> None:
        taken.set()
        recording = asyncio.ensure_future(line.record("message-1", VoicemailStep(Greeting("office", "own/office"))))
        await (recording if begun else asked.wait())
        recording.cancel()
        await line.close()

    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app", conduct) as telephony:
        usual = fake.rest.handle

        async def handle(method: str, path: str, *more: Any) -> tuple[int, Any]:
            if path.endswith("/record") and not begun:
                asked.set()
                await asyncio.Event().wait()
            return await usual(method, path, *more)

        fake.rest.handle = handle  # type: ignore[method-assign, assignment]
        fake.switch.end_recording = lambda *_, **__: None  # type: ignore[method-assign]
        fake.incoming("+74950000101")
        await taken.wait()
        await telephony.finish(patience_seconds=5)
        assert len(telephony._lines.registry) == 0


async def test_a_caller_answered_for_a_leg_that_could_not_be_connected_is_rung_again(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def conduct(line: AriLine, _channel: Channel, _full: Full | None) -> None:
        await line.ring()  # the dialplan's is in force still
        leg = await line.place("call-1", Destination(TargetKind.ENDPOINT, "up", 20), 25)
        await leg.settled
        with pytest.raises(LineTrouble, match="could not be connected"):
            await line.connect(leg)
        await line.ring()
        over.set_result(None)

    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app", conduct):
        usual = fake.rest.handle

        async def handle(method: str, path: str, *more: Any) -> tuple[int, Any]:
            asked.append((method, path.rpartition("/")[2]))
            return (422, {}) if path.endswith("/addChannel") else await usual(method, path, *more)

        fake.rest.handle = handle  # type: ignore[method-assign, assignment]
        caller = fake.incoming("+74950000101")
        async with asyncio.timeout(5):
            await over
        assert asked.index(("POST", "answer")) < asked.index(("POST", "ring"))
        caller.hang_up()


@pytest.mark.fault("10")
async def test_a_leg_whose_answer_was_lost_with_the_rest_socket_is_looked_up_and_not_forgotten(tmp_path: Path) -> None:
    """Asterisk has made it and rings it: it is the call's leg, and not a failed one that rings on by itself."""
    placed: asyncio.Future[Leg] = asyncio.get_running_loop().create_future()

    async def conduct(line: AriLine, _channel: Channel, _full: Full | None) -> None:
        placed.set_result(await line.place("call-1", Destination(TargetKind.ENDPOINT, "ring", 20), 25))
        await line.gone

    async with FakeAsterisk(tmp_path) as fake, controller(fake, "ari-app", conduct):
        usual = fake.rest.handle

        async def handle(method: str, path: str, *more: Any) -> tuple[int, Any]:
            done = await usual(method, path, *more)
            if (method, path) == ("POST", "channels"):
                for app, socket in tuple(fake._apps.items()):
                    if socket is not None and app.startswith("rest-"):
                        asyncio.get_running_loop().call_soon(asyncio.ensure_future, socket.close())
                await asyncio.Event().wait()
            return done

        fake.rest.handle = handle  # type: ignore[method-assign, assignment]
        caller = fake.incoming("+74950000101")
        async with asyncio.timeout(5):
            leg = await placed
        assert leg.id in fake.switch.channels
        assert not leg.settled.done()
        caller.cancel()

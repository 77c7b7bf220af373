"""What a contract test has in hand: one Asterisk, fake or real, reached through a wire, with callers and phones."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from ari_app.ari.client import AriClient
from ari_app.ari.connection import AriConnection
from ari_app.ari.events import Event
from ari_app.ari.rest import HttpLane, Rest
from ari_app.ari.settings import AriSettings
from ari_app.lab.asterisk import AsteriskInstance
from tests.contract.sip_phone import Leg, SipPhone
from tests.contract.wire import Wire
from tests.fakes.fake_asterisk import FakeAsterisk, FakeCaller
from tests.fakes.fake_channels import Party

APP = "ari-app"


class FarEnd(Protocol):
    """Who calls, or is called: what they have seen."""

    seen: list[str]
    cancel_reason: str
    status: int

    async def until(self, what: str) -> None:
        """Wait until they have received this status or method."""

    async def final(self) -> int:
        """Wait for the final SIP status."""


class Caller(Protocol):
    """Somebody who calls."""

    @property
    def end(self) -> FarEnd:
        """What they have seen."""

    def cancel(self) -> None:
        """Hang up before the answer."""

    def hang_up(self) -> None:
        """Hang up after it."""

    def cancel_crossing(self) -> None:
        """Hang up just as we answer, so that CANCEL and 200 may cross; call it right after the answer was sent."""

    def press(self, digit: str) -> None:
        """Press a key."""


class World(Protocol):
    """Either Asterisk."""

    name: str
    settings: AriSettings
    address: tuple[str, int]
    recordings: Path

    def call(self, number: str, caller: str, name: str) -> Caller:
        """Place a call."""

    async def rung(self, user: str) -> FarEnd:
        """Wait until a phone of that name was called."""

    def sound(self, name: str, seconds: float) -> str:
        """The media URI of a sound so long."""


@dataclass
class Watch:
    """The events of one connection, and those who wait for one."""

    events: list[Event] = field(default_factory=list)
    replaced: asyncio.Event = field(default_factory=asyncio.Event)
    also: Callable[[Event], object] = lambda _: None
    """Who else is told of every event."""
    _waiting: list[tuple[Callable[[Any], bool], asyncio.Future[Any]]] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Remember an event (the connection's on_event)."""
        self.events.append(event)
        self.also(event)
        for wanted, answer in tuple(self._waiting):
            if not answer.done() and wanted(event):
                answer.set_result(event)
                self._waiting.remove((wanted, answer))

    def next(self, kind: str, of: str | None = None, **fields: object) -> asyncio.Future[Any]:
        """The first event of a kind from now on, about that channel, playback or recording, with these fields."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((lambda event: _is(event, kind, of, fields), answer))
        return answer

    def about(self, of: str) -> list[Any]:
        """The events so far about a channel, playback or recording, in order."""
        return [event for event in self.events if of in _names(event)]

    def kinds(self, of: str) -> list[str]:
        """Their types."""
        return [event["type"] for event in self.about(of)]


def _names(event: Any) -> set[str]:
    things = (event.get(kind, {}) for kind in ("channel", "peer", "playback", "recording"))
    return {thing.get("id", thing.get("name", "")) for thing in things}


def _is(event: Any, kind: str, of: str | None, fields: dict[str, object]) -> bool:
    if event["type"] != kind or (of is not None and of not in _names(event)):
        return False
    return all(event.get(name) == value for name, value in fields.items())


@dataclass
class Rig:
    """A connected controller's view of one Asterisk, and hands on the other ends of the calls."""

    world: World
    wire: Wire
    settings: AriSettings
    ari: AriConnection
    watch: Watch

    @property
    def client(self) -> AriClient:
        """The client."""
        return self.ari.client

    async def inbound(self, number: str = "100", caller: str = "420600000001", name: str = "") -> tuple[Caller, str]:
        """A caller whose call we have claimed, and the channel's id."""
        offered = self.watch.next("CallBroadcast")
        calling = self.world.call(number, caller, name)
        channel_id = (await offered)["channel"]["id"]
        ours = self.watch.next("StasisStart", channel_id)
        await self.client.events.claim(channel_id, APP)
        await ours
        return calling, channel_id

    async def leg(self, user: str, leg_id: str, originator: str | None = None, seconds: int = 10) -> FarEnd:
        """A phone of that behaviour, being called."""
        await self.client.channels.originate(
            f"PJSIP/{user}@phones", APP, leg_id, timeout=seconds, originator=originator
        )
        return await self.world.rung(user)

    async def end(self, channel_id: str) -> None:
        """Hang a channel of ours up and wait until it is no more, which is later than that it has left us."""
        await self.client.applications.subscribe(self.world.settings.app, f"channel:{channel_id}")
        over = self.watch.next("ChannelDestroyed", channel_id)
        await self.client.channels.hangup(channel_id)
        await over


class FakeWorld:
    """The fake."""

    name = "fake"

    def __init__(self, fake: FakeAsterisk, recordings: Path) -> None:
        self.fake = fake
        self.recordings = recordings
        self.address = fake.address
        self.settings = AriSettings(fake.url, fake.user, fake.password, APP)

    def call(self, number: str, caller: str, name: str) -> Caller:
        return _FakeCaller(self.fake.incoming(number, caller, name, speaks=False))

    async def rung(self, user: str) -> Party:
        return [leg.party for leg in self.fake.switch.legs if leg.party.user == user][-1]

    def sound(self, name: str, seconds: float) -> str:
        self.fake.switch.sounds[f"recording:{name}"] = seconds
        return f"recording:{name}"


class _FakeCaller:
    def __init__(self, caller: FakeCaller) -> None:
        self._caller = caller
        self.end = caller.party

    def cancel(self) -> None:
        self._caller.cancel()

    def hang_up(self) -> None:
        self._caller.hang_up()

    def cancel_crossing(self) -> None:
        self._caller.cancel_as_we_answer()

    def press(self, digit: str) -> None:
        self._caller.press(digit)


class RealWorld:
    """Asterisk 22, called by and calling a SIP phone of the test's own."""

    name = "real"

    def __init__(self, asterisk: AsteriskInstance, phone: SipPhone) -> None:
        self.asterisk = asterisk
        self.phone = phone
        self.recordings = asterisk.recordings
        self.address = (asterisk.settings.http_bind, asterisk.settings.http_port)
        self.settings = AriSettings(asterisk.ari_url, asterisk.ari_user, asterisk.ari_password, APP)

    def call(self, number: str, caller: str, name: str) -> Caller:
        return _RealCaller(self.phone, self.phone.call(number, caller, name))

    async def rung(self, user: str) -> Leg:
        return await self.phone.leg_to(user)

    def sound(self, name: str, seconds: float) -> str:
        with wave.open(str(self.recordings / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(2 * int(seconds * 8000)))
        return f"recording:{name}"


class _RealCaller:
    def __init__(self, phone: SipPhone, leg: Leg) -> None:
        self._phone = phone
        self.end = leg

    def cancel(self) -> None:
        self._phone.cancel(self.end)

    def hang_up(self) -> None:
        self._phone.hang_up(self.end)

    def cancel_crossing(self) -> None:
        self._phone.cancel(self.end)

    def press(self, digit: str) -> None:
        self._phone.press(self.end, digit)


@asynccontextmanager
async def fake_world(folder: Path) -> AsyncIterator[World]:
    """A fake of its own for one test."""
    async with FakeAsterisk(folder) as fake:
        yield FakeWorld(fake, folder)


@asynccontextmanager
async def real_world(asterisk: AsteriskInstance, phone_port: int) -> AsyncIterator[World]:
    """The session's real Asterisk with a phone for one test."""
    phone = await SipPhone.open(phone_port, asterisk.settings.sip_port)
    try:
        yield RealWorld(asterisk, phone)
    finally:
        phone.close()


@asynccontextmanager
async def rig_in(open_world: Callable[[], AbstractAsyncContextManager[World]]) -> AsyncIterator[Rig]:
    """Connected, and left without a channel or bridge of ours."""
    async with open_world() as world, Wire(world.address) as wire:
        settings = replace(world.settings, url=f"http://127.0.0.1:{wire.port}/ari")
        watch = Watch()
        async with AriConnection(settings, watch.take, on_replaced=watch.replaced.set) as ari:
            await ari.wait_connected(5)
            yield Rig(world, wire, settings, ari, watch)
        await _leave_nothing(world.settings)


async def _leave_nothing(settings: AriSettings) -> None:
    """End every channel and bridge, and wait until the phones have heard of it; past the wire, which may be cut."""
    async with aiohttp.ClientSession() as session:
        await _end_all(AriClient(Rest(HttpLane(session, settings), settings.request_timeout)))


async def _end_all(client: AriClient) -> None:
    for bridge in await client.bridges.list():
        await client.bridges.destroy(bridge["id"])
    for channel in await client.channels.list():
        client.channels.hangup(channel["id"])
    async with asyncio.timeout(3):
        while await client.channels.list():
            pass

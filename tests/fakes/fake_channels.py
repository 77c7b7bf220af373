"""The fake Asterisk's channels, callers and sounds: what each is doing, and what must wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.phone_behaviour import Behaviour

Json = dict[str, Any]


class Refusal(Exception):
    """A status of 400 or more, with what Asterisk says to it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class Party:
    """The far end of a channel as a test sees it: a caller that we placed, or a phone that was rung."""

    user: str
    seen: list[str] = field(default_factory=list)
    """SIP statuses and methods in the order received, as `tests.contract.sip_phone.Leg`."""
    cancel_reason: str = ""
    status: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def saw(self, what: str) -> None:
        """Remember what the far end was told."""
        self.seen.append(what)
        if what.isdigit() and int(what) >= 200:
            self.status = int(what)
        self.changed.set()

    async def final(self) -> int:
        """Wait for the final status."""
        while self.status == 0:
            self.changed.clear()
            await self.changed.wait()
        return self.status

    async def until(self, what: str) -> None:
        """Wait until this status or method was received."""
        while what not in self.seen:
            self.changed.clear()
            await self.changed.wait()


@dataclass
class Sound:
    """One playback in a channel's queue; `seconds` None never ends by itself and is not reported."""

    id: str
    media: str
    seconds: float | None
    state: str = "queued"

    def json(self, channel_id: str) -> Json:
        """As ARI shows a playback."""
        return {
            "id": self.id,
            "media_uri": self.media,
            "target_uri": f"channel:{channel_id}",
            "language": "en",
            "state": self.state,
        }


@dataclass
class Recording:
    """One live recording."""

    name: str
    format: str
    channel_id: str
    began: float
    terminate_on: str
    timer: asyncio.TimerHandle | None = None

    def json(self, state: str, seconds: float = 0) -> Json:
        """As ARI shows a live recording; whole seconds."""
        shown: Json = {
            "name": self.name,
            "format": self.format,
            "state": state,
            "target_uri": f"channel:{self.channel_id}",
        }
        return {**shown, "duration": int(seconds)} if state == "done" else shown


@dataclass
class FakeChannel:
    """One channel; `app` is the application it is in, `known_to` those that hear of its creation and destruction."""

    id: str
    party: Party
    inbound: bool
    exten: str = ""
    caller_number: str = ""
    caller_name: str = ""
    behaviour: Behaviour = field(default_factory=lambda: Behaviour(None))
    state: str = "Down"
    app: str | None = None
    broadcast: bool = False
    starts_in: str | None = None
    """The application that an originated leg enters when it answers."""
    known_to: set[str] = field(default_factory=set)
    dying: bool = False
    dialed: bool = False
    sounds: list[Sound] = field(default_factory=list)
    recording: Recording | None = None
    crossed_by_cancel: bool = False
    speaks: bool = True
    """Whether sound comes from the far end: a hang-up without any makes its recording fail."""
    left_unclaimed: bool = False
    app_data: str = ""
    """The arguments of the application that the dialplan runs for it, where Stasis has brought it back."""
    context: str = "offer"
    """Where in the dialplan an inbound channel is."""
    rung: FakeChannel | None = None
    """The leg that Dial() has for this caller."""
    rung_for: FakeChannel | None = None
    """The caller that this leg of Dial()'s is for."""
    variables: dict[str, str] = field(default_factory=dict)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    quiet: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.quiet.set()

    def later(self, seconds: float, action: Callable[..., None], *args: object) -> asyncio.TimerHandle:
        """Do something in so many seconds of the running loop, unless the channel has ended by then."""
        handle = asyncio.get_running_loop().call_later(seconds, action, *args)
        self.timers.append(handle)
        return handle

    async def until_quiet(self) -> None:
        """Wait, as Asterisk does with answer, addChannel and variable, until nothing plays to the channel."""
        await self.quiet.wait()

    def _dialplan_application(self) -> str:
        if self.broadcast:
            return "StasisBroadcast"
        return "Stasis" if self.app is not None or not self.inbound else "Dial" if self.rung else "Record"

    def json(self) -> Json:
        """As ARI shows a channel."""
        return {
            "id": self.id,
            "name": f"PJSIP/fake-{self.id}",
            "state": self.state,
            "protocol_id": f"sip-{self.id}",
            "caller": {"name": self.caller_name, "number": self.caller_number},
            "connected": {"name": "", "number": ""},
            "accountcode": "",
            "dialplan": {
                "context": self.context if self.inbound else "default",
                "exten": self.exten,
                "priority": 1,
                "app_name": self._dialplan_application(),
                "app_data": self.app_data,
            },
            "creationtime": "2026-01-01T00:00:00.000+0000",
            "language": "en",
        }


@dataclass
class FakeBridge:
    """One bridge."""

    id: str
    kind: str
    name: str
    channels: list[str] = field(default_factory=list)

    def json(self) -> Json:
        """As ARI shows a bridge."""
        return {
            "id": self.id,
            "technology": "simple_bridge",
            "bridge_type": "mixing",
            "bridge_class": "stasis",
            "creator": "Stasis",
            "name": self.name,
            "channels": list(self.channels),
            "creationtime": "2026-01-01T00:00:00.000+0000",
            "video_mode": "talker",
        }

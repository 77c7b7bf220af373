"""Takes calls from Asterisk: claims them, gives each a line and a task, and leaves nothing behind that is ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from ari_app.ari.connection import AriConnection
from ari_app.ari.errors import AriError, Conflict, NotFound
from ari_app.ari.events import Channel, Event
from ari_app.ari.handover import BACK, CONTEXT
from ari_app.ari.line import AriLine
from ari_app.ari.registry import Registry
from ari_app.ari.settings import AriSettings, own_id
from ari_app.core.numbering import masked, printable
from ari_app.dialstring import DialTemplates

log = logging.getLogger(__name__)

Conduct = Callable[[AriLine, Channel], Awaitable[Any]]


class Telephony:
    """Every live call of this controller.

    ``conduct`` handles one call to its end, given its line and the caller's channel as Asterisk described it. No leg
    outlives ``longest_seconds`` by more than a minute, even if we are not there to end it.
    """

    def __init__(
        self, settings: AriSettings, dial: DialTemplates, conduct: Conduct, longest_seconds: float = 4 * 3600
    ) -> None:
        self._longest_seconds = longest_seconds
        self._settings = settings
        self._own = own_id(settings.app, "")
        self._dial = dial
        self._conduct = conduct
        self._registry = Registry()
        self._lines: dict[str, AriLine] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._open = True
        self._sweeping: asyncio.Task[None] | None = None
        self.connection = AriConnection(
            settings, self._on_event, on_connected=self.sweep, on_disconnected=self._on_disconnected
        )

    @property
    def live_calls(self) -> int:
        """How many calls are under way."""
        return len(self._calls)

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        await self.connection.start()

    async def finish(self, patience_seconds: float) -> None:
        """Take no new calls, let those under way finish for so long, end the rest; the connection is kept."""
        self._open = False
        if self._calls and patience_seconds > 0:
            log.info("waiting up to %g s for %d calls to finish", patience_seconds, len(self._calls))
            await asyncio.wait(self._calls, timeout=patience_seconds)
        self.hurry()
        await asyncio.gather(*self._calls, return_exceptions=True)
        if self._sweeping is not None:
            await self._sweeping

    async def close(self) -> None:
        """Disconnect; once `finish` is done and nothing more is wanted of Asterisk."""
        await self.connection.close()

    def hurry(self) -> None:
        """End every live call now; each still gets its verdict."""
        for task in self._calls:
            task.cancel()

    def _on_event(self, event: Event) -> None:
        if self._registry.pass_on(event):
            return
        if event["type"] == "CallBroadcast":
            self._offered(event["channel"], claim=True)
        elif event["type"] == "StasisStart" and event["args"][:1] == [BACK]:
            self.connection.client.channels.hangup(event["channel"]["id"], "normal")  # its call is over, or forgotten
        elif event["type"] == "StasisStart":
            self._offered(event["channel"], claim=False)

    def _offered(self, channel: Channel, *, claim: bool) -> None:
        """A call nobody has yet. One that began inside this Asterisk (a transfer's Local channel) is not a caller."""
        if not channel["name"].startswith("PJSIP/") or channel["id"].startswith(self._own):
            log.warning("refused %s: not a call from outside", printable(channel["name"]))
            if not claim:
                self.connection.client.channels.hangup(channel["id"], "rejected")
            return
        if not self._open:
            if not claim:  # it is in our hands already; an offer is for the fallback or another controller to take
                self.connection.client.channels.hangup(channel["id"], "congestion")
            return
        client, app = self.connection.client, self._settings.app
        line = AriLine(client, self._registry, app, self._dial, channel, longest_seconds=self._longest_seconds)
        self._registry.add(line.channel_id, line)
        self._lines[line.channel_id] = line
        if not claim:
            line.entered.set_result(None)
        task = asyncio.create_task(self._take(line, channel, claim), name=f"call {line.channel_id}")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _take(self, line: AriLine, channel: Channel, claim: bool) -> None:
        try:
            if not claim or await self._claimed(line):
                await self._conduct(line, channel)
        finally:
            self._lines.pop(line.channel_id, None)
            line.forget()
            if line.was_lost and not any(one.was_lost for one in self._lines.values()):
                self._sweep_now()

    def _sweep_now(self) -> None:
        """After the last of the calls that a lost connection ended; when there is none yet, it sweeps once it is up."""
        self._sweeping = asyncio.create_task(self.sweep_if_possible(), name="sweep")

    async def sweep_if_possible(self) -> None:
        """Sweep, if we are connected; what cannot be done now is left to the next sweep."""
        if not self.connection.connected:
            return
        try:
            await self.sweep()
        except AriError as error:
            log.warning("what calls may have left in Asterisk could not be swept, the next sweep will: %s", error)

    async def _claimed(self, line: AriLine) -> bool:
        """Whether the call is ours. When it cannot be told, the call is let go: its end is the dialplan's to give."""
        claim = self.connection.client.events.claim(line.channel_id, self._settings.app)
        try:
            await asyncio.shield(claim)
        except asyncio.CancelledError:
            await self._end_if_ours(line, claim)
            raise
        except Conflict:
            return False
        except NotFound:
            log.info("a call was gone before it could be claimed")
            return False
        except AriError as error:
            log.warning("a call could not be claimed, the dialplan has it: %s", error)
            return line.entered.done()
        return True

    async def _end_if_ours(self, line: AriLine, claim: asyncio.Future[None]) -> None:
        """We stop while a claim is under way: what it makes ours nobody else would end, another's is not ours to."""
        with suppress(AriError):
            await asyncio.wait([claim])
            if line.entered.done() or not (claim.cancelled() or claim.exception()):
                await self.connection.client.channels.hangup(line.channel_id, "congestion")

    def _on_disconnected(self, reason: str) -> None:
        """What the calls went through meanwhile will never be known: end them cleanly (requests still go by HTTP)."""
        if self._lines:
            log.warning("ending %d live calls: %s", len(self._lines), reason)
        for line in tuple(self._lines.values()):
            line.lost()

    async def sweep(self) -> None:
        """End every channel and bridge of ours that no live call knows, such as a crash or a lost connection leaves."""
        client, app = self.connection.client, self._settings.app
        known = set((await client.applications.get(app))["channel_ids"])
        channels = [channel for channel in await client.channels.list() if channel["id"] not in self._registry]
        stray = [
            channel["id"]
            for channel in channels
            if channel["id"].startswith(self._own) or (channel["id"] in known and is_ours(channel))
        ]
        bridges = [bridge["id"] for bridge in await client.bridges.list() if self._is_stray_bridge(bridge["id"])]
        for channel_id in stray:
            client.channels.hangup(channel_id, "normal")
        for bridge_id in bridges:
            client.bridges.destroy(bridge_id)
        if stray or bridges:
            log.warning("swept %d channels and %d bridges that %s had left behind", len(stray), len(bridges), app)

    def _is_stray_bridge(self, bridge_id: str) -> bool:
        return bridge_id.startswith(self._own) and bridge_id.removeprefix(self._own) not in self._registry


def is_ours(channel: Channel) -> bool:
    """Whether a caller's channel that we are told of is in our hands, or handed over; the fallback's is not."""
    place = channel["dialplan"]
    return place["app_name"] in ("Stasis", "StasisBroadcast") or place["context"] == CONTEXT


def describe(channel: Channel) -> str:
    """A call as logs tell it."""
    return f"{masked(channel['caller']['number'])} -> {printable(channel['dialplan']['exten'])}"

"""Takes calls from Asterisk: claims them, gives each a line and a task, and leaves nothing behind that is ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from ari_app.ari.connection import AriConnection
from ari_app.ari.door import Door, TurnedAway
from ari_app.ari.errors import AriError, Conflict, NotFound
from ari_app.ari.events import Channel, Event
from ari_app.ari.line import AriLine
from ari_app.ari.registry import Registry
from ari_app.ari.seen import Seen, look
from ari_app.ari.settings import AriSettings, own_id
from ari_app.ari.strays import strays_of
from ari_app.ari.whereabouts import BACK
from ari_app.core.admission import AdmissionLimits, Full
from ari_app.core.numbering import masked, printable
from ari_app.core.outcomes import CallerEnd
from ari_app.dialstring import DialTemplates

log = logging.getLogger(__name__)

GIVE_UP_SECONDS = 30.0
"""How long Asterisk may be out of reach before its calls are given up for lost."""

Conduct = Callable[[AriLine, Channel, Full | None], Awaitable[Any]]


class Telephony:
    """Every live call of this controller.

    ``conduct`` handles one call to its end, given its line, the caller's channel as Asterisk described it, and why
    there is no room for it, if so. No leg outlives ``longest_seconds`` by more than a minute, even if we are not there
    to end it.
    """

    def __init__(
        self,
        settings: AriSettings,
        dial: DialTemplates,
        conduct: Conduct,
        longest_seconds: float = 4 * 3600,
        limits: AdmissionLimits = AdmissionLimits(),  # noqa: B008 - it cannot be changed
    ) -> None:
        self._longest_seconds = longest_seconds
        self._settings = settings
        self._own = own_id(settings.app, "")
        self._dial = dial
        self._conduct = conduct
        self._registry = Registry()
        self._lines: dict[str, AriLine] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._refused: set[asyncio.Task[None]] = set()
        self.door = Door(limits)
        self._open = True
        self._sweeping: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._heard = asyncio.Event()
        self._deaf_since: float | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self._asterisk = ""
        self.connection = AriConnection(
            settings,
            self._on_event,
            on_connected=self._take_up,
            on_disconnected=self._on_disconnected,
            on_replaced=self._on_replaced,
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
        full = self.door.full(len(self._calls) - len(self._refused))
        if full is not None and claim and self.door.to_fallback:
            return
        if full is None or self.door.to_be_conducted():
            self._take_in(channel, full, claim=claim)
        else:
            TurnedAway(self.connection.client, self._registry, self._settings.app, channel["id"], claim=claim)

    def _take_in(self, channel: Channel, full: Full | None, *, claim: bool) -> None:
        client, app = self.connection.client, self._settings.app
        line = AriLine(
            client,
            self._registry,
            app,
            self._dial,
            channel,
            longest_seconds=self._longest_seconds,
            heard=self._heard,
        )
        self._registry.add(line.channel_id, line)
        self._lines[line.channel_id] = line
        if not claim:
            line.side.entered.set_result(None)
        task = asyncio.create_task(self._take(line, channel, claim, full), name=f"call {line.channel_id}")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        if full is not None:
            self._refused.add(task)
            task.add_done_callback(self._refused.discard)

    async def _take(self, line: AriLine, channel: Channel, claim: bool, full: Full | None) -> None:
        try:
            if not claim or await self._claimed(line):
                await self._conduct(line, channel, full)
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
            return line.side.entered.done()
        line.side.claimed = True
        return True

    async def _end_if_ours(self, line: AriLine, claim: asyncio.Future[None]) -> None:
        """We stop while a claim is under way: what it makes ours nobody else would end, another's is not ours to."""
        with suppress(AriError):
            await asyncio.wait([claim])
            if line.side.entered.done() or not (claim.cancelled() or claim.exception()):
                await self.connection.client.channels.hangup(line.channel_id, "congestion")

    def _on_disconnected(self, reason: str) -> None:
        """Calls live on in Asterisk; but nothing new is done to one while we hear nothing of it."""
        self._heard.clear()
        if self._deaf_since is None:
            self._deaf_since = self._loop.time()
            self._giving_up = self._loop.call_later(GIVE_UP_SECONDS, self._give_up)
        if self._lines:
            log.warning("%d live calls go on unheard: %s", len(self._lines), reason)

    def _give_up(self) -> None:
        """What the calls go through will never be known: they are over, as far as we are concerned."""
        for line in tuple(self._lines.values()):
            line.lost(f"there was no connection to Asterisk for {GIVE_UP_SECONDS:g} s")

    def _on_replaced(self) -> None:
        """Another controller has our application's name, and takes our calls up."""
        for line in tuple(self._lines.values()):
            line.leave(CallerEnd.TO_SUCCESSOR)

    async def _take_up(self) -> None:
        """Read what became of things while we heard nothing, before the events that were held since are passed on."""
        client, app = self.connection.client, self._settings.app
        asked = [line.in_question for line in self._lines.values()]
        seen = await look(
            client,
            app,
            hear_of=[channel for one in asked for channel in one.channels],
            playbacks=[playback for one in asked for playback in one.playbacks],
            recordings=[recording for one in asked for recording in one.recordings],
        )
        # From here on nothing is awaited: no task runs before it knows what was missed.
        restarted = self._asterisk not in ("", seen.started)
        self._asterisk = seen.started
        unheard, self._deaf_since = self._loop.time() - (self._deaf_since or self._loop.time()), None
        if self._giving_up is not None:
            self._giving_up.cancel()
        self._heard.set()
        for one in asked:
            if restarted and one.line.channel_id not in seen.channels:
                one.line.lost("Asterisk was restarted")
            else:
                one.line.catch_up(one, seen, unheard)
        self._end_strays(seen)

    async def sweep(self) -> None:
        """End every channel and bridge of ours that no live call knows, such as a crash or a lost connection leaves."""
        self._end_strays(await look(self.connection.client, self._settings.app))

    def _end_strays(self, seen: Seen) -> None:
        client = self.connection.client
        strays = strays_of(self._settings.app, seen, self._registry)
        for channel in strays.channels:
            client.channels.hangup(channel["id"], "normal")
        for bridge_id in strays.bridges:
            client.bridges.destroy(bridge_id)
        if strays.channels or strays.bridges:
            log.warning(
                "swept %d channels and %d bridges that %s had left behind",
                len(strays.channels),
                len(strays.bridges),
                self._settings.app,
            )


def describe(channel: Channel) -> str:
    """A call as logs tell it."""
    return f"{masked(channel['caller']['number'])} -> {printable(channel['dialplan']['exten'])}"

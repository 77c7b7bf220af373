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
from ari_app.ari.lines import Lines
from ari_app.ari.predecessor import Nobody, Predecessor
from ari_app.ari.settings import AriSettings
from ari_app.ari.takingup import TakingUp
from ari_app.ari.whereabouts import BACK, FALLBACK, is_caller
from ari_app.core.admission import AdmissionLimits, Full
from ari_app.core.numbering import masked, printable
from ari_app.dialstring import DialTemplates

log = logging.getLogger(__name__)

Conduct = Callable[[AriLine, Channel, Full | None], Awaitable[Any]]


class Telephony:
    """Every live call of this controller.

    ``conduct`` handles one call to its end, given its line, the caller's channel as Asterisk described it, and why
    there is no room for it, if so. No leg outlives ``longest_seconds`` by more than a minute, even if we are not there
    to end it. ``before`` knows what another process has left.
    """

    def __init__(
        self,
        settings: AriSettings,
        dial: DialTemplates,
        conduct: Conduct,
        longest_seconds: float = 4 * 3600,
        limits: AdmissionLimits = AdmissionLimits(),  # noqa: B008 - it cannot be changed
        *,
        before: Predecessor | None = None,
    ) -> None:
        self._settings = settings
        self._conduct = conduct
        self._claiming: set[asyncio.Task[Any] | None] = set()
        self._refused: set[asyncio.Task[None]] = set()
        self.door = Door(limits)
        self._open = True
        self._sweeping: asyncio.Task[None] | None = None
        self._lines = Lines(lambda: self.connection.client, settings.app, dial, longest_seconds, self._sweep_now)
        self._taking_up = TakingUp(lambda: self.connection.client, settings.app, self._lines, before or Nobody())
        self.connection = AriConnection(
            settings,
            self._on_event,
            on_connected=self._taking_up.take_up,
            on_disconnected=self._taking_up.disconnected,
            on_replaced=self._lines.leave,  # to the one that has our name now
        )

    @property
    def live_calls(self) -> int:
        """How many calls are under way."""
        return len(self._lines.tasks)

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        await self.connection.start()

    async def finish(self, patience_seconds: float) -> None:
        """Take no new calls, let those under way finish for so long, leave the rest to the controller that comes next;
        the connection is kept."""
        self._open = False
        if self._lines.tasks and patience_seconds > 0:
            log.info("waiting up to %g s for %d calls to finish", patience_seconds, len(self._lines.tasks))
            await asyncio.wait(self._lines.tasks, timeout=patience_seconds)
        if self._lines.all:
            log.info("%d calls are left to the controller that comes next", len(self._lines.all))
        await asyncio.sleep(0)  # a task that has just been made gets as far as its claim
        for task in filter(None, self._claiming):
            task.cancel()
        self._lines.leave()
        await asyncio.gather(*self._lines.tasks, return_exceptions=True)
        if self._sweeping is not None:
            await self._sweeping

    async def close(self) -> None:
        """Disconnect; once `finish` is done and nothing more is wanted of Asterisk."""
        await self.connection.close()

    def hurry(self) -> None:
        """End every live call now; each still gets its verdict."""
        for task in self._lines.tasks:
            task.cancel()

    def _on_event(self, event: Event) -> None:
        if self._lines.registry.pass_on(event):
            return
        if event["type"] == "CallBroadcast":
            self._offered(event["channel"], claim=True)
        elif event["type"] == "StasisStart" and event["args"][:1] == [BACK]:
            self.connection.client.channels.hangup(event["channel"]["id"], "normal")  # its call is over, or forgotten
        elif event["type"] == "StasisStart":
            self._offered(event["channel"], claim=False)

    def _offered(self, channel: Channel, *, claim: bool) -> None:
        """A call nobody has yet. One that began inside this Asterisk (a transfer's Local channel) is not a caller."""
        if not is_caller(self._settings.app, channel):
            log.warning("refused %s: not a call from outside", printable(channel["name"]))
            if not claim:
                self.connection.client.channels.hangup(channel["id"], "rejected")
            return
        if not self._open:
            if not claim:  # it is in our hands already; an offer is for the fallback or another controller to take
                self._to_fallback(channel)
            return
        full = self.door.full(len(self._lines.tasks) - len(self._refused))
        if full is not None and claim and self.door.to_fallback:
            return
        if full is None or self.door.to_be_conducted():
            self._take_in(channel, full, claim=claim)
        else:
            TurnedAway(self.connection.client, self._lines.registry, self._settings.app, channel["id"], claim=claim)

    def _take_in(self, channel: Channel, full: Full | None, *, claim: bool) -> None:
        line = self._lines.line(channel)
        if not claim:
            line.side.entered.set_result(None)
        task = self._lines.begin(line, lambda: self._claim(line, channel, claim, full))
        if full is not None:
            self._refused.add(task)
            task.add_done_callback(self._refused.discard)

    def _to_fallback(self, channel: Channel) -> None:
        """Let the dialplan serve a caller for whom we are not there any more."""
        self.connection.client.channels.continue_(
            channel["id"], context=FALLBACK, extension=channel["dialplan"]["exten"], priority=1
        )

    async def _claim(self, line: AriLine, channel: Channel, claim: bool, full: Full | None) -> None:
        if not claim or await self._claimed(line, channel):
            await self._conduct(line, channel, full)

    def _sweep_now(self) -> None:
        """After the last of the calls that a lost connection ended; when there is none yet, it sweeps once it is up."""
        self._sweeping = asyncio.create_task(self.sweep_if_possible(), name="sweep")

    async def sweep_if_possible(self) -> None:
        """Sweep, if we are connected; what cannot be done now is left to the next sweep."""
        if not self.connection.connected:
            return
        try:
            await self._taking_up.sweep()
            await self._taking_up.take_up_late()
        except AriError as error:
            log.warning("what calls may have left in Asterisk could not be swept, the next sweep will: %s", error)

    async def _claimed(self, line: AriLine, channel: Channel) -> bool:
        """Whether the call is ours. When it cannot be told, the call is let go: its end is the dialplan's to give."""
        claim = self.connection.client.events.claim(line.channel_id, self._settings.app)
        task = asyncio.current_task()
        self._claiming.add(task)
        try:
            await asyncio.shield(claim)
        except asyncio.CancelledError:
            await self._let_go_if_ours(line, channel, claim)
            raise
        except Conflict:
            return False
        except NotFound:
            log.info("a call was gone before it could be claimed")
            return False
        except AriError as error:
            log.warning("a call could not be claimed, the dialplan has it: %s", error)
            return line.side.entered.done()
        finally:
            self._claiming.discard(task)
        line.side.claimed = True
        return True

    async def _let_go_if_ours(self, line: AriLine, channel: Channel, claim: asyncio.Future[None]) -> None:
        """We stop while a claim is under way: the dialplan is given back what it makes ours, and nobody else's."""
        with suppress(AriError):
            await asyncio.wait([claim])
            if line.side.entered.done() or not (claim.cancelled() or claim.exception()):
                self._to_fallback(channel)

    async def sweep(self) -> None:
        """End what is ours in Asterisk and of no live call."""
        await self._taking_up.sweep()


def describe(channel: Channel) -> str:
    """A call as logs tell it."""
    return f"{masked(channel['caller']['number'])} -> {printable(channel['dialplan']['exten'])}"

"""Sends the callers of a controller that has died to the dialplan's fallback, which asks FastAGI what is next."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Protocol

import aiohttp

from ari_app.agi.unheard import Unheard
from ari_app.ari.channels import HangupReason
from ari_app.ari.client import AriClient
from ari_app.ari.errors import AriError, Conflict, NotFound, RequestTimeout
from ari_app.ari.events import Channel
from ari_app.ari.stranded import Stranded, stranded
from ari_app.ari.whereabouts import FALLBACK

log = logging.getLogger(__name__)

BEAT_SECONDS = 0.25
"""A caller who comes, and leaves, within it of a controller's death may stay unknown."""
ANSWER_SECONDS = 1.0
STEADY_SECONDS = 1.0
AGAIN_SECONDS = 40.0
"""A caller who hears a prompt can be sent only when it is over; asking again would send him twice."""


class Rescued(StrEnum):
    """What was done, for the metric."""

    CALLER = "caller_sent"
    SPOKE = "caller_had_spoken"
    LEG = "leg_ended"
    ALONE = "left_alone_ended"


class Recordings(Protocol):
    """Knows which callers were being recorded; may block."""

    def __call__(self, channels: Collection[str]) -> Mapping[str, str]:
        """The recording by the caller's channel."""


class Watch:
    """Whether the controller answers at ``url`` (its /healthz): silence, a refusal and any answer but 200 are death.

    One that dies again within a second of its start has not lived: nobody is served by it. ``now`` is in seconds.
    """

    def __init__(self, url: str, patience_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self.patience_seconds = patience_seconds
        self._now = now
        self._alive_at = now()
        self._answers_since: float | None = None

    async def answers(self, session: aiohttp.ClientSession) -> bool:
        """Ask; whether it has answered."""
        try:
            async with session.get(self.url, timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)) as answer:
                answered = answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            answered = False
        self.take(answered=answered)
        return answered

    def take(self, *, answered: bool) -> None:
        """Take in an answer, or that there was none."""
        if not answered:
            self._answers_since = None
            return
        self._answers_since = self._now() if self._answers_since is None else self._answers_since
        if self._now() - self._answers_since >= STEADY_SECONDS:
            self._alive_at = self._now()

    @property
    def dead(self) -> bool:
        """Whether it has not answered for too long now."""
        return self._answers_since is None and self._now() - self._alive_at >= self.patience_seconds


class Rescue:
    """Looks after the callers of one application while its controller is dead; talks are left alone.

    It races with a controller that comes back, and may lose: a channel that is gone, or is not in Stasis any more, is
    nothing to be done about.
    """

    def __init__(
        self, app: str, client: AriClient, recordings: Recordings, tell: Callable[[Rescued], None] = lambda what: None
    ) -> None:
        self._app = app
        self._client = client
        self._recordings = recordings
        self._tell = tell
        self._asked: dict[str, float] = {}
        self._unheard = Unheard(app, client)
        self._reading: asyncio.Future[Mapping[str, str]] | None = None
        self._trouble = ""
        self._silent = False
        self._acted = False

    async def run(self, watch: Watch, session: aiohttp.ClientSession) -> None:
        """Until it is cancelled."""
        while True:
            heard = await watch.answers(session)
            if not heard or self._silent:
                await self.round(watch, heard=heard)
            await asyncio.sleep(BEAT_SECONDS)

    async def round(self, watch: Watch, *, heard: bool = False) -> None:
        """Do what is to be done now that the controller has not answered: from the first time on see who leaves, and
        once it is dead look after its callers. What fails is done by the next round. ``heard``: it answers again, and
        takes up whoever is there; those who have left are told still."""
        self._silent = not heard
        try:
            await self._round(watch, heard=heard)
            self._trouble = ""
        except AriError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                log.warning("callers of a silent controller cannot be seen after: %s", error)
        if heard:
            self._unheard.forget()
            if self._acted:
                log.info("the controller answers again")
            self._acted = False

    async def _round(self, watch: Watch, *, heard: bool) -> None:
        client = self._client
        try:
            known = (await client.applications.get(self._app))["channel_ids"]
        except NotFound:
            known = []  # it has no channel left
        channels, bridges = await client.channels.list(), await client.bridges.list()
        await self._unheard.look(known, channels, bridges)
        if watch.dead:
            await self._look_after(stranded(self._app, known, channels, bridges), watch)

    async def _look_after(self, left: Stranded, watch: Watch) -> None:
        if left != Stranded() and not self._acted:
            self._acted = True
            log.error(
                "the controller has not answered at %s for %g s: callers who wait for it are sent to the dialplan; "
                "start it, or if it runs, see ARI_APP_MONITOR_PORT and ARI_APP_CONTROLLER_HEALTH",
                *(watch.url, watch.patience_seconds),
            )
        for leg in left.legs:
            await self._end(leg, "normal", Rescued.LEG, "a leg of a dead controller")
        for alone in left.alone:
            await self._end(alone, "normal", Rescued.ALONE, "a caller whose talk is over")
        waiting = [channel for channel in left.waiting if self._may_ask(channel["id"])]
        recordings = await self._recorded([channel["id"] for channel in waiting]) if waiting else {}
        for channel in waiting:
            await self._see_after(channel, recordings.get(channel["id"], ""))

    def _may_ask(self, channel_id: str) -> bool:
        now = time.monotonic()
        self._asked = {each: at for each, at in self._asked.items() if now - at < AGAIN_SECONDS}
        return channel_id not in self._asked

    async def _recorded(self, channels: Collection[str]) -> Mapping[str, str]:
        """Who was being recorded, as far as the journal can be read within a second; one reading at a time."""
        if self._reading is not None and not self._reading.done():
            return {}
        self._reading = asyncio.ensure_future(asyncio.to_thread(self._recordings, channels))
        done, _ = await asyncio.wait((self._reading,), timeout=ANSWER_SECONDS)
        if not done or self._reading.exception() is not None:
            log.warning("the journal cannot be read: whoever was leaving a message is asked for it again")
            return {}
        return self._reading.result()

    async def _see_after(self, channel: Channel, recording: str) -> None:
        """A caller who waits is sent on; one who speaks is let speak, and has then been served."""
        if not recording:
            await self._send(channel)
        elif not await self._is_live(recording):
            await self._end(channel["id"], "normal", Rescued.SPOKE, "a caller who has left a message")

    async def _is_live(self, recording: str) -> bool:
        try:
            await self._client.recordings.live(recording)
        except NotFound:
            return False
        return True

    async def _send(self, channel: Channel) -> None:
        channel_id, number = channel["id"], channel["dialplan"]["exten"]
        try:
            self._asked[channel_id] = time.monotonic()
            await self._client.channels.continue_(channel_id, context=FALLBACK, extension=number, priority=1)
        except (NotFound, Conflict):
            return
        except RequestTimeout:
            log.info("caller %s is sent to the dialplan once the prompt is over", channel_id)
        else:
            log.warning("caller %s is sent to the dialplan", channel_id)
        self._tell(Rescued.CALLER)

    async def _end(self, channel_id: str, reason: HangupReason, what: Rescued, who: str) -> None:
        try:
            await self._client.channels.hangup(channel_id, reason)
        except (NotFound, Conflict):
            return
        log.warning("%s is hung up: %s", who, channel_id)
        self._tell(what)

"""Finds out what became of calls that nobody heard of: ours after a cut, those of a process that is no more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from ari_app.ari.client import AriClient
from ari_app.ari.line import InQuestion, LeftCall
from ari_app.ari.lines import Lines
from ari_app.ari.placing import NOT_RUNG, RungByDial
from ari_app.ari.predecessor import Nobody, Predecessor, began_after, left_of, of_the_gone, rung_by_dial
from ari_app.ari.seen import Seen, look
from ari_app.ari.strays import strays_of
from ari_app.ari.whereabouts import is_caller, is_ours
from ari_app.ports import CallSoFar

log = logging.getLogger(__name__)

GIVE_UP_SECONDS = 30.0
"""How long Asterisk may be out of reach before its calls are given up for lost."""
RESTARTED = "Asterisk was restarted"


class TakingUp:
    """Of one controller's ``lines``; ``before`` knows what another process has left."""

    def __init__(self, client: Callable[[], AriClient], app: str, lines: Lines, before: Predecessor) -> None:
        self._client = client
        self._app = app
        self._lines = lines
        self._before = before
        self._left_read = False
        self._loop = asyncio.get_running_loop()
        self._deaf_since: float | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self._asterisk = ""

    def disconnected(self, reason: str) -> None:
        """Calls live on in Asterisk; but nothing new is done to one while we hear nothing of it."""
        self._lines.heard.clear()
        if self._deaf_since is None:
            self._deaf_since = self._loop.time()
            self._giving_up = self._loop.call_later(GIVE_UP_SECONDS, self._give_up)
        if self._lines.all:
            log.warning("%d live calls go on unheard: %s", len(self._lines.all), reason)

    def _give_up(self) -> None:
        """What the calls go through will never be known: they are over, as far as we are concerned."""
        self._lines.lose(f"there was no connection to Asterisk for {GIVE_UP_SECONDS:g} s")

    async def take_up(self) -> None:
        """Read what became of things while we heard nothing, before the events that were held since are passed on."""
        client, app = self._client(), self._app
        found = await self._left_open()
        left = [call for call in found or () if call.opened.channel not in self._lines]
        asked = [line.in_question for line in self._lines.all]
        sought: list[LeftCall | InQuestion] = [*map(left_of, left), *asked]
        seen = await look(
            client,
            app,
            hear_of=[*(call.opened.channel for call in left), *(one for each in asked for one in each.channels)],
            playbacks=[one for each in sought for one in each.playbacks],
            recordings=[one for each in sought for one in each.recordings],
        )
        handed = await rung_by_dial(client, seen)
        # From here on nothing is awaited: no task runs before it knows what was missed.
        self._catch_up(asked, seen)
        for call in left:
            self._resume(call, handed.get(call.opened.channel, NOT_RUNG), seen)
        self._take_up_strays(handed, seen)
        self._left_read = found is not None
        self._lines.heard.set()

    async def _left_open(self) -> Sequence[CallSoFar] | None:
        """The calls that another process has left, until they are taken up; those in the dialplan's hands are not ours
        to go on with. None while nobody can tell."""
        if self._left_read:
            return ()
        left = await self._before.left_open()
        dialplans = await self._before.served_by_dialplan(left) if left else ()
        return None if left is None else [call for call in left if call.opened.channel not in dialplans]

    async def take_up_late(self) -> None:
        """What the journal could not tell of when we were connected: by now those callers are gone, or are served."""
        if self._left_read or (found := await self._left_open()) is None:
            return
        seen = await look(self._client(), self._app)
        for call in found:
            if call.opened.channel not in self._lines and call.opened.channel not in seen.channels:
                self._resume(call, NOT_RUNG, seen)
        self._left_read = True

    def _catch_up(self, asked: Sequence[InQuestion], seen: Seen) -> None:
        """Tell each line what it missed."""
        restarted = self._asterisk not in ("", seen.started)
        self._asterisk = seen.started
        unheard, self._deaf_since = self._loop.time() - (self._deaf_since or self._loop.time()), None
        if self._giving_up is not None:
            self._giving_up.cancel()
        for one in asked:
            if restarted and one.line.channel_id not in seen.channels:
                one.line.lost(RESTARTED)
            else:
                one.line.catch_up(one, seen, unheard)

    def _resume(self, call: CallSoFar, handed: RungByDial, seen: Seen) -> None:
        """Go on with a call that another process began, as it is found; the fallback's are left to it."""
        channel = seen.channels.get(call.opened.channel)
        if channel is not None and not is_ours(channel):
            return
        line = self._lines.line(channel or of_the_gone(call))
        if channel is None and began_after(seen, call):
            line.lost(RESTARTED)
        line.take_up(call.opened.call_id, left_of(call, handed), seen)
        self._lines.begin(line, lambda: self._before.go_on(line, call))

    def _take_up_strays(self, handed: Mapping[str, RungByDial], seen: Seen) -> None:
        """A caller in our hands of whom nothing is on record is served from the beginning; the rest is ended."""
        strays = strays_of(self._app, seen, self._lines.registry)
        for channel in strays.channels:
            if (
                is_caller(self._app, channel)
                and channel["id"] not in self._lines.given_up
                and not isinstance(self._before, Nobody)
            ):
                self._resume(self._before.unwritten(channel), handed.get(channel["id"], NOT_RUNG), seen)
        self._end_strays(seen)

    async def sweep(self) -> None:
        """End every channel and bridge of ours that no live call knows, such as a crash or a lost connection leaves."""
        self._end_strays(await look(self._client(), self._app))

    def _end_strays(self, seen: Seen) -> None:
        client = self._client()
        strays = strays_of(self._app, seen, self._lines.registry)
        for channel in strays.channels:
            client.channels.hangup(channel["id"], "normal")
        for bridge_id in strays.bridges:
            client.bridges.destroy(bridge_id)
        if strays.channels or strays.bridges:
            log.warning(
                "swept %d channels and %d bridges that %s had left behind",
                len(strays.channels),
                len(strays.bridges),
                self._app,
            )

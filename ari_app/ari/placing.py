"""The legs of one call: placed by us or handed to Dial(), looked up when an answer is lost, told to end together."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ari_app.ari.caller import Shown, presentable
from ari_app.ari.callerside import NEWS_SECONDS, CallerSide
from ari_app.ari.client import AriClient
from ari_app.ari.errors import AriError, Disconnected, RequestTimeout
from ari_app.ari.events import Channel
from ari_app.ari.handover import HandedLeg, Handover
from ari_app.ari.legs import UNSEEN, AriLeg, done
from ari_app.ari.registry import Registry
from ari_app.ari.seen import Seen
from ari_app.ari.settings import own_id
from ari_app.ari.whereabouts import came_back, in_ring
from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.ports import LegRefused

log = logging.getLogger(__name__)

NET_SECONDS = 60
"""How much later than our own limit on a call Asterisk's ends a leg; the dialplan gives the caller's side as much."""


@dataclass(frozen=True, slots=True)
class RungByDial:
    """A leg that Dial() rings for a caller: its id, and that of its channel; empty where they are not known."""

    leg_id: str = ""
    channel: str = ""


NOT_RUNG = RungByDial()


class Placing:
    """Every leg that was placed for one caller; ids all begin with the call's."""

    def __init__(
        self,
        client: AriClient,
        registry: Registry,
        app: str,
        side: CallerSide,
        channel: Channel,
        *,
        longest_seconds: float,
    ) -> None:
        self.legs: list[AriLeg | HandedLeg] = []
        self.handed: HandedLeg | None = None
        self._caller_id = channel["caller"]["number"]
        self._client = client
        self._registry = registry
        self._app = app
        self._side = side
        self._handover = Handover(client, app, channel)
        self._longest_seconds = longest_seconds

    async def place(self, leg_id: str, endpoint: str, net_seconds: int, shown: Shown) -> AriLeg:
        """Ring it ourselves, beside others."""
        await self._side.hearing()
        leg = AriLeg(self._client, own_id(self._app, leg_id))
        self._own(leg)
        created = self._client.channels.originate(
            endpoint,
            self._app,
            leg.id,
            caller_id=presentable(shown.number or self._caller_id),
            timeout=net_seconds,
            originator=self._side.channel_id,
            variables={"TIMEOUT(absolute)": str(round(self._longest_seconds) + NET_SECONDS), **shown.variables},
        )
        leg.asked_for(created)
        try:
            await asyncio.shield(created)
        except asyncio.CancelledError:
            leg.hang_up(LegOutcome.CALLER_LEFT if self._side.gone.done() else LegOutcome.ANSWERED_ELSEWHERE)
            raise
        except (RequestTimeout, Disconnected) as unsure:
            await self._read_again(leg, unsure)
        except AriError as error:
            leg.over(LegEnd(LegOutcome.FAILED, text=str(error)))
            raise LegRefused(leg.ended.result()) from None
        return leg

    def _own(self, leg: AriLeg) -> None:
        self.legs.append(leg)
        self._registry.add(leg.id, leg)

    async def _read_again(self, leg: AriLeg, unsure: AriError) -> None:
        """Whether a leg rings that Asterisk has not answered for: looked up, never asked for twice."""
        await self._side.hearing()
        try:
            leg.catch_up(await self._client.channels.get(leg.id))
        except AriError:
            leg.hang_up(LegOutcome.FAILED)
            raise LegRefused(LegEnd(LegOutcome.FAILED, text=str(unsure))) from None

    async def hand_over(self, leg_id: str, endpoint: str, net_seconds: int, diverted_from: str) -> HandedLeg:
        """Let the dialplan ring it, and connect the two when it answers: a third of the requests and events."""
        await self._side.in_stasis()
        leg = HandedLeg(self._client, leg_id)
        self.legs.append(leg)
        self.handed = leg
        self._side.entered = asyncio.get_running_loop().create_future()
        try:
            await asyncio.shield(self._handover.begin(endpoint, net_seconds, leg.id, diverted_from))
        except asyncio.CancelledError:
            leg.hang_up(LegOutcome.CALLER_LEFT)
            raise
        except AriError as error:
            await self._side.hearing()
            if not await self._handover.happened(error, leg.id):
                await self._keep(leg, error)
        return leg

    async def _keep(self, leg: HandedLeg, error: AriError) -> None:
        """The caller was not taken by the dialplan; when that is because of a hang-up, ``gone`` is to tell it."""
        done(self._side.entered, None)
        leg.hang_up(LegOutcome.FAILED)  # should it ring after all
        leg.over(LegEnd(LegOutcome.FAILED, text=str(error)))
        await asyncio.wait([self._side.gone], timeout=NEWS_SECONDS)
        raise LegRefused(leg.ended.result())

    # --- after events were missed -------------------------------------------------------------------------------------

    @property
    def in_question(self) -> tuple[Sequence[AriLeg], HandedLeg | None]:
        """The legs that Asterisk has, unless they have ended unheard; of Dial()'s the last, once it was begun."""
        own = [leg for leg in self.legs if isinstance(leg, AriLeg) and leg.in_question]
        return own, self.handed if self._handover.is_done else None

    def catch_up(self, own: Sequence[AriLeg], handed: HandedLeg | None, seen: Seen) -> None:
        """Take in how those in question are found."""
        for leg in own:
            leg.catch_up(seen.channels.get(leg.id))
        caller = seen.channels.get(self._side.channel_id)
        if handed is None:
            return
        if caller is None:
            handed.over(LegEnd(LegOutcome.CALLER_LEFT, text=UNSEEN))
        elif handed.is_told_of(back := came_back(caller)):
            done(self._side.entered, None)
            handed.on_back(back)
        elif in_ring(caller):
            handed.catch_up(caller)

    # --- of a call that another process began -------------------------------------------------------------------------

    def take_up(self, call_id: str, handed: RungByDial, seen: Seen) -> None:
        """Find the legs that Asterisk has of it: those with the call's id in theirs, and one of Dial()'s."""
        own = own_id(self._app, f"{call_id}-")
        for channel_id in sorted((one for one in seen.channels if one.startswith(own)), key=_place):
            leg = AriLeg(self._client, channel_id)
            self._own(leg)
            leg.catch_up(seen.channels[channel_id])
        caller = seen.channels.get(self._side.channel_id)
        if caller is None or not in_ring(caller):
            return
        back = came_back(caller)
        self.handed = HandedLeg(self._client, back[3] if len(back) > 3 else handed.leg_id, handed.channel)
        self.legs.append(self.handed)
        self.handed.catch_up(caller)
        if back:
            self.handed.on_back(back)

    def found(self) -> Sequence[str]:
        """Their ids, as the journal has them."""
        return [leg.id.removeprefix(own_id(self._app, "")) for leg in self.legs]

    def adopt(self, leg_id: str) -> AriLeg | HandedLeg:
        """One of them. Raises LegRefused."""
        for leg in self.legs:
            if leg.id in (leg_id, own_id(self._app, leg_id)):
                return leg
        raise LegRefused(LegEnd(LegOutcome.FAILED, text=UNSEEN))

    # --- their end ----------------------------------------------------------------------------------------------------

    def lost(self, why: str) -> None:
        """Nothing more will be heard of them."""
        for leg in self.legs:
            done(leg.settled, LegEnd(LegOutcome.FAILED, text=why))

    def leave(self) -> None:
        """They are somebody else's now."""
        for leg in self.legs:
            leg.leave()

    def hang_up(self) -> list[Future[Any]]:
        """Tell all of them to end; their endings."""
        for leg in self.legs:
            leg.hang_up(LegOutcome.CALLER_LEFT)
        return [leg.ended for leg in self.legs]

    def forget(self) -> None:
        """Listen to none of them any more."""
        for leg in self.legs:
            self._registry.remove(leg.id)

    def warn_of_those_left(self) -> None:
        """Once they should have ended."""
        for leg in self.legs:
            if not leg.ended.done():
                log.warning("leg %s is not known to have ended; the next sweep looks for it", leg.id)


def _place(channel_id: str) -> int:
    """Which leg of its call it is: the end of its id."""
    end = channel_id.rpartition("-")[2]
    return int(end) if end.isdecimal() else 0

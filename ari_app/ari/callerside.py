"""A caller's channel as its line knows it: in whose hands it is, answered or not, and whether we hear of it."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Awaitable, Callable
from typing import Any

from ari_app.ari.errors import AriError, Disconnected
from ari_app.core.outcomes import CallerEnd
from ari_app.ports import LineTrouble

ENTER_SECONDS = 2.0
"""How long Asterisk may take to hand a caller over."""
NEWS_SECONDS = 0.3
"""How long after a refusal the event that explains it may take."""


class CallerSide:
    """``gone`` and ``entered`` (into Stasis) become done; the latter is made anew when the dialplan gets the caller.
    ``heard`` is set while events come."""

    def __init__(self, channel_id: str, heard: asyncio.Event | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.channel_id = channel_id
        self.gone: Future[CallerEnd] = loop.create_future()
        self.entered: Future[None] = loop.create_future()
        self.answered = False
        self.claimed = False
        """Whether Asterisk has said that the call is ours; it will hand it over."""
        self.told_to_go = False
        self._heard = heard or _always()

    def answered_by(self, answer: Future[Any]) -> None:
        """The caller is answered whatever becomes of the leg that it was done for."""
        self.answered = self.answered or (not answer.cancelled() and answer.exception() is None)

    def left_unseen(self) -> CallerEnd:
        """How a caller left whose channel is no more."""
        return CallerEnd.HUNG_UP if self.answered else CallerEnd.CANCELLED

    async def hearing(self) -> None:
        """Nothing new is begun, or looked for, while we hear nothing of what becomes of it."""
        if not self._heard.is_set():
            hearing = asyncio.ensure_future(self._heard.wait())
            try:
                await asyncio.wait((hearing, self.gone), return_when=asyncio.FIRST_COMPLETED)
            finally:
                hearing.cancel()

    async def in_stasis(self) -> None:
        """Nothing can be done to the caller's channel before Asterisk has handed it over. Raises LineTrouble."""
        await self.hearing()
        if self.entered.done():
            return
        await asyncio.wait((self.entered, self.gone), timeout=ENTER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        await self.hearing()  # cut meanwhile: what is found then will tell
        if not self.entered.done() and not self.gone.done():
            raise LineTrouble("Asterisk did not hand the call over")

    async def done(self, answer: Awaitable[Any], what: str, also: Callable[[], bool] = lambda: False) -> Any:
        """The answer; a refusal because the caller has gone is left to ``gone`` to tell. One that was lost with the
        connection is no trouble if, once we hear again, it is found to be done ``also``. Raises LineTrouble."""
        try:
            return await (asyncio.shield(answer) if isinstance(answer, Future) else answer)
        except AriError as error:
            if isinstance(error, Disconnected):
                await self.hearing()
                if also():
                    return None
            await asyncio.wait([self.gone], timeout=NEWS_SECONDS)
            raise LineTrouble(f"could not {what}: {error}") from None


def _always() -> asyncio.Event:
    """For a line that is alone: it hears."""
    heard = asyncio.Event()
    heard.set()
    return heard

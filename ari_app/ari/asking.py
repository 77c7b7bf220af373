"""Asks one leg for a key: what is played to it stops when the key is pressed, and the time counts from the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from ari_app.ari.callerside import CallerSide
from ari_app.ari.client import AriClient
from ari_app.ari.legs import AriLeg
from ari_app.ari.media import CallerMedia
from ari_app.ari.registry import Registry
from ari_app.ports import LineTrouble

STOP_SECONDS = 1.0
"""How long the end of a prompt is waited for that was stopped: until then the leg cannot be connected."""


class Asking:
    """Asks the legs of one line. ``heard`` is set while events come."""

    def __init__(self, client: AriClient, registry: Registry, heard: asyncio.Event | None) -> None:
        self._client = client
        self._registry = registry
        self._heard = heard

    async def ask(self, leg: AriLeg, sounds: Sequence[str], key: str, seconds: float) -> bool:
        """Whether ``key`` is pressed within so many seconds. A prompt that cannot be played costs nobody the call."""
        side = CallerSide(leg.id, self._heard)
        side.entered = leg.entered
        pressed = asyncio.ensure_future(_pressed(leg, key))
        playing = asyncio.ensure_future(self._play(side, sounds, seconds, pressed))
        try:
            await asyncio.wait((pressed, leg.ended), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if pressed.done():
                await asyncio.wait((playing,), timeout=STOP_SECONDS)
            return pressed.done()
        finally:
            pressed.cancel()
            playing.cancel()

    async def _play(
        self, side: CallerSide, sounds: Sequence[str], seconds: float, pressed: asyncio.Future[str]
    ) -> None:
        with suppress(LineTrouble):
            await CallerMedia(self._client, self._registry, side).play(sounds, seconds, pressed)


async def _pressed(leg: AriLeg, key: str) -> str:
    while await leg.keys.next() != key:
        pass
    return key

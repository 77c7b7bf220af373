"""Reads and clears the notes that the dialplan takes in Asterisk's own database (AstDB), over ARI alone.

ARI reads no value of that database (`DB` is one of the functions that live_dangerously=no forbids), and a function only
by a channel: so a note is a key, `DB_KEYS` lists them, and a Local channel is opened for the moment of reading. Seen on
Asterisk 22.10.1: 5,000 keys in 22 ms, `DB_DELETE` by writing to it is allowed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from ari_app.ari.client import AriClient
from ari_app.ari.errors import NotFound
from ari_app.core.fallback_notes import FallbackNote, by_call

FAMILY = "ari-app"
CHANGES = "ARI_APP_FALLBACK"
"""The dialplan's global variable that changes with each call that begins and ends in the fallback."""
READER = "fallback-reader"


class DialplanNotes:
    """The notes at one Asterisk; ``client`` is asked for each time. Every method raises AriError."""

    def __init__(self, client: Callable[[], AriClient]) -> None:
        self._client = client

    async def changes(self) -> str:
        """A word that is another one whenever there may be something new. One request."""
        return (await self._client().asterisk.get_variable(CHANGES))["value"]

    async def read(self) -> Mapping[str, tuple[FallbackNote, ...]]:
        """The notes of every call there is, live or over, by its channel."""
        found: list[str] = []
        for seconds in await self._keys(FAMILY):
            found += [f"{seconds}/{key}" for key in await self._keys(f"{FAMILY}/{seconds}")]
        return by_call(found)

    async def live(self) -> frozenset[str]:
        """The channels that Asterisk has now."""
        return frozenset(channel["id"] for channel in await self._client().channels.list())

    async def clear(self, notes: Iterable[FallbackNote]) -> None:
        """Remove notes, in their order; sent in one go."""
        asterisk = self._client().in_order().asterisk
        await asyncio.gather(*(asterisk.set_variable(f"DB_DELETE({FAMILY}/{note.key})", "1") for note in notes))

    async def _keys(self, prefix: str) -> list[str]:
        channels, reader = self._client().channels, f"{READER}-{secrets.token_hex(8)}"
        await channels.start(f"Local/read@{READER}", reader, context=READER, extension="read")
        try:
            told = (await channels.get_variable(reader, f"DB_KEYS({prefix})"))["value"]
        finally:
            with suppress(NotFound):
                await channels.hangup(reader)
        return [key for key in told.split(",") if key]

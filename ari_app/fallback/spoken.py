"""The messages that the dialplan recorded: taken into our folder under names of our own."""

from __future__ import annotations

from typing import Protocol

from ari_app.core.outcomes import Recorded
from ari_app.message_store import MessageStore


class Renaming(Protocol):
    """Recordings at Asterisk that can be told what we call them."""

    def comes_from(self, name: str, source: str) -> None:
        """What we call ``name`` is called ``source`` there."""


class Spoken:
    """A `ari_app.fallback.intake.Keeper`: the store of messages, told where each comes from."""

    def __init__(self, store: MessageStore, recordings: Renaming) -> None:
        self._store = store
        self._recordings = recordings

    async def take(self, name: str, source: str) -> Recorded:
        """Fetch and keep it; trouble is told in the result."""
        self._recordings.comes_from(name, source)
        return await self._store.take(name)

    async def settle(self, name: str, source: str, *, kept: bool) -> None:
        """Do what is left to do, and remove it at its source; and here, unless it is ``kept``."""
        self._recordings.comes_from(name, source)
        await self._store.settle(name, kept=kept)

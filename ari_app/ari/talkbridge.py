"""The bridge that a caller talks in with a leg of ours: made with the first leg that needs one."""

from __future__ import annotations

from asyncio import Future
from typing import Any

from ari_app.ari.client import AriClient
from ari_app.ari.events import Bridge


class TalkBridge:
    """One call's bridge; its id is known from the start."""

    def __init__(self, bridge_id: str) -> None:
        self.id = bridge_id
        self._members: frozenset[str] = frozenset()
        self._asked_for = False
        self._made = False

    def take_up(self, bridge: Bridge) -> None:
        """It is there already, made by another process."""
        self._asked_for = self._made = True
        self._members = frozenset(bridge["channels"])

    def holds(self, *channel_ids: str) -> bool:
        """Whether all of these were in it when it was taken up."""
        return self._members >= {*channel_ids}

    def join(self, client: AriClient, *channel_ids: str) -> list[Future[Any]]:
        """Send what it takes to have these in it together, all or none; the answers. ``client`` must keep the order."""
        waiting: list[Future[Any]] = []
        if not self._made:
            self._asked_for = True
            made = client.bridges.create(self.id)
            made.add_done_callback(self._on_made)
            waiting.append(made)
        waiting.append(client.bridges.add_channel(self.id, *channel_ids))
        return waiting

    def _on_made(self, made: Future[Bridge]) -> None:
        """One that Asterisk never heard of is asked for again with the next leg."""
        self._made = not made.cancelled() and made.exception() is None

    def read_again(self, client: AriClient) -> Future[Bridge]:
        """Ask who is in it, after an answer that did not come; one that is there was made."""
        read = client.bridges.get(self.id)
        read.add_done_callback(self._on_made)
        return read

    def destroy(self, client: AriClient) -> None:
        """End it, if there may be one."""
        if self._asked_for:
            client.bridges.destroy(self.id)

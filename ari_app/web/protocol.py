"""uvicorn's HTTP/1.1 with patience that ends: whoever sends or reads too slowly is let go."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger(__name__)

HEAD_SECONDS = 10.0
"""So long the head of a request may take, from its first byte (or the connection) to its last."""

_NOT_AT_ALL = struct.pack("ii", 1, 0)

REQUEST_SECONDS = 60.0
"""So long a request may take as a whole, from its head until its answer has been read."""


class ImpatientProtocol(H11Protocol):
    """uvicorn closes connections that are idle between requests; this closes those that are slow within one."""

    head_seconds = HEAD_SECONDS
    request_seconds = REQUEST_SECONDS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head: asyncio.TimerHandle | None = None
        self._request: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP always gives this kind
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Take what came, and see whether a head is whole now."""
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop(self._head)
        self._stop(self._request)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The answer has gone out: the request is over."""
        self._stop(self._request)
        self._request = None
        super().on_response_complete()

    def _watch_head(self) -> None:
        if self.conn.their_state is h11.IDLE:
            if self._head is None:
                self._head = self.loop.call_later(self.head_seconds, self._give_up, "the head of a request")
            return
        self._stop(self._head)
        self._head = None
        if self._request is None and self.cycle is not None and not self.cycle.response_complete:
            self._request = self.loop.call_later(self.request_seconds, self._give_up, "a request")

    def _give_up(self, what: str) -> None:
        log.warning("a connection was closed: %s took too long", what)
        # Without lingering: what nobody reads would else stay in the kernel's memory, for minutes.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOT_AT_ALL)
        self.transport.abort()

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()

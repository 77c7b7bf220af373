"""A provider on a local port that takes every message at once, and remembers which and when."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from types import TracebackType
from typing import NamedTuple

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_REF = re.compile(rb"ref=([0-9a-f]{32})")
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"  # ids as long as a provider's
)

CONFIGURATION = """\
gateways:
  - kind: http
    name: bench
    rate: 10000
    allow_private: true
    send:
      url: http://127.0.0.1:{port}/messages
      form: {{to: "{{to}}", text: "{{text}}", ref: "{{ref}}"}}
    answer:
      id: id
"""
"""A file for ARI_APP_GATEWAYS_FILE."""


class Taken(NamedTuple):
    """One message that was taken: our id of it, and when, by the monotonic clock in seconds."""

    ref: str
    at: float


class LocalGateway:
    """Listens while it is entered; ``taken`` grows as messages come, in a thread of its own."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)

    def __enter__(self) -> LocalGateway:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Conversation(self.taken), "127.0.0.1", 0)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.close()


class _Conversation(asyncio.Protocol):
    """Requests of one sender's thread, one after the other."""

    def __init__(self, taken: list[Taken]) -> None:
        self._taken = taken
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, ended, body = self._got.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not ended or len(body) < (int(length[1]) if length else 0):
            return
        self._got = b""
        ref = _REF.search(body)
        if ref is None:
            raise ValueError("a message came without our id; see CONFIGURATION")
        self._taken.append(Taken(ref[1].decode(), time.monotonic()))
        answer = b'{"id": "%s"}' % ref[1]
        self._transport.write(_ANSWER % (len(answer), answer))

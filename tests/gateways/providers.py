"""A provider's HTTP server whose every answer is written in the test, down to when it drops the connection."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """Answer in full, and keep the connection."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def octets(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        lines = [f"HTTP/1.1 {self.status} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Raw:
    """Write these octets and close."""

    octets: bytes


class Drop:
    """Read the request, then close without a word."""


class Hang:
    """Read the request and never answer."""


class Trickle:
    """Answer one octet at a time, for ever."""


Act = Reply | Raw | Drop | Hang | Trickle
Acting = Act | Callable[[Received], Act]
"""What to do, or what says so of what came."""


class Provider:
    """Listens on loopback; gives its ``acts`` in their order, the last one again and again."""

    def __init__(self, *acts: Acting, tls: ssl.SSLContext | None = None) -> None:
        self.acts: deque[Acting] = deque(acts or (Reply(),))
        self.received: list[Received] = []
        self.connections = 0
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(client)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
                self._open.append(client)
            with client, client.makefile("rb") as file:
                while (received := _read(file)) is not None:
                    self.received.append(received)
                    act = self.acts.popleft() if len(self.acts) > 1 else self.acts[0]
                    if not self._perform(act(received) if callable(act) else act, client):
                        return
        except OSError:
            return

    def _perform(self, act: Act, client: socket.socket) -> bool:
        """Whether the connection goes on."""
        match act:
            case Reply():
                client.sendall(act.octets())
                return True
            case Raw(octets):
                client.sendall(octets)
            case Hang():
                self._over.wait()
            case Trickle():
                client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not self._over.wait(0.02):
                    client.sendall(b"x")
            case _:
                pass
        return False

    def close(self) -> None:
        self._over.set()
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # a close alone does not wake who waits in accept
            sock.close()
        for thread in self._threads:
            thread.join(5)


def _read(file: Any) -> Received | None:
    first = file.readline(65536).decode("latin-1").split()
    if len(first) != 3:
        return None
    headers = {}
    while line := file.readline(65536).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Received(first[0], first[1], headers, file.read(int(headers.get("content-length", "0"))))


@contextmanager
def provider(*acts: Acting, tls: ssl.SSLContext | None = None) -> Iterator[Provider]:
    """A provider for as long as the block lasts."""
    made = Provider(*acts, tls=tls)
    try:
        yield made
    finally:
        made.close()


def refusing_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port

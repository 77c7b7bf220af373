"""A TCP proxy between the controller and what it stands on: lets connections fall silent, drops, delays, cuts."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

Watch = Callable[[bytes, bool], bool]
"""Sees each chunk and whether it goes towards ARI; True lets nothing through on that connection any more."""


class Proxy:
    """Forwards one TCP port to another, in a thread of its own."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._peers: dict[socket.socket, socket.socket] = {}
        self._towards: set[socket.socket] = set()
        self._silent: set[socket.socket] = set()
        self.watch: Watch = lambda chunk, towards: False
        self.drop: Watch = lambda chunk, towards: False
        self.delay_seconds = 0.0
        """How long each chunk, in either direction, is kept before it is let through."""
        self._late: deque[tuple[float, socket.socket, bytes]] = deque()
        self._cut = False
        self._open = True
        self.shut = False
        """While it is, no new connection is let in."""
        self.most = 0
        """The most connections there have been at once, towards the target; to be set to 0 to begin anew."""
        self.silenced = threading.Event()
        """Set once ``watch`` has let a connection fall silent."""
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Close every connection there is."""
        self._cut = True
        self._wake.send(b"!")

    def close(self) -> None:
        """Close everything."""
        self._open = False
        self.cut()
        self._thread.join(5)

    def _run(self) -> None:
        while self._open:
            for key, _ in self._selector.select(self._until_due()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._woken:
                    self._woken.recv(16)
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._peers:
                    self._pump(key.fileobj)
            self._let_through()
            if self._cut:
                self._cut = False
                for one in tuple(self._peers):
                    self._drop(one)
        for one in (self._listener, self._wake, self._woken, *self._peers):
            one.close()
        self._selector.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self.shut:
            client.close()
            return
        try:
            server = socket.create_connection(self._target, timeout=2)
        except OSError:
            client.close()
            return
        for one, other in ((client, server), (server, client)):
            one.settimeout(5)
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)
        self._towards.add(client)
        self.most = max(self.most, len(self._towards))

    def _pump(self, source: socket.socket) -> None:
        target = self._peers[source]
        try:
            chunk = source.recv(65536)
            if chunk and self.watch(chunk, source in self._towards):
                self._silent |= {source, target}
                self.silenced.set()
            if not chunk:
                self._drop(source)
            elif source not in self._silent and not self.drop(chunk, source in self._towards):
                self._late.append((time.monotonic() + self.delay_seconds, target, chunk))
        except OSError:
            self._drop(source)

    def _until_due(self) -> float | None:
        return max(0.0, self._late[0][0] - time.monotonic()) if self._late else None

    def _let_through(self) -> None:
        """Send on what is due: at once, unless there is a delay."""
        while self._late and self._late[0][0] <= time.monotonic():
            _, target, chunk = self._late.popleft()
            if target in self._peers:
                try:
                    target.sendall(chunk)
                except OSError:
                    self._drop(target)

    def _drop(self, one: socket.socket) -> None:
        for each in (one, self._peers.get(one)):
            if each is not None and each in self._peers:
                self._selector.unregister(each)
                del self._peers[each]
                self._towards.discard(each)
                self._silent.discard(each)
                with contextlib.suppress(OSError):
                    each.close()

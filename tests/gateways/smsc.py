"""Two SMSCs: smpp34's own server, and one whose every answer is written in the test, of the PDUs of smpplib."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Queue
from typing import Any

import smpp34
from smpplib import smpp

from tests.gateways.providers import refusing_port


class RealSmsc:
    """smpp34's server in a thread with a loop of its own; takes every message, under the ids ``first`` and so on."""

    def __init__(self, reject: int | None = None) -> None:
        self.port = refusing_port()
        self.reject = reject
        self.submitted: Queue[smpp34.SubmitSmEvent] = Queue()
        self.bound: Queue[smpp34.Esme] = Queue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()
        self._count = 0

    def __enter__(self) -> RealSmsc:
        self._thread.start()
        assert self._started.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._stop()).result(5)
        self._loop.call_soon_threadsafe(self._events.cancel)
        self._thread.join(5)
        self._loop.close()

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._server = smpp34.Server("127.0.0.1", self.port, system_id="SMSC")
        await self._server.start()
        self._events = asyncio.ensure_future(self._take())
        self._started.set()
        await self._events

    async def _take(self) -> None:
        while True:
            match await self._server.next():
                case smpp34.Esme() as esme:
                    self.bound.put(esme)
                case smpp34.SubmitSmEvent() as event:
                    if self.reject is not None:
                        event.reject(self.reject)
                    else:
                        self._count += 1
                        event.accept(f"id-{self._count}")
                    self.submitted.put(event)

    async def _stop(self) -> None:
        await self._server.stop()

    def _call(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def deliver(self, esme: smpp34.Esme, body: bytes, **given: Any) -> int:
        """Deliver something; its answer's status."""

        async def delivered() -> smpp34.DeliverSmResp:
            return await esme.deliver_sm("1234", body, source_addr="79161234567", **given)

        answer: smpp34.DeliverSmResp = self._call(delivered()).result(5)
        return answer.command_status


@dataclass(frozen=True)
class Say:
    """Answer a submit_sm so; further ones after it, if ``more``."""

    status: int = 0
    message_id: str = "5f"
    nack: bool = False


class Drop:
    """Close without an answer."""


class Silence:
    """No answer, and the connection stays."""


class Octets:
    """Write these, which are no PDU."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets


class _Sequence:
    """What smpplib takes sequence numbers from."""

    sequence = 1000

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence


def pdu(command: str, sequence: int, status: int = 0, **fields: Any) -> bytes:
    """A PDU by smpplib."""
    made = smpp.make_pdu(command, client=_Sequence(), **fields)
    made.sequence, made.status = sequence, status
    octets: bytes = made.generate()
    return octets


class ScriptedSmsc:
    """Binds who knows the password; answers each submit_sm with the next of ``says``, the last one again and again."""

    def __init__(self, *says: Say | Drop | Silence | Octets, bind: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.says = deque(says or (Say(),))
        self.bind_status = bind
        self.answers_links = True
        self.next: deque[bytes] = deque()
        """Written after the next answer, by the thread that reads: an encrypted connection is for one at a time."""
        self.binds: Queue[Any] = Queue()
        self.submits: Queue[Any] = Queue()
        self.links: Queue[Any] = Queue()
        self.answers: Queue[Any] = Queue()
        self.unbinds: Queue[Any] = Queue()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.clients: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def __enter__(self) -> ScriptedSmsc:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self.clients):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            self.clients.append(client)
            with client, client.makefile("rb") as file:
                while head := file.read(4):
                    raw = head + file.read(struct.unpack(">I", head)[0] - 4)
                    received = smpp.parse_pdu(raw, client=_Sequence(), allow_unknown_opt_params=True)
                    if not self._answer(client, received):
                        return
                    while self.next:
                        client.sendall(self.next.popleft())

    def _answer(self, client: socket.socket, received: Any) -> bool:
        """Whether the connection goes on."""
        match received.command:
            case "bind_transceiver":
                client.sendall(pdu("bind_transceiver_resp", received.sequence, self.bind_status, system_id="SMSC"))
                self.binds.put(received)  # afterwards: nothing may be delivered before the bind is answered
            case "submit_sm":
                return self._say(client, received)
            case "enquire_link":
                self.links.put(received)
                if self.answers_links:
                    client.sendall(pdu("enquire_link_resp", received.sequence))
            case "unbind":
                self.unbinds.put(received)
                client.sendall(pdu("unbind_resp", received.sequence))
            case _:
                self.answers.put(received)
        return True

    def _say(self, client: socket.socket, received: Any) -> bool:
        self.submits.put(received)
        match self.says.popleft() if len(self.says) > 1 else self.says[0]:
            case Say(status, message_id, nack):
                if nack:
                    client.sendall(pdu("generic_nack", received.sequence, status))
                else:
                    client.sendall(pdu("submit_sm_resp", received.sequence, status, message_id=message_id))
            case Octets() as garbage:
                client.sendall(garbage.octets)
            case Drop():
                return False
        return True

    def push(self, octets: bytes) -> None:
        """Write to the connection that was made last."""
        self.clients[-1].sendall(octets)


@contextmanager
def scripted(*says: Say | Drop | Silence | Octets, **given: Any) -> Iterator[ScriptedSmsc]:
    """A scripted SMSC for as long as the block lasts."""
    with ScriptedSmsc(*says, **given) as smsc:
        yield smsc

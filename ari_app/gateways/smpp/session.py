"""One bound connection to an SMSC: requests of many threads over one socket, and what the SMSC sends by itself.

A thread reads. Another hands over what was delivered, so that a slow database does not keep answers to our own
requests waiting. deliver_sm is answered only when it has been handed over: what is not kept, the SMSC keeps.
"""

from __future__ import annotations

import itertools
import logging
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

import smpp34

from ari_app.gateways.smpp import pdus
from ari_app.gateways.smpp.pdus import Command, Pdu, Status

log = logging.getLogger(__name__)

WAITING = 100
"""Deliveries that may wait to be handed over; those beyond are asked to come again."""

Take = Callable[[smpp34.DeliverSm], None]
"""Keeps what was delivered; what it raises means that it was not kept."""


class NotBound(Exception):
    """There is no session; nothing was sent. The message says why."""


class NotWritten(Exception):
    """The session ended before the whole request was written; nothing was sent."""


class NoAnswer(Exception):
    """The request was written, and no answer came."""


@dataclass(frozen=True, slots=True)
class Smsc:
    """Where to bind and as whom; times in seconds. Its repr has no password."""

    host: str
    port: int
    system_id: str
    password: Callable[[], str]
    system_type: str = ""
    tls: ssl.SSLContext | None = None
    connect_timeout: float = 5.0
    answer_timeout: float = 15.0
    enquire_every: float = 30.0


class Session:
    """Bound when it is made. Closed once, by either side; never opened again."""

    def __init__(self, smsc: Smsc, take: Take | None) -> None:
        """Connect and bind.

        Raises:
            NotBound: that failed.
        """
        self._smsc = smsc
        self._take = take
        self._sequence = itertools.count(1)
        self._write = threading.Lock()
        self._waiting: dict[int, Future[Pdu]] = {}
        self._buffer = bytearray()
        self._deliveries: queue.Queue[Pdu | None] = queue.Queue(WAITING)
        self.closed = threading.Event()
        try:
            self._sock = self._connected()
        except OSError as error:
            raise NotBound(f"{smsc.host} could not be reached: {error.strerror or 'time-out'}") from None
        try:
            self._bind()
        except BaseException:
            self._sock.close()
            raise
        self._threads = [
            threading.Thread(target=work, name=f"smpp {smsc.host}", daemon=True)
            for work in (self._read, self._hand_over)
        ]
        for thread in self._threads:
            thread.start()

    def _connected(self) -> socket.socket:
        sock = socket.create_connection((self._smsc.host, self._smsc.port), self._smsc.connect_timeout)
        if self._smsc.tls is None:
            return sock
        try:
            return self._smsc.tls.wrap_socket(sock, server_hostname=self._smsc.host)
        except BaseException:
            sock.close()
            raise

    def _bind(self) -> None:
        smsc = self._smsc
        try:
            self._sock.settimeout(smsc.answer_timeout)
            self._sock.sendall(pdus.bind(next(self._sequence), smsc.system_id, smsc.password(), smsc.system_type))
            while (answer := pdus.take(self._buffer)) is None:
                self._receive()
        except (OSError, ValueError, EOFError):
            raise NotBound(f"{smsc.host} did not answer the bind; check host, port and tls") from None
        if answer.command != Command.BIND_TRANSCEIVER_RESP or answer.status != Status.OK:
            raise NotBound(
                f"{smsc.host} does not let us bind (status {answer.status:#x}); check system_id, password and address"
            )

    def request(self, make: Callable[[int], bytes]) -> Pdu:
        """Write a request and wait for its answer, whatever its status.

        Raises:
            NotWritten, NoAnswer: as they say.
        """
        answer: Future[Pdu] = Future()
        with self._write:
            sequence = next(self._sequence) & 0x7FFFFFFF
            octets = make(sequence)
            self._waiting[sequence] = answer
            try:
                self._send(octets)
            except NotWritten:
                self._waiting.pop(sequence, None)
                raise
        try:
            return answer.result(self._smsc.answer_timeout)
        except TimeoutError:
            raise NoAnswer("time-out") from None
        finally:
            self._waiting.pop(sequence, None)

    def _send(self, octets: bytes) -> None:
        """All of it or nothing that counts: a PDU that was broken off is none."""
        if self.closed.is_set():
            raise NotWritten("the session was closed")
        try:
            self._sock.sendall(octets)
        except OSError as error:
            self._end()
            raise NotWritten(error.strerror or "time-out") from None

    def _reply(self, octets: bytes) -> None:
        with self._write, suppress(NotWritten):
            self._send(octets)

    def _receive(self) -> None:
        octets = self._sock.recv(65536)
        if not octets:
            raise EOFError
        self._buffer += octets

    def _await(self) -> None:
        """Wait until there is something to read, and read it.

        Raises:
            TimeoutError: nothing came for as long as an SMSC may be silent.
        """
        ready = select.poll()
        ready.register(self._sock, select.POLLIN)
        if not ready.poll(self._smsc.enquire_every * 1000):
            raise TimeoutError
        if isinstance(self._sock, ssl.SSLSocket):
            self._receive_encrypted(self._sock)
        else:
            self._receive()

    def _receive_encrypted(self, sock: ssl.SSLSocket) -> None:
        """An encrypted connection is not for a reader and a writer at once, so it is read under the writers' lock, and
        without waiting: what came may be of TLS's own, and no word to us."""
        with self._write:
            sock.settimeout(0)
            try:
                while True:  # what is decrypted already, poll does not see
                    self._receive()
            except ssl.SSLWantReadError:
                return
            finally:
                with suppress(OSError):
                    sock.settimeout(self._smsc.answer_timeout)

    def _read(self) -> None:
        """Until the session ends; the SMSC is asked for a sign of life when it has been silent."""
        silent = 0
        try:
            while not self.closed.is_set():
                while (received := pdus.take(self._buffer)) is not None:
                    self._handle(received)
                try:
                    self._await()
                    silent = 0
                except TimeoutError:
                    silent += 1
                    if silent > 1:
                        raise
                    self._reply(pdus.pdu(Command.ENQUIRE_LINK, next(self._sequence) & 0x7FFFFFFF))
        except (OSError, EOFError, ValueError) as error:
            if not self.closed.is_set():
                log.warning("the session with %s has ended: %s", self._smsc.host, type(error).__name__)
        finally:
            self._end()

    def _handle(self, received: Pdu) -> None:
        match received.command:
            case Command.SUBMIT_SM_RESP | Command.GENERIC_NACK:
                if (answer := self._waiting.pop(received.sequence, None)) is not None:
                    answer.set_result(received)
            case Command.ENQUIRE_LINK:
                self._reply(pdus.pdu(Command.ENQUIRE_LINK_RESP, received.sequence))
            case Command.DELIVER_SM:
                try:
                    self._deliveries.put_nowait(received)
                except queue.Full:
                    self._reply(pdus.delivered(received.sequence, Status.QUEUE_FULL))
            case Command.UNBIND:
                self._reply(pdus.pdu(Command.UNBIND_RESP, received.sequence))
                raise EOFError
            case command if not command & 0x80000000 and command != Command.ALERT_NOTIFICATION:
                self._reply(pdus.pdu(Command.GENERIC_NACK, received.sequence, Status.INVALID_COMMAND))

    def _hand_over(self) -> None:
        while (received := self._deliveries.get()) is not None and not self.closed.is_set():
            message = pdus.deliver_sm(received)
            self._reply(pdus.delivered(received.sequence, self._kept(message)))

    def _kept(self, message: smpp34.DeliverSm | None) -> Status:
        if message is None:
            log.warning("%s delivered something that cannot be read; it was told so", self._smsc.host)
            return Status.PERMANENT
        if self._take is None:  # nobody is there to keep it
            return Status.TEMPORARY
        try:
            self._take(message)
        except Exception:  # whatever it is, the message is not kept, and the session goes on
            log.exception("what %s delivered could not be kept; it will deliver it again", self._smsc.host)
            return Status.TEMPORARY
        return Status.OK

    def _end(self) -> None:
        """Wake all who wait. It is not known what became of their requests."""
        self.closed.set()
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        for sequence in list(self._waiting):
            if (answer := self._waiting.pop(sequence, None)) is not None:
                answer.set_exception(NoAnswer("the session ended"))
        with suppress(queue.Full):
            self._deliveries.put_nowait(None)

    def close(self) -> None:
        """Unbind and end; waits for the threads, a second at most."""
        if not self.closed.is_set():
            self._reply(pdus.pdu(Command.UNBIND, next(self._sequence) & 0x7FFFFFFF))
        self._end()
        until = time.monotonic() + 1.0
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))
        self._sock.close()

"""The parts that break: how each is killed, frozen and mended."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ari_app.lab.asterisk import AsteriskInstance
from ari_app.lab.errors import LabError
from tests.chaos.faults import How
from tests.e2e.controller import Controller
from tests.e2e.proxy import Proxy
from tests.storage.postgres import PrivatePostgres

RESTART_SECONDS = 1.0
"""After so long a program that has ended by itself is started again, as systemd would."""
READY_SECONDS = 30.0


class Breakable(Protocol):
    """A part."""

    def strike(self, how: How, seconds: float) -> None:
        """Break it; it will be mended after ``seconds``."""

    def mend(self) -> None:
        """Have it back; returns when it serves again, or after 30 s."""


class Program:
    """A command of ours, supervised: what has ended by itself is started again."""

    def __init__(self, controller: Controller, ready: str) -> None:
        self.controller = controller
        self.ended_by_itself = 0
        self._ready = ready
        self._frozen = False
        self._wanted = threading.Event()
        self._over = threading.Event()
        self._turn = threading.Lock()
        self._watch = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Run it, and keep it running."""
        self.controller.launch()
        self.controller.said(self._ready, seconds=READY_SECONDS)
        self._wanted.set()
        self._watch.start()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.leave()
        return self.controller.stop(40)

    def leave(self) -> None:
        """Start it no more."""
        self._over.set()
        self._wanted.set()
        if self._watch.ident is not None:
            self._watch.join(READY_SECONDS)
        if self._frozen:
            self.controller.signal(signal.SIGCONT)

    def strike(self, how: How, seconds: float) -> None:
        """Kill or freeze the process."""
        with self._turn:
            self._wanted.clear()
            if how is How.KILLED:
                self.controller.kill()
            elif self.controller.running:
                self.controller.signal(signal.SIGSTOP)
                self._frozen = True

    def mend(self) -> None:
        """Start it again, or let it go on."""
        mark = self.controller.mark
        if self._frozen:
            self._frozen = False
            self.controller.signal(signal.SIGCONT)
            self._wanted.set()
            return
        self.controller.launch()
        self._wanted.set()
        with suppress(AssertionError):  # what it stands on may be away: then it is ready later
            self.controller.said(self._ready, since=mark, seconds=READY_SECONDS)

    def _supervise(self) -> None:
        while self._wanted.wait() and not self._over.wait(RESTART_SECONDS):
            with self._turn:
                if self._wanted.is_set() and not self._over.is_set() and not self.controller.running:
                    self.ended_by_itself += 1
                    self.controller.launch()


class Switch:
    """Asterisk."""

    def __init__(self, asterisk: AsteriskInstance) -> None:
        self._asterisk = asterisk
        self._frozen: int | None = None

    def strike(self, how: How, seconds: float) -> None:
        """Kill or freeze it. In a container it is killed instead of frozen: its process is not ours."""
        pid = self._asterisk.pid
        if how is How.FROZEN and pid is not None and self._asterisk.kind.name != "docker":
            os.kill(pid, signal.SIGSTOP)
            self._frozen = pid
        else:
            self._asterisk.kill()

    def mend(self) -> None:
        """Start it again, or let it go on."""
        if self._frozen is not None:
            os.kill(self._frozen, signal.SIGCONT)
            self._frozen = None
            return
        give_up = time.monotonic() + READY_SECONDS
        while self._asterisk.pid is None:
            try:
                self._asterisk.start()
            except LabError:  # a port of the dead one may not be free yet
                if time.monotonic() > give_up:
                    raise


class Postgres:
    """The database, where it is PostgreSQL: all its processes."""

    def __init__(self, server: PrivatePostgres) -> None:
        self._server = server
        self._frozen: list[int] = []

    def strike(self, how: How, seconds: float) -> None:
        """Kill or freeze the server with every process of it."""
        pids = self._server.pids()
        number = signal.SIGKILL if how is How.KILLED else signal.SIGSTOP
        _tell(pids, number)
        self._frozen = pids if how is How.FROZEN else []

    def mend(self) -> None:
        """Start it again, or let it go on."""
        if self._frozen:
            _tell(self._frozen, signal.SIGCONT)
            self._frozen = []
            return
        give_up = time.monotonic() + READY_SECONDS
        started = False
        while not started:
            try:
                self._server.start()
                started = True
            except RuntimeError:  # memory of the dead one is still held by a process of it that is dying
                if time.monotonic() > give_up:
                    raise


def _tell(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class Sqlite:
    """The database, where it is a file: an admin's shell locks it, for it cannot be killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shell: sqlite3.Connection | None = None

    def strike(self, how: How, seconds: float) -> None:
        """Begin to write, and do not end."""
        self._shell = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        self._shell.execute("BEGIN IMMEDIATE")

    def mend(self) -> None:
        """Let go."""
        if self._shell is not None:
            self._shell.execute("ROLLBACK")
            self._shell.close()
            self._shell = None


class Way:
    """The way between controller and Asterisk: its websockets and its requests."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def strike(self, how: How, seconds: float) -> None:
        """Cut every connection and take no new one; or hold up all that is sent."""
        if how is How.KILLED:
            self._proxy.shut = True
            self._proxy.cut()
        else:
            self._proxy.delay_seconds = seconds

    def mend(self) -> None:
        """Let everything through again."""
        self._proxy.shut = False
        self._proxy.delay_seconds = 0.0

"""Runs the controller and its companions as child processes, each log in a file and what matters on the screen."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ari_app.lab.errors import LabError

ARI_APP = str(Path(sys.executable).with_name("ari-app"))
READY_SECONDS = 20.0
STOP_SECONDS = 5.0
CONNECTED = re.compile(r"ARI at \S+: connected")
LISTENS = re.compile(r"(?:FastAGI|the HTTP interface) is ready")
SENDS = re.compile(r"sender is running")
CALL = re.compile(
    r"\S+T(\d\d:\d\d:\d\d)\S* INFO +ari_app\.(?:service|agi\.lookup|outbox): ((?:no controller: )?(?:call|message) .*)"
)
HOUSEKEEPING = re.compile(r"\S+Z (?:INFO|DEBUG) ")


def worth_showing(line: str) -> str | None:
    """What of a line of the log a person at the screen wants to see: calls, messages, warnings and worse, and what is
    no line of a log at all, such as an error of the command line."""
    if match := CALL.match(line):
        return f"{match[1]} UTC {match[2]}"
    return None if HOUSEKEEPING.match(line) else line.rstrip()


class Controller:
    """One `ari-app serve`, or another of its commands that run until they are stopped.

    ``show`` takes the lines of its log that a person at the screen wants to see; ``ready`` is what the log says once it
    works.
    """

    def __init__(
        self, log: Path, show: Callable[[str], None], command: str = "serve", ready: re.Pattern[str] = CONNECTED
    ) -> None:
        self.log = log
        self.command = command
        self._show = show
        self._ready_line = ready
        self._ready = threading.Event()
        # A session of its own: Ctrl-C reaches whoever stops it in order, not it. The file of its settings is in the
        # environment, so that its shutdown is short: whoever pressed Ctrl-C wants an end, not the end of every call.
        self._process = subprocess.Popen(
            [ARI_APP, command],
            env={**os.environ, "ARI_APP_SHUTDOWN_SECONDS": f"{STOP_SECONDS / 2:g}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_ready(self) -> None:
        """Return when it is connected to Asterisk, or listens. Raises LabError when it ended or took too long."""
        give_up = time.monotonic() + READY_SECONDS
        while not self._ready.wait(0.05):
            if self._process.poll() is not None:
                self._reader.join(1)
                raise LabError(f"`ari-app {self.command}` ended at once; its words are above and in {self.log}")
            if time.monotonic() > give_up:
                raise LabError(f"`ari-app {self.command}` was not ready in {READY_SECONDS:g} s; see {self.log}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait(self) -> int:
        """Return its exit code when it has ended by itself."""
        return self._process.wait()

    def stop(self) -> None:
        """Let it hang up its calls and write its journal; after 5 s it is killed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        self._reader.join(1)

    def _read(self) -> None:
        stream = self._process.stderr
        if stream is None:
            return
        with stream, self.log.open("w") as log:
            for line in stream:
                log.write(line)
                log.flush()
                if self._ready_line.search(line):
                    self._ready.set()
                if shown := worth_showing(line):
                    self._show(shown)


def first_to_end(running: Sequence[Controller]) -> Controller:
    """Return the first of them that ends by itself."""
    handles = {os.pidfd_open(one.pid): one for one in running}
    try:
        ended, _, _ = select.select(handles, [], [])
        return handles[ended[0]]
    finally:
        for handle in handles:
            os.close(handle)

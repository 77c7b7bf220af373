"""The controller as a process of its own, run as an operator runs it, its log read as it comes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

START_SECONDS = 15
UNWATCHED = dict.fromkeys(("monitor_port", "sender_monitor_port", "agi_monitor_port"), 0)
"""Many run at once, and few are watched."""


class Controller:
    """``ari-app serve`` with an env file of mode 0600; or ``ari-app agi``."""

    def __init__(self, folder: Path, settings: Mapping[str, object], command: str = "serve") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._command = command
        self._env_file = folder / "ari-app.env"
        self._folder = folder
        self._settings = {**UNWATCHED, **settings}
        self._process: subprocess.Popen[str] | None = None
        self._news = threading.Condition()
        self._reader: threading.Thread | None = None
        self._silent = False
        self.lines: list[str] = []

    def setting(self, name: str) -> object:
        """One of those that it was made with."""
        return self._settings[name]

    def beside(self, name: str, **changed: object) -> Controller:
        """Another one of the same installation, in a folder of its own."""
        return Controller(self._folder.with_name(name), {**self._settings, **changed})

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, until: str = r"ARI at .*: connected", **changed: object) -> None:
        """Run it until its log says that it is ready."""
        mark = self.mark
        self.launch(**changed)
        self.said(until, since=mark, seconds=START_SECONDS)

    def launch(self, **changed: object) -> None:
        """Run it; whether it will be ready some day is seen later."""
        settings = {**self._settings, **changed}
        self._env_file.touch(mode=0o600)
        self._env_file.write_text("".join(f"ARI_APP_{name.upper()}={value}\n" for name, value in settings.items()))
        program = Path(sys.executable).with_name("ari-app")
        self._silent = False
        self._process = subprocess.Popen(
            [program, self._command, "--env-file", self._env_file],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    @property
    def mark(self) -> int:
        """How many lines have been said so far."""
        return len(self.lines)

    def said(self, pattern: str, *, since: int = 0, seconds: float = 10) -> str:
        """The first line that matches, once it is there."""
        wanted = re.compile(pattern)

        def found() -> str | None:
            return next((line for line in self.lines[since:] if wanted.search(line)), None)

        with self._news:
            self._news.wait_for(lambda: found() or self._silent, seconds)
            if line := found():
                return line
        raise AssertionError(
            f"the controller did not say {pattern!r} in {seconds} s:\n" + "\n".join(self.lines[since:])
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, seconds: float = 10) -> int:
        """SIGTERM; the exit code."""
        if self.running:
            self.signal(signal.SIGTERM)
        return self.ended(seconds)

    def kill(self) -> None:
        """SIGKILL."""
        if self.running:
            self.signal(signal.SIGKILL)
            self.ended(5)

    def ended(self, seconds: float) -> int:
        """The exit code, once it has ended and all it said is read."""
        assert self._process is not None
        assert self._reader is not None
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"the controller did not end in {seconds} s:\n" + "\n".join(self.lines)) from None
        self._reader.join(5)
        return code

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as said, (self._folder / "controller.log").open("a") as log:
            for line in said:
                log.write(line)
                log.flush()
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._silent = True
            self._news.notify_all()

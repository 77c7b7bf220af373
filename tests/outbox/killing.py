"""Runs work in a child process that is killed (SIGKILL) as it comes to its n-th line of the code that is watched."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

FOREVER = sys.maxsize


class LineCounter:
    """Counts the lines executed in some files, in every thread, and ends the process at one of them.

    ``moments`` has, for each line of the source, the counts at which it was executed first and last.
    """

    def __init__(self, files: Iterable[str], fatal: int) -> None:
        self._files = frozenset(files)
        self._fatal = fatal
        self.count = 0
        self.moments: dict[tuple[str, int], tuple[int, int]] = {}

    def watch(self) -> None:
        """From now on."""
        threading.settrace(self._called)
        sys.settrace(self._called)

    def _called(self, frame: FrameType, event: str, _argument: Any) -> Any:
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.count += 1
            if self.count == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            place = frame.f_code.co_filename, frame.f_lineno
            self.moments[place] = self.moments.get(place, (self.count, 0))[0], self.count
        return self._line


def moments_of(work: Callable[[], None], files: Iterable[str]) -> list[int]:
    """The counts at which ``work``, left alone in a child, comes to each of its lines for the first and last time."""
    read_end, write_end = os.pipe()
    counter = LineCounter(files, FOREVER)

    def counted() -> None:
        counter.watch()
        work()
        sys.settrace(None)
        found = sorted({moment for both in counter.moments.values() for moment in both})
        os.write(write_end, " ".join(map(str, found)).encode())

    status = _in_child(counted)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        told = pipe.read()
    assert status == 0, f"the child failed by itself: {status}"
    return [int(word) for word in told.split()]


def killed_at(line: int, work: Callable[[], None], files: Iterable[str]) -> bool:
    """Run ``work`` in a child that is killed at its n-th line, from 1; False if it was over before."""
    counter = LineCounter(files, line)

    def watched() -> None:
        counter.watch()
        work()

    status = _in_child(watched)
    assert status in (0, -signal.SIGKILL), f"the child failed by itself: {status}"
    return status != 0


def _in_child(work: Callable[[], None]) -> int:
    """Fork, and wait for the child; its exit code, negative for the signal that ended it."""
    with warnings.catch_warnings():
        # Of threads that other tests have left behind the child takes none along, nor anything that they hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)

"""How ``make run`` ends: by Ctrl-C, a kill or a closed terminal, in order, and with nothing of its own left running."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path
from types import FrameType

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signals() -> None:
    """Let the first of `ENDINGS` raise KeyboardInterrupt; the clean-up is short, and not disturbed by more."""

    def end(number: int, frame: FrameType | None) -> None:
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        raise KeyboardInterrupt

    for ending in ENDINGS:
        signal.signal(ending, end)


def children() -> list[int]:
    """Process ids of this process's children, zombies left out; see proc(5), stat."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.append(int(process.name))
    return found


def end_stragglers(seconds: float = 5.0) -> None:
    """End children that nobody holds: a signal can come between a process's start and the moment that it is known."""
    for pid in children():
        with suppress(ProcessLookupError, ChildProcessError):
            handle = os.pidfd_open(pid)
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            if not select.select([handle], [], [], seconds)[0]:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(handle)

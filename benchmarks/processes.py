"""What a process has used: CPU seconds of all its threads, and resident memory, from /proc (see proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its ended threads included, in seconds."""
    # The command's name stands in parentheses and may hold blanks; utime and stime are fields 14 and 15.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def open_files(pid: int) -> int:
    """Open file descriptors of a process, sockets and pipes among them."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def threads(pid: int) -> int:
    """Threads of a process."""
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def machine() -> str:
    """The processor and how many of it there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), os.uname().machine
    )
    return f"{os.cpu_count()} x {model}"


def busy_share() -> float:
    """Load of the last minute a processor: above 0.5 before a run, others' work is measured too."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)

"""Finds out before a start whether the ports it needs are free, and which process holds those that are not."""

import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ari_app.lab.errors import LabError


@dataclass(frozen=True)
class Port:
    """One local port: what it is for, in words that the error shows."""

    protocol: Literal["tcp", "udp"]
    host: str
    number: int
    purpose: str

    def __str__(self) -> str:
        return f"{self.protocol.upper()} {self.host}:{self.number} ({self.purpose})"


def require_free(ports: Iterable[Port]) -> None:
    """Raise LabError naming every port of `ports` that cannot be bound, and its holder where /proc tells."""
    problems = [problem for port in ports if (problem := _why_unusable(port))]
    if len(problems) == 1:
        raise LabError(f"{problems[0]}. Stop that process or choose another port")
    if problems:
        listed = "\n  ".join(problems)
        raise LabError(f"some ports cannot be had:\n  {listed}\nStop what holds them or choose other ports")


def _why_unusable(port: Port) -> str | None:
    kind = socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if port.protocol == "tcp":
            # As Asterisk does: connections that linger after a stop are no obstacle, a listener is.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
            if port.protocol == "tcp":
                probe.listen(1)
        except OSError as error:
            return f"{port} cannot be used: {error.strerror}{_held_by(port)}"
    return None


def _held_by(port: Port) -> str:
    inodes = _inodes_bound_to(port)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(_leads_to(fd, inodes) for fd in (process / "fd").iterdir()):
                return f", held by process {process.name} ({(process / 'comm').read_text().strip()})"
    return ""


def _leads_to(fd: Path, inodes: set[str]) -> bool:
    try:
        return str(fd.readlink()) in inodes
    except OSError:  # closed meanwhile
        return False


def _inodes_bound_to(port: Port) -> set[str]:
    """`socket:[inode]` of each socket bound to the port on this or on every address; columns as in proc(5)."""
    found = set()
    for table in (port.protocol, port.protocol + "6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                address, _, number = fields[1].partition(":")
                if int(number, 16) == port.number and _may_clash(address, port.host):
                    found.add(f"socket:[{fields[9]}]")
    return found


def _may_clash(hex_address: str, host: str) -> bool:
    ours = socket.inet_aton(host)[::-1].hex().upper()
    return len(hex_address) == 32 or hex_address in (ours, "00000000") or host == "0.0.0.0"  # noqa: S104 - only read

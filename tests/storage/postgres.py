"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on a free loopback port, ended by its process id."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

SETTINGS = {"listen_addresses": "127.0.0.1", "max_connections": "60", "log_min_messages": "fatal"}
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
"""What a server of tests may lose in a power cut, it need not wait for."""


class PrivatePostgres:
    """A running server; ``url`` is that of its one database, ``stop`` ends it and removes all its files.

    ``settings`` are lines of postgresql.conf beside those of every such server; benchmarks, which also use it, give
    up nothing of what a commit promises.
    """

    def __init__(self, settings: Mapping[str, str] = FORGETFUL) -> None:
        binaries = _binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="ari-app-postgres-"))
        data = self._folder / "data"
        self._as_user = _unprivileged(self._folder)
        self.port = _free_port()
        self._run(
            str(binaries / "initdb"), "-D", str(data), "-U", "ari", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"
        )
        lines = {**SETTINGS, **settings, "port": str(self.port), "unix_socket_directories": str(self._folder)}
        with (data / "postgresql.conf").open("a") as config:
            config.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
        self.control = (str(binaries / "pg_ctl"), "-D", str(data), "-w", "-s", "-t", "60")
        self.start()
        self._data = data
        self.url = f"postgresql://ari@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server; returns when it takes connections."""
        self._run(*self.control, "-l", str(self._folder / "log"), "start")

    def halt(self) -> None:
        """Stop the server at once, as a power cut would; `start` brings it back."""
        self._run(*self.control, "-m", "immediate", "stop")

    def pids(self) -> list[int]:
        """The server's first process, and those that it has begun."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children")
        return [first, *map(int, children.read_text().split())] if children.exists() else []

    def stop(self) -> None:
        """End the server by its process id and remove its files."""
        pid_file = self._data / "postmaster.pid"
        if pid_file.exists():
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, *command: str) -> None:
        done = subprocess.run([*self._as_user, *command], capture_output=True, text=True, cwd="/", check=False)
        if done.returncode:
            log = self._folder / "log"
            raise RuntimeError(f"{command[0]} failed: {done.stderr}{log.read_text() if log.exists() else ''}")


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    beside = shutil.which("initdb")
    if not found and beside is None:
        raise RuntimeError("the storage tests need PostgreSQL's server; install it: apt-get install postgresql")
    return (found[-1] if found else Path(str(beside))).parent


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: give the folder to another user, and say how to run as that one."""
    if os.geteuid() != 0:
        return []
    names = [entry.pw_name for entry in pwd.getpwall()]
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""Whose a spool file is: each process has a lock, and whoever gets the lock of a process that is gone has its files."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ari_app.storage.private_files import make_folder

_OURS = re.compile(r"(journal-[0-9TZ]+-[0-9a-f]+)(?:-\d{8}\.spool|\.lock)")


class Owner:
    """The name that spool files of one process begin with, held by a lock (flock) that dies with the process."""

    def __init__(self, name: str, folder: Path, descriptor: int) -> None:
        self.name = name
        self._lock = _lock_file(folder, name)
        self._folder = folder
        self._descriptor = descriptor

    @classmethod
    def new(cls, folder: Path) -> Owner:
        """A name that nobody had before; later ones sort later. Raises OSError."""
        make_folder(folder)
        while True:
            owner = cls.of(f"journal-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}", folder)
            if owner is not None:
                return owner

    @classmethod
    def of(cls, name: str, folder: Path) -> Owner | None:
        """Hold a name that may be somebody else's; None if it is. Raises OSError."""
        path = _lock_file(folder, name)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Somebody may have taken over, finished and removed it between the two calls above.
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return cls(name, folder, descriptor)
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def files(self) -> list[Path]:
        """Its spool files, oldest first."""
        return sorted(self._folder.glob(f"{self.name}-*.spool"))

    def release(self) -> None:
        """Let others have what is left of its files; if nothing is, nothing is left of it at all. Never raises."""
        try:
            if not self.files():
                self._lock.unlink(missing_ok=True)
        except OSError:
            pass  # an empty lock file does no harm, and the next process removes it
        finally:
            os.close(self._descriptor)


def names(folder: Path) -> list[str]:
    """The names that have files there, oldest first. Raises OSError."""
    return sorted(set(_found(folder)))


def _found(folder: Path) -> Iterator[str]:
    for entry in os.scandir(folder):
        if whose := _OURS.fullmatch(entry.name):
            yield whose[1]


def _lock_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.lock"

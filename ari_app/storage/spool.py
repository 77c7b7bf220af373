"""Keeps happenings of the journal on disk while the database is away: a queue of files that outlives the process."""

from __future__ import annotations

import itertools
import logging
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ari_app.storage import spool_owner
from ari_app.storage.batch import Happening
from ari_app.storage.happening_json import UnknownRecord, told, understood
from ari_app.storage.private_files import keep_names, new_file, replace, write_all
from ari_app.storage.spool_frames import Damage, framed, scanned
from ari_app.storage.spool_owner import Owner

log = logging.getLogger(__name__)

FILE_BYTES = 4 * 1024 * 1024
"""A file that has grown beyond it gets no more: about twenty thousand happenings, which are read in one go."""

DAMAGED = "damaged"
"""In the name of a file with bytes that could not be understood; nobody reads it but people."""


class Portion(NamedTuple):
    """The next happenings of the spool: whether this process put them there, and how many before them are damaged."""

    happenings: Sequence[Happening]
    ours: bool = True
    lost: int = 0


@dataclass(slots=True)
class _File:
    """A file of the queue; ``count`` is how many of its records are not written yet. Of a file that another process
    left that is not known (``counted``) until it is read."""

    path: Path
    owner: Owner
    counted: bool = False
    count: int = 0
    loaded: list[Happening] | None = None
    """What is left of its records, once it is read."""


class Spool:
    """A queue on disk in one folder (0700, files 0600). For one thread; what `append` has taken survives kill -9 and a
    power cut. It never raises for the disk's troubles: ``trouble`` says what they are.
    """

    def __init__(self, folder: Path, *, file_bytes: int = FILE_BYTES) -> None:
        self.folder = folder
        self.trouble = ""
        self._file_bytes = file_bytes
        self._owner: Owner | None = None
        self._files: deque[_File] = deque()
        self._open: int | None = None
        self._size = 0
        self._numbers = itertools.count(1)

    @property
    def empty(self) -> bool:
        """Whether nothing waits here to be written."""
        return not self._files

    @property
    def size(self) -> int:
        """How large all files of the queue are, in bytes."""
        sizes = 0
        for file in tuple(self._files):
            with suppress(OSError):
                sizes += file.path.stat().st_size
        return sizes

    def adopt(self) -> int:
        """Queue what processes left that are gone; how many files that is."""
        try:
            self._owner = self._owner or Owner.new(self.folder)
            found = sum(self._adopt(name) for name in spool_owner.names(self.folder) if not self._is_held(name))
        except OSError as error:
            self._failed(error)
            return 0
        if found:
            self._seal()
        return found

    def _is_held(self, name: str) -> bool:
        return any(owner is not None and owner.name == name for owner in (self._owner, *(f.owner for f in self._files)))

    def _adopt(self, name: str) -> int:
        owner = Owner.of(name, self.folder)
        if owner is None:
            return 0
        files = owner.files()
        if not files:
            owner.release()
        self._files.extend(_File(path, owner) for path in files)
        return len(files)

    def append(self, happenings: Sequence[Happening]) -> int:
        """Put happenings at the end, as many as the disk takes; they are safe when this returns. How many that were."""
        done = 0
        try:
            while done < len(happenings):
                done += self._append(happenings[done:])
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not keep the database from being written
            self._failed(error)
            self._seal()
        else:
            self.trouble = ""
        return done

    def _append(self, happenings: Sequence[Happening]) -> int:
        """One write to one file, cut off again if it fails. Raises OSError."""
        descriptor = self._begin_file() if self._open is None else self._open
        frames: list[bytes] = []
        size = self._size
        for happening in happenings:
            if size >= self._file_bytes and frames:
                break
            frames.append(framed(told(happening)))
            size += len(frames[-1])
        try:
            write_all(descriptor, b"".join(frames))
            os.fsync(descriptor)
        except OSError:
            # A torn record would be cut off by whoever reads it; but a full disk should not hold half of one for long.
            with suppress(OSError):
                os.ftruncate(descriptor, self._size)
            raise
        self._size = size
        self._files[-1].count += len(frames)
        if size >= self._file_bytes:
            self._seal()
        return len(frames)

    def _begin_file(self) -> int:
        """A new file at the end of the queue, open. Raises OSError."""
        self._owner = self._owner or Owner.new(self.folder)
        path = self.folder / f"{self._owner.name}-{next(self._numbers):08}.spool"
        self._open, self._size = new_file(path), 0
        self._files.append(_File(path, self._owner, counted=True))
        keep_names(self.folder)
        return self._open

    def _seal(self) -> None:
        """The file that was appended to gets no more."""
        if self._open is None:
            return
        os.close(self._open)
        self._open = None
        if not self._files[-1].count:
            self._remove(self._files.pop())

    def peek(self, limit: int) -> Portion:
        """The next happenings, ``limit`` at most and of one file; none when nothing is left."""
        lost = 0
        while self._files:
            file = self._files[0]
            ours = file.owner is self._owner
            if file.loaded is None:
                missing = self._load(file)
                lost += missing if ours else 0
            if file.loaded:
                return Portion(file.loaded[:limit], ours, lost)
            self._remove(self._files.popleft())
        return Portion((), lost=lost)

    def drop(self, count: int) -> int:
        """Forget the first happenings, which are written now; how many of them were here."""
        left = count
        while left and self._files and self._files[0].counted:
            file = self._files[0]
            now = min(left, file.count)
            file.count -= now
            left -= now
            if file.loaded is not None:
                del file.loaded[:now]
            if file.count:
                break
            self._finish_first()
        return count - left

    def _finish_first(self) -> None:
        if len(self._files) == 1:
            self._seal()
        if self._files:
            self._remove(self._files.popleft())

    def _load(self, file: _File) -> int:
        """Read a file; how many of its records that should be there are not. Whatever is wrong holds up nothing."""
        if file is self._files[-1]:
            self._seal()
        expected, file.loaded = file.count if file.counted else 0, []
        try:
            content = file.path.read_bytes()
        except OSError as error:
            log.error("%s of the journal's spool cannot be read and is left as it is: %s", file.path, error.strerror)
            file.path, file.count = _set_aside_whole(file.path), 0
            return expected
        scan = scanned(content)
        if scan.torn:
            log.warning("the last record of %s was torn, %d bytes are cut off", file.path.name, scan.torn)
        for damage in scan.damages:
            self._set_aside(file, content, damage, "it is damaged")
        for record in scan.records:
            try:
                file.loaded.append(understood(record))
            except UnknownRecord as error:
                found = content.find(framed(record))
                self._set_aside(file, content, Damage(found, len(framed(record))), str(error))
        if file.counted:  # the first of them may be written already
            del file.loaded[: max(0, len(file.loaded) - expected)]
        file.counted, file.count = True, len(file.loaded)
        return max(0, expected - file.count)

    def _set_aside(self, file: _File, content: bytes, damage: Damage, why: str) -> None:
        aside = file.path.with_name(f"{file.path.name}.{DAMAGED}-{damage.offset}")
        log.error(
            "%d bytes of the journal's spool cannot be entered, %s; they are kept in %s", damage.length, why, aside
        )
        try:
            replace(aside, content[damage.offset : damage.offset + damage.length])
        except OSError as error:
            log.error("%s cannot be written (%s), the whole file is kept beside it", aside, error.strerror)
            with suppress(OSError):
                os.link(file.path, _whole_aside(file.path))

    def _remove(self, file: _File) -> None:
        """The file is done with; and whoever left it is, if it was the last of his."""
        try:
            if file.path.suffix == ".spool":
                file.path.unlink(missing_ok=True)
        except OSError as error:
            self._failed(error)
        if file.owner is not self._owner and all(other.owner is not file.owner for other in self._files):
            file.owner.release()

    def _failed(self, error: Exception) -> None:
        why = error.strerror if isinstance(error, OSError) else repr(error)
        newly, self.trouble = not self.trouble, f"{self.folder}: {why or error}"
        if newly:
            log.error("the journal's spool on disk cannot be used, entries stay in memory: %s", self.trouble)

    def close(self) -> None:
        """Let go of the files; what is left in them is for the next process."""
        self._seal()
        for owner in {id(file.owner): file.owner for file in self._files if file.owner is not self._owner}.values():
            owner.release()
        if self._owner is not None:
            self._owner.release()
            self._owner = None
        self._files.clear()


def _whole_aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{DAMAGED}")


def _set_aside_whole(path: Path) -> Path:
    """Give an unreadable file a name by which nobody tries again; its name then."""
    aside = _whole_aside(path)
    with suppress(OSError):
        path.rename(aside)
    return aside

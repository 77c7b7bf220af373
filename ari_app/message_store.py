"""Keeps voicemail messages: takes a recording from Asterisk, judges its file, stores the wav and makes the mp3."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ari_app.audio import mp3, wav
from ari_app.core.outcomes import Recorded

log = logging.getLogger(__name__)
T = TypeVar("T")
ASIDE = ".part"
STALE_SECONDS = 3600
TRIAL = ".trial"
TRIAL_BYTES = 512 * 1024


class RecordingUnavailable(Exception):
    """A recording could not be fetched or removed at its source; the message says why."""


class Recordings(Protocol):
    """Where finished recordings are had from. Both raise `RecordingUnavailable`."""

    @property
    def source(self) -> str:
        """The name of the application whose Asterisk has them."""

    async def fetch(self, name: str) -> bytes | None:
        """The whole file; None when none was made, as for a caller who sent no sound."""

    async def delete(self, name: str) -> None:
        """Remove it there."""


class MessageStore:
    """Voicemail messages in one folder (0700), each a wav and an mp3 (0600) under a name nobody can guess.

    Files are handled in threads of its own, so the call's path never waits for a disk or an encoder.
    """

    def __init__(self, folder: Path, recordings: Recordings) -> None:
        self._folder = folder
        self._recordings = recordings
        self._disk = ThreadPoolExecutor(2, thread_name_prefix="messages")
        self._pending: set[asyncio.Task[None]] = set()
        self._in_hand: set[str] = set()
        self._left_there: set[str] = set()
        self.failures = {"take": 0, "empty": 0, "settle": 0, "encode": 0, "delete": 0}
        """How often what was to be done with a recording could not be done, since the start."""
        self.trouble = ""
        """Why nothing can be kept in the folder at present; empty while that works."""
        try:
            self._prepare()
        except OSError as error:
            self._not_writable(error)

    def new_name(self) -> str:
        """128 random bits: unique without asking, and not to be guessed from a caller or a time."""
        return f"voicemail-{secrets.token_hex(16)}"

    async def take(self, name: str) -> Recorded:
        """Fetch the recording and store what its file holds, or read what was stored before; when that fails,
        ``trouble`` says why, and ``waits_at`` where it can be had later."""
        self._in_hand.add(name)
        try:
            kept = await self._run(self._kept, name)
            if kept is None:
                content = await self._recordings.fetch(name)
                if content == b"":
                    self.failures["empty"] += 1
                    log.error("recording %s is an empty file: is the disk full that Asterisk records on?", name)
                kept = await self._run(self._keep, name, content) if content else Recorded(name, 0.0, 0.0)
            return kept
        except (RecordingUnavailable, wav.NotAudio, OSError) as error:
            self._in_hand.discard(name)
            self.failures["take"] += 1
            log.error("recording %s could not be kept, it stays in Asterisk's spool: %s", name, error)
            if isinstance(error, OSError):
                self._not_writable(error)
            later = "" if isinstance(error, wav.NotAudio) else self._recordings.source
            return Recorded(name, 0.0, 0.0, trouble=str(error) or type(error).__name__, waits_at=later)

    async def works(self) -> bool:
        """Whether recordings can be kept; after trouble it is tried. What stayed in Asterisk's spool is removed."""
        if self.trouble:
            try:
                await self._run(self._try)
            except OSError as error:
                self.trouble = _said(error)
                return False
            log.warning("recordings can be kept in %s again", self._folder)
            self.trouble = ""
        for name in tuple(self._left_there):
            await self._delete(name)
        return True

    def keep(self, name: str) -> None:
        """The recording is a message: make its mp3 and remove it at its source, behind the call."""
        self._later(self._finish(name, self._encode))

    def discard(self, name: str) -> None:
        """The recording is no message: remove it here and at its source, behind the call."""
        self._later(self._finish(name, self._remove))

    async def settle(self, name: str, *, kept: bool) -> None:
        """As `keep` or `discard`, done when that is. Never raises."""
        await self._finish(name, self._encode if kept else self._remove)

    async def encode_missing(self) -> int:
        """Make every mp3 that is not there yet, such as after a failed conversion; returns how many were made.

        Recordings that are still judged or worked on are left alone: they may be no messages.
        """
        return await self._run(self._encode_missing, frozenset(self._in_hand))

    async def close(self) -> None:
        """Wait for what is still under way."""
        await asyncio.gather(*tuple(self._pending))
        self._disk.shutdown(wait=True)

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work, *args)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _finish(self, name: str, work: Callable[[str], None]) -> None:
        try:
            await self._run(work, name)
        except (OSError, ValueError, RuntimeError) as error:
            self.failures["settle"] += 1
            log.error("recording %s: its wav is kept, the rest is tried again: %s", name, error)
        self._in_hand.discard(name)
        await self._delete(name)

    async def _delete(self, name: str) -> None:
        try:
            await self._recordings.delete(name)
            self._left_there.discard(name)
        except RecordingUnavailable as error:
            self.failures["delete"] += 1
            if name not in self._left_there:
                log.warning("recording %s is settled here, but stays in Asterisk's spool: %s", name, error)
            self._left_there.add(name)

    def _not_writable(self, error: OSError) -> None:
        if not self.trouble:
            log.error("recordings cannot be kept in %s, they stay in Asterisk's spool: %s", self._folder, _said(error))
        self.trouble = _said(error)

    def _prepare(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        for path in self._folder.glob(f".*{ASIDE}"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()  # whoever wrote it was killed

    def _try(self) -> None:
        """Make the folder if need be, and write as much as half a minute of speech there."""
        self._prepare()
        self._write(TRIAL, b"\0" * TRIAL_BYTES)
        (self._folder / TRIAL).unlink(missing_ok=True)

    def _kept(self, name: str) -> Recorded | None:
        """What was stored by an attempt that came no further."""
        path = self._folder / f"{name}.wav"
        if not path.exists():
            return None
        audio = wav.read(path.read_bytes())
        return Recorded(name, audio.seconds, audio.voiced_seconds)

    def _keep(self, name: str, content: bytes) -> Recorded:
        audio = wav.read(content)
        self._write(f"{name}.wav", wav.write(audio))
        return Recorded(name, audio.seconds, audio.voiced_seconds)

    def _encode(self, name: str) -> None:
        source = self._folder / f"{name}.wav"
        self._write(f"{name}.mp3", mp3.encode(wav.read(source.read_bytes())))
        if not source.exists():  # found to be no message meanwhile
            (self._folder / f"{name}.mp3").unlink(missing_ok=True)

    def _encode_missing(self, in_hand: frozenset[str]) -> int:
        """One that cannot be encoded holds up none of the others."""
        made = 0
        for path in self._folder.glob("*.wav"):
            if path.stem in in_hand or path.with_suffix(".mp3").exists():
                continue
            try:
                self._encode(path.stem)
                made += 1
            except (OSError, ValueError, RuntimeError) as error:
                self.failures["encode"] += 1
                log.error("recording %s: its mp3 cannot be made: %s", path.stem, error)
        return made

    def _write(self, name: str, content: bytes) -> None:
        """Whole or not at all: written aside, checked by its size, then renamed."""
        path = self._folder / name
        aside = path.with_name(f".{name}.{os.getpid()}{ASIDE}")  # another controller may be at the same mp3
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if aside.stat().st_size != len(content):
                raise OSError(f"{name} was written short")
            aside.rename(path)
        except OSError:
            with suppress(OSError):
                aside.unlink()  # half a file takes room on a disk that has none
            raise

    def _remove(self, name: str) -> None:
        for ending in ("wav", "mp3"):
            (self._folder / f"{name}.{ending}").unlink(missing_ok=True)


def _said(error: OSError) -> str:
    return error.strerror or str(error)

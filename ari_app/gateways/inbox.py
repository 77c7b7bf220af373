"""Test mode: messages go to a folder of this machine, a line and a page for people to look at; no provider is asked.

``inbox.jsonl`` has a line a message, ever longer. ``inbox.html`` shows the newest, made anew after each. Both are for
the owner's eyes only. Several processes may write at once.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import Field

from ari_app.core.delivery import Accepted, Outcome, Report, State, Unavailable
from ari_app.core.messages import Channel
from ari_app.gateways.base import BaseGateway
from ari_app.gateways.settings import GatewaySettings
from ari_app.message_ports import Letter

SHOWN = 200
"""Messages on the page."""
_TAIL = 512 * 1024
"""Octets of the file's end in which they are looked for."""

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>Test inbox</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222;background:#f6f6f4}
article{background:#fff;border:1px solid #ddd;border-radius:.5rem;padding:.75rem 1rem;margin:.75rem 0}
header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;color:#666;font-size:.85rem}
p{white-space:pre-wrap;overflow-wrap:anywhere;margin:.5rem 0 0}h2{font-size:1rem;margin:.5rem 0 0}b{color:#222}
</style></head><body><h1>Test inbox</h1>
<p>Nothing here was sent to anybody. The newest is on top; all are in inbox.jsonl.</p>
"""


class InboxSettings(GatewaySettings):
    """A channel whose messages stay here. ``folder`` is the deployment's inbox, unless it is said."""

    kind: Literal["inbox"]
    channel: Literal["sms", "email", "push", "webhook"]
    rate: float = Field(1000.0, gt=0, le=10_000)
    folder: Path | None = None


class Inbox(BaseGateway):
    """Takes every message and calls it delivered."""

    can_ask = True

    def __init__(
        self, settings: InboxSettings, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(settings, Channel(settings.channel))
        self._folder = settings.folder or folder
        self._file = self._folder / "inbox.jsonl"
        self._page = self._folder / "inbox.html"
        self._now = now
        self._articles: deque[str] = deque(maxlen=SHOWN)
        self._read_to = -1

    @property
    def file(self) -> Path:
        """Where messages are written, a line each."""
        return self._file

    def send(self, letter: Letter) -> Outcome:
        """Write it down, and to the disk, before it is called accepted."""
        entry = {
            "id": f"inbox-{letter.ref}",
            "at": self._now().isoformat(timespec="seconds"),
            "gateway": self.name,
            "channel": letter.channel.value,
            "ref": letter.ref,
            "to": letter.recipient,
            "sender": letter.sender,
            "subject": letter.subject,
            "text": letter.text,
            "attachment": letter.attachment,
        }
        try:
            with self._alone():
                began, ended = self._append(orjson.dumps(entry) + b"\n")
                self._learn(entry, began, ended)
                self._show()
        except OSError as error:
            return Unavailable(f"the test inbox {self._folder} cannot be written: {error.strerror}")
        return Accepted(f"inbox-{letter.ref}")

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """Delivered, if it is in the file; else it never came here."""
        known = self._has(b'"ref":' + orjson.dumps(ref))
        return Report(State.DELIVERED if known else State.QUEUED, ref, gateway_id)

    def _has(self, needle: bytes) -> bool:
        try:
            with self._file.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
                return octets.find(needle) >= 0
        except (OSError, ValueError):  # no file, or an empty one
            return False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, of all threads and processes."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _append(self, line: bytes) -> tuple[int, int]:
        """Write to the disk; where the file ended before, and ends now."""
        file = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end = os.lseek(file, 0, os.SEEK_END)
            if end and os.pread(file, 1, end - 1) != b"\n":  # half a line, of a machine that lost its power
                line = b"\n" + line
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)
        return end, end + len(line)

    def _learn(self, entry: dict[str, Any], began: int, ended: int) -> None:
        """Keep what the page shows; read it from the file only if others have written to it meanwhile."""
        if began == self._read_to:
            self._articles.appendleft(_article(entry))
        else:
            self._articles = deque(map(_article, islice(self._newest(), SHOWN)), SHOWN)
        self._read_to = ended

    def _show(self) -> None:
        """Write the page over itself. A new file in its stead would cost a second wait for the disk (ext4 writes one
        that replaces another at once); who reads just now may see half of each, until the page loads anew."""
        page = (_HEAD + "".join(self._articles)).encode("utf-8", "replace")
        file = os.open(self._page, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(file, page, 0)
            os.ftruncate(file, len(page))
        finally:
            os.close(file)

    def _newest(self) -> Iterator[dict[str, Any]]:
        with self._file.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - _TAIL))
            lines = file.read().split(b"\n")
        whole = lines[1:] if end > _TAIL else lines  # the first may be cut
        for line in reversed(whole[-SHOWN - 1 :]):
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # such a half line, or the empty one behind the last


def _article(entry: dict[str, Any]) -> str:
    """One message as HTML; everything in it is somebody's text, and escaped."""
    said = {key: escape(str(value)) for key, value in entry.items()}
    sender = f"<span>from <b>{said['sender']}</b></span>" if said["sender"] else ""
    subject = f"<h2>{said['subject']}</h2>" if said["subject"] else ""
    attached = f"<p>attached: {said['attachment']}</p>" if said["attachment"] else ""
    return (
        f"<article><header><b>{said['channel']}</b><span>to <b>{said['to']}</b></span>{sender}"
        f"<time>{said['at']}</time><span>{said['ref']}</span></header>{subject}<p>{said['text']}</p>{attached}</article>\n"
    )

"""Reads the end of the file to which test mode writes messages, a JSON object a line; whatever else is in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

MOST_BYTES = 512 * 1024
"""Of a file's end, in which messages are looked for."""
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as the file has it; ``at`` is aware."""

    at: datetime
    channel: str
    ref: str
    recipient: str
    sender: str
    subject: str
    text: str
    attachment: str


def newest(paths: Iterable[Path]) -> list[Shown]:
    """The latest messages of the files, newest first, `SHOWN` at most; a file that is not there has none."""
    found = [message for path in paths for message in _read(path)]
    return sorted(found, key=lambda message: message.at, reverse=True)[:SHOWN]


def _read(path: Path) -> Iterator[Shown]:
    """The file's messages, newest first."""
    for line in reversed(_lines(path)):
        try:
            entry = orjson.loads(line)
            if isinstance(entry, dict):
                yield _shown(entry)
        except ValueError:
            continue  # half a line, of a machine that lost its power


def _lines(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - MOST_BYTES))
            lines = file.read(MOST_BYTES).split(b"\n")
    except OSError:
        return []
    return lines[1:] if end > MOST_BYTES else lines


def _shown(entry: dict[str, Any]) -> Shown:
    """Raises ValueError without a moment that can be read."""
    at = datetime.fromisoformat(str(entry.get("at")))
    said = {name: str(entry.get(name) or "") for name in ("channel", "ref", "sender", "subject", "text", "attachment")}
    return Shown(at=at.astimezone(), recipient=str(entry.get("to") or ""), **said)

"""Frames the records of a spool file, and finds them again in a file that was torn or damaged; bytes alone, no I/O."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

MARK = b"\xf5\xa5"
"""Begins every record: the first byte is in no UTF-8 text, so that a record's end is found behind a damaged one."""

_HEAD = struct.Struct(">2sII")
"""Mark, length and CRC-32 of what follows."""


class Damage(NamedTuple):
    """Bytes that are no record, from ``offset``."""

    offset: int
    length: int


class Scan(NamedTuple):
    """What a file holds: its records in order, damaged places, and how many bytes of a torn record are at its end."""

    records: list[bytes]
    damages: list[Damage]
    torn: int


def framed(record: bytes) -> bytes:
    """The record as it stands in a file."""
    return _HEAD.pack(MARK, len(record), zlib.crc32(record)) + record


def scanned(content: bytes) -> Scan:
    """Read a whole file; total, whatever is in it."""
    records: list[bytes] = []
    damages: list[Damage] = []
    at, size = 0, len(content)
    while at < size:
        record = _record(content, at)
        if record is None:
            following = _next(content, at + 1)
            if following == size and _begun(content, at):
                return Scan(records, damages, size - at)
            damages.append(Damage(at, following - at))
            at = following
            continue
        records.append(record)
        at += _HEAD.size + len(record)
    return Scan(records, damages, 0)


def _record(content: bytes, at: int) -> bytes | None:
    """The whole and undamaged record that begins there, if one does."""
    if len(content) - at < _HEAD.size:
        return None
    mark, length, checksum = _HEAD.unpack_from(content, at)
    begins = at + _HEAD.size
    if mark != MARK or length > len(content) - begins:
        return None
    record = content[begins : begins + length]
    return record if zlib.crc32(record) == checksum else None


def _next(content: bytes, at: int) -> int:
    """Where the next good record begins; the end of the file if nowhere."""
    while (at := content.find(MARK, at)) >= 0:
        if _record(content, at) is not None:
            return at
        at += 1
    return len(content)


def _begun(content: bytes, at: int) -> bool:
    """Whether a record begins there that the file ends in the midst of, as a kill or a full disk leaves it."""
    if len(content) - at < _HEAD.size:
        return MARK.startswith(content[at : at + 2])
    mark, length, _ = _HEAD.unpack_from(content, at)
    return bool(mark == MARK and length > len(content) - at - _HEAD.size)

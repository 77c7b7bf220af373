"""Happenings of the journal as bytes and back: JSON of plain values, its version and kind in every record."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from ari_app.core.messages import Audience, Channel, Intent, MessageKind
from ari_app.core.outcomes import LegOutcome
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, Reason, Verdict
from ari_app.ports import CallAmended, CallClosed, CallOpened, CallRouted, LegRecord, MessageRecord, RecordingOwed
from ari_app.storage.batch import Happening

VERSION = 1
"""Raised when a record of this release would be misread by the one before it, or the other way about. A field that is
new and has a default needs no new version."""


class UnknownRecord(ValueError):
    """Bytes that are no happening of this version; the message says what is wrong with them."""


def told(happening: Happening) -> bytes:
    """The happening as one line of JSON. Half surrogates, which hostile signalling may hold, go through as they are;
    what JSON has no word for, and no happening should hold, goes as its text."""
    if isinstance(happening, tuple):
        call_id, seq, entry = happening
        record: dict[str, Any] = {"kind": "noted", "call_id": call_id, "seq": seq, "entry": _plain(entry)}
    else:
        record = {"kind": _KIND_OF[type(happening)], **_plain(happening)}
    # orjson would refuse half surrogates and numbers beyond 64 bits; this is only needed while the database is away.
    text = json.dumps({"v": VERSION, **record}, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "surrogatepass")


def understood(record: bytes) -> Happening:
    """The happening that `told` made the record of. Raises `UnknownRecord`."""
    try:
        found = json.loads(record.decode("utf-8", "surrogatepass"))
        version, kind = found.pop("v"), found.pop("kind")
        if version != VERSION:
            raise UnknownRecord(f"it is of version {version!r}, this release knows {VERSION}")
        if kind == "noted":
            return str(found["call_id"]), int(found["seq"]), _made(Entry, found["entry"])
        made: Happening = _made(_CLASS_OF[kind], found)
    except UnknownRecord:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise UnknownRecord(f"it cannot be read: {error!r}") from None
    return made


def _plain(value: Any) -> Any:
    """The value in JSON's own types."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else value


def _made(kind: type[Any], found: Mapping[str, Any]) -> Any:
    """The dataclass of these fields; a field that this release does not know is an error, a missing one its default."""
    readers = _READERS.get(kind, {})
    return kind(**{name: readers[name](value) if name in readers else value for name, value in found.items()})


_CLASS_OF: Mapping[str, type[Any]] = {
    "opened": CallOpened,
    "routed": CallRouted,
    "leg": LegRecord,
    "message": MessageRecord,
    "closed": CallClosed,
    "amended": CallAmended,
}
_KIND_OF = {kind: name for name, kind in _CLASS_OF.items()}
_READERS: Mapping[type[Any], Mapping[str, Callable[[Any], Any]]] = {
    CallOpened: {"at": datetime.fromisoformat},
    LegRecord: {"outcome": LegOutcome},
    Entry: {"kind": Kind},
    Verdict: {"disposition": Disposition, "reason": Reason},
    Intent: {
        "kind": MessageKind,
        "channel": Channel,
        "audience": Audience,
        "due_at": datetime.fromisoformat,
        "expires_at": datetime.fromisoformat,
    },
    CallClosed: {
        "at": datetime.fromisoformat,
        "verdict": lambda found: _made(Verdict, found),
        "intents": lambda found: tuple(_made(Intent, each) for each in found),
        "owed": lambda found: None if found is None else _made(RecordingOwed, found),
    },
    CallAmended: {
        "at": datetime.fromisoformat,
        "verdict": lambda found: _made(Verdict, found),
        "entries": lambda found: tuple(_made(Entry, each) for each in found),
        "message": lambda found: None if found is None else _made(MessageRecord, found),
        "intents": lambda found: tuple(_made(Intent, each) for each in found),
    },
}
"""What is not plain in each dataclass; a test holds this against their types."""

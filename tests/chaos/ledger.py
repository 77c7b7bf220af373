"""What the product says of every call: its journal, its recordings, its outbox and what was sent."""

from __future__ import annotations

import json
import wave
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.chaos.town import STAFF
from tests.e2e.journal import Database, Row

UNSETTLED = ("queued", "sending", "unknown")
"""States of a message of which something is still to come."""


@dataclass(frozen=True)
class Event:
    """An entry of a call's timeline; ``at``: seconds of the wall clock."""

    at: float
    kind: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    """A voicemail message: its name, what the journal says of its length, and that of its file; None: not playable."""

    name: str
    seconds: float
    playable_seconds: float | None


@dataclass(frozen=True)
class Entry:
    """A call in the journal."""

    id: str
    number: str
    disposition: str | None
    reason: str | None
    answered_by: str | None = None
    events: Sequence[Event] = ()
    messages: Sequence[Message] = ()

    def first(self, kind: str) -> float | None:
        """When the first event of a kind was."""
        return next((event.at for event in self.events if event.kind == kind), None)

    def __str__(self) -> str:
        began = self.events[0].at if self.events else 0.0
        lines = [f"{event.at - began:7.2f} s {event.kind} {json.dumps(event.details)}" for event in self.events]
        return "\n".join([f"call {self.id}: {self.disposition} ({self.reason})", *lines])


@dataclass(frozen=True)
class Ledger:
    """All of it. ``texts``: how many SMS came to each number; ``notices``: how many mails with each message.
    ``strays``: recordings that no call has; ``unsettled``: messages that nothing was made of; ``held``: numbers and
    recordings whose message is still in the hand of a sender that has died."""

    calls: Mapping[str, Sequence[Entry]]
    texts: Mapping[str, int] = field(default_factory=dict)
    notices: Mapping[str, int] = field(default_factory=dict)
    strays: Sequence[str] = ()
    unsettled: Sequence[str] = ()
    held: Collection[str] = ()


def read(database: Database, messages: Path, inbox: Path, *, hurried: bool = False) -> Ledger:
    """Read everything, once nothing changes any more. ``hurried``: what dead senders hold was not waited for."""
    recordings = _recordings(database, messages)
    letters = _letters(inbox)
    known = {message.name for of_call in recordings.values() for message in of_call}
    waiting = unsettled(database)
    calls = defaultdict[str, list[Entry]](list)
    for entry in _entries(database, recordings):
        calls[entry.number].append(entry)
    return Ledger(
        calls,
        Counter(letter["to"] for letter in letters if letter["channel"] == "sms"),
        Counter(
            Path(letter["attachment"]).stem for letter in letters if letter["to"] == STAFF and letter["attachment"]
        ),
        sorted(path.name for path in messages.glob("*.wav") if path.stem not in known),
        [f"{row['kind']} to {row['recipient']}: {row['state']}" for row in waiting if not (hurried and row["lease"])],
        {row[name] for row in waiting for name in ("recipient", "attachment") if hurried and row["lease"]},
    )


def unsettled(database: Database) -> list[Row]:
    """Messages of which something is still to come; webhooks, of which there are none here, left out."""
    marks = ", ".join("?" * len(UNSETTLED))
    columns = "kind, recipient, attachment, state, lease"
    sql = f"SELECT {columns} FROM messages WHERE channel <> 'webhook' AND state IN ({marks})"
    return database.rows(sql, *UNSETTLED)


def _entries(database: Database, recordings: Mapping[str, Sequence[Message]]) -> Iterable[Entry]:
    events = defaultdict[str, list[Row]](list)
    for row in database.rows("SELECT call_id, at_ms, kind, details FROM call_events ORDER BY call_id, seq"):
        events[row["call_id"]].append(row)
    for row in database.rows("SELECT * FROM calls ORDER BY arrived_at"):
        began = _moment(row["arrived_at"])
        timeline = tuple(
            Event(began + one["at_ms"] / 1000, one["kind"], json.loads(one["details"])) for one in events[row["id"]]
        )
        said = row["disposition"], row["reason"], row["answered_by"]
        yield Entry(row["id"], row["caller_raw"], *said, timeline, recordings.get(row["id"], ()))


def _moment(value: str | datetime) -> float:
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _recordings(database: Database, folder: Path) -> dict[str, list[Message]]:
    found = defaultdict[str, list[Message]](list)
    for row in database.rows("SELECT call_id, name, length_ms FROM voicemail_messages"):
        seconds = playable_seconds(folder / f"{row['name']}.wav")
        found[row["call_id"]].append(Message(row["name"], row["length_ms"] / 1000, seconds))
    return found


def playable_seconds(path: Path) -> float | None:
    """The length of a wav as any player understands it, by its header; None: it plays nothing."""
    try:
        with wave.open(str(path)) as file:
            return file.getnframes() / file.getframerate() or None
    except (OSError, EOFError, wave.Error):
        return None


def _letters(inbox: Path) -> list[dict[str, Any]]:
    lines = inbox.read_text(encoding="utf-8").splitlines() if inbox.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]

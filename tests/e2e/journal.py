"""The database as an admin sees it: plain SQL in, plain rows out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.sipp import ticks

Row = dict[str, Any]


@dataclass(frozen=True)
class JournalledCall:
    """A call with everything the journal has of it."""

    call: Row
    legs: list[Row]
    events: list[Row]
    messages: list[Row]

    @property
    def verdict(self) -> tuple[str, str]:
        """Disposition and reason."""
        return self.call["disposition"], self.call["reason"]

    @property
    def told(self) -> str:
        """The timeline, for whoever must find out why a story went wrong."""
        return "\n".join(f"{event['at_ms']:6} {event['kind']} {event['details']}" for event in self.events)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """Destination and outcome of every leg, in the order they were dialed."""
        return [(leg["destination"], leg["outcome"]) for leg in self.legs]

    def details(self, kind: str) -> list[Row]:
        """The particulars of every event of a kind."""
        return [event["details"] for event in self.events if event["kind"] == kind]

    def at_ms(self, kind: str) -> int:
        """When the first event of a kind was, in ms after the call arrived."""
        return next(int(event["at_ms"]) for event in self.events if event["kind"] == kind)


@dataclass(frozen=True)
class Destination:
    """A destination's row."""

    target: str
    timeout: int = 5
    delay: int = 0
    kind: str = "endpoint"


@dataclass(frozen=True)
class Dial:
    """A dial step's rows."""

    destinations: tuple[Destination, ...]
    strategy: str = "in_turn"


@dataclass(frozen=True)
class Greeting:
    """A greeting step's row."""

    sound: str = "beep"


@dataclass(frozen=True)
class Voicemail:
    """A voicemail step's row; a sound of None is the default greeting."""

    sound: str | None = "beep"
    max_seconds: int = 30
    silence_seconds: int = 10
    min_seconds: int = 1


@dataclass(frozen=True)
class HangUp:
    """A hang-up step's row."""


@dataclass(frozen=True)
class Menu:
    """A menu step's rows; its choices are keys with the labels that they lead to."""

    choices: dict[str, str]
    sound: str = "en/greeting"
    otherwise: str = ""
    retries: int = 2
    wait_seconds: int = 5


@dataclass(frozen=True)
class Labelled:
    """A step that a menu leads to."""

    label: str
    step: Dial | Greeting | Voicemail | HangUp


Step = Dial | Greeting | Voicemail | HangUp | Menu | Labelled


@dataclass(frozen=True)
class Branch:
    """A branch's rows; an entry is (first day, last day, opens, closes)."""

    steps: tuple[Step, ...]
    name: str = "always"
    entries: tuple[tuple[int, int, str, str], ...] = field(default=())


class Database:
    """A migrated SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def edit(self) -> Iterator[sqlite3.Connection]:
        """One transaction, as in an admin's shell."""
        connection = sqlite3.connect(self.path, timeout=5)
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                connection.execute("PRAGMA foreign_keys = ON")
                yield connection
        finally:
            connection.close()

    def rows(self, sql: str, *values: object) -> list[Row]:
        """The rows of a SELECT."""
        with self.edit() as connection:
            return [dict(row) for row in connection.execute(sql, values)]

    def calls(self, dialled: str) -> list[JournalledCall]:
        """The calls to a number, oldest first."""
        found = self.rows("SELECT * FROM calls WHERE dialled_raw = ? ORDER BY arrived_at", dialled)
        return [self._whole(call) for call in found]

    def closed(self, dialled: str, count: int = 1, seconds: float = 5) -> list[JournalledCall]:
        """The calls to a number once so many of them are closed. A database gives no signal, so it is asked."""
        for _ in ticks(seconds):
            sql = "SELECT count(*) AS n FROM calls WHERE dialled_raw = ? AND disposition IS NOT NULL"
            if self.rows(sql, dialled)[0]["n"] >= count:
                return self.calls(dialled)
        raise AssertionError(f"no {count} closed calls to {dialled} in {seconds} s: {self.calls(dialled)}")

    def open_calls(self) -> list[Row]:
        """Calls without a verdict."""
        return self.rows("SELECT * FROM calls WHERE disposition IS NULL")

    def _whole(self, call: Row) -> JournalledCall:
        events = self.rows("SELECT * FROM call_events WHERE call_id = ? ORDER BY seq", call["id"])
        for event in events:
            event["details"] = json.loads(event["details"])
        legs = self.rows("SELECT * FROM legs WHERE call_id = ? ORDER BY dialed_ms, id", call["id"])
        messages = self.rows("SELECT * FROM voicemail_messages WHERE call_id = ?", call["id"])
        return JournalledCall(call, legs, events, messages)


def insert_scheme(connection: sqlite3.Connection, name: str, branches: tuple[Branch, ...], zone: str) -> int:
    """A scheme's rows; its id."""
    insert = "INSERT INTO schemes (name, time_zone) VALUES (?, ?) RETURNING id"
    scheme = int(connection.execute(insert, (name, zone)).fetchone()[0])
    insert_branches(connection, scheme, branches)
    return scheme


def insert_branches(connection: sqlite3.Connection, scheme: int, branches: tuple[Branch, ...]) -> None:
    """Branches of a scheme that is there."""
    for position, branch in enumerate(branches, 1):
        insert = "INSERT INTO branches (scheme_id, position, name) VALUES (?, ?, ?) RETURNING id"
        branch_id = connection.execute(insert, (scheme, position, branch.name)).fetchone()[0]
        connection.executemany(
            "INSERT INTO schedule_entries (branch_id, first_day, last_day, opens, closes) VALUES (?, ?, ?, ?, ?)",
            [(branch_id, *entry) for entry in branch.entries],
        )
        for at, step in enumerate(branch.steps, 1):
            _insert_step(connection, branch_id, at, step)


def _insert_step(connection: sqlite3.Connection, branch: int, position: int, step: Step) -> None:
    row: Row = {"branch_id": branch, "position": position}
    destinations: tuple[Destination, ...] = ()
    choices: dict[str, str] = {}
    if isinstance(step, Labelled):
        row["label"], step = step.label, step.step
    match step:
        case Dial(destinations, strategy):
            row |= {"kind": "dial", "strategy": strategy}
        case Greeting(sound):
            row |= {"kind": "greeting", "greeting_id": _greeting(connection, sound)}
        case Voicemail(sound, longest, silence, shortest):
            row |= {"kind": "voicemail", "max_seconds": longest, "silence_seconds": silence, "min_seconds": shortest}
            row["greeting_id"] = _greeting(connection, sound) if sound else None
        case HangUp():
            row["kind"] = "hang_up"
        case Menu(choices, sound, otherwise, retries, wait_seconds):
            row |= {"kind": "menu", "greeting_id": _greeting(connection, sound), "otherwise": otherwise}
            row |= {"retries": retries, "wait_seconds": wait_seconds}
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    insert = f"INSERT INTO steps ({columns}) VALUES ({marks}) RETURNING id"
    step_id = connection.execute(insert, tuple(row.values())).fetchone()[0]
    connection.executemany(
        "INSERT INTO destinations (step_id, position, kind, target, timeout_seconds, delay_seconds) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [(step_id, at, one.kind, one.target, one.timeout, one.delay) for at, one in enumerate(destinations, 1)],
    )
    connection.executemany(
        "INSERT INTO choices (step_id, key, goal) VALUES (?, ?, ?)",
        [(step_id, key, goal) for key, goal in choices.items()],
    )


def _greeting(connection: sqlite3.Connection, sound: str) -> int:
    connection.execute("INSERT INTO greetings (name, sound) VALUES (?, ?) ON CONFLICT DO NOTHING", (sound, sound))
    return int(connection.execute("SELECT id FROM greetings WHERE name = ?", (sound,)).fetchone()[0])

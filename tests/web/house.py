"""A company with teams, numbers and gateways, its HTTP interface running as a process of its own."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from ari_app.core.messages import Channel
from ari_app.core.release import Limits
from ari_app.core.rights import EVERY_GRANT, Actor, Grant, Right, Subject
from ari_app.core.window import SendingWindow
from ari_app.desk.people import PeopleDesk
from ari_app.gateways.configuration import load_gateways
from ari_app.outbox import Outbox
from ari_app.storage.database import open_database, writing
from ari_app.storage.outbox import SqlOutbox
from tests.e2e.controller import Controller
from tests.storage.admin import type_in

OPEN, CLOSED, NO_BRANCH, NO_SCHEME = "+74950000101", "+74950000102", "+74950000103", "+74950000104"
"""Numbers of the team: always working, never, without a branch that ever holds, without a scheme."""
TEAM = "Салон"
TWILIO_TOKEN = "0123456789abcdef0123456789abcdef"
SMSC_KEY = "a-key-in-the-address"
SMSC_SECRET = "a-word-to-sign-with"
VONAGE_SECRET = "a-signature-secret-of-32-letters"
READY = "the HTTP interface is ready"

GATEWAYS = f"""\
gateways:
  - {{kind: twilio, name: twilio, account_sid: AC{"0" * 32}, auth_token: "{TWILIO_TOKEN}"}}
  - {{kind: smsc_ru, name: smsc, api_key: "unused", push_key: "{SMSC_KEY}", signing_secret: "{SMSC_SECRET}"}}
  - {{kind: vonage, name: vonage, api_key: unused, api_secret: "unused", signature_secret: "{VONAGE_SECRET}"}}
  - {{kind: inbox, name: inbox-sms, channel: sms}}
  - {{kind: inbox, name: inbox-email, channel: email}}
  - {{kind: inbox, name: inbox-push, channel: push}}
"""

TYPES = (
    # kind, audience, channel, enabled, text, offset in minutes
    ("text_out_of_hours", "client", "sms", 1, "Сейчас мы закрыты, {number}", 0),
    ("ticket_out_of_hours", "client", "sms", 1, "Заявка «{item}» принята", 0),
    ("rate_adviser", "client", "sms", 1, "{name}, оцените: {link}", 0),
    ("was_it_solved", "client", "sms", 1, "Was it solved? {link}", 0),
    ("first_chat", "client", "sms", 1, "Hello {name}", 0),
    ("first_chat", "staff", "email", 1, "A first chat of {caller}", 0),
    ("first_chat", "admin", "sms", 1, "First chat: {caller}", 0),
    ("ask_for_photo", "client", "sms", 1, "Send a photo: {link}", 0),
    ("share_contacts", "client", "sms", 1, "Our contacts: {link}", 0),
    ("ask_for_approval", "client", "sms", 1, "Approve: {link}", 0),
    ("ask_for_payment", "client", "sms", 0, "Pay: {link}", 0),
    ("ask_for_payment", "client", "email", 0, "Pay by e-mail: {link}", 0),
    ("item_created", "client", "sms", 1, "Вы записаны: {item}", 0),
    ("item_created", "client", "email", 1, "Booked: {item}", 0),
    ("item_confirm", "client", "sms", 1, "Подтвердите: {item}", 0),
    ("item_reminder", "client", "sms", 1, "Ждём вас: {item}", -120),
    ("item_repeat_reminder", "client", "sms", 1, "Скоро: {item}", -30),
    ("item_review_request", "client", "sms", 1, "Как всё прошло? {link}", 60),
)

COMPANY = (
    f"INSERT INTO teams (name) VALUES ('{TEAM}'), ('Other')",
    "INSERT INTO schemes (name, time_zone) VALUES ('Always', 'Europe/Moscow'), ('Never', 'Europe/Moscow'), "
    "('Nothing', 'Europe/Moscow')",
    "INSERT INTO branches (scheme_id, name) SELECT id, 'Working' FROM schemes WHERE name = 'Always'",
    "INSERT INTO branches (scheme_id, name, out_of_hours) "
    "SELECT id, 'Closed', {true} FROM schemes WHERE name = 'Never'",
    "INSERT INTO branches (scheme_id, name) SELECT id, 'Another day' FROM schemes WHERE name = 'Nothing'",
    "INSERT INTO schedule_entries (branch_id, first_day, last_day) "
    "SELECT id, {other_day}, {other_day} FROM branches WHERE name = 'Another day'",
    "INSERT INTO steps (branch_id, kind) SELECT id, 'voicemail' FROM branches",
    *(
        f"INSERT INTO numbers (e164, name, team_id, scheme_id) SELECT '{number}', 'Office', t.id, "
        f"(SELECT id FROM schemes WHERE name = '{scheme}') FROM teams t WHERE t.name = '{TEAM}'"
        for number, scheme in ((OPEN, "Always"), (CLOSED, "Never"), (NO_BRANCH, "Nothing"), (NO_SCHEME, "none"))
    ),
    *(
        "INSERT INTO message_types (team_id, kind, audience, channel, enabled, text, offset_minutes) "
        f"SELECT id, '{kind}', '{audience}', '{channel}', {'{true}' if on else '{false}'}, "
        f"'{text.replace('{', '{{').replace('}', '}}')}', {offset} FROM teams WHERE name = '{TEAM}'"
        for kind, audience, channel, on, text, offset in TYPES
    ),
    "INSERT INTO team_contacts (team_id, audience, channel, address) "
    f"SELECT id, 'staff', 'email', 'staff@example.com' FROM teams WHERE name = '{TEAM}'",
    "INSERT INTO team_contacts (team_id, audience, channel, address) "
    f"SELECT id, 'admin', 'sms', '+79169999999' FROM teams WHERE name = '{TEAM}'",
)


def free_port() -> int:
    """A port that nobody listens at."""
    for port in itertools.islice(_PORTS, 400):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no port is free")


_PORTS = itertools.cycle(range(19500, 19900))


@dataclass
class House:
    """The company, its database, its interface at ``base``, and users' tokens by name."""

    folder: Path
    url: str
    settings: dict[str, object]
    engine: sa.Engine
    process: Controller
    tokens: dict[str, str] = field(default_factory=dict)
    _clients: Iterable[int] = field(default_factory=lambda: itertools.count(79161000001))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def build(cls, folder: Path, url: str, **settings: object) -> House:
        """Furnish the database and start the process."""
        given = {
            "database_url": url,
            "web_port": free_port(),
            "inbox_folder": folder / "inbox",
            "messages_folder": folder / "messages",
            "gateways_file": folder / "gateways.yaml",
            "sending_hours": "00:00-24:00",
            "company": "Пример",
            "web_rate": 10_000,
            **settings,
        }
        gateways = folder / "gateways.yaml"
        gateways.touch(mode=0o600)
        gateways.write_text(GATEWAYS)
        house = cls(folder, url, given, open_database(url), Controller(folder, given, "web"))
        house.process.start(until=READY)
        return house

    def furnish(self) -> None:
        """Enter the company as an admin does, and a user who may do everything."""
        words = ("1", "0") if self.url.startswith("sqlite") else ("true", "false")
        other_day = (datetime.now(UTC).isoweekday() + 3) % 7 + 1
        known = {"true": words[0], "false": words[1], "other_day": other_day}
        type_in(self.url, *(statement.format_map(known) for statement in COMPANY))
        if "crm" not in self.tokens:
            self.add_user("crm", *EVERY_GRANT)

    def add_user(self, name: str, *grants: Grant) -> str:
        """A user with these rights; the token."""
        with writing(self.engine).begin() as connection:
            desk = PeopleDesk(connection, Actor.everything("operator"))
            desk.add_user(name)
            desk.grant_user(name, grants)
            self.tokens[name] = desk.new_token(name)
        return self.tokens[name]

    def stop(self) -> None:
        """End the process in order."""
        assert self.process.stop() == 0
        self.engine.dispose()

    @property
    def base(self) -> str:
        """The interface's address."""
        return f"http://127.0.0.1:{self.settings['web_port']}"

    def client(self) -> str:
        """The number of a client nobody has heard of."""
        with self._lock:
            return f"+{next(iter(self._clients))}"

    def ask(
        self, method: str, path: str, *, user: str | None = "crm", headers: Mapping[str, str] | None = None, **more: Any
    ) -> requests.Response:
        """One request over a connection of its own."""
        proof = {"Authorization": f"Bearer {self.tokens[user]}"} if user else {}
        given = {**proof, **(headers or {})}
        return requests.request(method, self.base + path, headers=given, timeout=20, allow_redirects=False, **more)

    def event(self, **event: Any) -> dict[str, Any]:
        """Raise an event."""
        return self._told(event, 202, "crm")

    def event_of(self, user_name: str, /, **event: Any) -> dict[str, Any]:
        """Raise an event as another system does."""
        return self._told(event, 202, user_name)

    def refused(self, **event: Any) -> dict[str, Any]:
        """Raise an event that is refused; the problem."""
        return self._told(event, 422, "crm")

    def _told(self, event: dict[str, Any], code: int, user: str) -> dict[str, Any]:
        answer = self.ask("POST", "/v1/events", json=event, user=user)
        assert answer.status_code == code, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str, code: int = 200, user: str = "crm", **query: Any) -> Any:
        """What is at a path."""
        answer = self.ask("GET", path, params=query, user=user)
        assert answer.status_code == code, answer.text
        return answer.json()

    def rows(self, sql: str, **values: Any) -> list[sa.Row[Any]]:
        """What the database has."""
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(sql), values))

    def sql(self, *statements: str) -> None:
        """Edit the database as an admin does."""
        type_in(self.url, *statements)

    def send_due(self, *ids: int) -> None:
        """Do a sender's work, through the test inbox, until these messages are out of hand."""
        gateways = [
            one for one in load_gateways(self.folder / "gateways.yaml", self.folder / "inbox") if "inbox" in one.name
        ]
        limits = Limits(window=SendingWindow.parse("00:00-24:00", "+03:00"))
        outbox = Outbox(
            SqlOutbox(self.engine, limits, rate=10_000),
            gateways,
            recordings=_NoRecordings(),
            clock=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
            pause=lambda _seconds: True,
        )
        for _round in range(100):
            for held in outbox.claim(dict.fromkeys((None, *Channel), 100)):
                outbox.attend(held)
            waiting = self.rows(
                "SELECT id FROM messages WHERE state IN ('queued', 'sending') "
                f"AND id IN ({', '.join(map(str, ids)) or '0'})"
            )
            if not waiting:
                return
        raise AssertionError(f"still not sent: {waiting}")

    def inbox(self) -> list[dict[str, Any]]:
        """What test mode has written."""
        file = self.folder / "inbox" / "inbox.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class _NoRecordings:
    def find(self, name: str) -> str | None:
        return None


def only(subject: Subject, *rights: Right) -> tuple[Grant, ...]:
    """Rights over one thing."""
    return tuple(Grant(subject, right) for right in rights)

"""What all of them have in common: records, users, a token that is good, and how a CRM is made that asks them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ari_app.crm.base import Crm
from ari_app.http_client.settings import Reading
from tests.gateways.providers import Act, Received, Reply

SECRET = "hush-hush-0123456789"
"""In every configuration; never to be seen in what a CRM says."""
CLIENT_SECRET = "hush-hush-client-0123456789"
PHONE = "+79165557840"
ALIKE = "+79261117840"
"""Another's, with the same last digits: what a loose search finds too."""
TOKEN_PATH = "/oauth/token"
FORBIDDEN = Reply(403, {})


@dataclass(frozen=True)
class Record:
    """One record. ``of`` are the contacts that it belongs to; ``day`` is when it was made."""

    entity: str
    id: int
    owner: int = 7
    day: int = 1
    phones: tuple[str, ...] = ()
    of: tuple[int, ...] = ()
    open: bool = True


@dataclass(frozen=True)
class User:
    id: int
    name: str = "Мария Орлова"
    email: str = "Maria.Orlova@Example.com"


class Fake(ABC):
    """A vendor; call it with what came, and it answers. ``page`` is how many records it gives at once at most."""

    def __init__(self, *records: Record, page: int = 100) -> None:
        self.records = records
        self.page = page
        self.users = {one.id: one for one in (User(7), User(8, "Second", ""))}
        self.token = SECRET
        self.refresh = SECRET
        self.renewals: list[Received] = []
        self.unknown: list[str] = []

    def __call__(self, received: Received) -> Act:
        if received.path == TOKEN_PATH:
            self.renewals.append(received)
            return self.renewed(received)
        if not self.admits(received):
            return self.expired
        return self.answer(received)

    expired: Reply = Reply(401, {})
    refused: Reply = Reply(400, {"error": "invalid_grant"})

    @abstractmethod
    def admits(self, received: Received) -> bool:
        """Whether it proves who asks."""

    @abstractmethod
    def answer(self, received: Received) -> Act:
        """To a request that may be made."""

    def grant(self, received: Received) -> Mapping[str, Any]:
        """What asks for new tokens."""
        return received.form

    def renewed(self, received: Received) -> Act:
        """Once good refresh tokens: the next one comes with the answer."""
        grant = self.grant(received)
        if grant.get("grant_type") != "refresh_token" or grant.get("refresh_token") != self.refresh:
            return self.refused
        number = len(self.renewals)
        self.token, self.refresh = f"{SECRET}-token-{number}", f"{SECRET}-refresh-{number}"
        return Reply(200, self.tokens())

    def tokens(self) -> dict[str, Any]:
        return {"access_token": self.token, "refresh_token": self.refresh, "expires_in": 3600, "token_type": "Bearer"}

    def nowhere(self, received: Received) -> Reply:
        """A path or parameter that the vendor does not document; the test that asked for it fails."""
        self.unknown.append(f"{received.method} {received.target}")
        return Reply(418, {})

    def of_kind(self, entity: str) -> list[Record]:
        return [one for one in self.records if one.entity == entity]

    def alike(self, entity: str, term: str) -> list[Record]:
        """By the last digits alone: as loosely as any vendor searches."""
        last = re.sub(r"\D", "", term)[-4:]
        return [
            one for one in self.of_kind(entity) if any(re.sub(r"\D", "", phone).endswith(last) for phone in one.phones)
        ]


def when(record: Record) -> str:
    return f"2024-03-{record.day:02}T10:00:00Z"


@dataclass(frozen=True)
class Driver:
    """How the conformance suite drives one vendor."""

    name: str
    fake: type[Fake]
    settings: Any
    own: Mapping[str, Any]
    """Settings beside those that all have."""
    phoned: tuple[str, ...] = ("contact",)
    """Records that have telephone numbers themselves."""
    closes: tuple[str, ...] = ()
    """Records that are open or closed."""
    user_email: str = "maria.orlova@example.com"
    forbidden: Reply = FORBIDDEN
    limited: tuple[tuple[Reply, float], ...] = ()
    """Refusals because of a limit, and after how many seconds it may be asked again."""
    renews: bool = False
    names_owners: bool = False
    """Its records name their owner whole: no user is asked for."""
    own_id: Callable[[int], str] = str
    """How the vendor writes the id of its user."""
    chained: str = "deal"
    """A record that takes several requests to find."""
    prepare: Callable[[Path], None] = lambda folder: None
    """Makes the files that its settings name."""

    def make(self, url: str, folder: Path, **more: Any) -> Crm:
        given = {"name": "tried", "kind": self.settings.model_fields["kind"].annotation.__args__[0], "url": url}
        given |= {"allow_private": True, "connect_timeout": 2, "read_timeout": 2}
        if self.renews:
            given |= {"token_url": url + TOKEN_PATH, "tokens_file": "tokens.json"}
        self.prepare(folder)
        made: Crm = self.settings.model_validate(given | dict(self.own) | more, context=Reading(folder)).build()
        return made

    def record(self, entity: str, number: int = 1, **more: Any) -> tuple[Record, ...]:
        """A record of this kind that belongs to the caller, with the contact that it needs for that."""
        if entity in self.phoned:
            return (Record(entity, number, **{"phones": (PHONE,), **more}),)
        phones = more.pop("phones", (PHONE,))
        contact = Record(self.phoned[0], 900 + number, owner=0, phones=phones)
        return (Record(entity, number, **{"of": (900 + number,), **more}), contact)


REFRESHING = {"client_id": "our-app", "client_secret": CLIENT_SECRET, "refresh_token": SECRET}
Make = Callable[..., Crm]

"""Rules, types and contacts as somebody wrote them, before anybody has judged whether they make sense."""

from __future__ import annotations

from typing import NamedTuple

from ari_app.core.message_book import ApologyRule, Contact, MessageType
from ari_app.core.messages import Audience, Channel, MessageKind


class RuleDraft(NamedTuple):
    """An apology rule; ``numbers`` are the dialled ones, ``team`` is a name or None."""

    id: int
    name: str
    text: str
    numbers: tuple[str, ...]
    enabled: bool = True
    delay_seconds: int = 60
    once_in_hours: int = 24
    team: str | None = None


class TypeDraft(NamedTuple):
    """A message type of a team."""

    team: str
    kind: str
    audience: str = "client"
    channel: str = "sms"
    enabled: bool = True
    text: str = ""
    with_company: bool = False
    with_team: bool = False
    extra: str = ""
    offset_minutes: int = 0
    once_in_hours: int = 0


class ContactDraft(NamedTuple):
    """Where a team's own people or systems are told."""

    team: str
    audience: str
    channel: str
    address: str


def compiled_rule(draft: RuleDraft) -> ApologyRule:
    """The rule, of a draft in which `ari_app.core.message_checks` finds no error."""
    return ApologyRule(**{**draft._asdict(), "numbers": frozenset(draft.numbers)})


def compiled_type(draft: TypeDraft) -> MessageType:
    """The type, of a draft without an error; others raise ValueError."""
    values = draft._asdict()
    del values["team"]
    values["kind"] = MessageKind(draft.kind)
    values["audience"], values["channel"] = Audience(draft.audience), Channel(draft.channel)
    return MessageType(**values)


def compiled_contact(draft: ContactDraft) -> Contact:
    """The contact, of a draft without an error; others raise ValueError."""
    return Contact(Audience(draft.audience), Channel(draft.channel), draft.address)

"""What an admin configures about messages: apology rules, and each team's message types, switches and contacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from types import MappingProxyType

from ari_app.core.messages import Audience, Channel, MessageKind


@dataclass(frozen=True, slots=True)
class ApologyRule:
    """What a caller is sent whose call to one of ``numbers`` (E.164) was lost.

    ``text`` has placeholders, already checked. It is due ``delay_seconds`` after the call; one caller gets one of it in
    ``once_in_hours`` (0: no such limit). ``team`` is whose rule it is, None: everybody's.
    """

    id: int
    name: str
    text: str
    numbers: frozenset[str]
    enabled: bool = True
    delay_seconds: int = 60
    once_in_hours: int = 24
    team: str | None = None


@dataclass(frozen=True, slots=True)
class MessageType:
    """One automatic message of a team. ``text`` and ``extra`` have placeholders, already checked.

    ``offset_minutes`` after the event it is due; for an item: after the item's time, before it if negative.
    """

    kind: MessageKind
    audience: Audience
    channel: Channel
    text: str
    enabled: bool = True
    with_company: bool = False
    with_team: bool = False
    extra: str = ""
    offset_minutes: int = 0
    once_in_hours: int = 0


@dataclass(frozen=True, slots=True)
class Contact:
    """Where people or systems of the team are told: a number, an address, or the name of a configured webhook."""

    audience: Audience
    channel: Channel
    address: str


@dataclass(frozen=True, slots=True)
class TeamProfile:
    """What a team does about messages. ``sales_tools``: it has apologies at all. ``makes_tickets``: a missed call of a
    client without an open ticket makes one, ``tickets_an_hour`` at most."""

    name: str
    sales_tools: bool = True
    makes_tickets: bool = False
    tickets_an_hour: int = 60
    types: tuple[MessageType, ...] = ()
    contacts: tuple[Contact, ...] = ()

    def types_of(self, kind: MessageKind) -> Iterator[MessageType]:
        """Its messages of a kind, switched off ones too."""
        return (each for each in self.types if each.kind is kind)

    def type_of(self, kind: MessageKind, audience: Audience, channel: Channel) -> MessageType | None:
        """The one message of this kind, audience and channel, whether on or off; None if the team has none."""
        return next(
            (each for each in self.types_of(kind) if (each.audience, each.channel) == (audience, channel)), None
        )

    def contacts_of(self, audience: Audience, channel: Channel) -> Iterator[str]:
        """The addresses at which an audience is told over a channel."""
        return (each.address for each in self.contacts if (each.audience, each.channel) == (audience, channel))


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """One of the company's own numbers. ``zone`` is that of its scheme, None where it has none in force."""

    name: str
    team: str | None = None
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class MessageBook:
    """Everything about messages, as of one moment: ``rules`` by name, ``teams`` by theirs, ``numbers`` by E.164.

    ``loaded`` is False for the book that is in force while the database could not be read even once.
    """

    rules: tuple[ApologyRule, ...] = ()
    teams: Mapping[str, TeamProfile] = field(default_factory=lambda: MappingProxyType({}))
    numbers: Mapping[str, OwnNumber] = field(default_factory=lambda: MappingProxyType({}))
    version: str = ""
    loaded: bool = True

    def rules_for(self, dialled: str | None) -> tuple[ApologyRule, ...]:
        """The rules, on or off, that have the dialled number, in the order in which they are tried."""
        return tuple(rule for rule in self.rules if dialled in rule.numbers)

    def team_of(self, dialled: str | None) -> TeamProfile | None:
        """The team that a number belongs to, if it is one of ours and has one."""
        own = self.numbers.get(dialled) if dialled else None
        return self.teams.get(own.team) if own and own.team else None

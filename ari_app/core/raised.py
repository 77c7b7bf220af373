"""Messages that another system raises: about a client, or about an item of a client's such as an appointment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from ari_app.core.consent import switched_off
from ari_app.core.deployment import Decided, Deployment
from ari_app.core.message_book import MessageBook, MessageType, TeamProfile
from ari_app.core.messages import ITEM_KINDS, RAISED_KINDS, Audience, Channel, Intent, MessageKind
from ari_app.core.writing import Addressed, Cause, Desk, digest


@dataclass(frozen=True, slots=True)
class RaisedEvent:
    """Something that happened in another system, of which people shall be told.

    ``kind`` is of `RAISED_KINDS` or `ITEM_KINDS`; ``team`` is a team's name, ``client`` an E.164 number. ``values`` are
    those of the placeholders, by name; ``addresses`` are the client's, for channels other than SMS. ``item`` is the
    other system's id of what it is about, ``item_time`` (aware) when that takes place. ``at`` (aware) sets the time of
    sending for this one, instead of the type's. ``forced``: by SMS even where the type is off. ``channels``: only
    these; empty: all that the team has. ``by_hand``: a person asked for it, ``asked_by`` is who. ``id`` is the other
    system's id of the event, so that one raised twice is one; needed where there is no item.
    """

    kind: MessageKind
    team: str
    client: str
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    addresses: Mapping[Channel, str] = field(default_factory=lambda: MappingProxyType({}))
    item: str | None = None
    item_time: datetime | None = None
    at: datetime | None = None
    forced: bool = False
    channels: frozenset[Channel] = frozenset()
    by_hand: bool = False
    asked_by: str = ""
    id: str = ""


_BY_ITEMS_TIME = (MessageKind.ITEM_REMINDER, MessageKind.ITEM_REPEAT_REMINDER, MessageKind.ITEM_REVIEW_REQUEST)
"""Due by the time of the item; the other kinds by the moment at which they are raised."""
_BEFORE_THE_ITEM = (MessageKind.ITEM_CREATED, MessageKind.ITEM_CONFIRM, MessageKind.ITEM_REMINDER)
"""Of no use once the item has begun."""


def of_event(event: RaisedEvent, book: MessageBook, deployment: Deployment, at: datetime) -> Decided:
    """The messages that follow from an event that came ``at`` (aware): to the client, the staff and the admins.

    Raises:
        ValueError: the event is of a kind that is not raised from outside.
    """
    if event.kind not in (*RAISED_KINDS, *ITEM_KINDS):
        raise ValueError(
            f"{event.kind} is not raised from outside; those are {', '.join((*RAISED_KINDS, *ITEM_KINDS))}"
        )
    team = book.teams.get(event.team)
    values = {"caller": event.client, "company": deployment.company, "team": event.team, **event.values}
    cause = Cause(
        key=_key(event, at),
        why="by_hand" if event.by_hand and event.asked_by else "raised",
        client=event.client,
        team=event.team,
        values=values,
        item=event.item,
        asked_by=event.asked_by,
    )
    desk = Desk(cause, deployment, at)
    if team is None:
        desk.pass_over(event.kind, Channel.SMS, Audience.CLIENT, "unknown_team", team=event.team)
    else:
        _Raised(desk, event, book, team, at).decide()
    return desk.decided()


def _key(event: RaisedEvent, at: datetime) -> str:
    """An item asks for each of its messages once, however often it is made; a person may ask as often as they like."""
    once = event.id or f"{event.client} {at.isoformat()}"
    if event.item is None:
        return f"event/{digest(event.team, once)}"
    if event.by_hand:
        return f"hand/{digest(event.team, event.item, once)}"
    return f"item/{digest(event.team, event.item)}"


@dataclass(frozen=True, slots=True)
class _Raised:
    """The messages of one team about one event that came ``at``."""

    desk: Desk
    event: RaisedEvent
    book: MessageBook
    team: TeamProfile
    at: datetime

    def decide(self) -> None:
        """Every type of the team that the event is of."""
        event = self.event
        types = [
            each for each in self.team.types_of(event.kind) if not event.channels or each.channel in event.channels
        ]
        for each in types:
            which = each.kind, each.channel, each.audience
            due_at, why_not = self._due(each), self._why_not(each)
            if why_not or isinstance(due_at, str):
                self.desk.pass_over(*which, why_not or str(due_at))
            elif each.audience is Audience.CLIENT:
                self._to_client(each, due_at)
            else:
                self._to_people(each, due_at)
        if not any(each.audience is Audience.CLIENT for each in types):
            self.desk.pass_over(event.kind, Channel.SMS, Audience.CLIENT, "no_type", team=self.team.name)

    def _forced(self, kind: MessageType) -> bool:
        return self.event.forced and kind.audience is Audience.CLIENT and kind.channel is Channel.SMS

    def _why_not(self, kind: MessageType) -> str | None:
        """Why there is no message of this type, or None; the client's own refusals are asked when it is sent."""
        event = self.event
        if event.kind is MessageKind.ITEM_CONFIRM and not event.by_hand:
            return "asked_by_hand_only"
        off = switched_off(channel=kind.channel, kind=kind.kind, type_on=kind.enabled, forced=self._forced(kind))
        if off:
            return off
        if kind.audience is not Audience.CLIENT:
            return None if any(self.team.contacts_of(kind.audience, kind.channel)) else "no_contacts"
        if kind.channel is Channel.SMS:
            return self.desk.deployment.text_policy.refusal(event.client, self.book.numbers.keys())
        return None if event.addresses.get(kind.channel) else "no_address"

    def _to_client(self, kind: MessageType, due_at: datetime) -> None:
        event = self.event
        address = event.client if kind.channel is Channel.SMS else event.addresses[kind.channel]
        intent = self._intent(kind, address, self.desk.deployment.window.next_opening(due_at))
        if event.item_time and kind.kind in _BEFORE_THE_ITEM:
            if intent.due_at >= event.item_time:
                self.desk.pass_over(kind.kind, kind.channel, kind.audience, "too_late")
                return
            intent = replace(intent, expires_at=min(intent.expires_at, event.item_time))
        self.desk.add(replace(intent, once_in_hours=kind.once_in_hours, forced=self._forced(kind)))

    def _to_people(self, kind: MessageType, due_at: datetime) -> None:
        for address in self.team.contacts_of(kind.audience, kind.channel):
            self.desk.add(self._intent(kind, address, due_at))

    def _intent(self, kind: MessageType, address: str, due_at: datetime) -> Intent:
        message = Addressed(
            kind.kind, kind.channel, kind.audience, address, self.desk.text_of(kind), self.desk.deployment.company
        )
        return self.desk.draft(message, due_at)

    def _due(self, kind: MessageType) -> datetime | str:
        """When it is due, the sending window aside; or why it never is. A time set for this one item wins."""
        event, offset = self.event, timedelta(minutes=kind.offset_minutes)
        if event.at is not None:
            return max(event.at, self.at)
        if kind.kind not in _BY_ITEMS_TIME:
            return self.at + max(offset, timedelta(0))
        if event.item_time is None:
            return "no_time"
        due_at = event.item_time + offset
        return due_at if due_at >= self.at else "too_late"

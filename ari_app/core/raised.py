"""Messages that another system raises: about a client, or about an item of a client's such as an appointment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from ari_app.core.messages import Channel, MessageKind


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

"""Tells a team's systems (webhooks) what became of a message: by an event that is taken in with the change itself."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.core.event_json import message_changed
from ari_app.core.messages import Audience, Channel, Intent, MessageKind
from ari_app.storage.intents import take_in
from ari_app.storage.message_schema import team_contacts
from ari_app.storage.schema import teams

if TYPE_CHECKING:
    from ari_app.storage.outbox_rows import MessageRow

KEPT = timedelta(hours=24)
"""An event that could not be told for so long is not told any more."""


def tell_systems(
    connection: sa.Connection, message: MessageRow, state: State, reason: str, at: datetime, *, gateway: str | None
) -> None:
    """Queue an event for each webhook of the message's team; of events and tickets themselves nothing is told."""
    if message.team is None or message.channel in (Channel.WEBHOOK, Channel.TICKET):
        return
    names = connection.execute(_WEBHOOKS, {"team": message.team}).scalars().all()
    if not names:
        return
    text = message_changed(
        at,
        {
            "id": message.id,
            "kind": message.kind.value,
            "channel": message.channel.value,
            "audience": message.audience.value,
            "recipient": message.recipient,
            "client": message.client,
            "rule": message.rule,
            "team": message.team,
            "call": message.call_id,
            "item": message.item,
            "state": state.value,
            "reason": reason,
            "gateway": gateway,
            "attempts": message.attempts,
            "due_at": message.due_at,
        },
    )
    change = f"message/{message.id}/{state}/{message.attempts}/{at.isoformat()}"
    take_in(connection, (_event(message, name, text, change, at) for name in names), at)


def _event(message: MessageRow, name: str, text: str, change: str, at: datetime) -> Intent:
    return Intent(
        key=f"{change}/{hashlib.sha256(name.encode()).hexdigest()[:16]}",
        kind=MessageKind.EVENT,
        channel=Channel.WEBHOOK,
        audience=Audience.SYSTEM,
        recipient=name,
        text=text,
        subject="message.changed",
        due_at=at,
        expires_at=at + KEPT,
        client=message.client,
        team=message.team,
        call_id=message.call_id,
        item=message.item,
    )


_WEBHOOKS = (
    sa.select(team_contacts.c.address)
    .select_from(team_contacts.join(teams, team_contacts.c.team_id == teams.c.id))
    .where(
        teams.c.name == sa.bindparam("team"),
        team_contacts.c.channel == Channel.WEBHOOK.value,
        team_contacts.c.enabled,
    )
    .distinct()
    .order_by(team_contacts.c.address)
)

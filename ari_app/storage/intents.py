"""How an intent to send becomes a row of the outbox, once; whoever takes intents in does it with this."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ari_app.core.messages import Intent
from ari_app.storage.columns import storable
from ari_app.storage.outbox_schema import messages

Row = dict[str, Any]


def intent_row(intent: Intent, at: datetime) -> Row:
    """The row of an intent that came up ``at`` (aware).

    Its ``ref`` is random: it goes to providers, and must neither be guessed nor tell anything.
    """
    return {
        "key": storable(intent.key),
        "ref": secrets.token_hex(16),
        "created_at": at,
        "kind": intent.kind.value,
        "channel": intent.channel.value,
        "audience": intent.audience.value,
        "recipient": storable(intent.recipient),
        "client": storable(intent.client),
        "subject": storable(intent.subject),
        "text": storable(intent.text),
        "parts": intent.parts,
        "rule_id": intent.rule_id,
        "rule": storable(intent.rule),
        "team": storable(intent.team),
        "call_id": intent.call_id,
        "item": storable(intent.item),
        "attachment": intent.attachment,
        "once_in_hours": intent.once_in_hours,
        "withdraw_if_reached": intent.withdraw_if_reached,
        "needs_ticket": intent.needs_ticket,
        "forced": intent.forced,
        "bulk": intent.bulk,
        "asked_by": storable(intent.asked_by),
        "due_at": intent.due_at,
        "expires_at": intent.expires_at,
    }


def taking_in(dialect: str) -> sa.Insert:
    """The statement that takes rows in; one whose key is there already is left alone."""
    insert = postgresql.insert(messages) if dialect == "postgresql" else sqlite.insert(messages)
    return insert.on_conflict_do_nothing(index_elements=["key"])


def take_in(connection: sa.Connection, intents: Iterable[Intent], at: datetime) -> list[int]:
    """Take intents in, in the connection's transaction; the ids of those that were new, in order."""
    statement = taking_in(connection.dialect.name).returning(messages.c.id)
    found = (connection.execute(statement, intent_row(intent, at)).scalar_one_or_none() for intent in intents)
    return [new for new in found if new is not None]

"""Intents as a lost call brings them, and a look at what became of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ari_app.core.messages import Audience, Channel, Intent, MessageKind
from ari_app.core.verdict import Disposition
from ari_app.storage.database import writing
from ari_app.storage.intents import take_in
from ari_app.storage.message_schema import apology_rules
from ari_app.storage.outbox_rows import MessageRow, as_message
from ari_app.storage.outbox_schema import message_events, messages
from ari_app.storage.records import call_events, calls
from tests.outbox.clocks import NOON

CALLER = "+79161110000"
OURS = "+74950000101"


def mobile(number: int) -> str:
    """A mobile number that the plans have, one for each of a million."""
    return f"+7916{number:07}"


def text(number: int = 0, **other: Any) -> Intent:
    """A text to a client: nobody's rule, due at noon, for a day."""
    intent = Intent(
        key=f"message {number}",
        kind=MessageKind.BY_HAND,
        channel=Channel.SMS,
        audience=Audience.CLIENT,
        recipient=mobile(number),
        client=mobile(number),
        text="Sorry that we missed your call",
        due_at=NOON,
        expires_at=NOON + timedelta(hours=24),
    )
    return replace(intent, **other)


def notice(number: int = 0, **other: Any) -> Intent:
    """An e-mail to the company's own staff."""
    return text(
        number,
        **{
            "key": f"notice {number}",
            "kind": MessageKind.VOICEMAIL_NOTICE,
            "channel": Channel.EMAIL,
            "audience": Audience.STAFF,
            "recipient": "staff@example.com",
            **other,
        },
    )


def apology(call_id: str, rule_id: int, **other: Any) -> Intent:
    """The apology for a lost call of `CALLER`."""
    return text(
        **{
            "key": f"{call_id}/apology",
            "kind": MessageKind.APOLOGY,
            "recipient": CALLER,
            "client": CALLER,
            "rule_id": rule_id,
            "rule": "Missed",
            "call_id": call_id,
            "withdraw_if_reached": True,
            "once_in_hours": 24,
            **other,
        }
    )


def queue(engine: sa.Engine, *intents: Intent, at: datetime = NOON) -> list[int]:
    """Take intents in; their ids."""
    with writing(engine).begin() as connection:
        return take_in(connection, intents, at)


def a_rule(engine: sa.Engine, **values: Any) -> int:
    """An apology rule, switched on; its id."""
    with writing(engine).begin() as connection:
        row = {"name": "Missed", "text": "Sorry", **values}
        return int(connection.execute(sa.insert(apology_rules).values(row).returning(apology_rules.c.id)).scalar_one())


def a_call(
    engine: sa.Engine,
    call_id: str,
    *,
    at: datetime = NOON - timedelta(minutes=5),
    ended: Disposition | None = Disposition.LOST,
    talking: bool = False,
    **values: Any,
) -> str:
    """A call of `CALLER` in the journal, over after a minute unless ``ended`` is None."""
    row: dict[str, Any] = {
        "id": call_id,
        "arrived_at": at,
        "caller": CALLER,
        "caller_raw": CALLER,
        "dialled": OURS,
        "dialled_raw": OURS,
        **values,
    }
    if ended is not None:
        row |= {"ended_at": at + timedelta(minutes=1), "disposition": ended.value, "reason": "nobody_answered"}
    with writing(engine).begin() as connection:
        connection.execute(sa.insert(calls), row)
        if talking:
            entry = {"call_id": call_id, "seq": 1, "at_ms": 5000, "kind": "connected", "details": {}}
            connection.execute(sa.insert(call_events), entry)
    return call_id


def the(engine: sa.Engine, message_id: int = 1) -> MessageRow:
    """A message as it stands."""
    with engine.connect() as connection:
        return as_message(connection.execute(sa.select(messages).where(messages.c.id == message_id)).one())


def history(engine: sa.Engine, message_id: int = 1) -> list[tuple[str, str]]:
    """What became of a message: state and reason, in order."""
    query = sa.select(message_events.c.state, message_events.c.reason).where(message_events.c.message_id == message_id)
    with engine.connect() as connection:
        return [(row.state, row.reason) for row in connection.execute(query.order_by(message_events.c.id))]


def states(engine: sa.Engine) -> dict[str, int]:
    """How many messages are in which state."""
    query = sa.select(messages.c.state, sa.func.count().label("many")).group_by(messages.c.state)
    with engine.connect() as connection:
        return {row.state: row.many for row in connection.execute(query)}

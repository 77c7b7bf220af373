"""What an owed recording makes of a call that is closed already: all of it in one transaction, and once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.core.timeline import Entry
from ari_app.ports import CallAmended
from ari_app.storage.columns import storable
from ari_app.storage.intents import take_in
from ari_app.storage.outbox_rows import LONGEST_MS, as_message, become
from ari_app.storage.outbox_schema import messages
from ari_app.storage.records import call_events, calls, owed_recordings, voicemail_messages

WITHDRAWN = "the caller left a message, as was seen later"


def amend(connection: sa.Connection, amended: CallAmended) -> None:
    """Write it, unless that has been done: the row of what is owed goes, or changes, in the same transaction."""
    owed = owed_recordings.c.name == storable(amended.recording)
    found = connection.execute(sa.select(owed_recordings).where(owed).with_for_update()).one_or_none()
    if found is None or (found.decided and not amended.settled):
        return
    _tell_call(connection, amended)
    if amended.message is not None:
        row = {"call_id": found.call_id, "name": amended.message.name, "length_ms": amended.message.length_ms}
        connection.execute(sa.insert(voicemail_messages), row)
        _withdraw(connection, amended)
    take_in(connection, amended.intents, amended.at)
    if amended.settled:
        connection.execute(sa.delete(owed_recordings).where(owed))
    else:
        connection.execute(sa.update(owed_recordings).where(owed).values(decided=True))


def _tell_call(connection: sa.Connection, amended: CallAmended) -> None:
    """Its verdict, and further entries at the end of its timeline; its row is locked, so that nobody takes their
    place."""
    verdict = amended.verdict
    values = {"disposition": verdict.disposition.value, "reason": verdict.reason.value}
    connection.execute(sa.update(calls).where(calls.c.id == amended.call_id).values(values))
    last = sa.select(sa.func.coalesce(sa.func.max(call_events.c.seq), 0))
    seq = connection.execute(last.where(call_events.c.call_id == amended.call_id)).scalar_one()
    if rows := list(_rows(amended, seq + 1)):
        connection.execute(sa.insert(call_events), rows)


def _rows(amended: CallAmended, seq: int) -> Iterator[dict[str, Any]]:
    for place, entry in enumerate(amended.entries, seq):
        at_ms = min(entry.at_ms, LONGEST_MS)
        yield {"call_id": amended.call_id, "seq": place, "at_ms": at_ms, "kind": entry.kind.value, **_details(entry)}


def _details(entry: Entry) -> dict[str, Any]:
    return {"details": {storable(str(key)): storable(value) for key, value in entry.details.items()}}


def _withdraw(connection: sa.Connection, amended: CallAmended) -> None:
    """Take back what still waits of the messages that the call brought when it counted as lost."""
    wanted = [intent.key for intent in amended.intents]
    waiting = messages.c.call_id == amended.call_id, messages.c.state == State.QUEUED.value
    theirs = messages.c.key.startswith(f"call/{amended.call_id}/", autoescape=True), messages.c.key.not_in(wanted)
    query = sa.select(messages).where(*waiting, *theirs).order_by(messages.c.id).with_for_update()
    for message in [as_message(row) for row in connection.execute(query)]:
        become(connection, message, State.CANCELLED, WITHDRAWN, amended.at)

"""What the journal says is under way in calls whose controller may be gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from ari_app.core.timeline import Kind
from ari_app.storage.records import call_events, calls


def recordings_begun(engine: sa.Engine, channels: Collection[str]) -> Mapping[str, str]:
    """The name of the recording by the caller's channel, for open calls that have begun one. Blocks; raises
    SQLAlchemy's errors."""
    query = (
        sa.select(calls.c.channel, call_events.c.details)
        .join(calls, calls.c.id == call_events.c.call_id)
        .where(
            calls.c.channel.in_(channels),
            calls.c.disposition.is_(None),
            call_events.c.kind == Kind.RECORDING_BEGAN.value,
        )
        .order_by(call_events.c.seq)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return {channel: str(details["name"]) for channel, details in rows if details.get("name")}

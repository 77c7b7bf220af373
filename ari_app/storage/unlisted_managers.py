"""Reads off the journal whom CRMs have named for callers, and who could not be rung: no destination is listed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ari_app.core.responsible import Why
from ari_app.core.timeline import Kind
from ari_app.storage.records import call_events, calls


def unlisted_managers(connection: sa.Connection, since: datetime) -> frozenset[tuple[str, str]]:
    """The CRM and the id of each, of calls that arrived ``since`` then (aware)."""
    query = (
        sa.select(call_events.c.details)
        .join(calls, calls.c.id == call_events.c.call_id)
        .where(calls.c.arrived_at >= since, call_events.c.kind == Kind.NO_MANAGER.value)
    )
    found = (details for details in connection.scalars(query) if details.get("why") == Why.NO_DESTINATIONS.value)
    return frozenset((str(details.get("crm")), str(details.get("manager"))) for details in found)

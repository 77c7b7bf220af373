"""Reads what is counted of calls that are over, and the zones that their schemes reckon in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ari_app.core.unanswered import Ended
from ari_app.core.verdict import Disposition
from ari_app.storage.records import calls
from ari_app.storage.schema import schemes


def ended_calls(connection: sa.Connection, since: datetime | None, until: datetime | None) -> Iterator[Ended]:
    """The inbound calls that arrived between ``since`` (included) and ``until`` (not) and are over."""
    table = calls.c
    query = sa.select(
        table.arrived_at, sa.func.coalesce(table.number, table.dialled), table.scheme, table.branch, table.disposition
    ).where(table.direction == "inbound", table.disposition.is_not(None))
    if since is not None:
        query = query.where(table.arrived_at >= since)
    if until is not None:
        query = query.where(table.arrived_at < until)
    for at, number, scheme, branch, disposition in connection.execute(query):
        yield Ended(at, number, scheme, branch, Disposition(disposition))


def zones(connection: sa.Connection) -> dict[str, tzinfo]:
    """The zone of each scheme that there is now, by its name; one that is none is left out."""
    found: dict[str, tzinfo] = {}
    for name, zone in connection.execute(sa.select(schemes.c.name, schemes.c.time_zone)):
        try:
            found[name] = ZoneInfo(zone)
        except (ValueError, OSError, LookupError):
            continue
    return found

"""Every table of the schema: whoever needs all of them gets them here."""

from __future__ import annotations

from ari_app.storage import (
    calendar_schema,
    caller_schema,
    desk_schema,
    manager_schema,
    message_schema,
    outbox_schema,
    records,
    ring_schema,
    versions_schema,
)
from ari_app.storage.schema import metadata

__all__ = [
    "calendar_schema",
    "caller_schema",
    "desk_schema",
    "manager_schema",
    "message_schema",
    "metadata",
    "outbox_schema",
    "records",
    "ring_schema",
    "versions_schema",
]

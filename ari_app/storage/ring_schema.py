"""The tables of who was rung first and who talked with whom last: what the order of the next call follows from."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.storage.columns import PlainText, UtcTime
from ari_app.storage.schema import metadata

ring_turns = sa.Table(
    "ring_turns",
    metadata,
    sa.Column("scheme", PlainText, primary_key=True, comment="name of the scheme; empty: the configured default"),
    sa.Column("branch", PlainText, primary_key=True, comment="name of its branch"),
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False, comment="which step of the branch, from 1"),
    sa.Column("destination", PlainText, primary_key=True, comment="the destination that was rung first"),
    sa.Column("at", UtcTime, nullable=False, comment="when it last was (UTC)"),
    sa.Index("ring_turns_by_time", "at"),
    comment="when each destination was last the first to be rung, in steps that take turns; written by the controllers",
    sqlite_strict=True,
)

last_talks = sa.Table(
    "last_talks",
    metadata,
    sa.Column("caller", PlainText, primary_key=True, comment="who called, E.164; empty: without a number"),
    sa.Column("destination", PlainText, primary_key=True, comment="the destination that talked with the caller"),
    sa.Column("at", UtcTime, nullable=False, comment="when their last talk ended (UTC)"),
    sa.Index("last_talks_by_time", "at"),
    comment="when each caller last talked with each destination; written by the controllers, which forget the old ones",
    sqlite_strict=True,
)

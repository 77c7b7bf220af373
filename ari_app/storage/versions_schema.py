"""The table of every version of every scheme: what calls went by, whoever edited it and by whatever means."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.storage.columns import Details, PlainText, UtcTime
from ari_app.storage.schema import metadata

scheme_versions = sa.Table(
    "scheme_versions",
    metadata,
    sa.Column("scheme", PlainText, primary_key=True, comment="name of the scheme"),
    sa.Column("version", PlainText, primary_key=True, comment="its version, as calls name it in scheme_version"),
    sa.Column("first_at", UtcTime, nullable=False, comment="when it first came into force (UTC)"),
    sa.Column("in_force_at", UtcTime, nullable=False, comment="when it last came into force (UTC)"),
    sa.Column("source", sa.Text, nullable=False, comment="how: noticed in the database, or applied by whom"),
    sa.Column("description", Details, nullable=False, comment="the scheme and its greetings, as seeds have them"),
    comment="every version of every scheme that was in force; written by whoever notices an edit, never edited",
    sqlite_strict=True,
)

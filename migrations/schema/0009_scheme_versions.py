"""Every version of every scheme."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "schema_0009"
down_revision = "schema_0008"
branch_labels = None
depends_on = None

MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
PLAIN_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DETAILS = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table; the first that reads the schemes fills it."""
    op.create_table(
        "scheme_versions",
        sa.Column("scheme", PLAIN_TEXT, nullable=False, comment="name of the scheme"),
        sa.Column("version", PLAIN_TEXT, nullable=False, comment="its version, as calls name it in scheme_version"),
        sa.Column("first_at", MOMENT, nullable=False, comment="when it first came into force (UTC)"),
        sa.Column("in_force_at", MOMENT, nullable=False, comment="when it last came into force (UTC)"),
        sa.Column("source", sa.Text(), nullable=False, comment="how: noticed in the database, or applied by whom"),
        sa.Column("description", DETAILS, nullable=False, comment="the scheme and its greetings, as seeds have them"),
        sa.PrimaryKeyConstraint("scheme", "version", name="pk_scheme_versions"),
        comment="every version of every scheme that was in force; written by whoever notices an edit, never edited",
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Remove it, and the history in it."""
    op.drop_table("scheme_versions")

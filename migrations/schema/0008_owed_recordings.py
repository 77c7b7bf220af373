"""Recordings that could not be taken when their call ended: owed to it, until they can."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0008"
down_revision = "schema_0007"
branch_labels = None
depends_on = None

FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
PLAIN_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "owed_recordings",
        sa.Column("name", PLAIN_TEXT, nullable=False, comment="name of the recording in Asterisk's spool"),
        sa.Column("call_id", PLAIN_TEXT, nullable=False, comment="its call"),
        sa.Column("application", PLAIN_TEXT, nullable=False, comment="the controller whose Asterisk has it"),
        sa.Column("min_seconds", sa.Integer(), nullable=False, comment="a shorter one is no message"),
        sa.Column("why", sa.Text(), nullable=False, comment="why it could not be taken when the call ended"),
        sa.Column(
            "decided",
            FLAG,
            server_default=sa.false(),
            nullable=False,
            comment="messages of the call were decided without it, because it took too long",
        ),
        sa.CheckConstraint("decided IN (0, 1)", name="decided_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="call_is_in_the_journal", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", name="pk_owed_recordings"),
        comment="recordings that wait in Asterisk's spool: taken later, and then entered with their calls",
        sqlite_strict=True,
    )
    op.create_index("owed_recordings_of_a_call", "owed_recordings", ["call_id"])
    op.create_index("owed_recordings_by_application", "owed_recordings", ["application"])


def downgrade() -> None:
    """Remove it, and what is owed: the recordings stay in Asterisk's spool."""
    op.drop_table("owed_recordings")

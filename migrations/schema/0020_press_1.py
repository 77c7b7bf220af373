"""Who picks up may have to press 1 to take a call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0020"
down_revision = "schema_0019"
branch_labels = None
depends_on = None

RULE = "time_to_press_1_is_0_or_5_to_60_seconds"
CHECK = "confirm_seconds = 0 OR confirm_seconds BETWEEN 5 AND 60"
COMMENT = "so long who picks up has to press 1, or it counts as no answer; 0: nobody is asked"


def upgrade() -> None:
    """Add the column. SQLite would rebuild the table for anything but a plain ADD COLUMN, and lose its triggers."""
    if op.get_bind().dialect.name == "postgresql":
        column = sa.Column("confirm_seconds", sa.Integer(), server_default="0", nullable=False, comment=COMMENT)
        op.add_column("destinations", column)
        op.create_check_constraint(RULE, "destinations", CHECK)
        return
    op.execute(
        f'ALTER TABLE destinations ADD COLUMN confirm_seconds INTEGER DEFAULT 0 NOT NULL CONSTRAINT "{RULE}" '
        f"CHECK ({CHECK})"
    )


def downgrade() -> None:
    """Remove it."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(RULE, "destinations")
    op.execute("ALTER TABLE destinations DROP COLUMN confirm_seconds")

"""How often a scheme may ring numbers outside in a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0014"
down_revision = "schema_0013"
branch_labels = None
depends_on = None

RULE = "outside_calls_a_day_are_1_to_1000000"
COMMENT = "so often it rings numbers outside in a day at most; empty: ARI_APP_OUTSIDE_CALLS_A_DAY"


def upgrade() -> None:
    """Add the column. SQLite would rebuild the table for anything but a plain ADD COLUMN, and lose its triggers."""
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("schemes", sa.Column("outside_calls_a_day", sa.Integer(), nullable=True, comment=COMMENT))
        op.create_check_constraint(RULE, "schemes", "outside_calls_a_day BETWEEN 1 AND 1000000")
        return
    op.execute(
        f'ALTER TABLE schemes ADD COLUMN outside_calls_a_day INTEGER CONSTRAINT "{RULE}" '
        "CHECK (outside_calls_a_day BETWEEN 1 AND 1000000)"
    )


def downgrade() -> None:
    """Remove it."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(RULE, "schemes")
    op.execute("ALTER TABLE schemes DROP COLUMN outside_calls_a_day")

"""What forwarded legs show: the caller's number, the dialled one, or a fixed one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0019"
down_revision = "schema_0018"
branch_labels = None
depends_on = None

RULE = "caller_id_is_caller_dialled_or_plus_and_digits"
ON_SQLITE = (
    "caller_id IN ('', 'caller', 'dialled') OR (caller_id GLOB '+[1-9]*' "
    "AND substr(caller_id, 2) NOT GLOB '*[^0-9]*' AND length(caller_id) BETWEEN 8 AND 16)"
)
ON_POSTGRESQL = r"caller_id IN ('', 'caller', 'dialled') OR caller_id ~ '^\+[1-9][0-9]{6,14}$'"
COMMENTS = {
    "schemes": "what those are shown whom it rings: caller, dialled, or a number; empty: the caller's",
    "destinations": "what it is shown: caller, dialled, or a number; empty: as the scheme says",
}


def upgrade() -> None:
    """Add the columns. SQLite would rebuild the tables for anything but a plain ADD COLUMN, and lose their triggers."""
    for table, comment in COMMENTS.items():
        if op.get_bind().dialect.name == "postgresql":
            column = sa.Column("caller_id", sa.Text(), server_default="", nullable=False, comment=comment)
            op.add_column(table, column)
            op.create_check_constraint(RULE, table, ON_POSTGRESQL)
        else:
            op.execute(
                f"ALTER TABLE {table} ADD COLUMN caller_id TEXT DEFAULT '' NOT NULL "
                f'CONSTRAINT "{RULE}" CHECK ({ON_SQLITE})'
            )


def downgrade() -> None:
    """Remove them."""
    for table in COMMENTS:
        if op.get_bind().dialect.name == "postgresql":
            op.drop_constraint(RULE, table)
        op.execute(f"ALTER TABLE {table} DROP COLUMN caller_id")

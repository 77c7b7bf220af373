"""Which controller has a call, so that one that comes back takes up its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0013"
down_revision = "schema_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; calls from before it are nobody's."""
    op.add_column(
        "calls",
        sa.Column(
            "application",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="the controller that has the call: its application's name at Asterisk",
        ),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_column("calls", "application")

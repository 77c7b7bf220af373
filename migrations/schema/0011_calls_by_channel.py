"""Calls are found by their channel: that is how the dialplan's notes name them."""

from __future__ import annotations

from alembic import op

revision = "schema_0011"
down_revision = "schema_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index more."""
    op.create_index("calls_by_channel", "calls", ["channel"])


def downgrade() -> None:
    """And no more."""
    op.drop_index("calls_by_channel", "calls")

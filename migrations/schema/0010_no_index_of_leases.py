"""Messages that are being sent are found by their state: an index of leases made every claim write to all indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0010"
down_revision = "schema_0009"
branch_labels = None
depends_on = None

SENDING = sa.text("state = 'sending'")


def upgrade() -> None:
    """One index less."""
    op.drop_index("messages_in_hand", "messages")


def downgrade() -> None:
    """It is back."""
    op.create_index("messages_in_hand", "messages", ["leased_until"], sqlite_where=SENDING, postgresql_where=SENDING)

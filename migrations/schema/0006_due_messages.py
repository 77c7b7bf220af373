"""Due messages are found by lane: those to clients by channel, all others beside them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0006"
down_revision = "schema_0005"
branch_labels = None
depends_on = None

TO_CLIENTS = sa.text("state = 'queued' AND audience = 'client'")
TO_OTHERS = sa.text("state = 'queued' AND audience <> 'client'")
QUEUED = sa.text("state = 'queued'")


def upgrade() -> None:
    """Two indexes instead of one."""
    op.create_index(
        "messages_due_to_clients",
        "messages",
        ["channel", "due_at", "id"],
        sqlite_where=TO_CLIENTS,
        postgresql_where=TO_CLIENTS,
    )
    op.create_index(
        "messages_due_to_others",
        "messages",
        ["state", "due_at", "id"],
        sqlite_where=TO_OTHERS,
        postgresql_where=TO_OTHERS,
    )
    op.drop_index("messages_due", "messages")


def downgrade() -> None:
    """One again."""
    op.create_index("messages_due", "messages", ["due_at", "id"], sqlite_where=QUEUED, postgresql_where=QUEUED)
    op.drop_index("messages_due_to_others", "messages")
    op.drop_index("messages_due_to_clients", "messages")

"""Nothing of its own: seeds from here on may speak of messages, and bring the schema that has them."""

from __future__ import annotations

revision = "seeds_0002"
down_revision = "seeds_root"
branch_labels = None
depends_on = "schema_0007"


def upgrade() -> None:
    """Nothing."""


def downgrade() -> None:
    """Nothing."""

"""Where the seeds branch begins; empty, so that `alembic upgrade seeds@head` works before there are any."""

from __future__ import annotations

revision = "seeds_root"
down_revision = None
branch_labels = ("seeds",)
depends_on = "schema_0003"


def upgrade() -> None:
    """Nothing: the seeds that `make seed` writes stand on this."""


def downgrade() -> None:
    """Nothing."""

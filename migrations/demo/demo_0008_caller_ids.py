"""Demo: what forwarded legs show."""

from __future__ import annotations

from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "demo_0008"
down_revision = "demo_0007"
branch_labels = None
depends_on = "schema_0019"

DESCRIPTION = """\
# What forwarded legs show: the dialled number, and a fixed one to the second. The timeline of the call says so.
schemes:
  - name: "Demo: caller ids"
    time zone: Europe/Moscow
    caller id: dialled
    branches:
      - name: Always
        steps:
          - dial:
              timeout: 8
              to:
                - lab-busy
                - {to: +79160000003, caller id: +74950000100}

numbers:
  - {number: +74950000132, name: Caller ids, scheme: "Demo: caller ids"}
"""


def upgrade() -> None:
    """Add what is described."""
    apply(op.get_bind(), DESCRIPTION)


def downgrade() -> None:
    """Take it away again."""
    remove(op.get_bind(), DESCRIPTION)

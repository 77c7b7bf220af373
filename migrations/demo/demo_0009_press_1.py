"""Demo: who picks up presses 1, which a carrier's voicemail does not."""

from __future__ import annotations

from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "demo_0009"
down_revision = "demo_0008"
branch_labels = None
depends_on = "schema_0020"

DESCRIPTION = """\
# A mobile operator's voicemail picks up at once, and does not press 1: the call goes on to somebody who does.
schemes:
  - name: "Demo: press 1 to take the call"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {timeout: 8, to: [{to: lab-carrier, confirm: 6}, {to: lab-accepts, confirm: 15}]}

numbers:
  - {number: +74950000126, name: Press 1 to take the call, scheme: "Demo: press 1 to take the call"}
"""


def upgrade() -> None:
    """Add what is described."""
    apply(op.get_bind(), DESCRIPTION)


def downgrade() -> None:
    """Take it away again."""
    remove(op.get_bind(), DESCRIPTION)

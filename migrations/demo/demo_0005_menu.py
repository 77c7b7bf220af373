"""Demo: a menu."""

from __future__ import annotations

from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "demo_0005"
down_revision = "demo_0004"
branch_labels = None
depends_on = "schema_0016"

DESCRIPTION = """\
# A menu of keys. `make call to=+74950000131` presses nothing; `ari-app simulate --keys` presses what it is told.
greetings:
  - {name: Demo menu, sound: lab/menu}

schemes:
  - name: "Demo: menu"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - menu:
              greeting: Demo menu
              choices: {1: sales, 2: support, 0: message}
              retries: 1
              otherwise: message
          - label: sales
            dial: {to: [lab-answers], timeout: 8}
          - hang up
          - label: support
            dial: {to: [lab-busy], timeout: 8}
          - label: message
            voicemail: {max seconds: 30}

numbers:
  - {number: +74950000131, name: Menu, scheme: "Demo: menu", team: Demo sales}
"""


def upgrade() -> None:
    """Add what is described."""
    apply(op.get_bind(), DESCRIPTION)


def downgrade() -> None:
    """Take it away again."""
    remove(op.get_bind(), DESCRIPTION)

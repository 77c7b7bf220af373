"""Demo: turns, lots, weights, rest."""

from __future__ import annotations

from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "demo_0004"
down_revision = "demo_0003"
branch_labels = None
depends_on = "schema_0015"

DESCRIPTION = """\
# One after another in an order that is decided for each call. Call a number several times, and see who is rung first.
schemes:
  - name: "Demo: by turns"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {ring: round robin, to: [lab-answers, lab-declines, lab-answers-10], timeout: 12}

  - name: "Demo: by lot"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {ring: random, to: [lab-answers, lab-declines, lab-answers-10], timeout: 12}

  - name: "Demo: by weight"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial:
              ring: weighted
              timeout: 12
              to:
                - {to: lab-answers, weight: 3}
                - lab-answers-10

  - name: "Demo: by rest"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {ring: least recent, to: [lab-answers, lab-answers-10], timeout: 12}

numbers:
  - {number: +74950000121, name: By turns, scheme: "Demo: by turns"}
  - {number: +74950000122, name: By lot, scheme: "Demo: by lot"}
  - {number: +74950000123, name: By weight, scheme: "Demo: by weight"}
  - {number: +74950000124, name: By rest, scheme: "Demo: by rest"}
"""


def upgrade() -> None:
    """Add what is described."""
    apply(op.get_bind(), DESCRIPTION)


def downgrade() -> None:
    """Take it away again."""
    remove(op.get_bind(), DESCRIPTION)

"""Demo: a caller who is blocked, one who is preferred, and the last adviser first."""

from __future__ import annotations

from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "demo_0006"
down_revision = "demo_0005"
branch_labels = None
depends_on = "schema_0017"

DESCRIPTION = """\
# Who calls decides: `make call from=+79160000666` is busy everywhere, `from=+79160000777` goes to the key accounts.
schemes:
  - name: "Demo: key accounts"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {to: [lab-answers-10], timeout: 15}

  - name: "Demo: the last adviser first"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {ring: random, last adviser days: 30, to: [lab-answers, lab-answers-10], timeout: 15}

numbers:
  - {number: +74950000125, name: The last adviser first, scheme: "Demo: the last adviser first"}

callers:
  - {caller: +79160000666, answer: busy, reason: rings every night}
  - {caller: +79160000777, scheme: "Demo: key accounts", reason: key account}
"""


def upgrade() -> None:
    """Add what is described."""
    apply(op.get_bind(), DESCRIPTION)


def downgrade() -> None:
    """Take it away again."""
    remove(op.get_bind(), DESCRIPTION)

"""Demo: the responsible manager."""
# ruff: noqa: E501

from __future__ import annotations

from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "demo_0007"
down_revision = "demo_0006"
branch_labels = None
depends_on = "schema_0018"

DESCRIPTION = """\
# The responsible manager. Of every caller of `make call` the demo's CRM, a file, knows an open deal of Anna's, and no lead.
schemes:
  - name: "Demo: responsible manager"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {to: [{manager: crm, search: [lead, deal]}, lab-answers-10], timeout: 8}
          - voicemail: {max seconds: 30}
  - name: "Demo: nobody is responsible"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {to: [{manager: crm, search: [lead]}, lab-answers-10], timeout: 12}
          - voicemail: {max seconds: 30}

managers:
  - {crm: crm, manager: anna@example.com, rung at: [lab-answers, {to: lab-never, timeout: 6}]}

numbers:
  - {number: +74950000141, name: Responsible manager, scheme: "Demo: responsible manager", team: Demo sales}
  - {number: +74950000142, name: "Nobody is responsible: the next", scheme: "Demo: nobody is responsible", team: Demo sales}
"""


def upgrade() -> None:
    """Add what is described."""
    apply(op.get_bind(), DESCRIPTION)


def downgrade() -> None:
    """Take it away again."""
    remove(op.get_bind(), DESCRIPTION)

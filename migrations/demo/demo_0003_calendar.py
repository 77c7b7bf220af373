"""Demo: exceptional days, public holidays, an override."""

from __future__ import annotations

from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "demo_0003"
down_revision = "demo_0002"
branch_labels = None
depends_on = "schema_0012"

DESCRIPTION = """\
# Days that do not go as their weekday does. The demo's last for years, so that each can be called today.
schemes:
  - name: "Demo: closed today"
    time zone: Europe/Moscow
    exceptional days:
      - {on: 2026-01-01 to 2099-12-31, is: closed, name: Company holiday}
    branches:
      - name: Working hours
        hours: 00:00-23:59
        steps:
          - dial: {to: [lab-answers], timeout: 8}
      - name: Closed
        out of hours: yes
        steps:
          - voicemail: {max seconds: 30}

  - name: "Demo: today goes as a Monday"
    time zone: Europe/Warsaw
    exceptional days:
      - {on: 2026-01-01 to 2099-12-31, is: like Mon, name: Moved working day}
    branches:
      - name: Mondays
        hours: Mon 00:00-23:59
        steps:
          - dial: {to: [lab-answers], timeout: 8}
      - name: Other days
        out of hours: yes
        steps:
          - voicemail: {max seconds: 30}

  - name: "Demo: opened for a while"
    time zone: Europe/Kyiv
    exceptional days:
      - {on: 2026-01-01 to 2099-12-31, is: closed, name: Company holiday}
    branches:
      - name: Working hours
        hours: Mon-Fri 09:00-17:59
        steps:
          - dial: {to: [lab-answers], timeout: 8}
      - name: Closed
        out of hours: yes
        steps:
          - voicemail: {max seconds: 30}

  - name: "Demo: public holidays"
    time zone: Europe/Moscow
    holidays: RU
    exceptional days:
      - {on: 2026-12-31, is: closed, hours: 15:00-23:59, name: New Year's Eve}
    branches:
      - name: Working hours
        hours: Mon-Fri 09:00-17:59
        steps:
          - dial: {to: [lab-answers], timeout: 8}
      - name: Closed
        out of hours: yes
        steps:
          - voicemail: {max seconds: 30}

numbers:
  - {number: +74950000113, name: Closed today, scheme: "Demo: closed today"}
  - {number: +74950000114, name: Today goes as a Monday, scheme: "Demo: today goes as a Monday"}
  - {number: +74950000115, name: Opened for a while, scheme: "Demo: opened for a while"}
  - {number: +74950000116, name: Public holidays, scheme: "Demo: public holidays"}
"""

OVERRIDE = """
INSERT INTO overrides (scheme_id, rule, begins_at, ends_at, reason)
SELECT id, 'open', '2026-01-01 00:00:00+00:00', '2099-12-31 00:00:00+00:00', 'stocktaking sale'
FROM schemes WHERE name = 'Demo: opened for a while'
"""


def upgrade() -> None:
    """Add what is described, and the override, which is a state and no part of a description."""
    apply(op.get_bind(), DESCRIPTION)
    op.execute(OVERRIDE)


def downgrade() -> None:
    """Take it away again; the override goes with its scheme."""
    remove(op.get_bind(), DESCRIPTION)

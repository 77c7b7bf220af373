"""Demo: a number for each way a call can end."""
# ruff: noqa: E501

from __future__ import annotations

from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "demo_0001"
down_revision = None
branch_labels = ("demo",)
depends_on = "schema_0003"

DESCRIPTION = """\
# The demo: a number for each way a call can end, tried with `make call`. Whom they ring are the lab's phones.
# The timeouts are short, so that each ending is reached within a minute.
teams:
  - name: Demo sales
  - name: Demo support

greetings:
  - {name: Demo Russian, sound: ru/greeting}
  - {name: Demo Ukrainian, sound: uk/greeting, team: Demo support}
  - {name: Demo Polish, sound: pl/greeting}
  - {name: Demo English, sound: en/greeting}

schemes:
  - name: "Demo: the first answers"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {to: [lab-answers, lab-answers-10], timeout: 8}

  - name: "Demo: the second answers"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {to: [lab-busy, +79160000003], timeout: 8}

  - name: "Demo: all at once"
    time zone: Europe/Warsaw
    branches:
      - name: Always
        steps:
          - dial: {ring: all at once, to: [lab-never, lab-answers, lab-answers-10], timeout: 8}

  - name: "Demo: staggered"
    time zone: Europe/Warsaw
    branches:
      - name: Always
        steps:
          - dial:
              ring: staggered
              timeout: 8
              to:
                - lab-never
                - {to: lab-answers, delay: 2}
                - {to: lab-answers-10, delay: 4}

  - name: "Demo: all busy"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {to: [lab-busy, +79160000486], timeout: 5}

  - name: "Demo: reserve, then voicemail"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {ring: all at once, to: [lab-never], timeout: 5}
          - dial: {to: [+79160000480], timeout: 6}     # a reserve mobile; 120 s would be usual
          - voicemail: {greeting: Demo Russian, max seconds: 30}

  - name: "Demo: voicemail at once"
    time zone: Europe/Kyiv
    branches:
      - name: Always
        steps:
          - voicemail: {greeting: Demo Ukrainian, max seconds: 30}

  - name: "Demo: office hours"
    time zone: Europe/Moscow
    branches:
      - name: Working hours
        hours: Mon-Fri 09:00-17:59
        steps:
          - dial: {to: [lab-declines, lab-answers], timeout: 8}
          - voicemail: {max seconds: 30}
      - name: Out of hours
        hours:
          - Mon-Fri 18:00-23:59                        # hours cannot cross midnight: two entries
          - Mon-Fri 00:00-08:59
          - Sat-Sun 00:00-23:59
        steps:
          - voicemail: {max seconds: 30}

  - name: "Demo: declined, unknown, unreachable"
    time zone: Europe/Warsaw
    branches:
      - name: Always
        steps:
          - dial: {to: [lab-declines, lab-unknown, lab-unreachable], timeout: 5}
          - voicemail: {greeting: Demo Polish, max seconds: 30}

  - name: "Demo: a carrier's voicemail picks up"
    time zone: Europe/Moscow
    branches:
      - name: Always
        steps:
          - dial: {to: [lab-carrier, lab-answers], timeout: 8}

  - name: "Demo: greeting, then dial"
    time zone: Europe/London
    branches:
      - name: Always
        steps:
          - greeting: Demo English
          - dial: {to: [lab-answers], timeout: 8}
          - hang up

numbers:
  - {number: +74950000101, name: The first answers, scheme: "Demo: the first answers", team: Demo sales}
  - {number: +74950000102, name: "Busy, then the second answers", scheme: "Demo: the second answers", team: Demo sales}
  - {number: +74950000103, name: All at once, scheme: "Demo: all at once", team: Demo sales}
  - {number: +74950000104, name: "Staggered by 2 s", scheme: "Demo: staggered", team: Demo sales}
  - {number: +74950000105, name: All busy, scheme: "Demo: all busy", team: Demo sales}
  - {number: +74950000106, name: "Nobody answers: reserve, then voicemail", scheme: "Demo: reserve, then voicemail", team: Demo support}
  - {number: +74950000107, name: Voicemail at once, scheme: "Demo: voicemail at once", team: Demo support}
  - {number: +74950000108, name: Office hours in Moscow, scheme: "Demo: office hours", team: Demo support}
  - {number: +74950000109, name: "Declined, unknown, unreachable, voicemail", scheme: "Demo: declined, unknown, unreachable"}
  - {number: +74950000110, name: A carrier's voicemail picks up, scheme: "Demo: a carrier's voicemail picks up"}
  - {number: +74950000111, name: "Greeting, then dial", scheme: "Demo: greeting, then dial"}
  - {number: +74950000112, name: Disabled, scheme: "Demo: the first answers", enabled: no}
"""


def upgrade() -> None:
    """Add what is described."""
    apply(op.get_bind(), DESCRIPTION)


def downgrade() -> None:
    """Take it away again."""
    remove(op.get_bind(), DESCRIPTION)

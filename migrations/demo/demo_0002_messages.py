"""Demo: messages for lost calls, voicemail and calls out of hours."""
# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "demo_0002"
down_revision = "demo_0001"
branch_labels = None
depends_on = "schema_0005"

DESCRIPTION = """\
# Who calls a demo number in vain is sent an apology within seconds; once in hours 0, so that the next try shows one too.
teams:
  - name: Demo sales
    extend: yes
    message types:
      - {kind: missed, to: staff, by: e-mail, text: "Missed call: {caller} to {number} ({number_name}), {date} {time}."}
      - {kind: hung up, to: staff, by: e-mail, text: "Hung up: {caller} to {number} ({number_name}), {date} {time}."}
      - {kind: missed, text: "Мы пропустили ваш звонок на {number}."}
      - {kind: answered with ticket, text: "Спасибо за звонок! Мы работаем над вашим вопросом.", team: yes}
      - {kind: rate adviser, text: "Оцените разговор: {link}", company: yes}
    contacts:
      - {to: staff, by: e-mail, address: sales@example.com}

  - name: Demo support
    extend: yes
    makes tickets: yes
    message types:
      - {kind: hung up, text: "You rang off before we could answer. Ring again any time.", team: yes}
      - {kind: missed, text: "We missed your call of {time}."}
      - {kind: voicemail left, text: "Thank you for your message. We will call you back today.", team: yes}
      - {kind: call out of hours, text: "We are closed. We answer Mon-Fri 09:00-18:00, Moscow time.", team: yes}
      - {kind: item created, text: "Hello {name}, you are booked: {item}."}
      - {kind: item reminder, text: "We look forward to seeing you: {item}.", offset minutes: -120}
    contacts:
      - {to: staff, by: sms, address: +79160000003}
      - {to: staff, by: e-mail, address: support@example.com}
      - {to: admin, by: e-mail, address: admin@example.com}

apology rules:
  - name: "Demo: sales"
    numbers: [+74950000101, +74950000102, +74950000103, +74950000104, +74950000105]
    text: "Извините, что не ответили на ваш звонок на {number}. Перезвоним в течение часа."
    delay: 1
    once in hours: 0
    team: Demo sales

  - name: "Demo: support"
    numbers: [+74950000106, +74950000107]
    text: "We are sorry that nobody could take your call of {time}. We will call you back."
    delay: 2
    once in hours: 0
    team: Demo support

  - name: "Demo: switched off"
    numbers: [+74950000109]
    text: "Nobody is sent this: the rule is switched off."
    enabled: no
"""

_CLOSED = (
    "UPDATE branches SET out_of_hours = :closed WHERE name = 'Out of hours' "
    "AND scheme_id IN (SELECT id FROM schemes WHERE name = 'Demo: office hours')"
)


def upgrade() -> None:
    """Add what is described, and say of the demo's closed hours that they are."""
    apply(op.get_bind(), DESCRIPTION)
    op.get_bind().execute(sa.text(_CLOSED), {"closed": True})


def downgrade() -> None:
    """Take it away again."""
    op.get_bind().execute(sa.text(_CLOSED), {"closed": False})
    remove(op.get_bind(), DESCRIPTION)

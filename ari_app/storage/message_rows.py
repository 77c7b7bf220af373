"""Reads the rows about messages, in few statements, into drafts; judges nothing."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import sqlalchemy as sa

from ari_app.core.message_draft import ContactDraft, RuleDraft, TypeDraft
from ari_app.storage.message_schema import apology_rule_numbers, apology_rules, message_types, team_contacts
from ari_app.storage.schema import teams


class TeamSwitches(NamedTuple):
    """A team and its options."""

    name: str
    sales_tools: bool
    makes_tickets: bool
    tickets_an_hour: int


class MessageRows(NamedTuple):
    """Everything the admin wrote about messages; rules in the order of their names, types and contacts by their id."""

    teams: tuple[TeamSwitches, ...] = ()
    rules: tuple[RuleDraft, ...] = ()
    types: tuple[tuple[int, TypeDraft], ...] = ()
    contacts: tuple[tuple[int, ContactDraft], ...] = ()


_TEAMS = sa.select(teams.c.name, teams.c.sales_tools, teams.c.makes_tickets, teams.c.tickets_an_hour)
_RULES = sa.select(
    apology_rules.c.id,
    apology_rules.c.name,
    apology_rules.c.text,
    apology_rules.c.enabled,
    apology_rules.c.delay_seconds,
    apology_rules.c.once_in_hours,
    teams.c.name.label("team"),
).select_from(apology_rules.outerjoin(teams))
_RULE_NUMBERS = sa.select(apology_rule_numbers.c.rule_id, apology_rule_numbers.c.e164)
_TYPES = (
    sa.select(
        message_types.c.id,
        teams.c.name,
        message_types.c.kind,
        message_types.c.audience,
        message_types.c.channel,
        message_types.c.enabled,
        message_types.c.text,
        message_types.c.with_company,
        message_types.c.with_team,
        message_types.c.extra,
        message_types.c.offset_minutes,
        message_types.c.once_in_hours,
    )
    .select_from(message_types.join(teams))
    .order_by(message_types.c.id)
)
_CONTACTS = (
    sa.select(
        team_contacts.c.id, teams.c.name, team_contacts.c.audience, team_contacts.c.channel, team_contacts.c.address
    )
    .select_from(team_contacts.join(teams))
    .where(team_contacts.c.enabled)
    .order_by(team_contacts.c.id)
)


def read_messages(connection: sa.Connection) -> MessageRows:
    """All of it. The connection must be in a transaction that sees one snapshot."""
    numbers: dict[int, list[str]] = defaultdict(list)
    for rule_id, e164 in connection.execute(_RULE_NUMBERS):
        numbers[rule_id].append(e164)
    rules = [
        RuleDraft(**{**row, "enabled": bool(row["enabled"])}, numbers=tuple(sorted(numbers[row["id"]])))
        for row in connection.execute(_RULES).mappings()
    ]
    return MessageRows(
        tuple(TeamSwitches(name, bool(s), bool(m), t) for name, s, m, t in connection.execute(_TEAMS)),
        # Sorted here: the two databases, and two PostgreSQL of different locales, would not agree on an order.
        tuple(sorted(rules, key=lambda rule: (rule.name, rule.id))),
        tuple((its_id, TypeDraft(*rest)) for its_id, *rest in connection.execute(_TYPES)),
        tuple((its_id, ContactDraft(*rest)) for its_id, *rest in connection.execute(_CONTACTS)),
    )

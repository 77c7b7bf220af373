"""Reads and writes rules by caller; judges nothing."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.core.callers import CallerRuleDraft
from ari_app.storage.caller_schema import caller_rules
from ari_app.storage.columns import storable

_COLUMNS = [caller_rules.c[name] for name in CallerRuleDraft._fields]
_RULES = sa.select(*_COLUMNS).order_by(caller_rules.c.caller, caller_rules.c.number, caller_rules.c.id)


def read_callers(connection: sa.Connection) -> tuple[CallerRuleDraft, ...]:
    """All of them, in the order of their callers."""
    return tuple(CallerRuleDraft._make(row) for row in connection.execute(_RULES))


def put_caller(connection: sa.Connection, rule: CallerRuleDraft) -> None:
    """Write the rule in the place of one for the same caller and number."""
    remove_caller(connection, rule)
    connection.execute(
        sa.insert(caller_rules).values({name: storable(value) for name, value in rule._asdict().items()})
    )


def remove_caller(connection: sa.Connection, rule: CallerRuleDraft) -> bool:
    """Remove the rule for this caller and number; False if there is none."""
    same = (caller_rules.c.caller == storable(rule.caller)) & (caller_rules.c.number == storable(rule.number))
    return connection.execute(sa.delete(caller_rules).where(same)).rowcount > 0

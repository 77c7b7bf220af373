"""Carries a plan out: all of it or none, on the very configuration that it was made for, each version kept."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.core.checks import DialRules, errors, problems
from ari_app.storage import schema
from ari_app.storage.columns import storable
from ari_app.storage.description import Description, NumberEntry, TeamRow
from ari_app.storage.desk_schema import audit_log
from ari_app.storage.manager_schema import manager_destinations
from ari_app.storage.planning import Plan
from ari_app.storage.rows import Configuration, read_configuration, read_token
from ari_app.storage.sowing import Sower
from ari_app.storage.versions import moment_of, record


class EditedMeanwhileError(Exception):
    """Somebody has edited the configuration since the plan was made, which therefore was not carried out."""


def carry_out(connection: sa.Connection, plan: Plan, rules: DialRules, *, action: str, actor: str, target: str) -> None:
    """Do what the plan says in the connection's transaction, which must be one that writes.

    Versions of before that nobody has noticed yet are kept too, unless they make no sense by ``rules``. ``actor`` did
    it; ``action`` (such as ``apply``) and ``target`` are for the log.

    Raises:
        EditedMeanwhileError: it was made for another configuration.
        sqlalchemy.exc.IntegrityError: the database refuses it.
    """
    keep_others_out(connection)
    if read_token(connection) != plan.target.token:
        raise EditedMeanwhileError("the configuration was edited meanwhile, so nothing was changed; try again")
    before, at = read_configuration(connection), moment_of(connection)
    touched = plan.schemes.keys() | plan.removed
    old = [draft for its_id, draft in before.schemes.items() if its_id in touched]
    record(connection, [draft for draft in old if not errors(problems(draft, rules))], at)
    _write(connection, plan, before)
    names = {draft.name for draft in plan.schemes.values()} | _sounding_anew(plan, before)
    after = read_configuration(connection).schemes.values()
    new = [draft for draft in after if draft.name in names and not errors(problems(draft, rules))]
    record(connection, new, moment_of(connection), f"{action} by {actor}")
    row = {"at": at, "actor": storable(actor), "subject": "schemes", "action": action, "target": storable(target)}
    details = {"changes": [storable(str(change)) for change in plan.changes]}
    connection.execute(sa.insert(audit_log), {**row, "details": details})


def keep_others_out(connection: sa.Connection) -> None:
    """From here on nobody edits: every edit notes itself in this table. SQLite's transaction has the file to itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"LOCK TABLE {schema.configuration_changes.name} IN SHARE ROW EXCLUSIVE MODE"))


def _sounding_anew(plan: Plan, before: Configuration) -> set[str]:
    """Schemes that change only by a greeting of theirs."""
    return {
        draft.name for its_id, draft in plan.target.schemes.items() if draft != before.schemes.get(its_id)
    }  # fmt: skip


def _write(connection: sa.Connection, plan: Plan, before: Configuration) -> None:
    sower = Sower(connection)
    _teams_and_greetings(connection, plan, sower)
    for its_id, draft in plan.schemes.items():
        if its_id in before.schemes:
            sower.refill(its_id, draft)
    sower.sow(Description((), (), tuple(draft for its_id, draft in plan.schemes.items() if its_id < 0), ()))
    listed = {row.e164 for row in before.numbers}
    for entry in plan.numbers:
        if entry.e164 in listed:
            _update_number(connection, entry, sower)
    sower.sow(Description((), (), (), tuple(entry for entry in plan.numbers if entry.e164 not in listed)))
    sower.sow(Description((), (), (), (), callers=plan.callers))
    _managers(connection, plan, sower)
    if plan.removed:
        connection.execute(sa.delete(schema.schemes).where(schema.schemes.c.id.in_(plan.removed)))


def _managers(connection: sa.Connection, plan: Plan, sower: Sower) -> None:
    table = manager_destinations
    for (crm, manager), rung in plan.managers.items():
        connection.execute(sa.delete(table).where(table.c.crm == crm, table.c.manager == manager))
        sower.sow(Description((), (), (), (), managers=rung))


def _teams_and_greetings(connection: sa.Connection, plan: Plan, sower: Sower) -> None:
    sower.sow(Description(tuple(TeamRow(name) for name in plan.teams), (), (), ()))
    there = set(connection.scalars(sa.select(schema.greetings.c.name)))
    sower.sow(Description((), tuple(row for row in plan.greetings if row.name not in there), (), ()))
    for row in plan.greetings:
        if row.name in there:
            team = sower.id_of(schema.teams, row.team, f"greeting {row.name!r}")
            changed = sa.update(schema.greetings).where(schema.greetings.c.name == row.name)
            connection.execute(changed.values(sound=row.sound, team_id=team))


def _update_number(connection: sa.Connection, entry: NumberEntry, sower: Sower) -> None:
    where = f"number {entry.e164}"
    changed = sa.update(schema.numbers).where(schema.numbers.c.e164 == entry.e164)
    connection.execute(
        changed.values(
            name=entry.name,
            enabled=entry.enabled,
            scheme_id=sower.id_of(schema.schemes, entry.scheme, where),
            team_id=sower.id_of(schema.teams, entry.team, where),
        )
    )

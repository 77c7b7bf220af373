"""Rewrites a table's rules in a migration of SQLite, which has no words for that; its triggers and indices stay."""

from __future__ import annotations

import sqlalchemy as sa


def rewrite_rules(connection: sa.Connection, table: str, *changes: tuple[str, str]) -> None:
    """Make the table anew with each of ``changes`` (what its CREATE TABLE says, what it is to say) and all its rows.

    Foreign keys must be off, as `ari_app.storage.database.open_for_migration` has them. Every trigger of the database
    is put away meanwhile: SQLite lets no table go that one of them names.

    Raises:
        LookupError: the table's definition does not say what is to be changed.
    """
    triggers = _definitions(connection, "type = 'trigger'")
    indices = _definitions(connection, f"type = 'index' AND tbl_name = '{table}' AND sql IS NOT NULL")
    definition = _definitions(connection, f"type = 'table' AND name = '{table}'")[table]
    for before, after in (*changes, (f"CREATE TABLE {table} ", f"CREATE TABLE {table}_anew ")):
        plain = definition.replace(f'CREATE TABLE "{table}" ', f"CREATE TABLE {table} ")
        if before not in plain:
            raise LookupError(f"the table {table} is not as expected, it does not say: {before}")
        definition = plain.replace(before, after)
    for name in triggers:
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    connection.exec_driver_sql(definition)
    connection.exec_driver_sql(f"INSERT INTO {table}_anew SELECT * FROM {table}")  # noqa: S608  # names of our own
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_anew RENAME TO {table}")
    for made in (*indices.values(), *triggers.values()):
        connection.exec_driver_sql(made)


def _definitions(connection: sa.Connection, which: str) -> dict[str, str]:
    rows = connection.exec_driver_sql(f"SELECT name, sql FROM sqlite_master WHERE {which}")  # noqa: S608  # our own
    return {row.name: row.sql for row in rows}

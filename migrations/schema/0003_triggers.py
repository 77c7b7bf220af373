"""Triggers: every edit of the configuration is noted; SQLite keeps foreign keys even in a shell that has them off."""

from __future__ import annotations

from alembic import op

revision = "schema_0003"
down_revision = "schema_0002"
branch_labels = None
depends_on = None

CONFIGURATION = (
    "teams",
    "greetings",
    "schemes",
    "branches",
    "schedule_entries",
    "steps",
    "destinations",
    "numbers",
)

# child, column, parent, the constraint's name, whether the parent's removal removes the child
FOREIGN_KEYS = (
    ("greetings", "team_id", "teams", "greetings_need_their_team", False),
    ("branches", "scheme_id", "schemes", "branches_need_their_scheme", True),
    ("schedule_entries", "branch_id", "branches", "entries_need_their_branch", True),
    ("steps", "branch_id", "branches", "steps_need_their_branch", True),
    ("steps", "greeting_id", "greetings", "steps_need_their_greeting", False),
    ("destinations", "step_id", "steps", "destinations_need_their_step", True),
    ("numbers", "scheme_id", "schemes", "numbers_need_their_scheme", False),
    ("numbers", "team_id", "teams", "numbers_need_their_team", False),
)

NOTE_ON_POSTGRESQL = """
CREATE FUNCTION note_configuration_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO configuration_changes (table_name) VALUES (TG_TABLE_NAME);
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Make them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(NOTE_ON_POSTGRESQL)
        for table in CONFIGURATION:
            op.execute(
                f"CREATE TRIGGER note_change_of_{table} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION note_configuration_change()"
            )
        return
    for table in CONFIGURATION:
        _note_on_sqlite(table)
    for key in FOREIGN_KEYS:
        _keep_on_sqlite(*key)


def _note_on_sqlite(table: str) -> None:
    for event in ("insert", "update", "delete"):
        op.execute(
            f"CREATE TRIGGER note_{event}_of_{table} AFTER {event.upper()} ON {table} BEGIN "  # noqa: S608
            f"INSERT INTO configuration_changes (table_name) VALUES ('{table}'); END"
        )


def _keep_on_sqlite(child: str, column: str, parent: str, name: str, cascades: bool) -> None:
    """The foreign key once more, since sqlite3's shell keeps none unless told to, and names none when it does."""
    dangling = f"NEW.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {parent} WHERE id = NEW.{column})"  # noqa: S608
    for event in ("INSERT", f"UPDATE OF {column}"):
        op.execute(
            f"CREATE TRIGGER {name}_{event.split()[0].lower()} BEFORE {event} ON {child} "
            f"WHEN {dangling} BEGIN SELECT RAISE(ABORT, '{name}'); END"
        )
    used = f"EXISTS (SELECT 1 FROM {child} WHERE {column} = OLD.id)"  # noqa: S608
    removal = f"DELETE FROM {child} WHERE {column} = OLD.id" if cascades else f"SELECT RAISE(ABORT, '{name}')"  # noqa: S608
    op.execute(f"CREATE TRIGGER {name}_parent BEFORE DELETE ON {parent} WHEN {used} BEGIN {removal}; END")
    op.execute(
        f"CREATE TRIGGER {name}_renumber BEFORE UPDATE OF id ON {parent} WHEN OLD.id <> NEW.id AND {used} "
        f"BEGIN SELECT RAISE(ABORT, '{name}'); END"
    )


def downgrade() -> None:
    """Remove them."""
    if op.get_bind().dialect.name == "postgresql":
        for table in CONFIGURATION:
            op.execute(f"DROP TRIGGER note_change_of_{table} ON {table}")
        op.execute("DROP FUNCTION note_configuration_change()")
        return
    for table in CONFIGURATION:
        for event in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER note_{event}_of_{table}")
    for _child, _column, _parent, name, _cascades in FOREIGN_KEYS:
        for event in ("insert", "update", "parent", "renumber"):
            op.execute(f"DROP TRIGGER {name}_{event}")

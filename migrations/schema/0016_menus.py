"""Menus: steps of a kind of their own, the keys that they offer, labels for the steps that these lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from alembic import op

from ari_app.storage.rebuilding import rewrite_rules

revision = "schema_0016"
down_revision = "schema_0015"
branch_labels = None
depends_on = None

# name, rule; before and now
KINDS = (
    ("kind_of_step_is_dial_greeting_voicemail_or_hang_up", "kind IN ('dial', 'greeting', 'voicemail', 'hang_up')"),
    (
        "kind_of_step_is_dial_greeting_menu_voicemail_or_hang_up",
        "kind IN ('dial', 'greeting', 'menu', 'voicemail', 'hang_up')",
    ),
)
NAMED = (
    ("greeting_step_names_its_greeting", "kind <> 'greeting' OR greeting_id IS NOT NULL"),
    ("greeting_step_names_its_greeting", "kind NOT IN ('greeting', 'menu') OR greeting_id IS NOT NULL"),
)
SILENT = (
    ("dial_and_hang_up_steps_play_no_greeting", "kind IN ('greeting', 'voicemail') OR greeting_id IS NULL"),
    ("dial_and_hang_up_steps_play_no_greeting", "kind IN ('greeting', 'menu', 'voicemail') OR greeting_id IS NULL"),
)
RULES = (KINDS, NAMED, SILENT)

KINDS_TOLD = ("dial, greeting, voicemail or hang_up", "dial, greeting, menu, voicemail or hang_up")


class Added(NamedTuple):
    """A column; ``rule`` is its name and what it says."""

    name: str
    kind: type[sa.Text | sa.Integer]
    default: str
    comment: str
    rule: tuple[str, str] | None = None


COLUMNS = (
    Added("label", sa.Text, "", "what menus before it call it"),
    Added(
        "retries",
        sa.Integer,
        "2",
        "menu: so many times it asks once more",
        ("menu_asks_again_0_to_9_times", "retries BETWEEN 0 AND 9"),
    ),
    Added(
        "wait_seconds",
        sa.Integer,
        "5",
        "menu: seconds for a key after the greeting",
        ("menu_waits_1_to_60_seconds", "wait_seconds BETWEEN 1 AND 60"),
    ),
    Added(
        "otherwise",
        sa.Text,
        "",
        "menu: label of the later step that follows without a choice; empty: the next step",
    ),
)
KEYS = "key IN ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#')"
CASCADE = "choices_need_their_step"


def upgrade() -> None:
    """Make them."""
    _rewrite(RULES, KINDS_TOLD[1])
    for column in COLUMNS:
        _add(column)
    op.create_table(
        "choices",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("step_id", sa.Integer(), nullable=False, comment="its menu step"),
        sa.Column("key", sa.Text(), nullable=False, comment="what the caller presses: 0 to 9, * or #"),
        sa.Column("goal", sa.Text(), nullable=False, comment="label of the later step of the branch that it leads to"),
        sa.CheckConstraint(KEYS, name="key_is_0_to_9_star_or_hash"),
        sa.CheckConstraint("trim(goal) <> ''", name="goal_is_not_empty"),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name=CASCADE, ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_choices"),
        sa.UniqueConstraint("step_id", "key", name="the_menu_has_this_key_already"),
        comment="what the keys of a menu step do",
        sqlite_strict=True,
    )
    _watch()


def downgrade() -> None:
    """Remove them, and every menu."""
    if not _on_postgresql():
        op.execute(f"DROP TRIGGER {CASCADE}_parent")
        op.execute(f"DROP TRIGGER {CASCADE}_renumber")
    op.drop_table("choices")
    op.execute("DELETE FROM steps WHERE kind = 'menu'")
    for column in reversed(COLUMNS):
        if _on_postgresql() and column.rule:
            op.drop_constraint(column.rule[0], "steps")
        op.execute(f"ALTER TABLE steps DROP COLUMN {column.name}")
    _rewrite([(now, before) for before, now in RULES], KINDS_TOLD[0])


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _rewrite(rules: Sequence[tuple[tuple[str, str], tuple[str, str]]], kinds: str) -> None:
    """Put other rules of ``steps`` in the place of those there are; ``kinds`` is what is said of the kind."""
    if _on_postgresql():
        for (old, _), (name, rule) in rules:
            op.drop_constraint(old, "steps")
            op.create_check_constraint(name, "steps", rule)
        op.alter_column("steps", "kind", comment=kinds, existing_type=sa.Text(), existing_nullable=False)
        return
    written = [tuple(f"CONSTRAINT {name} CHECK ({rule})" for name, rule in both) for both in rules]
    rewrite_rules(op.get_bind(), "steps", *((before, now) for before, now in written))


def _add(column: Added) -> None:
    """SQLite would rebuild the table for anything but a plain ADD COLUMN, and lose its triggers."""
    name, kind, default, comment, rule = column
    if _on_postgresql():
        op.add_column("steps", sa.Column(name, kind(), server_default=default, nullable=False, comment=comment))
        if rule:
            op.create_check_constraint(rule[0], "steps", rule[1])
        return
    checked = f' CONSTRAINT "{rule[0]}" CHECK ({rule[1]})' if rule else ""
    op.execute(f"ALTER TABLE steps ADD COLUMN {name} {kind.__name__.upper()} DEFAULT '{default}' NOT NULL{checked}")


def _watch() -> None:
    """Every edit is noted, as those of the other configuration are; SQLite keeps foreign keys also in a plain shell."""
    if _on_postgresql():
        op.execute(
            "CREATE TRIGGER note_change_of_choices AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON choices "
            "FOR EACH STATEMENT EXECUTE FUNCTION note_configuration_change()"
        )
        return
    for event in ("insert", "update", "delete"):
        op.execute(
            # The names in it are our own.
            f"CREATE TRIGGER note_{event}_of_choices AFTER {event.upper()} ON choices BEGIN "  # noqa: S608
            "INSERT INTO configuration_changes (table_name) VALUES ('choices'); END"
        )
    dangling = "NOT EXISTS (SELECT 1 FROM steps WHERE id = NEW.step_id)"
    for event in ("INSERT", "UPDATE OF step_id"):
        op.execute(
            f"CREATE TRIGGER {CASCADE}_{event.split()[0].lower()} BEFORE {event} ON choices "
            f"WHEN {dangling} BEGIN SELECT RAISE(ABORT, '{CASCADE}'); END"
        )
    used = "EXISTS (SELECT 1 FROM choices WHERE step_id = OLD.id)"
    op.execute(
        # The names in it are our own.
        f"CREATE TRIGGER {CASCADE}_parent BEFORE DELETE ON steps WHEN {used} "  # noqa: S608
        "BEGIN DELETE FROM choices WHERE step_id = OLD.id; END"
    )
    op.execute(
        f"CREATE TRIGGER {CASCADE}_renumber BEFORE UPDATE OF id ON steps WHEN OLD.id <> NEW.id AND {used} "
        f"BEGIN SELECT RAISE(ABORT, '{CASCADE}'); END"
    )

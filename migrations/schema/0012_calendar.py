"""The calendar: public holidays of a country, a scheme's exceptional days, and its override for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0012"
down_revision = "schema_0011"
branch_labels = None
depends_on = None

MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
TABLES = ("exceptional_days", "overrides")
HOLIDAYS_RULE = "holidays_are_of_a_country_or_its_region_like_RU_or_DE_BY"
HOLIDAYS_COMMENT = "country, or country and region, whose public holidays are closed days: RU, DE-BY; empty: none"

# child, column, parent, the constraint's name; the parent's removal removes the child
FOREIGN_KEYS = (
    ("exceptional_days", "scheme_id", "schemes", "days_need_their_scheme"),
    ("exceptional_days", "branch_id", "branches", "days_need_their_branch"),
    ("overrides", "scheme_id", "schemes", "overrides_need_their_scheme"),
    ("overrides", "branch_id", "branches", "overrides_need_their_branch"),
)


def upgrade() -> None:
    """Make them."""
    _holidays()
    _exceptional_days()
    _overrides()
    _watch()


def downgrade() -> None:
    """Remove them, and all that is in them."""
    _unwatch()
    for table in reversed(TABLES):
        op.drop_table(table)
    if _on_postgresql():
        op.drop_constraint(HOLIDAYS_RULE, "schemes")
    op.execute("ALTER TABLE schemes DROP COLUMN holidays")


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _holidays() -> None:
    """SQLite would rebuild the table for anything but a plain ADD COLUMN, and lose its triggers."""
    if _on_postgresql():
        column = sa.Column("holidays", sa.Text(), server_default="", nullable=False, comment=HOLIDAYS_COMMENT)
        op.add_column("schemes", column)
        op.create_check_constraint(HOLIDAYS_RULE, "schemes", "holidays ~ '^([A-Z]{2}(-.+)?)?$'")
        return
    op.execute(
        f"ALTER TABLE schemes ADD COLUMN holidays TEXT DEFAULT '' NOT NULL CONSTRAINT \"{HOLIDAYS_RULE}\" "
        "CHECK (holidays = '' OR holidays GLOB '[A-Z][A-Z]' OR holidays GLOB '[A-Z][A-Z]-?*')"
    )


def _each(name: str, sqlite: str, postgresql: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    return (
        sa.CheckConstraint(sqlite, name=name).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(postgresql, name=name).ddl_if(dialect="postgresql"),
    )


def _date(column: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    return _each(
        f"{column}_is_a_date_like_2026_12_31",
        f"{column} IS NULL OR (length({column}) = 10 AND date({column}) IS {column})",
        f"{column} ~ '^[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'",
    )


def _clock(column: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    return _each(
        f"{column}_is_a_time_from_00_00_to_23_59",
        f"{column} GLOB '[0-2][0-9]:[0-5][0-9]' AND {column} < '24:00'",
        f"{column} ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'",
    )


def _exceptional_days() -> None:
    op.create_table(
        "exceptional_days",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("scheme_id", sa.Integer(), nullable=False, comment="its scheme"),
        sa.Column("name", sa.Text(), server_default="exceptional day", nullable=False, comment="what the day is"),
        sa.Column("first_date", sa.Text(), nullable=False, comment="YYYY-MM-DD, by the scheme's time zone"),
        sa.Column(
            "last_date",
            sa.Text(),
            nullable=True,
            comment="the last day of a run, included; empty: first_date alone",
        ),
        sa.Column(
            "opens", sa.Text(), server_default="00:00", nullable=False, comment="first minute it is about, HH:MM"
        ),
        sa.Column(
            "closes", sa.Text(), server_default="23:59", nullable=False, comment="last minute it is about, HH:MM"
        ),
        sa.Column(
            "rule",
            sa.Text(),
            server_default="closed",
            nullable=False,
            comment="closed, open, weekday (goes as another weekday) or branch",
        ),
        sa.Column(
            "weekday",
            sa.Integer(),
            nullable=True,
            comment="with rule weekday: 1 Monday to 7 Sunday, whose hours it goes by",
        ),
        sa.Column("branch_id", sa.Integer(), nullable=True, comment="with rule branch: which"),
        sa.CheckConstraint("trim(name) <> ''", name="name_is_not_empty"),
        *_date("first_date"),
        *_date("last_date"),
        sa.CheckConstraint("last_date IS NULL OR first_date <= last_date", name="last_date_is_not_before_first_date"),
        *_clock("opens"),
        *_clock("closes"),
        sa.CheckConstraint(
            "opens <= closes OR length(opens) <> 5 OR length(closes) <> 5",
            name="hours_cannot_cross_midnight_split_at_23_59_and_00_00",
        ),
        sa.CheckConstraint(
            "rule IN ('closed', 'open', 'weekday', 'branch')", name="rule_of_a_day_is_closed_open_weekday_or_branch"
        ),
        sa.CheckConstraint(
            "(rule = 'weekday') = (weekday IS NOT NULL)", name="weekday_is_given_with_rule_weekday_alone"
        ),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday_is_1_monday_to_7_sunday"),
        sa.CheckConstraint(
            "(rule = 'branch') = (branch_id IS NOT NULL)", name="branch_is_given_with_rule_branch_alone"
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name="days_need_their_scheme", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name="days_need_their_branch", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_exceptional_days"),
        comment="days that do not go as their weekday, before public holidays; of several the first entered counts",
        sqlite_strict=True,
    )
    op.create_index("days_of_a_scheme", "exceptional_days", ["scheme_id"])
    op.create_index("days_of_a_branch", "exceptional_days", ["branch_id"])


def _overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("scheme_id", sa.Integer(), nullable=False, comment="its scheme"),
        sa.Column("rule", sa.Text(), nullable=False, comment="closed, open or branch"),
        sa.Column("branch_id", sa.Integer(), nullable=True, comment="with rule branch: which"),
        sa.Column(
            "begins_at",
            MOMENT,
            server_default=sa.text("CURRENT_TIMESTAMP"),
            nullable=False,
            comment="from when (UTC)",
        ),
        sa.Column("ends_at", MOMENT, nullable=False, comment="until when (UTC), not included"),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="why, for those who read a timeline"),
        sa.CheckConstraint("rule IN ('closed', 'open', 'branch')", name="rule_of_an_override_is_closed_open_or_branch"),
        sa.CheckConstraint(
            "(rule = 'branch') = (branch_id IS NOT NULL)", name="branch_is_given_with_rule_branch_alone"
        ),
        *_each(
            "override_ends_after_it_begins",
            "julianday(begins_at) IS NOT NULL AND julianday(ends_at) > julianday(begins_at)",
            "ends_at > begins_at",
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name="overrides_need_their_scheme", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name="overrides_need_their_branch", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_overrides"),
        sa.UniqueConstraint("scheme_id", name="the_scheme_has_an_override_already"),
        comment="what goes before a scheme's week and days for a while; one a scheme, over by itself at its end",
        sqlite_strict=True,
    )
    op.create_index("overrides_of_a_branch", "overrides", ["branch_id"])


def _watch() -> None:
    """Every edit is noted, as those of the other configuration are; SQLite keeps foreign keys also in a plain shell."""
    if _on_postgresql():
        for table in TABLES:
            op.execute(
                f"CREATE TRIGGER note_change_of_{table} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION note_configuration_change()"
            )
        return
    for table in TABLES:
        for event in ("insert", "update", "delete"):
            op.execute(
                f"CREATE TRIGGER note_{event}_of_{table} AFTER {event.upper()} ON {table} BEGIN "  # noqa: S608
                f"INSERT INTO configuration_changes (table_name) VALUES ('{table}'); END"
            )
    for key in FOREIGN_KEYS:
        _keep_on_sqlite(*key)


def _keep_on_sqlite(child: str, column: str, parent: str, name: str) -> None:
    dangling = f"NEW.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {parent} WHERE id = NEW.{column})"  # noqa: S608
    for event in ("INSERT", f"UPDATE OF {column}"):
        op.execute(
            f"CREATE TRIGGER {name}_{event.split()[0].lower()} BEFORE {event} ON {child} "
            f"WHEN {dangling} BEGIN SELECT RAISE(ABORT, '{name}'); END"
        )
    used = f"EXISTS (SELECT 1 FROM {child} WHERE {column} = OLD.id)"  # noqa: S608
    removal = f"DELETE FROM {child} WHERE {column} = OLD.id"  # noqa: S608
    op.execute(f"CREATE TRIGGER {name}_parent BEFORE DELETE ON {parent} WHEN {used} BEGIN {removal}; END")
    op.execute(
        f"CREATE TRIGGER {name}_renumber BEFORE UPDATE OF id ON {parent} WHEN OLD.id <> NEW.id AND {used} "
        f"BEGIN SELECT RAISE(ABORT, '{name}'); END"
    )


def _unwatch() -> None:
    """A table's own triggers go with it; those on tables that stay are removed here."""
    if _on_postgresql():
        return
    for _child, _column, _parent, name in FOREIGN_KEYS:
        op.execute(f"DROP TRIGGER {name}_parent")
        op.execute(f"DROP TRIGGER {name}_renumber")

"""Rules by caller, and the adviser who spoke with the caller last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0017"
down_revision = "schema_0016"
branch_labels = None
depends_on = None

DAYS_RULE = "last_adviser_is_of_0_to_92_days"
DAYS = "dial, one after another: who talked with the caller within so many days comes first; 0: nobody does"


def upgrade() -> None:
    """Make them."""
    _rules()
    if _on_postgresql():
        column = sa.Column("last_adviser_days", sa.Integer(), server_default="0", nullable=False, comment=DAYS)
        op.add_column("steps", column)
        op.create_check_constraint(DAYS_RULE, "steps", "last_adviser_days BETWEEN 0 AND 92")
        op.execute(
            "CREATE TRIGGER note_change_of_caller_rules AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON caller_rules "
            "FOR EACH STATEMENT EXECUTE FUNCTION note_configuration_change()"
        )
        return
    op.execute(
        f'ALTER TABLE steps ADD COLUMN last_adviser_days INTEGER DEFAULT 0 NOT NULL CONSTRAINT "{DAYS_RULE}" '
        "CHECK (last_adviser_days BETWEEN 0 AND 92)"
    )
    for event in ("insert", "update", "delete"):
        op.execute(
            # The names in it are our own.
            f"CREATE TRIGGER note_{event}_of_caller_rules AFTER {event.upper()} ON caller_rules BEGIN "  # noqa: S608
            "INSERT INTO configuration_changes (table_name) VALUES ('caller_rules'); END"
        )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("caller_rules")
    if _on_postgresql():
        op.drop_constraint(DAYS_RULE, "steps")
    op.execute("ALTER TABLE steps DROP COLUMN last_adviser_days")


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _each(name: str, sqlite: str, postgresql: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    return (
        sa.CheckConstraint(sqlite, name=name).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(postgresql, name=name).ddl_if(dialect="postgresql"),
    )


def _text(name: str, comment: str, default: str | None = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False, comment=comment)


def _rules() -> None:
    op.create_table(
        "caller_rules",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        _text("caller", "+79161112233, a beginning such as +7916*, or anonymous", None),
        _text("number", "one of our numbers, as dialled; empty: all"),
        _text("action", "busy, decline or scheme", "busy"),
        _text("scheme", "with action scheme: its name"),
        _text("branch", "its branch whatever the hour; empty: by hours"),
        _text("reason", "why, for those who read a timeline"),
        *_each(
            "caller_is_a_number_a_beginning_with_star_or_anonymous",
            "caller = 'anonymous' OR (caller GLOB '+[1-9]*' AND length(caller) BETWEEN 3 AND 16 AND "
            "replace(substr(caller, 2, length(caller) - 2), '*', 'x') NOT GLOB '*[^0-9]*' AND "
            "(substr(caller, -1) = '*' OR (substr(caller, -1) GLOB '[0-9]' AND length(caller) >= 8)))",
            r"caller ~ '^(\+[1-9][0-9]{6,14}|\+[1-9][0-9]{0,13}\*|anonymous)$'",
        ),
        *_each(
            "number_of_a_rule_is_empty_or_like_plus74950000101",
            "number = '' OR (number GLOB '+[1-9]*' AND substr(number, 2) NOT GLOB '*[^0-9]*' "
            "AND length(number) BETWEEN 8 AND 16)",
            r"number = '' OR number ~ '^\+[1-9][0-9]{6,14}$'",
        ),
        sa.CheckConstraint(
            "action IN ('busy', 'decline', 'scheme')", name="action_of_a_rule_is_busy_decline_or_scheme"
        ),
        sa.CheckConstraint("(action = 'scheme') = (scheme <> '')", name="scheme_is_given_with_action_scheme_alone"),
        sa.CheckConstraint("branch = '' OR scheme <> ''", name="branch_is_given_with_a_scheme_alone"),
        sa.PrimaryKeyConstraint("id", name="pk_caller_rules"),
        sa.UniqueConstraint("caller", "number", name="this_caller_has_a_rule_already"),
        comment="callers who are refused, or whose calls go by another scheme; the most specific rule counts",
        sqlite_strict=True,
    )

"""The responsible manager: a kind of destination, and where managers are rung."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ari_app.storage.rebuilding import rewrite_rules

revision = "schema_0018"
down_revision = "schema_0017"
branch_labels = None
depends_on = None

TABLE = "manager_destinations"
BEFORE = "kind_of_destination_is_number_or_endpoint"
RULE = "kind_of_destination_is_number_endpoint_or_manager"
KNOWN_BEFORE = "kind IN ('number', 'endpoint')"
KNOWN = "kind IN ('number', 'endpoint', 'manager')"
TARGET_RULE = "manager_is_a_crm_or_crm_and_its_records_like_crm_lead_deal"
TARGET_ON_SQLITE = (
    "kind <> 'manager' OR (target GLOB '[a-z]*' AND target NOT GLOB '*[^a-z0-9_,:-]*' AND length(target) <= 500)"
)
TARGET_ON_POSTGRESQL = (
    "kind <> 'manager' OR (target ~ '^[a-z][a-z0-9_-]{0,39}(:[a-z][a-z0-9_,-]*)?$' AND length(target) <= 500)"
)
KIND_COMMENT_BEFORE = "number or endpoint"
KIND_COMMENT = "number, endpoint or manager"
TARGET_COMMENT_BEFORE = "E.164 number, or the name of a configured endpoint"
TARGET_COMMENT = "E.164 number; the name of a configured endpoint; a CRM's name, or crm:lead,contact"


def upgrade() -> None:
    """Let the kind in, and make the table."""
    if _on_postgresql():
        _kinds(BEFORE, RULE, KNOWN, KIND_COMMENT, TARGET_COMMENT)
        op.create_check_constraint(TARGET_RULE, "destinations", TARGET_ON_POSTGRESQL)
    else:
        rule = f"CONSTRAINT {RULE} CHECK ({KNOWN}), \n\tCONSTRAINT {TARGET_RULE} CHECK ({TARGET_ON_SQLITE})"
        rewrite_rules(op.get_bind(), "destinations", (f"CONSTRAINT {BEFORE} CHECK ({KNOWN_BEFORE})", rule))
    _table()
    _watch()


def downgrade() -> None:
    """And out: nobody is rung where a manager was."""
    op.execute("DELETE FROM destinations WHERE kind = 'manager'")
    op.drop_table(TABLE)
    if _on_postgresql():
        op.drop_constraint(TARGET_RULE, "destinations")
        _kinds(RULE, BEFORE, KNOWN_BEFORE, KIND_COMMENT_BEFORE, TARGET_COMMENT_BEFORE)
        return
    rule = f"CONSTRAINT {RULE} CHECK ({KNOWN}), \n\tCONSTRAINT {TARGET_RULE} CHECK ({TARGET_ON_SQLITE})"
    rewrite_rules(op.get_bind(), "destinations", (rule, f"CONSTRAINT {BEFORE} CHECK ({KNOWN_BEFORE})"))


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _kinds(before: str, rule: str, known: str, kind: str, target: str) -> None:
    op.drop_constraint(before, "destinations")
    op.create_check_constraint(rule, "destinations", known)
    op.alter_column("destinations", "kind", comment=kind)
    op.alter_column("destinations", "target", comment=target)


def _each(name: str, sqlite: str, postgresql: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    return (
        sa.CheckConstraint(sqlite, name=name).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(postgresql, name=name).ddl_if(dialect="postgresql"),
    )


def _table() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("crm", sa.Text(), nullable=False, comment="the CRM's name, as in ARI_APP_CRM_FILE"),
        sa.Column("manager", sa.Text(), nullable=False, comment="the manager's id in the CRM, or e-mail address"),
        sa.Column("kind", sa.Text(), server_default="number", nullable=False, comment="number or endpoint"),
        sa.Column("target", sa.Text(), nullable=False, comment="E.164 number, or the name of a configured endpoint"),
        sa.Column(
            "timeout_seconds",
            sa.Integer(),
            nullable=True,
            comment="no answer after so long: given up; empty: as the destination that asks for the manager says",
        ),
        *_each(
            "crm_is_a_name_in_small_letters_digits_and_hyphens",
            "crm GLOB '[a-z]*' AND crm NOT GLOB '*[^a-z0-9_-]*' AND length(crm) <= 40",
            "crm ~ '^[a-z][a-z0-9_-]{0,39}$'",
        ),
        sa.CheckConstraint("trim(manager) <> ''", name="manager_is_not_empty"),
        sa.CheckConstraint("kind IN ('number', 'endpoint')", name="manager_is_rung_at_a_number_or_endpoint"),
        *_each(
            "number_is_plus_and_digits_like_plus79160000003",
            "kind <> 'number' OR (target GLOB '+[1-9]*' AND substr(target, 2) NOT GLOB '*[^0-9]*' "
            "AND length(target) BETWEEN 8 AND 16)",
            r"kind <> 'number' OR target ~ '^\+[1-9][0-9]{6,14}$'",
        ),
        *_each(
            "endpoint_is_a_name_in_small_letters_digits_and_hyphens",
            "kind <> 'endpoint' OR (target GLOB '[a-z]*' AND target NOT GLOB '*[^a-z0-9_-]*' AND length(target) <= 40)",
            "kind <> 'endpoint' OR target ~ '^[a-z][a-z0-9_-]{0,39}$'",
        ),
        sa.CheckConstraint("timeout_seconds BETWEEN 5 AND 600", name="timeout_is_5_to_600_seconds"),
        sa.PrimaryKeyConstraint("id", name="pk_manager_destinations"),
        sa.UniqueConstraint("crm", "manager", "kind", "target", name="the_manager_has_this_destination_already"),
        comment="where those are rung whom a CRM names as responsible for a caller; all of a manager's ring together",
        sqlite_strict=True,
    )


def _watch() -> None:
    """Every edit is noted, as those of the other configuration are."""
    if _on_postgresql():
        op.execute(
            f"CREATE TRIGGER note_change_of_{TABLE} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION note_configuration_change()"
        )
        return
    for event in ("insert", "update", "delete"):
        op.execute(
            # The names in it are our own.
            f"CREATE TRIGGER note_{event}_of_{TABLE} AFTER {event.upper()} ON {TABLE} BEGIN "  # noqa: S608
            f"INSERT INTO configuration_changes (table_name) VALUES ('{TABLE}'); END"
        )

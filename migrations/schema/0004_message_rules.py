"""Messages: apology rules, message types of teams, contacts, refusals of clients, users and their rights."""
# ruff: noqa: E501

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "schema_0004"
down_revision = "schema_0003"
branch_labels = None
depends_on = None

FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
PLAIN_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

TABLES = (
    "apology_rules",
    "apology_rule_numbers",
    "message_types",
    "team_contacts",
    "opt_outs",
    "users",
    "roles",
    "grants",
    "user_roles",
)
CONFIGURATION = ("apology_rules", "apology_rule_numbers", "message_types", "team_contacts")

# child, column, parent, the constraint's name, whether the parent's removal removes the child
FOREIGN_KEYS = (
    ("apology_rules", "team_id", "teams", "apology_rules_need_their_team", False),
    ("apology_rule_numbers", "rule_id", "apology_rules", "rule_numbers_need_their_rule", True),
    ("message_types", "team_id", "teams", "message_types_need_their_team", True),
    ("team_contacts", "team_id", "teams", "contacts_need_their_team", True),
    ("grants", "user_id", "users", "grants_need_their_user", True),
    ("grants", "role_id", "roles", "grants_need_their_role", True),
    ("user_roles", "user_id", "users", "roles_are_given_to_a_user", True),
    ("user_roles", "role_id", "roles", "users_are_given_a_role", True),
)


class Added(NamedTuple):
    """A column that a table of an earlier revision gets, with its rule."""

    table: str
    column: str
    kind: Any
    default: Any
    comment: str
    check: str
    rule: str
    sqlite_only: bool = False


def added_flag(table: str, column: str, default: Any, comment: str) -> Added:
    """One of yes or no."""
    return Added(table, column, FLAG, default, comment, f"{column} IN (0, 1)", f"{column}_is_true_or_false", True)


ADDED = (
    added_flag("teams", "sales_tools", sa.true(), "whether it has apologies for lost calls at all"),
    added_flag(
        "teams", "makes_tickets", sa.false(), "whether a missed call of a client without an open ticket makes one"
    ),
    Added(
        "teams",
        "tickets_an_hour",
        sa.Integer(),
        "60",
        "so many it makes at most; 0: none",
        "tickets_an_hour BETWEEN 0 AND 10000",
        "tickets_an_hour_is_0_to_10000",
    ),
    added_flag(
        "branches",
        "out_of_hours",
        sa.false(),
        "whether its calls count as out of hours, for the messages that they bring",
    ),
    Added(
        "calls",
        "direction",
        sa.Text(),
        "inbound",
        "inbound, or outbound: a call of the company's to dialled, told by its own telephone system",
        "direction IN ('inbound', 'outbound')",
        "direction_is_inbound_or_outbound",
    ),
)


def upgrade() -> None:
    """Make them, parents first."""
    for added in ADDED:
        _add(added)
    _apology_rules()
    _apology_rule_numbers()
    _message_types()
    _team_contacts()
    _opt_outs()
    _users()
    _roles()
    _grants()
    _user_roles()
    _watch()


def downgrade() -> None:
    """Remove them, and all that is in them."""
    _unwatch()
    for table in reversed(TABLES):
        op.drop_table(table)
    for added in reversed(ADDED):
        if op.get_bind().dialect.name == "postgresql" and not added.sqlite_only:
            op.drop_constraint(added.rule, added.table)
        op.execute(f"ALTER TABLE {added.table} DROP COLUMN {added.column}")


def _add(added: Added) -> None:
    """SQLite would rebuild the table for anything but a plain ADD COLUMN, and lose its triggers."""
    if op.get_bind().dialect.name == "postgresql":
        column = sa.Column(
            added.column, added.kind, server_default=added.default, nullable=False, comment=added.comment
        )
        op.add_column(added.table, column)
        if not added.sqlite_only:
            op.create_check_constraint(added.rule, added.table, added.check)
        return
    word = "TEXT" if isinstance(added.kind, sa.Text) else "INTEGER"
    value = {"true": "1", "false": "0"}.get(str(added.default), f"'{added.default}'")
    op.execute(
        f"ALTER TABLE {added.table} ADD COLUMN {added.column} {word} DEFAULT {value} NOT NULL "
        f"CONSTRAINT {added.rule} CHECK ({added.check})"
    )


def _watch() -> None:
    """Every edit is noted, as those of the other configuration are; SQLite keeps foreign keys also in a plain shell."""
    if op.get_bind().dialect.name == "postgresql":
        for table in CONFIGURATION:
            op.execute(
                f"CREATE TRIGGER note_change_of_{table} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION note_configuration_change()"
            )
        return
    for table in CONFIGURATION:
        for event in ("insert", "update", "delete"):
            op.execute(
                f"CREATE TRIGGER note_{event}_of_{table} AFTER {event.upper()} ON {table} BEGIN "  # noqa: S608
                f"INSERT INTO configuration_changes (table_name) VALUES ('{table}'); END"
            )
    for key in FOREIGN_KEYS:
        _keep_on_sqlite(*key)


def _keep_on_sqlite(child: str, column: str, parent: str, name: str, cascades: bool) -> None:
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


def _unwatch() -> None:
    """A table's own triggers go with it; those on tables that stay are removed here."""
    if op.get_bind().dialect.name == "postgresql":
        return
    for _child, _column, parent, name, _cascades in FOREIGN_KEYS:
        if parent not in TABLES:
            op.execute(f"DROP TRIGGER {name}_parent")
            op.execute(f"DROP TRIGGER {name}_renumber")


def _apology_rules() -> None:
    op.create_table(
        "apology_rules",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("team_id", sa.Integer(), nullable=True, comment="whose rule it is; empty for everybody's"),
        sa.Column("name", sa.Text(), nullable=False, comment="how the rule is called"),
        sa.Column(
            "text", sa.Text(), nullable=False, comment="what the caller is sent; {placeholders} as in docs/messages.md"
        ),
        sa.Column("enabled", FLAG, server_default=sa.true(), nullable=False, comment="whether it is switched on"),
        sa.Column(
            "delay_seconds",
            sa.Integer(),
            server_default="60",
            nullable=False,
            comment="how long after the call it is due",
        ),
        sa.Column(
            "once_in_hours",
            sa.Integer(),
            server_default="24",
            nullable=False,
            comment="a caller gets one in so many hours",
        ),
        sa.CheckConstraint("trim(name) <> ''", name="name_is_not_empty"),
        sa.CheckConstraint("trim(text) <> ''", name="text_of_the_rule_is_not_empty"),
        sa.CheckConstraint("delay_seconds BETWEEN 0 AND 86400", name="delay_of_the_rule_is_0_to_86400_seconds"),
        sa.CheckConstraint("enabled IN (0, 1)", name="enabled_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.CheckConstraint("once_in_hours BETWEEN 0 AND 8760", name="once_in_hours_is_0_to_8760"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="apology_rules_need_their_team"),
        sa.PrimaryKeyConstraint("id", name="pk_apology_rules"),
        sa.UniqueConstraint("name", name="an_apology_rule_of_this_name_exists"),
        comment="what callers are sent whose call was lost; the first by name that has the dialled number counts",
        sqlite_strict=True,
    )


def _apology_rule_numbers() -> None:
    op.create_table(
        "apology_rule_numbers",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("rule_id", sa.Integer(), nullable=False, comment="its rule"),
        sa.Column("e164", sa.Text(), nullable=False, comment="a dialled number that the rule is for: +74950000101"),
        sa.CheckConstraint(
            "e164 GLOB '+[1-9]*' AND substr(e164, 2) NOT GLOB '*[^0-9]*' AND length(e164) BETWEEN 8 AND 16",
            name="dialled_number_is_plus_and_digits_like_plus74950000101",
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "e164 ~ '^\\+[1-9][0-9]{6,14}$'", name="dialled_number_is_plus_and_digits_like_plus74950000101"
        ).ddl_if(dialect="postgresql"),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["apology_rules.id"], name="rule_numbers_need_their_rule", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_apology_rule_numbers"),
        sa.UniqueConstraint("rule_id", "e164", name="the_rule_has_this_number_already"),
        comment="the dialled numbers of a rule, one at least",
        sqlite_strict=True,
    )
    op.create_index("rule_numbers_by_number", "apology_rule_numbers", ["e164"])


def _message_types() -> None:
    op.create_table(
        "message_types",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("team_id", sa.Integer(), nullable=False, comment="its team"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="what brings it: hung_up, missed, voicemail_left, item_created ...",
        ),
        sa.Column("audience", sa.Text(), server_default="client", nullable=False, comment="client, staff or admin"),
        sa.Column("channel", sa.Text(), server_default="sms", nullable=False, comment="sms, email or push"),
        sa.Column("enabled", FLAG, server_default=sa.true(), nullable=False, comment="whether it is switched on"),
        sa.Column("text", sa.Text(), nullable=False, comment="what is sent; {placeholders} as in docs/messages.md"),
        sa.Column(
            "with_company",
            FLAG,
            server_default=sa.false(),
            nullable=False,
            comment="whether the company's name is added",
        ),
        sa.Column(
            "with_team", FLAG, server_default=sa.false(), nullable=False, comment="whether the team's name is added"
        ),
        sa.Column("extra", sa.Text(), server_default="", nullable=False, comment="more text that is added at the end"),
        sa.Column(
            "offset_minutes",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="when: minutes after the event; for an item after its time, or before it if negative",
        ),
        sa.Column(
            "once_in_hours",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="one in so many hours; 0: no limit",
        ),
        sa.CheckConstraint("audience IN ('client', 'staff', 'admin')", name="audience_is_client_staff_or_admin"),
        sa.CheckConstraint("channel IN ('sms', 'email', 'push')", name="channel_of_a_type_is_sms_email_or_push"),
        sa.CheckConstraint(
            "kind IN ('hung_up', 'missed', 'voicemail_left', 'answered_with_ticket', 'call_out_of_hours', 'text_out_of_hours', 'ticket_out_of_hours', 'rate_adviser', 'was_it_solved', 'first_chat', 'ask_for_photo', 'share_contacts', 'ask_for_approval', 'ask_for_payment', 'item_created', 'item_confirm', 'item_reminder', 'item_repeat_reminder', 'item_review_request', 'voicemail_notice', 'missed_call_ticket', 'by_hand', 'advertising')",
            name="kind_of_message_is_known",
        ),
        sa.CheckConstraint("trim(text) <> ''", name="text_of_the_type_is_not_empty"),
        sa.CheckConstraint("enabled IN (0, 1)", name="enabled_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.CheckConstraint("offset_minutes BETWEEN -43200 AND 43200", name="offset_is_within_30_days"),
        sa.CheckConstraint("once_in_hours BETWEEN 0 AND 8760", name="once_in_hours_is_0_to_8760"),
        sa.CheckConstraint("with_company IN (0, 1)", name="with_company_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.CheckConstraint("with_team IN (0, 1)", name="with_team_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="message_types_need_their_team", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_message_types"),
        sa.UniqueConstraint("team_id", "kind", "audience", "channel", name="the_team_has_this_message_type_already"),
        comment="the automatic messages of a team: one for each kind, audience and channel",
        sqlite_strict=True,
    )


def _team_contacts() -> None:
    op.create_table(
        "team_contacts",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("team_id", sa.Integer(), nullable=False, comment="its team"),
        sa.Column("audience", sa.Text(), server_default="staff", nullable=False, comment="staff or admin"),
        sa.Column("channel", sa.Text(), nullable=False, comment="sms, email, push, or webhook"),
        sa.Column(
            "address", sa.Text(), nullable=False, comment="E.164 number, e-mail address, or a configured webhook's name"
        ),
        sa.Column("enabled", FLAG, server_default=sa.true(), nullable=False, comment="whether anything is sent there"),
        sa.CheckConstraint("audience IN ('staff', 'admin')", name="audience_of_a_contact_is_staff_or_admin"),
        sa.CheckConstraint(
            "channel IN ('sms', 'email', 'push', 'webhook')", name="channel_of_a_contact_is_sms_email_push_or_webhook"
        ),
        sa.CheckConstraint("trim(address) <> ''", name="address_is_not_empty"),
        sa.CheckConstraint("enabled IN (0, 1)", name="enabled_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="contacts_need_their_team", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_team_contacts"),
        sa.UniqueConstraint("team_id", "audience", "channel", "address", name="the_team_has_this_contact_already"),
        comment="where the team's own people and systems are told",
        sqlite_strict=True,
    )


def _opt_outs() -> None:
    op.create_table(
        "opt_outs",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("client", PLAIN_TEXT, nullable=False, comment="E.164 number of the client"),
        sa.Column("channel", sa.Text(), server_default="", nullable=False, comment="the channel refused; empty: all"),
        sa.Column("kind", sa.Text(), server_default="", nullable=False, comment="the type refused; empty: all"),
        sa.Column(
            "bulk_only",
            FLAG,
            server_default=sa.false(),
            nullable=False,
            comment="refused is advertising to many, and nothing else",
        ),
        sa.Column(
            "source", sa.Text(), server_default="", nullable=False, comment="how we know: STOP, api, a person's name"
        ),
        sa.Column("at", MOMENT, server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False, comment="when (UTC)"),
        sa.CheckConstraint(
            "channel IN ('', 'sms', 'email', 'push', 'ticket', 'webhook')", name="channel_refused_is_known"
        ),
        sa.CheckConstraint(
            "client GLOB '+[1-9]*' AND substr(client, 2) NOT GLOB '*[^0-9]*' AND length(client) BETWEEN 8 AND 16",
            name="client_is_plus_and_digits_like_plus79160000003",
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "client ~ '^\\+[1-9][0-9]{6,14}$'", name="client_is_plus_and_digits_like_plus79160000003"
        ).ddl_if(dialect="postgresql"),
        sa.CheckConstraint(
            "kind IN ('', 'apology', 'hung_up', 'missed', 'voicemail_left', 'answered_with_ticket', 'call_out_of_hours', 'text_out_of_hours', 'ticket_out_of_hours', 'rate_adviser', 'was_it_solved', 'first_chat', 'ask_for_photo', 'share_contacts', 'ask_for_approval', 'ask_for_payment', 'item_created', 'item_confirm', 'item_reminder', 'item_repeat_reminder', 'item_review_request', 'voicemail_notice', 'missed_call_ticket', 'event', 'by_hand', 'advertising')",
            name="kind_refused_is_known",
        ),
        sa.CheckConstraint("bulk_only IN (0, 1)", name="bulk_only_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.PrimaryKeyConstraint("id", name="pk_opt_outs"),
        sa.UniqueConstraint("client", "channel", "kind", "bulk_only", name="the_client_has_refused_this_already"),
        comment="what clients do not want to be sent",
        sqlite_strict=True,
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("name", sa.Text(), nullable=False, comment="how the user is called"),
        sa.Column(
            "token_hash",
            sa.Text(),
            nullable=True,
            comment="SHA-256 of the token for the HTTP interface; empty: none was given out",
        ),
        sa.Column(
            "enabled", FLAG, server_default=sa.true(), nullable=False, comment="whether the user may do anything"
        ),
        sa.CheckConstraint("trim(name) <> ''", name="name_is_not_empty"),
        sa.CheckConstraint("enabled IN (0, 1)", name="enabled_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="a_user_of_this_name_exists"),
        sa.UniqueConstraint("token_hash", name="this_token_is_another_users"),
        comment="who works with rules and messages; programs too",
        sqlite_strict=True,
    )


def _roles() -> None:
    op.create_table(
        "roles",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("name", sa.Text(), nullable=False, comment="how the role is called"),
        sa.CheckConstraint("trim(name) <> ''", name="name_is_not_empty"),
        sa.PrimaryKeyConstraint("id", name="pk_roles"),
        sa.UniqueConstraint("name", name="a_role_of_this_name_exists"),
        comment="sets of rights that users have together",
        sqlite_strict=True,
    )


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("user_id", sa.Integer(), nullable=True, comment="who has it; or role_id"),
        sa.Column("role_id", sa.Integer(), nullable=True, comment="which role has it; or user_id"),
        sa.Column("subject", sa.Text(), nullable=False, comment="what it is about: rules, messages, consent ..."),
        sa.Column("right", sa.Text(), nullable=False, comment="view, create, edit or delete"),
        sa.CheckConstraint(
            "\"right\" IN ('view', 'create', 'edit', 'delete')", name="right_is_view_create_edit_or_delete"
        ),
        sa.CheckConstraint("(user_id IS NULL) <> (role_id IS NULL)", name="grant_is_a_users_or_a_roles"),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="grants_need_their_role", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="grants_need_their_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.UniqueConstraint("role_id", "subject", "right", name="the_role_has_this_right_already"),
        sa.UniqueConstraint("user_id", "subject", "right", name="the_user_has_this_right_already"),
        comment="who may do what",
        sqlite_strict=True,
    )


def _user_roles() -> None:
    op.create_table(
        "user_roles",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("user_id", sa.Integer(), nullable=False, comment="who has the role"),
        sa.Column("role_id", sa.Integer(), nullable=False, comment="the role"),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="users_are_given_a_role", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="roles_are_given_to_a_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_user_roles"),
        sa.UniqueConstraint("user_id", "role_id", name="the_user_has_this_role_already"),
        comment="which roles a user has",
        sqlite_strict=True,
    )

"""The tables that say which messages are sent: apology rules, message types of teams, contacts, refusals, rights."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import sqlalchemy as sa

from ari_app.core.messages import Channel, MessageKind
from ari_app.storage.columns import PlainText, UtcTime
from ari_app.storage.schema import check, e164_check, flag, its_id, its_name, metadata, not_empty, parent


def one_of(column: str, known: Iterable[StrEnum], *others: str) -> str:
    """The rule that a column has one of the values of an enumeration."""
    return f"{column} IN ({', '.join(repr(str(value)) for value in (*others, *known))})"


apology_rules = sa.Table(
    "apology_rules",
    metadata,
    its_id(),
    parent("team_id", "teams", "apology_rules_need_their_team", "whose rule it is; empty for everybody's"),
    its_name("how the rule is called"),
    sa.Column(
        "text", sa.Text, nullable=False, comment="what the caller is sent; {placeholders} as in docs/messages.md"
    ),
    *flag("enabled", True, "whether it is switched on"),
    sa.Column(
        "delay_seconds", sa.Integer, nullable=False, server_default="60", comment="how long after the call it is due"
    ),
    sa.Column(
        "once_in_hours", sa.Integer, nullable=False, server_default="24", comment="a caller gets one in so many hours"
    ),
    sa.UniqueConstraint("name", name="an_apology_rule_of_this_name_exists"),
    not_empty(),
    check("text_of_the_rule_is_not_empty", "trim(text) <> ''"),
    check("delay_of_the_rule_is_0_to_86400_seconds", "delay_seconds BETWEEN 0 AND 86400"),
    check("once_in_hours_is_0_to_8760", "once_in_hours BETWEEN 0 AND 8760"),
    comment="what callers are sent whose call was lost; the first by name that has the dialled number counts",
    sqlite_strict=True,
)

apology_rule_numbers = sa.Table(
    "apology_rule_numbers",
    metadata,
    its_id(),
    parent("rule_id", "apology_rules", "rule_numbers_need_their_rule", "its rule", nullable=False, ondelete="CASCADE"),
    sa.Column("e164", sa.Text, nullable=False, comment="a dialled number that the rule is for: +74950000101"),
    sa.UniqueConstraint("rule_id", "e164", name="the_rule_has_this_number_already"),
    *e164_check("e164", "dialled_number_is_plus_and_digits_like_plus74950000101"),
    sa.Index("rule_numbers_by_number", "e164"),
    comment="the dialled numbers of a rule, one at least",
    sqlite_strict=True,
)

message_types = sa.Table(
    "message_types",
    metadata,
    its_id(),
    parent("team_id", "teams", "message_types_need_their_team", "its team", nullable=False, ondelete="CASCADE"),
    sa.Column(
        "kind", sa.Text, nullable=False, comment="what brings it: hung_up, missed, voicemail_left, item_created ..."
    ),
    sa.Column("audience", sa.Text, nullable=False, server_default="client", comment="client, staff or admin"),
    sa.Column("channel", sa.Text, nullable=False, server_default="sms", comment="sms, email or push"),
    *flag("enabled", True, "whether it is switched on"),
    sa.Column("text", sa.Text, nullable=False, comment="what is sent; {placeholders} as in docs/messages.md"),
    *flag("with_company", False, "whether the company's name is added"),
    *flag("with_team", False, "whether the team's name is added"),
    sa.Column("extra", sa.Text, nullable=False, server_default="", comment="more text that is added at the end"),
    sa.Column(
        "offset_minutes",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="when: minutes after the event; for an item after its time, or before it if negative",
    ),
    sa.Column(
        "once_in_hours", sa.Integer, nullable=False, server_default="0", comment="one in so many hours; 0: no limit"
    ),
    sa.UniqueConstraint("team_id", "kind", "audience", "channel", name="the_team_has_this_message_type_already"),
    check(
        "kind_of_message_is_known",
        one_of("kind", (k for k in MessageKind if k not in (MessageKind.APOLOGY, MessageKind.EVENT))),
    ),
    check("audience_is_client_staff_or_admin", "audience IN ('client', 'staff', 'admin')"),
    check("channel_of_a_type_is_sms_email_or_push", "channel IN ('sms', 'email', 'push')"),
    check("text_of_the_type_is_not_empty", "trim(text) <> ''"),
    check("offset_is_within_30_days", "offset_minutes BETWEEN -43200 AND 43200"),
    check("once_in_hours_is_0_to_8760", "once_in_hours BETWEEN 0 AND 8760"),
    comment="the automatic messages of a team: one for each kind, audience and channel",
    sqlite_strict=True,
)

team_contacts = sa.Table(
    "team_contacts",
    metadata,
    its_id(),
    parent("team_id", "teams", "contacts_need_their_team", "its team", nullable=False, ondelete="CASCADE"),
    sa.Column("audience", sa.Text, nullable=False, server_default="staff", comment="staff or admin"),
    sa.Column("channel", sa.Text, nullable=False, comment="sms, email, push, or webhook"),
    sa.Column(
        "address", sa.Text, nullable=False, comment="E.164 number, e-mail address, or a configured webhook's name"
    ),
    *flag("enabled", True, "whether anything is sent there"),
    sa.UniqueConstraint("team_id", "audience", "channel", "address", name="the_team_has_this_contact_already"),
    check("audience_of_a_contact_is_staff_or_admin", "audience IN ('staff', 'admin')"),
    check("channel_of_a_contact_is_sms_email_push_or_webhook", "channel IN ('sms', 'email', 'push', 'webhook')"),
    check("address_is_not_empty", "trim(address) <> ''"),
    comment="where the team's own people and systems are told",
    sqlite_strict=True,
)

opt_outs = sa.Table(
    "opt_outs",
    metadata,
    its_id(),
    sa.Column("client", PlainText, nullable=False, comment="E.164 number of the client"),
    sa.Column("channel", sa.Text, nullable=False, server_default="", comment="the channel refused; empty: all"),
    sa.Column("kind", sa.Text, nullable=False, server_default="", comment="the type refused; empty: all"),
    *flag("bulk_only", False, "refused is advertising to many, and nothing else"),
    sa.Column("source", sa.Text, nullable=False, server_default="", comment="how we know: STOP, api, a person's name"),
    sa.Column("at", UtcTime, nullable=False, server_default=sa.func.current_timestamp(), comment="when (UTC)"),
    sa.UniqueConstraint("client", "channel", "kind", "bulk_only", name="the_client_has_refused_this_already"),
    e164_check("client", "client_is_plus_and_digits_like_plus79160000003")[0],
    e164_check("client", "client_is_plus_and_digits_like_plus79160000003")[1],
    check("channel_refused_is_known", one_of("channel", Channel, "")),
    check("kind_refused_is_known", one_of("kind", MessageKind, "")),
    comment="what clients do not want to be sent",
    sqlite_strict=True,
)

users = sa.Table(
    "users",
    metadata,
    its_id(),
    its_name("how the user is called"),
    sa.Column("token_hash", sa.Text, comment="SHA-256 of the token for the HTTP interface; empty: none was given out"),
    *flag("enabled", True, "whether the user may do anything"),
    sa.UniqueConstraint("name", name="a_user_of_this_name_exists"),
    sa.UniqueConstraint("token_hash", name="this_token_is_another_users"),
    not_empty(),
    comment="who works with rules and messages; programs too",
    sqlite_strict=True,
)

roles = sa.Table(
    "roles",
    metadata,
    its_id(),
    its_name("how the role is called"),
    sa.UniqueConstraint("name", name="a_role_of_this_name_exists"),
    not_empty(),
    comment="sets of rights that users have together",
    sqlite_strict=True,
)

grants = sa.Table(
    "grants",
    metadata,
    its_id(),
    parent("user_id", "users", "grants_need_their_user", "who has it; or role_id", ondelete="CASCADE"),
    parent("role_id", "roles", "grants_need_their_role", "which role has it; or user_id", ondelete="CASCADE"),
    sa.Column("subject", sa.Text, nullable=False, comment="what it is about: rules, messages, consent ..."),
    sa.Column("right", sa.Text, nullable=False, comment="view, create, edit or delete"),
    check("grant_is_a_users_or_a_roles", "(user_id IS NULL) <> (role_id IS NULL)"),
    check("right_is_view_create_edit_or_delete", "\"right\" IN ('view', 'create', 'edit', 'delete')"),
    sa.UniqueConstraint("user_id", "subject", "right", name="the_user_has_this_right_already"),
    sa.UniqueConstraint("role_id", "subject", "right", name="the_role_has_this_right_already"),
    comment="who may do what",
    sqlite_strict=True,
)

user_roles = sa.Table(
    "user_roles",
    metadata,
    its_id(),
    parent("user_id", "users", "roles_are_given_to_a_user", "who has the role", nullable=False, ondelete="CASCADE"),
    parent("role_id", "roles", "users_are_given_a_role", "the role", nullable=False, ondelete="CASCADE"),
    sa.UniqueConstraint("user_id", "role_id", name="the_user_has_this_role_already"),
    comment="which roles a user has",
    sqlite_strict=True,
)

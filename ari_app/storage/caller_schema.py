"""The table of rules by caller: the block list, and who goes another way."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.storage.schema import check, check_each, its_id, metadata

caller_rules = sa.Table(
    "caller_rules",
    metadata,
    its_id(),
    sa.Column("caller", sa.Text, nullable=False, comment="+79161112233, a beginning such as +7916*, or anonymous"),
    sa.Column(
        "number", sa.Text, nullable=False, server_default="", comment="one of our numbers, as dialled; empty: all"
    ),
    sa.Column("action", sa.Text, nullable=False, server_default="busy", comment="busy, decline or scheme"),
    sa.Column("scheme", sa.Text, nullable=False, server_default="", comment="with action scheme: its name"),
    sa.Column(
        "branch", sa.Text, nullable=False, server_default="", comment="its branch whatever the hour; empty: by hours"
    ),
    sa.Column("reason", sa.Text, nullable=False, server_default="", comment="why, for those who read a timeline"),
    sa.UniqueConstraint("caller", "number", name="this_caller_has_a_rule_already"),
    *check_each(
        "caller_is_a_number_a_beginning_with_star_or_anonymous",
        sqlite="caller = 'anonymous' OR (caller GLOB '+[1-9]*' AND length(caller) BETWEEN 3 AND 16 AND "
        "replace(substr(caller, 2, length(caller) - 2), '*', 'x') NOT GLOB '*[^0-9]*' AND "
        "(substr(caller, -1) = '*' OR (substr(caller, -1) GLOB '[0-9]' AND length(caller) >= 8)))",
        postgresql=r"caller ~ '^(\+[1-9][0-9]{6,14}|\+[1-9][0-9]{0,13}\*|anonymous)$'",
    ),
    *check_each(
        "number_of_a_rule_is_empty_or_like_plus74950000101",
        sqlite="number = '' OR (number GLOB '+[1-9]*' AND substr(number, 2) NOT GLOB '*[^0-9]*' "
        "AND length(number) BETWEEN 8 AND 16)",
        postgresql=r"number = '' OR number ~ '^\+[1-9][0-9]{6,14}$'",
    ),
    check("action_of_a_rule_is_busy_decline_or_scheme", "action IN ('busy', 'decline', 'scheme')"),
    check("scheme_is_given_with_action_scheme_alone", "(action = 'scheme') = (scheme <> '')"),
    check("branch_is_given_with_a_scheme_alone", "branch = '' OR scheme <> ''"),
    comment="callers who are refused, or whose calls go by another scheme; the most specific rule counts",
    sqlite_strict=True,
)

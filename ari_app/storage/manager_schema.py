"""The table of where those are rung whom CRMs name as responsible for a caller."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.storage.schema import check, check_each, its_id, metadata, target_checks

manager_destinations = sa.Table(
    "manager_destinations",
    metadata,
    its_id(),
    sa.Column("crm", sa.Text, nullable=False, comment="the CRM's name, as in ARI_APP_CRM_FILE"),
    sa.Column("manager", sa.Text, nullable=False, comment="the manager's id in the CRM, or e-mail address"),
    sa.Column("kind", sa.Text, nullable=False, server_default="number", comment="number or endpoint"),
    sa.Column("target", sa.Text, nullable=False, comment="E.164 number, or the name of a configured endpoint"),
    sa.Column(
        "timeout_seconds",
        sa.Integer,
        comment="no answer after so long: given up; empty: as the destination that asks for the manager says",
    ),
    *check_each(
        "crm_is_a_name_in_small_letters_digits_and_hyphens",
        sqlite="crm GLOB '[a-z]*' AND crm NOT GLOB '*[^a-z0-9_-]*' AND length(crm) <= 40",
        postgresql="crm ~ '^[a-z][a-z0-9_-]{0,39}$'",
    ),
    check("manager_is_not_empty", "trim(manager) <> ''"),
    check("manager_is_rung_at_a_number_or_endpoint", "kind IN ('number', 'endpoint')"),
    *target_checks(),
    check("timeout_is_5_to_600_seconds", "timeout_seconds BETWEEN 5 AND 600"),
    sa.UniqueConstraint("crm", "manager", "kind", "target", name="the_manager_has_this_destination_already"),
    comment="where those are rung whom a CRM names as responsible for a caller; all of a manager's ring together",
    sqlite_strict=True,
)

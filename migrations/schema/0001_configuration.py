"""The configuration: teams, greetings, schemes, branches, schedule entries, steps, destinations, numbers."""
# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0001"
down_revision = None
branch_labels = ("schema",)
depends_on = None

FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def either(name: str, sqlite: str, postgresql: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    """One rule in the words of either database."""
    return (
        sa.CheckConstraint(sqlite, name=name).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(postgresql, name=name).ddl_if(dialect="postgresql"),
    )


def upgrade() -> None:
    """Make them, parents first."""
    _teams()
    _greetings()
    _schemes()
    _branches()
    _schedule_entries()
    _steps()
    _destinations()
    _numbers()
    _configuration_changes()


def downgrade() -> None:
    """Remove them, and all that is in them."""
    for table in (
        "configuration_changes",
        "numbers",
        "destinations",
        "steps",
        "schedule_entries",
        "branches",
        "schemes",
        "greetings",
        "teams",
    ):
        op.drop_table(table)


def _teams() -> None:
    op.create_table(
        "teams",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("name", sa.Text(), nullable=False, comment="how the team is called"),
        sa.CheckConstraint("trim(name) <> ''", name="name_is_not_empty"),
        sa.PrimaryKeyConstraint("id", name="pk_teams"),
        sa.UniqueConstraint("name", name="a_team_of_this_name_exists"),
        comment="who the numbers and greetings belong to",
        sqlite_strict=True,
    )


def _greetings() -> None:
    op.create_table(
        "greetings",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("team_id", sa.Integer(), nullable=True, comment="whose own it is; empty for everybody's"),
        sa.Column("name", sa.Text(), nullable=False, comment="how the greeting is called"),
        sa.Column("sound", sa.Text(), nullable=False, comment="path in the sound catalogue: ru/greeting, own/sales"),
        *either(
            "sound_is_a_catalogue_path_like_ru_greeting",
            sqlite="sound <> '' AND sound NOT GLOB '*[^A-Za-z0-9_/-]*' AND sound NOT GLOB '/*' AND sound NOT GLOB '*/' AND sound NOT GLOB '*//*'",
            postgresql="sound ~ '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$'",
        ),
        sa.CheckConstraint("trim(name) <> ''", name="name_is_not_empty"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="greetings_need_their_team"),
        sa.PrimaryKeyConstraint("id", name="pk_greetings"),
        sa.UniqueConstraint("name", name="a_greeting_of_this_name_exists"),
        comment="prompts by their path in the catalogue; never a URL, never a path out of it, no ending",
        sqlite_strict=True,
    )


def _schemes() -> None:
    op.create_table(
        "schemes",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("name", sa.Text(), nullable=False, comment="how the scheme is called"),
        sa.Column("time_zone", sa.Text(), nullable=False, comment="IANA zone its hours are reckoned in: Europe/Moscow"),
        sa.CheckConstraint("trim(name) <> ''", name="name_is_not_empty"),
        sa.CheckConstraint("trim(time_zone) <> ''", name="time_zone_is_not_empty"),
        sa.PrimaryKeyConstraint("id", name="pk_schemes"),
        sa.UniqueConstraint("name", name="a_scheme_of_this_name_exists"),
        comment="what happens to the calls of the numbers that have it",
        sqlite_strict=True,
    )


def _branches() -> None:
    op.create_table(
        "branches",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("scheme_id", sa.Integer(), nullable=False, comment="its scheme"),
        sa.Column(
            "position",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="lowest first, equal ones in the order they were entered: order of the branches; the first that covers the moment of the call is taken",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="how the branch is called"),
        sa.CheckConstraint("trim(name) <> ''", name="name_is_not_empty"),
        sa.CheckConstraint("position BETWEEN 1 AND 1000", name="position_is_1_to_1000"),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name="branches_need_their_scheme", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_branches"),
        comment="hours and the steps that hold in them; a branch without schedule entries always holds",
        sqlite_strict=True,
    )
    op.create_index("branches_of_a_scheme", "branches", ["scheme_id"])


def _schedule_entries() -> None:
    op.create_table(
        "schedule_entries",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("branch_id", sa.Integer(), nullable=False, comment="its branch"),
        sa.Column(
            "first_day", sa.Integer(), server_default="1", nullable=False, comment="1 Monday to 7 Sunday, included"
        ),
        sa.Column(
            "last_day", sa.Integer(), server_default="7", nullable=False, comment="1 Monday to 7 Sunday, included"
        ),
        sa.Column("opens", sa.Text(), server_default="00:00", nullable=False, comment="first minute covered, HH:MM"),
        sa.Column("closes", sa.Text(), server_default="23:59", nullable=False, comment="last minute covered, HH:MM"),
        *either(
            "closes_is_a_time_from_00_00_to_23_59",
            sqlite="closes GLOB '[0-2][0-9]:[0-5][0-9]' AND closes < '24:00'",
            postgresql="closes ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'",
        ),
        *either(
            "opens_is_a_time_from_00_00_to_23_59",
            sqlite="opens GLOB '[0-2][0-9]:[0-5][0-9]' AND opens < '24:00'",
            postgresql="opens ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'",
        ),
        sa.CheckConstraint("first_day <= last_day", name="days_cannot_cross_sunday_write_two_entries"),
        sa.CheckConstraint(
            "first_day BETWEEN 1 AND 7 AND last_day BETWEEN 1 AND 7", name="days_are_1_monday_to_7_sunday"
        ),
        sa.CheckConstraint(
            "opens <= closes OR length(opens) <> 5 OR length(closes) <> 5",
            name="hours_cannot_cross_midnight_split_at_23_59_and_00_00",
        ),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name="entries_need_their_branch", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_schedule_entries"),
        comment="days and hours of a branch, to the minute, both ends included; a whole day is 00:00 to 23:59",
        sqlite_strict=True,
    )
    op.create_index("entries_of_a_branch", "schedule_entries", ["branch_id"])


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("branch_id", sa.Integer(), nullable=False, comment="its branch"),
        sa.Column(
            "position",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="lowest first, equal ones in the order they were entered: order of the branch's steps",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="dial, greeting, voicemail or hang_up"),
        sa.Column(
            "strategy",
            sa.Text(),
            server_default="in_turn",
            nullable=False,
            comment="how a dial step rings: in_turn, all_at_once or staggered",
        ),
        sa.Column(
            "greeting_id", sa.Integer(), nullable=True, comment="what it plays; voicemail without one: the default"
        ),
        sa.Column(
            "max_seconds", sa.Integer(), server_default="180", nullable=False, comment="voicemail: the longest message"
        ),
        sa.Column(
            "silence_seconds",
            sa.Integer(),
            server_default="5",
            nullable=False,
            comment="voicemail: silence that ends one",
        ),
        sa.Column(
            "min_seconds", sa.Integer(), server_default="2", nullable=False, comment="voicemail: shorter counts as none"
        ),
        sa.CheckConstraint("kind <> 'greeting' OR greeting_id IS NOT NULL", name="greeting_step_names_its_greeting"),
        sa.CheckConstraint(
            "kind IN ('dial', 'greeting', 'voicemail', 'hang_up')",
            name="kind_of_step_is_dial_greeting_voicemail_or_hang_up",
        ),
        sa.CheckConstraint(
            "kind IN ('greeting', 'voicemail') OR greeting_id IS NULL", name="dial_and_hang_up_steps_play_no_greeting"
        ),
        sa.CheckConstraint(
            "strategy IN ('in_turn', 'all_at_once', 'staggered')", name="strategy_is_in_turn_all_at_once_or_staggered"
        ),
        sa.CheckConstraint("max_seconds BETWEEN 5 AND 3600", name="message_is_at_most_5_to_3600_seconds"),
        sa.CheckConstraint("min_seconds < max_seconds", name="shortest_message_is_shorter_than_the_longest"),
        sa.CheckConstraint("min_seconds BETWEEN 0 AND 60", name="shortest_message_is_0_to_60_seconds"),
        sa.CheckConstraint("position BETWEEN 1 AND 1000", name="position_is_1_to_1000"),
        sa.CheckConstraint("silence_seconds BETWEEN 1 AND 60", name="silence_is_1_to_60_seconds"),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name="steps_need_their_branch", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["greeting_id"], ["greetings.id"], name="steps_need_their_greeting"),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        comment="what a branch does, in order, until a call is connected",
        sqlite_strict=True,
    )
    op.create_index("steps_of_a_branch", "steps", ["branch_id"])


def _destinations() -> None:
    op.create_table(
        "destinations",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("step_id", sa.Integer(), nullable=False, comment="its step"),
        sa.Column(
            "position",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="lowest first, equal ones in the order they were entered: order of the step's destinations",
        ),
        sa.Column("kind", sa.Text(), server_default="number", nullable=False, comment="number or endpoint"),
        sa.Column("target", sa.Text(), nullable=False, comment="E.164 number, or the name of a configured endpoint"),
        sa.Column(
            "timeout_seconds",
            sa.Integer(),
            server_default="20",
            nullable=False,
            comment="no answer after so long: the next",
        ),
        sa.Column(
            "delay_seconds",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="in turn: before it rings; staggered: after the step began",
        ),
        *either(
            "endpoint_is_a_name_in_small_letters_digits_and_hyphens",
            sqlite="kind <> 'endpoint' OR (target GLOB '[a-z]*' AND target NOT GLOB '*[^a-z0-9_-]*' AND length(target) <= 40)",
            postgresql="kind <> 'endpoint' OR target ~ '^[a-z][a-z0-9_-]{0,39}$'",
        ),
        *either(
            "number_is_plus_and_digits_like_plus79160000003",
            sqlite="kind <> 'number' OR (target GLOB '+[1-9]*' AND substr(target, 2) NOT GLOB '*[^0-9]*' AND length(target) BETWEEN 8 AND 16)",
            postgresql="kind <> 'number' OR target ~ '^\\+[1-9][0-9]{6,14}$'",
        ),
        sa.CheckConstraint("kind IN ('number', 'endpoint')", name="kind_of_destination_is_number_or_endpoint"),
        sa.CheckConstraint("delay_seconds BETWEEN 0 AND 600", name="delay_is_0_to_600_seconds"),
        sa.CheckConstraint("position BETWEEN 1 AND 1000", name="position_is_1_to_1000"),
        sa.CheckConstraint("timeout_seconds BETWEEN 5 AND 600", name="timeout_is_5_to_600_seconds"),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name="destinations_need_their_step", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_destinations"),
        comment="who a dial step rings",
        sqlite_strict=True,
    )
    op.create_index("destinations_of_a_step", "destinations", ["step_id"])


def _numbers() -> None:
    op.create_table(
        "numbers",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("e164", sa.Text(), nullable=False, comment="the number as dialled by callers: +74950000101"),
        sa.Column("name", sa.Text(), server_default="unnamed", nullable=False, comment="what the number is for"),
        sa.Column("enabled", FLAG, server_default=sa.true(), nullable=False, comment="false: the configured default"),
        sa.Column("scheme_id", sa.Integer(), nullable=True, comment="its scheme; empty: the configured default"),
        sa.Column("team_id", sa.Integer(), nullable=True, comment="whose number it is"),
        *either(
            "number_is_plus_and_digits_like_plus74950000101",
            sqlite="e164 GLOB '+[1-9]*' AND substr(e164, 2) NOT GLOB '*[^0-9]*' AND length(e164) BETWEEN 8 AND 16",
            postgresql="e164 ~ '^\\+[1-9][0-9]{6,14}$'",
        ),
        sa.CheckConstraint("trim(name) <> ''", name="name_is_not_empty"),
        sa.CheckConstraint("enabled IN (0, 1)", name="enabled_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name="numbers_need_their_scheme"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="numbers_need_their_team"),
        sa.PrimaryKeyConstraint("id", name="pk_numbers"),
        sa.UniqueConstraint("e164", name="this_number_is_already_listed"),
        comment="the company's own numbers, each with the scheme its calls go by",
        sqlite_strict=True,
    )
    op.create_index("numbers_of_a_scheme", "numbers", ["scheme_id"])


def _configuration_changes() -> None:
    op.create_table(
        "configuration_changes",
        sa.Column(
            "id", sa.Integer(), sa.Identity(), autoincrement=True, nullable=False, comment="grows with every edit"
        ),
        sa.Column("at", MOMENT, server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False, comment="when (UTC)"),
        sa.Column("table_name", sa.Text(), nullable=False, comment="which table was edited"),
        sa.PrimaryKeyConstraint("id", name="pk_configuration_changes"),
        comment="written by triggers, watched by the controller, pruned by it; not for editing",
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )

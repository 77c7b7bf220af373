"""The configuration tables, which the admin edits by plain SQL; a constraint's name is the message of its refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ari_app.core.scheme import RingStrategy
from ari_app.storage.caller_id_columns import caller_id
from ari_app.storage.columns import Flag, UtcTime

metadata = sa.MetaData(naming_convention={"pk": "pk_%(table_name)s"})

CONFIGURATION = (
    "teams",
    "greetings",
    "schemes",
    "branches",
    "schedule_entries",
    "steps",
    "choices",
    "destinations",
    "numbers",
    "manager_destinations",
    "exceptional_days",
    "overrides",
    "apology_rules",
    "apology_rule_numbers",
    "message_types",
    "team_contacts",
    "caller_rules",
)
"""Tables whose every edit is noted in ``configuration_changes``, parents first."""


def its_id() -> sa.Column[int]:
    """The number that the database gives a row."""
    return sa.Column("id", sa.Integer, sa.Identity(), primary_key=True, comment="given by the database")


def its_name(comment: str, **column: Any) -> sa.Column[str]:
    """The name that people know a row by."""
    return sa.Column("name", sa.Text, nullable=False, comment=comment, **column)


def _position(of: str) -> sa.Column[int]:
    comment = f"lowest first, equal ones in the order they were entered: order of the {of}"
    return sa.Column("position", sa.Integer, nullable=False, server_default="1", comment=comment)


def parent(column: str, target: str, name: str, comment: str, **options: Any) -> sa.Column[int]:
    """A column that names a row of another table; ``name`` is what a refusal says."""
    ondelete = options.pop("ondelete", None)
    key = sa.ForeignKey(f"{target}.id", name=name, ondelete=ondelete)
    return sa.Column(column, sa.Integer, key, comment=comment, **options)


def check(name: str, rule: str) -> sa.CheckConstraint:
    """A rule that both databases understand; ``name`` is what a refusal says."""
    return sa.CheckConstraint(rule, name=name)


def check_each(name: str, *, sqlite: str, postgresql: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    """One rule in the words of either database."""
    return (
        sa.CheckConstraint(sqlite, name=name).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(postgresql, name=name).ddl_if(dialect="postgresql"),
    )


def not_empty() -> sa.CheckConstraint:
    """A name that is none is refused."""
    return check("name_is_not_empty", "trim(name) <> ''")


def flag(name: str, default: bool, comment: str) -> tuple[sa.Column[bool], sa.CheckConstraint]:
    """A column of yes or no, and what keeps it so where the database knows no booleans."""
    return (
        sa.Column(name, Flag, nullable=False, server_default=sa.true() if default else sa.false(), comment=comment),
        sa.CheckConstraint(f"{name} IN (0, 1)", name=f"{name}_is_true_or_false").ddl_if(dialect="sqlite"),
    )


def clock_check(column: str, name: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    """A time of day, HH:MM."""
    return check_each(
        name,
        sqlite=f"{column} GLOB '[0-2][0-9]:[0-5][0-9]' AND {column} < '24:00'",
        postgresql=f"{column} ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'",
    )


teams = sa.Table(
    "teams",
    metadata,
    its_id(),
    its_name("how the team is called"),
    *flag("sales_tools", True, "whether it has apologies for lost calls at all"),
    *flag("makes_tickets", False, "whether a missed call of a client without an open ticket makes one"),
    sa.Column(
        "tickets_an_hour", sa.Integer, nullable=False, server_default="60", comment="so many it makes at most; 0: none"
    ),
    check("tickets_an_hour_is_0_to_10000", "tickets_an_hour BETWEEN 0 AND 10000"),
    sa.UniqueConstraint("name", name="a_team_of_this_name_exists"),
    not_empty(),
    comment="who the numbers and greetings belong to",
    sqlite_strict=True,
)

greetings = sa.Table(
    "greetings",
    metadata,
    its_id(),
    parent("team_id", "teams", "greetings_need_their_team", "whose own it is; empty for everybody's"),
    its_name("how the greeting is called"),
    sa.Column("sound", sa.Text, nullable=False, comment="path in the sound catalogue: ru/greeting, own/sales"),
    sa.UniqueConstraint("name", name="a_greeting_of_this_name_exists"),
    not_empty(),
    *check_each(
        "sound_is_a_catalogue_path_like_ru_greeting",
        sqlite="sound <> '' AND sound NOT GLOB '*[^A-Za-z0-9_/-]*' AND sound NOT GLOB '/*' "
        "AND sound NOT GLOB '*/' AND sound NOT GLOB '*//*'",
        postgresql="sound ~ '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$'",
    ),
    comment="prompts by their path in the catalogue; never a URL, never a path out of it, no ending",
    sqlite_strict=True,
)

schemes = sa.Table(
    "schemes",
    metadata,
    its_id(),
    its_name("how the scheme is called"),
    sa.Column("time_zone", sa.Text, nullable=False, comment="IANA zone its hours are reckoned in: Europe/Moscow"),
    sa.Column(
        "holidays",
        sa.Text,
        nullable=False,
        server_default="",
        comment="country, or country and region, whose public holidays are closed days: RU, DE-BY; empty: none",
    ),
    sa.Column(
        "outside_calls_a_day",
        sa.Integer,
        comment="so often it rings numbers outside in a day at most; empty: ARI_APP_OUTSIDE_CALLS_A_DAY",
    ),
    *caller_id("what those are shown whom it rings: caller, dialled, or a number; empty: the caller's"),
    sa.UniqueConstraint("name", name="a_scheme_of_this_name_exists"),
    not_empty(),
    check("time_zone_is_not_empty", "trim(time_zone) <> ''"),
    *check_each(
        "holidays_are_of_a_country_or_its_region_like_RU_or_DE_BY",
        sqlite="holidays = '' OR holidays GLOB '[A-Z][A-Z]' OR holidays GLOB '[A-Z][A-Z]-?*'",
        postgresql="holidays ~ '^([A-Z]{2}(-.+)?)?$'",
    ),
    check("outside_calls_a_day_are_1_to_1000000", "outside_calls_a_day BETWEEN 1 AND 1000000"),
    comment="what happens to the calls of the numbers that have it",
    sqlite_strict=True,
)

branches = sa.Table(
    "branches",
    metadata,
    its_id(),
    parent("scheme_id", "schemes", "branches_need_their_scheme", "its scheme", nullable=False, ondelete="CASCADE"),
    _position("branches; the first that covers the moment of the call is taken"),
    its_name("how the branch is called"),
    *flag("out_of_hours", False, "whether its calls count as out of hours, for the messages that they bring"),
    not_empty(),
    check("position_is_1_to_1000", "position BETWEEN 1 AND 1000"),
    sa.Index("branches_of_a_scheme", "scheme_id"),
    comment="hours and the steps that hold in them; a branch without schedule entries always holds",
    sqlite_strict=True,
)

schedule_entries = sa.Table(
    "schedule_entries",
    metadata,
    its_id(),
    parent("branch_id", "branches", "entries_need_their_branch", "its branch", nullable=False, ondelete="CASCADE"),
    sa.Column("first_day", sa.Integer, nullable=False, server_default="1", comment="1 Monday to 7 Sunday, included"),
    sa.Column("last_day", sa.Integer, nullable=False, server_default="7", comment="1 Monday to 7 Sunday, included"),
    sa.Column("opens", sa.Text, nullable=False, server_default="00:00", comment="first minute covered, HH:MM"),
    sa.Column("closes", sa.Text, nullable=False, server_default="23:59", comment="last minute covered, HH:MM"),
    check("days_are_1_monday_to_7_sunday", "first_day BETWEEN 1 AND 7 AND last_day BETWEEN 1 AND 7"),
    check("days_cannot_cross_sunday_write_two_entries", "first_day <= last_day"),
    *clock_check("opens", "opens_is_a_time_from_00_00_to_23_59"),
    *clock_check("closes", "closes_is_a_time_from_00_00_to_23_59"),
    check(
        "hours_cannot_cross_midnight_split_at_23_59_and_00_00",
        "opens <= closes OR length(opens) <> 5 OR length(closes) <> 5",
    ),
    sa.Index("entries_of_a_branch", "branch_id"),
    comment="days and hours of a branch, to the minute, both ends included; a whole day is 00:00 to 23:59",
    sqlite_strict=True,
)

steps = sa.Table(
    "steps",
    metadata,
    its_id(),
    parent("branch_id", "branches", "steps_need_their_branch", "its branch", nullable=False, ondelete="CASCADE"),
    _position("branch's steps"),
    sa.Column("kind", sa.Text, nullable=False, comment="dial, greeting, menu, voicemail or hang_up"),
    sa.Column(
        "strategy",
        sa.Text,
        nullable=False,
        server_default="in_turn",
        comment="how a dial step rings: in_turn, all_at_once, staggered, round_robin, random, weighted or least_recent",
    ),
    parent(
        "greeting_id",
        "greetings",
        "steps_need_their_greeting",
        "what it plays; voicemail without one: the default",
    ),
    sa.Column("label", sa.Text, nullable=False, server_default="", comment="what menus before it call it"),
    sa.Column(
        "retries", sa.Integer, nullable=False, server_default="2", comment="menu: so many times it asks once more"
    ),
    sa.Column(
        "wait_seconds",
        sa.Integer,
        nullable=False,
        server_default="5",
        comment="menu: seconds for a key after the greeting",
    ),
    sa.Column(
        "otherwise",
        sa.Text,
        nullable=False,
        server_default="",
        comment="menu: label of the later step that follows without a choice; empty: the next step",
    ),
    sa.Column(
        "max_seconds", sa.Integer, nullable=False, server_default="180", comment="voicemail: the longest message"
    ),
    sa.Column(
        "silence_seconds", sa.Integer, nullable=False, server_default="5", comment="voicemail: silence that ends one"
    ),
    sa.Column(
        "min_seconds", sa.Integer, nullable=False, server_default="2", comment="voicemail: shorter counts as none"
    ),
    sa.Column(
        "last_adviser_days",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="dial, one after another: who talked with the caller within so many days comes first; 0: nobody does",
    ),
    check("last_adviser_is_of_0_to_92_days", "last_adviser_days BETWEEN 0 AND 92"),
    check(
        "kind_of_step_is_dial_greeting_menu_voicemail_or_hang_up",
        "kind IN ('dial', 'greeting', 'menu', 'voicemail', 'hang_up')",
    ),
    check("strategy_is_a_way_to_ring", f"strategy IN ({', '.join(repr(one.value) for one in RingStrategy)})"),
    check("greeting_step_names_its_greeting", "kind NOT IN ('greeting', 'menu') OR greeting_id IS NOT NULL"),
    check(
        "dial_and_hang_up_steps_play_no_greeting", "kind IN ('greeting', 'menu', 'voicemail') OR greeting_id IS NULL"
    ),
    check("menu_asks_again_0_to_9_times", "retries BETWEEN 0 AND 9"),
    check("menu_waits_1_to_60_seconds", "wait_seconds BETWEEN 1 AND 60"),
    check("message_is_at_most_5_to_3600_seconds", "max_seconds BETWEEN 5 AND 3600"),
    check("silence_is_1_to_60_seconds", "silence_seconds BETWEEN 1 AND 60"),
    check("shortest_message_is_0_to_60_seconds", "min_seconds BETWEEN 0 AND 60"),
    check("shortest_message_is_shorter_than_the_longest", "min_seconds < max_seconds"),
    check("position_is_1_to_1000", "position BETWEEN 1 AND 1000"),
    sa.Index("steps_of_a_branch", "branch_id"),
    comment="what a branch does, in order, until a call is connected",
    sqlite_strict=True,
)

choices = sa.Table(
    "choices",
    metadata,
    its_id(),
    parent("step_id", "steps", "choices_need_their_step", "its menu step", nullable=False, ondelete="CASCADE"),
    sa.Column("key", sa.Text, nullable=False, comment="what the caller presses: 0 to 9, * or #"),
    sa.Column("goal", sa.Text, nullable=False, comment="label of the later step of the branch that it leads to"),
    check("key_is_0_to_9_star_or_hash", "key IN ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#')"),
    check("goal_is_not_empty", "trim(goal) <> ''"),
    sa.UniqueConstraint("step_id", "key", name="the_menu_has_this_key_already"),
    comment="what the keys of a menu step do",
    sqlite_strict=True,
)


def target_checks() -> Iterator[sa.CheckConstraint]:
    """What a target is, by its kind."""
    yield from check_each(
        "number_is_plus_and_digits_like_plus79160000003",
        sqlite="kind <> 'number' OR (target GLOB '+[1-9]*' AND substr(target, 2) NOT GLOB '*[^0-9]*' "
        "AND length(target) BETWEEN 8 AND 16)",
        postgresql=r"kind <> 'number' OR target ~ '^\+[1-9][0-9]{6,14}$'",
    )
    yield from check_each(
        "endpoint_is_a_name_in_small_letters_digits_and_hyphens",
        sqlite="kind <> 'endpoint' OR (target GLOB '[a-z]*' AND target NOT GLOB '*[^a-z0-9_-]*' "
        "AND length(target) <= 40)",
        postgresql="kind <> 'endpoint' OR target ~ '^[a-z][a-z0-9_-]{0,39}$'",
    )


destinations = sa.Table(
    "destinations",
    metadata,
    its_id(),
    parent("step_id", "steps", "destinations_need_their_step", "its step", nullable=False, ondelete="CASCADE"),
    _position("step's destinations"),
    sa.Column("kind", sa.Text, nullable=False, server_default="number", comment="number, endpoint or manager"),
    sa.Column(
        "target",
        sa.Text,
        nullable=False,
        comment="E.164 number; the name of a configured endpoint; a CRM's name, or crm:lead,contact",
    ),
    sa.Column(
        "timeout_seconds", sa.Integer, nullable=False, server_default="20", comment="no answer after so long: the next"
    ),
    sa.Column(
        "delay_seconds",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="in turn: before it rings; staggered: after the step began",
    ),
    sa.Column(
        "weight",
        sa.Integer,
        nullable=False,
        server_default="1",
        comment="weighted: how often it is rung first, beside the weights of the others",
    ),
    *caller_id("what it is shown: caller, dialled, or a number; empty: as the scheme says"),
    check("kind_of_destination_is_number_endpoint_or_manager", "kind IN ('number', 'endpoint', 'manager')"),
    *target_checks(),
    *check_each(
        "manager_is_a_crm_or_crm_and_its_records_like_crm_lead_deal",
        sqlite="kind <> 'manager' OR (target GLOB '[a-z]*' AND target NOT GLOB '*[^a-z0-9_,:-]*' "
        "AND length(target) <= 500)",
        postgresql="kind <> 'manager' OR (target ~ '^[a-z][a-z0-9_-]{0,39}(:[a-z][a-z0-9_,-]*)?$' "
        "AND length(target) <= 500)",
    ),
    check("timeout_is_5_to_600_seconds", "timeout_seconds BETWEEN 5 AND 600"),
    check("delay_is_0_to_600_seconds", "delay_seconds BETWEEN 0 AND 600"),
    sa.Column(
        "confirm_seconds",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="so long who picks up has to press 1, or it counts as no answer; 0: nobody is asked",
    ),
    check("time_to_press_1_is_0_or_5_to_60_seconds", "confirm_seconds = 0 OR confirm_seconds BETWEEN 5 AND 60"),
    check("weight_is_1_to_100", "weight BETWEEN 1 AND 100"),
    check("position_is_1_to_1000", "position BETWEEN 1 AND 1000"),
    sa.Index("destinations_of_a_step", "step_id"),
    comment="who a dial step rings",
    sqlite_strict=True,
)


def e164_check(column: str, name: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    """A number written as E.164."""
    return check_each(
        name,
        sqlite=f"{column} GLOB '+[1-9]*' AND substr({column}, 2) NOT GLOB '*[^0-9]*' "
        f"AND length({column}) BETWEEN 8 AND 16",
        postgresql=rf"{column} ~ '^\+[1-9][0-9]{{6,14}}$'",
    )


numbers = sa.Table(
    "numbers",
    metadata,
    its_id(),
    sa.Column("e164", sa.Text, nullable=False, comment="the number as dialled by callers: +74950000101"),
    its_name("what the number is for", server_default="unnamed"),
    *flag("enabled", True, "false: the configured default"),
    parent(
        "scheme_id",
        "schemes",
        "numbers_need_their_scheme",
        "its scheme; empty: the configured default",
    ),
    parent("team_id", "teams", "numbers_need_their_team", "whose number it is"),
    sa.UniqueConstraint("e164", name="this_number_is_already_listed"),
    not_empty(),
    *e164_check("e164", "number_is_plus_and_digits_like_plus74950000101"),
    sa.Index("numbers_of_a_scheme", "scheme_id"),
    comment="the company's own numbers, each with the scheme its calls go by",
    sqlite_strict=True,
)

configuration_changes = sa.Table(
    "configuration_changes",
    metadata,
    sa.Column("id", sa.Integer, sa.Identity(), primary_key=True, autoincrement=True, comment="grows with every edit"),
    sa.Column("at", UtcTime, nullable=False, server_default=sa.func.current_timestamp(), comment="when (UTC)"),
    sa.Column("table_name", sa.Text, nullable=False, comment="which table was edited"),
    comment="written by triggers, watched by the controller, pruned by it; not for editing",
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

"""The tables of days out of the ordinary: a scheme's exceptional days, and its override for a while."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.storage.columns import UtcTime
from ari_app.storage.schema import check, check_each, clock_check, its_id, its_name, metadata, not_empty, parent


def _date(column: str, comment: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(column, sa.Text, nullable=nullable, comment=comment)


def _date_check(column: str) -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    """Dates are text, so that they are written alike in both databases."""
    return check_each(
        f"{column}_is_a_date_like_2026_12_31",
        sqlite=f"{column} IS NULL OR (length({column}) = 10 AND date({column}) IS {column})",
        postgresql=f"{column} ~ '^[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'",
    )


exceptional_days = sa.Table(
    "exceptional_days",
    metadata,
    its_id(),
    parent("scheme_id", "schemes", "days_need_their_scheme", "its scheme", nullable=False, ondelete="CASCADE"),
    its_name("what the day is", server_default="exceptional day"),
    _date("first_date", "YYYY-MM-DD, by the scheme's time zone"),
    _date("last_date", "the last day of a run, included; empty: first_date alone", nullable=True),
    sa.Column("opens", sa.Text, nullable=False, server_default="00:00", comment="first minute it is about, HH:MM"),
    sa.Column("closes", sa.Text, nullable=False, server_default="23:59", comment="last minute it is about, HH:MM"),
    sa.Column(
        "rule",
        sa.Text,
        nullable=False,
        server_default="closed",
        comment="closed, open, weekday (goes as another weekday) or branch",
    ),
    sa.Column("weekday", sa.Integer, comment="with rule weekday: 1 Monday to 7 Sunday, whose hours it goes by"),
    parent("branch_id", "branches", "days_need_their_branch", "with rule branch: which", ondelete="CASCADE"),
    not_empty(),
    *_date_check("first_date"),
    *_date_check("last_date"),
    check("last_date_is_not_before_first_date", "last_date IS NULL OR first_date <= last_date"),
    *clock_check("opens", "opens_is_a_time_from_00_00_to_23_59"),
    *clock_check("closes", "closes_is_a_time_from_00_00_to_23_59"),
    check(
        "hours_cannot_cross_midnight_split_at_23_59_and_00_00",
        "opens <= closes OR length(opens) <> 5 OR length(closes) <> 5",
    ),
    check("rule_of_a_day_is_closed_open_weekday_or_branch", "rule IN ('closed', 'open', 'weekday', 'branch')"),
    check("weekday_is_given_with_rule_weekday_alone", "(rule = 'weekday') = (weekday IS NOT NULL)"),
    check("weekday_is_1_monday_to_7_sunday", "weekday BETWEEN 1 AND 7"),
    check("branch_is_given_with_rule_branch_alone", "(rule = 'branch') = (branch_id IS NOT NULL)"),
    sa.Index("days_of_a_scheme", "scheme_id"),
    sa.Index("days_of_a_branch", "branch_id"),
    comment="days that do not go as their weekday, before public holidays; of several the first entered counts",
    sqlite_strict=True,
)

overrides = sa.Table(
    "overrides",
    metadata,
    its_id(),
    parent("scheme_id", "schemes", "overrides_need_their_scheme", "its scheme", nullable=False, ondelete="CASCADE"),
    sa.Column("rule", sa.Text, nullable=False, comment="closed, open or branch"),
    parent("branch_id", "branches", "overrides_need_their_branch", "with rule branch: which", ondelete="CASCADE"),
    sa.Column(
        "begins_at", UtcTime, nullable=False, server_default=sa.func.current_timestamp(), comment="from when (UTC)"
    ),
    sa.Column("ends_at", UtcTime, nullable=False, comment="until when (UTC), not included"),
    sa.Column("reason", sa.Text, nullable=False, server_default="", comment="why, for those who read a timeline"),
    sa.UniqueConstraint("scheme_id", name="the_scheme_has_an_override_already"),
    check("rule_of_an_override_is_closed_open_or_branch", "rule IN ('closed', 'open', 'branch')"),
    check("branch_is_given_with_rule_branch_alone", "(rule = 'branch') = (branch_id IS NOT NULL)"),
    *check_each(
        "override_ends_after_it_begins",
        sqlite="julianday(begins_at) IS NOT NULL AND julianday(ends_at) > julianday(begins_at)",
        postgresql="ends_at > begins_at",
    ),
    sa.Index("overrides_of_a_branch", "branch_id"),
    comment="what goes before a scheme's week and days for a while; one a scheme, over by itself at its end",
    sqlite_strict=True,
)

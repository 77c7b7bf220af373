"""Sentences for the constraints on public holidays, exceptional days and overrides."""

from __future__ import annotations

CALENDAR_MENDS = {
    "holidays_are_of_a_country_or_its_region_like_RU_or_DE_BY": "Holidays is a country of two capital letters, or a "
    "country and a region: RU, DE-BY; an empty text for none.",
    "days_need_their_scheme": "An exceptional day belongs to a scheme: that scheme must exist.",
    "days_need_their_branch": "An exceptional day names this branch: it must exist.",
    "first_date_is_a_date_like_2026_12_31": "The first date must be a day of the calendar written as 2026-12-31.",
    "last_date_is_a_date_like_2026_12_31": "The last date must be a day of the calendar written as 2026-12-31, or "
    "empty for one day alone.",
    "last_date_is_not_before_first_date": "The last date must not be before the first; exchange them.",
    "rule_of_a_day_is_closed_open_weekday_or_branch": "An exceptional day's rule is closed, open, weekday or branch.",
    "weekday_is_given_with_rule_weekday_alone": "Give weekday with rule 'weekday', and with no other.",
    "weekday_is_1_monday_to_7_sunday": "Weekday is a number from 1 (Monday) to 7 (Sunday).",
    "branch_is_given_with_rule_branch_alone": "Give branch_id with rule 'branch', and with no other.",
    "overrides_need_their_scheme": "An override belongs to a scheme: that scheme must exist.",
    "overrides_need_their_branch": "An override names this branch: it must exist.",
    "the_scheme_has_an_override_already": "The scheme has an override already, perhaps one that is over; update or "
    "delete its row.",
    "rule_of_an_override_is_closed_open_or_branch": "An override's rule is closed, open or branch.",
    "override_ends_after_it_begins": "An override must end after it begins; moments are UTC, such as "
    "2026-12-31 18:00:00.",
}
"""By the constraint's name."""

"""What a constraint's refusal means and how to mend it, in a sentence; the same for both databases."""

from __future__ import annotations

import re

import sqlalchemy as sa

from ari_app.storage.calendar_refusals import CALENDAR_MENDS
from ari_app.storage.message_refusals import MESSAGE_MENDS, UNIQUE_COLUMNS

MENDS = {
    "a_team_of_this_name_exists": "A team of this name exists; choose another name or use that team.",
    "a_greeting_of_this_name_exists": "A greeting of this name exists; choose another name or use that greeting.",
    "a_scheme_of_this_name_exists": "A scheme of this name exists; choose another name or edit that scheme.",
    "this_number_is_already_listed": "This number is listed already; update its row instead of adding another.",
    "name_is_not_empty": "The name is empty; give one that people will know it by.",
    "outside_calls_a_day_are_1_to_1000000": "The calls outside a day are 1 to 1000000; leave the column empty (NULL) "
    "for what ARI_APP_OUTSIDE_CALLS_A_DAY says.",
    "time_zone_is_not_empty": "The time zone is empty; write an IANA name such as Europe/Moscow.",
    "sound_is_a_catalogue_path_like_ru_greeting": "The sound must be a path in the catalogue, such as ru/greeting or "
    "own/sales: letters, digits, hyphens and slashes, no ending, no URL, no dots.",
    "position_is_1_to_1000": "The position must be 1 to 1000; equal positions keep the order of entry.",
    "days_are_1_monday_to_7_sunday": "Days are numbers from 1 (Monday) to 7 (Sunday).",
    "days_cannot_cross_sunday_write_two_entries": "Days cannot run across Sunday; write two entries, such as 6 to 7 "
    "and 1 to 1.",
    "opens_is_a_time_from_00_00_to_23_59": "Opens must be a time of the form HH:MM, from 00:00 to 23:59.",
    "closes_is_a_time_from_00_00_to_23_59": "Closes must be a time of the form HH:MM, from 00:00 to 23:59.",
    "hours_cannot_cross_midnight_split_at_23_59_and_00_00": "Hours cannot cross midnight; write two entries: from "
    "opens to 23:59, and from 00:00 to closes (18:01-08:59 becomes 18:01-23:59 and 00:00-08:59).",
    "kind_of_step_is_dial_greeting_menu_voicemail_or_hang_up": "A step's kind is dial, greeting, menu, voicemail or "
    "hang_up.",
    "strategy_is_a_way_to_ring": "A ring strategy is in_turn, all_at_once, staggered, round_robin, random, weighted "
    "or least_recent.",
    "greeting_step_names_its_greeting": "A greeting step or a menu needs its greeting_id.",
    "dial_and_hang_up_steps_play_no_greeting": "Only greeting, menu and voicemail steps have a greeting_id; put a "
    "greeting step before this one instead.",
    "menu_asks_again_0_to_9_times": "A menu asks again (retries) 0 to 9 times.",
    "menu_waits_1_to_60_seconds": "A menu waits for a key (wait_seconds) 1 to 60 seconds.",
    "choices_need_their_step": "A choice belongs to a menu step: that step must exist.",
    "key_is_0_to_9_star_or_hash": "A key is one of 0 to 9, * and #.",
    "goal_is_not_empty": "A choice names its goal: the label of a later step of the same branch.",
    "the_menu_has_this_key_already": "The menu has this key already; a key leads to one step.",
    "message_is_at_most_5_to_3600_seconds": "The longest message (max_seconds) must be 5 to 3600 seconds.",
    "silence_is_1_to_60_seconds": "The silence that ends a message must be 1 to 60 seconds.",
    "shortest_message_is_0_to_60_seconds": "The shortest message (min_seconds) must be 0 to 60 seconds.",
    "shortest_message_is_shorter_than_the_longest": "min_seconds must be less than max_seconds.",
    "kind_of_destination_is_number_endpoint_or_manager": "A destination's kind is number, endpoint or manager.",
    "manager_is_a_crm_or_crm_and_its_records_like_crm_lead_deal": "The target of a manager is the CRM's name, or the "
    "name with the records to search in their order, such as crm:lead,contact,deal.",
    "crm_is_a_name_in_small_letters_digits_and_hyphens": "A CRM's name is small letters, digits, hyphens and "
    "underscores, at most 40, beginning with a letter, as in the CRMs' configuration.",
    "manager_is_not_empty": "The manager is empty; write the id that the CRM gives, or the e-mail address.",
    "manager_is_rung_at_a_number_or_endpoint": "A manager is rung at destinations of kind number or endpoint.",
    "the_manager_has_this_destination_already": "The manager has this destination already; update its row instead.",
    "number_is_plus_and_digits_like_plus79160000003": "A destination number is written as E.164, such as +79160000003; "
    "for an endpoint's name set kind to endpoint.",
    "number_is_plus_and_digits_like_plus74950000101": "The number is written as E.164, such as +74950000101.",
    "endpoint_is_a_name_in_small_letters_digits_and_hyphens": "An endpoint's name is small letters, digits, hyphens "
    "and underscores, at most 40, beginning with a letter; it is a name, never a dial string.",
    "timeout_is_5_to_600_seconds": "A destination's timeout must be 5 to 600 seconds.",
    "delay_is_0_to_600_seconds": "A destination's delay must be 0 to 600 seconds.",
    "last_adviser_is_of_0_to_92_days": "The last adviser's days must be 0 (he plays no role) to 92.",
    "this_caller_has_a_rule_already": "There is a rule for this caller and number; update its row.",
    "caller_is_a_number_a_beginning_with_star_or_anonymous": "A caller is a number such as +79161112233, the beginning "
    "of one and a star such as +7916*, or anonymous.",
    "number_of_a_rule_is_empty_or_like_plus74950000101": "A rule's number is one of ours, such as +74950000101, or "
    "empty for all.",
    "action_of_a_rule_is_busy_decline_or_scheme": "A rule's action is busy, decline or scheme.",
    "scheme_is_given_with_action_scheme_alone": "Name a scheme with action 'scheme', and with no other.",
    "branch_is_given_with_a_scheme_alone": "A branch is one of a scheme: name that, too.",
    "caller_id_is_caller_dialled_or_plus_and_digits": "A caller id is caller, dialled, or a number written as E.164, "
    "such as +74950000101.",
    "time_to_press_1_is_0_or_5_to_60_seconds": "The time to press 1 (confirm_seconds) must be 5 to 60 seconds; 0: "
    "nobody is asked.",
    "weight_is_1_to_100": "A destination's weight must be 1 to 100.",
    "enabled_is_true_or_false": "Enabled is true or false.",
    "greetings_need_their_team": "A greeting belongs to a team: that team must exist, and cannot be removed first.",
    "branches_need_their_scheme": "A branch belongs to a scheme: that scheme must exist.",
    "entries_need_their_branch": "A schedule entry belongs to a branch: that branch must exist.",
    "steps_need_their_branch": "A step belongs to a branch: that branch must exist.",
    "steps_need_their_greeting": "A step plays this greeting: it must exist, and cannot be removed before the step has "
    "another one.",
    "destinations_need_their_step": "A destination belongs to a step: that step must exist.",
    "numbers_need_their_scheme": "A number goes by this scheme: it must exist, and cannot be removed before its "
    "numbers have another one.",
    "numbers_need_their_team": "A number belongs to this team: it must exist, and cannot be removed before its numbers "
    "have another one.",
    **CALENDAR_MENDS,
    "call_is_in_the_journal": "Legs, events and messages belong to a call that must be in the journal.",
    "disposition_is_known": "A disposition is answered, message_left or lost.",
    "ended_calls_have_a_disposition": "A call has both a disposition and an end, or neither while it lasts.",
    "decided_is_true_or_false": "Decided is true or false.",
    "message_has_a_length": "A message's length cannot be negative.",
    **MESSAGE_MENDS,
}
"""A sentence for every constraint of the schema, by its name."""

# SQLite names the columns of a unique constraint and not the constraint.
_UNIQUE_COLUMNS = {
    "teams.name": "a_team_of_this_name_exists",
    "greetings.name": "a_greeting_of_this_name_exists",
    "schemes.name": "a_scheme_of_this_name_exists",
    "numbers.e164": "this_number_is_already_listed",
    "choices.step_id": "the_menu_has_this_key_already",
    "caller_rules.caller": "this_caller_has_a_rule_already",
    "manager_destinations.crm": "the_manager_has_this_destination_already",
    "overrides.scheme_id": "the_scheme_has_an_override_already",
    **UNIQUE_COLUMNS,
}
_SQLITE = re.compile(r"(?:CHECK|UNIQUE) constraint failed: (?P<named>[\w.]+)")
_NOT_NULL = re.compile(r"NOT NULL constraint failed: (?P<column>[\w.]+)")


def constraint_name(error: sa.exc.DBAPIError) -> str | None:
    """The name of the constraint that refused, or None when the database does not say."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        name = diagnosis.constraint_name
        return str(name) if name else None
    text = str(error.orig)
    match = _SQLITE.search(text)
    if match:
        return _UNIQUE_COLUMNS.get(match["named"], match["named"])
    return text if text in MENDS else None


def explain_integrity_error(error: sa.exc.DBAPIError) -> str:
    """What the refusal means and how to mend it; the database's own words when it is none of the schema's."""
    name = constraint_name(error)
    if name in MENDS:
        return MENDS[name]
    column = _missing_column(error)
    if column:
        return f"{column} must be given; it cannot be empty."
    return " ".join(str(error.orig).split())


def _missing_column(error: sa.exc.DBAPIError) -> str | None:
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is None:
        match = _NOT_NULL.search(str(error.orig))
        return match["column"] if match else None
    if diagnosis.sqlstate == "23502":  # not_null_violation
        return f"{diagnosis.table_name}.{diagnosis.column_name}"
    return None

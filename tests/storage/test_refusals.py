"""Nonsense is refused by SQL itself, under a name that is the message, from any shell."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from ari_app.storage.database import open_database
from ari_app.storage.message_refusals import MESSAGE_MENDS
from ari_app.storage.refusals import MENDS, constraint_name, explain_integrity_error
from ari_app.storage.tables import metadata
from tests.storage.admin import OFFICE, REFUSED, shell, type_in

NONSENSE = [
    ("INSERT INTO schemes (name, time_zone) VALUES ('Office', 'UTC')", "a_scheme_of_this_name_exists"),
    ("INSERT INTO schemes (name, time_zone) VALUES (' ', 'UTC')", "name_is_not_empty"),
    ("UPDATE schemes SET time_zone = ''", "time_zone_is_not_empty"),
    ("UPDATE schemes SET outside_calls_a_day = 0", "outside_calls_a_day_are_1_to_1000000"),
    ("UPDATE schemes SET outside_calls_a_day = 1000001", "outside_calls_a_day_are_1_to_1000000"),
    ("DELETE FROM schemes", "numbers_need_their_scheme"),
    ("INSERT INTO branches (scheme_id, name) VALUES (99, 'Nowhere')", "branches_need_their_scheme"),
    ("UPDATE branches SET position = 0", "position_is_1_to_1000"),
    (
        "UPDATE schedule_entries SET opens = '18:01', closes = '08:59'",
        "hours_cannot_cross_midnight_split_at_23_59_and_00_00",
    ),
    ("UPDATE schedule_entries SET opens = '9:00'", "opens_is_a_time_from_00_00_to_23_59"),
    ("UPDATE schedule_entries SET closes = '24:00'", "closes_is_a_time_from_00_00_to_23_59"),
    ("UPDATE schedule_entries SET closes = '23:60'", "closes_is_a_time_from_00_00_to_23_59"),
    ("UPDATE schedule_entries SET last_day = 8", "days_are_1_monday_to_7_sunday"),
    ("UPDATE schedule_entries SET first_day = 6, last_day = 1", "days_cannot_cross_sunday_write_two_entries"),
    ("INSERT INTO schedule_entries (branch_id) VALUES (99)", "entries_need_their_branch"),
    ("INSERT INTO steps (branch_id, kind) VALUES (99, 'dial')", "steps_need_their_branch"),
    ("UPDATE steps SET kind = 'transfer'", "kind_of_step_is_dial_greeting_menu_voicemail_or_hang_up"),
    ("UPDATE destinations SET confirm_seconds = 4", "time_to_press_1_is_0_or_5_to_60_seconds"),
    ("UPDATE steps SET last_adviser_days = 93", "last_adviser_is_of_0_to_92_days"),
    ("UPDATE destinations SET weight = 0", "weight_is_1_to_100"),
    ("UPDATE destinations SET caller_id = '8495'", "caller_id_is_caller_dialled_or_plus_and_digits"),
    ("UPDATE schemes SET caller_id = 'withheld'", "caller_id_is_caller_dialled_or_plus_and_digits"),
    ("UPDATE steps SET strategy = 'loudest'", "strategy_is_a_way_to_ring"),
    ("UPDATE steps SET kind = 'greeting'", "greeting_step_names_its_greeting"),
    ("UPDATE steps SET greeting_id = 99 WHERE kind = 'voicemail'", "steps_need_their_greeting"),
    ("UPDATE steps SET kind = 'menu'", "greeting_step_names_its_greeting"),
    ("UPDATE steps SET retries = 10", "menu_asks_again_0_to_9_times"),
    ("UPDATE steps SET wait_seconds = 0", "menu_waits_1_to_60_seconds"),
    ("INSERT INTO choices (step_id, key, goal) VALUES (99, '1', 'sales')", "choices_need_their_step"),
    ("INSERT INTO choices (step_id, key, goal) SELECT id, '10', 'sales' FROM steps", "key_is_0_to_9_star_or_hash"),
    ("INSERT INTO choices (step_id, key, goal) SELECT id, '1', ' ' FROM steps", "goal_is_not_empty"),
    (
        "INSERT INTO choices (step_id, key, goal) SELECT s.id, '1', t.goal FROM steps s, "
        "(SELECT 'a' AS goal UNION ALL SELECT 'b') t",
        "the_menu_has_this_key_already",
    ),
    ("UPDATE steps SET max_seconds = -1", "message_is_at_most_5_to_3600_seconds"),
    ("UPDATE steps SET silence_seconds = 0", "silence_is_1_to_60_seconds"),
    ("UPDATE steps SET min_seconds = 61", "shortest_message_is_0_to_60_seconds"),
    ("UPDATE steps SET max_seconds = 10, min_seconds = 10", "shortest_message_is_shorter_than_the_longest"),
    ("UPDATE destinations SET timeout_seconds = -1", "timeout_is_5_to_600_seconds"),
    ("UPDATE destinations SET delay_seconds = 601", "delay_is_0_to_600_seconds"),
    ("UPDATE destinations SET kind = 'sip'", "kind_of_destination_is_number_endpoint_or_manager"),
    (
        "UPDATE destinations SET kind = 'manager', target = '+79160000003'",
        "manager_is_a_crm_or_crm_and_its_records_like_crm_lead_deal",
    ),
    (
        "UPDATE destinations SET kind = 'manager', target = 'crm: Lead'",
        "manager_is_a_crm_or_crm_and_its_records_like_crm_lead_deal",
    ),
    (
        "INSERT INTO manager_destinations (crm, manager, target) VALUES ('My CRM', '7', '+79160000003')",
        "crm_is_a_name_in_small_letters_digits_and_hyphens",
    ),
    (
        "INSERT INTO manager_destinations (crm, manager, target) VALUES ('crm', ' ', '+79160000003')",
        "manager_is_not_empty",
    ),
    (
        "INSERT INTO manager_destinations (crm, manager, kind, target) VALUES ('crm', '7', 'manager', 'crm')",
        "manager_is_rung_at_a_number_or_endpoint",
    ),
    (
        "INSERT INTO manager_destinations (crm, manager, target) VALUES ('crm', '7', '100')",
        "number_is_plus_and_digits_like_plus79160000003",
    ),
    (
        "INSERT INTO manager_destinations (crm, manager, kind, target) VALUES ('crm', '7', 'endpoint', 'A B')",
        "endpoint_is_a_name_in_small_letters_digits_and_hyphens",
    ),
    (
        "INSERT INTO manager_destinations (crm, manager, target, timeout_seconds) VALUES ('a', '7', '+79160000003', 4)",
        "timeout_is_5_to_600_seconds",
    ),
    (
        "INSERT INTO manager_destinations (crm, manager, target) VALUES ('crm', '7', '+79160000003'), "
        "('crm', '7', '+79160000003')",
        "the_manager_has_this_destination_already",
    ),
    ("UPDATE destinations SET target = '89160000003'", "number_is_plus_and_digits_like_plus79160000003"),
    ("UPDATE destinations SET target = '+791600'", "number_is_plus_and_digits_like_plus79160000003"),
    ("UPDATE destinations SET target = '+7916&PJSIP/x'", "number_is_plus_and_digits_like_plus79160000003"),
    (
        "UPDATE destinations SET kind = 'endpoint', target = 'PJSIP/x'",
        "endpoint_is_a_name_in_small_letters_digits_and_hyphens",
    ),
    ("INSERT INTO destinations (step_id, target) VALUES (99, '+79160000003')", "destinations_need_their_step"),
    ("INSERT INTO numbers (e164) VALUES ('+74950000101')", "this_number_is_already_listed"),
    ("INSERT INTO numbers (e164) VALUES ('+749500')", "number_is_plus_and_digits_like_plus74950000101"),
    ("INSERT INTO numbers (e164) VALUES ('4950000102')", "number_is_plus_and_digits_like_plus74950000101"),
    ("UPDATE numbers SET scheme_id = 99", "numbers_need_their_scheme"),
    ("UPDATE numbers SET team_id = 99", "numbers_need_their_team"),
    (
        "INSERT INTO greetings (name, sound) VALUES ('x', 'http://evil/x')",
        "sound_is_a_catalogue_path_like_ru_greeting",
    ),
    ("INSERT INTO greetings (name, sound) VALUES ('x', '../x')", "sound_is_a_catalogue_path_like_ru_greeting"),
    ("INSERT INTO greetings (name, sound) VALUES ('x', '/etc/x')", "sound_is_a_catalogue_path_like_ru_greeting"),
    ("INSERT INTO greetings (name, sound, team_id) VALUES ('x', 'ru/x', 99)", "greetings_need_their_team"),
]

AT = "2026-03-02 09:30:00.000000"
SOMETHING_SENT = (
    *OFFICE,
    "INSERT INTO teams (name) VALUES ('Sales')",
    "INSERT INTO apology_rules (name, text) VALUES ('Sorry', 'Sorry!')",
    "INSERT INTO apology_rule_numbers (rule_id, e164) SELECT id, '+74950000101' FROM apology_rules",
    "INSERT INTO message_types (team_id, kind, text) SELECT id, 'missed', 'Sorry!' FROM teams",
    "INSERT INTO team_contacts (team_id, channel, address) SELECT id, 'sms', '+79160000003' FROM teams",
    "INSERT INTO opt_outs (client, channel) VALUES ('+79160000001', 'sms')",
    "INSERT INTO users (name, token_hash) VALUES ('anna', 'abc')",
    "INSERT INTO roles (name) VALUES ('editor')",
    "INSERT INTO grants (user_id, subject, \"right\") SELECT id, 'rules', 'view' FROM users",
    "INSERT INTO grants (role_id, subject, \"right\") SELECT id, 'rules', 'view' FROM roles",
    "INSERT INTO user_roles (user_id, role_id) SELECT u.id, r.id FROM users u CROSS JOIN roles r",
    "INSERT INTO clients (client) VALUES ('+79160000001')",
    f"INSERT INTO calls (id, arrived_at, caller_raw, dialled_raw) VALUES ('c', '{AT}', 'x', 'x')",
    "INSERT INTO messages (key, ref, created_at, kind, channel, audience, recipient, text, due_at, expires_at) "
    f"VALUES ('k', 'r', '{AT}', 'missed', 'sms', 'client', '+79160000001', 'Sorry!', '{AT}', '{AT}')",
    "INSERT INTO tickets (team_id, client, external_id) SELECT id, '+79160000001', 'T1' FROM teams",
    f"INSERT INTO ticket_entries (ticket_id, at, text, call_id) SELECT id, '{AT}', 'called', 'c' FROM tickets",
)
"""The office with a row of everything that messages take."""

_MESSAGE = "INSERT INTO messages (key, ref, created_at, kind, channel, audience, recipient, text, due_at, expires_at) "
MESSAGE_NONSENSE = [
    ("UPDATE teams SET tickets_an_hour = -1", "tickets_an_hour_is_0_to_10000"),
    ("UPDATE calls SET direction = 'sideways'", "direction_is_inbound_or_outbound"),
    ("UPDATE apology_rules SET name = ''", "name_is_not_empty"),
    ("UPDATE apology_rules SET text = ' '", "text_of_the_rule_is_not_empty"),
    ("UPDATE apology_rules SET team_id = 99", "apology_rules_need_their_team"),
    ("UPDATE apology_rules SET delay_seconds = -1", "delay_of_the_rule_is_0_to_86400_seconds"),
    ("UPDATE apology_rules SET delay_seconds = 86401", "delay_of_the_rule_is_0_to_86400_seconds"),
    ("UPDATE apology_rules SET once_in_hours = 8761", "once_in_hours_is_0_to_8760"),
    ("INSERT INTO apology_rules (name, text) VALUES ('Sorry', 'x')", "an_apology_rule_of_this_name_exists"),
    ("INSERT INTO apology_rule_numbers (rule_id, e164) VALUES (99, '+74950000102')", "rule_numbers_need_their_rule"),
    (
        "INSERT INTO apology_rule_numbers (rule_id, e164) SELECT id, '+74950000101' FROM apology_rules",
        "the_rule_has_this_number_already",
    ),
    ("UPDATE apology_rule_numbers SET e164 = '84950000101'", "dialled_number_is_plus_and_digits_like_plus74950000101"),
    ("INSERT INTO message_types (team_id, kind, text) VALUES (99, 'missed', 'x')", "message_types_need_their_team"),
    (
        "INSERT INTO message_types (team_id, kind, text) SELECT id, 'missed', 'x' FROM teams",
        "the_team_has_this_message_type_already",
    ),
    ("UPDATE message_types SET kind = 'apology'", "kind_of_message_is_known"),
    ("UPDATE message_types SET audience = 'system'", "audience_is_client_staff_or_admin"),
    ("UPDATE message_types SET channel = 'pigeon'", "channel_of_a_type_is_sms_email_or_push"),
    ("UPDATE message_types SET text = ''", "text_of_the_type_is_not_empty"),
    ("UPDATE message_types SET offset_minutes = -43201", "offset_is_within_30_days"),
    ("UPDATE message_types SET once_in_hours = -1", "once_in_hours_is_0_to_8760"),
    ("INSERT INTO team_contacts (team_id, channel, address) VALUES (99, 'sms', 'x')", "contacts_need_their_team"),
    (
        "INSERT INTO team_contacts (team_id, channel, address) SELECT id, 'sms', '+79160000003' FROM teams",
        "the_team_has_this_contact_already",
    ),
    ("UPDATE team_contacts SET audience = 'client'", "audience_of_a_contact_is_staff_or_admin"),
    ("UPDATE team_contacts SET channel = 'ticket'", "channel_of_a_contact_is_sms_email_push_or_webhook"),
    ("UPDATE team_contacts SET address = ' '", "address_is_not_empty"),
    (
        "INSERT INTO opt_outs (client, channel) VALUES ('+79160000001', 'sms')",
        "the_client_has_refused_this_already",
    ),
    ("UPDATE opt_outs SET client = '89160000001'", "client_is_plus_and_digits_like_plus79160000003"),
    ("UPDATE opt_outs SET channel = 'fax'", "channel_refused_is_known"),
    ("UPDATE opt_outs SET kind = 'song'", "kind_refused_is_known"),
    ("INSERT INTO users (name) VALUES ('anna')", "a_user_of_this_name_exists"),
    ("INSERT INTO users (name, token_hash) VALUES ('boris', 'abc')", "this_token_is_another_users"),
    ("INSERT INTO roles (name) VALUES ('editor')", "a_role_of_this_name_exists"),
    ("INSERT INTO grants (user_id, subject, \"right\") VALUES (99, 'rules', 'view')", "grants_need_their_user"),
    ("INSERT INTO grants (role_id, subject, \"right\") VALUES (99, 'rules', 'view')", "grants_need_their_role"),
    ("INSERT INTO grants (subject, \"right\") VALUES ('rules', 'view')", "grant_is_a_users_or_a_roles"),
    (
        'INSERT INTO grants (user_id, role_id, subject, "right") '
        "SELECT u.id, r.id, 'rules', 'edit' FROM users u CROSS JOIN roles r",
        "grant_is_a_users_or_a_roles",
    ),
    ("UPDATE grants SET \"right\" = 'sing'", "right_is_view_create_edit_or_delete"),
    (
        "INSERT INTO grants (user_id, subject, \"right\") SELECT id, 'rules', 'view' FROM users",
        "the_user_has_this_right_already",
    ),
    (
        "INSERT INTO grants (role_id, subject, \"right\") SELECT id, 'rules', 'view' FROM roles",
        "the_role_has_this_right_already",
    ),
    ("INSERT INTO user_roles (user_id, role_id) SELECT 99, id FROM roles", "roles_are_given_to_a_user"),
    ("INSERT INTO user_roles (user_id, role_id) SELECT id, 99 FROM users", "users_are_given_a_role"),
    (
        "INSERT INTO user_roles (user_id, role_id) SELECT u.id, r.id FROM users u CROSS JOIN roles r",
        "the_user_has_this_role_already",
    ),
    (
        "INSERT INTO clients (client) VALUES ('9160000001')",
        "number_of_a_client_is_plus_and_digits_like_plus79160000003",
    ),
    ("UPDATE clients SET email = 'anna'", "email_is_an_address_like_anna_at_example_com"),
    (
        f"{_MESSAGE} VALUES ('k', 'r2', '{AT}', 'missed', 'sms', 'client', 'x', 'x', '{AT}', '{AT}')",
        "this_message_was_asked_for_already",
    ),
    (
        f"{_MESSAGE} VALUES ('k2', 'r', '{AT}', 'missed', 'sms', 'client', 'x', 'x', '{AT}', '{AT}')",
        "this_ref_is_another_messages",
    ),
    ("UPDATE messages SET state = 'lost'", "state_of_a_message_is_known"),
    ("UPDATE messages SET kind = 'song'", "kind_of_a_message_is_known"),
    ("UPDATE messages SET channel = 'fax'", "channel_of_a_message_is_known"),
    ("UPDATE messages SET audience = 'public'", "audience_of_a_message_is_known"),
    ("UPDATE tickets SET kind = 'song'", "kind_of_ticket_is_missed_call_or_given"),
    ("UPDATE tickets SET state = 'lost'", "state_of_a_ticket_is_open_or_closed"),
    (
        "INSERT INTO tickets (team_id, client, external_id) SELECT id, '+79160000002', 'T1' FROM teams",
        "a_ticket_of_this_id_exists",
    ),
    (
        f"INSERT INTO ticket_entries (ticket_id, at, text, call_id) SELECT id, '{AT}', 'x', 'c' FROM tickets",
        "the_call_is_on_a_ticket_already",
    ),
]
# SQLite names no foreign key that it refuses by, and has triggers for those of the configuration alone.
POSTGRESQL_NONSENSE = [
    ("UPDATE messages SET call_id = 'none'", "call_of_a_message_is_in_the_journal"),
    (f"INSERT INTO message_events (message_id, at, state) VALUES (99, '{AT}', 'sent')", "events_need_their_message"),
    ("UPDATE tickets SET team_id = 99", "tickets_need_their_team"),
    ("UPDATE ticket_entries SET ticket_id = 99", "entries_need_their_ticket"),
    ("UPDATE ticket_entries SET call_id = 'none'", "call_of_an_entry_is_in_the_journal"),
]
# PostgreSQL's booleans take nothing else anyway.
SQLITE_NONSENSE = [
    (f"UPDATE {table} SET {column} = 7", f"{column}_is_true_or_false")
    for table, column in (
        ("teams", "sales_tools"),
        ("teams", "makes_tickets"),
        ("branches", "out_of_hours"),
        ("apology_rules", "enabled"),
        ("message_types", "with_company"),
        ("message_types", "with_team"),
        ("opt_outs", "bulk_only"),
        ("messages", "withdraw_if_reached"),
        ("messages", "needs_ticket"),
        ("messages", "forced"),
        ("messages", "bulk"),
    )
]


def case_ids(cases: list[tuple[str, str]]) -> list[str]:
    """What the report calls them."""
    return [f"{name}-{sql[:30]}" for sql, name in cases]


def refuse(url: str, nonsense: str, name: str) -> None:
    """Type nonsense into a plain shell and into ours: refused by this name, explained by its sentence."""
    type_in(url, *SOMETHING_SENT)
    place = open_database(url)
    with shell(url) as admin, pytest.raises(REFUSED) as refusal:
        admin.execute(nonsense)
    assert name in str(refusal.value) or "UNIQUE constraint failed" in str(refusal.value)
    with place.connect() as connection, pytest.raises(sa.exc.IntegrityError) as ours:
        connection.execute(sa.text(nonsense.replace(":", r"\:")))
    assert constraint_name(ours.value) == name
    assert explain_integrity_error(ours.value) == MENDS[name]
    place.dispose()


@pytest.mark.fault("21")
@pytest.mark.parametrize(("nonsense", "name"), MESSAGE_NONSENSE, ids=case_ids(MESSAGE_NONSENSE))
def test_nonsense_about_messages_is_refused_with_its_mend(url: str, nonsense: str, name: str) -> None:
    refuse(url, nonsense, name)


@pytest.mark.fault("21")
@pytest.mark.parametrize(("nonsense", "name"), POSTGRESQL_NONSENSE, ids=case_ids(POSTGRESQL_NONSENSE))
def test_a_message_of_nothing_is_refused_by_postgresql(postgresql_url: str, nonsense: str, name: str) -> None:
    refuse(postgresql_url, nonsense, name)


@pytest.mark.fault("21")
@pytest.mark.parametrize(("nonsense", "name"), SQLITE_NONSENSE, ids=case_ids(SQLITE_NONSENSE))
def test_a_flag_is_one_or_nought_for_sqlite(sqlite_url: str, nonsense: str, name: str) -> None:
    refuse(sqlite_url, nonsense, name)


def test_no_refusal_of_the_message_tables_is_without_its_case() -> None:
    shown = {name for _sql, name in (*MESSAGE_NONSENSE, *POSTGRESQL_NONSENSE, *SQLITE_NONSENSE)}
    assert set(MESSAGE_MENDS) <= shown


@pytest.mark.fault("21")
@pytest.mark.parametrize(("nonsense", "name"), NONSENSE, ids=[f"{name}-{sql[:30]}" for sql, name in NONSENSE])
def test_nonsense_is_refused_by_a_name_that_says_why(url: str, nonsense: str, name: str) -> None:
    type_in(url, *OFFICE)
    with shell(url) as admin, pytest.raises(REFUSED) as refusal:
        admin.execute(nonsense)
    assert name in str(refusal.value) or "UNIQUE constraint failed" in str(refusal.value)


@pytest.mark.promise("RNG-04")
@pytest.mark.parametrize(("nonsense", "name"), NONSENSE, ids=[f"{name}-{sql[:30]}" for sql, name in NONSENSE])
def test_each_refusal_is_explained_with_its_mend(url: str, engine: sa.Engine, nonsense: str, name: str) -> None:
    type_in(url, *OFFICE)
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError) as refusal:
        connection.execute(sa.text(nonsense.replace(":", r"\:")))
    assert constraint_name(refusal.value) == name
    assert explain_integrity_error(refusal.value) == MENDS[name]


def test_an_empty_column_is_explained(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError) as refusal:
        connection.execute(sa.text("INSERT INTO schemes (name) VALUES ('Office')"))
    assert explain_integrity_error(refusal.value) == "schemes.time_zone must be given; it cannot be empty."


def test_every_constraint_has_its_sentence() -> None:
    named = {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if not isinstance(constraint, sa.PrimaryKeyConstraint)
    }
    assert named == set(MENDS)


@pytest.mark.promise("RNG-04", "RNG-05")
def test_the_split_that_is_proposed_is_accepted(url: str) -> None:
    type_in(
        url,
        *OFFICE,
        "UPDATE schedule_entries SET opens = '18:01', closes = '23:59'",
        "INSERT INTO schedule_entries (branch_id, opens, closes) SELECT min(id), '00:00', '08:59' FROM branches",
        "INSERT INTO schedule_entries (branch_id) SELECT min(id) FROM branches",
    )
    with shell(url) as admin:
        found = admin.execute("SELECT opens, closes FROM schedule_entries ORDER BY id").fetchall()
    assert [tuple(row) for row in found] == [("18:01", "23:59"), ("00:00", "08:59"), ("00:00", "23:59")]


def test_removing_a_scheme_takes_all_that_is_its_own_along(url: str) -> None:
    type_in(url, *OFFICE, "UPDATE numbers SET scheme_id = NULL", "DELETE FROM schemes")
    with shell(url) as admin:
        for table in ("branches", "schedule_entries", "steps", "destinations"):
            assert admin.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0, table


def test_text_cannot_stand_where_a_number_must(url: str) -> None:
    type_in(url, *OFFICE)
    with shell(url) as admin, pytest.raises(Exception, match=r"cannot store TEXT|invalid input syntax"):
        admin.execute("UPDATE destinations SET timeout_seconds = 'soon'")

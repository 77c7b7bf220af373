"""Nonsense is refused by SQL itself, under a name that is the message, from any shell."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from ari_app.storage.refusals import MENDS, constraint_name, explain_integrity_error
from ari_app.storage.tables import metadata
from tests.storage.admin import OFFICE, REFUSED, shell, type_in

NONSENSE = [
    ("INSERT INTO schemes (name, time_zone) VALUES ('Office', 'UTC')", "a_scheme_of_this_name_exists"),
    ("INSERT INTO schemes (name, time_zone) VALUES (' ', 'UTC')", "name_is_not_empty"),
    ("UPDATE schemes SET time_zone = ''", "time_zone_is_not_empty"),
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
    ("UPDATE steps SET kind = 'transfer'", "kind_of_step_is_dial_greeting_voicemail_or_hang_up"),
    ("UPDATE steps SET strategy = 'loudest'", "strategy_is_in_turn_all_at_once_or_staggered"),
    ("UPDATE steps SET kind = 'greeting'", "greeting_step_names_its_greeting"),
    ("UPDATE steps SET greeting_id = 99 WHERE kind = 'voicemail'", "steps_need_their_greeting"),
    ("UPDATE steps SET max_seconds = -1", "message_is_at_most_5_to_3600_seconds"),
    ("UPDATE steps SET silence_seconds = 0", "silence_is_1_to_60_seconds"),
    ("UPDATE steps SET min_seconds = 61", "shortest_message_is_0_to_60_seconds"),
    ("UPDATE steps SET max_seconds = 10, min_seconds = 10", "shortest_message_is_shorter_than_the_longest"),
    ("UPDATE destinations SET timeout_seconds = -1", "timeout_is_5_to_600_seconds"),
    ("UPDATE destinations SET delay_seconds = 601", "delay_is_0_to_600_seconds"),
    ("UPDATE destinations SET kind = 'sip'", "kind_of_destination_is_number_or_endpoint"),
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

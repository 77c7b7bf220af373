"""Rules, types and contacts that an admin types in are what calls go by; nonsense keeps its last good version."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from ari_app.core.message_book import ApologyRule
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting
from ari_app.storage.book import Reading, load_book
from ari_app.storage.database import snapshot
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.message_schema import apology_rules, message_types, team_contacts
from tests.storage.admin import OFFICE, type_in
from tests.storage.test_keeper import Readings

UNIVERSAL = Greeting("universal", "ari-app/en/greeting")
SALES = (
    "INSERT INTO teams (name) VALUES ('Sales')",
    "UPDATE numbers SET team_id = (SELECT id FROM teams WHERE name = 'Sales')",
)
RULE = (
    "INSERT INTO apology_rules (name, text) VALUES ('Sorry', 'We missed you, {caller}')",
    "INSERT INTO apology_rule_numbers (rule_id, e164) SELECT id, '+74950000101' FROM apology_rules",
)


def load(engine: sa.Engine, previous: Reading | None = None) -> Reading:
    with snapshot(engine).begin() as connection:
        return load_book(connection, DialPolicy(), UNIVERSAL, previous)


def rule(reading: Reading) -> ApologyRule:
    (found,) = reading.messages.rules
    return found


def said(reading: Reading) -> list[str]:
    return list(map(str, reading.problems))


@pytest.mark.promise("UIS-04", "POL-01")
def test_the_shortest_inserts_make_a_rule_a_type_and_a_contact(url: str, engine: sa.Engine) -> None:
    type_in(
        url,
        *OFFICE,
        *SALES,
        *RULE,
        "INSERT INTO message_types (team_id, kind, text) SELECT id, 'missed', 'We missed you' FROM teams",
        "INSERT INTO team_contacts (team_id, channel, address) SELECT id, 'email', 'sales@example.com' FROM teams",
    )
    reading = load(engine)
    assert reading.problems == ()
    found = rule(reading)
    assert (found.name, found.numbers, found.enabled) == ("Sorry", frozenset(("+74950000101",)), True)
    assert (found.delay_seconds, found.once_in_hours, found.team) == (60, 24, None)
    team = reading.messages.team_of("+74950000101")
    assert team is not None
    (kind,), (contact,) = team.types, team.contacts
    assert (kind.kind, kind.audience, kind.channel, kind.enabled) == (
        MessageKind.MISSED,
        Audience.CLIENT,
        Channel.SMS,
        True,
    )
    assert (contact.audience, contact.channel, contact.address) == (Audience.STAFF, Channel.EMAIL, "sales@example.com")
    assert (team.sales_tools, team.makes_tickets, team.tickets_an_hour) == (True, False, 60)
    own = reading.messages.numbers["+74950000101"]
    assert str(own.zone) == "Europe/Moscow"


def test_rules_stand_in_the_order_of_their_names(url: str, engine: sa.Engine) -> None:
    names = ("б", "B", "a", "Ä", "A")
    for name in names:
        type_in(
            url,
            f"INSERT INTO apology_rules (name, text) VALUES ('{name}', 'Sorry')",
            f"INSERT INTO apology_rule_numbers (rule_id, e164) SELECT id, '+74950000101' FROM apology_rules "
            f"WHERE name = '{name}'",
        )
    assert [each.name for each in load(engine).messages.rules] == sorted(names)


@pytest.mark.promise("UIS-07")
def test_what_makes_no_sense_is_named_and_the_last_good_rule_stays(url: str, engine: sa.Engine) -> None:
    type_in(url, *OFFICE, *RULE)
    good = load(engine)
    type_in(url, "UPDATE apology_rules SET text = 'Sorry, {caler}', delay_seconds = 5")
    broken = load(engine, good)
    assert rule(broken) == rule(good)
    assert any(
        line.startswith("apology rule 'Sorry': its text cannot be sent:") and "{caller}" in line
        for line in said(broken)
    )
    type_in(url, "UPDATE apology_rules SET text = 'Sorry, {caller}'")
    mended = load(engine, broken)
    assert (rule(mended).text, rule(mended).delay_seconds) == ("Sorry, {caller}", 5)
    assert mended.problems == ()


@pytest.mark.parametrize(
    ("nonsense", "complaint"),
    [
        ("DELETE FROM apology_rule_numbers", "it has no dialled number"),
        ("UPDATE apology_rules SET text = '" + "x" * 1600 + "'", "takes 11 SMS"),
    ],
)
def test_other_nonsense_is_refused_too(url: str, engine: sa.Engine, nonsense: str, complaint: str) -> None:
    type_in(url, *OFFICE, *RULE)
    good = load(engine)
    type_in(url, nonsense)
    broken = load(engine, good)
    assert rule(broken) == rule(good)
    assert complaint in "\n".join(said(broken))
    assert load(engine).messages.rules == (), "with no last good version there is no rule"


@pytest.mark.promise("UIS-06")
def test_a_rule_is_switched_off_whatever_else_is_wrong_with_it(url: str, engine: sa.Engine) -> None:
    type_in(url, *OFFICE, *RULE)
    good = load(engine)
    type_in(url, f"UPDATE apology_rules SET text = '{{nonsense}}', enabled = {_false(url)}")
    switched = load(engine, good)
    assert not rule(switched).enabled
    assert rule(switched).text == rule(good).text


def _false(url: str) -> str:
    return "0" if url.startswith("sqlite") else "FALSE"


def test_a_type_that_makes_no_sense_keeps_its_last_good_version(url: str, engine: sa.Engine) -> None:
    type_in(
        url,
        *SALES,
        "INSERT INTO message_types (team_id, kind, text) SELECT id, 'missed', 'Good' FROM teams",
        "INSERT INTO team_contacts (team_id, channel, address) SELECT id, 'sms', '+79160000003' FROM teams",
    )
    good = load(engine)
    type_in(
        url,
        "UPDATE message_types SET text = '{nonsense}'",
        "UPDATE team_contacts SET address = 'nobody', channel = 'email'",
    )
    broken = load(engine, good)
    team = broken.messages.teams["Sales"]
    assert [kind.text for kind in team.types] == ["Good"]
    assert [contact.address for contact in team.contacts] == ["+79160000003"]
    assert len(said(broken)) == 2
    assert said(broken)[0].startswith("team 'Sales', message missed to the client by sms: ")


def test_a_doubtful_rule_is_in_force_and_told(url: str, engine: sa.Engine) -> None:
    type_in(url, *RULE)
    reading = load(engine)
    assert rule(reading).name == "Sorry"
    assert said(reading) == [
        "apology rule 'Sorry': +74950000101 is not in the table of numbers, so its calls bring no team's messages"
    ]


def test_what_did_not_change_is_not_judged_again_unless_the_numbers_did(url: str, engine: sa.Engine) -> None:
    type_in(url, *OFFICE, *RULE)
    first = load(engine)
    second = load(engine, first)
    (before,), (after,) = first.judged_messages.rules.values(), second.judged_messages.rules.values()
    assert after is before
    type_in(url, "DELETE FROM numbers")
    third = load(engine, second)
    assert "is not in the table of numbers" in said(third)[0]
    assert rule(third) == rule(first)


def test_contacts_that_are_off_are_not_told_and_removed_rules_are_gone(url: str, engine: sa.Engine) -> None:
    type_in(
        url,
        *SALES,
        *RULE,
        f"INSERT INTO team_contacts (team_id, channel, address, enabled) "
        f"SELECT id, 'email', 'sales@example.com', {_false(url)} FROM teams",
    )
    before = load(engine)
    assert before.messages.teams["Sales"].contacts == ()
    type_in(url, "DELETE FROM apology_rules")
    assert load(engine, before).messages.rules == ()


def test_the_version_changes_with_what_is_in_force_and_with_nothing_else(url: str, engine: sa.Engine) -> None:
    type_in(url, *OFFICE, *SALES, *RULE)
    first = load(engine)
    assert load(engine).messages.version == first.messages.version
    type_in(url, "UPDATE apology_rules SET delay_seconds = 61")
    assert load(engine).messages.version != first.messages.version


@pytest.fixture
def readings() -> Readings:
    return Readings()


@pytest.fixture
def keeper(engine: sa.Engine, readings: Readings) -> Iterator[SchemeBookKeeper]:
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL, on_change=readings)
    keeper.start()
    assert keeper.wait_loaded(5)
    yield keeper
    keeper.stop()


@pytest.mark.promise("UIS-06", "UIS-07", "UIS-12", "POL-01", "POL-12")
def test_an_edit_by_plain_sql_is_live_within_two_seconds(
    url: str, keeper: SchemeBookKeeper, readings: Readings
) -> None:
    type_in(
        url,
        *OFFICE,
        *SALES,
        *RULE,
        "INSERT INTO message_types (team_id, kind, text) SELECT id, 'missed', 'We missed you' FROM teams",
        "INSERT INTO team_contacts (team_id, channel, address) SELECT id, 'email', 'sales@example.com' FROM teams",
    )
    readings.wait_for(lambda reading: bool(reading.messages.teams.get("Sales")) and bool(reading.messages.rules))
    off = _false(url)
    for edit in (
        f"UPDATE apology_rules SET enabled = {off}",
        "UPDATE apology_rules SET text = 'Sorry'",
        "INSERT INTO apology_rule_numbers (rule_id, e164) SELECT id, '+74950000102' FROM apology_rules",
        f"UPDATE message_types SET enabled = {off}",
        f"UPDATE teams SET sales_tools = {off}",
        "UPDATE team_contacts SET address = 'boss@example.com'",
        "DELETE FROM apology_rules",
    ):
        before, edited = keeper.messages.version, time.monotonic()
        type_in(url, edit)
        readings.wait_for(lambda _, before=before: keeper.messages.version != before)  # type: ignore[misc]
        assert time.monotonic() - edited < 2, edit
    assert keeper.messages is keeper.reading.messages


def test_before_the_first_reading_nothing_is_known(engine: sa.Engine) -> None:
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL)
    assert not keeper.messages.loaded


@pytest.mark.promise("UIS-10")
def test_no_rule_type_or_contact_has_a_sender_of_its_own() -> None:
    for table in (apology_rules, message_types, team_contacts):
        assert not [column.name for column in table.columns if "sender" in column.name]

"""What the admin wrote by plain SQL becomes the book that calls go by; nonsense keeps its last good version."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from ari_app.core.checks import Severity
from ari_app.core.draft import BranchDraft, DestinationDraft, SchemeDraft, StepDraft
from ari_app.core.engine import Arrival, route
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import (
    DialStep,
    Greeting,
    GreetingStep,
    HangUpStep,
    Number,
    RingStrategy,
    TargetKind,
    VoicemailStep,
)
from ari_app.storage.book import Reading, compile_book, load_book
from ari_app.storage.database import open_database, snapshot
from ari_app.storage.rows import Configuration, NumberRow, read_configuration, read_token
from tests.storage.admin import OFFICE, shell, type_in

UNIVERSAL = Greeting("universal (ru)", "ari-app/ru/greeting")


def load(engine: sa.Engine, previous: Reading | None = None) -> Reading:
    with snapshot(engine).begin() as connection:
        return load_book(connection, DialPolicy(), UNIVERSAL, previous)


def listed(reading: Reading, e164: str = "+74950000101") -> Number:
    return reading.book.numbers[e164]


def said(reading: Reading) -> str:
    return "\n".join(map(str, reading.problems))


@pytest.mark.promise("CAL-01", "CAL-03", "RNG-01", "RNG-06", "RNG-16")
def test_the_shortest_inserts_make_a_whole_scheme(url: str, engine: sa.Engine) -> None:
    type_in(url, *OFFICE)
    reading = load(engine)
    scheme = listed(reading).scheme
    assert scheme is not None
    assert (scheme.name, scheme.zone) == ("Office", ZoneInfo("Europe/Moscow"))
    hours, always = scheme.branches
    assert [str(entry) for entry in hours.entries] == ["Mon-Fri 09:00-17:59"]
    (step,) = hours.steps
    assert isinstance(step, DialStep)
    (destination,) = step.destinations
    assert (destination.kind, destination.target, destination.timeout) == (TargetKind.NUMBER, "+79160000003", 20)
    assert always.entries == ()
    assert always.steps == (VoicemailStep(UNIVERSAL),)
    assert reading.problems == ()


@pytest.mark.promise("CAL-05", "CAL-09", "RNG-08", "RNG-09")
def test_steps_and_destinations_keep_the_admins_order(url: str, engine: sa.Engine) -> None:
    type_in(
        url,
        *OFFICE,
        "INSERT INTO greetings (name, sound) VALUES ('Welcome', 'own/welcome')",
        "INSERT INTO steps (branch_id, kind, greeting_id) SELECT b.id, 'greeting', g.id "
        "FROM branches b, greetings g WHERE b.name = 'Out of hours'",
        "INSERT INTO steps (branch_id, kind, strategy) SELECT id, 'dial', 'staggered' "
        "FROM branches WHERE name = 'Out of hours'",
        "INSERT INTO steps (branch_id, position, kind) SELECT id, 9, 'hang_up' "
        "FROM branches WHERE name = 'Out of hours'",
        "UPDATE steps SET position = 5 WHERE kind = 'voicemail'",
        "DELETE FROM steps WHERE kind = 'voicemail'",
        "INSERT INTO destinations (step_id, position, target, timeout_seconds, delay_seconds) "
        "SELECT id, 2, '+79160000480', 120, 3 FROM steps WHERE strategy = 'staggered'",
        "INSERT INTO destinations (step_id, kind, target) "
        "SELECT id, 'endpoint', 'reception' FROM steps WHERE strategy = 'staggered'",
    )
    scheme = listed(load(engine)).scheme
    assert scheme is not None
    welcome, dial, end = scheme.branches[1].steps
    assert welcome == GreetingStep(Greeting("Welcome", "ari-app/own/welcome"))
    assert isinstance(dial, DialStep)
    assert dial.strategy is RingStrategy.STAGGERED
    assert [(one.target, one.timeout, one.delay) for one in dial.destinations] == [
        ("reception", 20, 0),
        ("+79160000480", 120, 3),
    ]
    assert isinstance(end, HangUpStep)


@pytest.mark.promise("CAL-02", "RNG-10")
def test_one_scheme_serves_many_numbers_and_a_number_gets_another(url: str, engine: sa.Engine) -> None:
    type_in(
        url,
        *OFFICE,
        "INSERT INTO numbers (e164, scheme_id) SELECT '+74950000102', id FROM schemes",
        "INSERT INTO schemes (name, time_zone) VALUES ('Nobody', 'UTC')",
        "INSERT INTO branches (scheme_id, name) SELECT id, 'Always' FROM schemes WHERE name = 'Nobody'",
        "INSERT INTO steps (branch_id, kind) SELECT id, 'hang_up' FROM branches WHERE name = 'Always'",
    )
    first = load(engine)
    assert listed(first).scheme is listed(first, "+74950000102").scheme
    type_in(url, "UPDATE numbers SET scheme_id = (SELECT id FROM schemes WHERE name = 'Nobody') WHERE e164 LIKE '%102'")
    second = load(engine, first)
    assert [getattr(number.scheme, "name", None) for number in second.book.numbers.values()] == ["Office", "Nobody"]
    assert second.book.version != first.book.version
    assert second.recompiled == 0


@pytest.mark.promise("CAL-04")
def test_a_schedule_entry_can_be_removed(url: str, engine: sa.Engine) -> None:
    type_in(url, *OFFICE, "DELETE FROM schedule_entries")
    scheme = listed(load(engine)).scheme
    assert scheme is not None
    assert scheme.branches[0].entries == ()


@pytest.mark.promise("CAL-10")
def test_the_teams_own_greeting_is_played_and_the_universal_one_without_it(url: str, engine: sa.Engine) -> None:
    type_in(
        url,
        *OFFICE,
        "INSERT INTO teams (name) VALUES ('Sales')",
        "INSERT INTO greetings (name, sound, team_id) SELECT 'Sales', 'own/sales', id FROM teams",
    )
    before = load(engine)
    type_in(url, "UPDATE steps SET greeting_id = (SELECT id FROM greetings) WHERE kind = 'voicemail'")
    after = load(engine, before)
    greetings = [
        number.scheme.branches[1].steps[0].greeting  # type: ignore[union-attr]
        for number in (listed(before), listed(after))
        if number.scheme
    ]
    assert greetings == [UNIVERSAL, Greeting("Sales", "ari-app/own/sales")]


@pytest.mark.promise("CAL-06")
def test_several_numbers_at_once_is_a_warning_and_no_error(url: str, engine: sa.Engine) -> None:
    type_in(
        url,
        *OFFICE,
        "UPDATE steps SET strategy = 'all_at_once' WHERE kind = 'dial'",
        "INSERT INTO destinations (step_id, target) SELECT id, '+79160000010' FROM steps WHERE kind = 'dial'",
    )
    reading = load(engine)
    assert listed(reading).scheme is not None
    (warning,) = reading.problems
    assert warning.severity is Severity.WARNING
    assert "2 numbers ring at once" in warning.text


def test_disabled_numbers_and_those_without_a_scheme_get_the_default(url: str, engine: sa.Engine) -> None:
    type_in(
        url,
        *OFFICE,
        "UPDATE numbers SET enabled = false",
        "INSERT INTO numbers (e164, name) VALUES ('+74950000102', 'Unassigned')",
    )
    reading = load(engine)
    assert not listed(reading).enabled
    at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    for dialled, why in (("+74950000101", "number_disabled"), ("+74950000102", "no_scheme")):
        chosen = route(Arrival(None, dialled, dialled, at), reading.book, (HangUpStep(),))
        assert chosen.notes[0].details["why"] == why


NONSENSE = [
    ("UPDATE schemes SET time_zone = 'Europe/Moskow'", "'Europe/Moskow' is not an IANA time zone"),
    ("DELETE FROM branches", "it has no branches"),
    ("DELETE FROM steps WHERE kind = 'dial'", "branch 'Working hours': it has no steps"),
    ("DELETE FROM destinations", "it dials nobody"),
    ("UPDATE destinations SET target = '+19005550100'", "premium-rate"),
    ("UPDATE destinations SET target = '+9999999'", "is not a"),
    (
        "INSERT INTO steps (branch_id, kind) SELECT id, 'hang_up' FROM branches WHERE name = 'Out of hours'",
        "nothing comes after voicemail",
    ),
    ("UPDATE destinations SET target = '+74950000101'", "its calls would come back to it"),
]


@pytest.mark.fault("21")
@pytest.mark.parametrize(("nonsense", "complaint"), NONSENSE)
def test_what_sql_cannot_check_is_refused_by_name_and_the_last_good_version_stays(
    url: str, engine: sa.Engine, nonsense: str, complaint: str
) -> None:
    type_in(url, *OFFICE)
    good = load(engine)
    type_in(url, nonsense)
    bad = load(engine, good)
    assert complaint in said(bad)
    assert "scheme 'Office'" in said(bad)
    assert listed(bad).scheme == listed(good).scheme
    again = load(engine, bad)
    assert listed(again).scheme == listed(good).scheme
    assert said(again) == said(bad)


@pytest.mark.fault("21")
@pytest.mark.parametrize(("nonsense", "complaint"), NONSENSE)
def test_a_scheme_that_never_was_good_leaves_its_numbers_to_the_default(
    url: str, engine: sa.Engine, nonsense: str, complaint: str
) -> None:
    type_in(url, *OFFICE, nonsense)
    reading = load(engine)
    assert complaint in said(reading)
    assert listed(reading).scheme is None


def test_every_problem_is_told_at_once_and_the_mend_takes_effect(url: str, engine: sa.Engine) -> None:
    type_in(url, *OFFICE, "UPDATE schemes SET time_zone = 'Mars/Base'", "DELETE FROM destinations")
    bad = load(engine)
    assert len(bad.problems) == 2
    type_in(url, "UPDATE schemes SET time_zone = 'Europe/Kyiv'", OFFICE[4])
    good = load(engine, bad)
    assert good.problems == ()
    assert getattr(listed(good).scheme, "zone", None) == ZoneInfo("Europe/Kyiv")


def test_delays_in_a_step_that_rings_all_at_once_are_refused(url: str, engine: sa.Engine) -> None:
    type_in(
        url,
        *OFFICE,
        "UPDATE steps SET strategy = 'all_at_once' WHERE kind = 'dial'",
        "UPDATE destinations SET delay_seconds = 3",
    )
    assert "have no delays" in said(load(engine))


@pytest.mark.fault("21")
def test_a_circle_over_two_schemes_is_broken_where_the_edit_closed_it(url: str, engine: sa.Engine) -> None:
    """Office forwards to Sales' number; then Sales is told to forward to Office's."""
    type_in(
        url,
        *OFFICE,
        "INSERT INTO schemes (name, time_zone) VALUES ('Sales', 'UTC')",
        "INSERT INTO branches (scheme_id, name) SELECT id, 'Always' FROM schemes WHERE name = 'Sales'",
        "INSERT INTO steps (branch_id, kind) SELECT id, 'dial' FROM branches WHERE name = 'Always'",
        "INSERT INTO destinations (step_id, target) SELECT s.id, '+79160000010' "
        "FROM steps s JOIN branches b ON b.id = s.branch_id WHERE b.name = 'Always'",
        "INSERT INTO numbers (e164, scheme_id) SELECT '+74950000102', id FROM schemes WHERE name = 'Sales'",
        "UPDATE destinations SET target = '+74950000102' WHERE target = '+79160000003'",
    )
    good = load(engine)
    assert good.problems == ()
    type_in(url, "UPDATE destinations SET target = '+74950000101' WHERE target = '+79160000010'")
    bad = load(engine, good)
    assert "+74950000102 -> +74950000101 -> +74950000102" in said(bad)
    assert listed(bad, "+74950000102").scheme == listed(good, "+74950000102").scheme
    assert listed(bad).scheme == listed(good).scheme


@pytest.mark.fault("21")
def test_a_circle_closed_by_giving_a_number_another_scheme_leaves_the_number_as_it_was(
    url: str, engine: sa.Engine
) -> None:
    type_in(
        url,
        *OFFICE,
        "INSERT INTO numbers (e164) VALUES ('+74950000102')",
        "UPDATE destinations SET target = '+74950000102'",
    )
    good = load(engine)
    type_in(url, "UPDATE numbers SET scheme_id = (SELECT min(id) FROM schemes)")
    bad = load(engine, good)
    assert "number +74950000102: its calls would come back" in said(bad)
    assert listed(bad, "+74950000102").scheme is None
    assert listed(bad).scheme == listed(good).scheme


def test_only_what_changed_is_compiled_again(url: str, engine: sa.Engine) -> None:
    many = [
        statement.replace("Office", f"Office {n}").replace("hours'", f"hours {n}'")
        for n in range(5)
        for statement in OFFICE[:2]
    ]
    steps = ["INSERT INTO steps (branch_id, kind) SELECT id, 'voicemail' FROM branches"]
    type_in(url, *many, *steps)
    first = load(engine)
    assert first.recompiled == 5
    type_in(url, "UPDATE steps SET max_seconds = 60 WHERE id = (SELECT min(id) FROM steps)")
    assert load(engine, first).recompiled == 1


def test_the_version_says_whether_a_scheme_changed(url: str, engine: sa.Engine) -> None:
    type_in(url, *OFFICE)
    first = load(engine)
    type_in(url, "UPDATE destinations SET timeout_seconds = 30")
    second = load(engine, first)
    type_in(url, "UPDATE destinations SET timeout_seconds = 20")
    third = load(engine, second)
    versions = [getattr(listed(reading).scheme, "version", "") for reading in (first, second, third)]
    assert versions[0] == versions[2] != versions[1]
    assert first.book.version == third.book.version != second.book.version


@pytest.mark.fault("21")
def test_rows_left_dangling_by_a_shell_without_constraints_do_no_harm(sqlite_url: str) -> None:
    with shell(sqlite_url) as admin:
        for statement in OFFICE:
            admin.execute(statement)
        triggers = admin.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            admin.execute(f"DROP TRIGGER {name}")
        admin.execute("PRAGMA ignore_check_constraints = ON")
        admin.execute("UPDATE numbers SET scheme_id = 77")
        admin.execute("INSERT INTO numbers (e164) VALUES ('reception; DROP TABLE numbers')")
        admin.execute("INSERT INTO branches (scheme_id, name) VALUES (78, 'Lost')")
    engine = open_database(sqlite_url)
    reading = load(engine)
    engine.dispose()
    assert "its scheme (id 77) does not exist" in said(reading)
    assert "it is not an E.164 number" in said(reading)
    assert listed(reading).scheme is None
    assert list(reading.book.numbers) == ["+74950000101"]


def test_a_snapshot_sees_no_edit_made_while_it_is_read(url: str, engine: sa.Engine) -> None:
    type_in(url, *OFFICE)
    with snapshot(engine).begin() as connection:
        token = read_token(connection)
        type_in(url, "UPDATE numbers SET scheme_id = NULL", "DELETE FROM schemes")
        configuration = read_configuration(connection)
    assert configuration.token == token
    assert len(configuration.schemes) == 1
    assert configuration.numbers[0].scheme_id is not None


@pytest.mark.fault("21")
def test_a_circle_that_no_earlier_state_breaks_ends_at_the_default() -> None:
    """Both the number's present scheme and the one it had before forward to the number itself."""
    to_itself = StepDraft("dial", destinations=(DestinationDraft("number", "+74950000101", 20, 0),))
    drafts = {
        scheme_id: SchemeDraft(f"Scheme {scheme_id}", "UTC", (BranchDraft("Always", (), (to_itself,)),))
        for scheme_id in (1, 2)
    }
    configuration = Configuration((1, 1), drafts, [NumberRow("+74950000101", "Loop", True, 2, None)])
    reading = compile_book(configuration, DialPolicy(), UNIVERSAL, Reading(assigned={"+74950000101": 1}))
    assert listed(reading).scheme is None
    assert "its calls would come back" in said(reading)


def test_numbers_known_from_the_reading_before_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand of them would hold the interpreter for most of a second at each edit."""
    known, new = (NumberRow(e164, "n", True, None, None) for e164 in ("+74950000101", "+74950000102"))
    first = compile_book(Configuration((1, 1), {}, [known]), DialPolicy(), UNIVERSAL, Reading())
    read: list[str] = []

    def reading(raw: str, _region: str) -> str:
        read.append(raw)
        return raw

    monkeypatch.setattr("ari_app.storage.book.normalise", reading)
    second = compile_book(Configuration((2, 2), {}, [known, new]), DialPolicy(), UNIVERSAL, first)
    assert read == ["+74950000102"]
    assert [*second.book.numbers] == ["+74950000101", "+74950000102"]

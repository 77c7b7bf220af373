"""Holidays, exceptional days and overrides as rows: refused by name, compiled, and live within two seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from ari_app.core.branch_choice import choose
from ari_app.core.calendar import DayRule, Treatment
from ari_app.core.checks import Severity
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting, Scheme
from ari_app.storage.book import Reading, compile_book, load_book
from ari_app.storage.database import open_database, snapshot
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.public_holidays import WORKED, public_days, refusal
from ari_app.storage.refusals import MENDS, constraint_name, explain_integrity_error
from ari_app.storage.rows import read_configuration
from ari_app.storage.snapshot import BookSnapshot
from tests.storage.admin import OFFICE, type_in

pytestmark = pytest.mark.promise("FLD-05")

UNIVERSAL = Greeting("universal", "ari-app/en/greeting")
CLOSED = (
    "INSERT INTO branches (scheme_id, position, name, out_of_hours) "
    "SELECT id, 9, 'Closed', {true} FROM schemes WHERE name = 'Office'",
    "INSERT INTO steps (branch_id, kind) SELECT id, 'voicemail' FROM branches WHERE name = 'Closed'",
)
DAY = "INSERT INTO exceptional_days (scheme_id, first_date) SELECT id, '2026-12-31' FROM schemes WHERE name = 'Office'"
CLOSED_NOW = (
    "INSERT INTO overrides (scheme_id, rule, ends_at) "
    "SELECT id, 'closed', '2099-01-01 00:00:00+00:00' FROM schemes WHERE name = 'Office'"
)


def type_office(url: str, *more: str) -> None:
    """The office with a branch that is out of hours."""
    true = "1" if url.startswith("sqlite") else "true"
    type_in(url, *OFFICE, *(statement.format(true=true) for statement in CLOSED), *more)


def read(engine: sa.Engine, previous: Reading | None = None) -> Reading:
    with snapshot(engine).begin() as connection:
        return load_book(connection, DialPolicy(), UNIVERSAL, previous)


def office(reading: Reading) -> Scheme:
    scheme = reading.book.numbers["+74950000101"].scheme
    assert scheme is not None
    return scheme


def branch_at(reading: Reading, moment: datetime) -> str | None:
    branch = choose(office(reading), moment).branch
    return None if branch is None else branch.name


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+03:00")


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE schemes SET holidays = 'Russia'", "holidays_are_of_a_country_or_its_region_like_RU_or_DE_BY"),
        ("UPDATE schemes SET holidays = 'DE-'", "holidays_are_of_a_country_or_its_region_like_RU_or_DE_BY"),
        ("INSERT INTO exceptional_days (scheme_id, first_date) VALUES (99, '2026-12-31')", "days_need_their_scheme"),
        ("UPDATE exceptional_days SET rule = 'branch', branch_id = 99", "days_need_their_branch"),
        ("UPDATE exceptional_days SET name = ' '", "name_is_not_empty"),
        ("UPDATE exceptional_days SET first_date = '31.12.2026'", "first_date_is_a_date_like_2026_12_31"),
        ("UPDATE exceptional_days SET last_date = '2026-13-01'", "last_date_is_a_date_like_2026_12_31"),
        ("UPDATE exceptional_days SET last_date = '2026-12-30'", "last_date_is_not_before_first_date"),
        ("UPDATE exceptional_days SET opens = '9:00'", "opens_is_a_time_from_00_00_to_23_59"),
        ("UPDATE exceptional_days SET closes = '9:00'", "closes_is_a_time_from_00_00_to_23_59"),
        (
            "UPDATE exceptional_days SET opens = '18:00', closes = '08:59'",
            "hours_cannot_cross_midnight_split_at_23_59_and_00_00",
        ),
        ("UPDATE exceptional_days SET rule = 'half'", "rule_of_a_day_is_closed_open_weekday_or_branch"),
        ("UPDATE exceptional_days SET rule = 'weekday'", "weekday_is_given_with_rule_weekday_alone"),
        ("UPDATE exceptional_days SET weekday = 1", "weekday_is_given_with_rule_weekday_alone"),
        ("UPDATE exceptional_days SET rule = 'weekday', weekday = 8", "weekday_is_1_monday_to_7_sunday"),
        ("UPDATE exceptional_days SET rule = 'branch'", "branch_is_given_with_rule_branch_alone"),
        ("UPDATE overrides SET rule = 'branch'", "branch_is_given_with_rule_branch_alone"),
        ("UPDATE overrides SET rule = 'weekday'", "rule_of_an_override_is_closed_open_or_branch"),
        ("UPDATE overrides SET ends_at = '2020-01-01 00:00:00'", "override_ends_after_it_begins"),
        ("UPDATE overrides SET scheme_id = 99", "overrides_need_their_scheme"),
        ("UPDATE overrides SET rule = 'branch', branch_id = 99", "overrides_need_their_branch"),
        (CLOSED_NOW, "the_scheme_has_an_override_already"),
    ],
)
def test_nonsense_is_refused_under_a_name_that_is_the_message(
    engine: sa.Engine, url: str, statement: str, name: str
) -> None:
    type_office(url, DAY, CLOSED_NOW)
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError) as refusal_:
        connection.execute(sa.text(statement))
    assert constraint_name(refusal_.value) == name
    assert explain_integrity_error(refusal_.value) == MENDS[name]


def test_removing_scheme_or_branch_takes_days_and_override_along(engine: sa.Engine, url: str) -> None:
    named = "rule = 'branch', branch_id = (SELECT id FROM branches WHERE name = 'Closed')"
    type_office(url, DAY, DAY, CLOSED_NOW, f"UPDATE exceptional_days SET {named} WHERE id = 1")
    type_in(url, f"UPDATE overrides SET {named}", "DELETE FROM branches WHERE name = 'Closed'")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM overrides")).scalar_one() == 0
        assert connection.execute(sa.text("SELECT count(*) FROM exceptional_days")).scalar_one() == 1
    type_in(url, "UPDATE numbers SET scheme_id = NULL", "DELETE FROM schemes")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM exceptional_days")).scalar_one() == 0


def test_days_in_sql_are_days_of_the_calls(engine: sa.Engine, url: str) -> None:
    type_office(
        url,
        "UPDATE schemes SET holidays = 'RU'",
        "INSERT INTO exceptional_days (scheme_id, first_date, opens) SELECT id, '2026-12-30', '15:00' FROM schemes",
        "INSERT INTO exceptional_days (scheme_id, first_date, last_date, rule, weekday) "
        "SELECT id, '2027-01-04', '2027-01-05', 'weekday', 3 FROM schemes",
        "INSERT INTO exceptional_days (scheme_id, first_date, rule, branch_id) "
        "SELECT scheme_id, '2027-01-06', 'branch', id FROM branches WHERE name = 'Working hours'",
    )
    reading = read(engine)
    assert reading.problems == ()
    found = {
        text: branch_at(reading, moscow(text))
        for text in (
            "2026-12-30T14:59",  # a Wednesday
            "2026-12-30T15:00",
            "2027-01-01T12:00",  # public holiday
            "2027-01-04T12:00",  # one too, but worked here
            "2027-01-06T03:00",
            "2027-01-07T12:00",
            "2027-02-20T12:00",  # a Saturday, worked for the Monday after it
            "2027-02-22T12:00",
        )
    }
    assert list(found.values()) == [
        "Working hours", "Closed", "Closed", "Working hours", "Working hours", "Closed", "Working hours", "Closed",
    ]  # fmt: skip


def test_what_sql_cannot_check_is_told_on_load_and_the_last_good_version_stays(engine: sa.Engine, url: str) -> None:
    type_office(url)
    before = read(engine)
    type_in(
        url,
        "UPDATE schemes SET holidays = 'XX'",
        "INSERT INTO schemes (name, time_zone) VALUES ('Other', 'UTC')",
        "INSERT INTO branches (scheme_id, name) SELECT id, 'Theirs' FROM schemes WHERE name = 'Other'",
        "INSERT INTO steps (branch_id, kind) SELECT id, 'hang_up' FROM branches WHERE name = 'Theirs'",
        "INSERT INTO exceptional_days (scheme_id, first_date, rule, branch_id) SELECT s.id, '2026-12-31', 'branch', "
        "b.id FROM schemes s, branches b WHERE s.name = 'Office' AND b.name = 'Theirs'",
        "INSERT INTO overrides (scheme_id, rule, ends_at, branch_id) SELECT s.id, 'branch', '2099-01-01 00:00:00', "
        "b.id FROM schemes s, branches b WHERE s.name = 'Office' AND b.name = 'Theirs'",
    )
    reading = read(engine, before)
    assert office(reading) == office(before)
    assert [str(problem) for problem in reading.problems if problem.severity is Severity.ERROR] == [
        "scheme 'Office', exceptional day 'exceptional day' of 2026-12-31: branch '' is none of the scheme's; "
        "name one of its own",
        "scheme 'Office': no public holidays are known of 'XX'; write a country such as RU, UA, PL or DE-BY",
        "scheme 'Office', override: branch '' is none of the scheme's; name one of its own",
    ]


@pytest.mark.fault("21")
def test_an_override_that_cannot_be_read_does_not_count_and_is_told(tmp_path: Path) -> None:
    from ari_app.storage.revisions import upgrade

    url = f"sqlite:///{tmp_path / 'odd.db'}"
    upgrade(url)
    type_office(url, CLOSED_NOW)
    type_in(url, "PRAGMA ignore_check_constraints = ON")
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(sa.text("PRAGMA ignore_check_constraints = ON"))
        connection.execute(sa.text("UPDATE overrides SET ends_at = 'tomorrow'"))
    reading = read(engine)
    assert office(reading).override is None
    assert [str(problem) for problem in reading.problems if problem.severity is Severity.ERROR] == [
        "scheme 'Office', override: 'tomorrow' is no moment; write one such as 2026-12-31 18:00:00"
    ]
    engine.dispose()


def test_closing_a_scheme_that_has_no_branch_for_it_is_doubtful(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE, CLOSED_NOW, "UPDATE schedule_entries SET opens = '00:00', closes = '23:59', last_day = 7")
    (problem,) = read(engine).problems
    assert str(problem) == (
        "scheme 'Office', override: no branch is marked as out of hours, so calls get the configured default; mark one"
    )


@pytest.fixture
def keeper(engine: sa.Engine, tmp_path: Path) -> Iterator[SchemeBookKeeper]:
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL, snapshot=BookSnapshot(tmp_path / "state"))
    keeper.start()
    assert keeper.wait_loaded(5)
    yield keeper
    keeper.stop()


def live(keeper: SchemeBookKeeper, url: str, statement: str) -> float:
    """Type it; the seconds until another book is in force."""
    before, edited = keeper.current, time.monotonic()
    type_in(url, statement)
    while keeper.current is before:
        assert time.monotonic() - edited < 5
        keeper.refresh()
    return time.monotonic() - edited


def test_edits_of_calendars_are_live_within_two_seconds(url: str, engine: sa.Engine, keeper: SchemeBookKeeper) -> None:
    type_office(url)
    today = f"{datetime.now(UTC).astimezone(office(read(engine)).zone):%Y-%m-%d}"
    for statement, wanted in (
        ("UPDATE schedule_entries SET opens = '00:00', closes = '23:59', last_day = 7", "Working hours"),
        (f"INSERT INTO exceptional_days (scheme_id, first_date) SELECT id, '{today}' FROM schemes", "Closed"),
        ("UPDATE exceptional_days SET rule = 'open'", "Working hours"),
        (CLOSED_NOW, "Closed"),
        ("UPDATE overrides SET rule = 'open'", "Working hours"),
        ("UPDATE overrides SET rule = 'closed'", "Closed"),
        ("DELETE FROM overrides", "Working hours"),
        ("UPDATE schemes SET holidays = 'DE-BY'", "Working hours"),
    ):
        assert live(keeper, url, statement) < 2
        assert branch_at(keeper.reading, datetime.now(UTC)) == wanted, statement


@pytest.mark.fault("17")
def test_calendar_and_override_hold_after_a_start_without_the_database(
    url: str, engine: sa.Engine, tmp_path: Path
) -> None:
    type_office(url, "UPDATE schemes SET holidays = 'RU'", DAY, CLOSED_NOW)
    kept = BookSnapshot(tmp_path / "state")
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL, snapshot=kept)
    assert keeper.refresh()
    later = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL, snapshot=BookSnapshot(tmp_path / "state"))
    assert later.restore()
    assert later.current.version == keeper.current.version
    assert office(later.reading) == office(keeper.reading)
    assert office(later.reading).override is not None


@pytest.mark.fault("32")
def test_a_new_year_brings_its_holidays_without_an_edit(url: str, engine: sa.Engine) -> None:
    type_office(url, "UPDATE schemes SET holidays = 'RU'")
    years = [2026]
    keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL, year=lambda: years[-1])
    assert keeper.refresh()
    far = moscow("2029-01-01T12:00")
    assert branch_at(keeper.reading, far) == "Working hours"
    assert not keeper.refresh()
    years.append(2027)
    assert keeper.refresh()
    assert (keeper.reading.recompiled, branch_at(keeper.reading, far)) == (1, "Closed")
    with snapshot(engine).begin() as connection:
        configuration = read_configuration(connection)
    same = compile_book(configuration, DialPolicy(), UNIVERSAL, keeper.reading, 2027)
    assert same.recompiled == 0


# --- the library -----------------------------------------------------------------------------------------------------


def test_public_holidays_are_plain_dates_of_four_years() -> None:
    days = public_days("RU", 2026)
    assert {day.year for day in days} == {2025, 2026, 2027, 2028}
    assert days[date(2027, 1, 4)].treatment == Treatment(DayRule.CLOSED)
    assert "New Year" in days[date(2027, 1, 4)].name
    assert public_days("", 2026) == {}


@pytest.mark.parametrize(
    ("holidays", "day", "goes"),
    [
        ("RU", date(2025, 11, 1), "as on Fri"),  # a Saturday
        ("RU", date(2025, 11, 3), "closed"),  # the Monday for which it is worked
        ("CN", date(2025, 1, 26), "as on Mon"),  # a Sunday
    ],
)
def test_days_of_the_weekend_that_are_worked_go_as_the_nearest_weekday(holidays: str, day: date, goes: str) -> None:
    found = public_days(holidays, 2026)[day]
    assert str(found.treatment) == goes
    assert (found.name == WORKED) == goes.startswith("as on")


def test_a_region_has_holidays_of_its_own() -> None:
    corpus_christi = date(2026, 6, 4)
    assert corpus_christi in public_days("DE-BY", 2026)
    assert corpus_christi not in public_days("DE", 2026)


def test_an_unknown_country_or_region_is_told() -> None:
    assert [refusal(each) for each in ("", "RU", "DE-BY", "GB-SCT")] == [None] * 4
    assert "write a country such as RU" in str(refusal("RUS"))
    assert "DE has no region 'XX' of its own holidays; those known are BB, BE" in str(refusal("DE-XX"))
    assert "those known are none" in str(refusal("RU-MOW"))

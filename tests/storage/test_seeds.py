"""A readable description becomes rows, can be taken back, and every mistake in it is told with its line and mend."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from ari_app.core.calendar_draft import DayDraft
from ari_app.core.engine import Arrival, route
from ari_app.core.messages import CALL_KINDS, MessageKind
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting, HangUpStep
from ari_app.storage import schema, seeds
from ari_app.storage.book import load_book
from ari_app.storage.database import open_database, snapshot
from ari_app.storage.description import TEMPLATE, DescriptionError, read_description
from ari_app.storage.revisions import (
    DEMO_HEAD,
    SCHEMA_HEAD,
    SEEDS_HEAD,
    alembic_config,
    downgrade,
    migrations_folder,
    upgrade,
)
from ari_app.storage.rows import read_configuration

UNIVERSAL = Greeting("universal", "ari-app/ru/greeting")


def mistakes(text: str) -> str:
    with pytest.raises(DescriptionError) as error:
        read_description(text, DialPolicy(), source="office.yaml")
    return str(error.value)


def in_branch(line: str) -> str:
    return f"schemes:\n- name: S\n  time zone: UTC\n  branches:\n  - name: B\n    {line}\n"


def a_day(day: str, more: str = "") -> str:
    """A scheme with an exceptional day on line 4; ``more`` is of the scheme, on line 5."""
    rest = f"\n  {more}" if more else ""
    always = "\n  branches: [{name: Always, steps: [voicemail]}]"
    return f"schemes:\n- name: S\n  exceptional days:\n  - {day}{rest}\n  time zone: UTC{always}"


def a_rule(said: str) -> str:
    return f"apology rules:\n- {said}\n"


def of_a_team(line: str) -> str:
    return f"teams:\n- name: T\n  {line}\n"


MISTAKES = [
    (in_branch("hours: Mon-Fri 18:01-08:59"), 6, "write two entries instead: 18:01-23:59 and 00:00-08:59"),
    (in_branch("hours: Sat-Mon 09:00-18:00"), 6, "a run across Sunday is two entries"),
    (in_branch("hours: Wen 09:00-18:00"), 6, "'Wen' is no weekday; did you mean 'Wed'?"),
    (in_branch("hours: 9 to 5"), 6, "are not of the form 09:00-17:59"),
    (in_branch("hours: 09:00-17:75"), 6, "more than 59 minutes"),
    (in_branch("stesp: [voicemail]"), 6, "a branch has no 'stesp'; did you mean 'steps'?"),
    (in_branch("steps: [voicemial]"), 6, "'voicemial' is no kind of step; did you mean 'voicemail'?"),
    (in_branch("steps: [{dial: {ring: all, to: [a]}}]"), 6, "'all' is no way to ring"),
    (in_branch("steps: [{dial: {to: [8 916 000-00-03]}}]"), 6, "write +79160000003"),
    (in_branch("steps: [{dial: {to: [PJSIP/x@y]}}]"), 6, "is not a number or an endpoint's name"),
    (in_branch("steps: [{dial: {to: [a], timeout: soon}}]"), 6, "write whole seconds"),
    (in_branch("steps: [{dial: {to: [a], timeout: 3}}]"), 2, "the timeout is 3 s; it must be 5 to 600"),
    (in_branch("steps: [{dial: {to: []}}]"), 2, "it dials nobody"),
    (in_branch("steps: [{dial: {to: [+79160000003, +19005550100]}}]"), 2, "premium-rate"),
    (in_branch("steps: [voicemail, hang up]"), 2, "nothing comes after voicemail"),
    (in_branch("steps: [greeting]"), 6, "a greeting step names its greeting"),
    ("schemes:\n- name: S\n  time zone: Europe/Moskow\n  branches: []", 2, "is not an IANA time zone"),
    ("schemes:\n- time zone: UTC", 2, "a scheme needs 'name'"),
    ("numbers:\n- number: 84950000101", 2, "write +74950000101"),
    ("numbers:\n- {number: +74950000101}\n- {number: +74950000101}", 3, "is there twice among the numbers"),
    ("numbers:\n- {number: +74950000101, enabled: maybe}", 2, "write yes or no"),
    ("greetings:\n- {name: G, sound: ../secret}", 2, "is not a catalogue path"),
    ("number: []", 1, "did you mean 'numbers'?"),
    (in_branch("out of hours: perhaps"), 6, "write yes or no"),
    (a_rule("{name: R, text: Sorry}"), 2, "it has no dialled number; add one"),
    (a_rule("{name: R, numbers: [+74950000101]}"), 2, "an apology rule needs 'text'"),
    (a_rule("{text: Sorry, numbers: [+74950000101]}"), 2, "an apology rule needs 'name'"),
    (a_rule('{name: R, numbers: [+74950000101], text: "Sorry, {caler}"}'), 2, "did you mean {caller}?"),
    (a_rule("{name: R, numbers: [84950000101], text: Sorry}"), 2, "write +74950000101"),
    (a_rule("{name: R, numbers: [+74950000101], text: Sorry, delay: soon}"), 2, "write whole seconds"),
    (a_rule("{name: R, numbers: [+74950000101], text: Sorry, once in hours: often}"), 2, "write a whole number"),
    (a_rule(f"{{name: R, numbers: [+74950000101], text: {'x' * 1531}}}"), 2, "takes 11 SMS, 10 at most"),
    (of_a_team("message types: [{kind: misssed, text: Sorry}]"), 3, "is no kind of a message type"),
    (of_a_team("message types: [{kind: missed, by: fax, text: Sorry}]"), 3, "is no channel of a message type"),
    (of_a_team("message types: [{kind: missed, to: everybody, text: Sorry}]"), 3, "is no audience of a message type"),
    (of_a_team("contacts: [{by: e-mail, address: nobody}]"), 3, "is not an e-mail address"),
    (of_a_team("contacts: [{by: sms, address: 89160000003}]"), 3, "is not an E.164 number"),
    (of_a_team("makes tickets: sometimes"), 3, "write yes or no"),
    (a_day("{is: closed}"), 4, "an exceptional day needs 'on'"),
    (a_day("{on: 31.12.2026}"), 4, "'31.12.2026' is no date; write one such as 2026-12-31"),
    (a_day("{on: 2026-12-24 till 2026-12-31}"), 4, "write 2026-12-31, or 2026-12-24 to 2027-01-02"),
    (a_day("{on: 2026-12-31 to 2026-12-24}"), 4, "before it begins"),
    (a_day("{on: 2026-12-31, hours: 18:01-08:59}"), 4, "write two entries instead: 18:01-23:59 and 00:00-08:59"),
    (a_day("{on: 2026-12-31, is: closd}"), 4, "did you mean 'closed'?"),
    (a_day("{on: 2026-12-31, is: like Mnd}"), 4, "is no weekday; did you mean 'Mon'?"),
    (a_day("{on: 2026-12-31, is: branch Nihgt}"), 2, "branch 'Nihgt' is none of the scheme's"),
    (a_day("{on: 2026-12-31}", "holidays: Russia"), 5, "write a country such as RU"),
    (a_day("{on: 2026-12-31}", "holidays: DE-XX"), 5, "DE has no region 'XX'"),
    (a_day("{on: 2026-12-31}", "outside calls a day: many"), 5, "'many'; write a whole number such as 100"),
    (a_day("{on: 2026-12-31}", "outside calls a day: 0"), 2, "its calls outside a day are 0; write 1 to 1000000"),
    ("schemes: [", 1, "this is not YAML"),
    ("", 1, "there is nothing in it"),
]


@pytest.mark.promise("RNG-04", "FLD-05")
@pytest.mark.parametrize(("text", "line", "complaint"), MISTAKES, ids=[complaint for _, _, complaint in MISTAKES])
def test_a_mistake_is_told_with_its_line_and_its_mend(text: str, line: int, complaint: str) -> None:
    told = mistakes(text)
    assert complaint in told
    assert f"office.yaml, line {line}: " in told


def test_all_mistakes_are_told_at_once() -> None:
    assert (
        len(mistakes("teams: [{nmae: x}]\nnumbers: [{number: 1}, {number: +74950000101, colour: red}]").split("\n"))
        == 4
    )


def test_the_template_is_itself_a_good_description(engine: sa.Engine) -> None:
    found, warnings = read_description(TEMPLATE, DialPolicy())
    assert warnings == ()
    with engine.begin() as connection:
        seeds.apply(connection, TEMPLATE)
        configuration = read_configuration(connection)
    (scheme,) = configuration.schemes.values()
    assert scheme == found.schemes[0]
    assert [rule._replace(id=0) for rule in configuration.messages.rules] == list(found.rules)
    assert [kind for _, kind in configuration.messages.types] == list(found.teams[0].types)
    assert [contact for _, contact in configuration.messages.contacts] == list(found.teams[0].contacts)
    assert [branch.out_of_hours for branch in scheme.branches] == [False, True]


@pytest.mark.promise("CAL-05", "CAL-06")
def test_warnings_do_not_stop_a_seed() -> None:
    text = in_branch("steps: [{dial: {ring: all at once, to: [+79160000003, +79160000010]}}]")
    _, warnings = read_description(text, DialPolicy())
    assert "2 numbers ring at once" in str(warnings[0])


@pytest.mark.promise("CAL-06", "RNG-03")
def test_a_seed_with_an_uncovered_minute_is_written_with_a_warning_and_one_with_an_error_is_not(
    own_migrations: Path, tmp_path: Path
) -> None:
    described = tmp_path / "office.yaml"
    described.write_text(in_branch("hours: 00:00-23:58\n    steps: [voicemail]"))
    _, (warning,) = seeds.write_seed("Nearly always", described)
    assert "no branch covers Mon-Sun 23:59-23:59" in str(warning)
    described.write_text(in_branch("hours: 22:00-06:00\n    steps: [voicemail]"))
    with pytest.raises(seeds.SeedError, match="22:00-23:59 and 00:00-06:00"):
        seeds.write_seed("Across midnight", described)


@pytest.mark.promise("FLD-05")
def test_days_out_of_the_ordinary_are_sown_as_they_are_described(engine: sa.Engine) -> None:
    days = "\n  ".join(
        (
            "- {on: 2026-12-31, hours: 15:00-23:59, name: Eve}",
            "- {on: 2027-01-04 to 2027-01-08, is: like saturday}",
            "- {on: 2027-03-01, is: branch Always}",
            "- {on: 2027-03-02, is: open, hours: 9:00-9:59}",
        )
    )
    text = a_day(days[2:], "holidays: DE-BY")
    (described,), warnings = read_description(text, DialPolicy())[0].schemes, read_description(text, DialPolicy())[1]
    with engine.begin() as connection:
        seeds.apply(connection, text)
        (sown,) = read_configuration(connection).schemes.values()
    assert sown == described
    assert (sown.holidays, sown.days) == (
        "DE-BY",
        (
            DayDraft("Eve", "2026-12-31", "2026-12-31", "15:00", "23:59"),
            DayDraft("exceptional day", "2027-01-04", "2027-01-08", rule="weekday", weekday=6),
            DayDraft("exceptional day", "2027-03-01", "2027-03-01", rule="branch", branch="Always"),
            DayDraft("exceptional day", "2027-03-02", "2027-03-02", "09:00", "09:59", "open"),
        ),
    )
    assert "no branch is marked as out of hours" in str(warnings[0])


def test_what_was_sown_is_taken_back_and_nothing_else(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(schema.teams), {"name": "Kept"})
        seeds.apply(connection, TEMPLATE)
        seeds.remove(connection, TEMPLATE)
        for table in schema.CONFIGURATION:
            found = connection.execute(
                sa.select(sa.func.count()).select_from(schema.metadata.tables[table])
            ).scalar_one()
            assert found == (1 if table == "teams" else 0), table


def test_a_seed_may_name_what_the_database_has_already(engine: sa.Engine) -> None:
    more = "numbers: [{number: +74950000009, scheme: Office, team: Sales}]"
    with engine.begin() as connection:
        seeds.apply(connection, TEMPLATE)
        seeds.apply(connection, more)
        configuration = read_configuration(connection)
    assert [number.team for number in configuration.numbers] == ["Sales", "Sales"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("numbers: [{number: +74950000009, scheme: Offcie}]", "names the scheme 'Offcie', which is neither"),
        ("teams: [Sales]", "A team of this name exists"),
        ("numbers: [{number: +74950000002}]", "This number is listed already"),
    ],
)
def test_a_seed_that_does_not_fit_the_database_is_explained(engine: sa.Engine, text: str, complaint: str) -> None:
    with engine.begin() as connection:
        seeds.apply(connection, TEMPLATE)
    with pytest.raises(seeds.SeedError, match=complaint), engine.begin() as connection:
        seeds.apply(connection, text)


@pytest.fixture
def own_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the revisions that a test may add to."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("ARI_APP_MIGRATIONS", str(folder))
    return folder


def test_a_seed_is_written_as_a_revision_that_alembic_applies_and_undoes(
    bare_url: str, own_migrations: Path, tmp_path: Path
) -> None:
    described = tmp_path / "office.yaml"
    described.write_text(TEMPLATE + '# A "quoted" back\\slash and """three"""\n')
    revision, _ = seeds.write_seed('Add "our" office', described)
    more = tmp_path / "more.yaml"
    more.write_text("numbers: [{number: +74950000009, scheme: Office}]")
    seeds.write_seed("Add a number", more)
    assert revision.parent == own_migrations / "seeds"
    assert "add_our_office" in revision.name
    (head,) = ScriptDirectory.from_config(alembic_config()).get_revisions(SCHEMA_HEAD)
    assert head is not None
    assert f'depends_on = "{head.revision}"' in revision.read_text(), "a seed needs the schema it was written for"
    upgrade(bare_url, SEEDS_HEAD)
    engine = open_database(bare_url)
    with engine.connect() as connection:
        assert len(read_configuration(connection).numbers) == 2
    downgrade(bare_url, "seeds@-1")
    with engine.connect() as connection:
        assert len(read_configuration(connection).numbers) == 1
    downgrade(bare_url, "seeds_root")
    with engine.connect() as connection:
        assert read_configuration(connection).schemes == {}
    engine.dispose()


def test_a_seed_with_a_mistake_is_not_written(own_migrations: Path, tmp_path: Path) -> None:
    before = sorted(own_migrations.rglob("*.py"))
    described = tmp_path / "office.yaml"
    described.write_text("numbers: [{number: nonsense}]")
    with pytest.raises(seeds.SeedError, match="line 1"):
        seeds.write_seed("Add nonsense", described)
    with pytest.raises(seeds.SeedError, match="needs a message"):
        seeds.write_seed(" ", described)
    with pytest.raises(seeds.SeedError, match="cannot be read"):
        seeds.write_seed("Add nothing", tmp_path / "missing.yaml")
    assert sorted(own_migrations.rglob("*.py")) == before


def test_the_demo_revisions_are_the_demos_descriptions() -> None:
    described = {"demo_0001": "demo.yaml", "demo_0002": "demo_messages.yaml", "demo_0003": "demo_calendar.yaml"}
    described |= {
        "demo_0004": "demo_ways_to_ring.yaml",
        "demo_0005": "demo_menu.yaml",
        "demo_0006": "demo_callers.yaml",
        "demo_0007": "demo_managers.yaml",
        "demo_0008": "demo_caller_ids.yaml",
        "demo_0009": "demo_press_1.yaml",
    }
    for revision in (migrations_folder() / "demo").glob("*.py"):
        words: dict[str, str] = {}
        exec(compile(revision.read_text(), revision, "exec"), words)
        assert words["DESCRIPTION"] == (migrations_folder() / described.pop(words["revision"])).read_text()
    assert not described


@pytest.mark.promise("CAL-01", "CAL-09", "RNG-06", "RNG-16")
def test_the_demo_is_in_force_without_a_problem(bare_url: str) -> None:
    from datetime import UTC, datetime

    upgrade(bare_url, SCHEMA_HEAD, DEMO_HEAD)
    engine = open_database(bare_url)
    with snapshot(engine).begin() as connection:
        reading = load_book(connection, DialPolicy(allowed_prefixes=("+7",)), UNIVERSAL)
    engine.dispose()
    assert reading.problems == ()
    assert len(reading.book.numbers) == 26
    chosen = {
        at.hour: getattr(route(Arrival(None, "+74950000108", "", at), reading.book, (HangUpStep(),)).branch, "name", "")
        for at in (datetime(2026, 3, 2, 14, 59, tzinfo=UTC), datetime(2026, 3, 2, 15, 0, tzinfo=UTC))
    }
    assert chosen == {14: "Working hours", 15: "Out of hours"}
    weekend = Arrival(None, "+74950000108", "", datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
    closed = route(weekend, reading.book, ()).branch
    assert closed is not None
    assert (closed.name, closed.out_of_hours) == ("Out of hours", True)


@pytest.mark.promise("UIS-01", "POL-01")
def test_the_demo_has_an_apology_for_every_number_that_can_be_called_in_vain(bare_url: str) -> None:
    upgrade(bare_url, SCHEMA_HEAD, DEMO_HEAD)
    engine = open_database(bare_url)
    with snapshot(engine).begin() as connection:
        messages = load_book(connection, DialPolicy(allowed_prefixes=("+7",)), UNIVERSAL).messages
    engine.dispose()
    for last in range(1, 8):
        (rule,) = messages.rules_for(f"+7495000010{last}")
        assert rule.enabled
        assert rule.delay_seconds <= 2
        assert rule.once_in_hours == 0, "the next try of the demo must show one too"
    assert messages.teams["Demo support"].makes_tickets
    assert {kind.kind for kind in messages.teams["Demo support"].types} >= set(CALL_KINDS) - {
        MessageKind.ANSWERED_WITH_TICKET
    }
    downgrade(bare_url, "demo_0001")
    engine = open_database(bare_url)
    with snapshot(engine).begin() as connection:
        reading = load_book(connection, DialPolicy(allowed_prefixes=("+7",)), UNIVERSAL)
    engine.dispose()
    assert reading.messages.rules == ()
    assert [team.types for team in reading.messages.teams.values()] == [(), ()]
    assert len(reading.book.numbers) == 12

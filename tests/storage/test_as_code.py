"""Schemes as text and text as schemes: the round trip, plans, what they refuse, and that all of one is done or none."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from ari_app.core.calendar_draft import override_of
from ari_app.core.draft import SchemeDraft
from ari_app.core.manager_draft import ManagerDraft
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting
from ari_app.core.scheme_changes import canonical
from ari_app.storage import schema, seeds
from ari_app.storage.applying import EditedMeanwhileError, carry_out
from ari_app.storage.database import snapshot, writing
from ari_app.storage.description import TEMPLATE, Description, GreetingRow, read_description
from ari_app.storage.description_writing import as_yaml, description_of
from ari_app.storage.manager_schema import manager_destinations
from ari_app.storage.planning import Plan, PlanError, Present, plan, read_present
from ari_app.storage.rows import read_configuration
from ari_app.storage.sowing import Sower
from tests.storage.admin import OFFICE, shell, type_in
from tests.storage.described import GOOD_MANAGERS, GOOD_SCHEMES

UNIVERSAL = Greeting("universal", "ari-app/en/greeting")
RULES = DialPolicy()
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]


def present(engine: sa.Engine) -> Present:
    with snapshot(engine).begin() as connection:
        return read_present(connection)


def planned(engine: sa.Engine, text: str, *, prune: bool = False) -> Plan:
    asked, _ = read_description(text, RULES)
    return plan(asked, present(engine), RULES, UNIVERSAL, prune=prune)


def applied(engine: sa.Engine, what: Plan) -> None:
    with writing(engine).begin() as connection:
        carry_out(connection, what, RULES, action="apply", actor="tester", target="test")


def told(what: Plan) -> list[str]:
    """Every change, what is within one further in."""

    def lines(changes: Iterable[object], depth: int) -> Iterable[str]:
        for change in changes:
            yield "  " * depth + str(change)
            yield from lines(change.within, depth + 1)  # type: ignore[attr-defined]

    return list(lines(what.changes, 0))


def sow_alone(engine: sa.Engine, drafts: tuple[SchemeDraft, ...], managers: tuple[ManagerDraft, ...] = ()) -> None:
    """These schemes and no others are in the database."""
    greetings = {s.greeting for draft in drafts for branch in draft.branches for s in branch.steps if s.greeting}
    rows = tuple(GreetingRow(greeting.name, greeting.sound, "") for greeting in sorted(greetings))
    with writing(engine).begin() as connection:
        connection.execute(sa.delete(schema.schemes))
        connection.execute(sa.delete(schema.greetings))
        connection.execute(sa.delete(manager_destinations))
        Sower(connection).sow(Description((), rows, drafts, (), managers=managers))


@pytest.mark.promise("OUR-06")
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(drafts=GOOD_SCHEMES, managers=GOOD_MANAGERS)
def test_what_was_exported_changes_nothing_when_it_is_applied(
    engine: sa.Engine, drafts: tuple[SchemeDraft, ...], managers: tuple[ManagerDraft, ...]
) -> None:
    sow_alone(engine, drafts, managers)
    before = present(engine)
    assert list(before.schemes.values()) == [
        draft._replace(branches=before.schemes[draft.name].branches) for draft in drafts
    ]
    rung = before.configuration.managers
    assert set(rung) == set(managers)
    text = as_yaml(description_of(before.schemes.values(), before.greetings, before.numbers(), managers=rung))
    again = planned(engine, text)
    assert told(again) == []
    applied(engine, again)
    assert present(engine) == before, "not even a row was touched"
    sow_alone(engine, ())
    applied(engine, planned(engine, text))
    after = present(engine)
    assert {name: canonical(draft) for name, draft in after.schemes.items()} == {
        draft.name: canonical(draft) for draft in drafts
    }
    assert set(after.configuration.managers) == set(managers)
    assert told(planned(engine, text)) == []


def test_an_export_of_the_template_has_all_of_it_but_the_messages(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        seeds.apply(connection, TEMPLATE)
    before = present(engine)
    rung = before.configuration.managers
    text = as_yaml(description_of(before.schemes.values(), before.greetings, before.numbers(), managers=rung))
    found, _ = read_description(text, RULES)
    wanted, _ = read_description(TEMPLATE, RULES)
    assert (found.greetings, found.schemes, found.numbers) == (wanted.greetings, wanted.schemes, wanted.numbers)
    assert found.managers == wanted.managers
    assert [team.name for team in found.teams] == ["Sales"]


@pytest.mark.promise("OUR-06", "RNG-11")
def test_of_a_manager_who_is_named_all_destinations_are_as_described(engine: sa.Engine) -> None:
    olga = ManagerDraft("crm", "olga@example.com", "number", "+79160000003")
    ivan = ManagerDraft("crm", "7", "endpoint", "ivan", 15)
    sow_alone(engine, (), (olga, ivan))

    what = planned(engine, "managers: [{crm: crm, manager: olga@example.com, rung at: {to: olga, timeout: 30}}]")

    assert told(what) == [
        "~ manager 'olga@example.com' of 'crm'",
        "  - +79160000003 (for as long as is asked)",
        "  + olga (30 s)",
    ]
    assert what.removes
    applied(engine, what)
    assert present(engine).configuration.managers == (ivan, olga._replace(kind="endpoint", target="olga", timeout=30))


CHANGED = """\
teams: [Front desk]
greetings: [{name: Hello, sound: own/hello, team: Front desk}]
schemes:
  - name: Office
    time zone: Europe/Kyiv
    branches:
      - {name: Night, hours: 00:00-05:59, steps: [{greeting: Hello}, hang up]}
      - name: Working hours
        hours: Mon-Fri 09:00-18:59
        steps: [{dial: {to: [reception, +79160000003]}}, voicemail]
  - {name: Second, time zone: UTC, branches: [{name: Always, steps: [hang up]}]}
numbers:
  - {number: +74950000101, name: Website, scheme: Second, team: Front desk}
  - {number: +74950000102, scheme: Office, enabled: no}
"""


@pytest.mark.promise("OUR-06")
def test_a_plan_is_told_as_a_person_reads_it_and_then_done(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    what = planned(engine, CHANGED)
    assert told(what) == [
        "+ team 'Front desk'",
        "+ greeting 'Hello' (own/hello)",
        "~ scheme 'Office'",
        "  ~ time zone: Europe/Moscow → Europe/Kyiv",
        "  - branch 'Out of hours'",
        "  ~ branch 'Working hours'",
        "    ~ hours: Mon-Fri 09:00-17:59 → Mon-Fri 09:00-18:59",
        "    ~ step 1: dial",
        "      + reception (20 s)",
        "    + step 2: voicemail, the default greeting, 180 s at most, 2 s at least, ended by 5 s of silence",
        "  + branch 'Night' (1 of 2)",
        "    + hours Mon-Sun 00:00-05:59",
        "    + step 1: play greeting 'Hello' (own/hello)",
        "    + step 2: hang up",
        "+ scheme 'Second'",
        "  + time zone UTC",
        "  + branch 'Always' (1 of 1)",
        "    + hours always",
        "    + step 1: hang up",
        "~ number +74950000101",
        "  ~ name: unnamed → Website",
        "  ~ scheme: Office → Second",
        "  ~ team: none → Front desk",
        "+ number +74950000102 (unnamed), scheme 'Office'",
    ]
    assert what.removes
    applied(engine, what)
    after = present(engine)
    asked, _ = read_description(CHANGED, RULES)
    assert list(after.schemes.values()) == list(asked.schemes)
    assert list(after.numbers()) == list(asked.numbers)
    assert after.greetings == {"Hello": asked.greetings[0]}
    assert told(planned(engine, CHANGED)) == []
    with engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT scheme_id FROM numbers ORDER BY e164")).scalars().all()
        ids = connection.execute(sa.text("SELECT id FROM schemes ORDER BY id")).scalars().all()
    assert kept == [ids[1], ids[0]], "a changed scheme keeps its row"


@pytest.mark.promise("OUR-06")
def test_a_greeting_that_sounds_anew_is_changed_where_it_is_played(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        seeds.apply(connection, TEMPLATE)
    version = present(engine).schemes["Office"].version
    what = planned(engine, "greetings: [{name: Sales welcome, sound: own/new}]")
    assert told(what) == ["~ greeting 'Sales welcome'", "  ~ sound: ru/greeting → own/new"]
    applied(engine, what)
    assert present(engine).schemes["Office"].version != version
    assert told(planned(engine, "greetings: [{name: Sales welcome, sound: own/new}]")) == []


def in_office(steps: str) -> str:
    return f"schemes: [{{name: Office, time zone: UTC, branches: [{{name: Always, steps: [{steps}]}}]}}]"


@pytest.mark.promise("OUR-06", "FLD-11")
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (in_office("{greeting: Nowhere}"), "scheme 'Office' plays the greeting 'Nowhere', which is neither described"),
        (in_office("{dial: {to: +74950000101}}"), "its calls would come back to it (+74950000101 -> +74950000101)"),
        (
            "numbers: [{number: +74950000101, scheme: Nothing}]",
            "names the scheme 'Nothing', which is neither described",
        ),
        ("numbers: [{number: +74950000101, team: Nobody}]", "names the team 'Nobody', which is neither described"),
        ("greetings: [{name: G, sound: own/g, team: Nobody}]", "greeting 'G' names the team 'Nobody'"),
        ("teams: [{name: T, makes tickets: yes}]", "its options, message types and contacts are not applied"),
        ("apology rules: [{name: R, numbers: [+74950000101], text: Sorry}]", "apology rules are not applied"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_its_mend(engine: sa.Engine, url: str, text: str, fault: str) -> None:
    type_in(url, *OFFICE)
    with pytest.raises(PlanError) as error:
        planned(engine, text)
    assert fault in str(error.value)


def test_a_mistake_that_was_there_before_does_not_keep_the_rest_from_being_mended(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE, "INSERT INTO schemes (name, time_zone) VALUES ('Broken', 'Europe/Nowhere')")
    assert planned(engine, in_office("voicemail")).changes


def test_pruning_removes_what_no_number_goes_by(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE, "INSERT INTO schemes (name, time_zone) VALUES ('Old', 'UTC')")
    with pytest.raises(PlanError, match=r"scheme 'Office' cannot go: \+74950000101 goes by it"):
        planned(engine, "schemes: []", prune=True)
    text = as_yaml(description_of([present(engine).schemes["Office"]]))
    what = planned(engine, text, prune=True)
    assert told(what) == ["- scheme 'Old'"]
    assert what.removes
    applied(engine, what)
    assert list(present(engine).schemes) == ["Office"]


@pytest.mark.promise("OUR-06")
def test_what_was_edited_meanwhile_is_not_overwritten(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    what = planned(engine, CHANGED)
    type_in(url, "UPDATE schemes SET time_zone = 'Europe/Warsaw'")
    before = present(engine)
    with pytest.raises(EditedMeanwhileError, match="edited meanwhile"):
        applied(engine, what)
    assert present(engine) == before


def test_nobody_edits_while_a_plan_is_carried_out(engine: sa.Engine, url: str) -> None:
    """An edit that begins in the midst of it comes after it, whole."""
    type_in(url, *OFFICE)
    what = planned(engine, CHANGED)
    typed = threading.Event()

    def edit() -> None:
        with shell(url) as admin:
            typed.set()
            admin.execute("UPDATE schemes SET time_zone = 'Europe/Warsaw' WHERE name = 'Office'")

    admin = threading.Thread(target=edit)
    with writing(engine).begin() as connection:
        carry_out(connection, what, RULES, action="apply", actor="tester", target="test")
        admin.start()
        assert typed.wait(5)
        zones = {draft.time_zone for draft in read_configuration(connection).schemes.values()}
    admin.join(10)
    assert zones == {"Europe/Kyiv", "UTC"}
    assert present(engine).schemes["Office"].time_zone == "Europe/Warsaw"


def test_a_refusal_in_the_midst_leaves_nothing_behind(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    what, before = planned(engine, CHANGED), present(engine)
    with pytest.raises(sa.exc.IntegrityError):
        applied(engine, Plan(what.target, teams=("Front desk", "Front desk"), schemes=what.schemes))
    assert present(engine) == before


def test_each_change_is_in_the_log_with_who_made_it(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    applied(engine, planned(engine, CHANGED))
    with engine.connect() as connection:
        (row,) = connection.execute(sa.text("SELECT actor, subject, action, target FROM audit_log")).all()
    assert tuple(row) == ("tester", "schemes", "apply", "test")


@pytest.mark.promise("OUR-06", "FLD-05")
def test_an_override_outlives_an_applied_scheme_that_still_has_its_branch(engine: sa.Engine, url: str) -> None:
    type_in(
        url,
        *OFFICE,
        "INSERT INTO overrides (scheme_id, rule, branch_id, ends_at, reason) SELECT scheme_id, 'branch', id, "
        "'2099-01-01 00:00:00+00:00', 'fair' FROM branches WHERE name = 'Out of hours'",
    )
    before = present(engine)
    text = as_yaml(description_of(before.schemes.values(), before.greetings, before.numbers()))
    days = "exceptional days: [{on: 2026-12-31, is: like Sat}]\n    holidays: RU\n    branches:"
    days = f"outside calls a day: 9\n    {days}"
    asked = planned(engine, text.replace("branches:", days, 1).replace("18:00", "17:00"))
    assert "exceptional day 2026-12-31 (exceptional day): like Sat" in " ".join(told(asked))
    applied(engine, asked)
    after = present(engine).configuration
    (scheme,) = after.schemes.values()
    assert (scheme.holidays, scheme.days[0].weekday, scheme.outside_calls_a_day) == ("RU", 6, 9)
    assert [override_of(draft) for draft in after.overrides.values()] == [
        override_of(draft) for draft in before.configuration.overrides.values()
    ]
    assert [override.branch for override in after.overrides.values()] == ["Out of hours"]
    gone = as_yaml(description_of(after.schemes.values(), before.greetings, ())).replace("Out of hours", "Closed")
    with pytest.raises(PlanError, match="override: branch 'Out of hours' is none of the scheme's"):
        planned(engine, gone)

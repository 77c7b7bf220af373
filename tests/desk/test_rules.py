"""Apology rules at their desk, on both databases: missing fields, search, parts and cost, switches, deletion."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_app.desk.base import NotFound, Refused, Unconfirmed
from ari_app.desk.people import PeopleDesk
from ari_app.desk.rules import Rule, RuleDesk, RuleDraft, RuleEdit
from tests.desk.conftest import FREE, SALES, SUPPORT, Office

LONG = "Извините, мы пропустили ваш звонок. Перезвоним вам в ближайшее время, ждите: {company}."
SORRY = "Sorry we missed your call. {company}"


@pytest.fixture
def desk(office: Office) -> RuleDesk:
    found: RuleDesk = office.desk(RuleDesk)
    return found


def draft(**changes: Any) -> RuleDraft:
    """A rule that can be saved, but for the changes."""
    return RuleDraft(**{"name": "Sales", "numbers": (SALES,), "text": SORRY, **changes})


def add(desk: RuleDesk, name: str, *numbers: str, **changes: Any) -> Rule:
    """A rule that there is."""
    return desk.create(draft(name=name, numbers=numbers or (SALES,), **changes), confirmed=True).rule


# --- what must be given ----------------------------------------------------------------------------------------------

NO_NAME = "the rule has no name: give one that people will know it by"
NO_NUMBER = "the rule has no dialled number: give one or more of the company's own"
NO_TEXT = "the rule has no text: write what the caller is to be sent"


@pytest.mark.promise("UIS-04")
@pytest.mark.parametrize(
    ("missing", "faults"),
    [
        ({"name": " "}, (NO_NAME,)),
        ({"numbers": ()}, (NO_NUMBER,)),
        ({"numbers": (" ",)}, (NO_NUMBER,)),
        ({"text": "\n"}, (NO_TEXT,)),
        ({"name": "", "text": ""}, (NO_NAME, NO_TEXT)),
        ({"name": "", "numbers": (), "text": ""}, (NO_NAME, NO_NUMBER, NO_TEXT)),
    ],
)
def test_every_missing_field_is_named_at_once(desk: RuleDesk, missing: dict[str, Any], faults: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        desk.create(draft(**missing))
    assert refused.value.faults == faults
    assert desk.list() == []


@pytest.mark.promise("UIS-04", "UIS-07")
def test_nothing_may_be_taken_away_by_an_edit_either(desk: RuleDesk) -> None:
    rule = add(desk, "Sales")
    with pytest.raises(Refused) as refused:
        desk.edit("Sales", RuleEdit(name="", numbers=(), text=" "))
    assert refused.value.faults == (NO_NAME, NO_NUMBER, NO_TEXT)
    assert desk.show("Sales") == rule


@pytest.mark.promise("UIS-04")
def test_a_rule_has_its_name_its_numbers_and_its_text(desk: RuleDesk) -> None:
    numbers = ("8 (495) 000-01-01", "+7 495 000 01 02", SALES)
    rule = desk.create(draft(name=" Sales ", numbers=numbers, team="Sales")).rule
    assert (rule.name, rule.numbers, rule.text) == ("Sales", (SALES, SUPPORT), SORRY)
    assert (rule.delay_seconds, rule.once_in_hours, rule.team, rule.enabled) == (60, 24, "Sales", True)
    assert desk.show("Sales") == rule


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (
            {"numbers": ("+74950000110",)},
            f"+74950000110 is not one of the company's numbers; did you mean {FREE} or {SUPPORT} or",
        ),
        ({"numbers": ("+380441234567",)}, "+380441234567 is not one of the company's numbers; ari-app numbers list"),
        ({"numbers": ("reception",)}, "'reception' is not a telephone number such as"),
        ({"text": "Hello {caler}"}, "character 7 has the unknown placeholder {caler}; did you mean {caller}?"),
        ({"text": "я" * 671}, "the text takes 11 SMS, 10 at most are sent; shorten it by 1 characters"),
        ({"team": "Slaes"}, "there is no team 'Slaes'; those there are: Basic, Sales, Support"),
        ({"delay_seconds": 86401}, "The rule's delay must be 0 to 86400 seconds (a day)."),
        ({"once_in_hours": -1}, "Once_in_hours must be 0 (no limit) to 8760 (a year)."),
    ],
)
def test_what_is_wrong_is_told_with_its_mend(desk: RuleDesk, wrong: dict[str, Any], fault: str) -> None:
    with pytest.raises(Refused) as refused:
        desk.create(draft(**wrong), confirmed=True)
    (told,) = refused.value.faults
    assert fault in told


def test_a_name_is_used_once(desk: RuleDesk) -> None:
    add(desk, "Sales")
    add(desk, "Support", SUPPORT)
    with pytest.raises(Refused, match="a rule called 'Sales' exists"):
        desk.create(draft())
    with pytest.raises(Refused, match="a rule called 'Sales' exists"):
        desk.edit("Support", RuleEdit(name="Sales"))


@pytest.mark.promise("UIS-12")
def test_a_team_without_sales_tools_has_no_rules(desk: RuleDesk, office: Office) -> None:
    with pytest.raises(Refused, match="the team 'Basic' has not got sales tools"):
        desk.create(draft(team="Basic"))
    office.sql("UPDATE teams SET sales_tools = (1 = 0) WHERE name = 'Sales'")
    with pytest.raises(Refused, match=r"\+74950000101 is of the team 'Sales', which has not got sales tools"):
        desk.create(draft())
    assert add(desk, "Free", FREE).team is None


# --- parts and cost --------------------------------------------------------------------------------------------------


@pytest.mark.promise("UIS-05")
def test_parts_and_cost_are_shown_before_a_long_text_is_saved(desk: RuleDesk) -> None:
    with pytest.raises(Unconfirmed) as shown:
        desk.create(draft(text=LONG))
    assert "ждите: Acme." in shown.value.warning
    assert "takes 2 SMS (UCS-2 for" in shown.value.warning
    assert "7.00 RUB each time" in shown.value.warning
    assert desk.list() == []
    assert desk.create(draft(text=LONG), confirmed=True).rule.text == LONG


@pytest.mark.promise("UIS-05", "UIS-07")
def test_an_edit_shows_them_for_a_new_text_alone(desk: RuleDesk) -> None:
    add(desk, "Sales")
    with pytest.raises(Unconfirmed, match="takes 2 SMS"):
        desk.edit("Sales", RuleEdit(text=LONG))
    assert desk.show("Sales").text == SORRY
    desk.edit("Sales", RuleEdit(text=LONG), confirmed=True)
    assert desk.edit("Sales", RuleEdit(delay_seconds=5)).rule.delay_seconds == 5


@pytest.mark.promise("UIS-05")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a" * 160, (1, "GSM-7", (), "3.50")),
        ("a" * 161, (2, "GSM-7", (), "7.00")),
        ("a" * 306, (2, "GSM-7", (), "7.00")),
        ("a" * 307, (3, "GSM-7", (), "10.50")),
        ("a" * 69 + "№", (1, "UCS-2", ("№",), "3.50")),
        ("ж" * 71, (2, "UCS-2", ("ж",), "7.00")),
        ("ж" * 135, (3, "UCS-2", ("ж",), "10.50")),
    ],
)
def test_a_preview_counts_as_networks_do(desk: RuleDesk, text: str, told: tuple[object, ...]) -> None:
    shown = desk.preview(text)
    assert (shown.parts, shown.encoding, shown.ucs2, str(shown.cost)) == told


def test_a_preview_proposes_what_costs_less(desk: RuleDesk) -> None:
    assert desk.preview("“" + "a" * 100 + "”").plainer == '"' + "a" * 100 + '"'
    assert desk.preview("short").plainer is None


def test_placeholders_count_with_examples(desk: RuleDesk) -> None:
    assert desk.preview("{number_name}: sorry").text == "Moscow office: sorry"


# --- changing --------------------------------------------------------------------------------------------------------


@pytest.mark.promise("UIS-07")
def test_each_part_of_a_rule_can_be_changed_by_itself(desk: RuleDesk) -> None:
    before = add(desk, "Sales", team="Sales")
    changes: dict[str, Any] = {
        "name": "Sales, Moscow",
        "text": "We will call back.",
        "numbers": (SUPPORT, FREE),
        "delay_seconds": 0,
        "once_in_hours": 0,
        "team": "",
    }
    name = "Sales"
    for field, value in changes.items():
        after = desk.edit(name, RuleEdit(**{field: value})).rule
        name = after.name
        expected = {"team": None}.get(field, value)
        assert getattr(after, field) == expected
        others = [one for one in Rule.__dataclass_fields__ if one not in changes]
        assert [getattr(after, one) for one in others] == [getattr(before, one) for one in others]
    assert desk.show("Sales, Moscow").numbers == (SUPPORT, FREE)


@pytest.mark.promise("UIS-06")
def test_a_rule_is_switched_off_and_on(desk: RuleDesk) -> None:
    add(desk, "Sales")
    add(desk, "Support", SUPPORT)
    assert desk.switch("Sales", False).enabled is False
    assert [(rule.name, rule.enabled) for rule in desk.list()] == [("Sales", False), ("Support", True)]
    assert desk.switch("Sales", True).enabled is True
    assert add(desk, "Born off", enabled=False).enabled is False


@pytest.mark.promise("UIS-08")
def test_deleting_warns_first_and_leaves_all_as_it_is(desk: RuleDesk, office: Office) -> None:
    rule = add(desk, "Sales")
    waiting = office.message("one", rule_id=rule.id, rule="Sales")
    with pytest.raises(Unconfirmed) as warned:
        desk.delete("Sales")
    assert warned.value.question == "Delete the rule 'Sales'?"
    assert "1 message of it waits to be sent and will be cancelled" in warned.value.warning
    assert desk.list() == [rule]
    assert office.state(waiting) == "queued"


@pytest.mark.promise("UIS-08")
def test_a_confirmed_deletion_removes_it_and_cancels_what_waits(desk: RuleDesk, office: Office) -> None:
    rule, other = add(desk, "Sales"), add(desk, "Support", SUPPORT)
    waiting = [office.message(str(place), rule_id=rule.id, rule="Sales") for place in range(3)]
    sent = office.message("sent", rule_id=rule.id, rule="Sales", state="sent")
    others = office.message("other", rule_id=other.id, rule="Support")
    assert desk.delete("Sales", confirmed=True) == 3
    assert desk.list() == [other]
    assert {office.state(one) for one in waiting} == {"cancelled"}
    assert (office.state(sent), office.state(others)) == ("sent", "queued")
    told = office.sql("SELECT state, reason FROM message_events ORDER BY id").all()
    assert [tuple(row) for row in told] == [("cancelled", "rule 'Sales' was deleted")] * 3


def test_what_is_not_there_is_said_with_what_may_be_meant(desk: RuleDesk) -> None:
    add(desk, "Sales")
    with pytest.raises(NotFound, match="there is no rule 'Salse'; did you mean 'Sales'"):
        desk.show("Salse")
    for act in (desk.delete, desk.show, lambda name: desk.switch(name, True), lambda name: desk.edit(name, RuleEdit())):
        with pytest.raises(NotFound):
            act("Reception")


def test_a_number_of_two_rules_is_doubted(desk: RuleDesk) -> None:
    add(desk, "B")
    (doubt,) = desk.create(draft(name="C")).warnings
    assert doubt == "apology rule 'C': +74950000101 is rule 'B''s, which stands before it by name"
    (doubt,) = desk.create(draft(name="A", enabled=False)).warnings  # switched off, it takes nothing from anybody
    assert "'B'" in doubt
    assert "a call has nothing to put in for {item}" in desk.create(draft(name="D", text="{item}?")).warnings[0]


# --- the first as the hundredth --------------------------------------------------------------------------------------


@pytest.mark.promise("UIS-13")
def test_adding_is_the_same_with_no_rule_yet_and_with_a_hundred(desk: RuleDesk, office: Office) -> None:
    first = desk.create(draft(name="Rule 000"))
    for place in range(1, 100):
        add(desk, f"Rule {place:03}", FREE)
    hundredth = desk.create(draft(name="Rule 100", numbers=(SUPPORT,)))
    assert first.warnings == hundredth.warnings == ()
    assert len(desk.list()) == 101
    assert [rule.name for rule in desk.list(SUPPORT)] == ["Rule 100"]
    log = office.desk(PeopleDesk).changes(limit=200)
    assert [one.action for one in log] == ["create"] * 101


# --- finding ---------------------------------------------------------------------------------------------------------


@pytest.mark.promise("UIS-09")
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["Zürich", "sales, Moscow", "Продажи"]),
        ("SALES", ["sales, Moscow"]),
        ("moscow", ["sales, Moscow"]),
        ("про", ["Продажи"]),
        ("zÜR", ["Zürich"]),
        (SALES, ["sales, Moscow"]),
        ("8 (495) 000-01-01", ["sales, Moscow"]),
        ("84950000101", ["sales, Moscow"]),
        ("0101", ["sales, Moscow"]),
        ("00-01-0", ["Zürich", "sales, Moscow", "Продажи"]),
        ("0000102", ["Продажи"]),
        ("+7495", ["Zürich", "sales, Moscow", "Продажи"]),
        ("999", []),
        ("%", []),
        ("_", []),
        ("()", []),
    ],
)
def test_rules_are_found_by_name_and_by_number_or_part_of_one(desk: RuleDesk, search: str, found: list[str]) -> None:
    add(desk, "sales, Moscow", SALES)
    add(desk, "Продажи", SUPPORT)
    add(desk, "Zürich", FREE)
    assert [rule.name for rule in desk.list(search)] == found


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp")),
    min_size=1,
    max_size=20,
)


@pytest.mark.promise("UIS-09")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(data=st.data())
def test_any_part_of_a_name_or_a_number_finds_its_rule(desk: RuleDesk, data: st.DataObject) -> None:
    name = data.draw(NAMES.filter(lambda text: text.isprintable()))
    numbers = data.draw(st.lists(st.sampled_from([SALES, SUPPORT, FREE]), min_size=1, unique=True))
    with desk.connection.begin_nested() as savepoint:
        rule = add(desk, name, *numbers)
        for text in (rule.name, data.draw(st.sampled_from(rule.numbers))[1:]):
            start = data.draw(st.integers(0, len(text) - 1))
            part = text[start : data.draw(st.integers(start + 1, len(text)))]
            assert rule in desk.list(part)
            assert rule in desk.list(part.lower())
        assert all(
            part.casefold() in found.name.casefold() or any(part.strip("+") in one for one in found.numbers)
            for found in desk.list(part)
        )
        savepoint.rollback()

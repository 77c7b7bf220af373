"""No method of any desk is reached without its right: they are found by looking, and held to a table."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import ari_app.desk
from ari_app.core.rights import EVERY_GRANT, Actor, Forbidden, Grant, Right, Subject
from ari_app.desk.base import Desk
from ari_app.desk.people import PeopleDesk, actor_of
from ari_app.desk.rules import RuleDesk, RuleDraft, RuleEdit
from tests.desk.conftest import SALES, Office

TABLE = {
    "RuleDesk.list": "rules view",
    "RuleDesk.show": "rules view",
    "RuleDesk.preview": "rules view",
    "RuleDesk.create": "rules create",
    "RuleDesk.edit": "rules edit",
    "RuleDesk.switch": "rules edit",
    "RuleDesk.delete": "rules delete",
    "TypeDesk.list": "message-types view",
    "TypeDesk.set": "message-types edit",
    "TypeDesk.switch": "message-types edit",
    "TypeDesk.remove": "message-types delete",
    "MessageDesk.list": "messages view",
    "MessageDesk.show": "messages view",
    "MessageDesk.latest": "messages view",
    "MessageDesk.stats": "messages view",
    "MessageDesk.cancel": "messages edit",
    "MessageDesk.retry": "messages edit",
    "HandDesk.check": "messages create",
    "HandDesk.send": "messages create",
    "ConsentDesk.list": "consent view",
    "ConsentDesk.refuse": "consent create",
    "ConsentDesk.take_in": "consent create",
    "ConsentDesk.allow": "consent delete",
    "ClientDesk.show": "consent view",
    "ClientDesk.set": "consent edit",
    "ClientDesk.export": "consent view, messages view, recordings view, tickets view",
    "ErasureDesk.erase": "consent delete, messages delete, recordings delete, tickets delete",
    "ErasureDesk.traces": "consent view",
    "RecordingDesk.of_call": "recordings view",
    "TicketDesk.list": "tickets view",
    "TicketDesk.show": "tickets view",
    "TicketDesk.open": "tickets create",
    "TicketDesk.close": "tickets edit",
    "TicketDesk.reopen": "tickets edit",
    "PeopleDesk.users": "users view",
    "PeopleDesk.roles": "users view",
    "PeopleDesk.changes": "users view",
    "PeopleDesk.add_user": "users create",
    "PeopleDesk.add_role": "users create",
    "PeopleDesk.enable": "users edit",
    "PeopleDesk.grant_user": "users edit",
    "PeopleDesk.grant_role": "users edit",
    "PeopleDesk.revoke_user": "users edit",
    "PeopleDesk.revoke_role": "users edit",
    "PeopleDesk.give_role": "users edit",
    "PeopleDesk.take_role": "users edit",
    "PeopleDesk.new_token": "users edit",
    "PeopleDesk.void_token": "users edit",
    "PeopleDesk.remove_user": "users delete",
    "PeopleDesk.remove_role": "users delete",
}


def desks() -> Iterator[type[Desk]]:
    """Every desk of the package, found by importing all of it."""
    for module in pkgutil.iter_modules(ari_app.desk.__path__):
        for found in vars(importlib.import_module(f"ari_app.desk.{module.name}")).values():
            if inspect.isclass(found) and issubclass(found, Desk) and found.__module__.endswith(f".{module.name}"):
                yield found


METHODS = [
    (desk, name)
    for desk in desks()
    if desk is not Desk
    for name, member in vars(desk).items()
    if not name.startswith("_") and inspect.isfunction(member)
]


class Untouched:
    """A connection that nobody may use."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the database was touched: {name}")


def called(desk: type[Desk], name: str, grants: frozenset[Grant]) -> None:
    """Call a method without a database, and without arguments: rights are asked for before either is needed."""
    fields = {field: Untouched() for field in desk.__dataclass_fields__ if field not in ("actor", "now")}
    make: Any = desk
    getattr(make(actor=Actor("anna", grants), **fields), name)()


@pytest.mark.promise("UIS-11")
def test_the_table_has_every_method_of_every_desk() -> None:
    found = {
        f"{desk.__name__}.{name}": ", ".join(sorted(map(str, vars(vars(desk)[name]).get("grants", ("no right",)))))
        for desk, name in METHODS
    }
    assert found == TABLE


@pytest.mark.promise("UIS-11")
@pytest.mark.parametrize(("desk", "name"), METHODS, ids=[f"{desk.__name__}.{name}" for desk, name in METHODS])
def test_without_its_right_nothing_is_even_looked_at(desk: type[Desk], name: str) -> None:
    for needed in vars(vars(desk)[name])["grants"]:
        with pytest.raises(Forbidden) as refusal:
            called(desk, name, EVERY_GRANT - {needed})
        assert refusal.value.grant == needed
        assert f"ari-app users grant anna {needed}" in str(refusal.value)


@pytest.mark.parametrize(("desk", "name"), METHODS, ids=[f"{desk.__name__}.{name}" for desk, name in METHODS])
def test_its_right_alone_is_enough_to_enter(desk: type[Desk], name: str) -> None:
    with pytest.raises((TypeError, AssertionError), match=r"missing \d|was touched"):
        called(desk, name, frozenset(vars(vars(desk)[name])["grants"]))


STORY: list[tuple[Right, Callable[[RuleDesk], object]]] = [
    (Right.VIEW, lambda desk: desk.list()),
    (Right.CREATE, lambda desk: desk.create(RuleDraft("New", (SALES,), "Sorry!"))),
    (Right.EDIT, lambda desk: desk.edit("Sales", RuleEdit(text="Sorry.")) and desk.switch("Sales", False)),
    (Right.DELETE, lambda desk: desk.delete("Sales", confirmed=True)),
]


@pytest.mark.promise("UIS-11")
@pytest.mark.parametrize("held", Right)
def test_a_role_gives_exactly_its_right_over_rules(office: Office, held: Right) -> None:
    """By the database, as every way in does it: a user, a role, the role's right."""
    office.desk(RuleDesk).create(RuleDraft("Sales", (SALES,), "Sorry!"))
    people = office.desk(PeopleDesk)
    people.add_user("boris")
    people.add_role("one right")
    people.grant_role("one right", [Grant(Subject.RULES, held)])
    people.give_role("one right", "boris")
    desk = office.desk(RuleDesk, actor_of(office.connection, "boris"))
    for right, act in STORY:
        if right is held:
            act(desk)
        else:
            with pytest.raises(Forbidden, match=f"boris may not {right} rules"):
                act(desk)


def test_a_subject_of_another_release_is_no_right(office: Office) -> None:
    people = office.desk(PeopleDesk)
    people.add_user("boris")
    office.sql("INSERT INTO grants (user_id, subject, \"right\") SELECT id, 'spaceships', 'view' FROM users")
    assert actor_of(office.connection, "boris").grants == frozenset()


def test_the_clock_and_the_actor_are_in_the_log(office: Office) -> None:
    office.desk(RuleDesk).create(RuleDraft("Sales", (SALES,), "Sorry!"))
    (change,) = office.desk(PeopleDesk).changes()
    assert (change.at, change.actor, change.subject, change.action, change.target) == (
        *(office.at, "anna", "rules", "create", "Sales"),
    )
    assert change.details == {"numbers": [SALES], "text": "Sorry!", "team": None}


def test_what_is_rolled_back_is_not_in_the_log(office: Office) -> None:
    savepoint = office.connection.begin_nested()
    office.desk(PeopleDesk).add_user("boris")
    savepoint.rollback()
    assert office.desk(PeopleDesk).changes() == []

"""Users, roles and tokens at their desk, on both databases."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa

from ari_app.core.rights import EVERY_GRANT, Actor, Forbidden, Grant, Right, Subject
from ari_app.desk.base import NotFound, Refused, Unconfirmed
from ari_app.desk.people import NotAUser, PeopleDesk, actor_by_token, actor_of
from ari_app.storage.message_schema import users
from tests.desk.conftest import Office

VIEW_RULES, EDIT_RULES = Grant(Subject.RULES, Right.VIEW), Grant(Subject.RULES, Right.EDIT)
VIEW_MESSAGES = Grant(Subject.MESSAGES, Right.VIEW)


@pytest.fixture
def desk(office: Office) -> PeopleDesk:
    found: PeopleDesk = office.desk(PeopleDesk)
    found.add_user("boris")
    return found


def grants(desk: PeopleDesk, name: str = "boris") -> set[Grant]:
    """What a user may do, as every way in reads it."""
    return set(actor_of(desk.connection, name).grants)


@pytest.mark.promise("UIS-11")
def test_rights_are_given_and_taken(desk: PeopleDesk) -> None:
    assert grants(desk) == set()
    assert desk.grant_user("boris", [VIEW_RULES, EDIT_RULES]) == 2
    assert desk.grant_user("boris", [VIEW_RULES]) == 0
    assert grants(desk) == {VIEW_RULES, EDIT_RULES}
    assert desk.revoke_user("boris", [EDIT_RULES, VIEW_MESSAGES]) == 1
    assert grants(desk) == {VIEW_RULES}


@pytest.mark.promise("UIS-11")
def test_roles_give_their_rights_to_all_who_have_them(desk: PeopleDesk) -> None:
    desk.add_role("editor")
    desk.grant_role("editor", [EDIT_RULES])
    desk.give_role("editor", "boris")
    desk.give_role("editor", "boris")
    desk.grant_user("boris", [VIEW_RULES])
    assert grants(desk) == {VIEW_RULES, EDIT_RULES}
    desk.grant_role("editor", [VIEW_MESSAGES])
    assert grants(desk) == {VIEW_RULES, EDIT_RULES, VIEW_MESSAGES}
    assert desk.revoke_role("editor", [EDIT_RULES]) == 1
    (user,), (role,) = desk.users(), desk.roles()
    assert (user.roles, user.grants) == (("editor",), ("messages view", "rules view"))
    assert (role.grants, role.users) == (("messages view",), ("boris",))
    desk.take_role("editor", "boris")
    assert grants(desk) == {VIEW_RULES}
    with pytest.raises(Refused, match="'boris' has not got the role 'editor'"):
        desk.take_role("editor", "boris")


def test_a_role_that_goes_takes_its_rights_along(desk: PeopleDesk) -> None:
    desk.add_role("editor")
    desk.grant_role("editor", [EDIT_RULES])
    desk.give_role("editor", "boris")
    with pytest.raises(Unconfirmed):
        desk.remove_role("editor")
    assert grants(desk) == {EDIT_RULES}
    desk.remove_role("editor", confirmed=True)
    assert grants(desk) == set()


@pytest.mark.parametrize("giving", ["user", "role", "given role", "token", "enabled"])
def test_nobody_gives_what_they_have_not_got(desk: PeopleDesk, office: Office, giving: str) -> None:
    """Else whoever may edit users may do everything, by way of somebody else."""
    desk.add_role("editor")
    desk.grant_role("editor", [EDIT_RULES])
    desk.add_user("chief")
    desk.grant_user("chief", EVERY_GRANT)
    clerk = office.desk(PeopleDesk, Actor("clerk", frozenset({Grant(Subject.USERS, Right.EDIT), VIEW_RULES})))
    attempts = {
        "user": lambda: clerk.grant_user("boris", [EDIT_RULES]),
        "role": lambda: clerk.grant_role("editor", [EDIT_RULES]),
        "given role": lambda: clerk.give_role("editor", "boris"),
        "token": lambda: clerk.new_token("chief"),
        "enabled": lambda: clerk.enable("chief", True),
    }
    with pytest.raises(Forbidden, match="clerk may not"):
        attempts[giving]()
    assert clerk.grant_user("boris", [VIEW_RULES]) == 1
    assert grants(desk) == {VIEW_RULES}


def test_a_token_is_shown_once_and_kept_as_its_hash(desk: PeopleDesk) -> None:
    desk.grant_user("boris", [VIEW_RULES])
    token = desk.new_token("boris")
    assert len(token) >= 43  # 32 random bytes in base64
    kept = desk.connection.scalar(sa.select(users.c.token_hash))
    assert kept == hashlib.sha256(token.encode()).hexdigest()
    assert actor_by_token(desk.connection, token) == Actor("boris", frozenset({VIEW_RULES}))
    for wrong in ("", token[:-1], token + "x", kept, "é", "\udc80"):
        assert actor_by_token(desk.connection, wrong) is None
    assert desk.new_token("boris") != token
    assert actor_by_token(desk.connection, token) is None


def test_a_token_may_be_voided(desk: PeopleDesk) -> None:
    token = desk.new_token("boris")
    assert desk.users()[0].has_token
    desk.void_token("boris")
    assert actor_by_token(desk.connection, token) is None
    assert not desk.users()[0].has_token


def test_a_disabled_user_is_out_and_so_is_the_token(desk: PeopleDesk) -> None:
    token = desk.new_token("boris")
    desk.enable("boris", False)
    with pytest.raises(NotAUser, match="'boris' is disabled"):
        actor_of(desk.connection, "boris")
    assert actor_by_token(desk.connection, token) is None
    desk.enable("boris", True)
    assert actor_by_token(desk.connection, token) is not None


def test_names_are_given_once_and_not_left_out(desk: PeopleDesk) -> None:
    with pytest.raises(Refused, match="a user 'boris' exists"):
        desk.add_user(" boris ")
    with pytest.raises(Refused, match="the role has no name"):
        desk.add_role(" \n")
    with pytest.raises(NotAUser, match="there is no user 'nobody'"):
        actor_of(desk.connection, "nobody")
    for act in (desk.new_token, desk.void_token, desk.remove_user, lambda name: desk.enable(name, True)):
        with pytest.raises(NotFound, match="there is no user 'nobody'; ari-app users list"):
            act("nobody")


@pytest.mark.parametrize("name", ["operator", " Operator root"])
def test_nobody_is_called_as_the_operator_is(desk: PeopleDesk, name: str) -> None:
    with pytest.raises(Refused, match="the log must not take a user for that"):
        desk.add_user(name)
    desk.add_user("operators")


def test_a_user_goes_and_what_they_did_stays(desk: PeopleDesk, office: Office) -> None:
    desk.grant_user("boris", EVERY_GRANT)
    office.desk(PeopleDesk, actor_of(office.connection, "boris")).add_user("vera")
    with pytest.raises(Unconfirmed):
        desk.remove_user("boris")
    desk.remove_user("boris", confirmed=True)
    assert [user.name for user in desk.users()] == ["vera"]
    assert office.sql("SELECT count(*) FROM grants").scalar_one() == 0
    assert [change.target for change in desk.changes(actor="boris")] == ["vera"]
    assert len(desk.changes(subject=Subject.USERS)) == 4
    assert desk.changes(subject=Subject.RULES) == []

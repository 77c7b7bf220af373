"""Rights: each by itself, and a refusal that says how to mend it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.rights import EVERY_GRANT, Actor, Forbidden, Grant, Right, Subject, require

GRANTS = st.builds(Grant, st.sampled_from(Subject), st.sampled_from(Right))


@given(st.frozensets(GRANTS), GRANTS)
def test_exactly_what_was_granted_may_be_done(grants: frozenset[Grant], asked: Grant) -> None:
    actor = Actor("anna", grants)
    if asked in grants:
        require(actor, asked.subject, asked.right)
    else:
        with pytest.raises(Forbidden) as refusal:
            require(actor, asked.subject, asked.right)
        assert (refusal.value.actor, refusal.value.grant) == (actor, asked)
    assert actor.may(asked.subject, asked.right) is (asked in grants)


def test_a_new_actor_may_do_nothing() -> None:
    assert not any(Actor("anna").may(grant.subject, grant.right) for grant in EVERY_GRANT)


def test_an_actor_of_everything_may_do_all_there_is() -> None:
    admin = Actor.everything("admin")
    assert admin.name == "admin"
    assert len(EVERY_GRANT) == 32
    for subject in Subject:
        for right in Right:
            require(admin, subject, right)


@pytest.mark.parametrize(
    ("name", "subject", "right", "message"),
    [
        (
            "anna",
            Subject.RULES,
            Right.EDIT,
            "anna may not edit rules; an admin grants it with: ari-app users grant anna rules edit",
        ),
        (
            "anna",
            Subject.MESSAGE_TYPES,
            Right.VIEW,
            "anna may not view message types; an admin grants it with: ari-app users grant anna message-types view",
        ),
        (
            "an\r\nna",
            Subject.USERS,
            Right.DELETE,
            "anna may not delete users; an admin grants it with: ari-app users grant anna users delete",
        ),
    ],
)
def test_a_refusal_says_who_lacks_what_and_how_it_is_granted(
    name: str, subject: Subject, right: Right, message: str
) -> None:
    with pytest.raises(Forbidden) as refusal:
        require(Actor(name), subject, right)
    assert str(refusal.value) == message

"""Drafts without an error compile into what decisions go by; what an enumeration does not know is refused."""

from __future__ import annotations

import pytest

from ari_app.core.message_book import ApologyRule, Contact, MessageType
from ari_app.core.message_draft import (
    ContactDraft,
    RuleDraft,
    TypeDraft,
    compiled_contact,
    compiled_rule,
    compiled_type,
)
from ari_app.core.messages import Audience, Channel, MessageKind

SALES = "+74950000101"


def test_a_rule() -> None:
    draft = RuleDraft(7, "Sorry", "We missed you", (SALES,))
    assert compiled_rule(draft) == ApologyRule(7, "Sorry", "We missed you", frozenset({SALES}))


def test_a_type() -> None:
    draft = TypeDraft("Sales", "missed", "staff", "email", text="Missed: {caller}", with_team=True, offset_minutes=5)
    assert compiled_type(draft) == MessageType(
        MessageKind.MISSED, Audience.STAFF, Channel.EMAIL, "Missed: {caller}", with_team=True, offset_minutes=5
    )


def test_a_contact() -> None:
    draft = ContactDraft("Sales", "admin", "sms", "+79160000003")
    assert compiled_contact(draft) == Contact(Audience.ADMIN, Channel.SMS, "+79160000003")


@pytest.mark.parametrize("changes", [{"kind": "mised"}, {"audience": "all"}, {"channel": "pigeon"}])
def test_what_an_enumeration_does_not_know_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes.values()))):
        compiled_type(TypeDraft("Sales", "missed", text="x")._replace(**changes))  # type: ignore[arg-type]

"""What makes no sense about rules, types and contacts is named, with its mend."""

from __future__ import annotations

from typing import Any

import pytest

from ari_app.core.checks import Problem, Severity
from ari_app.core.message_checks import contact_problems, rule_problems, shadowed, type_problems
from ari_app.core.message_draft import ContactDraft, RuleDraft, TypeDraft

LISTED = ("+74950000101", "+74950000102")
RULE = RuleDraft(1, "Sorry", "We missed you", ("+74950000101",))
TYPE = TypeDraft("Sales", "missed", text="We missed you")
CONTACT = ContactDraft("Sales", "staff", "email", "sales@example.com")


def said(problems: tuple[Problem, ...]) -> list[tuple[Severity, str]]:
    return [(problem.severity, str(problem)) for problem in problems]


def test_what_makes_sense_is_not_complained_of() -> None:
    assert rule_problems(RULE, LISTED) == ()
    assert type_problems(TYPE) == ()
    assert contact_problems(CONTACT) == ()


@pytest.mark.promise("UIS-04")
@pytest.mark.parametrize(
    ("changes", "severity", "text"),
    [
        ({"name": " "}, Severity.ERROR, "it has no name"),
        ({"text": " "}, Severity.ERROR, "it has no text; write what is to be sent"),
        ({"numbers": ()}, Severity.ERROR, "it has no dialled number; add one"),
        ({"numbers": ("84950000101",)}, Severity.ERROR, "is not an E.164 number"),
        ({"numbers": ("+74950000999",)}, Severity.WARNING, "+74950000999 is not in the table of numbers"),
        ({"text": "Sorry, {caler}"}, Severity.ERROR, "did you mean {caller}?"),
        ({"text": "Sorry, {caller.__class__}"}, Severity.ERROR, "unknown placeholder"),
        ({"text": "Sorry, {caller"}, Severity.ERROR, "a lone {"),
        ({"text": "x" * 1531}, Severity.ERROR, "takes 11 SMS, 10 at most are sent"),
        ({"text": "See {link}"}, Severity.WARNING, "a call has nothing to put in for {link}"),
        ({"delay_seconds": 86_401}, Severity.ERROR, "its delay in seconds is 86401; it must be 0 to 86400"),
        ({"once_in_hours": -1}, Severity.ERROR, "once in hours is -1; it must be 0 to 8760"),
    ],
)
def test_a_rule_that_makes_no_sense(changes: dict[str, Any], severity: Severity, text: str) -> None:
    ((found, words),) = said(rule_problems(RULE._replace(**changes), LISTED))
    assert found is severity
    assert text in words
    assert words.startswith("apology rule")


@pytest.mark.parametrize(
    ("changes", "severity", "text"),
    [
        ({"kind": "mised"}, Severity.ERROR, "'mised' is no kind of a message type"),
        ({"kind": "apology"}, Severity.ERROR, "'apology' is no kind of a message type"),
        ({"audience": "all"}, Severity.ERROR, "write client, staff, admin"),
        ({"channel": "webhook"}, Severity.ERROR, "write sms, email, push"),
        ({"text": ""}, Severity.ERROR, "it has no text"),
        ({"extra": "{nonsense}"}, Severity.ERROR, "unknown placeholder"),
        ({"text": "x" * 765, "extra": "x" * 765}, Severity.ERROR, "takes 11 SMS"),
        ({"text": "See {link}"}, Severity.WARNING, "a call has nothing to put in for {link}"),
        ({"offset_minutes": 50_000}, Severity.ERROR, "its offset in minutes is 50000"),
        ({"offset_minutes": -5}, Severity.WARNING, "it is taken for 0"),
        ({"channel": "email"}, Severity.WARNING, "nothing but the number is known"),
        ({"kind": "voicemail_notice"}, Severity.WARNING, "never sent to clients"),
    ],
)
def test_a_type_that_makes_no_sense(changes: dict[str, Any], severity: Severity, text: str) -> None:
    ((found, words),) = said(type_problems(TYPE._replace(**changes)))
    assert found is severity
    assert text in words
    assert words.startswith("team 'Sales', message ")


def test_what_is_raised_from_outside_brings_its_own_values() -> None:
    assert type_problems(TypeDraft("Sales", "ask_for_payment", text="{name}, pay at {link}")) == ()
    assert type_problems(TypeDraft("Sales", "item_reminder", text="{item}", offset_minutes=-60)) == ()
    assert type_problems(TypeDraft("Sales", "item_reminder", channel="email", text="x" * 5000)) == ()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"audience": "client"}, "write staff or admin"),
        ({"channel": "ticket"}, "write sms, email, push or webhook"),
        ({"address": "nobody"}, "is not an e-mail address"),
        ({"channel": "sms"}, "is not an E.164 number"),
    ],
)
def test_a_contact_that_makes_no_sense(changes: dict[str, str], text: str) -> None:
    ((severity, words),) = said(contact_problems(CONTACT._replace(**changes)))
    assert severity is Severity.ERROR
    assert text in words


def test_a_number_that_another_rule_takes_is_told() -> None:
    first, second = RULE._replace(name="A"), RULE._replace(name="B", numbers=LISTED)
    (problem,) = shadowed([first, second])
    assert str(problem) == "apology rule 'B': +74950000101 is rule 'A''s, which stands before it by name"
    assert list(shadowed([first._replace(enabled=False), second])) == []
    assert list(shadowed([first, second._replace(enabled=False)])) == []

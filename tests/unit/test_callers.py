"""Rules by caller: the most specific counts, who is refused hears it, nobody is apologised to for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.agi.walk import Exchange, begin
from ari_app.core import explain
from ari_app.core.callers import CallerRuleDraft, CallerRules, fault, rule_words, rules_of
from ari_app.core.engine import Arrival, route, route_again
from ari_app.core.message_book import ApologyRule, MessageBook
from ari_app.core.outcomes import HangUpCause
from ari_app.core.scheme import Branch, Destination, DialStep, HangUpStep, RingStrategy, Scheme, SchemeBook, TargetKind
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition, Reason
from ari_app.dialstring import DialTemplates
from ari_app.ports import CallOpened
from ari_app.simulation import Simulated, parse_outcomes, simulate
from tests.fakes.scripted import NUMBER, always

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CALLER = "+79161112233"


def ring(*names: str, days: int = 0, strategy: RingStrategy = RingStrategy.IN_TURN) -> DialStep:
    return DialStep(strategy, tuple(Destination(TargetKind.ENDPOINT, name, 20) for name in names), days)


PLAIN = always("UTC", ring("desk"))
OFFICE = next(iter(PLAIN.numbers.values())).scheme
assert OFFICE is not None
VIP = Scheme("VIP", OFFICE.zone, (Branch("Day", (), (ring("boss"),)), Branch("Night", (), (ring("guard"),))), "v1")


def rules(*drafts: CallerRuleDraft) -> CallerRules:
    return rules_of({draft: VIP if draft.scheme else None for draft in drafts})


def book(*drafts: CallerRuleDraft) -> SchemeBook:
    return replace(PLAIN, callers=rules(*drafts))


def call(
    plan: SchemeBook, caller: str | None = CALLER, dialled: str = NUMBER, messages: MessageBook | None = None
) -> Simulated:
    opened = CallOpened("call", NOW, caller, caller or "", dialled, dialled)
    return simulate(opened, plan, (HangUpStep(),), parse_outcomes("answer"), messages=messages)


def rung(result: Simulated) -> list[object]:
    return [entry.details["destination"] for entry in result.timeline if entry.kind is Kind.LEG_DIALED]


@pytest.mark.promise("FLD-06")
@pytest.mark.parametrize(
    ("caller", "number", "expected"),
    [
        ("+79161112233", NUMBER, "whole, here"),
        ("+79161112233", "+74950000199", "whole"),
        ("+79161119999", NUMBER, "longer"),
        ("+79991112233", NUMBER, "shorter, here"),
        ("+79991112233", "+74950000199", "shorter"),
        ("+48221112233", NUMBER, None),
        (None, NUMBER, "nobody"),
        (None, None, "nobody"),
    ],
)
def test_the_most_specific_rule_counts(caller: str | None, number: str | None, expected: str | None) -> None:
    known = rules(
        CallerRuleDraft("+79161112233", reason="whole"),
        CallerRuleDraft("+79161112233", NUMBER, reason="whole, here"),
        CallerRuleDraft("+7916*", reason="longer"),
        CallerRuleDraft("+79*", reason="shorter"),
        CallerRuleDraft("+79*", NUMBER, reason="shorter, here"),
        CallerRuleDraft("anonymous", reason="nobody"),
    )
    found = known.rule_for(caller, number)
    assert (found.reason if found else None) == expected


DIGITS = st.text("79", min_size=1, max_size=14).map(lambda digits: f"+7{digits}")


@given(st.dictionaries(DIGITS, st.booleans(), max_size=12), DIGITS)
def test_a_rule_is_found_if_there_is_one_and_none_that_fits_better(drawn: dict[str, bool], caller: str) -> None:
    patterns = {f"{digits}*" if begins else digits for digits, begins in drawn.items()}
    found = rules(*(CallerRuleDraft(pattern, reason=pattern) for pattern in patterns)).rule_for(caller, NUMBER)
    fitting = [one for one in patterns if one == caller or (one.endswith("*") and caller.startswith(one[:-1]))]
    best = max(fitting, key=lambda one: (one == caller, len(one)), default=None)
    assert (found.reason if found else None) == best


@pytest.mark.promise("FLD-06")
@pytest.mark.parametrize(
    ("answer", "cause", "hears"), [("busy", HangUpCause.BUSY, "are busy"), ("decline", HangUpCause.NORMAL, "decline")]
)
@pytest.mark.parametrize("dialled", [NUMBER, "+74950000199"])
def test_a_blocked_caller_is_refused_and_brings_no_message(
    answer: str, cause: HangUpCause, hears: str, dialled: str
) -> None:
    messages = MessageBook(rules=(ApologyRule(1, "Sorry", "Sorry", numbers=frozenset({NUMBER})),))
    result = call(book(CallerRuleDraft("+7916*", action=answer, reason="spam")), dialled=dialled, messages=messages)
    assert rung(result) == []
    assert (result.verdict.disposition, result.verdict.reason) == (Disposition.LOST, Reason.BLOCKED)
    assert result.intents == ()
    (hung_up,) = (entry for entry in result.timeline if entry.kind is Kind.HUNG_UP)
    assert hung_up.details["cause"] == cause.value
    told = [explain.sentence(entry) for entry in result.timeline]
    assert f"the caller is blocked by the rule for +7916* (spam), and hears that we {hears}" in told
    assert told[-2:] == ["lost: this caller is blocked", "no apology (SMS to the client): the caller is blocked"]
    assert route_again(result.timeline, PLAIN, ()) == (HangUpStep(cause),), "so does who takes the call up"


@pytest.mark.promise("FLD-06")
@pytest.mark.parametrize(("branch", "whom"), [("", "boss"), ("Night", "guard")])
def test_a_preferred_caller_goes_by_another_scheme(branch: str, whom: str) -> None:
    plan = book(CallerRuleDraft(CALLER, action="scheme", scheme="VIP", branch=branch))
    result = call(plan)
    assert rung(result) == [whom]
    told = [explain.sentence(entry) for entry in result.timeline]
    assert f"the caller goes by the rule for {CALLER}: scheme 'VIP'" in told
    if branch:
        assert "branch 'Night' chosen: it is Mon 09:00 UTC, and this branch is the caller's" in told
    assert rung(call(plan, "+48221112233")) == ["desk"]
    assert route_again(result.timeline, plan, ()) == (ring(whom),)


def test_a_caller_s_rule_holds_without_a_controller_too() -> None:
    plan = book(CallerRuleDraft("anonymous"), CallerRuleDraft(CALLER, action="scheme", scheme="VIP"))
    exchange = Exchange(plan, (), DialTemplates())
    assert begin(Arrival(None, NUMBER, NUMBER, NOW), exchange).deed is HangUpCause.BUSY
    found = begin(Arrival(CALLER, NUMBER, NUMBER, NOW), exchange)
    assert found.route.scheme == VIP


def test_a_number_that_is_not_ours_or_off_has_no_scheme_for_anybody() -> None:
    plan = book(CallerRuleDraft(CALLER, action="scheme", scheme="VIP"))
    assert route(Arrival(CALLER, "+74950000199", "", NOW), plan, ()).scheme is None


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (CallerRuleDraft("+79161112233"), None),
        (CallerRuleDraft("anonymous", action="decline"), None),
        (CallerRuleDraft("+7*", action="scheme", scheme="VIP", branch="Night"), None),
        (CallerRuleDraft("8916*"), "it is about no caller"),
        (CallerRuleDraft("+79161112233", action="whisper"), "'whisper' is no action"),
        (CallerRuleDraft("+7*", action="scheme"), "a scheme is named with the action scheme"),
        (CallerRuleDraft("+7*", scheme="VIP"), "a scheme is named with the action scheme"),
        (CallerRuleDraft("+7*", branch="Night"), "a branch is named with the action scheme"),
        (CallerRuleDraft("+7*", action="scheme", scheme="Gone"), "there is no scheme 'Gone' in force"),
        (CallerRuleDraft("+7*", action="scheme", scheme="VIP", branch="Noon"), "branch 'Noon' is none"),
    ],
)
def test_what_makes_no_sense_is_told(draft: CallerRuleDraft, expected: str | None) -> None:
    found = fault(draft, VIP if draft.scheme == "VIP" else None)
    assert found is None if expected is None else str(found).startswith(expected)


def test_a_rule_in_a_line() -> None:
    assert rule_words(CallerRuleDraft("+7*", NUMBER, reason="x")) == f"caller +7* to {NUMBER}: busy (x)"
    vip = CallerRuleDraft("+7*", action="scheme", scheme="VIP", branch="Night")
    assert rule_words(vip) == "caller +7*: scheme 'VIP', branch 'Night'"
    assert rule_words(vip._replace(branch="")) == "caller +7*: scheme 'VIP'"

"""Press 1 to take the call, in every order of things."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ari_app.accepting import prompt
from ari_app.agi.walk import Exchange, Ring, begin
from ari_app.core import explain
from ari_app.core.engine import Arrival, describe
from ari_app.core.manager_draft import destinations_of, told, understood
from ari_app.core.outcomes import LegOutcome
from ari_app.core.responsible import Manager
from ari_app.core.scheme import Destination, DialStep, Greeting, RingStrategy, TargetKind, VoicemailStep
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition
from ari_app.dialstring import DialTemplates
from ari_app.ports import CallOpened
from ari_app.simulation import parse_outcomes, simulate
from tests.fakes.scripted import CALLER, NUMBER, Conducted, LegPlan, Plan, always, answers, call

pytestmark = pytest.mark.promise("FLD-02")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOGETHER = RingStrategy.ALL_AT_ONCE


def step(*seconds: int, strategy: RingStrategy = RingStrategy.IN_TURN) -> DialStep:
    names = zip("abc", seconds, strict=False)
    return DialStep(
        strategy, tuple(Destination(TargetKind.ENDPOINT, name, 20, confirm_seconds=each) for name, each in names)
    )


def ring(plan: DialStep, *legs: LegPlan, leaves_at: float | None = None) -> Conducted:
    return call(always("UTC", plan), Plan(legs=legs, leaves_at=leaves_at))


CARRIER = replace(answers(0.1), accepts=None)


def test_who_presses_1_talks_and_who_does_not_has_not_answered() -> None:
    conducted = ring(step(8, 8), CARRIER, answers(1))
    assert conducted.outcomes == [LegOutcome.NOT_ACCEPTED, LegOutcome.ANSWERED]
    assert conducted.line.legs[0].told[0] is LegOutcome.NOT_ACCEPTED
    assert len(conducted.line.bridged) == 1
    assert not any(leg.alone for leg in conducted.line.legs), "Dial() would connect whoever picks up"
    assert [entry.details["destination"] for entry in conducted.of(Kind.ACCEPTED)] == ["b"]


def test_while_one_is_asked_another_rings_on_and_whoever_takes_the_call_first_has_it() -> None:
    conducted = ring(step(15, 0, strategy=TOGETHER), CARRIER, answers(4))
    assert conducted.verdict is not None
    assert conducted.verdict.answered_by == "b"
    asked, _ = conducted.line.legs
    assert asked.told[0] is LegOutcome.ANSWERED_ELSEWHERE
    assert asked.ended_at is not None
    assert asked.ended_at < 4.1, "told at once"


def test_of_two_who_are_asked_the_first_to_press_has_the_call() -> None:
    conducted = ring(step(9, 9, strategy=TOGETHER), replace(answers(1), accepts=5.0), replace(answers(2), accepts=1.0))
    assert conducted.verdict is not None
    assert conducted.verdict.answered_by == "b"


def test_a_caller_who_leaves_while_somebody_is_asked_is_lost() -> None:
    conducted = ring(step(9), CARRIER, leaves_at=4.0)
    assert conducted.verdict is not None
    assert conducted.verdict.disposition is Disposition.LOST
    assert conducted.line.bridged == []
    assert conducted.line.legs[0].ended.done()


def test_who_hangs_up_instead_is_told_so() -> None:
    conducted = ring(step(9), replace(CARRIER, ends_at=2.0))
    (ended,) = conducted.of(Kind.LEG_ENDED)
    assert ended.details["text"] == "hung up without pressing 1"


def test_the_prompt_says_the_caller_s_number_digit_by_digit() -> None:
    assert prompt("ru", "+71") == (
        "ari-app/ru/a-call",
        "ari-app/ru/digit-7",
        "ari-app/ru/digit-1",
        "ari-app/ru/press-1",
    )
    assert prompt("en", None) == ("ari-app/en/a-call", "ari-app/en/press-1")


def test_a_simulated_carrier_s_voicemail_is_told_as_a_real_one() -> None:
    book = always("UTC", step(8, 8))
    opened = CallOpened("call", NOW, CALLER, CALLER, NUMBER, NUMBER)
    result = simulate(opened, book, (), parse_outcomes("carrier@1,answer@3"))
    words = [explain.sentence(entry) for entry in result.timeline]
    assert "a is told who is calling, and has 8 s to press 1" in words
    assert "a picked up and did not take the call (1 was not pressed in 8 s)" in words
    assert "b pressed 1" in words
    assert result.verdict.answered_by == "b"
    assert describe(step(8)) == "ring in turn: a (20 s, press 1 in 8 s)"


def test_a_manager_s_own_telephones_are_asked_as_the_manager_is() -> None:
    asking = Destination(TargetKind.MANAGER, "crm", 20, confirm_seconds=9)
    rows = {("crm", "7"): (Destination(TargetKind.ENDPOINT, "anna", 5),)}
    found = destinations_of(rows, "crm", Manager("7"), asking)
    assert [one.confirm_seconds for one in found] == [9]
    assert understood(told(found)) == found, "so does who takes the call up"


def test_without_a_controller_nobody_is_rung_who_would_have_to_be_asked() -> None:
    voicemail = VoicemailStep(Greeting("office", "own/office"))
    arrival = Arrival(CALLER, NUMBER, NUMBER, NOW)
    mixed = begin(arrival, Exchange(always("UTC", step(8, 0), voicemail), (), DialTemplates()))
    assert isinstance(mixed.deed, Ring)
    assert mixed.deed.dial == ("PJSIP/b",)
    alone = begin(arrival, Exchange(always("UTC", step(8), voicemail), (), DialTemplates()))
    assert alone.deed == voicemail

"""The engine's decisions: which branch, which step next, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ari_app.core import engine
from ari_app.core.engine import Arrival, Finish, MessageTaken, Perform, Prompted, StepResult, Talked, Unanswered
from ari_app.core.outcomes import HangUpCause, LegOutcome, PlayEnd
from ari_app.core.schedule import ScheduleEntry
from ari_app.core.scheme import (
    Branch,
    Destination,
    DialStep,
    Greeting,
    GreetingStep,
    HangUpStep,
    Number,
    RingStrategy,
    Scheme,
    SchemeBook,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.timeline import Kind

GREETING = Greeting("welcome", "en/greeting")
DIAL = DialStep(RingStrategy.IN_TURN, (Destination(TargetKind.NUMBER, "+79160000001", 20),))
VOICEMAIL = VoicemailStep(GREETING)
DEFAULT: tuple[Step, ...] = (HangUpStep(HangUpCause.UNKNOWN_NUMBER),)
WEEKDAYS = Branch("weekdays", (ScheduleEntry(1, 5, 540, 1079),), (DIAL, VOICEMAIL))
SATURDAY = Branch("saturday", (ScheduleEntry(6, 6, 600, 899),), (DIAL,))
NIGHT = Branch("night", (), (VOICEMAIL,))
SCHEME = Scheme("office", ZoneInfo("Europe/Berlin"), (WEEKDAYS, SATURDAY, NIGHT), "v7")
NUMBER = Number("+74950000101", "front desk", scheme=SCHEME)
MONDAY_NOON = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
SATURDAY_NOON = datetime(2026, 3, 7, 11, 0, tzinfo=UTC)


def route(
    number: Number | None = NUMBER, dialled: str | None = "+74950000101", at: datetime = MONDAY_NOON
) -> engine.Route:
    book = SchemeBook({number.e164: number} if number else {})
    return engine.route(Arrival("+79160000001", dialled, dialled or "abc", at), book, DEFAULT)


@pytest.mark.promise("CAL-03", "CAL-09", "RNG-01", "RNG-06")
@pytest.mark.parametrize(("at", "branch"), [(MONDAY_NOON, WEEKDAYS), (SATURDAY_NOON, SATURDAY), (MONDAY_NIGHT, NIGHT)])
def test_the_branch_is_chosen_by_days_and_hours(at: datetime, branch: Branch) -> None:
    chosen = route(at=at)
    assert (chosen.branch, chosen.steps, chosen.scheme, chosen.number) == (branch, branch.steps, SCHEME, NUMBER)


@pytest.mark.promise("CAL-03", "RNG-06")
def test_of_branches_that_hold_the_one_that_stands_first_is_chosen() -> None:
    turned = replace(NUMBER, scheme=replace(SCHEME, branches=(NIGHT, WEEKDAYS)))
    assert route(turned).branch == NIGHT


@pytest.mark.promise("CAL-04")
def test_without_its_entry_a_branch_always_holds() -> None:
    freed = replace(NUMBER, scheme=replace(SCHEME, branches=(replace(WEEKDAYS, entries=()), NIGHT)))
    assert route(freed, at=MONDAY_NIGHT).steps == WEEKDAYS.steps


@pytest.mark.promise("OUR-01")
def test_the_notes_say_why_a_branch_was_chosen_and_why_the_others_were_not() -> None:
    everything = Branch("everything", (ScheduleEntry(1, 7, 0, 1439),), (VOICEMAIL,))
    scheme = replace(SCHEME, branches=(SATURDAY, WEEKDAYS, everything, NIGHT, replace(SATURDAY, name="old saturday")))
    notes = route(replace(NUMBER, scheme=scheme)).notes
    assert [(note.kind, dict(note.details)) for note in notes] == [
        (
            Kind.NUMBER_FOUND,
            {"number": "+74950000101", "name": "front desk", "scheme": "office", "version": "v7"},
        ),
        (Kind.BRANCH_PASSED_OVER, {"branch": "saturday", "hours": "Sat 10:00-14:59", "why": "other_hours"}),
        (
            Kind.BRANCH_CHOSEN,
            {"branch": "weekdays", "hours": "Mon-Fri 09:00-17:59", "local_time": "Mon 12:00 Europe/Berlin"},
        ),
        (Kind.BRANCH_PASSED_OVER, {"branch": "everything", "hours": "Mon-Sun 00:00-23:59", "why": "stands_later"}),
        (Kind.BRANCH_PASSED_OVER, {"branch": "night", "hours": "always", "why": "stands_later"}),
        (Kind.BRANCH_PASSED_OVER, {"branch": "old saturday", "hours": "Sat 10:00-14:59", "why": "other_hours"}),
    ]


@pytest.mark.promise("OUR-01")
@pytest.mark.parametrize(
    ("number", "dialled", "why", "details"),
    [
        (None, "+74950000101", "unknown_number", {"dialled": "+74950000101"}),
        (None, None, "unknown_number", {"dialled": "abc"}),
        (replace(NUMBER, enabled=False), "+74950000101", "number_disabled", {"name": "front desk"}),
        (replace(NUMBER, scheme=None), "+74950000101", "no_scheme", {"number": "+74950000101"}),
        (
            replace(NUMBER, scheme=replace(SCHEME, branches=(SATURDAY,))),
            "+74950000101",
            "no_branch_covers",
            {"local_time": "Mon 12:00 Europe/Berlin"},
        ),
    ],
)
def test_what_no_scheme_serves_gets_the_default(
    number: Number | None, dialled: str | None, why: str, details: dict[str, str]
) -> None:
    chosen = route(number, dialled)
    assert (chosen.steps, chosen.branch) == (DEFAULT, None)
    last = chosen.notes[-1]
    assert (last.kind, last.details["why"]) == (Kind.DEFAULT_USED, why)
    assert details.items() <= dict(last.details).items()


@pytest.mark.fault("17")
def test_before_the_schemes_could_be_read_no_number_is_called_unknown() -> None:
    unread = Arrival(None, "+74950000101", "+74950000101", MONDAY_NOON)
    chosen = engine.route(unread, SchemeBook(loaded=False), DEFAULT)
    assert chosen.steps == DEFAULT
    assert chosen.notes[-1].details == {"why": "no_schemes_yet", "dialled": "+74950000101"}


@pytest.mark.promise("CAL-02", "RNG-10")
def test_one_scheme_serves_many_numbers_and_a_number_may_change_its_scheme() -> None:
    second = replace(NUMBER, e164="+74950000102")
    nightly = replace(SCHEME, name="nightly", branches=(NIGHT,))
    before = SchemeBook({one.e164: one for one in (NUMBER, second)})
    after = SchemeBook({NUMBER.e164: NUMBER, second.e164: replace(second, scheme=nightly)})
    arrival = Arrival(None, second.e164, second.e164, MONDAY_NOON)
    assert engine.route(arrival, before, DEFAULT).branch == WEEKDAYS
    assert engine.route(arrival, after, DEFAULT).branch == NIGHT


def test_a_call_begins_with_its_first_step() -> None:
    decision = engine.first((DIAL, VOICEMAIL))
    assert isinstance(decision, Perform)
    assert (decision.index, decision.step, decision.notes[0].details["why"]) == (0, DIAL, "first_step")


def test_a_branch_without_steps_ends_the_call() -> None:
    decision = engine.first(())
    assert isinstance(decision, Finish)
    assert (decision.cause, decision.notes[0].kind) == (HangUpCause.NO_ANSWER, Kind.STEPS_ENDED)


@pytest.mark.promise("CAL-07", "CAL-08", "RNG-08", "OUR-01")
@pytest.mark.parametrize(
    ("result", "why"),
    [
        (Unanswered(()), "nobody_rung"),
        (Unanswered((LegOutcome.BUSY, LegOutcome.BUSY)), "all_busy"),
        (Unanswered((LegOutcome.NO_ANSWER,)), "all_no_answer"),
        (Unanswered((LegOutcome.BUSY, LegOutcome.NO_ANSWER)), "nobody_answered"),
        (Prompted(PlayEnd.PLAYED), "prompt_played"),
        (Prompted(PlayEnd.FAILED), "prompt_failed"),
        (Prompted(PlayEnd.OVERDUE), "prompt_overdue"),
    ],
)
def test_the_next_step_comes_and_says_why(result: StepResult, why: str) -> None:
    decision = engine.after((DIAL, VOICEMAIL), 0, result)
    assert isinstance(decision, Perform)
    assert (decision.index, decision.step, decision.notes[0].details["why"]) == (1, VOICEMAIL, why)


@pytest.mark.promise("CAL-07", "CAL-08")
@pytest.mark.parametrize(
    ("result", "cause"),
    [
        (Unanswered(()), HangUpCause.NO_ANSWER),
        (Unanswered((LegOutcome.BUSY, LegOutcome.BUSY)), HangUpCause.BUSY),
        (Unanswered((LegOutcome.BUSY, LegOutcome.DECLINED)), HangUpCause.NO_ANSWER),
        (Prompted(PlayEnd.PLAYED), HangUpCause.NORMAL),
        (Talked(), HangUpCause.NORMAL),
        (MessageTaken(), HangUpCause.NORMAL),
    ],
)
def test_with_no_step_left_the_caller_is_told_what_happened(result: StepResult, cause: HangUpCause) -> None:
    decision = engine.after((DIAL,), 0, result)
    assert isinstance(decision, Finish)
    assert decision.cause is cause


@pytest.mark.parametrize("result", [Talked(), MessageTaken()])
def test_after_a_talk_or_a_message_no_further_step_is_performed(result: StepResult) -> None:
    assert engine.after((DIAL, VOICEMAIL), 0, result) == Finish(HangUpCause.NORMAL)


@pytest.mark.parametrize(
    ("step", "cause"),
    [(HangUpStep(HangUpCause.CONGESTION), HangUpCause.CONGESTION), (HangUpStep(), HangUpCause.BUSY)],
)
def test_a_hang_up_step_ends_the_call_with_its_cause_or_with_what_happened_before(
    step: HangUpStep, cause: HangUpCause
) -> None:
    decision = engine.after((DIAL, step, VOICEMAIL), 0, Unanswered((LegOutcome.BUSY,)))
    assert isinstance(decision, Finish)
    assert (decision.cause, decision.notes[0].details["what"]) == (cause, "hang up")


def ring(strategy: RingStrategy, *destinations: tuple[str, int, int]) -> DialStep:
    return DialStep(strategy, tuple(Destination(TargetKind.ENDPOINT, *one) for one in destinations))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            ring(RingStrategy.IN_TURN, ("desk", 20, 0), ("mobile", 120, 5)),
            "ring in turn: desk (20 s), mobile (120 s after 5 s)",
        ),
        (ring(RingStrategy.STAGGERED, ("desk", 20, 3)), "ring staggered: desk (20 s after 3 s)"),
        (ring(RingStrategy.ALL_AT_ONCE, ("desk", 20, 3)), "ring all at once: desk (20 s)"),
        (GreetingStep(GREETING), "play greeting 'welcome'"),
        (VOICEMAIL, "voicemail with greeting 'welcome', at most 180 s"),
        (HangUpStep(), "hang up"),
    ],
)
def test_a_step_is_described_in_the_words_of_an_admin(step: Step, words: str) -> None:
    assert engine.describe(step) == words

"""What holds for every call, whatever destinations, callers and refusals do, in whatever order."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TypeVar

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ari_app.core.explain import sentence
from ari_app.core.outcomes import CallerEnd, LegEnd, LegOutcome, PlayEnd
from ari_app.core.scheme import (
    Choice,
    Destination,
    DialStep,
    Greeting,
    GreetingStep,
    HangUpStep,
    MenuStep,
    RingStrategy,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, Reason
from ari_app.simulation import CallerScript, LegScript, simulate
from tests.fakes.managers import ANSWERS, manager
from tests.fakes.scripted import Conducted, LegPlan, Plan, always, call, opened

T = TypeVar("T")
GREETING = Greeting("office", "own/office")
PROMPT_SECONDS, FILE_SECONDS, SLACK = 63, 3, 4

# Milliseconds crowd around the instants at which something else happens: placing, connecting, timeouts, answers.
INSTANTS = st.one_of(
    st.integers(0, 60_000),
    st.builds(lambda base, off: base + off, st.sampled_from([0, 100, 5000, 6000, 10_000]), st.integers(-12, 30)),
).map(lambda ms: max(ms, 0) / 1000)
CAUSES = st.sampled_from(
    [
        LegEnd(LegOutcome.BUSY, 17),
        LegEnd(LegOutcome.DECLINED, 21),
        LegEnd(LegOutcome.UNKNOWN, 1),
        LegEnd(LegOutcome.UNREACHABLE, 20),
        LegEnd(LegOutcome.FAILED, 38),
        LegEnd(LegOutcome.FAILED, 16),
    ]
)


def seldom(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """Mostly None: what ends a call early hides what would have come."""
    return st.integers(0, 3).flatmap(lambda roll: strategy if roll == 3 else st.none())


LEG_PLANS = st.builds(
    LegPlan,
    rings=st.none() | st.just(0.02),
    answers=st.one_of(st.integers(1, 9), INSTANTS, seldom(INSTANTS)),
    talks=INSTANTS,
    ends_at=seldom(INSTANTS),
    end=CAUSES,
    refused=seldom(st.just(LegEnd(LegOutcome.REFUSED, text="denied"))),
)


def steps_with(delays: list[int], *, managers: bool = False) -> st.SearchStrategy[Step]:
    """A step of any kind, most often one that dials; maybe managers too."""
    destination = st.builds(
        Destination,
        kind=st.just(TargetKind.ENDPOINT),
        target=st.sampled_from(["desk", "mobile", "home"]),
        timeout=st.sampled_from([5, 10, 20]),
        delay=st.sampled_from(delays),
    )
    asking = st.builds(
        manager,
        target=st.sampled_from([*ANSWERS, "two:lead,deal", "unknown"]),
        timeout=st.sampled_from([5, 20]),
        delay=st.sampled_from(delays),
    )
    destination = st.one_of(destination, destination, asking) if managers else destination
    destinations = st.lists(destination, min_size=1, max_size=4).map(tuple[Destination, ...])
    dial = st.builds(DialStep, st.sampled_from([*RingStrategy]), destinations)
    others: list[Step] = [VoicemailStep(GREETING, max_seconds=20), GreetingStep(GREETING), HangUpStep()]
    others.append(DialStep(RingStrategy.STAGGERED, ()))
    others.append(MenuStep(GREETING, (Choice("1", 2, "sales"), Choice("2", 3, "support")), 1, retries=1))
    return st.one_of(dial, dial, dial, st.sampled_from(others))


SCHEMES = st.lists(steps_with(delays=[0, 0, 5, 10], managers=True), min_size=1, max_size=4).map(tuple[Step, ...])
Troubles = st.SearchStrategy[dict[tuple[str, int], str]]
TROUBLES: Troubles = st.dictionaries(
    st.tuples(st.sampled_from(["answer", "ring", "place", "connect", "play", "record", "hang_up"]), st.integers(1, 3)),
    st.sampled_from(["404 Not Found", "409 Conflict", "422 Unprocessable"]),
    max_size=4,
)


@st.composite
def plans(draw: st.DrawFn, troubles: Troubles = TROUBLES) -> Plan:
    """Anything that may happen around a call."""
    return Plan(
        legs=draw(st.lists(LEG_PLANS, min_size=2, max_size=8)),
        leaves_at=draw(seldom(INSTANTS)),
        leaves_in=draw(seldom(st.sampled_from(["answer", "ring", "place", "connect", "record", "hang_up"]))),
        leaves_how=draw(seldom(st.sampled_from([how for how in CallerEnd if not how.handed_on]))),
        speaks=draw(INSTANTS),
        prompts=draw(st.lists(st.sampled_from([PlayEnd.PLAYED, PlayEnd.FAILED, PlayEnd.OVERDUE]), max_size=3)),
        keys=draw(st.lists(st.tuples(st.sampled_from("123"), INSTANTS), max_size=3)),
        troubles=draw(st.integers(0, 3).flatmap(lambda roll: troubles if roll == 3 else st.just({}))),
        recording_hangs=draw(seldom(st.just(True))) or False,
        max_call_seconds=draw(seldom(st.sampled_from([0.004, 5, 5.01, 30]))) or 4 * 3600,
    )


def bound(steps: tuple[Step, ...], plan: Plan) -> float:
    """Seconds within which the call must have ended, by its own limits."""
    seconds = float(SLACK + 2 * FILE_SECONDS)
    for step in steps:
        match step:
            case DialStep(destinations=destinations):
                seconds += sum(max(one.timeout, 10) + one.delay + 3 for one in destinations)
            case GreetingStep():
                seconds += PROMPT_SECONDS + 1
            case MenuStep(retries=retries, wait_seconds=wait):
                seconds += (retries + 1) * (PROMPT_SECONDS + wait + 1)
            case VoicemailStep(max_seconds=longest):
                seconds += 2 * PROMPT_SECONDS + longest + 1
    talk = max((leg.talks for leg in plan.legs), default=30.0)
    return min(seconds + max(talk, 30.0), plan.max_call_seconds + SLACK + 2 * FILE_SECONDS)


def assert_every_leg_is_ended_and_on_record(gone_through: Conducted) -> None:
    line, journal = gone_through.line, gone_through.journal
    assert all(leg.ended.done() for leg in line.legs), "a leg was left"
    assert sorted(record.leg_id for record in journal.legs) == sorted(leg.id for leg in line.legs)
    assert len(gone_through.of(Kind.LEG_DIALED)) == len(line.legs)
    ended = {entry.details["leg"] for entry in gone_through.of(Kind.LEG_ENDED)}
    assert len(ended) == len(gone_through.of(Kind.LEG_ENDED))
    talked = {entry.details["leg"] for entry in gone_through.of(Kind.CONNECTED)}
    assert ended | talked == {leg.id for leg in line.legs}
    assert not ended & talked
    assert {record.leg_id for record in journal.legs if record.outcome is LegOutcome.ANSWERED} == talked


def assert_answered_if_and_only_if_bridged(gone_through: Conducted) -> None:
    (ending,) = gone_through.journal.endings
    cancelled = [e for e in gone_through.of(Kind.CALLER_LEFT) if e.details["how"] == CallerEnd.CANCELLED]
    connected = gone_through.of(Kind.CONNECTED)
    answered = ending.verdict.disposition is Disposition.ANSWERED
    assert answered == (bool(connected) and not cancelled)
    assert answered == (ending.answered_ms is not None) == (ending.verdict.answered_by is not None)
    assert len(connected) <= 1
    assert len(connected) <= len(gone_through.line.bridged)
    if len(connected) < len(gone_through.line.bridged):  # bridged as the call was left: nobody heard anybody
        assert gone_through.line.gone.done() or gone_through.of(Kind.LIMIT_REACHED)


def assert_nothing_rings_after_the_caller_has_gone(gone_through: Conducted) -> None:
    line = gone_through.line
    if line.gone_at is None:
        return
    for leg in line.legs:
        assert leg.placed_at <= line.gone_at + 0.01
        assert leg.ended_at is not None
        assert leg.ended_at <= line.gone_at + 0.2


def assert_told_once_and_in_order(gone_through: Conducted) -> None:
    journal = gone_through.journal
    times = [entry.at_ms for entry in journal.timeline]
    assert times == sorted(times)
    assert (len(journal.calls), len(journal.routes), len(journal.endings)) == (1, 1, 1)
    assert gone_through.kinds.count(Kind.VERDICT) == 1
    # What follows from the verdict is all that comes after it.
    assert set(gone_through.kinds[gone_through.kinds.index(Kind.VERDICT) + 1 :]) == {Kind.NO_MESSAGE}
    assert gone_through.line.closed == 1
    for record in journal.legs:
        assert record.dialed_ms <= (record.answered_ms or record.dialed_ms) <= record.ended_ms
    assert all(sentence(entry) for entry in journal.timeline)


def assert_messages_are_settled(gone_through: Conducted) -> None:
    keeper = gone_through.keeper
    assert sorted(keeper.kept + keeper.discarded) == sorted(keeper.named)
    assert [message.name for message in gone_through.journal.messages] == keeper.kept
    left = gone_through.journal.endings[0].verdict.disposition is Disposition.MESSAGE_LEFT
    assert not left or len(keeper.kept) == 1


@pytest.mark.fault("10", "11", "12", "13", "14", "16")
@pytest.mark.promise("FLD-01", "FLD-03", "FLD-04", "OUR-01")
@given(SCHEMES, plans(), seldom(INSTANTS))
def test_every_call_ends_with_one_verdict_and_nothing_left(
    steps: tuple[Step, ...], plan: Plan, stopped_at: float | None
) -> None:
    gone_through = call(always("UTC", *steps), plan, stopped_at=stopped_at)
    event(gone_through.journal.endings[0].verdict.reason)
    assert gone_through.seconds <= bound(steps, plan)
    assert_told_once_and_in_order(gone_through)
    assert_every_leg_is_ended_and_on_record(gone_through)
    assert_answered_if_and_only_if_bridged(gone_through)
    assert_nothing_rings_after_the_caller_has_gone(gone_through)
    assert_messages_are_settled(gone_through)
    stopped = any(entry.details["why"] == "the controller was stopped" for entry in gone_through.of(Kind.TROUBLE))
    if not stopped:
        assert not [entry for entry in gone_through.of(Kind.TROUBLE) if entry.details["what"] == "program"]


@pytest.mark.fault("11")
@given(SCHEMES, plans(troubles=st.just({})), TROUBLES)
def test_refusals_in_any_order_are_states_and_not_crashes(
    steps: tuple[Step, ...], plan: Plan, troubles: dict[tuple[str, int], str]
) -> None:
    """However the line refuses, the call says so and ends, and a destination's trouble never ends the step."""
    refused = Plan(legs=plan.legs, speaks=plan.speaks, troubles=troubles)
    gone_through = call(always("UTC", *steps), refused)
    assert gone_through.error is None
    for entry in gone_through.of(Kind.TROUBLE):
        assert entry.details["what"] in ("line", "prompt", "ringing tone")
        assert str(entry.details["why"])[:3] in ("404", "409", "422")
    if not {operation for operation, _ in troubles} - {"place", "connect"}:
        assert not gone_through.of(Kind.TROUBLE)


# A simulation has no latencies. So happenings are kept apart by more than all latencies together: the fractions of
# seconds that legs take are 0.03 s times powers of two, which makes all sums of them differ.
SCRIPTS = st.lists(
    st.tuples(
        st.sampled_from(
            [(LegOutcome.ANSWERED, 0), (LegOutcome.NO_ANSWER, 0), (LegOutcome.BUSY, 17), (LegOutcome.DECLINED, 21)]
        ),
        st.integers(0, 25),
    ),
    max_size=5,
).map(lambda legs: [LegScript(*how, seconds + 0.03 * 2**i) for i, (how, seconds) in enumerate(legs)])
APART = st.lists(steps_with(delays=[0, 0, 7, 13]), min_size=1, max_size=4).map(tuple[Step, ...])


def acted_out(script: LegScript) -> LegPlan:
    """The same script, for the hostile line."""
    match script.outcome:
        case LegOutcome.ANSWERED:
            return LegPlan(rings=0, answers=script.seconds)
        case LegOutcome.NO_ANSWER:
            return LegPlan(rings=0)
        case _:
            return LegPlan(rings=None, ends_at=script.seconds, end=LegEnd(script.outcome, script.cause))


def told(timeline: Iterable[Entry]) -> list[tuple[Kind, list[str]]]:
    """What happened, in order; legs with which the same happens at once are taken together."""
    telling = [entry for entry in timeline if entry.kind is not Kind.LEG_RANG]
    return [
        (kind, sorted(f"{entry.details.get('destination')} {entry.details.get('outcome')}" for entry in entries))
        for kind, entries in groupby(telling, key=lambda entry: entry.kind)
    ]


@pytest.mark.promise("OUR-02", "OUR-01")
@given(
    APART,
    SCRIPTS,
    st.none() | st.integers(0, 60).map(lambda seconds: seconds + 0.97),
    st.sampled_from([0.0, 1.0, 8.0, 30.0]),
)
def test_a_simulation_ends_as_the_call_it_simulates(
    steps: tuple[Step, ...], scripts: list[LegScript], leaves_at: float | None, speaks: float
) -> None:
    book = always("UTC", *steps)
    simulated = simulate(opened(), book, (), scripts, CallerScript(leaves_at=leaves_at, message=speaks))
    performed = call(book, Plan(legs=[acted_out(one) for one in scripts], leaves_at=leaves_at, speaks=speaks))
    event(simulated.verdict.reason)
    assert performed.verdict == simulated.verdict
    assert told(performed.journal.timeline) == told(simulated.timeline)


def test_the_reasons_are_all_within_reach() -> None:
    """A property that never meets a reason proves nothing of it: here is one call for each."""
    desk = DialStep(RingStrategy.IN_TURN, (Destination(TargetKind.ENDPOINT, "desk", 20),))
    voicemail = VoicemailStep(GREETING)
    met = {
        call(always("UTC", *steps), plan).journal.endings[0].verdict.reason
        for steps, plan in (
            ((desk,), Plan(legs=[LegPlan(answers=1)])),
            ((voicemail,), Plan()),
            ((desk,), Plan(leaves_at=3)),
            ((voicemail,), Plan(leaves_at=3)),
            ((MenuStep(GREETING, (Choice("1", 1, "desk"),), 1), desk), Plan(leaves_at=3)),
            ((voicemail,), Plan(speaks=0)),
            ((desk,), Plan()),
            ((), Plan()),
            ((desk,), Plan(max_call_seconds=3)),
            ((desk,), Plan(leaves_at=3, leaves_how=CallerEnd.LINE_LOST)),
            ((voicemail,), Plan(troubles={("record", 1): "500"})),
        )
    }
    others = {
        Reason.LOOP: "takes several calls",
        Reason.OVERLOAD: "comes from without: tests/unit/test_admission.py",
        Reason.BLOCKED: "is of the caller: tests/unit/test_callers.py",
    }
    assert met == set(Reason) - others.keys()

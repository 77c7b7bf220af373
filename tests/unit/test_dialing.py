"""Ringing: tables of (who, delay, result) under the virtual clock; every loser is closed and told why."""

from __future__ import annotations

import pytest

from ari_app.core.outcomes import CallerEnd, HangUpCause, LegEnd, LegOutcome
from ari_app.core.scheme import Destination, DialStep, RingStrategy, TargetKind
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition, Reason
from tests.fakes.scripted import (
    AS_WRITTEN,
    BUSY,
    DEAF,
    SILENT,
    Conducted,
    LegPlan,
    Plan,
    always,
    answers,
    call,
    ends,
)

IN_TURN, TOGETHER, STAGGERED = RingStrategy.IN_TURN, RingStrategy.ALL_AT_ONCE, RingStrategy.STAGGERED
WON, ELSEWHERE = LegOutcome.ANSWERED, LegOutcome.ANSWERED_ELSEWHERE
REFUSED = LegPlan(refused=LegEnd(LegOutcome.REFUSED, text="denied prefix"))


def step(strategy: RingStrategy, *destinations: tuple[int, int]) -> DialStep:
    """Destinations a, b, c..., each with (timeout, delay) in seconds."""
    return DialStep(
        strategy, tuple(Destination(TargetKind.ENDPOINT, "abcdefgh"[i], *one) for i, one in enumerate(destinations))
    )


def ring(dial: DialStep | tuple[DialStep, ...], *legs: LegPlan, **plan: object) -> Conducted:
    steps = dial if isinstance(dial, tuple) else (dial,)
    return call(always("UTC", *steps), Plan(legs=legs, **plan))  # type: ignore[arg-type]


def course(conducted: Conducted) -> list[tuple[str, float, LegOutcome]]:
    """Who was rung, when (s, to a tenth), and how it came out; in the order rung."""
    records = sorted(conducted.journal.legs, key=lambda one: (one.dialed_ms, one.leg_id))
    return [(one.destination, round(one.dialed_ms / 1000, 1), one.outcome) for one in records]


@pytest.mark.promise("FLD-01", "FLD-03", "CAL-05", "CAL-07", "RNG-08", "RNG-09")
@pytest.mark.parametrize(
    ("dial", "legs", "who"),
    [
        (step(IN_TURN, (20, 0)), [answers(7)], [("a", 0, WON)]),
        (
            step(IN_TURN, (20, 0), (20, 0)),
            [SILENT, answers(7)],
            [("a", 0, LegOutcome.NO_ANSWER), ("b", 20, WON)],
        ),
        (
            step(IN_TURN, (20, 0), (20, 5), (20, 2)),
            [BUSY, ends(LegOutcome.DECLINED, 21, 3), answers(1)],
            [("a", 0, LegOutcome.BUSY), ("b", 5.1, LegOutcome.DECLINED), ("c", 10.1, WON)],
        ),
        (step(IN_TURN, (15, 0), (120, 0)), [DEAF, answers(119)], [("a", 0, LegOutcome.UNREACHABLE), ("b", 15, WON)]),
        (step(IN_TURN, (20, 0), (20, 0)), [REFUSED, answers(1)], [("a", 0, LegOutcome.REFUSED), ("b", 0, WON)]),
        (
            step(TOGETHER, (20, 0), (20, 0), (20, 0)),
            [SILENT, answers(7), BUSY],
            [("a", 0, ELSEWHERE), ("b", 0, WON), ("c", 0, LegOutcome.BUSY)],
        ),
        # Delays belong to the other strategies.
        (step(TOGETHER, (20, 0), (20, 5)), [SILENT, answers(7)], [("a", 0, ELSEWHERE), ("b", 0, WON)]),
        (
            step(TOGETHER, (10, 0), (20, 0)),
            [SILENT, answers(15)],
            [("a", 0, LegOutcome.NO_ANSWER), ("b", 0, WON)],
        ),
        (
            step(STAGGERED, (30, 0), (30, 5), (30, 10)),
            [SILENT, answers(7), SILENT],
            [("a", 0, ELSEWHERE), ("b", 5, WON), ("c", 10, ELSEWHERE)],
        ),
        # The order is the delays', not the rows'.
        (step(STAGGERED, (30, 10), (30, 0)), [answers(3), SILENT], [("b", 0, WON)]),
        # Answered before its turn had come: the second never rings.
        (step(STAGGERED, (30, 0), (30, 10)), [answers(3), SILENT], [("a", 0, WON)]),
        # Nobody rings any more: the next is brought forward.
        (
            step(STAGGERED, (30, 0), (30, 10), (30, 20)),
            [BUSY, ends(LegOutcome.UNKNOWN, 1, 1), answers(2)],
            [("a", 0, LegOutcome.BUSY), ("b", 0.1, LegOutcome.UNKNOWN), ("c", 1.1, WON)],
        ),
        # Somebody still rings: nobody is.
        (
            step(STAGGERED, (30, 0), (30, 10), (30, 20)),
            [SILENT, BUSY, answers(2)],
            [("a", 0, ELSEWHERE), ("b", 10, LegOutcome.BUSY), ("c", 20, WON)],
        ),
    ],
)
def test_who_is_rung_when_and_with_what_result(
    dial: DialStep, legs: list[LegPlan], who: list[tuple[str, float, LegOutcome]]
) -> None:
    conducted = ring(dial, *legs)
    assert course(conducted) == who
    assert conducted.verdict is not None
    assert conducted.verdict.disposition is Disposition.ANSWERED
    assert conducted.verdict.answered_by == next(name for name, _, outcome in who if outcome is WON)


@pytest.mark.promise("CAL-07", "CAL-08")
@pytest.mark.fault("15")
@pytest.mark.parametrize("strategy", [*RingStrategy])
@pytest.mark.parametrize(
    ("legs", "cause", "why"),
    [
        ([BUSY, BUSY], HangUpCause.BUSY, "all_busy"),
        ([BUSY, SILENT], HangUpCause.NO_ANSWER, "nobody_answered"),
        ([SILENT, SILENT], HangUpCause.NO_ANSWER, "all_no_answer"),
        ([REFUSED, REFUSED], HangUpCause.NO_ANSWER, "all_refused"),
        ([ends(LegOutcome.UNKNOWN, 1)] * 2, HangUpCause.NO_ANSWER, "all_unknown"),
        ([DEAF, DEAF], HangUpCause.NO_ANSWER, "all_unreachable"),
    ],
)
def test_when_nobody_answers_the_caller_is_told_and_the_record_says_why(
    strategy: RingStrategy, legs: list[LegPlan], cause: HangUpCause, why: str
) -> None:
    conducted = ring(step(strategy, (20, 0), (20, 0)), *legs)
    assert conducted.line.hang_up_causes == [cause]
    assert conducted.of(Kind.STEPS_ENDED)[0].details["why"] == why
    assert conducted.verdict is not None
    assert conducted.verdict.reason is Reason.NOBODY_ANSWERED


def test_a_step_without_destinations_rings_nobody() -> None:
    for strategy in RingStrategy:
        assert ring(step(strategy)).of(Kind.STEPS_ENDED)[0].details["why"] == "nobody_rung"


@pytest.mark.promise("CAL-05", "CAL-07", "RNG-08", "RNG-09")
def test_the_reserve_step_rings_after_the_first_and_for_longer() -> None:
    steps = (step(TOGETHER, (20, 0), (20, 0), (20, 0)), step(IN_TURN, (120, 0)))
    conducted = ring(steps, SILENT, SILENT, SILENT, answers(110))
    assert [(one.step, one.outcome) for one in conducted.journal.legs] == [
        *[(1, LegOutcome.NO_ANSWER)] * 3,
        (2, LegOutcome.ANSWERED),
    ]
    assert sorted(leg.leg_id for leg in conducted.journal.legs) == ["call-1", "call-2", "call-3", "call-4"]


@pytest.mark.promise("FLD-03")
@pytest.mark.parametrize("first", [BUSY, ends(LegOutcome.UNREACHABLE, 20), ends(LegOutcome.FAILED, 38), REFUSED])
def test_a_destination_that_cannot_answer_costs_no_timeout(first: LegPlan) -> None:
    conducted = ring(step(IN_TURN, (600, 0), (20, 0)), first, answers(1))
    assert conducted.journal.legs[1].dialed_ms < 200


@pytest.mark.promise("FLD-04")
@pytest.mark.fault("13")
@pytest.mark.parametrize("strategy", [TOGETHER, STAGGERED])
def test_of_two_who_answer_at_once_one_talks_and_the_other_is_told(strategy: RingStrategy) -> None:
    conducted = ring(step(strategy, (20, 0), (20, 0), (20, 0)), answers(5), answers(5), answers(5.004))
    line = conducted.line
    assert (len(line.bridged), line.times("connect")) == (1, 1)
    losers = [leg for leg in line.legs if leg not in line.bridged]
    assert {leg.told[0] for leg in losers} == {ELSEWHERE}
    assert all(leg.ended_at is not None and leg.ended_at < 5.2 for leg in losers)
    assert sorted(conducted.outcomes) == sorted([WON, ELSEWHERE, ELSEWHERE])
    assert len(conducted.of(Kind.CONNECTED)) == 1


@pytest.mark.fault("14")
def test_a_leg_that_answers_and_is_gone_at_once_is_not_talked_with() -> None:
    vanishing = LegPlan(answers=5, ends_at=5.002, end=LegEnd(LegOutcome.NO_ANSWER, 19))
    conducted = ring(step(IN_TURN, (20, 0), (20, 0)), vanishing, answers(3))
    assert conducted.outcomes == [LegOutcome.NO_ANSWER, WON]
    assert conducted.verdict is not None
    assert conducted.verdict.answered_by == "b"


@pytest.mark.fault("13", "14")
def test_when_the_quickest_has_gone_the_second_who_answered_is_connected() -> None:
    vanishing = LegPlan(answers=5, ends_at=5.002, end=LegEnd(LegOutcome.FAILED, 16))
    conducted = ring(step(TOGETHER, (20, 0), (20, 0)), vanishing, answers(5.001))
    assert [leg.destination for leg in conducted.line.bridged] == ["b"]
    assert sorted(conducted.outcomes) == sorted([LegOutcome.FAILED, WON])


@pytest.mark.parametrize("strategy", [*RingStrategy])
@pytest.mark.parametrize("trouble", [None, "not connected in time"])
def test_the_caller_hears_ringing_again_when_who_answered_could_not_be_connected(
    strategy: RingStrategy, trouble: str | None
) -> None:
    """By then the caller may have been answered and the tone be over; others ring on."""
    vanishing = LegPlan(answers=5, ends_at=5.002, end=LegEnd(LegOutcome.FAILED, 16))
    first, troubles = (answers(5), {("connect", 1): trouble}) if trouble else (vanishing, {})
    conducted = ring(step(strategy, (20, 0), (20, 0)), first, SILENT, leaves_at=10, troubles=troubles)
    assert conducted.line.hears_ringing
    assert conducted.line.times("connect") == 1


@pytest.mark.fault("14")
@pytest.mark.parametrize("offset", [-0.01, -0.001, 0, 0.001, 0.01])
@pytest.mark.parametrize("strategy", [*RingStrategy])
def test_an_answer_at_the_timeout_is_a_talk_or_none_but_never_both(strategy: RingStrategy, offset: float) -> None:
    conducted = ring(step(strategy, (20, 0)), answers(20 + offset))
    talked = len(conducted.line.bridged) == 1
    assert conducted.outcomes == [WON if talked else LegOutcome.NO_ANSWER]
    assert conducted.verdict is not None
    assert (conducted.verdict.disposition is Disposition.ANSWERED) is talked
    assert talked or offset > -0.01
    if not talked:
        assert conducted.line.legs[0].told[0] is LegOutcome.NO_ANSWER


@pytest.mark.fault("11")
@pytest.mark.parametrize("strategy", AS_WRITTEN)
@pytest.mark.parametrize("operation", ["place", "connect"])
def test_trouble_with_one_leg_is_its_outcome_and_the_others_go_on(strategy: RingStrategy, operation: str) -> None:
    conducted = ring(
        step(strategy, (20, 0), (20, 1)), answers(3), answers(4), troubles={(operation, 1): "409 Conflict"}
    )
    assert sorted(conducted.outcomes) == sorted([LegOutcome.FAILED, WON])
    (failed,) = (leg for leg in conducted.journal.legs if leg.outcome is LegOutcome.FAILED)
    assert failed.cause_text == "409 Conflict"
    assert conducted.verdict is not None
    assert conducted.verdict.answered_by == "b"


@pytest.mark.promise("FLD-04")
def test_a_leg_still_being_placed_when_another_wins_does_not_ring_on() -> None:
    conducted = ring(step(STAGGERED, (30, 0), (30, 3)), LegPlan(answers=2.9925), SILENT)
    assert [leg.destination for leg in conducted.line.bridged] == ["a"]
    loser = conducted.line.legs[1]
    assert loser.ended_at is not None
    assert loser.ended_at < 3.05
    assert conducted.outcomes[0] is ELSEWHERE


@pytest.mark.promise("CAL-07")
@pytest.mark.parametrize("strategy", [*RingStrategy])
def test_a_leg_not_answered_is_told_to_end_at_its_timeout(strategy: RingStrategy) -> None:
    conducted = ring(step(strategy, (20, 0)), SILENT)
    (leg,) = conducted.line.legs
    assert leg.told[0] is LegOutcome.NO_ANSWER
    assert leg.ended_at == pytest.approx(20.015, abs=0.01)
    (record,) = conducted.journal.legs
    assert (record.dialed_ms, record.rang_ms, record.answered_ms) == (2, 25, None)
    assert record.cause_text == "no answer in 20 s"
    assert 20_000 <= record.ended_ms <= 20_010


INSTANTS = [0, 0.001, 0.002, 0.004, 0.1, 4.999, 5, 5.0001, 5.002, 5.005, 5.008, 5.0101, 5.5, 12, 24.999, 25.003, 25.006]


@pytest.mark.promise("CAL-07")
@pytest.mark.fault("12")
@pytest.mark.parametrize("how", [None, CallerEnd.CANCELLED])
@pytest.mark.parametrize("strategy", [*RingStrategy])
@pytest.mark.parametrize("leaves_at", INSTANTS)
def test_when_the_caller_leaves_every_leg_stops_at_once(
    leaves_at: float, strategy: RingStrategy, how: CallerEnd | None
) -> None:
    dial = step(strategy, (25, 0), (25, 5), (25, 10))
    conducted = ring(dial, LegPlan(answers=5.0051), BUSY, SILENT, leaves_at=leaves_at, leaves_how=how)
    for leg in conducted.line.legs:
        assert leg.ended_at is not None
        assert leg.ended_at <= leaves_at + 0.05
    assert len(conducted.journal.legs) == len(conducted.line.legs) == len(conducted.of(Kind.LEG_DIALED))
    assert conducted.verdict is not None
    answered = conducted.verdict.disposition is Disposition.ANSWERED
    assert answered == (bool(conducted.of(Kind.CONNECTED)) and how is not CallerEnd.CANCELLED)
    if not answered:
        assert conducted.verdict.reason is Reason.HUNG_UP_RINGING
        assert conducted.journal.endings[0].answered_ms is None
    assert conducted.line.closed == 1


@pytest.mark.fault("12")
def test_a_cancel_that_crosses_the_answer_is_not_an_answered_call() -> None:
    conducted = ring(step(IN_TURN, (20, 0)), answers(5), leaves_in="hang_up")
    assert conducted.verdict is not None
    assert conducted.verdict.disposition is Disposition.ANSWERED  # the caller left in our own hang-up: nothing crossed
    crossed = ring(step(IN_TURN, (20, 0)), answers(5), leaves_at=5.011, leaves_how=CallerEnd.CANCELLED)
    assert crossed.line.bridged
    assert crossed.verdict is not None
    assert (crossed.verdict.disposition, crossed.verdict.reason) == (Disposition.LOST, Reason.HUNG_UP_RINGING)
    assert crossed.journal.endings[0].answered_ms is None


def test_a_phone_that_begins_to_ring_while_it_is_told_to_stop_has_not_rung() -> None:
    conducted = ring(step(IN_TURN, (20, 0)), SILENT, leaves_at=0.02)
    assert conducted.line.legs[0].rang.done()
    assert conducted.of(Kind.LEG_RANG) == []
    assert conducted.journal.legs[0].rang_ms is None


@pytest.mark.promise("OUR-01")
def test_the_timeline_of_a_talk_tells_each_leg_and_who_ended_it() -> None:
    by_destination = ring(step(IN_TURN, (20, 0)), answers(5, talks=60))
    assert by_destination.kinds[-8:] == [
        Kind.LEG_DIALED,
        Kind.LEG_RANG,
        Kind.LEG_ANSWERED,
        Kind.CONNECTED,
        Kind.TALK_ENDED,
        Kind.HUNG_UP,
        Kind.VERDICT,
        Kind.NO_MESSAGE,
    ]
    assert by_destination.of(Kind.TALK_ENDED)[0].details["by"] == "destination"
    assert by_destination.journal.legs[0].cause == 16
    by_caller = ring(step(IN_TURN, (20, 0)), answers(5, talks=60), leaves_at=30)
    assert by_caller.of(Kind.TALK_ENDED)[0].details["by"] == "caller"
    assert by_caller.kinds[-3:] == [Kind.CALLER_LEFT, Kind.VERDICT, Kind.NO_MESSAGE]
    assert by_caller.journal.endings[0].answered_ms == pytest.approx(5010, abs=5)


@pytest.mark.parametrize(
    ("dial", "alone"),
    [
        (step(IN_TURN, (5, 0), (5, 0)), [True, True]),
        (step(TOGETHER, (5, 0), (5, 0)), [False, False]),
        (step(TOGETHER, (5, 0)), [True]),
        (step(STAGGERED, (5, 0), (5, 2)), [False, False]),
        (step(STAGGERED, (5, 2)), [True]),
    ],
)
def test_the_line_is_told_who_rings_alone(dial: DialStep, alone: list[bool]) -> None:
    assert [leg.alone for leg in ring(dial).line.legs] == alone

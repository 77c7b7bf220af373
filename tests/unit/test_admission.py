"""Admission: as many calls as there is room for, whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app import virtual_time
from ari_app.call import Exchange, conduct
from ari_app.core.admission import Admission, AdmissionLimits, Bucket, Full
from ari_app.core.outcomes import CallerEnd, HangUpCause
from ari_app.core.scheme import Destination, DialStep, RingStrategy, TargetKind
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition, Reason, Verdict
from tests.fakes.scripted import HostileLine, Keeper, Notebook, OneBook, Plan, always, answers, opened

DESK = DialStep(RingStrategy.IN_TURN, (Destination(TargetKind.ENDPOINT, "desk", 20),))


def test_without_limits_everybody_is_let_in() -> None:
    admission = Admission(AdmissionLimits())
    assert {admission.full(live, 0.0) for live in range(10_000)} == {None}


@pytest.mark.fault("36")
def test_no_more_are_live_than_may_be() -> None:
    admission = Admission(AdmissionLimits(most_calls=3))
    assert [admission.full(live, 1.0) for live in (0, 2, 3, 4)] == [None, None, Full.CALLS, Full.CALLS]


@pytest.mark.fault("36")
@given(st.integers(1, 50), st.lists(st.floats(0, 0.5), max_size=300))
def test_the_rate_is_kept_over_any_time_but_for_one_burst(a_second: int, gaps: list[float]) -> None:
    bucket, now, let_in = Bucket(a_second), 100.0, 0
    for gap in gaps:
        now += gap
        let_in += bucket.take(now)
    assert let_in <= a_second * (1 + (now - 100.0)) + 1e-6
    assert let_in >= min(len(gaps), a_second)


def test_a_rate_below_one_a_second_still_lets_one_in_now_and_then() -> None:
    bucket = Bucket(0.5)
    assert [bucket.take(now) for now in (10.0, 11.0, 12.0)] == [True, False, True]


def test_those_whom_the_number_keeps_out_use_up_nothing_of_the_rate() -> None:
    admission = Admission(AdmissionLimits(most_calls=1, most_a_second=1))
    assert [admission.full(1, 5.0), admission.full(0, 5.0), admission.full(0, 5.0)] == [Full.CALLS, None, Full.RATE]


def turned_away(plan: Plan) -> tuple[HostileLine, Notebook, Verdict | None]:
    """A call that there is no room for."""

    async def go() -> tuple[HostileLine, Notebook, Verdict | None]:
        line, journal = HostileLine(plan), Notebook()
        exchange = Exchange(OneBook(always("UTC", DESK)), journal, Keeper(line), ())
        return line, journal, await conduct(opened(), line, exchange, Full.RATE)

    return virtual_time.run(go())


@pytest.mark.fault("36")
def test_a_call_that_there_is_no_room_for_is_told_so_and_journalled_as_lost() -> None:
    line, journal, verdict = turned_away(Plan(legs=[answers(1)]))
    assert verdict == Verdict(Disposition.LOST, Reason.OVERLOAD)
    assert line.hang_up_causes == [HangUpCause.CONGESTION]
    assert journal.legs == []
    kinds = [entry.kind for entry in journal.timeline]
    assert kinds.index(Kind.BRANCH_CHOSEN) < kinds.index(Kind.TURNED_AWAY) < kinds.index(Kind.HUNG_UP)


def test_one_that_leaves_at_that_very_moment_was_turned_away_all_the_same() -> None:
    _, _, verdict = turned_away(Plan(leaves_at=0.0, leaves_how=CallerEnd.CANCELLED))
    assert verdict == Verdict(Disposition.LOST, Reason.OVERLOAD)

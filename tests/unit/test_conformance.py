"""A call held against its simulation: acting out a timeline gives that timeline, and whatever differs is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.conformance import ActedLine, Pair, acted, compared
from ari_app.core.outcomes import LegOutcome
from ari_app.core.scheme import Step
from ari_app.core.timeline import Entry, Kind
from ari_app.simulation import CallerScript, LegScript, simulate
from tests.fakes.scripted import always, opened
from tests.unit.test_call_properties import APART, SCRIPTS


def differing(real: Sequence[Entry], simulated: Sequence[Entry]) -> list[Pair]:
    """What only one of the two has."""
    return [pair for pair in compared(real, simulated) if pair.differs]


@pytest.mark.promise("OUR-09")
@given(
    APART,
    SCRIPTS,
    st.none() | st.integers(0, 60).map(lambda seconds: seconds + 0.97),
    st.sampled_from([0.0, 1.0, 8.0, 30.0]),
)
def test_what_is_acted_out_again_goes_as_it_went(
    steps: tuple[Step, ...], scripts: list[LegScript], leaves_at: float | None, speaks: float
) -> None:
    book = always("UTC", *steps)
    first = simulate(opened(), book, (), scripts, CallerScript(leaves_at=leaves_at, message=speaks))
    done = acted(first.timeline)
    again = simulate(opened(), book, (), on=lambda: ActedLine(done))
    assert again.verdict == first.verdict
    assert not differing(first.timeline, again.timeline)


STEP = Entry(0, Kind.STEP_BEGAN, {"step": 1, "what": "ring"})
LEGS = [
    Entry(1, Kind.LEG_DIALED, {"leg": f"c-{number}", "destination": f"d{number}", "timeout": 9}) for number in (1, 2)
]
BUSY = [
    Entry(5, Kind.LEG_ENDED, {"leg": f"c-{number}", "destination": f"d{number}", "outcome": "busy", "cause": 17})
    for number in (1, 2)
]


def test_legs_that_ring_together_may_tell_their_news_in_any_order() -> None:
    assert not differing([STEP, *LEGS, *BUSY], [STEP, *LEGS, *BUSY[::-1]])


def test_seconds_and_the_far_ends_words_are_no_difference_and_outcomes_are() -> None:
    said = replace(BUSY[0], at_ms=90, details={**BUSY[0].details, "text": "SIP 600"})
    assert not differing([STEP, *LEGS, said], [STEP, *LEGS, BUSY[0]])
    declined = replace(BUSY[0], details={**BUSY[0].details, "outcome": "declined"})
    found = differing([STEP, *LEGS, declined], [STEP, *LEGS, BUSY[0]])
    assert [(pair.real, pair.simulated) for pair in found] == [(declined, None), (None, BUSY[0])]


def test_an_entry_that_only_one_of_them_has_is_named() -> None:
    assert [pair.entry for pair in differing([STEP, *LEGS], [STEP, LEGS[0]])] == [LEGS[1]]
    assert [pair.entry for pair in differing([LEGS[0]], [STEP, LEGS[0]])] == [STEP]


def test_a_leg_that_was_passed_over_did_nothing_and_one_that_is_open_rings() -> None:
    capped = replace(BUSY[0], details={**BUSY[0].details, "outcome": "over_cap"})
    assert [leg.outcome for leg in acted([*LEGS, capped]).legs] == [LegOutcome.NO_ANSWER]
    odd = replace(BUSY[0], details={**BUSY[0].details, "outcome": "of another release", "cause": "x"})
    assert acted([LEGS[0], odd]).legs == (LegScript(LegOutcome.FAILED, 0, 0.004),)

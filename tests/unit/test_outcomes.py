"""What a hangup cause says of a leg."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.outcomes import LegOutcome, leg_outcome


@pytest.mark.fault("15")
@pytest.mark.promise("FLD-03")
@pytest.mark.parametrize(
    ("cause", "rang", "outcome"),
    [
        (17, True, LegOutcome.BUSY),
        (21, True, LegOutcome.DECLINED),
        (1, False, LegOutcome.UNKNOWN),
        (22, False, LegOutcome.UNKNOWN),
        (28, False, LegOutcome.UNKNOWN),
        (2, False, LegOutcome.UNREACHABLE),
        (3, False, LegOutcome.UNREACHABLE),
        (20, False, LegOutcome.UNREACHABLE),
        (27, False, LegOutcome.UNREACHABLE),
        (18, True, LegOutcome.NO_ANSWER),
        (19, True, LegOutcome.NO_ANSWER),
        (18, False, LegOutcome.UNREACHABLE),
        (19, False, LegOutcome.UNREACHABLE),
        (26, True, LegOutcome.ANSWERED_ELSEWHERE),
        (23, False, LegOutcome.FAILED),
        (34, False, LegOutcome.FAILED),
        (38, False, LegOutcome.FAILED),
        (58, False, LegOutcome.FAILED),
        (0, False, LegOutcome.FAILED),
    ],
)
def test_each_cause_has_its_meaning(cause: int, rang: bool, outcome: LegOutcome) -> None:
    assert leg_outcome(cause, rang=rang) is outcome


@given(st.integers(), st.booleans())
def test_no_cause_is_ever_an_answer(cause: int, rang: bool) -> None:
    assert leg_outcome(cause, rang=rang) is not LegOutcome.ANSWERED

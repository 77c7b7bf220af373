"""A short chaos: everything breaks a few times under calls, and every call is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.faults import Part
from tests.chaos.run import Plan, run

PLAN = Plan(seed=3, kills=9, rate=3, gap=4.0, hurried=True)
"""Of a minute, in which every part breaks, one at a time: what two at once lose is for `make chaos` to find."""


@pytest.mark.promise("OUR-08")
@pytest.mark.fault("3")
@pytest.mark.fault("8")
@pytest.mark.fault("19")
def test_whatever_dies_every_call_is_accounted_for(tmp_path: Path) -> None:
    assert {strike.part for strike in PLAN.strikes()} == set(Part)
    outcome = run(PLAN, tmp_path, print)
    print(report.table(outcome))
    assert not outcome.findings, f"{report.failures(outcome)}\nAgain: {report.repeat(outcome)}"
    assert outcome.figures["taken"] > 80

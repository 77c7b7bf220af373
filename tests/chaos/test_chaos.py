"""A short chaos: everything breaks a few times under calls, and every call is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.faults import Part
from tests.chaos.run import Plan, run

PLAN = Plan(seed=9, kills=8, rate=4, gap=1.2, only=(Part.FASTAGI, Part.SENDER, Part.DATABASE), hurried=True)
"""What no caller may feel breaks, for a quarter of a minute."""


@pytest.mark.fault("17")
@pytest.mark.fault("19")
def test_whatever_dies_every_call_is_accounted_for(tmp_path: Path) -> None:
    assert {strike.part for strike in PLAN.strikes()} == set(PLAN.only)
    outcome = run(PLAN, tmp_path, print)
    print(report.table(outcome))
    assert not outcome.findings, f"{report.failures(outcome)}\nAgain: {report.repeat(outcome)}"
    assert outcome.figures["nothing broke beside"] == outcome.figures["taken"] > 40

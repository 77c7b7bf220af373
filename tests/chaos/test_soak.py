"""A soak's judgement: what grows is found, what rises and falls is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.soak import MOST_DRIFT, Sample, drifts

Course = Callable[[float], float]


def judged(memory: Course, table: Course = lambda calls: 100 * calls) -> list[float]:
    """The drifts of a run of 100 samples, 25 calls apart."""
    samples = [
        Sample(at, {"controller, resident MiB": memory(at), "calls": 25 * at, "table calls, bytes": table(25 * at)})
        for at in range(1, 101)
    ]
    return [one.share for one in drifts(samples)]


def test_what_stands_has_no_drift() -> None:
    assert judged(lambda at: 100 + at % 3) == pytest.approx([0, 0], abs=0.01)


def test_what_leaks_is_found_and_the_warm_up_is_not_judged() -> None:
    assert judged(lambda at: 100 + at)[0] > MOST_DRIFT
    assert judged(lambda at: 10 if at < 10 else 100)[0] == 0


def test_a_table_may_grow_with_calls_and_not_faster() -> None:
    assert judged(lambda at: 1)[1] == pytest.approx(0)
    assert judged(lambda at: 1, lambda calls: calls**2)[1] > MOST_DRIFT


def test_what_was_nothing_and_is_something_has_grown() -> None:
    assert judged(lambda at: 0 if at < 50 else 1)[0] == 1

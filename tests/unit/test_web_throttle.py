"""How often somebody may ask, reckoned by a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from ari_app.web.throttle import Throttle


@dataclass
class Clock:
    at: float = 100.0

    def __call__(self) -> float:
        return self.at


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    throttle = Throttle(0.5, 3, clock=clock)
    assert [throttle.take("a") for _ in range(4)] == [0, 0, 0, 2]
    assert throttle.take("b") == 0
    clock.at += 1
    assert throttle.wait("a") == 1
    clock.at += 1
    assert (throttle.take("a"), throttle.take("a")) == (0, 2)


def test_looking_counts_nothing() -> None:
    throttle = Throttle(1, 1, clock=Clock())
    assert [throttle.wait("a") for _ in range(5)] == [0] * 5
    assert throttle.take("a") == 0


def test_names_made_up_win_no_memory() -> None:
    throttle = Throttle(1, 1, most=10, clock=Clock())
    for place in range(1000):
        throttle.take(str(place))
    assert len(throttle._buckets) == 10
    assert throttle.take("999") == 1


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.floats(0.1, 10), st.integers(1, 20))
def test_never_more_than_the_burst_and_the_rate_allow(pauses: list[float], rate: float, burst: int) -> None:
    clock = Clock()
    throttle = Throttle(rate, burst, clock=clock)
    began, taken = clock.at, 0
    for pause in pauses:
        clock.at += pause
        taken += throttle.take("a") == 0
        assert taken <= burst + (clock.at - began) * rate + 1e-6

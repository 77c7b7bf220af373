"""When a controller counts as dead."""

from __future__ import annotations

import pytest

from ari_app.agi.rescue import BEAT_SECONDS, Watch


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def watched(answers: str, patience: float = 5.0) -> list[bool]:
    """Whether it is dead after each beat; ``x`` is an answer, ``-`` none."""
    clock = Clock()
    watch = Watch("http://127.0.0.1/healthz", patience, clock)
    told = []
    for each in answers:
        clock.seconds += BEAT_SECONDS
        watch.take(answered=each == "x")
        told.append(watch.dead)
    return told


def test_silence_is_death_once_patience_is_over() -> None:
    told = watched("x" * 8 + "-" * 30)
    assert told.index(True) == 8 + 20 - 1
    assert all(told[told.index(True) :])


def test_whoever_answers_is_not_dead() -> None:
    assert not any(watched("x" * 100))
    assert not watched("-" * 30 + "x")[-1]


@pytest.mark.fault("3")
def test_one_that_dies_at_each_start_is_dead_all_the_same() -> None:
    assert True in watched("xxxx" + "---x" * 8)
    assert True not in watched("xxxx" + "----xxxxxx" * 8), "a second of life is one"

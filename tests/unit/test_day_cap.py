"""How often a day a scheme rings numbers outside: to the last one allowed, by the scheme's own midnight."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ari_app.core.day_cap import DayCount, cap_of, counted, day_of, is_outside, resumed
from ari_app.core.scheme import Destination, Scheme, TargetKind

TODAY, TOMORROW = date(2026, 12, 31), date(2027, 1, 1)
SCHEME = Scheme("Office", ZoneInfo("Asia/Vladivostok"), ())


@pytest.mark.parametrize(
    ("before", "cap", "after"),
    [
        (None, 0, DayCount(TODAY, 1)),
        (None, 1, DayCount(TODAY, 1)),
        (DayCount(TODAY, 1), 2, DayCount(TODAY, 2)),
        (DayCount(TODAY, 2), 2, DayCount(TODAY, 2, refused=1)),
        (DayCount(TODAY, 2, refused=1), 2, DayCount(TODAY, 2, refused=2)),
        # Lowered by an edit; and lifted.
        (DayCount(TODAY, 9), 2, DayCount(TODAY, 9, refused=1)),
        (DayCount(TODAY, 9, refused=1), 0, DayCount(TODAY, 10, refused=1)),
        # Another day, also one that a clock set back has come to again.
        (DayCount(date(2026, 12, 30), 9), 2, DayCount(TODAY, 1)),
        (DayCount(TOMORROW, 9), 2, DayCount(TODAY, 1)),
    ],
)
def test_one_more_is_rung_or_refused(before: DayCount | None, cap: int, after: DayCount) -> None:
    assert counted(before, TODAY, cap) == after


@pytest.mark.parametrize(
    ("present", "after"),
    [
        (None, DayCount(TODAY, 5)),
        (DayCount(TODAY, 2, refused=1), DayCount(TODAY, 7, refused=1)),
        (DayCount(TOMORROW, 2), DayCount(TOMORROW, 2)),
    ],
)
def test_what_a_process_before_has_rung_counts_on_the_same_day(present: DayCount | None, after: DayCount) -> None:
    assert resumed(present, TODAY, 5) == after


def test_the_day_is_the_scheme_s_own() -> None:
    assert day_of(SCHEME, datetime(2026, 12, 31, 13, 59, tzinfo=UTC)) == TODAY
    assert day_of(SCHEME, datetime(2026, 12, 31, 14, 0, tzinfo=UTC)) == TOMORROW


def test_a_scheme_s_own_word_goes_before_the_deployment_s() -> None:
    assert cap_of(SCHEME, 7) == 7
    assert cap_of(replace(SCHEME, outside_calls_a_day=3), 7) == 3


def test_phones_of_ours_cost_nothing() -> None:
    assert is_outside(Destination(TargetKind.NUMBER, "+79160000003", 20))
    assert not is_outside(Destination(TargetKind.ENDPOINT, "desk", 20))

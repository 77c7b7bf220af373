"""The moments that people write, as a table."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ari_app.cli.moments import MomentError, moment_at, moment_past

MOSCOW = ZoneInfo("Europe/Moscow")
FRIDAY = datetime(2026, 1, 30, 22, 30, tzinfo=UTC)
"""Saturday 01:30 in Moscow already."""


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T11:30", "2026-01-31T11:30:00+03:00"),
        ("2026-01-31 11:30", "2026-01-31T11:30:00+03:00"),
        ("2026-01-31", "2026-01-31T00:00:00+03:00"),
        ("2026-01-31T11:30+01:00", "2026-01-31T11:30:00+01:00"),
        ("2026-01-31T08:30Z", "2026-01-31T08:30:00+00:00"),
        ("11:30", "2026-01-31T11:30:00+03:00"),
        ("sat 11:30", "2026-01-31T11:30:00+03:00"),
        ("Saturday 00:00", "2026-01-31T00:00:00+03:00"),
        ("sun 9:05", "2026-02-01T09:05:00+03:00"),
        ("fri 23:59", "2026-02-06T23:59:00+03:00"),
    ],
)
def test_a_moment_without_a_zone_is_of_the_schemes_zone(text: str, moment: str) -> None:
    assert moment_at(text, MOSCOW, FRIDAY).isoformat() == moment


def test_a_wall_clock_follows_the_change_of_clocks() -> None:
    kyiv = ZoneInfo("Europe/Kyiv")
    before = moment_at("sat 12:00", kyiv, datetime(2026, 3, 27, 12, tzinfo=UTC))
    after = moment_at("sun 12:00", kyiv, datetime(2026, 3, 27, 12, tzinfo=UTC))
    assert (before.isoformat(), after.isoformat()) == ("2026-03-28T12:00:00+02:00", "2026-03-29T12:00:00+03:00")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", "2026-01-30T20:30:00+00:00"),
        ("90m", "2026-01-30T21:00:00+00:00"),
        ("7d", "2026-01-23T22:30:00+00:00"),
        ("today", "2026-01-30T00:00:00+00:00"),
        ("2026-01-01", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T10:00+03:00", "2026-01-01T10:00:00+03:00"),
    ],
)
def test_a_moment_to_search_from(text: str, moment: str) -> None:
    assert moment_past(text, FRIDAY).isoformat() == moment


@pytest.mark.parametrize("text", ["", "tomorrow", "24:00", "11:60", "some 11:30", "2026-13-01", "11:30 sat"])
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(MomentError, match=r"write|run from"):
        moment_at(text, MOSCOW, FRIDAY)

"""Working hours: minutes of the week in the scheme's own zone, across changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.schedule import LocalMinute, ScheduleEntry, ScheduleError, clock, local_minute, parse_hours

BERLIN = ZoneInfo("Europe/Berlin")
NINE_TO_SIX = ScheduleEntry(1, 5, 9 * 60, 17 * 60 + 59)


@pytest.mark.promise("CAL-01")
@pytest.mark.fault("32")
@pytest.mark.parametrize(
    ("utc", "shown"),
    [
        # In 2026 the clocks of Berlin go forward on 29 March at 01:00 UTC and back on 25 October at 01:00 UTC.
        ("2026-03-28T08:00", "Sat 09:00 Europe/Berlin"),
        ("2026-03-29T00:59", "Sun 01:59 Europe/Berlin"),
        ("2026-03-29T01:00", "Sun 03:00 Europe/Berlin"),
        ("2026-03-30T07:00", "Mon 09:00 Europe/Berlin"),
        ("2026-10-24T07:00", "Sat 09:00 Europe/Berlin"),
        ("2026-10-25T00:30", "Sun 02:30 Europe/Berlin"),
        ("2026-10-25T01:30", "Sun 02:30 Europe/Berlin"),
        ("2026-10-26T08:00", "Mon 09:00 Europe/Berlin"),
    ],
)
def test_hours_follow_the_wall_clock_when_the_clocks_change(utc: str, shown: str) -> None:
    assert str(local_minute(datetime.fromisoformat(utc).replace(tzinfo=UTC), BERLIN)) == shown


@pytest.mark.promise("CAL-01")
@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Moscow", LocalMinute(1, 9 * 60 + 30, "Europe/Moscow")),
        ("Asia/Kolkata", LocalMinute(1, 12 * 60, "Asia/Kolkata")),
        ("America/Los_Angeles", LocalMinute(7, 22 * 60 + 30, "America/Los_Angeles")),
        ("Pacific/Auckland", LocalMinute(1, 19 * 60 + 30, "Pacific/Auckland")),
    ],
)
def test_one_moment_is_another_minute_in_each_zone(zone: str, shown: LocalMinute) -> None:
    assert local_minute(datetime(2026, 3, 2, 6, 30, tzinfo=UTC), ZoneInfo(zone)) == shown


@pytest.mark.fault("32")
def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="UTC-aware"):
        local_minute(datetime(2026, 3, 2, 6, 30), BERLIN)  # noqa: DTZ001 - a naive time is what must be refused


@pytest.mark.promise("CAL-03", "RNG-04")
@pytest.mark.parametrize(
    ("weekday", "minute", "covered"),
    [
        (1, 9 * 60, True),
        (1, 9 * 60 - 1, False),
        (5, 17 * 60 + 59, True),
        (5, 18 * 60, False),
        (6, 12 * 60, False),
        (7, 12 * 60, False),
    ],
)
def test_an_entry_holds_from_its_first_minute_to_its_last(weekday: int, minute: int, covered: bool) -> None:
    assert NINE_TO_SIX.covers(weekday, minute) is covered


@pytest.mark.promise("RNG-05")
@given(st.integers(1, 7), st.integers(0, 1439))
def test_a_whole_day_is_0000_2359(weekday: int, minute: int) -> None:
    assert ScheduleEntry(1, 7, *parse_hours("00:00-23:59")).covers(weekday, minute)


@pytest.mark.promise("RNG-04")
def test_hours_across_midnight_are_refused_and_the_split_is_proposed() -> None:
    with pytest.raises(ScheduleError, match=r"18:01-08:59 crosses midnight.*: 18:01-23:59 and 00:00-08:59$"):
        ScheduleEntry(1, 5, *parse_hours("18:01-08:59"))


@pytest.mark.promise("RNG-04")
@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 1439))
def test_the_proposed_split_covers_what_was_meant(opens: int, closes: int, minute: int) -> None:
    meant = opens <= minute or minute <= closes
    if opens <= closes:
        return
    evening, morning = ScheduleEntry(1, 1, opens, 1439), ScheduleEntry(1, 1, 0, closes)
    assert (evening.covers(1, minute) or morning.covers(1, minute)) is meant


@pytest.mark.parametrize(
    ("days", "hours", "why"),
    [
        ((0, 5), (0, 1), "not a run of weekdays"),
        ((1, 8), (0, 1), "not a run of weekdays"),
        ((6, 1), (0, 1), "a run across Sunday is two entries"),
        ((1, 1), (0, 1440), "minute 1440 is not within a day"),
        ((1, 1), (-1, 5), "minute -1 is not within a day"),
    ],
)
def test_days_and_hours_outside_the_week_are_refused(days: tuple[int, int], hours: tuple[int, int], why: str) -> None:
    with pytest.raises(ScheduleError, match=why):
        ScheduleEntry(*days, *hours)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("09:00-17:59", (540, 1079)), (" 9:05 – 10:00 ", (545, 600)), ("00:00-23:59", (0, 1439))],
)
def test_hours_are_read_as_people_write_them(text: str, minutes: tuple[int, int]) -> None:
    assert parse_hours(text) == minutes


@pytest.mark.parametrize(
    "text", ["", "9-18", "09:00", "09:00-18:60", "09:60-18:00", "nine to five", "09:00-17:59-18:00"]
)
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="hours"):
        parse_hours(text)


def test_an_entry_reads_as_an_admin_would_write_it() -> None:
    assert str(NINE_TO_SIX) == "Mon-Fri 09:00-17:59"
    assert str(ScheduleEntry(7, 7, 0, 59)) == "Sun 00:00-00:59"
    assert clock(0) == "00:00"

"""The sending window: which moments are inside, and when it opens next, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.window import END_OF_DAY, SendingWindow, WindowError

MOSCOW = timezone(timedelta(hours=3))
# A change of an hour at 02:00 or 03:00; half an hour (Lord Howe); at midnight (Havana); a day left out (Apia, 2011);
# no change at all; years of odd ones.
ZONES = st.sampled_from(
    [
        "Europe/Warsaw",
        "Europe/Moscow",
        "Australia/Lord_Howe",
        "America/Havana",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "UTC",
    ]
).map(ZoneInfo)
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Warsaw, forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Warsaw, back
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe, back by half an hour
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe, forward
    datetime(2026, 3, 8, 5, tzinfo=UTC),  # Havana, from 00:00 to 01:00
    datetime(2026, 11, 1, 5, tzinfo=UTC),  # Havana, back to 00:00
    datetime(2011, 12, 30, 10, tzinfo=UTC),  # Apia: after the 29th came the 31st
]
MOMENTS = st.one_of(
    st.floats(946_684_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),  # 2000 to 2039
    st.builds(
        lambda change, seconds: change + timedelta(seconds=seconds),
        st.sampled_from(CHANGES),
        st.floats(-90_000, 90_000),
    ),
)
MINUTES = st.integers(0, 24 * 60)


def clock(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


WINDOWS = st.builds(
    lambda minutes, zone: SendingWindow(clock(min(minutes)), clock(max(minutes)), zone),
    st.sets(MINUTES, min_size=2, max_size=2),
    ZONES,
)


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{text}+03:00")


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("08:59:59.999999", False),
        ("09:00:00", True),
        ("12:00:00", True),
        ("19:59:59.999999", True),
        ("20:00:00", False),
        ("23:59:59", False),
        ("00:00:00", False),
    ],
)
def test_by_default_it_is_open_from_nine_to_twenty_at_utc_plus_three(at: str, is_open: bool) -> None:
    assert SendingWindow().is_open(moscow(at)) is is_open
    assert SendingWindow().is_open(moscow(at).astimezone(ZoneInfo("America/New_York"))) is is_open


@pytest.mark.parametrize(
    ("at", "opening"),
    [
        ("2026-11-21T08:59:59+03:00", "2026-11-21T09:00:00+03:00"),
        ("2026-11-21T09:00:00+03:00", "2026-11-21T09:00:00+03:00"),
        ("2026-11-21T15:00:01+03:00", "2026-11-21T15:00:01+03:00"),
        ("2026-11-21T20:00:00+03:00", "2026-11-22T09:00:00+03:00"),
        ("2026-11-21T23:30:00+00:00", "2026-11-22T09:00:00+03:00"),
        ("2026-12-31T22:00:00+03:00", "2027-01-01T09:00:00+03:00"),
    ],
)
def test_outside_the_hours_it_opens_at_the_next_nine(at: str, opening: str) -> None:
    assert SendingWindow().next_opening(datetime.fromisoformat(at)) == datetime.fromisoformat(opening)


@pytest.mark.fault("32")
@pytest.mark.parametrize(
    ("hours", "zone", "at", "opening"),
    [
        # Warsaw, forward: nine comes an hour earlier by UTC.
        ("09:00-20:00", "Europe/Warsaw", "2026-03-28T21:00+00:00", "2026-03-29T07:00+00:00"),
        ("09:00-20:00", "Europe/Warsaw", "2026-03-27T21:00+00:00", "2026-03-28T08:00+00:00"),
        # 02:30 does not exist on that day: open as soon as the clock shows 03:00.
        ("02:30-20:00", "Europe/Warsaw", "2026-03-29T00:30+00:00", "2026-03-29T01:00+00:00"),
        # Nothing of the window exists on that day.
        ("02:10-02:50", "Europe/Warsaw", "2026-03-29T00:30+00:00", "2026-03-30T00:10+00:00"),
        ("02:10-02:50", "Europe/Warsaw", "2026-03-28T01:50+00:00", "2026-03-30T00:10+00:00"),
        # Twenty-four hours from before midnight to after the next but one.
        ("09:00-20:00", "Europe/Warsaw", "2026-03-28T22:30+00:00", "2026-03-29T07:00+00:00"),
        # Back from 03:00 to 02:00: 02:10 comes twice, and the second time the window opens again.
        ("02:10-02:50", "Europe/Warsaw", "2026-10-24T23:50+00:00", "2026-10-25T00:10+00:00"),
        ("02:10-02:50", "Europe/Warsaw", "2026-10-25T00:50+00:00", "2026-10-25T01:10+00:00"),
        # Closed at 02:40; at the change the clock shows 02:00, which is inside.
        ("01:00-02:40", "Europe/Warsaw", "2026-10-25T00:45+00:00", "2026-10-25T01:00+00:00"),
        # 30 December 2011 was left out in Apia.
        ("09:00-20:00", "Pacific/Apia", "2011-12-30T06:30+00:00", "2011-12-30T19:00+00:00"),
        # Midnight itself does not exist in Havana on that day.
        ("00:00-20:00", "America/Havana", "2026-03-08T04:30+00:00", "2026-03-08T05:00+00:00"),
    ],
)
def test_it_opens_by_the_clock_on_the_wall_when_clocks_change(hours: str, zone: str, at: str, opening: str) -> None:
    window = SendingWindow.parse(hours, zone)
    assert window.next_opening(datetime.fromisoformat(at)) == datetime.fromisoformat(opening)


@pytest.mark.fault("32")
@given(WINDOWS, MOMENTS, st.floats(0, 1))
def test_the_next_opening_is_open_not_before_and_the_first(window: SendingWindow, at: datetime, share: float) -> None:
    opening = window.next_opening(at)
    assert window.is_open(opening)
    assert opening >= at
    between = at + (opening - at) * share
    assert between == opening or not window.is_open(between)
    assert opening == at or not window.is_open(opening - timedelta(microseconds=1))
    assert opening - at <= timedelta(days=3)


@given(MOMENTS)
def test_a_window_of_the_whole_day_is_never_closed(at: datetime) -> None:
    always = SendingWindow.parse("00:00-24:00", "Europe/Warsaw")
    assert always.is_open(at)
    assert always.next_opening(at) is at


def test_a_moment_with_a_zone_of_its_own_is_understood() -> None:
    second_two = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=ZoneInfo("Europe/Warsaw"))
    window = SendingWindow(time(4, 15), time(20), MOSCOW)
    assert window.next_opening(second_two) == datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    assert window.next_opening(second_two.replace(fold=0)) == datetime(2026, 10, 25, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-11-21T20:59:59+00:00", date(2026, 11, 21)),
        ("2026-11-21T21:00:00+00:00", date(2026, 11, 22)),
    ],
)
def test_caps_are_counted_by_the_day_of_the_window(at: str, day: date) -> None:
    assert SendingWindow().day_of(datetime.fromisoformat(at)) == day


@pytest.mark.fault("32")
def test_a_naive_moment_is_refused_rather_than_read_in_the_zone_of_the_host() -> None:
    naive = moscow("12:00").replace(tzinfo=None)
    for ask in (SendingWindow().is_open, SendingWindow().next_opening, SendingWindow().day_of):
        with pytest.raises(ValueError, match="naive"):
            ask(naive)


@pytest.mark.parametrize(
    ("hours", "zone", "window", "text"),
    [
        ("09:00-20:00", "+03:00", SendingWindow(), "09:00-20:00 UTC+03:00"),
        (" 08:30 – 21:15 ", " UTC+3 ", SendingWindow(time(8, 30), time(21, 15), MOSCOW), "08:30-21:15 UTC+03:00"),
        (
            "00:00-24:00",
            "-03:30",
            SendingWindow(time(0), END_OF_DAY, timezone(-timedelta(hours=3, minutes=30))),
            "00:00-24:00 UTC-03:30",
        ),
        (
            "09:00-20:00",
            "Europe/Warsaw",
            SendingWindow(time(9), time(20), ZoneInfo("Europe/Warsaw")),
            "09:00-20:00 Europe/Warsaw",
        ),
    ],
)
def test_hours_and_zone_are_read_from_text(hours: str, zone: str, window: SendingWindow, text: str) -> None:
    parsed = SendingWindow.parse(hours, zone)
    assert parsed == window
    assert str(parsed) == text


@pytest.mark.parametrize(
    ("hours", "zone", "error"),
    [
        ("9-20", "+03:00", "not of the form 09:00-20:00"),
        ("09:00", "+03:00", "not of the form"),
        ("09:00-25:00", "+03:00", "not of the form"),
        ("09:60-20:00", "+03:00", "not of the form"),
        ("20:00-09:00", "+03:00", "opens at 20:00 and closes at 09:00; it must open earlier"),
        ("09:00-09:00", "+03:00", "must open earlier"),
        ("09:00-00:00", "+03:00", "the end of the day is written 24:00"),
        ("09:00-20:00", "Europe/Atlantis", "zone 'Europe/Atlantis' is unknown; write an offset such as"),
        ("09:00-20:00", "Europe", "unknown"),
        ("09:00-20:00", "../etc/passwd", "unknown"),
        ("09:00-20:00", "", "unknown"),
        ("09:00-20:00", "+15:00", "unknown"),
        ("09:00-20:00", "+03:75", "unknown"),
    ],
)
def test_text_that_makes_no_sense_is_refused_with_what_to_write(hours: str, zone: str, error: str) -> None:
    with pytest.raises(WindowError, match=error):
        SendingWindow.parse(hours, zone)


def test_its_times_have_no_zone_of_their_own() -> None:
    with pytest.raises(WindowError, match="the window's zone is theirs"):
        SendingWindow(time(9, tzinfo=UTC), time(20))


def test_it_may_close_at_midnight() -> None:
    window = SendingWindow(time(9), END_OF_DAY)
    assert window.is_open(moscow("23:59:59.999999"))
    assert not window.is_open(moscow("00:00:00"))

"""Changes of the clock: when, which minutes, and what that means for a branch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ari_app.core.clock_changes import ClockChange, Effect, clock_changes, effects
from ari_app.core.schedule import ScheduleEntry, local_minute, parse_hours
from ari_app.core.week import Stretch, prove

SINCE, UNTIL = datetime(2026, 11, 26, 12, 0, 30, tzinfo=UTC), datetime(2028, 11, 26, 12, 0, 30, tzinfo=UTC)


def changes(zone: str) -> list[str]:
    return [str(change) for change in clock_changes(ZoneInfo(zone), SINCE, UNTIL)]


@pytest.mark.promise("OUR-03")
@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Europe/Moscow", []),
        (
            "Europe/Warsaw",
            [
                "Sun 2027-03-28 02:00-02:59 is skipped",
                "Sun 2027-10-31 02:00-02:59 comes twice",
                "Sun 2028-03-26 02:00-02:59 is skipped",
                "Sun 2028-10-29 02:00-02:59 comes twice",
            ],
        ),
        (
            "America/Santiago",  # at midnight: Saturday's last hour comes twice, Sunday's first is skipped
            [
                "Sat 2027-04-03 23:00-23:59 comes twice",
                "Sun 2027-09-05 00:00-00:59 is skipped",
                "Sat 2028-04-01 23:00-23:59 comes twice",
                "Sun 2028-09-03 00:00-00:59 is skipped",
            ],
        ),
        (
            "Australia/Lord_Howe",
            [
                "Sun 2027-04-04 01:30-01:59 comes twice",
                "Sun 2027-10-03 02:00-02:29 is skipped",
                "Sun 2028-04-02 01:30-01:59 comes twice",
                "Sun 2028-10-01 02:00-02:29 is skipped",
            ],
        ),
    ],
)
def test_every_change_of_two_years_is_told_with_its_minutes(zone: str, told: list[str]) -> None:
    assert changes(zone) == told


@pytest.mark.promise("OUR-03")
@pytest.mark.parametrize("zone", ["Europe/Kyiv", "America/New_York", "Africa/Casablanca", "Pacific/Chatham"])
def test_walking_through_the_change_minute_by_minute_finds_the_same(zone: str) -> None:
    for change in clock_changes(ZoneInfo(zone), SINCE, UNTIL):
        seen = [local_minute(change.at + timedelta(minutes=step), ZoneInfo(zone)) for step in range(-180, 181)]
        counts = {each: seen.count(each) for each in seen}
        wall = [(change.first + timedelta(minutes=step)) for step in range(abs(change.minutes))]
        expected = 0 if change.is_skip else 2
        for moment in wall:
            found = [n for each, n in counts.items() if each.minute == moment.hour * 60 + moment.minute]
            assert sum(found) == expected, (zone, str(change), moment)


WORKING = (ScheduleEntry(1, 7, *parse_hours("09:00-17:59")),)
BACKUP = (ScheduleEntry(7, 7, *parse_hours("02:10-02:49")), ScheduleEntry(1, 1, *parse_hours("02:10-02:49")))
WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.mark.promise("OUR-03")
def test_a_branch_whose_hours_are_skipped_loses_them_and_its_neighbour_holds_twice() -> None:
    hours = [WORKING, BACKUP, ()]
    proof = prove(hours)
    spring, autumn = clock_changes(WARSAW, SINCE, UNTIL)[:2]
    assert effects(spring, proof, hours) == (Effect(1, -40, (BACKUP[0],)), Effect(2, -20))
    assert effects(autumn, proof, hours) == (Effect(1, 40), Effect(2, 20))


def test_the_stretch_of_a_change_may_run_into_the_next_week() -> None:
    change = ClockChange(SINCE, datetime(2027, 3, 28, 23, 30), 60)  # noqa: DTZ001
    assert change.stretch == Stretch(10_050, 10_110)
    always = [()]
    assert effects(change, prove(always), always) == (Effect(0, -60),)

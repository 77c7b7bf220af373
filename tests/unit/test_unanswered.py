"""The share of unanswered calls, by number, scheme, branch, hour and weekday of the scheme's own zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ari_app.core.unanswered import By, Ended, Key, Tally, tallied
from ari_app.core.verdict import Disposition

ANSWERED, MESSAGE, LOST = Disposition.ANSWERED, Disposition.MESSAGE_LEFT, Disposition.LOST
ZONES = {"Kyiv": ZoneInfo("Europe/Kyiv"), "Kolkata": ZoneInfo("Asia/Kolkata")}
SUNDAY_NIGHT = datetime(2026, 3, 1, 22, 40, tzinfo=UTC)


def ended(
    disposition: Disposition, scheme: str | None = "Kyiv", *, number: str = "+1", at: datetime = SUNDAY_NIGHT
) -> Ended:
    return Ended(at, number, scheme, "Day" if scheme else None, disposition)


def figures(rows: dict[Key, Tally]) -> dict[Key, tuple[int, int, int]]:
    return {key: (tally.calls, tally.unanswered, tally.messages) for key, tally in rows.items()}


CALLS = [
    ended(ANSWERED),
    ended(LOST),
    ended(MESSAGE, "Kolkata", number="+2"),
    ended(LOST, None, number="+2"),
    ended(ANSWERED, "removed", number="+3"),
    ended(LOST, at=datetime(2026, 7, 6, 22, 40, tzinfo=UTC)),
]
EXPECTED: dict[By, dict[Key, tuple[int, int, int]]] = {
    By.NUMBER: {("+1",): (3, 2, 0), ("+2",): (2, 2, 1), ("+3",): (1, 0, 0)},
    By.SCHEME: {("Kyiv",): (3, 2, 0), (None,): (1, 1, 0), ("Kolkata",): (1, 1, 1), ("removed",): (1, 0, 0)},
    By.BRANCH: {
        ("Kyiv", "Day"): (3, 2, 0),
        (None, None): (1, 1, 0),
        ("Kolkata", "Day"): (1, 1, 1),
        ("removed", "Day"): (1, 0, 0),
    },
    By.HOUR: {(0,): (2, 1, 0), (1,): (1, 1, 0), (4,): (1, 1, 1), (22,): (2, 1, 0)},
    By.WEEKDAY: {(1,): (3, 2, 1), (2,): (1, 1, 0), (7,): (2, 1, 0)},
}


@pytest.mark.promise("CAL-11")
@pytest.mark.parametrize("by", By)
def test_rows_are_counted_and_ordered(by: By) -> None:
    found = dict(tallied(CALLS, ZONES).rows[by])
    assert figures(found) == EXPECTED[by]
    assert list(found) == list(EXPECTED[by]), "times in their order, the rest with the worst first"


@pytest.mark.promise("CAL-11")
def test_the_total_and_the_hours_of_the_week() -> None:
    found = tallied(CALLS, ZONES)
    assert (found.total.calls, found.total.unanswered, found.total.messages) == (6, 4, 1)
    assert found.total.share == pytest.approx(4 / 6)
    assert {hour: tally.calls for hour, tally in found.week.items()} == {(1, 0): 2, (1, 4): 1, (7, 22): 2, (2, 1): 1}


def test_without_calls_there_is_no_share() -> None:
    found = tallied([], ZONES)
    assert found.total.share is None
    assert found.rows[By.HOUR] == {}

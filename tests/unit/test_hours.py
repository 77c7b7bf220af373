"""Whether the company works at a moment, told by the branch that holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ari_app.core.hours import is_out_of_hours, team_is_out_of_hours
from ari_app.core.schedule import ScheduleEntry
from ari_app.core.scheme import Branch, Number, Scheme, SchemeBook

MONDAY_NOON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
SUNDAY_NOON = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
WORKING = Branch("working", (ScheduleEntry(1, 5, 540, 1079),), ())
CLOSED = Branch("closed", (ScheduleEntry(1, 5, 1080, 1439),), (), out_of_hours=True)
OFFICE = Scheme("office", ZoneInfo("Europe/Moscow"), (WORKING, CLOSED))
ALWAYS = Scheme("always", ZoneInfo("Europe/Moscow"), (Branch("always", (), ()),))
FRONT = Number("+74950000101", "front desk", scheme=OFFICE, team="Sales")
HOTLINE = Number("+74950000102", "hotline", scheme=ALWAYS, team="Support")
BARE = Number("+74950000103", "no scheme", team="Spare")
BOOK = SchemeBook({number.e164: number for number in (FRONT, HOTLINE, BARE)})


@pytest.mark.parametrize(
    ("number", "at", "out"),
    [
        (FRONT, MONDAY_NOON, False),
        (FRONT, MONDAY_NIGHT, True),
        (FRONT, SUNDAY_NOON, True),
        (HOTLINE, SUNDAY_NOON, False),
        (BARE, SUNDAY_NOON, None),
    ],
    ids=["a working branch", "a closed branch", "no branch at all", "always open", "hours not known"],
)
def test_the_branch_that_holds_says_so(number: Number, at: datetime, out: bool | None) -> None:
    assert is_out_of_hours(BOOK, number.e164, at) is out
    assert team_is_out_of_hours(BOOK, str(number.team), at) is out


def test_a_team_works_while_any_of_its_numbers_does() -> None:
    both = SchemeBook({FRONT.e164: FRONT, HOTLINE.e164: replace(HOTLINE, team="Sales")})
    assert team_is_out_of_hours(both, "Sales", MONDAY_NIGHT) is False
    assert team_is_out_of_hours(both, "nobody", MONDAY_NIGHT) is None

"""What differs between two versions of a scheme, told as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from ari_app.core.calendar_draft import DayDraft
from ari_app.core.draft import (
    BranchDraft,
    ChoiceDraft,
    DestinationDraft,
    EntryDraft,
    GreetingDraft,
    SchemeDraft,
    StepDraft,
)
from ari_app.core.scheme_changes import Change, Sign, canonical, scheme_changes, step_words

OFFICE = DestinationDraft("number", "+74950000102", 20, 0)
DESK = DestinationDraft("endpoint", "desk", 30, 0)
LATER = DestinationDraft("endpoint", "later", 30, 5)
WEEK = EntryDraft(1, 5, "09:00", "17:59")
SATURDAY = EntryDraft(6, 6, "10:00", "13:59")
HELLO = GreetingDraft("Hello", "own/hello")


def dial(*destinations: DestinationDraft, strategy: str = "in_turn") -> StepDraft:
    return StepDraft("dial", strategy, destinations)


def branch(
    *steps: StepDraft, name: str = "Day", entries: tuple[EntryDraft, ...] = (), closed: bool = False
) -> BranchDraft:
    return BranchDraft(name, entries, steps, closed)


def scheme(*branches: BranchDraft, name: str = "Office", zone: str = "UTC") -> SchemeDraft:
    return SchemeDraft(name, zone, branches)


def lines(changes: Iterable[Change], depth: int = 0) -> Iterator[str]:
    for change in changes:
        yield "  " * depth + str(change)
        yield from lines(change.within, depth + 1)


def told(before: SchemeDraft | None, after: SchemeDraft | None) -> list[str]:
    change = scheme_changes(before, after)
    return list(lines((change,))) if change else []


def in_branch(before: BranchDraft, after: BranchDraft) -> list[str]:
    """What is told within the one branch."""
    whole = told(scheme(before), scheme(after))
    assert whole[:2] in ([], ["~ scheme 'Office'", "  ~ branch 'Day'"])
    return [line.removeprefix("    ") for line in whole[2:]]


VOICEMAIL = StepDraft("voicemail")
VOICEMAIL_WORDS = "voicemail, the default greeting, 180 s at most, 2 s at least, ended by 5 s of silence"


def voicemail_words(sound: str) -> str:
    return VOICEMAIL_WORDS.replace("the default greeting", f"greeting 'Hello' ({sound})")


@pytest.mark.promise("OUR-06")
def test_a_scheme_that_is_new_is_told_whole() -> None:
    new = scheme(branch(dial(OFFICE, LATER), VOICEMAIL, entries=(SATURDAY, WEEK), closed=True), zone="Europe/Kyiv")
    assert told(None, new) == [
        "+ scheme 'Office'",
        "  + time zone Europe/Kyiv",
        "  + branch 'Day' (1 of 1)",
        "    + hours Mon-Fri 09:00-17:59, Sat 10:00-13:59",
        "    + out of hours",
        "    + step 1: dial in turn: +74950000102 (20 s), later (30 s after 5 s)",
        f"    + step 2: {VOICEMAIL_WORDS}",
    ]


@pytest.mark.promise("OUR-06")
def test_a_scheme_that_goes_is_told_by_its_name() -> None:
    change = scheme_changes(scheme(branch(VOICEMAIL)), None)
    assert change == Change(Sign.REMOVED, "scheme 'Office'")
    assert change.removes


def test_nothing_and_nothing_do_not_differ() -> None:
    assert scheme_changes(None, None) is None


@pytest.mark.promise("OUR-06")
def test_zone_name_and_branches() -> None:
    before = scheme(branch(VOICEMAIL, name="A"), branch(VOICEMAIL, name="B"), branch(VOICEMAIL, name="C"))
    after = scheme(
        *(branch(VOICEMAIL, name="C"), branch(VOICEMAIL, name="A", closed=True), branch(VOICEMAIL, name="D")),
        name="House",
        zone="Europe/Kyiv",
    )
    assert told(before, after) == [
        "~ scheme 'House'",
        "  ~ name: Office → House",
        "  ~ time zone: UTC → Europe/Kyiv",
        "  - branch 'B'",
        "  ~ branch 'A'",
        "    ~ out of hours: no → yes",
        "  + branch 'D' (3 of 3)",
        "    + hours always",
        f"    + step 1: {VOICEMAIL_WORDS}",
        "  ~ order of the branches: 'A', 'C' → 'C', 'A'",
    ]


def test_branches_of_one_name_are_paired_in_their_order() -> None:
    before = scheme(branch(VOICEMAIL), branch(StepDraft("hang_up")))
    after = scheme(branch(VOICEMAIL), branch(VOICEMAIL))
    assert told(before, after) == [
        "~ scheme 'Office'",
        "  ~ branch 'Day'",
        f"    ~ step 1: hang up → {VOICEMAIL_WORDS}",
    ]


@pytest.mark.promise("OUR-06")
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            branch(VOICEMAIL, entries=(WEEK,)),
            branch(VOICEMAIL, entries=(SATURDAY, WEEK)),
            ["~ hours: Mon-Fri 09:00-17:59 → Mon-Fri 09:00-17:59, Sat 10:00-13:59"],
        ),
        (branch(VOICEMAIL, entries=(WEEK,)), branch(VOICEMAIL), ["~ hours: Mon-Fri 09:00-17:59 → always"]),
        (
            branch(dial(OFFICE), VOICEMAIL),
            branch(dial(DESK, OFFICE._replace(timeout=25)), VOICEMAIL),
            ["~ step 1: dial", "  ~ +74950000102: 20 s → 25 s", "  + desk (30 s)"],
        ),
        (
            branch(dial(OFFICE, DESK)),
            branch(dial(DESK, OFFICE, strategy="all_at_once")),
            [
                "~ step 1: dial",
                "  ~ ring: in turn → all at once",
                "  ~ order of the destinations: +74950000102, desk → desk, +74950000102",
            ],
        ),
        (branch(dial(OFFICE, DESK)), branch(dial(DESK)), ["~ step 1: dial", "  - +74950000102 (20 s)"]),
        (branch(dial(OFFICE), dial(DESK)), branch(dial(DESK)), ["- step 1: dial in turn: +74950000102 (20 s)"]),
        (branch(dial(DESK)), branch(dial(DESK), VOICEMAIL), [f"+ step 2: {VOICEMAIL_WORDS}"]),
        (
            branch(dial(OFFICE), VOICEMAIL),
            branch(StepDraft("greeting", greeting=HELLO), VOICEMAIL),
            ["~ step 1: dial in turn: +74950000102 (20 s) → play greeting 'Hello' (own/hello)"],
        ),
        (
            branch(VOICEMAIL._replace(greeting=HELLO)),
            branch(VOICEMAIL._replace(greeting=HELLO._replace(sound="own/new"))),
            [
                f"~ step 1: {voicemail_words('own/hello')} → {voicemail_words('own/new')}",
            ],
        ),
    ],
)
def test_hours_steps_and_destinations(before: BranchDraft, after: BranchDraft, expected: list[str]) -> None:
    assert in_branch(before, after) == expected


def test_what_no_call_would_notice_is_no_difference() -> None:
    before = scheme(
        branch(
            StepDraft("greeting", "staggered", (OFFICE,), HELLO, 60, 1, 1),
            dial(DESK)._replace(max_seconds=60, greeting=HELLO),
            VOICEMAIL._replace(strategy="staggered", destinations=(OFFICE,)),
            entries=(SATURDAY, WEEK),
        ),
        branch(StepDraft("hang_up", "staggered", (OFFICE,), HELLO, 60), name="Night"),
    )
    after = scheme(
        branch(StepDraft("greeting", greeting=HELLO), dial(DESK), VOICEMAIL, entries=(WEEK, SATURDAY)),
        branch(StepDraft("hang_up"), name="Night"),
    )
    assert scheme_changes(before, after) is None
    assert canonical(before) == after


def test_nonsense_is_told_as_it_is() -> None:
    assert told(scheme(branch(StepDraft("dance"), entries=(EntryDraft(0, 9, "x", "y"),))), scheme(branch(dial()))) == [
        "~ scheme 'Office'",
        "  ~ branch 'Day'",
        "    ~ hours: 0-9 x-y → always",
        "    ~ step 1: dance → dial in turn: nobody",
    ]
    assert step_words(dial(strategy="by_magic")) == "dial by_magic: nobody"


@pytest.mark.promise("OUR-06")
def test_whether_anything_goes_is_known_at_any_depth() -> None:
    before = scheme(branch(dial(OFFICE, DESK)))
    for after, goes in ((scheme(branch(dial(OFFICE))), True), (scheme(branch(dial(OFFICE, DESK, LATER))), False)):
        change = scheme_changes(before, after)
        assert change is not None
        assert change.removes is goes


def test_a_change_from_nothing_or_to_nothing_is_told_as_none() -> None:
    assert str(Change(Sign.CHANGED, "team", "", "Sales")) == "~ team: none → Sales"
    assert str(Change(Sign.CHANGED, "team", "Sales", "")) == "~ team: Sales → none"


EVE = DayDraft("Eve", "2026-12-31", "2026-12-31", "15:00")
WORKS = DayDraft("Works holiday", "2027-07-01", "2027-07-14", rule="branch", branch="Day")
MOVED = DayDraft("Moved", "2027-02-20", "2027-02-20", rule="weekday", weekday=5)


@pytest.mark.promise("OUR-06", "FLD-05")
def test_holidays_and_days_are_told_as_they_come_go_and_change_places() -> None:
    plain = scheme(branch(VOICEMAIL))
    held = plain._replace(holidays="RU", days=(EVE, WORKS))
    assert told(None, held)[2:5] == [
        "  + public holidays of RU",
        "  + exceptional day 2026-12-31 15:00-23:59 (Eve): closed",
        "  + exceptional day 2027-07-01 to 2027-07-14 (Works holiday): branch Day",
    ]
    assert told(plain, held)[1:] == ["  ~ public holidays: none → RU", *told(None, held)[3:5]]
    assert told(held, held._replace(holidays="DE-BY", days=(WORKS, EVE, MOVED)))[1:] == [
        "  ~ public holidays: RU → DE-BY",
        "  + exceptional day 2027-02-20 (Moved): like Fri",
        "  ~ order of the exceptional days: "
        "2026-12-31, 2027-07-01 to 2027-07-14 → 2027-07-01 to 2027-07-14, 2026-12-31",
    ]
    assert told(held, held._replace(days=(EVE,)))[1:] == [
        "  - exceptional day 2027-07-01 to 2027-07-14 (Works holiday): branch Day"
    ]
    odd = plain._replace(days=(MOVED._replace(weekday=9),))
    assert told(plain, odd)[1:] == ["  + exceptional day 2027-02-20 (Moved): like 9"]


def test_what_a_day_s_rule_does_not_look_at_is_no_difference() -> None:
    before = scheme(branch(VOICEMAIL))._replace(days=(EVE,))
    assert told(before, before._replace(days=(EVE._replace(weekday=3, branch="Day"),))) == []


def test_a_cap_is_told_as_it_comes_goes_and_changes() -> None:
    plain = scheme(branch(VOICEMAIL))
    capped = plain._replace(outside_calls_a_day=50)
    assert told(None, capped)[2] == "  + calls outside a day: 50 at most"
    assert told(plain, capped)[1:] == ["  ~ calls outside a day: none → 50 at most"]
    assert told(capped, plain)[1:] == ["  ~ calls outside a day: 50 at most → none"]
    assert told(capped, plain._replace(outside_calls_a_day=60))[1:] == [
        "  ~ calls outside a day: 50 at most → 60 at most"
    ]


@pytest.mark.promise("FLD-09")
def test_a_menu_and_the_label_that_it_leads_to_are_told_whole() -> None:
    menu = StepDraft("menu", greeting=HELLO, choices=(ChoiceDraft("2", "b"), ChoiceDraft("1", "a")))
    longer = menu._replace(otherwise="a", retries=0, wait_seconds=9, choices=())
    there = dial(DESK)._replace(label="a")
    play = "menu, greeting 'Hello' (own/hello)"
    assert in_branch(branch(menu, dial(DESK)), branch(longer, there)) == [
        f"~ step 1: {play}: 1 'a', 2 'b', else the next step; 5 s for a key, asked again 2 times → "
        f"{play}: no keys, else 'a'; 9 s for a key, asked again 0 times",
        "~ step 2: dial in turn: desk (30 s) → dial in turn: desk (30 s) (label 'a')",
    ]
    assert in_branch(branch(menu), branch(menu._replace(strategy="staggered", max_seconds=9))) == []

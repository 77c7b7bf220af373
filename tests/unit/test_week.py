"""The proof of the week, against every one of its 10,080 minutes looked at by itself."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.core.schedule import MINUTES_A_DAY, ScheduleEntry, parse_hours
from ari_app.core.week import MINUTES_A_WEEK, Overlap, Stretch, WeekProof, as_entries, minutes, prove, shared

Hours = list[list[ScheduleEntry]]


def entry(first_day: int, last_day: int, hours: str) -> ScheduleEntry:
    return ScheduleEntry(first_day, last_day, *parse_hours(hours))


@st.composite
def entries(draw: st.DrawFn) -> ScheduleEntry:
    days = sorted(draw(st.lists(st.integers(1, 7), min_size=2, max_size=2)))
    ends = sorted(draw(st.lists(st.integers(0, MINUTES_A_DAY - 1), min_size=2, max_size=2)))
    return ScheduleEntry(*days, *ends)


HOURS = st.lists(st.lists(entries(), max_size=4), max_size=6)


def by_minute(hours: Hours) -> list[list[int]]:
    """For each minute of the week, the branches that hold, as a person with a finger on the page finds them."""
    return [
        [
            place
            for place, own in enumerate(hours)
            if not own or any(each.covers(minute // MINUTES_A_DAY + 1, minute % MINUTES_A_DAY) for each in own)
        ]
        for minute in range(MINUTES_A_WEEK)
    ]


def spread(stretches: tuple[Stretch, ...]) -> list[int]:
    return [minute for stretch in stretches for minute in range(*stretch)]


@pytest.mark.promise("OUR-03", "RNG-02", "RNG-03")
@settings(max_examples=25)
@given(HOURS)
def test_the_proof_says_of_every_minute_what_looking_at_it_says(hours: Hours) -> None:
    proof, holding = prove(hours), by_minute(hours)
    assert spread(proof.gaps) == [minute for minute, places in enumerate(holding) if not places]
    for place, taken in enumerate(proof.taken):
        assert spread(taken) == [minute for minute, places in enumerate(holding) if places[:1] == [place]]
    twice = {}
    for minute, places in enumerate(holding):
        timed = [place for place in places if hours[place]]
        if len(timed) > 1 and timed[0] == places[0]:
            twice[minute] = timed
    told = {m: [each.taken_by, *each.others] for each in proof.overlaps for m in range(*each.stretch)}
    assert told == twice
    assert proof.covered == sum(bool(places) for places in holding)
    assert proof.is_whole == all(holding)
    assert proof.unreached == tuple(
        place for place in range(len(hours)) if all(places[:1] != [place] for places in holding)
    )


@given(HOURS)
def test_stretches_are_apart_and_as_long_as_can_be(hours: Hours) -> None:
    proof = prove(hours)
    for stretches in (proof.gaps, *proof.taken):
        assert all(before.end < after.start for before, after in pairwise(stretches))
    assert minutes(proof.gaps) + sum(map(minutes, proof.taken)) == MINUTES_A_WEEK


@given(HOURS)
def test_what_is_written_as_entries_covers_the_same_minutes(hours: Hours) -> None:
    gaps = prove(hours).gaps
    assert prove([list(as_entries(gaps))]).taken[0] == gaps if gaps else as_entries(gaps) == ()


@pytest.mark.promise("RNG-02", "RNG-05")
def test_office_hours_and_the_rest_are_the_whole_week() -> None:
    working = [entry(1, 5, "09:00-17:59")]
    rest = [entry(1, 5, "18:00-23:59"), entry(1, 5, "00:00-08:59"), entry(6, 7, "00:00-23:59")]
    proof = prove([working, rest])
    assert (proof.is_whole, proof.covered, proof.gaps, proof.overlaps, proof.unreached) == (True, 10_080, (), (), ())
    assert as_entries(proof.taken[1]) == tuple(sorted(rest, key=lambda each: (each.first_day, each.opens)))


@pytest.mark.promise("RNG-03")
def test_one_minute_left_out_and_one_covered_twice_are_both_found() -> None:
    proof = prove(
        [
            [entry(1, 7, "09:00-17:59")],
            [entry(1, 7, "17:59-23:59"), entry(1, 2, "00:00-08:59"), entry(4, 7, "00:00-08:59")],
            [entry(3, 3, "00:00-08:58")],
        ]
    )
    assert (as_entries(proof.gaps), proof.covered) == ((entry(3, 3, "08:59-08:59"),), 10_079)
    assert {places: as_entries(where) for places, where in proof.twice.items()} == {
        (0, (1,)): (entry(1, 7, "17:59-17:59"),)
    }


def test_a_branch_without_hours_is_no_overlap_but_hides_what_stands_behind_it() -> None:
    proof = prove([[entry(1, 5, "09:00-17:59")], [], [entry(6, 6, "10:00-11:59")], [entry(6, 6, "10:00-10:59")]])
    assert (proof.overlaps, proof.unreached, proof.is_whole) == ((), (2, 3), True)


def test_equal_pieces_beside_each_other_are_one() -> None:
    proof = prove([[entry(1, 1, "08:00-11:59")], [entry(1, 1, "09:00-09:59")], [entry(1, 1, "10:00-10:59")]])
    assert proof == WeekProof(
        ((Stretch(480, 720),), (), ()),
        (Stretch(0, 480), Stretch(720, 10_080)),
        (Overlap(Stretch(540, 600), 0, (1,)), Overlap(Stretch(600, 660), 0, (2,))),
    )


def test_a_wish_over_the_end_of_the_week_goes_on_at_its_beginning() -> None:
    sunday_night, monday = Stretch(10_000, 10_080), Stretch(0, 50)
    assert shared([monday, Stretch(100, 200), sunday_night], Stretch(10_050, 10_100)) == (
        Stretch(0, 20),
        Stretch(10_050, 10_080),
    )

"""In which order destinations are rung one after another: everybody once, shares as promised, the right one first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.core import explain
from ari_app.core.ring_order import RingPast, Turn, arranged, by_lot, order, recorded
from ari_app.core.scheme import Destination, DialStep, Greeting, RingStrategy, SchemeBook, TargetKind, VoicemailStep
from ari_app.core.timeline import Entry, Kind
from ari_app.ports import CallOpened
from ari_app.ring_turns import RingTurns, Talk, TurnTaken
from ari_app.simulation import LegScript, Simulated, parse_outcomes, simulate
from tests.fakes.scripted import CALLER, NUMBER, always

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REORDERING = [strategy for strategy in RingStrategy if strategy.reorders]
TAKES_TURNS = [strategy for strategy in RingStrategy if strategy.has_turns]
TARGETS = ("anna", "boris", "clara", "dora")
GREETING = Greeting("office", "own/office")
NOBODY = parse_outcomes("busy,busy,busy,busy")


def step(strategy: RingStrategy, *weights: int, targets: tuple[str, ...] = TARGETS) -> DialStep:
    weighed = zip(targets, weights or (1,) * len(targets), strict=False)
    return DialStep(strategy, tuple(Destination(TargetKind.ENDPOINT, one, 20, weight=each) for one, each in weighed))


def book(strategy: RingStrategy, *weights: int, targets: tuple[str, ...] = TARGETS) -> SchemeBook:
    return always("Europe/Berlin", step(strategy, *weights, targets=targets))


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def called(
    plan: SchemeBook,
    turns: RingTurns,
    number: int,
    legs: tuple[LegScript, ...] = NOBODY,
    at: datetime | None = None,
) -> Simulated:
    """Call ``number``, by default so many minutes after the first."""
    opened = CallOpened(f"call-{number}", at or after(number), CALLER, CALLER, NUMBER, NUMBER)
    return simulate(opened, plan, (), legs, turns=turns)


def rung(result: Simulated) -> list[str]:
    return [str(entry.details["destination"]) for entry in result.timeline if entry.kind is Kind.LEG_DIALED]


def told(result: Simulated) -> str:
    return next(explain.sentence(entry) for entry in result.timeline if entry.kind is Kind.RING_ORDER)


@pytest.mark.promise("FLD-01")
@given(
    st.sampled_from(REORDERING),
    st.lists(st.tuples(st.sampled_from(TARGETS), st.integers(1, 100)), min_size=1, max_size=20),
    st.text(max_size=5),
    st.dictionaries(st.sampled_from(TARGETS), st.datetimes(timezones=st.just(UTC))),
    st.dictionaries(st.sampled_from(TARGETS), st.datetimes(timezones=st.just(UTC))),
)
def test_everybody_is_rung_once_in_an_order_that_follows_from_past_and_seed(
    strategy: RingStrategy,
    rows: list[tuple[str, int]],
    seed: str,
    begun: dict[str, datetime],
    talked: dict[str, datetime],
) -> None:
    plan = DialStep(strategy, tuple(Destination(TargetKind.ENDPOINT, one, 20, weight=each) for one, each in rows))
    places = order(plan, seed, RingPast(begun, talked))
    assert sorted(places) == list(range(len(rows)))
    assert order(plan, seed, RingPast(begun, talked)) == places
    assert sorted(map(str, by_lot(plan, seed).destinations)) == sorted(target for target, _ in rows)
    assert by_lot(plan, seed) == by_lot(plan, seed)


@pytest.mark.parametrize("strategy", [strategy for strategy in RingStrategy if not strategy.reorders])
def test_the_other_ways_to_ring_keep_the_order_that_is_written(strategy: RingStrategy) -> None:
    assert order(step(strategy), "any", RingPast()) == (0, 1, 2, 3)
    (result,) = [called(book(strategy), RingTurns(), 1)]
    assert rung(result) == list(TARGETS)
    assert Kind.RING_ORDER not in {entry.kind for entry in result.timeline}


@pytest.mark.promise("FLD-01")
@pytest.mark.parametrize("strategy", TAKES_TURNS)
def test_turns_go_round_and_those_behind_the_first_follow_in_their_order(strategy: RingStrategy) -> None:
    turns, plan = RingTurns(), book(strategy)
    assert [rung(called(plan, turns, number)) for number in range(5)] == [
        ["anna", "boris", "clara", "dora"],
        ["boris", "clara", "dora", "anna"],
        ["clara", "dora", "anna", "boris"],
        ["dora", "anna", "boris", "clara"],
        ["anna", "boris", "clara", "dora"],
    ]


@settings(max_examples=40)
@given(st.integers(1, 8), st.integers(0, 60), st.integers(0, 3))
def test_starts_spread_evenly_however_close_together_calls_come(many: int, calls: int, apart: int) -> None:
    turns = RingTurns()
    plan = book(RingStrategy.ROUND_ROBIN, targets=tuple(f"desk-{number}" for number in range(many)))
    legs = parse_outcomes(",".join(["busy"] * many))
    at = (NOW + timedelta(microseconds=number * apart) for number in range(calls))
    starts = Counter(rung(called(plan, turns, n, legs, when))[0] for n, when in enumerate(at))
    assert max(starts.values(), default=0) - min((starts[f"desk-{n}"] for n in range(many)), default=0) <= 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.booleans()), max_size=60))
def test_two_controllers_that_hear_late_of_each_other_spread_starts_all_the_same(calls: list[tuple[int, bool]]) -> None:
    """Each entry is whose call it is, and whether both hear of what the other did before the next one."""
    both, plan = (RingTurns(), RingTurns()), step(RingStrategy.ROUND_ROBIN)
    told: list[TurnTaken] = []
    starts: Counter[str] = Counter()
    alone = 0
    for number, (whose, hear) in enumerate(calls):
        result = called(always("UTC", plan), both[whose], number)
        starts[rung(result)[0]] += 1
        (note,) = [entry for entry in result.timeline if entry.kind is Kind.RING_ORDER]
        turn = Turn(str(note.details["scheme"]), str(note.details["branch"]), 1)
        told.append(TurnTaken(turn, str(note.details["first"]), datetime.fromisoformat(str(note.details["at"]))))
        alone = 0 if hear else alone + 1
        if hear:
            for one in both:
                one.resume(told)
                one.resume(reversed(told))  # twice, and the other way about: nothing changes by it
    assert max(starts.values(), default=0) - min(starts[target] for target in TARGETS) <= 2 + _unheard(calls)


def _unheard(calls: list[tuple[int, bool]]) -> int:
    """How many calls one of the two took without knowing of one that the other had taken before."""
    count, other = 0, {0: False, 1: False}
    for whose, hear in calls:
        count += other[1 - whose]
        other = {0: False, 1: False} if hear else {**other, whose: True}
    return count


@pytest.mark.promise("FLD-01")
def test_random_orders_are_evenly_spread_and_the_same_for_the_same_call() -> None:
    plan = step(RingStrategy.RANDOM)
    firsts = Counter(order(plan, f"call-{number}/1", RingPast()) for number in range(4800))
    assert len(firsts) == 24, "every order there is"
    assert all(150 <= count <= 250 for count in firsts.values()), "200 each"
    assert rung(called(book(RingStrategy.RANDOM), RingTurns(), 7)) == rung(
        called(book(RingStrategy.RANDOM), RingTurns(), 7)
    )


@pytest.mark.promise("FLD-01")
def test_weights_are_the_shares_of_being_first_and_of_being_second_among_the_rest() -> None:
    plan = step(RingStrategy.WEIGHTED, 1, 2, 3, 4)
    orders = [order(plan, f"call-{number}/1", RingPast()) for number in range(10_000)]
    firsts = Counter(each[0] for each in orders)
    assert [firsts[place] / 10_000 for place in range(4)] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.02)
    behind_the_last = Counter(each[1] for each in orders if each[0] == 3)
    share = behind_the_last.total()
    assert [behind_the_last[place] / share for place in range(3)] == pytest.approx([1 / 6, 2 / 6, 3 / 6], abs=0.03)


@pytest.mark.promise("FLD-01")
def test_whoever_has_been_without_a_call_longest_is_rung_first() -> None:
    turns, plan = RingTurns(), book(RingStrategy.LEAST_RECENT)
    turns.resume(talks=[Talk("", "anna", after(-10)), Talk("", "boris", after(-30)), Talk("", "dora", after(-20))])
    first = called(plan, turns, 0, parse_outcomes("busy,answer"))
    assert rung(first)[:2] == ["clara", "boris"], "who never had a call, then who has had none for longest"
    second = called(plan, turns, 1, NOBODY)
    assert rung(second) == ["dora", "anna", "clara", "boris"], "boris has just talked; clara was rung"
    assert (
        told(second) == "dora has been without a call longest, since 2026-03-02T08:40:00+00:00; then anna, clara, boris"
    )


def test_who_talks_now_has_not_rested_at_all() -> None:
    turns = RingTurns()
    turns.resume(talks=[Talk("", name, after(-1)) for name in TARGETS[1:]])
    turns.talk_began("anna")
    assert rung(called(book(RingStrategy.LEAST_RECENT), turns, 5))[-1] == "anna"
    turns.talk_ended(Talk(CALLER, "anna", after(-5)))
    assert rung(called(book(RingStrategy.LEAST_RECENT), turns, 6, at=after(0)))[0] == "anna"


def test_the_timeline_says_why_they_are_rung_in_this_order() -> None:
    turns = RingTurns()
    assert told(called(book(RingStrategy.ROUND_ROBIN), turns, 1)) == (
        "it is the turn of anna to be rung first; then boris, clara, dora"
    )
    assert told(called(book(RingStrategy.LEAST_RECENT, targets=("anna",)), turns, 2)).startswith("anna has been")
    assert told(called(book(RingStrategy.LEAST_RECENT, targets=("new",)), turns, 3)) == "new has had no call yet"
    assert told(called(book(RingStrategy.RANDOM, targets=("anna",)), turns, 4)) == "drawn by lot: anna"
    weighted = called(book(RingStrategy.WEIGHTED, 3, targets=("anna",)), turns, 5)
    assert told(weighted) == "drawn by weight: anna"
    assert "ring weighted: anna (20 s, weight 3)" in str(weighted.timeline)
    alone = Entry(0, Kind.RING_ORDER, {"step": 1, "strategy": "round_robin"})
    assert explain.sentence(alone).startswith("who is rung first is drawn by lot")


def test_steps_branches_and_schemes_take_turns_each_of_their_own() -> None:
    turns = RingTurns()
    two = always("UTC", step(RingStrategy.ROUND_ROBIN), step(RingStrategy.ROUND_ROBIN), VoicemailStep(GREETING))
    legs = parse_outcomes(",".join(["busy"] * 8))
    assert [rung(called(two, turns, n, legs))[::4] for n in range(2)] == [["anna", "anna"], ["boris", "boris"]]


def test_an_edit_leaves_the_turn_where_it_is() -> None:
    turns = RingTurns()
    called(book(RingStrategy.ROUND_ROBIN), turns, 0)
    called(book(RingStrategy.ROUND_ROBIN), turns, 1)
    fewer = book(RingStrategy.ROUND_ROBIN, targets=("dora", "clara", "anna"))
    assert rung(called(fewer, turns, 2)) == ["dora", "clara", "anna"], "anna was first longest ago of those who were"
    assert rung(called(fewer, turns, 3))[0] == "clara"
    assert rung(called(fewer, turns, 4))[0] == "anna"


def test_an_order_is_read_again_off_the_timeline_if_it_is_one() -> None:
    result = called(book(RingStrategy.RANDOM), RingTurns(), 3)
    places = recorded(result.timeline, 1, 4)
    assert places is not None
    assert [one.target for one in arranged(step(RingStrategy.RANDOM), places).destinations] == rung(result)
    assert recorded(result.timeline, 2, 4) is None
    assert recorded(result.timeline, 1, 5) is None
    assert recorded([Entry(0, Kind.RING_ORDER, {"step": 1, "places": "1 x 3"})], 1, 3) is None


@pytest.mark.promise("FLD-06")
def test_who_talked_with_the_caller_last_is_rung_first_while_it_is_not_too_long_ago() -> None:
    turns = RingTurns()
    spoke = [Talk(CALLER, "boris", after(-100)), Talk(CALLER, "clara", after(-50)), Talk("+48221112233", "dora", NOW)]
    turns.resume(talks=[*spoke, Talk(CALLER, "clara", after(-60))])
    adviser = replace(step(RingStrategy.IN_TURN), last_adviser_days=1)
    plan = always("UTC", adviser)
    first = called(plan, turns, 0, parse_outcomes("busy,answer"))
    assert rung(first) == ["clara", "anna"]
    assert told(first) == (
        "clara talked with this caller last, at 2026-03-02T08:10:00+00:00, and is rung first; then anna, boris, dora"
    )
    assert "ring in turn, the last adviser of 1 days first: anna" in str(first.timeline)
    assert rung(called(plan, turns, 1))[0] == "anna", "with whom the caller has talked since"
    late = called(plan, turns, 2, at=NOW + timedelta(days=2))
    assert rung(late) == list(TARGETS)
    assert told(late) == "none of them talked with this caller in the last 1 days: anna, boris, clara, dora"
    nobody = CallOpened("call-9", after(9), None, "", NUMBER, NUMBER)
    assert rung(simulate(nobody, plan, (), NOBODY, turns=turns)) == list(TARGETS)
    turns.resume(anew=True)
    assert rung(called(plan, turns, 3)) == list(TARGETS), "nothing is left of who was erased"


@pytest.mark.parametrize("strategy", REORDERING)
def test_the_last_adviser_comes_before_every_other_order(strategy: RingStrategy) -> None:
    turns = RingTurns()
    turns.resume(talks=[Talk(CALLER, "dora", NOW)])
    result = called(always("UTC", replace(step(strategy), last_adviser_days=7)), turns, 1)
    assert rung(result)[0] == "dora"
    assert sorted(rung(result)) == sorted(TARGETS)


def test_where_all_ring_at_once_nobody_is_first() -> None:
    turns = RingTurns()
    turns.resume(talks=[Talk(CALLER, "dora", NOW)])
    result = called(always("UTC", replace(step(RingStrategy.ALL_AT_ONCE), last_adviser_days=7)), turns, 1)
    assert rung(result) == list(TARGETS)

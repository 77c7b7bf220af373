"""What is wrong with a scheme as somebody wrote it: each problem by its place, with its mend; and calls in circles."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.checks import Problem, Severity, circles, errors, problems
from ari_app.core.draft import (
    BranchDraft,
    DestinationDraft,
    EntryDraft,
    GreetingDraft,
    SchemeDraft,
    StepDraft,
    compiled,
)
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting

T = TypeVar("T")
UNIVERSAL = Greeting("universal (ru)", "ari-app/ru/greeting")
OFFICE = DestinationDraft("number", "+74950000102", 20, 0)
MOBILE = DestinationDraft("number", "+79160000003", 20, 0)
LATER = DestinationDraft("endpoint", "reception", 20, 10)
DESK = DestinationDraft("endpoint", "desk", 20, 0)
ALL_WEEK = EntryDraft(1, 7, "00:00", "23:59")


def dial(*destinations: DestinationDraft, strategy: str = "in_turn") -> StepDraft:
    return StepDraft("dial", strategy, destinations)


def branch(*steps: StepDraft, name: str = "Always", entries: tuple[EntryDraft, ...] = ()) -> BranchDraft:
    return BranchDraft(name, entries, steps)


def scheme(*branches: BranchDraft, name: str = "Office", zone: str = "Europe/Moscow") -> SchemeDraft:
    return SchemeDraft(name, zone, branches)


def one_step(step: StepDraft) -> SchemeDraft:
    return scheme(branch(step))


def told(draft: SchemeDraft, rules: DialPolicy | None = None) -> list[str]:
    """Every problem, an error marked by a leading ``!``."""
    found = problems(draft, rules or DialPolicy())
    return [f"{'!' if problem.severity is Severity.ERROR else '?'}{problem}" for problem in found]


@pytest.mark.promise("CAL-05", "RNG-06", "RNG-16")
@pytest.mark.parametrize(
    "draft",
    [
        one_step(StepDraft("voicemail")),
        one_step(StepDraft("hang_up")),
        one_step(dial(OFFICE)),
        one_step(dial(OFFICE, MOBILE, DESK)),
        one_step(dial(OFFICE, LATER, strategy="staggered")),
        one_step(dial(DESK, LATER._replace(delay=0), strategy="all_at_once")),
        one_step(dial(LATER, strategy="staggered")),
        one_step(dial(DESK, strategy="staggered")),
        scheme(
            branch(
                StepDraft("greeting", greeting=GreetingDraft("Hello", "own/hello")),
                dial(OFFICE, DESK),
                dial(MOBILE._replace(timeout=120)),
                StepDraft("voicemail", greeting=GreetingDraft("Away", "ru/greeting")),
                name="Working hours",
                entries=(EntryDraft(1, 5, "09:00", "17:59"),),
            ),
            branch(StepDraft("voicemail"), name="Out of hours"),
        ),
    ],
)
def test_a_scheme_that_makes_sense_has_no_problems(draft: SchemeDraft) -> None:
    assert told(draft) == []


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    ("draft", "problem"),
    [
        (
            scheme(branch(StepDraft("hang_up")), name="  "),
            "!scheme '  ': the name is empty; give it one that people will know it by",
        ),
        (
            scheme(branch(StepDraft("hang_up")), zone="Mars/Olympus\n"),
            "!scheme 'Office': 'Mars/Olympus' is not an IANA time zone; write one such as Europe/Moscow or Europe/Kyiv",
        ),
        (scheme(), "!scheme 'Office': it has no branches; add one (without hours it always holds)"),
        (
            scheme(branch(StepDraft("hang_up")))._replace(outside_calls_a_day=-1),
            "!scheme 'Office': its calls outside a day are -1; write 1 to 1000000, or nothing for what "
            "ARI_APP_OUTSIDE_CALLS_A_DAY says",
        ),
        (
            scheme(branch(StepDraft("hang_up"), name="")),
            "!scheme 'Office', branch '': the name is empty; give it one that says when it holds",
        ),
        (scheme(branch()), "!scheme 'Office', branch 'Always': it has no steps; add one, if only hang_up"),
    ],
)
def test_a_scheme_without_a_part_says_which_one_and_what_to_add(draft: SchemeDraft, problem: str) -> None:
    assert told(draft) == [problem]


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    "zone", ["", "/", ".", "..", "../../etc/passwd", "/etc/localtime", "Europe", "UTC\0", "europe moscow", "x" * 5000]
)
def test_a_time_zone_that_is_none_is_refused_whatever_it_is_instead(zone: str) -> None:
    (problem,) = told(scheme(branch(StepDraft("hang_up")), zone=zone))
    assert "is not an IANA time zone" in problem


@pytest.mark.promise("CAL-03")
def test_branches_behind_one_that_always_holds_are_told_to_be_never_reached() -> None:
    hours = branch(StepDraft("hang_up"), name="Hours", entries=(ALL_WEEK,))
    always = branch(StepDraft("hang_up"), name="Always")
    third = branch(StepDraft("hang_up"), name="Third")
    assert told(scheme(hours, always, third, hours)) == [
        "?scheme 'Office', branch 'Third': it is never reached: branch 'Always' before it always holds",
        "?scheme 'Office', branch 'Hours': it is never reached: branch 'Always' before it always holds",
    ]


@pytest.mark.promise("OUR-03")
def test_a_branch_whose_hours_others_take_is_told_to_be_never_reached() -> None:
    office = branch(StepDraft("hang_up"), name="Office", entries=(EntryDraft(1, 5, "09:00", "17:59"),))
    lunch = branch(StepDraft("hang_up"), name="Lunch", entries=(EntryDraft(3, 3, "12:00", "12:59"),))
    assert told(scheme(office, lunch, branch(StepDraft("voicemail")))) == [
        "?scheme 'Office', branch 'Lunch': it is never reached: branches before it cover all of its hours; "
        "move it before them"
    ]
    assert told(scheme(lunch, office, branch(StepDraft("voicemail")))) == []


@pytest.mark.promise("RNG-03")
def test_hours_that_no_branch_covers_are_told_to_the_minute() -> None:
    office = branch(StepDraft("hang_up"), name="Office", entries=(EntryDraft(1, 5, "09:00", "17:59"),))
    night = branch(StepDraft("hang_up"), name="Night", entries=(EntryDraft(1, 5, "18:01", "23:59"),))
    assert told(scheme(office, night)) == [
        "?scheme 'Office': no branch covers Mon-Fri 00:00-08:59, Mon-Fri 18:00-18:00, Sat-Sun 00:00-23:59: calls get "
        "the configured default then; add the hours, or a last branch without hours"
    ]
    often = tuple(EntryDraft(1, 7, f"{hour:02d}:00", f"{hour:02d}:29") for hour in range(24))
    (many,) = told(scheme(branch(StepDraft("hang_up"), entries=often)))
    assert "Mon-Sun 11:30-11:59 and 12 stretches more: calls get" in many


@pytest.mark.promise("RNG-04")
@pytest.mark.fault("21")
@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            EntryDraft(1, 5, "22:00", "06:00"),
            "22:00-06:00 crosses midnight; write two entries instead: 22:00-23:59 and 00:00-06:00",
        ),
        (
            EntryDraft(6, 1, "09:00", "18:00"),
            "days 6-1 are not a run of weekdays from 1 (Monday) to 7 (Sunday); a run across Sunday is two entries",
        ),
        (EntryDraft(1, 5, "nine", "18:00"), "hours 'nine-18:00' are not of the form 09:00-17:59"),
    ],
)
def test_hours_that_make_no_sense_are_told_with_what_to_write_instead(entry: EntryDraft, problem: str) -> None:
    draft = scheme(branch(StepDraft("hang_up"), name="Night", entries=(ALL_WEEK, entry)))
    assert told(draft) == [f"!scheme 'Office', branch 'Night': {problem}"]


@pytest.mark.fault("21")
@pytest.mark.parametrize("kind", ["voicemail", "hang_up"])
def test_nothing_may_come_after_the_step_that_ends_a_call(kind: str) -> None:
    draft = scheme(branch(dial(OFFICE), StepDraft(kind), dial(MOBILE)))
    assert told(draft) == [
        f"!scheme 'Office', branch 'Always', step 3: nothing comes after {kind}; remove the step or move it before"
    ]


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (StepDraft("fax"), "step 1: 'fax' is no kind of step; write dial, greeting, menu, voicemail, hang_up"),
        (StepDraft("greeting"), "step 1: a greeting step needs a greeting that exists"),
        (
            StepDraft("greeting", greeting=GreetingDraft("Far\n", "http://evil.example/x")),
            "step 1, greeting 'Far': its sound is not a catalogue path; "
            "write one such as ru/greeting or own/sales, without an ending",
        ),
        (
            StepDraft("voicemail", greeting=GreetingDraft("Up", "../ari-password")),
            "step 1, greeting 'Up': its sound is not a catalogue path; "
            "write one such as ru/greeting or own/sales, without an ending",
        ),
        (StepDraft("voicemail", max_seconds=4), "step 1: the longest message is 4 s; it must be 5 to 3600"),
        (StepDraft("voicemail", max_seconds=3601), "step 1: the longest message is 3601 s; it must be 5 to 3600"),
        (
            StepDraft("voicemail", silence_seconds=0),
            "step 1: the silence that ends a message is 0 s; it must be 1 to 60",
        ),
        (StepDraft("voicemail", min_seconds=-1), "step 1: the shortest message is -1 s; it must be 0 to 60"),
        (
            StepDraft("voicemail", max_seconds=5, min_seconds=5),
            "step 1: the shortest message is not shorter than the longest",
        ),
        (StepDraft("dial"), "step 1: it dials nobody; add a destination or remove the step"),
        (
            dial(OFFICE, strategy="by_weight"),
            "step 1: 'by_weight' is no ring strategy; write in_turn, all_at_once, staggered, "
            "round_robin, random, weighted, least_recent",
        ),
        (
            dial(DESK, LATER, strategy="all_at_once"),
            "step 1: destinations rung all at once have no delays; remove them, or ring staggered",
        ),
        (
            dial(DESK._replace(timeout=4)),
            "step 1, destination 'desk': the timeout is 4 s; it must be 5 to 600",
        ),
        (
            dial(DESK._replace(timeout=601)),
            "step 1, destination 'desk': the timeout is 601 s; it must be 5 to 600",
        ),
        (
            dial(DESK)._replace(last_adviser_days=93),
            "step 1: the last adviser's days are 93; they must be 0 to 92",
        ),
        (
            dial(DESK._replace(confirm_seconds=4)),
            "step 1, destination 'desk': the time to press 1 is 4 s; it must be 5 to 60, or 0 for none",
        ),
        (
            dial(DESK._replace(weight=0), strategy="weighted"),
            "step 1, destination 'desk': the weight is 0; it must be 1 to 100",
        ),
        (dial(DESK._replace(delay=-1)), "step 1, destination 'desk': the delay is -1 s; it must be 0 to 600"),
        (
            dial(DESK._replace(target="Local/1@evil")),
            "step 1, destination 'Local/1@evil': it is not an endpoint's name: "
            "small letters, digits and hyphens, at most 40",
        ),
        (
            dial(DESK._replace(kind="context")),
            "step 1, destination 'desk': 'context' is no kind of destination; write number, endpoint or manager",
        ),
    ],
)
def test_a_step_that_makes_no_sense_is_told_by_its_place_with_its_mend(step: StepDraft, problem: str) -> None:
    assert told(one_step(step)) == [f"!scheme 'Office', branch 'Always', {problem}"]


@pytest.mark.parametrize(
    "step",
    [
        dial(OFFICE, MOBILE),
        StepDraft("voicemail", max_seconds=3600, silence_seconds=60, min_seconds=60),
        StepDraft("voicemail", max_seconds=5, silence_seconds=1, min_seconds=0),
        dial(DESK._replace(timeout=5), LATER._replace(timeout=600, delay=600), strategy="staggered"),
    ],
)
def test_times_may_go_to_the_ends_of_their_ranges(step: StepDraft) -> None:
    assert told(one_step(step)) == []


@pytest.mark.parametrize("kind", ["dial", "hang_up"])
def test_what_a_step_has_no_use_for_is_not_judged(kind: str) -> None:
    step = StepDraft(kind, destinations=(DESK,), greeting=GreetingDraft("?", "../.."), max_seconds=-1)
    assert told(one_step(step)) == []


@pytest.mark.fault("22")
@pytest.mark.parametrize("target", ["100", "+10005550123", "+442079460000", "Local/1@evil", ""])
def test_a_number_that_may_not_be_dialed_is_refused_in_the_words_of_the_rules(target: str) -> None:
    rules = DialPolicy(allowed_prefixes=("+7", "+1"))
    place = f"scheme 'Office', branch 'Always', step 1, destination '{target}'"
    assert told(one_step(dial(MOBILE._replace(target=target))), rules) == [f"!{place}: {rules.refusal(target)}"]


@pytest.mark.promise("CAL-06")
@pytest.mark.parametrize("strategy", ["all_at_once", "staggered"])
def test_numbers_rung_at_once_are_allowed_with_a_warning_of_their_quality(strategy: str) -> None:
    second = MOBILE._replace(delay=5 if strategy == "staggered" else 0)
    draft = one_step(dial(OFFICE, second, strategy=strategy))
    (warning,) = problems(draft, DialPolicy())
    assert warning.severity is Severity.WARNING
    assert warning.text.startswith("2 numbers ring at once: a carrier's voicemail or a slow line among them may take")
    assert errors([warning]) == ()


@pytest.mark.promise("CAL-06")
def test_a_number_among_endpoints_brings_no_such_warning() -> None:
    assert told(one_step(dial(OFFICE, DESK, strategy="all_at_once"))) == []


def test_staggered_without_delays_is_told_to_ring_all_at_once() -> None:
    assert told(one_step(dial(DESK, LATER._replace(delay=0), strategy="staggered"))) == [
        "?scheme 'Office', branch 'Always', step 1: "
        "staggered without delays rings all at once; give the later ones a delay"
    ]


def test_whoever_is_rung_twice_in_a_step_is_named_once() -> None:
    assert told(one_step(dial(DESK, OFFICE, DESK, OFFICE, DESK))) == [
        "?scheme 'Office', branch 'Always', step 1: '+74950000102' is rung more than once in the step",
        "?scheme 'Office', branch 'Always', step 1: 'desk' is rung more than once in the step",
    ]


def desks(count: int) -> tuple[DestinationDraft, ...]:
    return tuple(DestinationDraft("endpoint", f"desk-{number}", 20, 0) for number in range(count))


def test_a_step_rings_twenty_at_most_and_a_branch_has_fifty_steps_at_most() -> None:
    assert told(scheme(branch(*[dial(*desks(20), strategy="all_at_once")] * 50))) == []
    assert told(one_step(dial(*desks(21)))) == [
        "!scheme 'Office', branch 'Always', step 1: it dials 21 destinations; a step has 20 at most: spread them over "
        "more steps"
    ]
    assert told(scheme(branch(*[dial(DESK)] * 51))) == [
        "!scheme 'Office', branch 'Always': it has 51 steps; a branch has 50 at most: remove some"
    ]


@pytest.mark.fault("21")
def test_every_problem_is_told_in_the_order_in_which_the_scheme_is_written() -> None:
    draft = scheme(branch(dial(), StepDraft("hang_up"), StepDraft("fax"), name=" "), zone="nowhere")
    assert told(draft) == [
        "!scheme 'Office': 'nowhere' is not an IANA time zone; write one such as Europe/Moscow or Europe/Kyiv",
        "!scheme 'Office', branch ' ': the name is empty; give it one that says when it holds",
        "!scheme 'Office', branch ' ', step 1: it dials nobody; add a destination or remove the step",
        "!scheme 'Office', branch ' ', step 3: nothing comes after hang_up; remove the step or move it before",
        "!scheme 'Office', branch ' ', step 3: 'fax' is no kind of step; "
        "write dial, greeting, menu, voicemail, hang_up",
    ]


def test_errors_keep_a_scheme_out_and_warnings_do_not() -> None:
    wrong = Problem(Severity.ERROR, "scheme 'A'", "it has no branches")
    doubtful = Problem(Severity.WARNING, "scheme 'A'", "it is never reached")
    assert errors([doubtful, wrong, doubtful]) == (wrong,)


def mostly(usual: st.SearchStrategy[T], odd: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """So many things can be odd in a scheme that hardly one would be sound if each were odd half the time."""
    return st.integers(0, 39).flatmap(lambda drawn: odd if drawn == 39 else usual)


WORDS = st.sampled_from(["", " ", "Office", "UTC", "../x", "desk", "+79160000003", "+7", "9:00", "18:00"])
TEXTS = WORDS | st.text(max_size=6)
SECONDS = st.integers(-1, 8) | st.sampled_from([20, 60, 180, 600, 601, 3600, 3601])
DAYS = mostly(st.just(1) | st.integers(1, 7), st.integers(0, 8))
DESTINATIONS = st.builds(
    DestinationDraft,
    mostly(st.just("endpoint"), st.sampled_from(["number", "endpoint", "x"])),
    mostly(st.sampled_from(["desk", "reception"]), TEXTS),
    mostly(st.integers(5, 600), SECONDS),
    mostly(st.just(0), SECONDS),
)
STEPS = st.builds(
    StepDraft,
    mostly(st.sampled_from(["dial", "greeting"]), st.sampled_from(["voicemail", "hang_up", "fax"])),
    mostly(st.sampled_from(["in_turn", "all_at_once", "staggered"]), TEXTS),
    st.lists(DESTINATIONS, min_size=1, max_size=3).map(tuple),
    mostly(st.builds(GreetingDraft, TEXTS, mostly(st.just("ru/hello"), TEXTS)), st.none()),
    mostly(st.just(180), SECONDS),
    mostly(st.just(5), SECONDS),
    mostly(st.just(2), SECONDS),
)
OPENS, CLOSES = st.sampled_from(["00:00", "09:00"]), st.sampled_from(["09:00", "17:59", "23:59"])
ENTRIES = st.builds(EntryDraft, st.just(1), DAYS, mostly(OPENS, TEXTS), mostly(CLOSES, TEXTS))
ENDINGS = st.sampled_from([(), (StepDraft("voicemail"),), (StepDraft("hang_up"),)])
BRANCHES = st.builds(
    BranchDraft,
    mostly(st.just("Always"), TEXTS),
    st.lists(ENTRIES, max_size=2).map(tuple),
    st.builds(lambda steps, ending: (*steps, *ending), st.lists(STEPS, max_size=2), ENDINGS),
)
SCHEMES = st.builds(
    SchemeDraft,
    mostly(st.just("Office"), TEXTS),
    mostly(st.just("Europe/Moscow"), TEXTS),
    mostly(st.lists(BRANCHES, min_size=1, max_size=2), st.just([])).map(tuple),
)


@pytest.mark.fault("21")
@given(SCHEMES)
def test_any_scheme_can_be_judged_and_one_without_errors_can_come_into_force(draft: SchemeDraft) -> None:
    found = problems(draft, DialPolicy())
    assert all(str(problem).isprintable() for problem in found)
    if not errors(found):
        assert [one.name for one in compiled(draft, UNIVERSAL).branches] == [one.name for one in draft.branches]


@pytest.mark.promise("FLD-11")
@pytest.mark.parametrize(
    ("schemes", "dialed", "found"),
    [
        ({}, {}, {}),
        ({"+1": "a"}, {}, {}),
        ({"+1": "a"}, {"a": ["+9"]}, {}),
        ({"+1": "a", "+2": "b"}, {"a": ["+2"], "b": ["+9"]}, {}),
        ({"+1": "a"}, {"a": ["+1"]}, {"+1": ("+1", "+1")}),
        (
            {"+1": "a", "+2": "b"},
            {"a": ["+2"], "b": ["+1"]},
            {"+1": ("+1", "+2", "+1"), "+2": ("+2", "+1", "+2")},
        ),
        # The way into a circle is not in it.
        ({"+1": "a", "+2": "b"}, {"a": ["+2"], "b": ["+2"]}, {"+2": ("+2", "+2")}),
        # The shortest way back is told, though a longer one is written first.
        (
            {"+1": "a", "+2": "b", "+3": "c"},
            {"a": ["+2", "+3"], "b": ["+3"], "c": ["+1"]},
            {"+1": ("+1", "+3", "+1"), "+2": ("+2", "+3", "+1", "+2"), "+3": ("+3", "+1", "+3")},
        ),
        # Two numbers of one scheme: either can come back by the other.
        ({"+1": "a", "+2": "a"}, {"a": ["+2"]}, {"+2": ("+2", "+2")}),
    ],
)
def test_a_number_whose_calls_could_come_back_is_found_with_the_way_they_take(
    schemes: Mapping[str, str], dialed: Mapping[str, list[str]], found: Mapping[str, tuple[str, ...]]
) -> None:
    assert circles(schemes, dialed) == found


@pytest.mark.promise("FLD-11")
def test_a_long_chain_of_numbers_is_no_circle_and_takes_no_time() -> None:
    """Looked at from each number anew, this chain took minutes."""
    chain = {f"+{number}": [f"+{number + 1}"] for number in range(1, 5000)}
    closed = {"+8000": ["+8001"], "+8001": ["+8000", "+1"]}
    schemes = {number: number for number in (*chain, "+5000", *closed)}
    assert circles(schemes, chain | closed) == {
        "+8000": ("+8000", "+8001", "+8000"),
        "+8001": ("+8001", "+8000", "+8001"),
    }


NAMES = st.sampled_from(["+1", "+2", "+3", "+4", "+5"])


@pytest.mark.promise("FLD-11")
@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=5))
def test_whoever_is_in_no_circle_is_never_reached_by_his_own_call(forwards: dict[str, list[str]]) -> None:
    """Against another way of looking: all numbers that a call can reach, step by step, until there are no more."""
    found = circles({number: number for number in forwards}, forwards)
    for number in forwards:
        reached = set[str]()
        while more := {to for at in reached or {number} for to in forwards.get(at, [])} - reached:
            reached |= more
        assert (number in found) == (number in reached)
    for number, way in found.items():
        assert way[0] == way[-1] == number
        assert all(after in forwards[before] for before, after in pairwise(way))


@pytest.mark.parametrize(
    ("step", "doubt"),
    [
        (
            dial(DESK, strategy="all_at_once")._replace(last_adviser_days=7),
            "the last adviser is first where one is rung after another; ring in turn",
        ),
        (
            dial(DESK._replace(weight=2)),
            "its destinations have weights, which count in a weighted step alone; ring weighted",
        ),
    ],
)
def test_a_setting_that_its_step_does_not_look_at_is_doubted(step: StepDraft, doubt: str) -> None:
    assert told(one_step(step)) == [f"?scheme 'Office', branch 'Always', step 1: {doubt}"]

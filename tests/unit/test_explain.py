"""A timeline in plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core import engine
from ari_app.core.explain import sentence, story
from ari_app.core.outcomes import CallerEnd, LegOutcome, PlayEnd
from ari_app.core.timeline import Entry, Kind, Scalar
from ari_app.core.verdict import Disposition, Reason

pytestmark = pytest.mark.promise("OUR-01")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("{0.__class__} {} {x!r:{")


@pytest.mark.parametrize(
    ("kind", "details", "words"),
    [
        (Kind.ARRIVED, {"caller": "+79160000001", "dialled": "+74950000101"}, "call from +79160000001 to +74950000101"),
        (Kind.ARRIVED, {"caller": None, "dialled": "100"}, "call from an anonymous caller to 100"),
        (
            Kind.NUMBER_FOUND,
            {"number": "+74950000101", "name": "desk", "scheme": "office", "version": "v1"},
            "+74950000101 (desk) goes by scheme 'office', version v1",
        ),
        (
            Kind.DEFAULT_USED,
            {"why": "unknown_number", "dialled": "+1"},
            "the default is used: +1 is not one of our numbers",
        ),
        (
            Kind.BRANCH_PASSED_OVER,
            {"branch": "night", "hours": "always", "why": "stands_later"},
            "branch 'night' passed over: it holds too, but stands later",
        ),
        (
            Kind.BRANCH_CHOSEN,
            {"branch": "day", "hours": "Mon 09:00-17:59", "local_time": "Mon 12:00 Europe/Berlin"},
            "branch 'day' chosen: it is Mon 12:00 Europe/Berlin, its hours are Mon 09:00-17:59",
        ),
        (
            Kind.BRANCH_CHOSEN,
            {"branch": "night", "hours": "always", "why": "closed", "local_time": "Mon 12:00 Europe/Berlin"},
            "branch 'night' chosen: it is Mon 12:00 Europe/Berlin, and closed",
        ),
        (
            Kind.SPECIAL_DAY,
            {"why": "override", "until": "2026-11-26 18:00", "goes": "closed", "reason": "fire drill"},
            "an override holds until 2026-11-26 18:00: closed (fire drill)",
        ),
        (
            Kind.SPECIAL_DAY,
            {"why": "public_day", "day": "Mon 2027-01-04", "holidays": "RU", "name": "New Year", "goes": "closed"},
            "Mon 2027-01-04 is no ordinary day in RU (New Year): closed",
        ),
        (Kind.STEP_BEGAN, {"step": 1, "what": "hang up", "why": "first_step"}, "step 1: hang up"),
        (
            Kind.STEP_BEGAN,
            {"step": 2, "what": "hang up", "why": "all_busy"},
            "step 2: hang up, since all were busy",
        ),
        (Kind.LEG_DIALED, {"destination": "desk", "timeout": 20}, "ringing desk, for 20 s at most"),
        (Kind.LEG_RANG, {"destination": "desk"}, "desk rings"),
        (Kind.LEG_ANSWERED, {"destination": "desk"}, "desk picked up"),
        (
            Kind.LEG_ENDED,
            {"destination": "desk", "outcome": "busy", "cause": 17, "text": "User busy"},
            "desk is busy (cause 17, User busy)",
        ),
        (Kind.LEG_ENDED, {"destination": "desk", "outcome": "no_answer", "cause": 0}, "desk did not answer"),
        (Kind.CONNECTED, {"destination": "desk"}, "the caller talks with desk"),
        (Kind.TALK_ENDED, {"by": "caller"}, "the talk is over, ended by the caller"),
        (Kind.ANSWERED_BY_SYSTEM, {}, "the call is answered for the prompt"),
        (Kind.PROMPT_BEGAN, {"greeting": "hello"}, "greeting 'hello' plays"),
        (Kind.PROMPT_ENDED, {"greeting": "hello", "end": "played"}, "greeting 'hello': played"),
        (Kind.RECORDING_BEGAN, {"max_seconds": 180}, "recording, 180 s at most"),
        (Kind.RECORDING_ENDED, {"end": "finished"}, "recording is over"),
        (Kind.MESSAGE_LEFT, {"seconds": 8.0}, "a message of 8.0 s is kept"),
        (
            Kind.MESSAGE_DISCARDED,
            {"why": "too_short", "seconds": 1.2, "min_seconds": 2},
            "no message: 1.2 s is under the minimum of 2 s",
        ),
        (Kind.STEPS_ENDED, {"why": "first_step"}, "no step is left, since there is none"),
        (Kind.LIMIT_REACHED, {"seconds": 60}, "the longest call, 60 s, is reached"),
        (Kind.TROUBLE, {"what": "line", "why": "500"}, "trouble with the line: 500"),
        (Kind.HUNG_UP, {"cause": "normal"}, "we hang up (normal)"),
        (
            Kind.VERDICT,
            {"disposition": "message_left", "reason": "message"},
            "message left: a message was left",
        ),
    ],
)
def test_each_happening_has_its_sentence(kind: Kind, details: dict[str, Scalar], words: str) -> None:
    assert sentence(Entry(0, kind, details)) == words


WORDS_OF = [
    *((Kind.LEG_ENDED, "outcome", value) for value in LegOutcome if value is not LegOutcome.ANSWERED),
    *((Kind.STEP_BEGAN, "why", f"prompt_{value}") for value in PlayEnd),
    *((Kind.STEP_BEGAN, "why", engine.why_unanswered((value,))) for value in LegOutcome if value != "answered"),
    *((Kind.STEP_BEGAN, "why", value) for value in ("nobody_rung", "nobody_answered", "first_step")),
    *((Kind.CALLER_LEFT, "how", value) for value in CallerEnd),
    *((Kind.VERDICT, "reason", value) for value in Reason),
    *(
        (Kind.DEFAULT_USED, "why", why)
        for why in ("unknown_number", "number_disabled", "no_scheme", "no_branch_covers", "closed_without_branch")
    ),
    *((Kind.BRANCH_PASSED_OVER, "why", why) for why in ("other_hours", "stands_later", "closed", "open", "branch")),
    *((Kind.BRANCH_CHOSEN, "why", why) for why in ("closed", "open", "branch")),
    *((Kind.SPECIAL_DAY, "why", why) for why in ("override", "own_day", "public_day")),
    *((Kind.MESSAGE_DISCARDED, "why", why) for why in ("too_short", "silent")),
]


@pytest.mark.parametrize(("kind", "key", "value"), WORDS_OF)
def test_every_value_is_told_in_words_and_not_by_its_key(kind: Kind, key: str, value: str) -> None:
    told = sentence(Entry(0, kind, {key: value}))
    if "_" in value:
        assert value not in told
    as_if_of_a_newer_release = sentence(Entry(0, kind, {key: "@"})).replace("@", value)
    assert told != as_if_of_a_newer_release or value in ("declined", "failed")  # which are their own words


@pytest.mark.parametrize("disposition", [*Disposition])
def test_dispositions_are_told_without_underscores(disposition: Disposition) -> None:
    told = sentence(Entry(0, Kind.VERDICT, {"disposition": disposition.value, "reason": "message"}))
    assert told.startswith(disposition.value.replace("_", " "))


def test_a_word_of_a_newer_release_is_shown_as_it_is() -> None:
    assert sentence(Entry(0, Kind.CALLER_LEFT, {"how": "teleported"})) == "teleported"


@pytest.mark.fault("23")
@given(
    st.sampled_from([*Kind]),
    st.dictionaries(
        st.sampled_from(["why", "how", "outcome", "reason", "dialled", "caller", "x"]) | st.text(), SCALARS
    ),
)
def test_no_details_however_strange_break_a_sentence(kind: Kind, details: dict[str, Scalar]) -> None:
    assert "<class" not in sentence(Entry(0, kind, details))


def test_a_story_is_seconds_and_sentences() -> None:
    assert list(story([Entry(1500, Kind.LEG_RANG, {"destination": "desk"})])) == [(1.5, "desk rings")]

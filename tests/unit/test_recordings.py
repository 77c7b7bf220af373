"""What a recording is worth, and what one that comes late makes of its call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ari_app.core.messages import Audience, Intent, MessageKind
from ari_app.core.outcomes import CallerEnd, Recorded
from ari_app.core.recordings import Amended, LateCall, Terms, worth
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition, Reason
from tests.unit.notices import ANSWERED, BOOK, DEPLOYMENT, NOON, SAID_NOTHING, decide, facts, left, step, told

TERMS = Terms(BOOK, DEPLOYMENT)
ENDED = NOON + timedelta(seconds=6)
LATER = ENDED + timedelta(hours=3)
CUT = told(
    *(Kind.ARRIVED, step("voicemail"), Kind.RECORDING_BEGAN, left(CallerEnd.LINE_LOST)),
    (Kind.TROUBLE, {"what": "recording", "why": "no connection"}),
    (Kind.RECORDING_OWED, {"name": "voicemail-1"}),
)
MESSAGE = Recorded("voicemail-1", 12.34, 9.0)
NOTHING = Recorded("voicemail-1", 0.0, 0.0)


def late(*, decided: bool = False) -> LateCall:
    return LateCall(facts(CUT), ENDED, min_seconds=2, decided=decided)


def kinds(amended: Amended) -> list[Kind]:
    return [entry.kind for entry in amended.entries]


def sent(intents: tuple[Intent, ...]) -> set[tuple[str, str]]:
    return {(intent.kind.value, intent.key) for intent in intents}


@pytest.mark.fault("25")
@pytest.mark.parametrize(
    ("recorded", "why"),
    [
        (Recorded("x", 1.99, 1.99), "too_short"),
        (Recorded("x", 0.0, 0.0), "too_short"),
        (Recorded("x", 9.0, 0.0), "silent"),
        (Recorded("x", 2.0, 0.02), None),
    ],
)
def test_a_recording_is_judged_by_what_its_file_holds(recorded: Recorded, why: str | None) -> None:
    note = worth(recorded, 2)
    assert note.kind is (Kind.MESSAGE_DISCARDED if why else Kind.MESSAGE_LEFT)
    assert note.details.get("why") == why


@pytest.mark.fault("8", "24")
@pytest.mark.parametrize("decided", [False, True])
def test_a_message_that_comes_late_turns_a_lost_call_into_one_with_a_message(decided: bool) -> None:
    amended = late(decided=decided).after(MESSAGE, TERMS, LATER)
    assert amended.is_message
    assert (amended.verdict.disposition, amended.verdict.reason) == (Disposition.MESSAGE_LEFT, Reason.MESSAGE)
    assert kinds(amended)[:3] == [Kind.RECORDING_CAME, Kind.MESSAGE_LEFT, Kind.VERDICT]
    assert amended.entries[0].details == {"late": 10_800.0}
    assert {entry.at_ms for entry in amended.entries} == {10_806_000}
    told_of = {intent.kind for intent in amended.intents}
    assert MessageKind.VOICEMAIL_NOTICE in told_of
    assert not told_of & {MessageKind.APOLOGY, MessageKind.MISSED, MessageKind.MISSED_CALL_TICKET}
    assert all(intent.expires_at > LATER for intent in amended.intents), "stale before it was known"


@pytest.mark.fault("8", "24")
def test_a_recording_that_is_no_message_leaves_the_call_lost_and_brings_what_its_end_would_have() -> None:
    amended = late().after(NOTHING, TERMS, LATER)
    assert not amended.is_message
    assert amended.verdict == late().facts.verdict
    assert kinds(amended)[:2] == [Kind.RECORDING_CAME, Kind.MESSAGE_DISCARDED]
    assert Kind.VERDICT not in kinds(amended)
    assert sent(amended.intents) == sent(decide(SAID_NOTHING).intents)
    (apology,) = (intent for intent in amended.intents if intent.kind is MessageKind.APOLOGY)
    assert apology.expires_at < LATER + timedelta(hours=24), "its age counts from the call"


@pytest.mark.fault("8", "24")
def test_messages_wait_no_longer_than_they_may_and_are_not_decided_twice() -> None:
    without = late().without(TERMS, LATER)
    assert (without.is_message, without.verdict) == (False, late().facts.verdict)
    assert sent(without.intents) == sent(decide(SAID_NOTHING).intents)
    assert set(kinds(without)) == {Kind.MESSAGE_QUEUED, Kind.NO_MESSAGE}
    afterwards = late(decided=True).after(NOTHING, TERMS, LATER)
    assert afterwards.intents == ()
    assert kinds(afterwards) == [Kind.RECORDING_CAME, Kind.MESSAGE_DISCARDED]


def test_a_call_that_was_answered_stays_so() -> None:
    call = LateCall(facts(ANSWERED), ENDED, min_seconds=2)
    amended = call.after(MESSAGE, TERMS, LATER)
    assert amended.verdict == call.facts.verdict
    assert Kind.VERDICT not in kinds(amended)


def test_a_clock_set_back_since_gives_no_times_before_the_call() -> None:
    amended = late().after(NOTHING, replace(TERMS), NOON - timedelta(hours=1))
    assert {entry.at_ms for entry in amended.entries} == {0}


def test_clients_hear_of_a_late_message_what_they_would_have_heard_at_once() -> None:
    kept = told(*(Kind.ARRIVED, step("voicemail"), Kind.RECORDING_BEGAN, left(), (Kind.MESSAGE_LEFT, {"name": "x"})))
    amended = late().after(MESSAGE, TERMS, LATER)
    assert {i.key for i in amended.intents if i.audience is Audience.CLIENT} == {
        i.key for i in decide(kept).intents if i.audience is Audience.CLIENT
    }

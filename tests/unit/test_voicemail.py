"""Voicemail: what is kept, what counts as none, and what happens when the caller leaves at each stage."""

from __future__ import annotations

import pytest

from ari_app.core.outcomes import PlayEnd, Recorded
from ari_app.core.scheme import Destination, DialStep, Greeting, GreetingStep, RingStrategy, TargetKind, VoicemailStep
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition, Reason
from ari_app.voicemail import TONE
from tests.fakes.scripted import SILENT, Conducted, Keeper, Plan, always, answers, call

GREETING = Greeting("office", "own/office")
VOICEMAIL = VoicemailStep(GREETING, max_seconds=60, min_seconds=2)
DIAL = DialStep(RingStrategy.IN_TURN, (Destination(TargetKind.ENDPOINT, "desk", 20),))


def leave_message(**plan: object) -> Conducted:
    return call(always("UTC", VOICEMAIL), Plan(**plan))  # type: ignore[arg-type]


def verdict(conducted: Conducted) -> tuple[Disposition, Reason]:
    assert conducted.verdict is not None
    return conducted.verdict.disposition, conducted.verdict.reason


@pytest.mark.promise("CAL-05", "CAL-08", "CAL-10", "RNG-16")
def test_a_message_is_kept_and_journalled_with_its_length() -> None:
    conducted = leave_message(speaks=8)
    assert verdict(conducted) == (Disposition.MESSAGE_LEFT, Reason.MESSAGE)
    (message,) = conducted.journal.messages
    assert message.name == "recording-1"
    assert message.length_ms == pytest.approx(8000, abs=5)
    assert conducted.line.played == [("own/office", TONE)]
    assert (conducted.keeper.taken, conducted.keeper.kept, conducted.keeper.discarded) == (
        ["recording-1"],
        ["recording-1"],
        [],
    )


@pytest.mark.promise("CAL-08", "RNG-16")
def test_voicemail_comes_when_nobody_answers() -> None:
    conducted = call(always("UTC", DIAL, VOICEMAIL), Plan(legs=[SILENT]))
    assert verdict(conducted) == (Disposition.MESSAGE_LEFT, Reason.MESSAGE)
    assert conducted.of(Kind.STEP_BEGAN)[1].details["why"] == "all_no_answer"


def test_a_message_ends_at_its_longest() -> None:
    conducted = leave_message(speaks=600)
    assert conducted.journal.messages[0].length_ms == pytest.approx(60_000, abs=5)
    assert conducted.of(Kind.RECORDING_ENDED)[0].details["end"] == "finished"
    assert conducted.line.hang_up_causes == ["normal"]


@pytest.mark.fault("25")
@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ({"speaks": 0.0}, "too_short"),
        ({"speaks": 1.9}, "too_short"),
        ({"speaks": 8, "voiced": 0.0}, "silent"),
    ],
)
def test_what_is_too_short_or_silent_is_no_message(plan: dict[str, float], why: str) -> None:
    conducted = leave_message(**plan)
    assert verdict(conducted) == (Disposition.LOST, Reason.NO_MESSAGE)
    assert conducted.of(Kind.MESSAGE_DISCARDED)[0].details["why"] == why
    assert conducted.journal.messages == []
    assert (conducted.keeper.kept, conducted.keeper.discarded) == ([], ["recording-1"])


@pytest.mark.fault("25")
def test_a_message_of_just_the_shortest_length_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def take(_keeper: Keeper, name: str) -> Recorded:
        return Recorded(name, 2.0, 0.02)

    monkeypatch.setattr(Keeper, "take", take)
    assert verdict(leave_message(speaks=2)) == (Disposition.MESSAGE_LEFT, Reason.MESSAGE)


@pytest.mark.fault("24")
def test_a_recording_that_could_not_be_kept_is_not_discarded_either() -> None:
    conducted = leave_message(speaks=0.0, keeper_trouble="No space left on device")
    assert conducted.of(Kind.TROUBLE)[0].details["why"] == "No space left on device"
    assert verdict(conducted) == (Disposition.LOST, Reason.NO_MESSAGE)
    assert conducted.keeper.discarded == []
    assert conducted.of(Kind.MESSAGE_DISCARDED) == []


@pytest.mark.fault("16")
@pytest.mark.parametrize("end", [PlayEnd.FAILED, PlayEnd.OVERDUE])
def test_a_greeting_that_fails_or_never_ends_does_not_cost_the_message(end: PlayEnd) -> None:
    conducted = leave_message(prompts=[end])
    assert conducted.line.played == [("own/office", TONE), (TONE,)]
    assert verdict(conducted) == (Disposition.MESSAGE_LEFT, Reason.MESSAGE)
    assert conducted.of(Kind.PROMPT_ENDED)[0].details["end"] == end.value
    assert conducted.seconds < 80


@pytest.mark.fault("16")
@pytest.mark.parametrize("end", [PlayEnd.PLAYED, PlayEnd.FAILED, PlayEnd.OVERDUE])
def test_a_greeting_step_goes_on_to_the_next_however_the_prompt_ends(end: PlayEnd) -> None:
    conducted = call(always("UTC", GreetingStep(GREETING), DIAL), Plan(prompts=[end], legs=[answers(3)]))
    assert verdict(conducted) == (Disposition.ANSWERED, Reason.TALKED)
    assert conducted.of(Kind.STEP_BEGAN)[1].details["why"] == f"prompt_{end.value}"


@pytest.mark.parametrize(
    ("leaves_at", "reason", "recordings"),
    [
        (0.001, Reason.HUNG_UP_RINGING, 0),  # while we answer
        (3.0, Reason.HUNG_UP_IN_GREETING, 0),
        (6.006, Reason.HUNG_UP_IN_GREETING, 0),  # while the recording starts
        (6.01, Reason.NO_MESSAGE, 1),
        (7.0, Reason.NO_MESSAGE, 1),
        (11.0, Reason.MESSAGE, 1),
    ],
)
def test_the_caller_may_leave_at_each_stage(leaves_at: float, reason: Reason, recordings: int) -> None:
    conducted = leave_message(leaves_at=leaves_at)
    assert verdict(conducted)[1] is reason
    assert len(conducted.line.recordings) == recordings
    assert conducted.keeper.taken == ["recording-1"] * recordings
    assert sorted(conducted.keeper.kept + conducted.keeper.discarded) == conducted.keeper.named
    assert conducted.seconds < leaves_at + 0.2


def test_the_caller_who_leaves_before_the_tone_of_a_failed_greeting_left_in_the_greeting() -> None:
    conducted = leave_message(prompts=[PlayEnd.FAILED], leaves_at=2.0)
    assert verdict(conducted) == (Disposition.LOST, Reason.HUNG_UP_IN_GREETING)


def test_a_recording_that_never_closes_does_not_hold_the_call() -> None:
    conducted = leave_message(recording_hangs=True, leaves_at=20)
    assert conducted.of(Kind.RECORDING_ENDED)[0].details["end"] == "overdue"
    assert conducted.seconds < 24


def test_a_recording_that_outlives_its_longest_is_overdue_and_the_call_ends() -> None:
    conducted = leave_message(recording_hangs=True)
    assert conducted.of(Kind.RECORDING_ENDED)[0].details["end"] == "overdue"
    assert conducted.seconds < 6 + 60 + 3 + 3 + 1


@pytest.mark.fault("10", "11")
@pytest.mark.parametrize("operation", ["answer", "play"])
def test_trouble_with_the_greeting_does_not_cost_the_message(operation: str) -> None:
    conducted = leave_message(troubles={(operation, 1): "422 Unprocessable"})
    assert verdict(conducted) == (Disposition.MESSAGE_LEFT, Reason.MESSAGE)
    assert conducted.of(Kind.TROUBLE)[0].details == {"what": "prompt", "why": "422 Unprocessable"}


@pytest.mark.fault("10", "11")
def test_trouble_with_the_recording_ends_the_call_with_a_verdict() -> None:
    conducted = leave_message(troubles={("record", 1): "422 Unprocessable"})
    assert verdict(conducted) == (Disposition.LOST, Reason.TROUBLE)
    assert conducted.of(Kind.TROUBLE)[0].details == {"what": "line", "why": "422 Unprocessable"}
    assert conducted.line.closed == 1


def test_the_message_is_judged_once_even_if_the_caller_leaves_as_we_hang_up() -> None:
    conducted = leave_message(speaks=600, leaves_in="hang_up")
    assert conducted.keeper.taken == ["recording-1"]
    assert len(conducted.journal.messages) == 1

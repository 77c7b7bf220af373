"""The verdict, derived from what is on record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.timeline import Entry, Kind, Scalar
from ari_app.core.verdict import Disposition, Reason, Verdict, derive

Happening = Kind | tuple[Kind, dict[str, Scalar]]


def timeline(*happenings: Happening) -> list[Entry]:
    pairs = [one if isinstance(one, tuple) else (one, {}) for one in happenings]
    return [Entry(index, kind, details) for index, (kind, details) in enumerate(pairs)]


STEP, DIALED = Kind.STEP_BEGAN, Kind.LEG_DIALED
CONNECTED: Happening = (Kind.CONNECTED, {"destination": "+79160000002"})
PROMPT, PROMPT_OVER = Kind.PROMPT_BEGAN, Kind.PROMPT_ENDED
RECORDING, MESSAGE = Kind.RECORDING_BEGAN, Kind.MESSAGE_LEFT


def left(how: str) -> Happening:
    return (Kind.CALLER_LEFT, {"how": how})


def trouble(what: str) -> Happening:
    return (Kind.TROUBLE, {"what": what, "why": "it broke"})


@pytest.mark.parametrize(
    ("happenings", "disposition", "reason"),
    [
        ((STEP, DIALED, CONNECTED), Disposition.ANSWERED, Reason.TALKED),
        ((STEP, DIALED, CONNECTED, left("hung_up")), Disposition.ANSWERED, Reason.TALKED),
        ((STEP, DIALED, CONNECTED, left("line_lost")), Disposition.ANSWERED, Reason.TALKED),
        ((STEP, DIALED, CONNECTED, Kind.LIMIT_REACHED), Disposition.ANSWERED, Reason.TALKED),
        ((STEP, PROMPT, PROMPT_OVER, RECORDING, left("hung_up"), MESSAGE), Disposition.MESSAGE_LEFT, Reason.MESSAGE),
        ((STEP, DIALED, left("cancelled")), Disposition.LOST, Reason.HUNG_UP_RINGING),
        ((left("cancelled"),), Disposition.LOST, Reason.HUNG_UP_RINGING),
        ((STEP, PROMPT, left("hung_up")), Disposition.LOST, Reason.HUNG_UP_IN_GREETING),
        ((STEP, DIALED, STEP, PROMPT, left("hung_up")), Disposition.LOST, Reason.HUNG_UP_IN_GREETING),
        # Between the greeting and the recording (the tone, say) it is still the greeting that the caller did not bear.
        ((STEP, PROMPT, PROMPT_OVER, left("hung_up")), Disposition.LOST, Reason.HUNG_UP_IN_GREETING),
        ((STEP, PROMPT, PROMPT_OVER, STEP, DIALED, left("hung_up")), Disposition.LOST, Reason.HUNG_UP_RINGING),
        ((STEP, PROMPT, PROMPT_OVER, RECORDING, left("hung_up")), Disposition.LOST, Reason.NO_MESSAGE),
        ((STEP, PROMPT, PROMPT_OVER, RECORDING), Disposition.LOST, Reason.NO_MESSAGE),
        ((STEP, DIALED, Kind.STEPS_ENDED), Disposition.LOST, Reason.NOBODY_ANSWERED),
        ((STEP, DIALED, Kind.TROUBLE), Disposition.LOST, Reason.NOBODY_ANSWERED),
        ((STEP, DIALED, trouble("ringing tone")), Disposition.LOST, Reason.NOBODY_ANSWERED),
        ((STEP, DIALED, trouble("program")), Disposition.LOST, Reason.TROUBLE),
        ((STEP, DIALED, trouble("line")), Disposition.LOST, Reason.TROUBLE),
        # The steps were through; that the hang-up failed then changes nothing about what became of the call.
        ((STEP, DIALED, Kind.STEPS_ENDED, Kind.HUNG_UP, trouble("line")), Disposition.LOST, Reason.NOBODY_ANSWERED),
        ((STEP, DIALED, CONNECTED, trouble("program")), Disposition.ANSWERED, Reason.TALKED),
        ((STEP, DIALED, left("cancelled"), trouble("program")), Disposition.LOST, Reason.HUNG_UP_RINGING),
        ((STEP, DIALED, Kind.LIMIT_REACHED), Disposition.LOST, Reason.LIMIT_REACHED),
        ((STEP, PROMPT, left("line_lost")), Disposition.LOST, Reason.LINE_LOST),
        ((STEP, DIALED, left("line_lost")), Disposition.LOST, Reason.LINE_LOST),
        ((STEP, Kind.TROUBLE), Disposition.LOST, Reason.TROUBLE),
        ((STEP, PROMPT, PROMPT_OVER, Kind.STEPS_ENDED), Disposition.LOST, Reason.ENDED_BY_SCHEME),
        ((), Disposition.LOST, Reason.ENDED_BY_SCHEME),
    ],
)
def test_each_course_of_a_call_has_its_verdict(
    happenings: tuple[Happening, ...], disposition: Disposition, reason: Reason
) -> None:
    verdict = derive(timeline(*happenings))
    assert (verdict.disposition, verdict.reason) == (disposition, reason)


def test_the_verdict_names_who_talked() -> None:
    assert derive(timeline(DIALED, CONNECTED)) == Verdict(Disposition.ANSWERED, Reason.TALKED, "+79160000002")


@pytest.mark.fault("12")
@pytest.mark.parametrize("crossing", [(CONNECTED, left("cancelled")), (left("cancelled"), CONNECTED)])
def test_a_call_cancelled_as_it_was_connected_is_lost(crossing: tuple[Happening, Happening]) -> None:
    assert derive(timeline(STEP, DIALED, *crossing)) == Verdict(Disposition.LOST, Reason.HUNG_UP_RINGING)


@given(st.lists(st.sampled_from([*Kind])), st.sampled_from(["cancelled", "hung_up", "line_lost", "new"]))
def test_every_timeline_has_a_verdict_and_is_answered_only_if_connected(kinds: list[Kind], how: str) -> None:
    details: dict[str, Scalar] = {"how": how, "destination": "desk"}
    verdict = derive(timeline(*((kind, details) for kind in kinds)))
    answered = verdict.disposition is Disposition.ANSWERED
    assert answered == (verdict.answered_by is not None) == (verdict.reason is Reason.TALKED)
    assert answered == (Kind.CONNECTED in kinds and not (how == "cancelled" and Kind.CALLER_LEFT in kinds))

"""Where a call stands that another process began, and how it is gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest

from ari_app.core import engine
from ari_app.core.engine import ELSEWHERE, Finish, Perform, go_on, route_again
from ari_app.core.outcomes import HangUpCause, LegOutcome, PlayEnd
from ari_app.core.scheme import (
    Branch,
    Destination,
    DialStep,
    Greeting,
    GreetingStep,
    HangUpStep,
    Number,
    RingStrategy,
    Scheme,
    SchemeBook,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.standing import LegStanding, RecordingStanding, Standing, standing
from ari_app.core.timeline import Entry, Kind, Scalar

pytestmark = pytest.mark.promise("OUR-08")

GREETING = Greeting("office", "own/office")
VOICEMAIL = VoicemailStep(GREETING)
STEPS: tuple[Step, ...] = (
    DialStep(RingStrategy.IN_TURN, tuple(Destination(TargetKind.ENDPOINT, name, 20) for name in ("desk", "mobile"))),
    GreetingStep(GREETING),
    DialStep(RingStrategy.ALL_AT_ONCE, (Destination(TargetKind.ENDPOINT, "home", 20),)),
    VOICEMAIL,
)


def entry(at: int, kind: Kind, /, **details: Scalar) -> Entry:
    return Entry(at, kind, details)


def step(at: int, number: int, kind: str) -> Entry:
    return entry(at, Kind.STEP_BEGAN, step=number, kind=kind)


def dialed(at: int, leg: str, target: str) -> Entry:
    return entry(at, Kind.LEG_DIALED, leg=leg, destination=target, timeout=20)


def about(at: int, kind: Kind, leg: str, /, **more: Scalar) -> Entry:
    return entry(at, kind, leg=leg, **more)


RINGING = (
    step(5, 1, "dial"),
    dialed(6, "call-1", "desk"),
    about(80, Kind.LEG_RANG, "call-1"),
    about(900, Kind.LEG_ENDED, "call-1", outcome="busy"),
    dialed(901, "call-2", "mobile"),
    about(980, Kind.LEG_RANG, "call-2"),
)


def test_legs_are_known_as_far_as_they_are_on_record() -> None:
    at = standing((*RINGING, about(2000, Kind.LEG_ANSWERED, "call-2"), about(2001, Kind.CONNECTED, "call-2")))
    first = LegStanding("call-1", 1, "desk", 20, 6, 80, outcome=LegOutcome.BUSY)
    second = LegStanding("call-2", 1, "mobile", 20, 901, 980, 2000, connected=True)
    assert (at.step, at.kind, at.began_ms, at.last_ms) == (1, "dial", 5, 2001)
    assert at.in_step == at.legs == (first, second)
    assert at.open_legs == (second,)
    assert at.connected == second


def test_what_a_later_release_says_is_taken_for_the_nearest() -> None:
    at = standing(
        (
            step(1, 1, "dial"),
            entry(2, Kind.LEG_DIALED, leg="call-1", destination="desk", timeout="long"),
            about(3, Kind.LEG_ENDED, "call-1", outcome="abducted"),
            about(4, Kind.LEG_RANG, "never dialed"),
            entry(5, Kind.PROMPT_ENDED, end="sung"),
            entry(6, Kind.RECORDING_BEGAN, max_seconds=20),
            entry(7, Kind.MESSAGE_LEFT),
            entry(8, Kind.HUNG_UP, cause="bored"),
        )
    )
    assert at.legs == (LegStanding("call-1", 1, "desk", 0, 2, outcome=LegOutcome.FAILED),)
    assert (at.prompt, at.recording, at.hung_up) == (PlayEnd.FAILED, None, HangUpCause.NORMAL)


def test_a_prompt_and_a_recording_are_of_their_step() -> None:
    prompted = (step(1, 1, "greeting"), entry(2, Kind.PROMPT_BEGAN), entry(3, Kind.PROMPT_ENDED, end="played"))
    begun = (*prompted, step(4, 2, "voicemail"), entry(5, Kind.PROMPT_BEGAN))
    at = standing(begun)
    assert (at.prompts, at.prompt_begun, at.prompt) == (2, True, None)
    recording = entry(9, Kind.RECORDING_BEGAN, name="voicemail-1", max_seconds=60, min_seconds=2)
    assert standing((*begun, recording)).recording == RecordingStanding("voicemail-1", 9, 60, 2)
    for kind in (Kind.MESSAGE_LEFT, Kind.MESSAGE_DISCARDED):
        judged = standing((*begun, recording, entry(99, kind))).recording
        assert judged is not None
        assert judged.judged


SCHEME = Scheme("office", ZoneInfo("UTC"), (Branch("day", (), STEPS), Branch("night", (), (VOICEMAIL,))), "v1")
BOOK = SchemeBook({"+1": Number("+1", "a", scheme=None), "+2": Number("+2", "b", scheme=SCHEME)})


def route(branch: str = "day", version: str = "v1", scheme: str = "office") -> tuple[Entry, ...]:
    return (
        entry(1, Kind.NUMBER_FOUND, number="+1", scheme=scheme, version=version),
        entry(1, Kind.BRANCH_CHOSEN, branch=branch),
    )


@pytest.mark.parametrize(
    ("timeline", "steps"),
    [
        (route(), STEPS),
        (route("night"), (VOICEMAIL,)),
        (route("weekend"), None),
        (route(version="v2"), None),
        (route()[:1], None),
        ((), None),
        ((entry(1, Kind.DEFAULT_USED),), (HangUpStep(),)),
        ((*route(), entry(2, Kind.LOOP_STOPPED)), (HangUpStep(HangUpCause.BUSY),)),
    ],
)
def test_a_call_goes_on_by_the_version_it_went_by(timeline: Sequence[Entry], steps: tuple[Step, ...] | None) -> None:
    """Whichever number has that scheme now."""
    assert route_again(timeline, BOOK, (HangUpStep(),)) == steps


RUNG_ON = DialStep(RingStrategy.ALL_AT_ONCE, (Destination(TargetKind.ENDPOINT, "mobile", 20),))
TALKING = (*RINGING, about(2000, Kind.LEG_ANSWERED, "call-2"), about(2001, Kind.CONNECTED, "call-2"))
RECORDING = (step(9, 4, "voicemail"), entry(9, Kind.RECORDING_BEGAN, name="v", max_seconds=60, min_seconds=3))


@pytest.mark.parametrize(
    ("timeline", "steps", "unknown", "decision"),
    [
        ((), STEPS, 0, None),
        (RINGING, STEPS, 0, Perform(0, STEPS[0], ())),
        (RINGING, STEPS[1:], 0, None),  # another version whose steps happen to be others
        (RINGING, None, 0, Perform(ELSEWHERE, RUNG_ON, ())),
        (RINGING[:4], None, 0, None),
        ((step(1, 9, "dial"),), STEPS, 0, None),
        ((step(1, 2, "greeting"), entry(2, Kind.PROMPT_BEGAN)), STEPS, 0, Perform(1, STEPS[1], ())),
        (TALKING, None, 0, Perform(ELSEWHERE, DialStep(RingStrategy.IN_TURN, ()), ())),
        (RECORDING, STEPS, 0, Perform(ELSEWHERE, VoicemailStep(Greeting("", ""), 60, min_seconds=3), ())),
        ((*TALKING, entry(3000, Kind.TALK_ENDED, by="destination")), STEPS, 0, Finish(HangUpCause.NORMAL)),
        ((*RINGING, entry(3000, Kind.HUNG_UP, cause="busy")), STEPS, 0, Finish(HangUpCause.BUSY)),
        (RINGING[:4], STEPS, 1, Perform(0, STEPS[0], ())),
        ((step(1, 4, "voicemail"),), STEPS, 1, None),
    ],
)
def test_it_goes_on_where_it_stands(
    timeline: Sequence[Entry], steps: tuple[Step, ...] | None, unknown: int, decision: engine.Decision | None
) -> None:
    assert go_on(steps, standing(timeline), unknown) == decision


def test_legs_that_nobody_has_noted_are_of_the_step_that_has_any_left_to_ring() -> None:
    """The last tenth of a second before a kill is not on record."""
    for timeline, index in ((), 0), (RINGING, 2), ((step(1, 2, "greeting"),), 2):
        decision = go_on(STEPS, standing(timeline), 1)
        assert isinstance(decision, Perform)
        assert (decision.index, decision.step) == (index, STEPS[index])
        assert [note.kind for note in decision.notes] == [Kind.STEP_BEGAN]


def test_nothing_is_known_of_nothing() -> None:
    assert standing(()) == Standing()
    assert Standing().connected is None
    assert standing((entry(1, Kind.VERDICT), entry(2, Kind.ARRIVED))).told

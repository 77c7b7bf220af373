"""Calls that are only thought through: scripts read, timelines as of real calls."""

from __future__ import annotations

import pytest

from ari_app.core.explain import story
from ari_app.core.outcomes import LegOutcome
from ari_app.core.scheme import Destination, DialStep, Greeting, GreetingStep, RingStrategy, TargetKind, VoicemailStep
from ari_app.core.verdict import Disposition, Reason
from ari_app.simulation import CallerScript, LegScript, ScriptError, Simulated, parse_outcomes, simulate
from tests.fakes.scripted import always, opened

pytestmark = pytest.mark.promise("OUR-02")
IN_TURN = DialStep(
    RingStrategy.IN_TURN, tuple(Destination(TargetKind.ENDPOINT, name, 20) for name in ("desk", "mobile", "home"))
)
VOICEMAIL = VoicemailStep(Greeting("office", "own/office"), max_seconds=60)
BOOK = always("Europe/Berlin", IN_TURN, VOICEMAIL)


def think(outcomes: str, caller: CallerScript | None = None) -> Simulated:
    return simulate(opened(), BOOK, (), parse_outcomes(outcomes), caller or CallerScript())


def test_outcomes_are_one_word_a_leg_with_seconds_if_need_be() -> None:
    assert parse_outcomes("busy, noanswer,answer@7,declined@0.5,") == (
        LegScript(LegOutcome.BUSY, 17, 0.1),
        LegScript(LegOutcome.NO_ANSWER, 0, 0.1),
        LegScript(LegOutcome.ANSWERED, 0, 7.0),
        LegScript(LegOutcome.DECLINED, 21, 0.5),
    )


@pytest.mark.parametrize("text", ["buzy", "answer@", "answer@x", "answer@-1", "busy@3@4"])
def test_an_outcome_that_is_none_is_named_with_those_there_are(text: str) -> None:
    with pytest.raises(ScriptError, match=r"is not known; use answer, busy, declined, noanswer, unknown"):
        parse_outcomes(text)


@pytest.mark.promise("OUR-01")
def test_the_whole_story_of_a_simulated_call() -> None:
    simulated = think("busy,noanswer,answer@7")
    assert [(round(seconds, 1), text) for seconds, text in story(simulated.timeline)] == [
        (0, "call from +79160000001 to +74950000101"),
        (0, "+74950000101 (office) goes by scheme 'office', version v1"),
        (0, "branch 'always' chosen: it is Mon 10:30 Europe/Berlin, its hours are always"),
        (0, "step 1: ring in turn: desk (20 s), mobile (20 s), home (20 s)"),
        (0, "ringing desk, for 20 s at most"),
        (0.1, "desk is busy (cause 17)"),
        (0.1, "ringing mobile, for 20 s at most"),
        (0.1, "mobile rings"),
        (20.1, "mobile did not answer (no answer in 20 s)"),
        (20.1, "ringing home, for 20 s at most"),
        (20.1, "home rings"),
        (27.1, "home picked up"),
        (27.1, "the caller talks with home"),
        (57.1, "the talk is over, ended by the destination"),
        (57.1, "we hang up (normal)"),
        (57.1, "answered: talked with home"),
        (57.1, "no apology (SMS to the client): the call was answered"),
    ]


@pytest.mark.parametrize(
    ("outcomes", "caller", "disposition", "reason"),
    [
        ("answer", CallerScript(), Disposition.ANSWERED, Reason.TALKED),
        ("answer@5", CallerScript(leaves_at=2), Disposition.LOST, Reason.HUNG_UP_RINGING),
        ("answer@5", CallerScript(leaves_at=9), Disposition.ANSWERED, Reason.TALKED),
        ("busy,declined,unknown", CallerScript(), Disposition.MESSAGE_LEFT, Reason.MESSAGE),
        ("", CallerScript(), Disposition.MESSAGE_LEFT, Reason.MESSAGE),
        ("busy,busy,busy", CallerScript(message=1), Disposition.LOST, Reason.NO_MESSAGE),
        ("busy,busy,busy", CallerScript(message=100), Disposition.MESSAGE_LEFT, Reason.MESSAGE),
        ("busy,busy,busy", CallerScript(leaves_at=4), Disposition.LOST, Reason.HUNG_UP_IN_GREETING),
        ("busy,busy,busy", CallerScript(leaves_at=10), Disposition.MESSAGE_LEFT, Reason.MESSAGE),
        # At the instant at which the message is over, too, the caller leaves once.
        ("busy@1,busy@1,busy@1", CallerScript(leaves_at=17, message=8), Disposition.MESSAGE_LEFT, Reason.MESSAGE),
        ("unreachable,failed@2,busy", CallerScript(message=0), Disposition.LOST, Reason.NO_MESSAGE),
    ],
)
def test_each_script_has_its_verdict(
    outcomes: str, caller: CallerScript, disposition: Disposition, reason: Reason
) -> None:
    verdict = think(outcomes, caller).verdict
    assert (verdict.disposition, verdict.reason) == (disposition, reason)


def test_a_number_that_is_not_ours_is_simulated_by_the_default() -> None:
    greeting = GreetingStep(Greeting("sorry", "en/not-in-service"))
    simulated = simulate(opened("+74950000199"), BOOK, (greeting,))
    assert simulated.verdict.reason is Reason.ENDED_BY_SCHEME

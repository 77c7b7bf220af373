"""Past calls played through a draft: what is known of them is known again, and what is not is not guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from ari_app.core.outcomes import LegOutcome
from ari_app.core.scheme import (
    Branch,
    Choice,
    Destination,
    DialStep,
    Greeting,
    GreetingStep,
    MenuStep,
    Number,
    RingStrategy,
    Scheme,
    SchemeBook,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.verdict import Disposition, Reason
from ari_app.ports import CallOpened
from ari_app.replaying import CUT_OFF, Draft, PastCall, PastLeg, Replayed, replay

ANSWERED, MESSAGE, LOST = Disposition.ANSWERED, Disposition.MESSAGE_LEFT, Disposition.LOST
OURS = "+74950000101"
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OPENED = CallOpened("call", MONDAY, "+79160000001", "+79160000001", OURS, OURS, "channel")
HELLO = Greeting("Hello", "own/hello")
VOICEMAIL = VoicemailStep(HELLO)


def dial(*targets: str, timeout: int = 20, strategy: RingStrategy = RingStrategy.IN_TURN) -> DialStep:
    return DialStep(strategy, tuple(Destination(TargetKind.ENDPOINT, target, timeout) for target in targets))


def together(*targets: str, timeout: int = 20) -> DialStep:
    return dial(*targets, timeout=timeout, strategy=RingStrategy.ALL_AT_ONCE)


def through(past: PastCall, *steps: Step, version: str = "new") -> Replayed:
    """The call through a scheme of these steps."""
    scheme = Scheme("Office", ZoneInfo("UTC"), (Branch("Always", (), steps),), version)
    book = SchemeBook(MappingProxyType({OURS: Number(OURS, "Website", True, scheme)}))
    return replay(past, Draft(book, ()))


def call(
    disposition: Disposition,
    reason: Reason,
    *legs: PastLeg,
    seconds: float,
    answered: float | None = None,
    prompt: float | None = None,
    message: float | None = None,
) -> PastCall:
    by = legs[-1].destination if disposition is ANSWERED else None
    return PastCall(
        *(OPENED, "Office", "old", "Always", disposition, reason, by, seconds, legs, answered, prompt, message)
    )


def leg(destination: str, outcome: LegOutcome, seconds: float) -> PastLeg:
    return PastLeg(destination, outcome, seconds)


BUSY = leg("desk", LegOutcome.BUSY, 0.1)
IGNORED = leg("desk", LegOutcome.NO_ANSWER, 20.02)
TALKED = call(ANSWERED, Reason.TALKED, leg("desk", LegOutcome.ANSWERED, 7.0), seconds=60, answered=7.0)
SECOND = call(ANSWERED, Reason.TALKED, IGNORED, leg("mobile", LegOutcome.ANSWERED, 5.0), seconds=60, answered=25.1)
GAVE_UP = call(LOST, Reason.HUNG_UP_RINGING, leg("desk", LegOutcome.CALLER_LEFT, 12.0), seconds=12.0)
NOBODY = call(LOST, Reason.NOBODY_ANSWERED, IGNORED, seconds=20.1)
ALL_BUSY = call(LOST, Reason.NOBODY_ANSWERED, BUSY, seconds=0.2)
LEFT_WORD = call(MESSAGE, Reason.MESSAGE, IGNORED, seconds=40, prompt=20.1, message=8.0)
SAID_NOTHING = call(LOST, Reason.NO_MESSAGE, IGNORED, seconds=27, prompt=20.1)
PROMPT_BORED = call(LOST, Reason.HUNG_UP_IN_GREETING, IGNORED, seconds=23, prompt=20.1)

KNOWN: list[tuple[str, PastCall, tuple[Step, ...], Disposition, bool]] = [
    ("the same again", TALKED, (dial("desk"),), ANSWERED, False),
    ("too short a time for who answered after 7 s", TALKED, (dial("desk", timeout=5),), LOST, False),
    ("what follows does not matter", TALKED, (dial("desk"), dial("boss"), VOICEMAIL), ANSWERED, False),
    ("one less is elsewhere", SECOND, (dial("mobile"),), ANSWERED, True),
    ("both at once", SECOND, (together("desk", "mobile"),), ANSWERED, False),
    ("whoever gave up gives up again", GAVE_UP, (dial("desk"),), LOST, False),
    ("gone before the next is rung", GAVE_UP, (dial("desk", timeout=15), dial("boss")), LOST, False),
    ("a shorter time, then over", NOBODY, (dial("desk", timeout=10),), LOST, False),
    ("busy is busy", ALL_BUSY, (dial("desk", timeout=60),), LOST, False),
    ("the message is left sooner", LEFT_WORD, (VOICEMAIL,), MESSAGE, True),
    ("the message is too short for the draft", LEFT_WORD, (VoicemailStep(HELLO, min_seconds=10),), LOST, True),
    ("no voicemail any more", LEFT_WORD, (dial("desk"),), LOST, False),
    ("who said nothing says nothing", SAID_NOTHING, (VOICEMAIL,), LOST, True),
    ("who hung up in the prompt does so again", PROMPT_BORED, (GreetingStep(HELLO), dial("desk")), LOST, True),
    ("who hung up in the prompt does so in voicemail", PROMPT_BORED, (dial("desk"), VOICEMAIL), LOST, False),
]


@pytest.mark.promise("OUR-07")
@pytest.mark.parametrize(("_what", "past", "steps", "after", "elsewhere"), KNOWN, ids=[row[0] for row in KNOWN])
def test_what_the_call_showed_is_known(
    _what: str, past: PastCall, steps: tuple[Step, ...], after: Disposition, elsewhere: bool
) -> None:
    found = through(past, *steps)
    assert (found.disposition, found.elsewhere, found.doubts) == (after, elsewhere, ())
    assert found.newly == (after if after is not past.disposition else None)


NOT_RUNG = "what boss would have done, which was not rung"
LONGER = "whether desk would have answered after more than 20 s"
PATIENCE = "whether the caller would have waited for more than 20 s"
SPOKEN = "whether the caller would have left a message"
UNKNOWN: list[tuple[str, PastCall, tuple[Step, ...], set[Disposition], bool | None, tuple[str, ...]]] = [
    ("somebody new, alone", TALKED, (dial("boss"),), {ANSWERED, LOST}, True, (NOT_RUNG,)),
    ("somebody new, then a message", LEFT_WORD, (dial("boss"), VOICEMAIL), {ANSWERED, MESSAGE}, True, (NOT_RUNG,)),
    ("rung for longer", NOBODY, (dial("desk", timeout=60),), {ANSWERED, LOST}, False, (LONGER, PATIENCE)),
    ("voicemail behind it", NOBODY, (dial("desk"), VOICEMAIL), {MESSAGE, LOST}, False, (SPOKEN,)),
    ("voicemail for who gave up", GAVE_UP, (VOICEMAIL,), {MESSAGE, LOST}, True, (SPOKEN,)),
    (
        "a second time",
        ALL_BUSY,
        (dial("desk"), dial("desk")),
        {ANSWERED, LOST},
        False,
        ("what desk would have done, which was not rung once more",),
    ),
]


@pytest.mark.promise("OUR-07")
@pytest.mark.parametrize(
    ("_what", "past", "steps", "ends", "elsewhere", "doubts"), UNKNOWN, ids=[row[0] for row in UNKNOWN]
)
def test_what_the_call_did_not_show_is_unknown(
    _what: str,
    past: PastCall,
    steps: tuple[Step, ...],
    ends: set[Disposition],
    elsewhere: bool | None,
    doubts: tuple[str, ...],
) -> None:
    found = through(past, *steps)
    assert found.ends == ends
    assert (found.disposition, found.newly) == (None, None)
    assert found.elsewhere is elsewhere
    assert set(doubts) <= set(found.doubts)


@pytest.mark.promise("OUR-07")
def test_an_end_is_known_although_whose_it_would_be_is_not() -> None:
    """Somebody new rings beside who answered: it is answered by one of them."""
    found = through(TALKED, together("desk", "boss"))
    assert (found.disposition, found.elsewhere, found.newly) == (ANSWERED, True, None)
    assert found.answerers == {"desk", "boss"}


@pytest.mark.promise("OUR-07")
def test_whether_a_caller_would_still_have_been_there_is_unknown() -> None:
    """Answered after 7 s; on the draft that would have been after 27 s."""
    past = call(ANSWERED, Reason.TALKED, BUSY, leg("mobile", LegOutcome.ANSWERED, 6.9), seconds=60, answered=7.0)
    found = through(past, GreetingStep(HELLO), dial("desk"), dial("mobile", timeout=30))
    assert found.ends == {ANSWERED, LOST}
    assert found.doubts == ("whether the caller would have waited for more than 7 s",)


def test_whether_somebody_else_is_rung_may_depend_on_what_is_unknown() -> None:
    found = through(NOBODY, dial("desk", timeout=60), dial("boss"))
    assert found.elsewhere is None


@pytest.mark.promise("OUR-07")
def test_a_call_that_goes_by_the_very_branch_is_as_it_was_whatever_it_was() -> None:
    for past in (TALKED, GAVE_UP, call(LOST, Reason.TROUBLE, seconds=3)):
        found = through(past, dial("boss"), version="old")
        assert (found.disposition, found.elsewhere, found.doubts) == (past.disposition, False, ())


@pytest.mark.parametrize("reason", CUT_OFF)
def test_nothing_is_known_of_a_call_that_was_cut_off(reason: Reason) -> None:
    found = through(call(LOST, reason, BUSY, seconds=3), dial("desk"))
    assert (found.disposition, found.newly, found.elsewhere) == (None, None, None)
    assert found.doubts == (f"the call was cut off: {reason.replace('_', ' ')}",)


def test_a_call_that_went_by_the_default_and_would_again_is_as_it_was() -> None:
    past = PastCall(OPENED, None, None, None, LOST, Reason.ENDED_BY_SCHEME, None, 0.1)
    found = replay(past, Draft(SchemeBook(), (VOICEMAIL,)))
    assert (found.disposition, found.elsewhere) == (LOST, False)
    assert replay(TALKED, Draft(SchemeBook(), ())).newly is LOST


@pytest.mark.promise("FLD-09")
def test_what_a_caller_would_have_chosen_in_a_new_menu_is_unknown() -> None:
    menu = MenuStep(HELLO, (Choice("1", 1, "desk"), Choice("2", 2, "message")), 2, "message", retries=0)
    replayed = through(TALKED, menu, dial("desk"), VOICEMAIL)
    assert replayed.disposition is None
    assert "what the caller would have chosen in the menu" in replayed.doubts
    assert replayed.ends == {ANSWERED, MESSAGE, LOST}
    bored = call(LOST, Reason.HUNG_UP_IN_MENU, seconds=3, prompt=0.0)
    assert through(bored, menu, dial("desk"), VOICEMAIL).disposition is LOST, "who hung up in a menu does so again"

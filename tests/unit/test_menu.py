"""Menus: what keys do, when they count, what follows without one, and what the end of a call in one brings."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.core.checks import Severity, problems
from ari_app.core.draft import (
    BranchDraft,
    ChoiceDraft,
    DestinationDraft,
    GreetingDraft,
    SchemeDraft,
    StepDraft,
    compiled,
)
from ari_app.core.endings import Point, ending_of
from ari_app.core.engine import Chosen, Perform, after
from ari_app.core.explain import story
from ari_app.core.messages import MessageKind
from ari_app.core.numbering import DialPolicy
from ari_app.core.outcomes import PlayEnd
from ari_app.core.scheme import (
    Choice,
    Destination,
    DialStep,
    Greeting,
    HangUpStep,
    MenuStep,
    RingStrategy,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.standing import standing
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, Reason
from ari_app.keys import MOST_KEPT, Keys
from ari_app.simulation import CallerScript, simulate
from tests.fakes.scripted import Conducted, Plan, always, answers, call, opened

pytestmark = pytest.mark.promise("FLD-09")
ASKS = Greeting("asks", "own/asks")
VOICEMAIL = VoicemailStep(Greeting("office", "own/office"), max_seconds=60)


def dial(name: str) -> DialStep:
    return DialStep(RingStrategy.IN_TURN, (Destination(TargetKind.ENDPOINT, name, 20),))


SALES, SUPPORT = dial("sales"), dial("support")
MENU = MenuStep(ASKS, (Choice("1", 1, "sales"), Choice("2", 3, "support")), 5, "message", retries=1)
STEPS: tuple[Step, ...] = (MENU, SALES, HangUpStep(), SUPPORT, HangUpStep(), VOICEMAIL)


def press(*keys: tuple[str, float], **plan: object) -> Conducted:
    return call(always("UTC", *STEPS), Plan(legs=[answers(1)], keys=keys, **plan))  # type: ignore[arg-type]


def rung(conducted: Conducted) -> list[str]:
    return [leg.destination for leg in conducted.line.legs]


def steps_of(conducted: Conducted) -> list[tuple[object, object]]:
    return [(entry.details["step"], entry.details["why"]) for entry in conducted.of(Kind.STEP_BEGAN)]


@pytest.mark.parametrize(("key", "who", "step"), [("1", "sales", 2), ("2", "support", 4)])
def test_a_key_leads_where_the_menu_says(key: str, who: str, step: int) -> None:
    conducted = press((key, 8))
    assert rung(conducted) == [who]
    assert steps_of(conducted) == [(1, "first_step"), (step, "menu_choice")]
    (pressed,) = conducted.of(Kind.KEY_PRESSED)
    assert pressed.details == {"key": key, "leads": who}
    assert conducted.verdict is not None
    assert conducted.verdict.disposition is Disposition.ANSWERED


def test_a_key_counts_while_the_greeting_plays_and_cuts_it_short() -> None:
    conducted = press(("2", 3))
    (ended,) = conducted.of(Kind.PROMPT_ENDED)
    assert (ended.details["end"], ended.at_ms) == ("cut_short", 3000)
    assert rung(conducted) == ["support"]


def test_without_a_key_it_asks_again_and_then_goes_its_own_way() -> None:
    conducted = press()
    assert conducted.line.played[:2] == [("own/asks",), ("own/asks",)]
    assert [entry.details["seconds"] for entry in conducted.of(Kind.NO_KEY)] == [5, 5]
    assert steps_of(conducted) == [(1, "first_step"), (6, "menu_default")]
    assert rung(conducted) == []


def test_a_key_that_is_no_choice_is_asked_for_again() -> None:
    conducted = press(("9", 3), ("1", 5))
    assert [entry.details["leads"] for entry in conducted.of(Kind.KEY_PRESSED)] == [None, "sales"]
    assert rung(conducted) == ["sales"]
    assert steps_of(press(("9", 3), ("8", 5))) == [(1, "first_step"), (6, "menu_default")]


def test_two_keys_at_once_are_two_answers() -> None:
    assert rung(press(("9", 3), ("2", 3))) == ["support"]


def test_keys_that_were_pressed_before_the_menu_do_not_count() -> None:
    first = MenuStep(ASKS, (Choice("1", 1, "more"),), 1, retries=0)
    second = MenuStep(ASKS, (Choice("1", 2, "sales"),), 3, retries=0)
    keys = [("1", 2), ("1", 2)]
    conducted = call(always("UTC", first, second, SALES, VOICEMAIL), Plan(keys=keys))
    assert steps_of(conducted) == [(1, "first_step"), (2, "menu_choice"), (4, "menu_default")]


def test_a_greeting_that_cannot_be_played_leaves_one_wait_and_no_more() -> None:
    conducted = press(prompts=[PlayEnd.FAILED])
    assert len(conducted.of(Kind.NO_KEY)) == 1
    assert steps_of(conducted)[-1] == (6, "menu_default")
    assert rung(press(("1", 2), prompts=[PlayEnd.FAILED])) == ["sales"], "who knows the menu may choose all the same"


@pytest.mark.promise("POL-02", "POL-03")
@pytest.mark.parametrize(
    ("keys", "leaves_at", "reason", "point", "kind"),
    [
        ((), 2, Reason.HUNG_UP_IN_MENU, Point.MENU, MessageKind.MISSED),
        ((), 8, Reason.HUNG_UP_IN_MENU, Point.MENU, MessageKind.MISSED),
        ((("9", 1),), 3, Reason.HUNG_UP_IN_MENU, Point.MENU, MessageKind.MISSED),
        ((("1", 2),), 2.5, Reason.HUNG_UP_RINGING, Point.CHOICE, MessageKind.HUNG_UP),
        ((), 24, Reason.HUNG_UP_IN_GREETING, Point.PROMPT, MessageKind.MISSED),
    ],
)
def test_each_point_at_which_a_caller_leaves_has_its_message(
    keys: tuple[tuple[str, float], ...], leaves_at: float, reason: Reason, point: Point, kind: MessageKind
) -> None:
    conducted = press(*keys, leaves_at=leaves_at)
    assert conducted.verdict is not None
    assert (conducted.verdict.disposition, conducted.verdict.reason) == (Disposition.LOST, reason)
    ending = ending_of(conducted.verdict, conducted.journal.timeline)
    assert (ending.point, ending.kinds) == (point, (kind,))


def test_the_story_of_a_call_with_a_menu_as_it_is_simulated() -> None:
    caller = CallerScript(keys="92", leaves_at=15)
    simulated = simulate(opened(), always("UTC", *STEPS), (), (), caller)
    assert [(round(at, 1), text) for at, text in story(simulated.timeline)][3:] == [
        (0, "step 1: menu with greeting 'asks': 1 sales, 2 support, else message"),
        (0, "the call is answered for the prompt"),
        (0, "greeting 'asks' plays"),
        (4, "greeting 'asks': cut short"),
        (4, "the caller presses 9: that is no choice"),
        (4, "greeting 'asks' plays"),
        (8, "greeting 'asks': cut short"),
        (8, "the caller presses 2: support"),
        (8, "step 4: ring in turn: support (20 s), since the caller chose it"),
        (8, "ringing support, for 20 s at most"),
        (8, "support rings"),
        (15, "the caller hung up"),
        (15, "support stops ringing, the caller has gone"),
        (15, "lost: the caller hung up while it rang"),
        (15, "no apology (SMS to the client): no rule has +74950000101"),
    ]


@pytest.mark.parametrize(("keys", "first_leg"), [("", None), ("-1", "sales"), ("9", None), ("2", "support")])
def test_keys_are_one_for_each_time_that_a_menu_asks(keys: str, first_leg: str | None) -> None:
    simulated = simulate(opened(), always("UTC", *STEPS), (), (), CallerScript(keys=keys))
    dialed = [entry.details["destination"] for entry in simulated.timeline if entry.kind is Kind.LEG_DIALED]
    assert (dialed or [None])[0] == first_leg


def test_whatever_a_menu_says_a_call_only_goes_forward() -> None:
    decision = after((MENU, SALES, VOICEMAIL), 1, Chosen(0))
    assert isinstance(decision, Perform)
    assert decision.index == 2


def test_where_a_call_stands_counts_how_often_the_menu_has_asked() -> None:
    kinds = [Kind.PROMPT_BEGAN, Kind.PROMPT_ENDED, Kind.NO_KEY, Kind.PROMPT_BEGAN]
    began = Entry(0, Kind.STEP_BEGAN, {"step": 1, "kind": "menu"})
    at = standing([began, *(Entry(at, kind, {}) for at, kind in enumerate(kinds))])
    assert (at.asked, at.prompt_begun, at.prompt) == (2, True, None)
    assert standing([began, Entry(1, Kind.PROMPT_BEGAN), began]).asked == 0


def test_keys_are_kept_until_they_are_asked_for_or_forgotten() -> None:
    async def play() -> None:
        keys = Keys()
        for key in "12" + "3" * MOST_KEPT:
            keys.press(key)
        assert [keys.next().result() for _ in range(2)] == ["1", "2"]
        keys.forget()
        waiting = keys.next()
        assert keys.next() is waiting
        keys.press("4")
        assert waiting.result() == "4"

    asyncio.run(play())


# --- as drafts --------------------------------------------------------------------------------------------------------

WELCOME = GreetingDraft("Welcome", "own/welcome")


def ring(target: str, label: str = "") -> StepDraft:
    return StepDraft("dial", destinations=(DestinationDraft("endpoint", target, 20, 0),), label=label)


def menu(*choices: tuple[str, str], **more: object) -> StepDraft:
    keys = tuple(ChoiceDraft(*each) for each in choices)
    return StepDraft("menu", greeting=WELCOME, choices=keys)._replace(**more)  # type: ignore[arg-type]


def told(*steps: StepDraft) -> list[str]:
    draft = SchemeDraft("Office", "UTC", (BranchDraft("Always", (), steps),))
    where = "scheme 'Office', branch 'Always', "
    return [
        ("!" if each.severity is Severity.ERROR else "?") + str(each).removeprefix(where)
        for each in problems(draft, DialPolicy())
    ]


GOOD = (
    menu(("1", "sales"), ("2", "support"), otherwise="message"),
    ring("desk", "sales"),
    StepDraft("hang_up"),
    ring("help", "support"),
    StepDraft("voicemail", label="message"),
)


def test_a_draft_with_a_menu_becomes_the_scheme_it_describes() -> None:
    assert told(*GOOD) == []
    scheme = compiled(SchemeDraft("Office", "UTC", (BranchDraft("Always", (), GOOD),)), ASKS)
    assert scheme.branches[0].steps[0] == MenuStep(
        Greeting("Welcome", "ari-app/own/welcome"),
        (Choice("1", 1, "sales"), Choice("2", 3, "support")),
        4,
        "message",
    )
    onward = compiled(
        SchemeDraft("Office", "UTC", (BranchDraft("Always", (), (menu(("1", "a")), ring("desk", "a"))),)), ASKS
    )
    (first, _) = onward.branches[0].steps
    assert isinstance(first, MenuStep)
    assert first.otherwise == 1


def test_a_scheme_without_menus_keeps_the_version_that_it_had_before_there_were_any() -> None:
    plain = SchemeDraft("Office", "UTC", (BranchDraft("Always", (), (ring("desk"), StepDraft("voicemail"))),))
    assert plain.version == "9f8064e5fe03"
    labelled = plain._replace(branches=(BranchDraft("Always", (), (ring("desk", "x"), StepDraft("voicemail"))),))
    assert labelled.version != plain.version


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ((menu(("1", "x"), greeting=None), ring("a", "x")), "step 1: a menu needs a greeting that exists"),
        ((menu(), ring("a")), "step 1: it has no choices; add one"),
        ((menu(("5 5", "x")), ring("a", "x")), "step 1: '5 5' is no key; write one of 0 to 9, * and #"),
        ((menu(("12", "x")), ring("a", "x")), "step 1: '12' is no key"),
        ((menu(("1", "x"), ("1", "y")), ring("a", "x"), StepDraft("voicemail", label="y")), "step 1: key '1' is there"),
        ((menu(("1", "gone")), ring("a")), "step 1: key '1' leads to 'gone', which no later step of the branch has"),
        ((ring("a", "back"), menu(("1", "back")), ring("b")), "step 2: key '1' leads to 'back', which no later step"),
        ((menu(("1", "")), ring("a")), "step 1: key '1' leads to ''"),
        ((menu(("1", "x"), otherwise="gone"), ring("a", "x")), "step 1: without a choice it leads to 'gone'"),
        ((menu(("1", "x"), retries=10), ring("a", "x")), "step 1: it is asked again 10 times; it must be 0 to 9"),
        ((menu(("1", "x"), wait_seconds=0), ring("a", "x")), "step 1: it waits 0 s for a key; it must be 1 to 60"),
        ((menu(("1", "x")), ring("a", "x"), StepDraft("voicemail", label="x")), "step 3: its label 'x' is that of"),
        ((ring("a"), StepDraft("voicemail"), ring("b", "x")), "step 3: no call comes to it: no menu leads to it"),
        ((menu(("1", "x"), otherwise="x"), ring("a"), ring("b", "x")), "step 2: no call comes to it"),
    ],
)
def test_a_menu_that_makes_no_sense_is_told_by_its_place_with_its_mend(
    steps: tuple[StepDraft, ...], problem: str
) -> None:
    found = [each for each in told(*steps) if each.startswith("!")]
    assert [each for each in found if each.startswith(f"!{problem}")], found


def test_running_on_from_the_steps_of_one_choice_into_those_of_another_is_doubtful() -> None:
    (doubt,) = told(menu(("1", "a"), ("2", "b")), ring("desk", "a"), ring("help", "b"))
    assert doubt.startswith("?step 3: a choice leads to it, but so does step 2 when nobody answers there")
    assert told(menu(("1", "a"), ("2", "b")), ring("desk", "a"), StepDraft("voicemail", label="b")) == []

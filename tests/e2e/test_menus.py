"""Menus on real Asterisk: keys over RTP (RFC 4733) lead where the scheme says, also while the greeting plays."""

from __future__ import annotations

import pytest

from tests.e2e.house import Stage, ring
from tests.e2e.journal import Greeting, HangUp, Labelled, Menu, Step, Voicemail
from tests.e2e.test_apologies import plan, to_client
from tests.e2e.voice import Key, Silence, Speech

pytestmark = pytest.mark.promise("FLD-09")
CHOICES = {"1": "sales", "2": "support"}


def menu_and(*more: Step, **options: object) -> tuple[Step, ...]:
    return (Menu(CHOICES, **options), *more)  # type: ignore[arg-type]


def test_a_key_during_the_greeting_cuts_it_short_and_leads_to_its_step(stage: Stage) -> None:
    sales, support = stage.ringing(), stage.answering(talk_ms=500)
    steps = menu_and(Labelled("sales", ring(sales)), HangUp(), Labelled("support", ring(support)))
    caller = stage.call(stage.plan(*steps), Silence(0.5), Key("2"), Silence(20))
    caller.over()
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert call.outcomes == [(support.name, "answered")]
    assert [one["end"] for one in call.details("prompt_ended")] == ["cut_short"]
    assert call.details("key_pressed") == [{"key": "2", "leads": "support"}]
    assert call.at_ms("prompt_ended") < 2500, "the greeting lasts longer"


def test_a_wrong_key_and_no_key_are_asked_again_and_then_the_menu_goes_its_own_way(stage: Stage) -> None:
    support = stage.answering(talk_ms=500)
    choices = Menu(CHOICES, sound="beep", otherwise="support", retries=1, wait_seconds=1)
    steps = (choices, Labelled("sales", HangUp()), Labelled("support", ring(support)))
    caller = stage.call(stage.plan(*steps), Silence(1), Key("9"), Silence(20))
    caller.over()
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert call.details("key_pressed") == [{"key": "9", "leads": None}]
    assert call.details("no_key") == [{"seconds": 1}]
    assert [one["why"] for one in call.details("step_began")] == ["first_step", "menu_default"]


def test_the_first_menu_may_lead_to_another_one_and_to_voicemail(stage: Stage) -> None:
    steps = (
        Menu({"1": "more"}, sound="beep"),
        HangUp(),
        Labelled("more", Greeting("beep")),
        Menu({"*": "message"}, sound="beep"),
        HangUp(),
        Labelled("message", Voicemail()),
    )
    keys = (Silence(1), Key("1"), Silence(2.5), Key("*"), Silence(1), Speech(3), Key("#"), Silence(5))
    caller = stage.call(stage.plan(*steps), *keys)
    caller.over()
    call = caller.journalled()
    assert call.verdict == ("message_left", "message"), call.told
    assert [one["leads"] for one in call.details("key_pressed")] == ["more", "message"]


@pytest.mark.promise("POL-02", "POL-03")
@pytest.mark.parametrize(
    ("keys", "reason", "kind"),
    [
        ((Silence(8),), "hung_up_in_menu", "missed"),
        ((Silence(0.5), Key("9"), Silence(8)), "hung_up_in_menu", "missed"),
        ((Silence(0.5), Key("1"), Silence(8)), "hung_up_while_ringing", "hung_up"),
    ],
    ids=["in the menu", "after a key that is no choice", "after a choice"],
)
def test_where_a_caller_leaves_a_menu_says_which_message_follows(
    stage: Stage, keys: tuple[Silence | Key, ...], reason: str, kind: str
) -> None:
    steps = menu_and(Labelled("sales", ring(stage.ringing())), HangUp(), Labelled("support", HangUp()))
    number = plan(stage, *steps, types=True, rule=False)
    caller = stage.call(number, *keys, talk_ms=2000)
    caller.over()
    call = caller.journalled()
    assert call.verdict == ("lost", reason), call.told
    [text] = to_client(stage.house, call)
    assert (text["kind"], text["text"]) == (kind, f"team {number}: {kind}!")

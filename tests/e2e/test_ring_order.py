"""Turns, lots, weights and rest on real calls: over restarts, edits and controllers everybody gets their share."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.house import House, Stage, ring
from tests.e2e.journal import HangUp, JournalledCall, Voicemail
from tests.e2e.test_takeup import until

pytestmark = pytest.mark.promise("FLD-01")


@pytest.fixture(scope="module")
def mortal(new_house: Callable[..., House]) -> House:
    """An installation whose controller is killed and started."""
    made = new_house(shutdown_seconds=1)
    made.controller.start()
    return made


@pytest.fixture
def scene(mortal: House) -> Iterator[Stage]:
    """A story with the controller up at its beginning, and no trouble of the program's at its end."""
    if not mortal.controller.running:
        mortal.controller.start()
    with mortal.story() as stage:
        yield stage
    assert not [line for line in mortal.controller.lines if "Traceback" in line], "\n".join(mortal.controller.lines)


def talk(stage: Stage, number: str, count: int) -> JournalledCall:
    """A call that is answered and soon over, number ``count`` to that number."""
    caller = stage.call(number, talk_ms=300)
    assert caller.over().final == 200
    return stage.house.database.closed(number, count)[-1]


def test_turns_go_round_over_a_killed_controller_and_an_edit_of_the_scheme(scene: Stage) -> None:
    anna, boris, clara = scene.phone(calls=2, answer_ms=100), scene.answering(100), scene.answering(100)
    step = ring(anna, boris, clara, strategy="round_robin")
    number = scene.plan(step, Voicemail())
    talked = [talk(scene, number, 1).call["answered_by"]]
    scene.house.controller.kill()
    scene.house.controller.start()
    talked.append(talk(scene, number, 2).call["answered_by"])
    scene.plan_again(number, step, HangUp())  # every row of it is a new one
    scene.house.controller.stop()
    scene.house.controller.start()
    talked += [talk(scene, number, count).call["answered_by"] for count in (3, 4)]
    assert talked == [anna.name, boris.name, clara.name, anna.name]


def test_whoever_has_rested_longest_is_rung_first_also_after_a_restart(scene: Stage) -> None:
    anna, boris = scene.phone(calls=2, answer_ms=100), scene.phone(calls=2, answer_ms=100)
    other = scene.plan(ring(boris))
    talk(scene, other, 1)
    number = scene.plan(ring(boris, anna, strategy="least_recent"))
    assert talk(scene, number, 1).call["answered_by"] == anna.name
    talk(scene, other, 2)
    scene.house.controller.kill()
    scene.house.controller.start()
    last = talk(scene, number, 2)
    assert last.call["answered_by"] == anna.name, "boris talked after her, by another number's scheme"
    (told,) = last.details("ring_order")
    assert told["order"] == f"{anna.name}, {boris.name}"


@pytest.mark.parametrize("strategy", ["random", "weighted"])
def test_everybody_drawn_is_rung_once_and_in_the_order_that_the_journal_tells(scene: Stage, strategy: str) -> None:
    phones = [scene.refusing("486 Busy Here") for _ in range(4)]
    caller = scene.call(scene.plan(ring(*phones, strategy=strategy)), scenario="caller-refused", status=486)
    caller.over()
    call = caller.journalled()
    (told,) = call.details("ring_order")
    assert ", ".join(name for name, _ in call.outcomes) == told["order"]
    assert sorted(name for name, _ in call.outcomes) == sorted(phone.name for phone in phones)


@pytest.mark.parametrize("strategy", ["random", "round_robin"])
def test_a_controller_that_takes_a_call_up_goes_on_in_the_order_that_the_other_began(
    scene: Stage, strategy: str
) -> None:
    phones = [scene.ringing() for _ in range(3)]
    number = scene.plan(ring(*phones, strategy=strategy), HangUp())
    caller = scene.call(number, scenario="caller-refused", status=480)
    until(caller, "leg_rang")
    scene.house.controller.kill()
    scene.house.controller.start()
    caller.over(30)
    call = caller.journalled()
    (told,) = call.details("ring_order")
    assert ", ".join(name for name, _ in call.outcomes) == told["order"]
    assert {outcome for _, outcome in call.outcomes} == {"no_answer"}
    assert call.details("recovered")


def test_another_controller_knows_whose_turn_it_is(scene: Stage) -> None:
    """One with another disk: what it knows it has from SQL alone."""
    ours = scene.house.controller
    anna, boris = scene.answering(100), scene.answering(100)
    number = scene.plan(ring(anna, boris, strategy="round_robin"))
    assert talk(scene, number, 1).call["answered_by"] == anna.name
    ours.stop()
    after = ours.beside("second", state_folder=scene.house.folder / "second-state")
    after.start()
    try:
        assert talk(scene, number, 2).call["answered_by"] == boris.name
    finally:
        after.stop()

"""Whether a branch's menus make sense: where their choices lead, and which steps no call ever comes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ari_app.core.draft import StepDraft
from ari_app.core.numbering import printable
from ari_app.core.scheme import KEYS

RETRIES = range(10)
WAIT_SECONDS = range(1, 61)
TERMINAL = ("voicemail", "hang_up")
"""Kinds of step after which nothing comes but what a menu leads to."""


class Fault(NamedTuple):
    """What is wrong, or merely doubtful, with step ``place`` (from 0)."""

    place: int
    text: str
    doubtful: bool = False


def menu_faults(steps: Sequence[StepDraft]) -> Iterator[Fault]:
    """Everything about the menus of one branch, its labels, and steps that are not reached."""
    for place, step in enumerate(steps):
        if step.label and any(other.label == step.label for other in steps[:place]):
            text = f"its label {printable(step.label)!r} is that of a step before it; give each its own"
            yield Fault(place, text)
        if step.kind == "menu":
            yield from (Fault(place, text) for text in _of_menu(step, [later.label for later in steps[place + 1 :]]))
    yield from _unreached(steps)
    yield from _fallen_into(steps)


def _of_menu(step: StepDraft, later: Sequence[str]) -> Iterator[str]:
    if step.greeting is None:
        yield "a menu needs a greeting that exists: it says which key does what"
    if step.retries not in RETRIES:
        yield f"it is asked again {step.retries} times; it must be {RETRIES.start} to {RETRIES.stop - 1}"
    if step.wait_seconds not in WAIT_SECONDS:
        yield f"it waits {step.wait_seconds} s for a key; it must be {WAIT_SECONDS.start} to {WAIT_SECONDS.stop - 1}"
    yield from _of_choices(step, later)


def _of_choices(step: StepDraft, later: Sequence[str]) -> Iterator[str]:
    if not step.choices:
        yield "it has no choices; add one, or make it a greeting step"
    keys = [choice.key for choice in step.choices]
    for key in sorted(set(keys)):
        if key not in KEYS or len(key) != 1:
            yield f"{printable(key)!r} is no key; write one of 0 to 9, * and #"
        if keys.count(key) > 1:
            yield f"key {printable(key)!r} is there more than once; a key leads to one step"
    for choice in step.choices:
        if not choice.goal or choice.goal not in later:
            yield f"key {printable(choice.key)!r} leads to {_nowhere(choice.goal)}"
    if step.otherwise and step.otherwise not in later:
        yield f"without a choice it leads to {_nowhere(step.otherwise)}"


def _nowhere(goal: str) -> str:
    return (
        f"{printable(goal)!r}, which no later step of the branch has for its label; give it to the step that is meant"
    )


def _goals(place: int, steps: Sequence[StepDraft]) -> Iterator[int]:
    """The steps that may follow the one at ``place``; one of them may be beyond the last."""
    step = steps[place]
    if step.kind == "menu":
        named = {choice.goal for choice in step.choices} | {step.otherwise}
        yield from (later for later in range(place + 1, len(steps)) if steps[later].label in named - {""})
    if step.kind not in TERMINAL and not (step.kind == "menu" and step.otherwise):
        yield place + 1


def _unreached(steps: Sequence[StepDraft]) -> Iterator[Fault]:
    reached = {0}
    for place, step in enumerate(steps):
        if place in reached:
            reached.update(_goals(place, steps))
            continue
        ended_by = steps[place - 1].kind
        if ended_by in TERMINAL and not step.label:
            yield Fault(place, f"nothing comes after {ended_by}; remove the step or move it before")
        else:
            yield Fault(place, "no call comes to it: no menu leads to it; name its label in a choice, or remove it")
        reached.update(_goals(place, steps))


def _fallen_into(steps: Sequence[StepDraft]) -> Iterator[Fault]:
    """Whoever writes the steps of one choice below those of another may forget to end the first ones."""
    named = {choice.goal for step in steps for choice in step.choices}
    for place, step in enumerate(steps[1:], start=1):
        if step.kind == steps[place - 1].kind == "dial" and step.label in named:
            text = (
                f"a choice leads to it, but so does step {place} when nobody answers there; put voicemail or hang_up "
                "between the two if that is not meant"
            )
            yield Fault(place, text, doubtful=True)

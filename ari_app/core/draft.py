"""A scheme as somebody wrote it, in SQL or in a description, before anybody has judged whether it makes sense.

Drafts are named tuples: a big book compares thousands of them with those of the last reading, and tuples compare fast.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ari_app.core.calendar import PublicDay
from ari_app.core.calendar_draft import DayDraft, calendar_of
from ari_app.core.schedule import ScheduleEntry, parse_hours
from ari_app.core.scheme import (
    Branch,
    Choice,
    Destination,
    DialStep,
    Greeting,
    GreetingStep,
    HangUpStep,
    MenuStep,
    RingStrategy,
    Scheme,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.sounds import played

_NO_CAP = ", outside_calls_a_day=None)"
_NO_CALENDAR = ", holidays='', days=())"
"""Left out of what a version is made of: schemes without calendar or cap keep the versions that calls journalled before
there were such."""
NO_DAYS: Mapping[date, PublicDay] = MappingProxyType({})


def told_since(draft: Any, first: int) -> str:
    """The draft's `repr` without those fields, from number ``first`` on, that have their default: a scheme that says
    nothing of a setting keeps the version that it had before there was such a setting."""
    told = [
        f"{name}={value!r}"
        for number, (name, value) in enumerate(zip(draft._fields, draft, strict=True))
        if number < first or value != draft._field_defaults[name]
    ]
    return f"{type(draft).__name__}({', '.join(told)})"


class EntryDraft(NamedTuple):
    """Days (1 Monday to 7 Sunday) and hours (``HH:MM``), both ends included."""

    first_day: int
    last_day: int
    opens: str
    closes: str


class DestinationDraft(NamedTuple):
    """Someone to ring; ``kind`` is number, endpoint or manager, times are seconds. ``weight`` is for weighted steps.
    ``caller_id`` is what it is shown: caller, dialled, or a number (E.164); empty: as the scheme says.
    ``confirm_seconds`` is for those who must press 1."""

    kind: str
    target: str
    timeout: int
    delay: int
    weight: int = 1
    caller_id: str = ""
    confirm_seconds: int = 0

    def __repr__(self) -> str:
        return told_since(self, 4)


class GreetingDraft(NamedTuple):
    """A prompt by name and catalogue path."""

    name: str
    sound: str


class ChoiceDraft(NamedTuple):
    """A key of a menu, and the label of the later step of its branch that it leads to."""

    key: str
    goal: str


class StepDraft(NamedTuple):
    """One step. ``kind`` is dial, greeting, menu, voicemail or hang_up; what another kind needs is not looked at.
    ``label`` is what menus before it call it; ``otherwise`` is the label that a menu leads to without a choice, empty:
    the next step."""

    kind: str
    strategy: str = "in_turn"
    destinations: tuple[DestinationDraft, ...] = ()
    greeting: GreetingDraft | None = None
    max_seconds: int = 180
    silence_seconds: int = 5
    min_seconds: int = 2
    label: str = ""
    choices: tuple[ChoiceDraft, ...] = ()
    retries: int = 2
    wait_seconds: int = 5
    otherwise: str = ""
    last_adviser_days: int = 0

    def __repr__(self) -> str:
        return told_since(self, 7)


class BranchDraft(NamedTuple):
    """Steps and the hours in which they hold; no entries: always."""

    name: str
    entries: tuple[EntryDraft, ...]
    steps: tuple[StepDraft, ...]
    out_of_hours: bool = False


class SchemeDraft(NamedTuple):
    """A whole scheme. ``holidays`` is a country such as RU, or a country and region such as DE-BY; empty: none.
    ``outside_calls_a_day``: how often it may ring numbers outside in a day; None: as the deployment's settings say.
    ``caller_id`` is what those are shown whom it rings: caller, dialled, or a number; empty: the caller's."""

    name: str
    time_zone: str
    branches: tuple[BranchDraft, ...]
    holidays: str = ""
    days: tuple[DayDraft, ...] = ()
    outside_calls_a_day: int | None = None
    caller_id: str = ""

    def __repr__(self) -> str:
        return told_since(self, 6)

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that change whenever anything in the scheme does, and never otherwise."""
        told = repr(self)
        if self.outside_calls_a_day is None:
            told = told.removesuffix(_NO_CAP) + ")"
            if not self.holidays and not self.days:
                told = told.removesuffix(_NO_CALENDAR) + ")"
        return hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()[:12]


@lru_cache(maxsize=4096)
def entry_of(draft: EntryDraft) -> ScheduleEntry:
    """The entry. Raises `ScheduleError`, saying what to write instead."""
    opens, closes = parse_hours(f"{draft.opens}-{draft.closes}")
    return ScheduleEntry(draft.first_day, draft.last_day, opens, closes)


def compiled(draft: SchemeDraft, default_greeting: Greeting, public: Mapping[date, PublicDay] = NO_DAYS) -> Scheme:
    """The scheme a draft describes; voicemail without a greeting plays the default. ``public`` are the days out of the
    ordinary of the country it names.

    Only for drafts in which `ari_app.core.checks.problems` finds no error; others raise ValueError in some way.
    """
    branches = tuple(
        Branch(
            branch.name,
            tuple(entry_of(entry) for entry in branch.entries),
            tuple(_step(place, branch.steps, default_greeting, draft.caller_id) for place in range(len(branch.steps))),
            branch.out_of_hours,
        )
        for branch in draft.branches
    )
    calendar = calendar_of(draft.holidays, draft.days, public)
    zone, cap = ZoneInfo(draft.time_zone), draft.outside_calls_a_day
    return Scheme(draft.name, zone, branches, draft.version, calendar, outside_calls_a_day=cap)


def _step(place: int, steps: tuple[StepDraft, ...], default_greeting: Greeting, caller_id: str) -> Step:
    draft = steps[place]
    prompt = draft.greeting
    greeting = Greeting(prompt.name, played(prompt.sound)) if prompt else default_greeting
    match draft.kind:
        case "dial":
            rung = tuple(_destination(each, caller_id) for each in draft.destinations)
            return DialStep(RingStrategy(draft.strategy), rung, draft.last_adviser_days)
        case "greeting":
            return GreetingStep(greeting)
        case "menu":
            return _menu(place, steps, greeting)
        case "voicemail":
            return VoicemailStep(greeting, draft.max_seconds, draft.silence_seconds, draft.min_seconds)
        case "hang_up":
            return HangUpStep()
    raise ValueError(f"{draft.kind!r} is no kind of step")


def _menu(place: int, steps: tuple[StepDraft, ...], greeting: Greeting) -> MenuStep:
    draft = steps[place]
    later = {step.label: number for number, step in enumerate(steps) if step.label and number > place}
    choices = tuple(Choice(choice.key, later[choice.goal], choice.goal) for choice in draft.choices)
    otherwise = later[draft.otherwise] if draft.otherwise else place + 1
    return MenuStep(greeting, choices, otherwise, draft.otherwise, draft.retries, draft.wait_seconds)


def _destination(draft: DestinationDraft, caller_id: str) -> Destination:
    shown, confirm = draft.caller_id or caller_id, draft.confirm_seconds
    kind, times = TargetKind(draft.kind), (draft.timeout, draft.delay)
    return Destination(kind, draft.target, *times, draft.weight, shown, confirm_seconds=confirm)

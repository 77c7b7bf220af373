"""Whether a scheme makes sense: every problem of a draft, with its place and its mend; and forwarding in a circle."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from ari_app.core.calendar_draft import day_faults
from ari_app.core.caller_ids import caller_id_fault
from ari_app.core.draft import BranchDraft, DestinationDraft, EntryDraft, SchemeDraft, StepDraft, entry_of
from ari_app.core.menu_checks import TERMINAL, menu_faults
from ari_app.core.numbering import ENDPOINT_NAME, printable
from ari_app.core.responsible import AskedError, asked
from ari_app.core.schedule import ScheduleError
from ari_app.core.scheme import RingStrategy, TargetKind
from ari_app.core.sounds import sound_refusal
from ari_app.core.week_checks import doubts, never_reached

TIMEOUT_SECONDS = range(5, 601)
DELAY_SECONDS = range(601)
WEIGHTS = range(1, 101)
CONFIRM_SECONDS = range(5, 61)
ADVISER_DAYS = range(93)
"""So long it is remembered who talked with whom."""
MESSAGE_SECONDS = range(5, 3601)
SILENCE_SECONDS = range(1, 61)
SHORTEST_SECONDS = range(61)
MOST_STEPS = 50
"""In a branch."""
MOST_DESTINATIONS = 20
MOST_OUTSIDE_CALLS = 1_000_000
"""In a step: whoever may edit the database must not ring a thousand phones at once with each call."""
KINDS = ("dial", "greeting", "menu", *TERMINAL)


class Severity(StrEnum):
    """An error keeps the scheme from coming into force; a warning is only told."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and how to mend it."""

    severity: Severity
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


class DialRules(Protocol):
    """Which numbers may be dialed (`ari_app.core.numbering.DialPolicy` is one)."""

    def refusal(self, e164: str) -> str | None:
        """Why the number must not be dialed, or None when it may be."""


def errors(problems: Collection[Problem]) -> tuple[Problem, ...]:
    """The problems that keep a scheme from coming into force."""
    return tuple(problem for problem in problems if problem.severity is Severity.ERROR)


def problems(draft: SchemeDraft, rules: DialRules) -> tuple[Problem, ...]:
    """Everything wrong or doubtful in the scheme, in the order it is written. Total: any draft can be judged."""
    return tuple(_of_scheme(draft, rules))


def _error(where: str, text: str) -> Problem:
    return Problem(Severity.ERROR, where, text)


def _warning(where: str, text: str) -> Problem:
    return Problem(Severity.WARNING, where, text)


def _of_scheme(draft: SchemeDraft, rules: DialRules) -> Iterator[Problem]:
    where = f"scheme {printable(draft.name)!r}"
    if not draft.name.strip():
        yield _error(where, "the name is empty; give it one that people will know it by")
    if not is_zone(draft.time_zone):
        zone = printable(draft.time_zone)
        yield _error(where, f"{zone!r} is not an IANA time zone; write one such as Europe/Moscow or Europe/Kyiv")
    cap = draft.outside_calls_a_day
    if cap is not None and not 1 <= cap <= MOST_OUTSIDE_CALLS:
        mend = f"write 1 to {MOST_OUTSIDE_CALLS}, or nothing for what ARI_APP_OUTSIDE_CALLS_A_DAY says"
        yield _error(where, f"its calls outside a day are {cap}; {mend}")
    yield from _of_caller_id(draft.caller_id, where)
    if not draft.branches:
        yield _error(where, "it has no branches; add one (without hours it always holds)")
    unreached = never_reached(draft)
    for number, branch in enumerate(draft.branches):
        place = f"{where}, branch {printable(branch.name)!r}"
        if number in unreached:
            yield _warning(place, unreached[number])
        yield from _of_branch(branch, place, rules)
    for part, fault in day_faults(draft.days, [branch.name for branch in draft.branches]):
        yield _error(f"{where}, {part}" if part else where, fault)
    for doubt in doubts(draft):
        yield _warning(where, doubt)


def _of_branch(branch: BranchDraft, where: str, rules: DialRules) -> Iterator[Problem]:
    if not branch.name.strip():
        yield _error(where, "the name is empty; give it one that says when it holds")
    for entry in branch.entries:
        yield from _of_entry(entry, where)
    if not branch.steps:
        yield _error(where, "it has no steps; add one, if only hang_up")
    if len(branch.steps) > MOST_STEPS:
        yield _error(where, f"it has {len(branch.steps)} steps; a branch has {MOST_STEPS} at most: remove some")
    faults = tuple(menu_faults(branch.steps))
    for number, step in enumerate(branch.steps):
        place = f"{where}, step {number + 1}"
        for fault in (fault for fault in faults if fault.place == number):
            yield Problem(Severity.WARNING if fault.doubtful else Severity.ERROR, place, fault.text)
        yield from _of_step(step, place, rules)


def _of_entry(entry: EntryDraft, where: str) -> Iterator[Problem]:
    try:
        entry_of(entry)
    except ScheduleError as error:
        yield _error(where, str(error))


def _of_step(step: StepDraft, where: str, rules: DialRules) -> Iterator[Problem]:
    if step.kind not in KINDS:
        yield _error(where, f"{printable(step.kind)!r} is no kind of step; write {', '.join(KINDS)}")
    if step.kind == "greeting" and step.greeting is None:
        yield _error(where, "a greeting step needs a greeting that exists")
    if step.greeting is not None and step.kind in ("greeting", "menu", "voicemail"):
        refusal = sound_refusal(step.greeting.sound)
        if refusal:
            yield _error(f"{where}, greeting {printable(step.greeting.name)!r}", refusal)
    if step.kind == "voicemail":
        yield from _of_voicemail(step, where)
    if step.kind == "dial":
        yield from _of_dial(step, where, rules)


def _of_voicemail(step: StepDraft, where: str) -> Iterator[Problem]:
    for seconds, allowed, what in (
        (step.max_seconds, MESSAGE_SECONDS, "the longest message"),
        (step.silence_seconds, SILENCE_SECONDS, "the silence that ends a message"),
        (step.min_seconds, SHORTEST_SECONDS, "the shortest message"),
    ):
        yield from _in_range(seconds, allowed, what, where)
    if step.min_seconds >= step.max_seconds:
        yield _error(where, "the shortest message is not shorter than the longest")


def _of_dial(step: StepDraft, where: str, rules: DialRules) -> Iterator[Problem]:
    strategies = [strategy.value for strategy in RingStrategy]
    if step.strategy not in strategies:
        yield _error(where, f"{printable(step.strategy)!r} is no ring strategy; write {', '.join(strategies)}")
    if not step.destinations:
        yield _error(where, "it dials nobody; add a destination or remove the step")
    if len(step.destinations) > MOST_DESTINATIONS:
        count = len(step.destinations)
        yield _error(
            where, f"it dials {count} destinations; a step has {MOST_DESTINATIONS} at most: spread them over more steps"
        )
    for destination in step.destinations:
        yield from _of_destination(destination, f"{where}, destination {printable(destination.target)!r}", rules)
    yield from _of_strategy(step, where)


def _of_strategy(step: StepDraft, where: str) -> Iterator[Problem]:
    """What the destinations and the strategy say of each other."""
    together = step.strategy == RingStrategy.ALL_AT_ONCE
    delayed = any(destination.delay for destination in step.destinations)
    if together and delayed:
        yield _error(where, "destinations rung all at once have no delays; remove them, or ring staggered")
    if step.strategy == RingStrategy.STAGGERED and len(step.destinations) > 1 and not delayed:
        yield _warning(where, "staggered without delays rings all at once; give the later ones a delay")
    numbers = [destination for destination in step.destinations if destination.kind == TargetKind.NUMBER]
    yield from _in_days(step, where)
    if step.strategy != RingStrategy.WEIGHTED and any(destination.weight != 1 for destination in step.destinations):
        yield _warning(where, "its destinations have weights, which count in a weighted step alone; ring weighted")
    if len(numbers) > 1 and step.strategy in (RingStrategy.ALL_AT_ONCE, RingStrategy.STAGGERED):
        yield _warning(
            where,
            f"{len(numbers)} numbers ring at once: a carrier's voicemail or a slow line among them may take the call "
            "from the others, and every answer but the first is cut off; in turn is safer",
        )
    targets = [destination.target for destination in step.destinations]
    for target in sorted({target for target in targets if targets.count(target) > 1}):
        yield _warning(where, f"{printable(target)!r} is rung more than once in the step")


def _in_days(step: StepDraft, where: str) -> Iterator[Problem]:
    if step.last_adviser_days not in ADVISER_DAYS:
        text = f"the last adviser's days are {step.last_adviser_days}; they must be 0 to {ADVISER_DAYS.stop - 1}"
        yield _error(where, text)
    elif step.last_adviser_days and step.strategy in (RingStrategy.ALL_AT_ONCE, RingStrategy.STAGGERED):
        yield _warning(where, "the last adviser is first where one is rung after another; ring in turn")


def _of_destination(destination: DestinationDraft, where: str, rules: DialRules) -> Iterator[Problem]:
    yield from _in_range(destination.timeout, TIMEOUT_SECONDS, "the timeout", where)
    yield from _in_range(destination.delay, DELAY_SECONDS, "the delay", where)
    yield from _of_caller_id(destination.caller_id, where)
    if destination.confirm_seconds and destination.confirm_seconds not in CONFIRM_SECONDS:
        allowed = f"{CONFIRM_SECONDS.start} to {CONFIRM_SECONDS.stop - 1}, or 0 for none"
        yield _error(where, f"the time to press 1 is {destination.confirm_seconds} s; it must be {allowed}")
    if destination.weight not in WEIGHTS:
        yield _error(where, f"the weight is {destination.weight}; it must be {WEIGHTS.start} to {WEIGHTS.stop - 1}")
    if refusal := target_refusal(destination.kind, destination.target, rules):
        yield _error(where, refusal)


def target_refusal(kind: str, target: str, rules: DialRules) -> str | None:
    """Why it is no target of that kind, or must not be dialed; None when it may be."""
    match kind:
        case TargetKind.NUMBER:
            return rules.refusal(target)
        case TargetKind.ENDPOINT if ENDPOINT_NAME.fullmatch(target):
            return None
        case TargetKind.ENDPOINT:
            return "it is not an endpoint's name: small letters, digits and hyphens, at most 40"
        case TargetKind.MANAGER:
            try:
                asked(target)
            except AskedError as error:
                return str(error)
            return None
    return f"{printable(kind)!r} is no kind of destination; write number, endpoint or manager"


def _of_caller_id(text: str, where: str) -> Iterator[Problem]:
    if fault := caller_id_fault(text):
        yield _error(where, f"the caller id {printable(text)!r} cannot be shown; {fault}")


def _in_range(seconds: int, allowed: range, what: str, where: str) -> Iterator[Problem]:
    if seconds not in allowed:
        yield _error(where, f"{what} is {seconds} s; it must be {allowed.start} to {allowed.stop - 1}")


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether the tz database has the zone; names that are no path in it raise in several ways."""
    try:
        return bool(ZoneInfo(name).key)
    except (ValueError, OSError, LookupError):
        return False


def circles(schemes: Mapping[str, str], dialed: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """Numbers whose calls could come back to them, each with the circle it closes.

    ``schemes`` says which scheme each of the company's own numbers has, ``dialed`` which numbers each scheme dials;
    schemes are named by any key. A circle is told as the numbers passed, the first once more at the end.
    """
    forwards = {
        number: tuple(target for target in dialed.get(scheme, ()) if target in schemes)
        for number, scheme in schemes.items()
    }
    found: dict[str, tuple[str, ...]] = {}
    for number in sorted(_on_or_between_circles(forwards)):
        path = _way_back(number, forwards)
        if path:
            found[number] = path
    return found


def _on_or_between_circles(forwards: Mapping[str, Collection[str]]) -> set[str]:
    """All numbers but those that lead to no circle: however long a chain of them is, it is taken away at one go."""
    callers: dict[str, list[str]] = {}
    left = {number: len(targets) for number, targets in forwards.items()}
    for number, targets in forwards.items():
        for target in targets:
            callers.setdefault(target, []).append(number)
    ends = [number for number, count in left.items() if not count]
    for end in ends:
        for number in callers.get(end, ()):
            left[number] -= 1
            if not left[number]:
                ends.append(number)
    return left.keys() - set(ends)


def _way_back(number: str, forwards: Mapping[str, Collection[str]]) -> tuple[str, ...] | None:
    """The shortest way from the number to itself."""
    before: dict[str, str] = {}
    reached = [number]
    for passed in reached:
        for target in forwards[passed]:
            if target == number:
                way = [number, passed]
                while way[-1] != number:
                    way.append(before[way[-1]])
                return tuple(reversed(way))
            if target not in before:
                before[target] = passed
                reached.append(target)
    return None

"""What differs between two versions of a scheme, told as a person reads it: a tree of what came, went and changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Generic, TypeVar

from ari_app.core.calendar_draft import canonical_day, dates_words, day_words
from ari_app.core.draft import BranchDraft, DestinationDraft, EntryDraft, SchemeDraft, StepDraft
from ari_app.core.schedule import DAY_NAMES
from ari_app.core.scheme import RingStrategy

T = TypeVar("T")
TOGETHER = [strategy.value for strategy in RingStrategy if strategy.together]
"""Strategies by which nobody is rung before the others because of an order."""
_SPOKEN = {strategy.value: strategy.words for strategy in RingStrategy}


class Sign(StrEnum):
    """What became of a thing."""

    ADDED = "+"
    CHANGED = "~"
    REMOVED = "-"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: ``what`` it is about, what it ``was`` and is ``now``, and the differences ``within`` it."""

    sign: Sign
    what: str
    was: str = ""
    now: str = ""
    within: tuple[Change, ...] = ()

    def __str__(self) -> str:
        if self.was or self.now:
            return f"{self.sign} {self.what}: {self.was or 'none'} → {self.now or 'none'}"
        return f"{self.sign} {self.what}"

    @property
    def removes(self) -> bool:
        """Whether anything goes by it."""
        return self.sign is Sign.REMOVED or any(change.removes for change in self.within)


def canonical(draft: SchemeDraft) -> SchemeDraft:
    """The scheme without what no call would notice: settings that a step of its kind does not look at, and the order
    in which hours were entered."""
    branches = tuple(
        branch._replace(entries=tuple(sorted(branch.entries)), steps=tuple(map(_canonical_step, branch.steps)))
        for branch in draft.branches
    )
    return draft._replace(branches=branches, days=tuple(map(canonical_day, draft.days)))


def _canonical_step(step: StepDraft) -> StepDraft:
    return _looked_at(step)._replace(label=step.label)


def _looked_at(step: StepDraft) -> StepDraft:
    match step.kind:
        case "dial":
            weighed = step.strategy == RingStrategy.WEIGHTED
            rung = (one if weighed else one._replace(weight=1) for one in step.destinations)
            days = 0 if step.strategy in TOGETHER else step.last_adviser_days
            return StepDraft("dial", step.strategy, tuple(rung), last_adviser_days=days)
        case "greeting":
            return StepDraft("greeting", greeting=step.greeting)
        case "voicemail":
            seconds = step.max_seconds, step.silence_seconds, step.min_seconds
            return StepDraft("voicemail", "in_turn", (), step.greeting, *seconds)
        case "menu":
            return StepDraft("menu")._replace(
                greeting=step.greeting,
                choices=tuple(sorted(step.choices)),
                retries=step.retries,
                wait_seconds=step.wait_seconds,
                otherwise=step.otherwise,
            )
    return StepDraft(step.kind)


def scheme_changes(before: SchemeDraft | None, after: SchemeDraft | None) -> Change | None:
    """From ``before`` (None: it is new) to ``after`` (None: it goes); None when no call would notice a difference."""
    before = canonical(before) if before else None
    after = canonical(after) if after else None
    if before == after:
        return None
    if before is None and after is not None:
        whole = (
            Change(Sign.ADDED, f"time zone {after.time_zone}"),
            *_calendar(after),
            *_options(after),
            *_added_branches(after.branches),
        )
        return Change(Sign.ADDED, f"scheme {after.name!r}", within=whole)
    if before is not None and after is None:
        return Change(Sign.REMOVED, f"scheme {before.name!r}")
    assert before is not None  # noqa: S101  # both are there, or they were equal
    assert after is not None  # noqa: S101  # as before
    return Change(Sign.CHANGED, f"scheme {after.name!r}", within=tuple(_within_scheme(before, after)))


def _within_scheme(before: SchemeDraft, after: SchemeDraft) -> Iterator[Change]:
    yield from _changed("name", before.name, after.name)
    yield from _changed("time zone", before.time_zone, after.time_zone)
    yield from _changed("public holidays", before.holidays, after.holidays)
    days = _paired(before.days, after.days, lambda day: day)
    yield from (Change(Sign.REMOVED, day_words(day)) for _, day in days.gone)
    yield from (Change(Sign.ADDED, day_words(day)) for _, day in days.come)
    yield from _reordered("order of the exceptional days", days, dates_words)
    yield from _changed("calls outside a day", _most(before), _most(after))
    yield from _changed("caller id", before.caller_id, after.caller_id)
    paired = _paired(before.branches, after.branches, lambda branch: branch.name)
    for _place, branch in paired.gone:
        yield Change(Sign.REMOVED, f"branch {branch.name!r}")
    for old, new in paired.kept:
        if within := tuple(_within_branch(old, new)):
            yield Change(Sign.CHANGED, f"branch {new.name!r}", within=within)
    for place, branch in paired.come:
        yield _added_branch(place, branch, len(after.branches))
    yield from _reordered("order of the branches", paired, lambda branch: repr(branch.name))


def _calendar(draft: SchemeDraft) -> Iterator[Change]:
    if draft.holidays:
        yield Change(Sign.ADDED, f"public holidays of {draft.holidays}")
    yield from (Change(Sign.ADDED, day_words(day)) for day in draft.days)


def _options(draft: SchemeDraft) -> Iterator[Change]:
    if draft.caller_id:
        yield Change(Sign.ADDED, f"caller id {draft.caller_id}")
    if cap := _most(draft):
        yield Change(Sign.ADDED, f"calls outside a day: {cap}")


def _most(draft: SchemeDraft) -> str:
    return "" if draft.outside_calls_a_day is None else f"{draft.outside_calls_a_day} at most"


def _added_branches(branches: Sequence[BranchDraft]) -> Iterator[Change]:
    for place, branch in enumerate(branches, start=1):
        yield _added_branch(place, branch, len(branches))


def _added_branch(place: int, branch: BranchDraft, count: int) -> Change:
    within = [Change(Sign.ADDED, f"hours {hours_words(branch.entries)}")]
    within += [Change(Sign.ADDED, "out of hours")] if branch.out_of_hours else []
    steps = enumerate(branch.steps, start=1)
    within += [Change(Sign.ADDED, f"step {number}: {step_words(step)}") for number, step in steps]
    return Change(Sign.ADDED, f"branch {branch.name!r} ({place} of {count})", within=tuple(within))


def _within_branch(before: BranchDraft, after: BranchDraft) -> Iterator[Change]:
    yield from _changed("hours", hours_words(before.entries), hours_words(after.entries))
    yield from _changed("out of hours", _yes(before.out_of_hours), _yes(after.out_of_hours))
    matcher = SequenceMatcher(None, before.steps, after.steps, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            continue
        both = min(old_to - old_from, new_to - new_from)
        for offset in range(both):
            yield _changed_step(old_from + offset + 1, before.steps[old_from + offset], after.steps[new_from + offset])
        for place in range(old_from + both, old_to):
            yield Change(Sign.REMOVED, f"step {place + 1}: {step_words(before.steps[place])}")
        for place in range(new_from + both, new_to):
            yield Change(Sign.ADDED, f"step {place + 1}: {step_words(after.steps[place])}")


def _changed_step(number: int, before: StepDraft, after: StepDraft) -> Change:
    if before.kind == after.kind == "dial" and before.label == after.label:
        return Change(Sign.CHANGED, f"step {number}: dial", within=tuple(_within_dial(before, after)))
    return Change(Sign.CHANGED, f"step {number}", step_words(before), step_words(after))


def _within_dial(before: StepDraft, after: StepDraft) -> Iterator[Change]:
    yield from _changed("ring", strategy_words(before), strategy_words(after))
    yield from _changed("last adviser first", _days(before), _days(after))
    paired = _paired(before.destinations, after.destinations, lambda one: (one.kind, one.target))
    for _place, gone in paired.gone:
        yield Change(Sign.REMOVED, _destination(gone))
    for old, new in paired.kept:
        yield from _changed(_whom(new), _times(old), _times(new))
    for _place, come in paired.come:
        yield Change(Sign.ADDED, _destination(come))
    yield from _reordered("order of the destinations", paired, _whom)


def _changed(what: str, was: str, now: str) -> Iterator[Change]:
    if was != now:
        yield Change(Sign.CHANGED, what, was, now)


@dataclass(frozen=True, slots=True)
class _Paired(Generic[T]):
    """Things of two lists: which went and came (with their places, from 1), which stayed (in the order of the first),
    and those that stayed in the order of the second."""

    gone: list[tuple[int, T]]
    come: list[tuple[int, T]]
    kept: list[tuple[T, T]]
    order: list[T]


def _paired(before: Sequence[T], after: Sequence[T], key: Callable[[T], object]) -> _Paired[T]:
    """Pairs what has the same key; of several with the same key the first with the first, and so on."""
    old, new = _keyed(before, key), _keyed(after, key)
    return _Paired(
        [(place, old[each]) for place, each in enumerate(old, start=1) if each not in new],
        [(place, new[each]) for place, each in enumerate(new, start=1) if each not in old],
        [(old[each], new[each]) for each in old if each in new],
        [new[each] for each in new if each in old],
    )


def _keyed(things: Sequence[T], key: Callable[[T], object]) -> dict[tuple[object, int], T]:
    seen: Counter[object] = Counter()
    keyed: dict[tuple[object, int], T] = {}
    for thing in things:
        keyed[key(thing), seen[key(thing)]] = thing
        seen[key(thing)] += 1
    return keyed


def _reordered(what: str, paired: _Paired[T], words: Callable[[T], str]) -> Iterator[Change]:
    """What stayed, but stands elsewhere."""
    yield from _changed(what, ", ".join(words(new) for _, new in paired.kept), ", ".join(map(words, paired.order)))


# --- in words ---------------------------------------------------------------------------------------------------------


def hours_words(entries: Sequence[EntryDraft]) -> str:
    """The hours of a branch as descriptions write them: ``Mon-Fri 09:00-17:59``; without any: always."""
    return ", ".join(map(entry_words, entries)) or "always"


def entry_words(entry: EntryDraft) -> str:
    """One entry as descriptions write it; days that are none are shown as they are."""
    first, last = _day(entry.first_day), _day(entry.last_day)
    days = first if first == last else f"{first}-{last}"
    return f"{days} {entry.opens}-{entry.closes}"


def _day(day: int) -> str:
    return DAY_NAMES[day - 1] if 1 <= day <= len(DAY_NAMES) else str(day)


def step_words(step: StepDraft) -> str:
    """One step in a line."""
    return f"{_what(step)} (label {step.label!r})" if step.label else _what(step)


def _what(step: StepDraft) -> str:
    prompt = f"greeting {step.greeting.name!r} ({step.greeting.sound})" if step.greeting else "the default greeting"
    match step.kind:
        case "dial":
            first = f", the last adviser of {_days(step)} first" if step.last_adviser_days else ""
            rung = ", ".join(map(_destination, step.destinations)) or "nobody"
            return f"dial {strategy_words(step)}{first}: {rung}"
        case "greeting":
            return f"play {prompt}"
        case "menu":
            keys = ", ".join(f"{choice.key} {choice.goal!r}" for choice in step.choices) or "no keys"
            without = f"else {step.otherwise!r}" if step.otherwise else "else the next step"
            asks = f"{step.wait_seconds} s for a key, asked again {step.retries} times"
            return f"menu, {prompt}: {keys}, {without}; {asks}"
        case "voicemail":
            limits = f"{step.max_seconds} s at most, {step.min_seconds} s at least, ended by {step.silence_seconds} s"
            return f"voicemail, {prompt}, {limits} of silence"
    return step.kind.replace("_", " ")


def _days(step: StepDraft) -> str:
    return f"{step.last_adviser_days} days" if step.last_adviser_days else ""


def strategy_words(step: StepDraft) -> str:
    """How a dial step rings, as descriptions write it."""
    return _SPOKEN.get(step.strategy, step.strategy)


def _destination(destination: DestinationDraft) -> str:
    return f"{_whom(destination)} ({_times(destination)})"


def _whom(destination: DestinationDraft) -> str:
    return f"the manager by {destination.target}" if destination.kind == "manager" else destination.target


def _times(destination: DestinationDraft) -> str:
    delay = f" after {destination.delay} s" if destination.delay else ""
    weight = f", weight {destination.weight}" if destination.weight != 1 else ""
    shown = f", shown {destination.caller_id}" if destination.caller_id else ""
    confirm = f", press 1 in {destination.confirm_seconds} s" if destination.confirm_seconds else ""
    return f"{destination.timeout} s{delay}{weight}{shown}{confirm}"


def _yes(switch: bool) -> str:
    return "yes" if switch else "no"

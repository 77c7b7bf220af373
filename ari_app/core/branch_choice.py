"""Which branch of a scheme holds at a moment, and why the others do not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from ari_app.core.calendar import DayRule, Treatment, special_at
from ari_app.core.schedule import LocalMinute, ScheduleEntry, local_minute
from ari_app.core.scheme import Branch, Scheme
from ari_app.core.timeline import Kind, Note, Scalar


@dataclass(frozen=True, slots=True)
class Choice:
    """The branch, and the notes that explain it; without a branch ``why_none`` is the word for the reason."""

    branch: Branch | None
    notes: tuple[Note, ...]
    now: LocalMinute
    why_none: str = ""


def choose(scheme: Scheme, at: datetime) -> Choice:
    """The branch that holds at the aware moment ``at``: by override, own day or public holiday, else by the week."""
    now = local_minute(at, scheme.zone)
    if scheme.calendar is None and scheme.override is None:  # nearly always
        return _by_hours(scheme, now, now.weekday)
    special = special_at(scheme.calendar, scheme.override, at, scheme.zone)
    if special is None:
        return _by_hours(scheme, now, now.weekday)
    choice = _specially(scheme, now, special.treatment)
    return Choice(choice.branch, (special.note, *choice.notes), now, choice.why_none)


def named(scheme: Scheme, name: str, at: datetime) -> Choice:
    """The branch of this name, which the scheme must have, whatever the hour: it is the caller's."""
    now = local_minute(at, scheme.zone)
    branch = next(each for each in scheme.branches if each.name == name)
    return Choice(branch, (_chosen(branch, now, {"hours": _spoken(branch.entries), "why": "caller"}),), now)


def _specially(scheme: Scheme, now: LocalMinute, treatment: Treatment) -> Choice:
    rule = treatment.rule
    if rule is DayRule.WEEKDAY:
        return _by_hours(scheme, now, treatment.weekday)
    if rule is DayRule.BRANCH:
        eligible = [branch for branch in scheme.branches if branch.name == treatment.branch]
    else:
        eligible = [branch for branch in scheme.branches if branch.out_of_hours is (rule is DayRule.CLOSED)]
    if not eligible and rule is not DayRule.CLOSED:
        return _by_hours(scheme, now, now.weekday)
    holding = [branch for branch in eligible if _covering(branch, now.weekday, now.minute) is not None]
    chosen = next(iter(holding or eligible), None)
    notes = []
    for branch in scheme.branches:
        if branch is chosen:
            notes.append(_chosen(branch, now, {"hours": _spoken(branch.entries), "why": rule.value}))
        elif branch not in eligible:
            notes.append(_passed_over(branch, rule.value))
        else:
            notes.append(_passed_over(branch, "stands_later" if branch in holding else "other_hours"))
    return Choice(chosen, tuple(notes), now, "" if chosen else "closed_without_branch")


def _by_hours(scheme: Scheme, now: LocalMinute, weekday: int) -> Choice:
    """The first branch, in the admin's order, that covers the minute of that weekday."""
    chosen: Branch | None = None
    notes = []
    for branch in scheme.branches:
        covering = _covering(branch, weekday, now.minute)
        if covering is None:
            notes.append(_passed_over(branch, "other_hours"))
        elif chosen is not None:
            notes.append(_passed_over(branch, "stands_later"))
        else:
            chosen = branch
            notes.append(_chosen(branch, now, {"hours": _spoken(covering)}))
    return Choice(chosen, tuple(notes), now, "" if chosen else "no_branch_covers")


def _chosen(branch: Branch, now: LocalMinute, why: dict[str, Scalar]) -> Note:
    details = {"branch": branch.name, **why, "local_time": str(now)}
    return Note(Kind.BRANCH_CHOSEN, {**details, "out_of_hours": True} if branch.out_of_hours else details)


def _passed_over(branch: Branch, why: str) -> Note:
    return Note(Kind.BRANCH_PASSED_OVER, {"branch": branch.name, "hours": _spoken(branch.entries), "why": why})


def _covering(branch: Branch, weekday: int, minute: int) -> tuple[ScheduleEntry, ...] | None:
    """The entry by which the branch holds, no entry where it has none and always does; None: it does not hold."""
    if not branch.entries:
        return ()
    for entry in branch.entries:
        if entry.covers(weekday, minute):
            return (entry,)
    return None


@lru_cache(maxsize=4096)
def _spoken(entries: tuple[ScheduleEntry, ...]) -> str:
    """The hours as a timeline has them. Remembered, since each call tells those of every branch."""
    return ", ".join(map(str, entries)) or "always"

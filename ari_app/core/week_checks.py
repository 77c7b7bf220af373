"""What is doubtful about a scheme's hours and days: minutes that nobody covers, branches that are never reached."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache

from ari_app.core.calendar import DayRule
from ari_app.core.draft import BranchDraft, EntryDraft, SchemeDraft, entry_of
from ari_app.core.numbering import printable
from ari_app.core.schedule import ScheduleError
from ari_app.core.week import Stretch, WeekProof, as_entries, prove

MOST_TOLD = 12
"""Stretches of the week in one sentence."""


def week_of(draft: SchemeDraft) -> WeekProof | None:
    """What becomes of every minute of the week; None while hours make no sense, which is an error of its own."""
    return _proof(tuple(branch.entries for branch in draft.branches))


@lru_cache(maxsize=1024)
def _proof(hours: tuple[tuple[EntryDraft, ...], ...]) -> WeekProof | None:
    """Remembered: thousands of schemes have a few kinds of week between them."""
    try:
        return prove([[entry_of(entry) for entry in entries] for entries in hours])
    except ScheduleError:
        return None


def never_reached(draft: SchemeDraft) -> dict[int, str]:
    """The branches (by their place, from 0) that no call ever goes by, with the reason. One without hours that stands
    last is a net under the others, and no doubt; one for days out of the ordinary is reached on those."""
    proof = week_of(draft)
    unreached = proof.unreached if proof is not None else ()
    found: dict[int, str] = {}
    always = None
    for place, branch in enumerate(draft.branches):
        if always is not None:
            found[place] = f"it is never reached: branch {always!r} before it always holds"
        elif not branch.entries:
            always = printable(branch.name)
        elif place in unreached:
            found[place] = "it is never reached: branches before it cover all of its hours; move it before them"
    return {place: why for place, why in found.items() if not _has_days(draft.branches[place], draft)}


def _has_days(branch: BranchDraft, draft: SchemeDraft) -> bool:
    """Whether some day out of the ordinary goes by the branch, whatever its hours."""
    if any(day.rule == DayRule.BRANCH and day.branch == branch.name for day in draft.days):
        return True
    return branch.out_of_hours and DayRule.CLOSED in _rules(draft)


def _rules(draft: SchemeDraft) -> set[str]:
    return {day.rule for day in draft.days} | ({DayRule.CLOSED} if draft.holidays else set())


def doubts(draft: SchemeDraft) -> Iterator[str]:
    """What is doubtful about the scheme as a whole."""
    proof = week_of(draft)
    if proof is not None and proof.gaps and draft.branches:
        yield _uncovered(proof.gaps)
    rules = _rules(draft)
    if DayRule.CLOSED in rules and not any(branch.out_of_hours for branch in draft.branches):
        yield "no branch is marked as out of hours, so calls get the configured default on closed days; mark one"
    if DayRule.OPEN in rules and all(branch.out_of_hours for branch in draft.branches):
        yield "all branches are out of hours, so open days go as their weekday; add a working branch"


def _uncovered(gaps: Collection[Stretch]) -> str:
    listed = [str(entry) for entry in as_entries(gaps)]
    more = f" and {len(listed) - MOST_TOLD} stretches more" if len(listed) > MOST_TOLD else ""
    return (
        f"no branch covers {', '.join(listed[:MOST_TOLD])}{more}: calls get the configured default then; "
        "add the hours, or a last branch without hours"
    )

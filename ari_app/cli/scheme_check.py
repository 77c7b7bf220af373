"""``ari-app schemes check``: the proof over the whole week, the clock's changes, and everything wrong or doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.padding import Padding

from ari_app.cli.faults import EXIT_NO, Failed
from ari_app.cli.problems import print_problems, problem_json, problems_about
from ari_app.cli.screen import clean, count, json_option, print_json, screen
from ari_app.cli.site import env_file_option, read_book, settings_of
from ari_app.cli.week_grid import print_week
from ari_app.core.checks import errors, is_zone
from ari_app.core.clock_changes import ClockChange, Effect, clock_changes, effects
from ari_app.core.draft import SchemeDraft, entry_of
from ari_app.core.schedule import ScheduleEntry
from ari_app.core.week import WeekProof, as_entries, minutes
from ari_app.core.week_checks import week_of
from ari_app.storage.book import Reading

AHEAD = timedelta(days=2 * 365 + 1)
"""How far changes of the clock are looked for."""


@dataclass(frozen=True, slots=True)
class Examined:
    """One scheme and what the proof says of it; without a ``proof`` its hours cannot be read."""

    draft: SchemeDraft
    proof: WeekProof | None
    changes: tuple[tuple[ClockChange, tuple[Effect, ...]], ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every minute of the week is proved to be covered."""
        return self.proof is not None and self.proof.is_whole

    def as_json(self) -> dict[str, Any]:
        """The keys that ``--json`` promises."""
        told: dict[str, Any] = {"name": self.draft.name, "time_zone": self.draft.time_zone, "whole": self.is_whole}
        if self.proof is None:
            return told
        names = [branch.name for branch in self.draft.branches]
        return told | {
            "covered_minutes": self.proof.covered,
            "gaps": _hours(as_entries(self.proof.gaps)),
            "overlaps": [
                {
                    "hours": _hours(as_entries(stretches)),
                    "taken_by": names[taken_by],
                    "others": [names[place] for place in others],
                }
                for (taken_by, others), stretches in self.proof.twice.items()
            ],
            "branches": [
                {"name": names[place], "minutes": minutes(taken), "hours": _hours(as_entries(taken))}
                for place, taken in enumerate(self.proof.taken)
            ],
            "clock_changes": [self._change_json(change, touched) for change, touched in self.changes],
        }

    def _change_json(self, change: ClockChange, touched: tuple[Effect, ...]) -> dict[str, Any]:
        return {
            "at": change.at,
            "first_minute": f"{change.first:%Y-%m-%dT%H:%M}",
            "minutes": abs(change.minutes),
            "skipped": change.is_skip,
            "branches": [
                {
                    "name": self.draft.branches[effect.branch].name,
                    "minutes": effect.minutes,
                    "lost": _hours(effect.lost),
                }
                for effect in touched
            ],
        }


def _hours(entries: Sequence[ScheduleEntry]) -> list[str]:
    return [str(entry) for entry in entries]


def examine(draft: SchemeDraft, now: datetime) -> Examined:
    """The proof of one scheme, and what the clock's changes of the next two years do to it; ``now`` is aware."""
    proof = week_of(draft)
    if proof is None or not is_zone(draft.time_zone):
        return Examined(draft, proof)
    hours = [[entry_of(entry) for entry in branch.entries] for branch in draft.branches]
    changes = clock_changes(ZoneInfo(draft.time_zone), now, now + AHEAD)
    return Examined(draft, proof, tuple((change, effects(change, proof, hours)) for change in changes))


@click.command()
@click.argument("name", required=False)
@json_option
@env_file_option
def check(name: str | None, as_json: bool, env_file: Path | None) -> None:
    """Prove every minute of the week, and tell every problem, of all schemes or of the one called NAME.

    With NAME the week is drawn, a letter for each branch: green when all 10,080 minutes are covered; else what is not
    is marked with ! and listed. Minutes covered twice, branches that are never reached and what the next two years'
    changes of the clock skip or repeat are told too.

    Exit code 0: whole, and no error. 1: an error, or a minute that no branch covers; its calls get the configured
    default. Warnings alone, minutes covered twice among them, are 0. A scheme with an error is not taken into force; a
    running controller keeps its last good version. Without NAME the problems of apology rules, message types and
    contacts are told too: to those the same applies.

    \b
    Examples:
      ari-app schemes check
      ari-app schemes check "Office Moscow" || echo "do not let this one out"
      ari-app schemes check --json | jq -r '.schemes[] | select(.whole | not).name'
    """
    reading = read_book(settings_of(env_file))
    drafts = [judged.draft for judged in reading.judged.values() if name in (None, judged.draft.name)]
    if name is not None and not drafts:
        raise Failed(f"there is no scheme {name!r}; ari-app schemes list shows those there are")
    now = datetime.now(UTC)
    examined = [examine(draft, now) for draft in drafts]
    _tell(reading, examined, name, as_json)


def _tell(reading: Reading, examined: Sequence[Examined], name: str | None, as_json: bool) -> None:
    found = reading.problems if name is None else problems_about(reading, scheme=name)
    if as_json:
        print_json(
            {"schemes": [each.as_json() for each in examined], "problems": [problem_json(problem) for problem in found]}
        )
    else:
        if name is not None:
            _print_examined(screen(), examined[0])
        print_problems(found, len(examined))
    if errors(found) or not all(each.is_whole for each in examined):
        raise click.exceptions.Exit(EXIT_NO)


def _print_examined(console: Console, examined: Examined) -> None:
    """The week of one scheme, and its changes of the clock."""
    draft = examined.draft
    console.print(clean(f"{draft.name} ({draft.time_zone})", "bold"))
    if examined.proof is not None:
        print_week(console, draft, examined.proof)
    for change, touched in examined.changes:
        told = f"clock change: {change}: {'; '.join(_effects(draft, change, touched))}"
        console.print(Padding(clean(told, "cyan"), (0, 0, 0, 2)))
    console.print()


def _effects(draft: SchemeDraft, change: ClockChange, touched: Sequence[Effect]) -> list[str]:
    """What the change does, branch by branch."""
    told = []
    for effect in touched:
        less_or_more = "less" if change.is_skip else "more"
        lost = f", not at all in {', '.join(map(str, effect.lost))}" if effect.lost else ""
        amount = count(abs(effect.minutes), "minute")
        told.append(f"{draft.branches[effect.branch].name!r} holds {amount} {less_or_more}{lost}")
    return told or ["no branch covers them"]

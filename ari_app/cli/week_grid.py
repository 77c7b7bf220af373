"""Draws the week of a scheme: a letter for each stretch's branch, green when no minute is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_letters

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ari_app.cli.screen import clean, count
from ari_app.core.draft import SchemeDraft
from ari_app.core.schedule import DAY_NAMES, MINUTES_A_DAY
from ari_app.core.week import MINUTES_A_WEEK, Stretch, WeekProof, as_entries, minutes

GAP = "!"
MARGIN = 6
CELLS = (96, 48, 24)
"""In a day's line; the most that the screen has room for."""


def letter(branch: int) -> str:
    """What a branch is called in the grid."""
    return ascii_letters.swapcase()[branch] if branch < len(ascii_letters) else "+"


def print_week(console: Console, draft: SchemeDraft, proof: WeekProof) -> None:
    """The grid, what each branch takes, what nobody covers, what is covered twice."""
    cells = next((amount for amount in CELLS if amount + MARGIN <= console.width), CELLS[-1])
    console.print(Text(" " * MARGIN + _ruler(cells), style="dim"))
    for day, name in enumerate(DAY_NAMES):
        console.print(Text(f"  {name} ").append(_line(proof, day * MINUTES_A_DAY, cells)))
    console.print()
    for place, branch in enumerate(draft.branches):
        amount = minutes(proof.taken[place])
        hours = _hours(proof.taken[place]) if amount else "never reached"
        line = clean(f"{letter(place)} {branch.name}").append(f"  {count(amount, 'minute')}: {hours}", "dim")
        console.print(_set_in(line))
    console.print(_set_in(_verdict(proof)))
    for (taken_by, others), stretches in proof.twice.items():
        names = " and ".join(repr(draft.branches[place].name) for place in others)
        told = f"covered twice: {_hours(stretches)}: {draft.branches[taken_by].name!r} takes it from {names}, by order"
        console.print(_set_in(clean(told, "yellow")))


def _set_in(line: Text) -> Padding:
    return Padding(line, (0, 0, 0, 2))


def _verdict(proof: WeekProof) -> Text:
    if proof.is_whole:
        return clean(f"✔ every one of the {MINUTES_A_WEEK:,} minutes of the week is covered", "bold green")
    covered = f"{proof.covered:,} of {MINUTES_A_WEEK:,} minutes are covered; by no branch: {_hours(proof.gaps)}"
    return clean(f"✘ {covered}", "bold red")


def _ruler(cells: int) -> str:
    """The hours over the columns, every third."""
    return "".join(f"{hour:02d}".ljust(cells // 8) for hour in range(0, 24, 3))


def _line(proof: WeekProof, midnight: int, cells: int) -> Text:
    """One day."""
    wide = MINUTES_A_DAY // cells
    line = Text()
    for start in range(midnight, midnight + MINUTES_A_DAY, wide):
        line.append(*_cell(proof, Stretch(start, start + wide)))
    return line


def _cell(proof: WeekProof, cell: Stretch) -> tuple[str, str]:
    """The branch that takes most of it, unless a minute of it is left out; and its style."""
    if _within(proof.gaps, cell):
        return GAP, "bold red"
    shares = [_within(taken, cell) for taken in proof.taken]
    style = "green" if proof.is_whole else ""
    if any(_within([overlap.stretch], cell) for overlap in proof.overlaps):
        style = f"{style} underline"
    return letter(shares.index(max(shares))), style.strip()


def _within(stretches: Iterable[Stretch], cell: Stretch) -> int:
    return sum(max(min(end, cell.end) - max(start, cell.start), 0) for start, end in stretches)


def _hours(stretches: Sequence[Stretch]) -> str:
    return ", ".join(map(str, as_entries(stretches)))

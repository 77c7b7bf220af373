"""What is wrong with the configuration, as commands tell it."""

from __future__ import annotations

from collections.abc import Iterable

from ari_app.cli.screen import clean, count, screen
from ari_app.core.checks import Problem, Severity, errors
from ari_app.core.numbering import printable
from ari_app.storage.book import Reading


def problems_about(reading: Reading, *, scheme: str | None = None, number: str | None = None) -> tuple[Problem, ...]:
    """The problems that are of the scheme of this name, or of this number."""
    places = [f"scheme {printable(scheme)!r}"] if scheme is not None else []
    places += [f"number {number!r}"] if number is not None else []
    return tuple(
        problem
        for problem in reading.problems
        if any(problem.where == place or problem.where.startswith(f"{place}, ") for place in places)
    )


def problem_json(problem: Problem) -> dict[str, str]:
    """The keys that ``--json`` promises."""
    return {"severity": problem.severity.value, "where": problem.where, "text": problem.text}


def print_problems(found: Iterable[Problem], checked: int) -> None:
    """A line for each, and how many they are in so many schemes."""
    out = screen()
    found = tuple(found)
    for problem in found:
        wrong = problem.severity is Severity.ERROR
        line = clean("✘ error   " if wrong else "! warning ", "bold red" if wrong else "yellow")
        out.print(line.append(clean(str(problem))))
    amount, warnings = len(errors(found)), len(found) - len(errors(found))
    out.print(f"{count(checked, 'scheme')}: {count(amount, 'error')}, {count(warnings, 'warning')}")

"""Prints every promise of docs/promises.md with the tests that show it kept: ``python -m tests.promises``."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).parent.parent
PROMISES = ROOT / "docs" / "promises.md"
RESULTS = ROOT / ".pytest_promises.json"
_ROW = re.compile(r"\| ([A-Z]{3}-\d{2}|\d{1,2}) \| (.+) \|")
_PARAMETERS = re.compile(r"\[.*", re.DOTALL)


class State(StrEnum):
    """How a test came out in the last run that had it; and a promise, by the worst of its tests."""

    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_RUN = "not run"
    PASSED = "passed"
    NO_TEST = "no test yet"


_WORST_FIRST = (State.FAILED, State.SKIPPED, State.NOT_RUN, State.PASSED)
_COLOURS = {
    State.FAILED: "31;1",
    State.SKIPPED: "33",
    State.NOT_RUN: "33",
    State.PASSED: "32",
    State.NO_TEST: "2",
}


@dataclass(frozen=True, slots=True)
class Promise:
    """One row of docs/promises.md; a fault's id is its number."""

    id: str
    chapter: str
    text: str


@dataclass(frozen=True, slots=True)
class TestFunction:
    """A test without its parameters: the worst state of its cases, and how many there are."""

    name: str
    state: State
    cases: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A promise with the tests that show it."""

    promise: Promise
    tests: tuple[TestFunction, ...]

    @property
    def state(self) -> State:
        """The worst of its tests."""
        return worst(test.state for test in self.tests)


def worst(states: Iterable[State]) -> State:
    """The state that has to be looked at first; `State.NO_TEST` when there are none."""
    return min(states, key=_WORST_FIRST.index, default=State.NO_TEST)


def read_promises(text: str) -> tuple[Promise, ...]:
    """The rows of the tables of docs/promises.md, in its order.

    Raises:
        ValueError: two rows have one id.
    """
    chapter, rows = "", dict[str, Promise]()
    for line in text.splitlines():
        if line.startswith("## "):
            chapter = line[3:]
        elif match := _ROW.fullmatch(line):
            if match[1] in rows:
                raise ValueError(f"docs/promises.md has two rows {match[1]}: give one of them another id")
            rows[match[1]] = Promise(match[1], chapter, match[2])
    return tuple(rows.values())


def read_results(path: Path = RESULTS) -> dict[str, dict[str, object]]:
    """What the runs so far have left: node id -> {"promises": [ids], "state": a `State`}."""
    if not path.exists():
        return {}
    tests: dict[str, dict[str, object]] = json.loads(path.read_text())["tests"]
    return tests


def kept(promises: Iterable[Promise], results: Mapping[str, Mapping[str, object]]) -> tuple[Kept, ...]:
    """Every promise with its tests, the cases of a parametrised test taken together."""
    by_promise: dict[str, dict[str, list[State]]] = {}
    for node_id, result in sorted(results.items()):
        name = _PARAMETERS.sub("", node_id)
        shown = result["promises"]
        for promise_id in shown if isinstance(shown, list) else ():
            by_promise.setdefault(promise_id, {}).setdefault(name, []).append(State(str(result["state"])))
    return tuple(
        Kept(
            promise,
            tuple(
                TestFunction(name, worst(cases), len(cases)) for name, cases in by_promise.get(promise.id, {}).items()
            ),
        )
        for promise in promises
    )


def lines(rows: Iterable[Kept], paint: bool) -> Iterator[str]:
    """The report for people: chapters, rows, their tests, a summary."""
    rows = tuple(rows)
    chapter = ""
    for row in rows:
        if row.promise.chapter != chapter:
            chapter = row.promise.chapter
            yield from ("", _painted(chapter, "1", paint))
        state = _painted(f"{row.state.value:<11}", _COLOURS[row.state], paint)
        yield f"  {row.promise.id:>6}  {state}  {row.promise.text}"
        for test in row.tests:
            cases = f" ({test.cases} cases)" if test.cases > 1 else ""
            yield f"{'':23}{_painted(test.state.value, _COLOURS[test.state], paint)} {test.name}{cases}"
    yield from ("", summary(rows))


def summary(rows: Iterable[Kept]) -> str:
    """How many promises are in which state."""
    states = [row.state for row in rows]
    counted = (f"{states.count(state)} {state.value}" for state in (State.PASSED, *State) if state in states)
    return f"{len(states)} promises: {', '.join(dict.fromkeys(counted))}"


def as_json(rows: Iterable[Kept]) -> str:
    """The report for programs."""
    return json.dumps(
        [
            {
                "id": row.promise.id,
                "chapter": row.promise.chapter,
                "promise": row.promise.text,
                "state": row.state.value,
                "tests": [{"name": test.name, "state": test.state.value, "cases": test.cases} for test in row.tests],
            }
            for row in rows
        ],
        indent=2,
    )


def _painted(text: str, colour: str, paint: bool) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if paint else text


def main(arguments: list[str] | None = None, out: TextIO = sys.stdout) -> int:
    """Print the report; 1 when a promise's test failed, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.promises", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print for programs")
    wanted = parser.parse_args(arguments)
    rows = kept(read_promises(PROMISES.read_text(encoding="utf-8")), read_results())
    if wanted.json:
        print(as_json(rows), file=out)
    else:
        print("\n".join(lines(rows, out.isatty() and "NO_COLOR" not in os.environ)), file=out)
    return int(any(row.state is State.FAILED for row in rows))


if __name__ == "__main__":
    sys.exit(main())

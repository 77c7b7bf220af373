"""How fast the engine compiles and decides, and what a book weighs, as schemes and numbers grow."""

from __future__ import annotations

import dataclasses
import datetime
import gc
import json
import platform
import random
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import sqlalchemy as sa

from ari_app.core import engine
from ari_app.core.draft import BranchDraft, DestinationDraft, EntryDraft, SchemeDraft, StepDraft
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting, SchemeBook
from ari_app.storage import schema
from ari_app.storage.book import Reading, compile_book, load_book
from ari_app.storage.database import open_database, snapshot
from ari_app.storage.revisions import upgrade
from ari_app.storage.rows import Configuration, NumberRow
from benchmarks import report
from benchmarks.processes import machine

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-engine.md"
SIZES = ((100, 1_000), (1_000, 10_000), (10_000, 100_000))
"""Schemes, and numbers that go by them."""
CALLS = 100_000
GREETING = Greeting("universal (en)", "en/greeting")
RULES = DialPolicy()
COLUMNS = (
    *("schemes", "numbers", "compiled, s", "a scheme, µs", "decided, calls", "a call, µs", "p99, µs"),
    *("one scheme changed, s", "of a reading", "memory, MB", "a number, bytes"),
)


@dataclass(frozen=True, slots=True)
class Grown:
    """One size. Seconds: of compiling all, of reading all from SQL, of reading after one scheme has changed."""

    schemes: int
    numbers: int
    compiled: float
    calls: int
    call_us: float
    call_us_p99: float
    read: float
    changed: float
    bytes: int


def scheme(number: int) -> SchemeDraft:
    """Office hours in three branches: two rung in turn, three together in the evening, voicemail at night."""
    rung = tuple(DestinationDraft("number", f"+7916{number:04d}{each:03d}", 20, 0) for each in range(3))
    voicemail = StepDraft("voicemail")
    day = BranchDraft("day", (EntryDraft(1, 5, "09:00", "17:59"),), (StepDraft("dial", "in_turn", rung[:2]), voicemail))
    evening = BranchDraft(
        "evening",
        (EntryDraft(1, 5, "18:00", "21:59"), EntryDraft(6, 7, "10:00", "17:59")),
        (StepDraft("dial", "all_at_once", rung), voicemail),
    )
    return SchemeDraft(
        f"scheme {number}", "Europe/Moscow", (day, evening, BranchDraft("night", (), (voicemail,), True))
    )


def listed(numbers: int, schemes: int) -> list[NumberRow]:
    """Numbers that go by the schemes in turn."""
    return [NumberRow(f"+7495{each:07d}", f"number {each}", True, each % schemes + 1, None) for each in range(numbers)]


def grown(schemes: int, numbers: int, calls: int = CALLS) -> Grown:
    """Measure one size."""
    rows = Configuration((0, 0), {each + 1: scheme(each) for each in range(schemes)}, listed(numbers, schemes))
    began = time.perf_counter()
    reading = compile_book(rows, RULES, GREETING, Reading())
    compiled = time.perf_counter() - began
    if reading.recompiled != schemes:
        raise AssertionError("every scheme is to be compiled")
    median, p99 = _decided(reading.book, numbers, calls)
    read, changed = _read(schemes, numbers)
    return Grown(schemes, numbers, compiled, calls, median, p99, read, changed, _weight(rows))


def _decided(book: SchemeBook, numbers: int, calls: int) -> tuple[float, float]:
    """Microseconds from an arrival to the first step: the median and the 99th of a hundred."""
    dice = random.Random(1)
    since = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    arrivals = [
        engine.Arrival("+79161112233", number, number, since + datetime.timedelta(minutes=dice.randrange(525_600)))
        for number in (f"+7495{dice.randrange(numbers):07d}" for _ in range(calls))
    ]
    took = []
    for arrival in arrivals:
        began = time.perf_counter_ns()
        engine.first(engine.route(arrival, book, ()).steps)
        took.append((time.perf_counter_ns() - began) / 1000)
    return statistics.median(took), statistics.quantiles(took, n=100)[-1]


def _read(schemes: int, numbers: int) -> tuple[float, float]:
    """Seconds to read and compile all from SQLite; and again when one scheme has changed."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/book.sqlite3"
        upgrade(url)
        database = open_database(url)
        _fill(database, schemes, numbers)
        first, read = _timed(database, None)
        with database.begin() as connection:
            connection.execute(
                sa.update(schema.destinations).where(schema.destinations.c.id == 1).values(timeout_seconds=21)
            )
        second, changed = _timed(database, first)
        if second.recompiled != 1:
            raise AssertionError("one scheme has changed")
        database.dispose()
    return read, changed


def _timed(database: sa.Engine, previous: Reading | None) -> tuple[Reading, float]:
    began = time.perf_counter()
    with snapshot(database).begin() as connection:
        reading = load_book(connection, RULES, GREETING, previous)
    return reading, time.perf_counter() - began


def _fill(database: sa.Engine, schemes: int, numbers: int) -> None:
    """The rows of those schemes and numbers."""
    each = range(1, schemes + 1)
    made = [scheme(number - 1) for number in each]
    branches = [
        (s, b, branch) for s, draft in zip(each, made, strict=True) for b, branch in enumerate(draft.branches, 1)
    ]
    steps = [(b, n, step) for b, (_, _, branch) in enumerate(branches, 1) for n, step in enumerate(branch.steps, 1)]
    rung = [(s, n, one) for s, (_, _, step) in enumerate(steps, 1) for n, one in enumerate(step.destinations, 1)]
    rows = {
        schema.schemes: [
            {"id": s, "name": draft.name, "time_zone": draft.time_zone} for s, draft in zip(each, made, strict=True)
        ],
        schema.branches: [
            {"id": at, "scheme_id": s, "position": b, "name": branch.name, "out_of_hours": branch.out_of_hours}
            for at, (s, b, branch) in enumerate(branches, 1)
        ],
        schema.schedule_entries: [
            {"branch_id": at, **entry._asdict()}
            for at, (_, _, branch) in enumerate(branches, 1)
            for entry in branch.entries
        ],
        schema.steps: [
            {"id": at, "branch_id": b, "position": n, "kind": step.kind, "strategy": step.strategy}
            for at, (b, n, step) in enumerate(steps, 1)
        ],
        schema.destinations: [
            {
                "id": at,
                "step_id": s,
                "position": n,
                "kind": one.kind,
                "target": one.target,
                "timeout_seconds": one.timeout,
            }
            for at, (s, n, one) in enumerate(rung, 1)
        ],
        schema.numbers: [
            {"e164": row.e164, "name": row.name, "scheme_id": row.scheme_id} for row in listed(numbers, schemes)
        ],
    }
    with database.begin() as connection:
        for table, values in rows.items():
            connection.execute(sa.insert(table), values)


def _weight(rows: Configuration) -> int:
    """Bytes that the book of these rows takes beside them."""
    gc.collect()
    tracemalloc.start()
    reading = compile_book(rows, RULES, GREETING, Reading())
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del reading
    return taken


def table(sizes: Sequence[Grown]) -> str:
    """In Markdown."""
    lines = [COLUMNS, ["---:"] * len(COLUMNS), *map(_cells, sizes)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(one: Grown) -> Sequence[str]:
    return (
        f"{one.schemes:,}",
        f"{one.numbers:,}",
        f"{one.compiled:.2f}",
        f"{one.compiled / one.schemes * 1e6:.0f}",
        f"{one.calls:,}",
        f"{one.call_us:.1f}",
        f"{one.call_us_p99:.1f}",
        f"{one.changed:.2f}",
        f"{one.changed / one.read:.2f}",
        f"{one.bytes / 1e6:.1f}",
        f"{one.bytes / one.numbers:.0f}",
    )


@click.command()
@click.option("--quick", is_flag=True, help="The smallest size alone; docs/ is left alone.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON; docs/ is left alone.")
def engine_speed(quick: bool, as_json: bool) -> None:
    """Compile thousands of schemes, decide 100,000 calls, change one scheme, weigh the book."""
    sizes = []
    for schemes, numbers in SIZES[:1] if quick else SIZES:
        sizes.append(grown(schemes, numbers, 1000 if quick else CALLS))
        click.echo(f"{schemes:,} schemes are done", err=True)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in sizes], indent=1))
        return
    click.echo(table(sizes))
    if not quick:
        circumstances = (
            f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {machine()}, Python {platform.python_version()}."
        )
        report.write(PAGE, "engine", f"{circumstances}\n\n{table(sizes)}")

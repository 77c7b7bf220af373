"""``python -m benchmarks outbox``: how fast messages go, how claiming grows, what calls feel of it."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ari_app.lab.errors import LabError
from benchmarks import outbox_calls, outbox_growth, outbox_report, outbox_throughput, report
from benchmarks.outbox_places import KINDS, Kind
from benchmarks.outbox_summary import OutboxSummary, grown, together
from benchmarks.processes import busy_share, machine

DOCS = Path(__file__).resolve().parents[1] / "docs"
PARTS = ("throughput", "growth", "calls")
PROCESSES = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Plan:
    """``messages`` through the outbox; ``sizes`` of history and queue with so many ``claims`` each; and live calls."""

    messages: int
    sizes: Sequence[tuple[int, int]]
    claims: int
    calls: outbox_calls.Plan


FULL = Plan(
    messages=500,
    sizes=((1_000, 0), (10_000, 0), (100_000, 0), (1_000_000, 0), (1_000_000, 100_000)),
    claims=30,
    calls=outbox_calls.Plan(queued=100_000, seconds=8, rounds=5),
)
QUICK = Plan(100, ((10_000, 0),), 5, outbox_calls.Plan(1_000, 3, 1))


@click.command("outbox")
@click.option("--quick", is_flag=True, help="A smoke test of a minute; docs/ is left alone.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="This part alone; may be given again.")
@click.option("--kind", type=click.Choice(KINDS), help="This database alone.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON; docs/ is left alone.")
def outbox(quick: bool, only: tuple[str, ...], kind: Kind | None, as_json: bool) -> None:
    """Messages a second through the outbox, how claiming grows with the history, and live calls beside 100,000 queued.

    Everything is of its own: databases, a local gateway, Asterisk. ASTERISK, SIP_PORT, HTTP_PORT and RTP_START are as
    for the demo.
    """
    whole = not (quick or only or kind or as_json)
    try:
        summary = measure(QUICK if quick else FULL, only or PARTS, (kind,) if kind else KINDS)
    except LabError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(summary), indent=1, default=sorted))
        return
    for text in outbox_report.sections(summary).values():
        click.echo(f"\n{text}")
    if whole:
        keep(summary, FULL)


def measure(plan: Plan, parts: Sequence[str], kinds: Sequence[Kind]) -> OutboxSummary:
    """Run the parts on the databases. Raises LabError."""
    load = busy_share()
    if load > 0.5:
        click.echo(f"This machine is busy with other work (load {load:.1f} a processor): read the ratios.", err=True)
    runs: list[outbox_throughput.Throughput] = []
    sizes: list[outbox_growth.Size] = []
    rounds: list[outbox_calls.Round] = []
    for kind in kinds:
        if "throughput" in parts:
            for processes in PROCESSES:
                runs.append(outbox_throughput.run(kind, processes, plan.messages))
                click.echo(f"{kind}: {processes} processes send {runs[-1].rate:.0f} messages/s", err=True)
        if "growth" in parts:
            for size in outbox_growth.run(kind, plan.sizes, plan.claims):
                sizes.append(size)
                click.echo(f"{kind}: {size.rows:,} rows of history are done", err=True)
        if "calls" in parts:
            for one in outbox_calls.run(kind, plan.calls):
                rounds.append(one)
                click.echo(f"{kind}: {one.whole}/{one.begun} calls whole beside {one.beside}", err=True)
    return OutboxSummary(tuple(runs), tuple(grown(size) for size in sizes), together(rounds))


def keep(summary: OutboxSummary, plan: Plan) -> None:
    """Write the page and its plot."""
    page = DOCS / "benchmarks-outbox.md"
    calls = plan.calls
    circumstances = (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {machine()}, Python {platform.python_version()}; load of the"
        f" last 15 minutes at the end {os.getloadavg()[2]:.1f}, this run's own among it. {plan.messages} messages for"
        f" each number of processes, {plan.claims} claims for each history, {calls.rounds} rounds of"
        f" {calls.seconds:g} s of calls each way, in turn, with {calls.queued:,} queued."
    )
    for section, text in {"circumstances": circumstances, **outbox_report.sections(summary)}.items():
        report.write(page, section, text)
    outbox_report.plot(summary, DOCS / "benchmarks-outbox.svg")

"""``python -m benchmarks``: the command."""

from __future__ import annotations

import dataclasses
import datetime
import json
import platform
import sys
from pathlib import Path

import click

from ari_app.lab.errors import LabError
from benchmarks import memory, report
from benchmarks.engine import engine_speed
from benchmarks.outbox import outbox
from benchmarks.processes import busy_share, machine
from benchmarks.rounds import Plan, Round, run
from benchmarks.site import site
from benchmarks.summary import Summary, summarise

DOCS = Path(__file__).resolve().parents[1] / "docs"
RATES = (20, 50, 80, 100, 150, 200, 250, 300, 350, 400)


def _rates(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        rates = tuple(sorted({int(part) for part in value.split(",")}))
    except ValueError:
        raise click.BadParameter("give whole calls a second with commas between: 20,50,100") from None
    if rates[0] < 1:
        raise click.BadParameter("a rate is 1 call a second or more")
    return rates


@click.group(invoke_without_command=True)
@click.option("--quick", is_flag=True, help="A smoke test of a minute; docs/ is left alone.")
@click.option("--rates", callback=_rates, help="Calls a second, ascending: 20,50,100.")
@click.option("--seconds", type=click.FloatRange(min=1), help="How long each round of a rate lasts.")
@click.option("--rounds", type=click.IntRange(min=1, max=20), help="How often each rate is run each way.")
@click.option("--database", metavar="URL", help="An empty database, as in ARI_APP_DATABASE_URL; SQLite by default.")
@click.option("--memory", "watch_memory", is_flag=True, help="Resident memory over 10,000 calls instead.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON; docs/ is left alone.")
@click.pass_context
def main(  # noqa: PLR0917 - click passes them by name
    context: click.Context,
    quick: bool,
    rates: tuple[int, ...] | None,
    seconds: float | None,
    rounds: int | None,
    database: str | None,
    watch_memory: bool,
    as_json: bool,
) -> None:
    """Compare Asterisk's own Dial() with this controller on one Asterisk, or watch their memory. Without options the
    outbox is measured as well."""
    if context.invoked_subcommand:
        return
    plan = Plan(rates or ((10, 50) if quick else RATES), seconds or (3 if quick else 8), rounds or (1 if quick else 2))
    if busy_share() > 0.5:
        click.echo("This machine is busy with other work: read the ratios, and not the times.", err=True)
    try:
        if watch_memory:
            _memory(database, quick, as_json)
        else:
            _compare(database, plan, keep=not (quick or as_json or rates), as_json=as_json)
    except LabError as error:
        raise click.ClickException(str(error)) from None
    if not any(context.params.values()):
        context.invoke(outbox)


def _compare(database: str | None, plan: Plan, *, keep: bool, as_json: bool) -> None:
    with site(database) as here:
        summary = summarise(run(here, plan, _tell))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(summary), indent=1))
    else:
        click.echo(f"\n{report.table(summary)}\n\n{report.verdict(summary)}")
    if keep:
        text = "\n\n".join((_circumstances(plan, database), report.table(summary), report.verdict(summary)))
        report.write(DOCS / "benchmarks.md", "comparison", text)
        report.plot(summary, DOCS / "benchmarks.svg")
    _require_whole(summary, plan)


def _require_whole(summary: Summary, plan: Plan) -> None:
    """The lowest rate is one that any machine holds; lost calls there are a fault, not a limit."""
    lost = [row for row in summary.rows if row.rate == plan.rates[0] and row.success < 0.999]
    if lost:
        click.echo(f"calls were lost at {plan.rates[0]}/s already: see the table", err=True)
        sys.exit(1)


def _memory(database: str | None, quick: bool, as_json: bool) -> None:
    with site(database) as here:
        calls, warm_up = (memory.EVERY, 200) if quick else (memory.CALLS, memory.WARM_UP)
        samples = memory.run(here, calls, _tell_sample, warm_up)
    click.echo(json.dumps([dataclasses.asdict(one) for one in samples]) if as_json else memory.table(samples))
    if not (quick or as_json):
        report.write(DOCS / "benchmarks.md", "memory", memory.table(samples))


def _circumstances(plan: Plan, database: str | None) -> str:
    kept = "PostgreSQL" if database and database.startswith("postgresql") else "SQLite"
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {machine()}, Python {platform.python_version()}, {kept}; "
        f"{plan.rounds} rounds of {plan.seconds:g} s for each rate and way, in turn."
    )


def _tell(one: Round) -> None:
    cpu = one.asterisk_cpu + (one.controller_cpu if one.way == "ours" else 0)
    what = f"{one.rate:4d}/s {one.way:6s} {one.whole}/{one.begun} whole, {cpu / one.begun * 1000:.2f} ms CPU a call"
    click.echo(what, err=True)


def _tell_sample(one: memory.Sample) -> None:
    click.echo(f"{one.calls:6d} calls: controller {one.controller:.1f} MiB, Asterisk {one.asterisk:.1f} MiB", err=True)


main.add_command(outbox)
main.add_command(engine_speed, "engine")

if __name__ == "__main__":
    main(prog_name="python -m benchmarks")

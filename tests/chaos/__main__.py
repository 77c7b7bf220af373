"""``python -m tests.chaos``: the command behind ``make chaos``."""

from __future__ import annotations

import datetime
import platform
import random
import shutil
import sys
import tempfile
from pathlib import Path

import click

from ari_app.lab.ending import end_on_signals, end_stragglers
from ari_app.lab.errors import LabError
from benchmarks.processes import machine
from benchmarks.report import write
from tests.chaos import report
from tests.chaos.faults import Part
from tests.chaos.run import Outcome, Plan, run

DOCS = Path(__file__).resolve().parents[2] / "docs"
LONG = 500
"""A run of so many kills of every part is published."""


def _parts(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[Part, ...]:
    try:
        return tuple(Part(name.strip()) for name in value.split(",")) if value else tuple(Part)
    except ValueError:
        raise click.BadParameter(f"give some of {', '.join(Part)}, with commas between") from None


@click.command()
@click.option("--seed", type=int, help="What breaks when; another each time, and printed, unless it is given.")
@click.option(
    "--kills", type=click.IntRange(min=1), default=20, show_default=True, help="Freezes come on top: a third."
)
@click.option("--rate", type=click.FloatRange(min=0.5, max=50), default=5.0, show_default=True, help="Calls a second.")
@click.option("--gap", type=click.FloatRange(min=0.1), default=1.5, show_default=True, help="Seconds between strikes.")
@click.option("--only", callback=_parts, metavar="PARTS", help=f"Break these alone: {', '.join(Part)}.")
@click.option("--database", type=click.Choice(["postgresql", "sqlite"]), default="postgresql", show_default=True)
@click.option("--hurried", is_flag=True, help="Do not wait until messages that a dead sender had in hand are sent.")
@click.option("--keep", is_flag=True, help="Leave the folder with all logs.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def main(  # noqa: PLR0917 - click passes them by name
    seed: int | None,
    kills: int,
    rate: float,
    gap: float,
    only: tuple[Part, ...],
    database: str,
    hurried: bool,
    keep: bool,
    as_json: bool,
) -> None:
    """Place calls while everything they stand on is killed, frozen and cut; then account for every call.

    Exit status 0: every rule held.
    """
    plan = Plan(
        random.randrange(1_000_000) if seed is None else seed, kills, rate, gap, only, database == "sqlite", hurried
    )
    click.echo(f"seed {plan.seed}", err=True)
    end_on_signals()
    folder = Path(tempfile.mkdtemp(prefix="ari-app-chaos-"))
    folder.chmod(0o711)  # an installed Asterisk runs as a user of its own, who must pass
    try:
        outcome = run(plan, folder, lambda line: click.echo(line, err=True))
    except LabError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.Abort from None
    finally:
        end_stragglers()
        if keep:
            click.echo(f"logs: {folder}", err=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    click.echo(report.as_json(outcome) if as_json else f"{_circumstances(outcome)}\n\n{report.table(outcome)}")
    if not outcome.findings and kills >= LONG and set(only) == set(Part):
        write(DOCS / "chaos.md", "chaos", f"{_circumstances(outcome)}\n\n{report.table(outcome)}")
    click.echo(f"\n{report.failures(outcome)}\n\nAgain: {report.repeat(outcome)}", err=True)
    sys.exit(1 if outcome.findings else 0)


def _circumstances(outcome: Outcome) -> str:
    plan = outcome.plan
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {machine()}, Python {platform.python_version()}, "
        f"{'SQLite' if plan.sqlite else 'PostgreSQL'}; {plan.rate:g} calls/s for {outcome.seconds:.0f} s; "
        f"`{report.repeat(outcome)}`"
    )


if __name__ == "__main__":
    main(prog_name="python -m tests.chaos")

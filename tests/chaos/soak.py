"""``python -m tests.chaos.soak``: hours of calls with nothing broken, and whether anything grows meanwhile."""

from __future__ import annotations

import datetime
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import requests

from ari_app.lab.ending import end_on_signals, end_stragglers
from ari_app.lab.errors import LabError
from benchmarks.processes import machine, open_files, resident_bytes, threads
from benchmarks.report import write
from tests.chaos.crowd import Crowd
from tests.chaos.faults import Part
from tests.chaos.soak_plot import plot
from tests.chaos.town import Town, town
from tests.monitoring.scraping import Scrape

DOCS = Path(__file__).resolve().parents[2] / "docs"
MOST_DRIFT = 0.05
"""Between the first and the last quarter of what comes after the warm-up."""
WARM_UP = 0.1
"""That part of a run is not judged."""
SAMPLES = 120
LONG_MINUTES = 20
"""A run of at least so long is published."""
_TABLES = ("calls", "call_events", "legs", "voicemail_messages", "messages", "message_events")


@dataclass(frozen=True, slots=True)
class Sample:
    """What there was after so many seconds; of each measure its value."""

    seconds: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Drift:
    """The mean of a measure in the first and in the last quarter."""

    measure: str
    first: float
    last: float

    @property
    def share(self) -> float:
        """By which part it has grown."""
        return (self.last - self.first) / self.first if self.first else float(self.last > 0)


def sample(there: Town, seconds: float) -> Sample:
    """Look at every process, the tables and the spool."""
    pids = {part.value: program.controller.pid for part, program in there.programs.items()}
    values: dict[str, float] = {}
    for name, pid in {**pids, "asterisk": there.house.asterisk.pid or 0}.items():
        with suppress(OSError):
            values[f"{name}, resident MiB"] = resident_bytes(pid) / 2**20
            values[f"{name}, open files"] = open_files(pid)
            values[f"{name}, threads"] = threads(pid)
    for part in (Part.CONTROLLER, Part.FASTAGI):
        with suppress(requests.RequestException):
            values[f"{part}, tasks"] = _metrics(there, part).value("ari_app_event_loop_tasks")
    rows = {name: there.house.database.rows(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in ("calls",)}
    values["calls"] = rows["calls"]
    for name in _TABLES:
        size = there.house.database.rows("SELECT pg_total_relation_size(?::regclass) AS n", name)[0]["n"]
        values[f"table {name}, bytes"] = size
    values["spool, bytes"] = sum(path.stat().st_size for path in there.spool if path.exists())
    return Sample(seconds, values)


def _metrics(there: Town, part: Part) -> Scrape:
    port = there.house.controller.setting("monitor_port" if part is Part.CONTROLLER else "agi_monitor_port")
    return Scrape.read(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text)


def drifts(samples: Sequence[Sample]) -> list[Drift]:
    """Every measure's, after the warm-up; tables by what a call adds to them."""
    whole = samples[-1].seconds
    judged = [one for one in samples if one.seconds >= WARM_UP * whole]
    quarter = max(1, len(judged) // 4)
    first, last = judged[:quarter], judged[-quarter:]
    measures = [name for name in samples[-1].values if name != "calls" and not name.startswith("table ")]
    found = [Drift(name, _mean(first, name), _mean(last, name)) for name in measures]
    tables = [name for name in samples[-1].values if name.startswith("table ")]
    return found + [Drift(f"{name} a call", _a_call(first, name), _a_call(last, name)) for name in tables]


def _mean(samples: Sequence[Sample], measure: str) -> float:
    return statistics.fmean(one.values[measure] for one in samples if measure in one.values)


def _a_call(samples: Sequence[Sample], table: str) -> float:
    """By how many bytes a table has grown for each call (least squares)."""
    calls = [one.values["calls"] for one in samples]
    if len(set(calls)) < 2:
        return 0.0
    return statistics.linear_regression(calls, [one.values[table] for one in samples]).slope


def run(minutes: float, rate: float, folder: Path, tell: Callable[[str], None]) -> list[Sample]:
    """Place calls for so long, and look again and again."""
    seconds = minutes * 60
    samples: list[Sample] = []
    with town(folder) as there:
        crowd = Crowd(there, folder / "crowd", rate, seconds, traced=False)
        try:
            crowd.begin()
            began = time.monotonic()
            for at in _moments(seconds):
                time.sleep(max(0.0, began + at - time.monotonic()))
                samples.append(sample(there, time.monotonic() - began))
                if len(samples) % 10 == 0:
                    tell(f"{at / 60:5.1f} min: {samples[-1].values['calls']:.0f} calls")
            crowd.over()
        finally:
            crowd.end()
    return samples


def _moments(seconds: float) -> Iterator[float]:
    """Moments to look at, in seconds after the first call."""
    yield from (seconds * number / SAMPLES for number in range(1, SAMPLES + 1))


def table(samples: Sequence[Sample]) -> str:
    """Every measure's drift in Markdown."""
    lines = ["| measure | first quarter | last quarter | drift | kept |", "|---|---:|---:|---:|---|"]
    for one in drifts(samples):
        kept = "yes" if one.share <= MOST_DRIFT else "NO"
        lines.append(f"| {one.measure} | {one.first:.1f} | {one.last:.1f} | {one.share * 100:+.1f} % | {kept} |")
    return "\n".join(lines)


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0.5), default=60.0, show_default=True)
@click.option(
    "--rate", type=click.FloatRange(min=0.5, max=100), default=25.0, show_default=True, help="Calls a second."
)
def main(minutes: float, rate: float) -> None:
    """Place calls for a long time and see whether memory, files, tasks or tables grow; exit 0: by 5 % at most."""
    folder = Path(tempfile.mkdtemp(prefix="ari-app-soak-"))
    folder.chmod(0o711)
    end_on_signals()
    try:
        samples = run(minutes, rate, folder, lambda line: click.echo(line, err=True))
    except LabError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.Abort from None
    finally:
        end_stragglers()
        shutil.rmtree(folder, ignore_errors=True)
    calls = samples[-1].values["calls"]
    told = (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {machine()}, Python {platform.python_version()}, PostgreSQL; "
        f"{minutes:g} minutes at {rate:g} calls/s, {calls:.0f} calls.\n\n{table(samples)}"
    )
    click.echo(told)
    if minutes >= LONG_MINUTES:
        write(DOCS / "chaos.md", "soak", told)
        plot(samples, DOCS / "soak.svg")
    sys.exit(int(any(one.share > MOST_DRIFT for one in drifts(samples))))


if __name__ == "__main__":
    main(prog_name="python -m tests.chaos.soak")

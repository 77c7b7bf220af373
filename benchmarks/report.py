"""What was measured, as a table for the terminal and for docs/benchmarks.md, and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from benchmarks.site import Way
from benchmarks.summary import Row, Summary

mpl.use("svg")
from matplotlib import pyplot as plt

BEGIN, END = "<!-- measured: {} -->", "<!-- end of measured: {} -->"
_COLOURS: dict[Way, str] = {"native": "#777777", "ours": "#1f6fb4"}
_NAMES: dict[Way, str] = {"native": "native Dial()", "ours": "ari-app"}
_COLUMNS = ("calls/s", "way", "calls", "success", "set-up median", "p95", "p99", "Asterisk", "controller", "CPU ratio")


def table(summary: Summary) -> str:
    """Rates and ways in Markdown. Set-up in ms, CPU in ms a call."""
    ratios = {pair.ours.rate: pair.cpu_ratio for pair in summary.pairs()}
    lines = [_line(_COLUMNS), _line(["---:", "---", *["---:"] * 8])]
    lines += [_line(_cells(row, ratios.get(row.rate) if row.way == "ours" else None)) for row in summary.rows]
    return "\n".join(lines)


def verdict(summary: Summary) -> str:
    """The highest rates and the floor, in Markdown."""
    highest = summary.highest
    lines = [
        f"Highest rate with 99.9 % success: native {highest['native']}/s, ari-app {highest['ours']}/s "
        f"({summary.rate_ratio:.2f} of native's).",
        "",
        _line(("floor", "measured", "limit", "kept")),
        _line(("---", "---:", "---:", "---")),
    ]
    for one in summary.floor():
        limit = f"{one.sense} {one.limit:g}"
        lines.append(_line((one.what, f"{one.value:.2f}", limit, "yes" if one.kept else "NO")))
    return "\n".join(lines)


def write(page: Path, section: str, text: str) -> None:
    """Replace what was measured before, in a page whose words around it are kept."""
    begin, end = BEGIN.format(section), END.format(section)
    before, found, rest = page.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{page} has lost its lines {begin} and {end}: put them back where the numbers belong")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def plot(summary: Summary, target: Path) -> None:
    """Set-up time and CPU a call over the rate, both ways."""
    figure, (setup, cpu) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for way in ("native", "ours"):
        rows = [row for row in summary.rows if row.way == way and row.success > 0.99]
        rates, colour = [row.rate for row in rows], _COLOURS[way]
        setup.plot(
            rates, [row.median for row in rows], color=colour, marker="o", markersize=3, label=f"{_NAMES[way]}, median"
        )
        setup.plot(rates, [row.p95 for row in rows], color=colour, linestyle=":", label=f"{_NAMES[way]}, p95")
        cpu.plot(rates, [row.cpu for row in rows], color=colour, marker="o", markersize=3, label=_NAMES[way])
    ours = [row for row in summary.rows if row.way == "ours" and row.success > 0.99]
    cpu.plot(
        [row.rate for row in ours],
        [row.asterisk for row in ours],
        color=_COLOURS["ours"],
        linestyle=":",
        label="ari-app, Asterisk's part",
    )
    setup.set(xlabel="calls a second", ylabel="INVITE to 200, ms", yscale="log", title="Set-up time")
    cpu.set(xlabel="calls a second", ylabel="ms a call", ylim=(0, None), title="CPU a call")
    for axes in (setup, cpu):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def _cells(row: Row, ratio: float | None) -> Sequence[str]:
    return (
        str(row.rate),
        _NAMES[row.way],
        str(row.calls),
        f"{row.success * 100:.2f} %",
        *(f"{value:.1f}" for value in (row.median, row.p95, row.p99)),
        f"{row.asterisk:.2f}",
        f"{row.controller:.2f}" if row.way == "ours" else "",
        "" if ratio is None else f"{ratio:.2f}",
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

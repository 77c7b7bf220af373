"""What was measured of the outbox, as tables for the terminal and docs/benchmarks-outbox.md, and as a plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl

from benchmarks.outbox_places import KINDS, Kind
from benchmarks.outbox_plans import told
from benchmarks.outbox_summary import GrowthRow, OutboxSummary, Quantiles

mpl.use("svg")
from matplotlib import pyplot as plt

_COLOURS: dict[Kind, str] = {"SQLite": "#1f6fb4", "PostgreSQL": "#b4651f"}
_BESIDE = {"nothing": "alone", "queue": "beside the queue"}


def throughput(summary: OutboxSummary) -> str:
    """Messages a second, by database and processes."""
    alone = {row.kind: row.rate for row in summary.throughput if row.processes == 1}
    return _table(
        ("database", "processes", "messages", "messages/s", "times one process", "sender CPU, ms a message"),
        (
            (
                row.kind,
                str(row.processes),
                str(row.messages),
                f"{row.rate:.0f}",
                f"{row.rate / alone[row.kind]:.2f}" if row.kind in alone else "",
                f"{row.cpu:.1f}",
            )
            for row in summary.throughput
        ),
    )


def growth(summary: OutboxSummary) -> str:
    """Claim, gate and settling by length of history, in ms, and what the longest history's plans go by."""
    steps = ("claim of 50", "gate", "settling")
    columns = [column for step in steps for column in (f"{step}, median", "p95", "ratio")]
    lines = [_table(("database", "history", "queued", *columns), (_grown(row) for row in summary.growth))]
    for kind in KINDS:
        if rows := [row for row in summary.growth if row.kind == kind]:
            last = max(rows, key=lambda row: (row.rows, row.queued))
            lines.append(f"\nBy `EXPLAIN`, {kind} at {last.rows:,} and {last.queued:,} reads: {told(last.plan)}.")
    return "\n".join(lines)


def calls(summary: OutboxSummary) -> str:
    """Set-up of calls alone and beside the queue, in ms."""
    alone = {row.kind: row.usual_p95 for row in summary.calls if row.beside == "nothing"}
    setup = ("set-up median", "p95", "usual p95", "ratio")
    return _table(
        ("database", "20 calls/s", "calls", "success", *setup, "sent/s", "sender"),
        (
            (
                row.kind,
                _BESIDE[row.beside],
                str(row.calls),
                f"{row.success * 100:.2f} %",
                f"{row.setup.median:.1f}",
                f"{row.setup.p95:.1f}",
                f"{row.usual_p95:.1f}",
                f"{row.usual_p95 / alone[row.kind]:.2f}" if row.kind in alone else "",
                f"{row.sent:.1f}" if row.sent else "",
                f"{row.sender * 100:.0f} %" if row.sent else "",
            )
            for row in summary.calls
        ),
    )


def verdict(summary: OutboxSummary) -> str:
    """The limits, and whether they are kept."""
    return _table(
        ("limit", "measured", "at most", "kept"),
        ((one.what, f"{one.value:.2f}", f"{one.limit:g}", "yes" if one.kept else "NO") for one in summary.kept()),
    )


def sections(summary: OutboxSummary) -> dict[str, str]:
    """What there is to tell, by the section of the page that it goes into."""
    found = {
        "throughput": throughput(summary) if summary.throughput else "",
        "growth": growth(summary) if summary.growth else "",
        "calls": calls(summary) if summary.calls else "",
        "limits": verdict(summary) if summary.kept() else "",
    }
    return {name: text for name, text in found.items() if text}


def plot(summary: OutboxSummary, target: Path) -> None:
    """Messages a second by processes, ratios by length of history, set-up beside the queue."""
    figure, (through, grown, beside) = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    for kind in KINDS:
        colour = _COLOURS[kind]
        runs = [row for row in summary.throughput if row.kind == kind]
        through.plot([row.processes for row in runs], [row.rate for row in runs], color=colour, marker="o", label=kind)
        fewest = min((row.queued for row in summary.growth), default=0)
        sizes = [row for row in summary.growth if row.kind == kind and row.queued == fewest]
        for step, (name, line) in enumerate((("claim of 50", "-"), ("gate", "--"))):
            ratios = [row.ratios[step] for row in sizes]
            grown.plot([row.rows for row in sizes], ratios, line, color=colour, marker="o", label=f"{kind}, {name}")
    for place, row in enumerate(summary.calls):
        alpha = 0.4 if row.beside == "nothing" else 1.0
        beside.bar(place, row.usual_p95, color=_COLOURS[row.kind], alpha=alpha)
    names = [f"{row.kind}\n{'alone' if row.beside == 'nothing' else 'queue'}" for row in summary.calls]
    beside.set_xticks(range(len(names)), names, fontsize=7)
    through.set(xlabel="sending processes", ylabel="messages a second", ylim=(0, None), title="Throughput")
    grown.set(xlabel="rows of history", ylabel="median, times that at 1,000", xscale="log", ylim=(0, 2), title="Growth")
    beside.set(ylabel="usual p95 of INVITE to 200, ms", title="20 calls/s beside the queue")
    for axes in (through, grown, beside):
        axes.grid(alpha=0.3)
    for axes in (through, grown):
        axes.legend(fontsize=7)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def _grown(row: GrowthRow) -> Sequence[str]:
    cells = [cell for times, ratio in zip(row.times, row.ratios, strict=True) for cell in _cells(times, ratio)]
    return (row.kind, f"{row.rows:,}", f"{row.queued:,}", *cells)


def _cells(times: Quantiles, ratio: float) -> tuple[str, str, str]:
    return f"{times.median:.1f}", f"{times.p95:.1f}", f"{ratio:.2f}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = list(rows)
    words = [all(not row[at][:1].isdigit() for row in cells) for at in range(len(columns))]
    rule = ["---" if word else "---:" for word in words]
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, rule, *cells))

"""docs/engineer.md names every metric there is, and says what it means."""

from __future__ import annotations

import re

from ari_app.monitoring.catalogue import METRICS
from tests.docs.documents import REPOSITORY, between

ENGINEER = REPOSITORY / "docs" / "engineer.md"


def metrics_table() -> str:
    """The table as it should be."""
    had_by: dict[str, list[str]] = {}
    for process, metrics in METRICS.items():
        for metric in metrics:
            had_by.setdefault(metric.name, []).append(process)
    known = {metric.name: metric for metrics in METRICS.values() for metric in metrics}
    rows = [
        f"| `{name}` | {known[name].kind} | {', '.join(f'`{label}`' for label in known[name].labels)} | "
        f"{', '.join(processes)} | {known[name].meaning} |"
        for name, processes in had_by.items()
    ]
    return "\n".join(["| metric | kind | labels | of | meaning |", "|---|---|---|---|---|", *rows])


def test_the_table_of_metrics_is_that_of_the_program() -> None:
    assert between(ENGINEER, "metrics") == metrics_table(), f"docs/engineer.md should have:\n\n{metrics_table()}"


def test_metrics_that_documents_name_are_there() -> None:
    known = {metric.name for metrics in METRICS.values() for metric in metrics}
    named = set(re.findall(r"\bari_app_[a-z_]+\b", ENGINEER.read_text().replace(metrics_table(), "")))
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} <= known

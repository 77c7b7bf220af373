"""The pytest plugin behind ``make promises``: which test shows which promise, and how it came out."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from tests.promises import PROMISES, RESULTS, State, read_promises, worst

_MARKERS = {
    "promise": 'promise("CAL-01", ...): ids of docs/promises.md that this test shows to be kept',
    "fault": 'fault("12", ...): numbers of the faults in docs/promises.md that this test shows to be survived',
}


class Recorder:
    """Takes down the marked tests of one run and adds them to what earlier runs have left in ``results``."""

    def __init__(self, promises: Path, results: Path) -> None:
        self._known = {promise.id for promise in read_promises(promises.read_text(encoding="utf-8"))}
        self._results = results
        self._shows: dict[str, list[str]] = {}
        self._states: dict[str, list[State]] = {}
        self._files_collected: set[str] = set()

    @pytest.hookimpl(tryfirst=True)  # before -k and -m take tests away
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        unknown = []
        for item in items:
            ids = promised_by(item)
            unknown += [f"{one!r} on {item.nodeid}" for one in ids if one not in self._known]
            if ids:
                self._shows[item.nodeid] = ids
        if not any("::" in argument for argument in config.args):
            self._files_collected = {item.nodeid.partition("::")[0] for item in items}
        if unknown:
            raise pytest.UsageError(f"not a row of docs/promises.md: {', '.join(unknown)}; add the row or mend the id")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid in self._shows and (report.when == "call" or report.outcome != "passed"):
            self._states.setdefault(report.nodeid, []).append(State(report.outcome))

    def pytest_sessionfinish(self) -> None:
        if self._shows:
            self._merge()

    def _merge(self) -> None:
        """Add this run to the file; what has been collected anew but is there no more is forgotten."""
        with self._results.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # several tiers may run at once
            file.seek(0)
            text = file.read()
            before: dict[str, dict[str, object]] = json.loads(text)["tests"] if text else {}
            merged = {node: result for node, result in before.items() if self._still_there(node)}
            for node, ids in self._shows.items():
                last = State(str(before[node]["state"])) if node in before else State.NOT_RUN
                state = worst(self._states[node]) if node in self._states else last
                merged[node] = {"promises": ids, "state": state.value}
            file.truncate(0)
            json.dump({"tests": dict(sorted(merged.items()))}, file, indent=1)

    def _still_there(self, node: str) -> bool:
        path = node.partition("::")[0]
        return path not in self._files_collected and (self._results.parent / path).exists()


def promised_by(item: pytest.Item) -> list[str]:
    """The ids of promises and faults that an item is marked with."""
    return sorted({str(one) for name in _MARKERS for marker in item.iter_markers(name) for one in marker.args})


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known and begin to record."""
    for line in _MARKERS.values():
        config.addinivalue_line("markers", line)
    if not config.option.collectonly:
        config.pluginmanager.register(Recorder(PROMISES, RESULTS), "promise-recorder")

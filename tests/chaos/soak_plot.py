"""Draws what a soak has seen: memory, files, threads and tasks over time, and the tables over calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt


class Looked(Protocol):
    """A moment that was looked at."""

    @property
    def seconds(self) -> float:
        """After so many seconds."""

    @property
    def values(self) -> Mapping[str, float]:
        """Each measure's value."""


def plot(samples: Sequence[Looked], target: Path) -> None:
    """Four panels in one SVG."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 6.4), layout="constrained")
    memory, files, turns, tables = axes.flat
    minutes = [one.seconds / 60 for one in samples]
    for axis, ending in ((memory, ", resident MiB"), (files, ", open files"), (turns, ", threads"), (turns, ", tasks")):
        for name in (name for name in samples[-1].values if name.endswith(ending)):
            label = name.removesuffix(ending) if axis is not turns else name
            axis.plot(minutes, [one.values.get(name) for one in samples], linewidth=1, label=label)
    calls = [one.values["calls"] / 1000 for one in samples]
    for name in (name for name in samples[-1].values if name.startswith("table ")):
        sizes = [one.values[name] / 2**20 for one in samples]
        tables.plot(calls, sizes, linewidth=1, label=name.removeprefix("table ").removesuffix(", bytes"))
    memory.set(title="Resident memory", ylabel="MiB", yscale="log")
    files.set(title="Open files")
    turns.set(title="Threads and tasks")
    tables.set(title="Tables", ylabel="MiB", xlabel="thousand calls")
    for axis in (memory, files, turns):
        axis.set(xlabel="minutes")
    for axis in axes.flat:
        axis.grid(alpha=0.3)
        axis.legend(fontsize=6)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)

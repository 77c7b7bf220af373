"""What a check of the doctor finds, and how checks build on one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ari_app.cli.asterisk import AsteriskAri
from ari_app.settings import Settings
from ari_app.storage.book import Reading


class State(StrEnum):
    """``FAULT`` keeps calls from being served as configured, ``WARNING`` may; ``SKIPPED`` could not be told."""

    FINE = "fine"
    WARNING = "warning"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``mend`` says what to do about it and is empty when nothing is."""

    state: State
    text: str
    mend: str = ""


def fine(text: str) -> Finding:
    """All is well."""
    return Finding(State.FINE, text)


def warning(text: str, mend: str) -> Finding:
    """Calls are served, but."""
    return Finding(State.WARNING, text, mend)


def fault(text: str, mend: str) -> Finding:
    """Calls are not served as configured."""
    return Finding(State.FAULT, text, mend)


def skipped(text: str) -> Finding:
    """Not to be told until something else is mended."""
    return Finding(State.SKIPPED, text)


@dataclass(slots=True)
class Patient:
    """What is examined; checks leave here what later ones need, and find None where an earlier one failed."""

    env_file: Path | None = None
    settings: Settings | None = None
    reading: Reading | None = None
    ari: AsteriskAri | None = None
    modules: frozenset[str] = field(default_factory=frozenset)
    ari_clock: float | None = None
    """How far Asterisk's clock is before ours, in seconds."""


Examine = Callable[[Patient], Finding]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report."""

    name: str
    about: str
    examine: Examine

"""A real test call beside its simulation, as commands show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from ari_app import simulation
from ari_app.cli import site
from ari_app.cli.screen import clean, table
from ari_app.cli.timeline import Moment
from ari_app.conformance import ActedLine, Pair, acted, compared
from ari_app.core.timeline import Entry, Kind
from ari_app.ports import CallOpened
from ari_app.ring_turns import RingTurns
from ari_app.scripted_managers import ManagersOfACall
from ari_app.settings import Settings
from ari_app.storage.book import Reading, load_book
from ari_app.storage.history import CallHistory
from ari_app.storage.ring_rows import known_turns

_KINDS = {kind.value for kind in Kind}


@dataclass(frozen=True, slots=True)
class Setting:
    """What the next call will be handled with: the configuration, and whose turn it is."""

    settings: Settings
    reading: Reading
    turns: RingTurns

    @classmethod
    def now(cls, settings: Settings) -> Setting:
        """As the database has it. Raises Failed."""
        with site.reading(settings) as connection:
            reading = load_book(connection, settings.dial_policy, settings.default_greeting)
            return cls(settings, reading, known_turns(connection))

    def beside(self, real: CallHistory) -> tuple[Pair, ...]:
        """The call beside its simulation, in which its legs and its caller do what they did."""
        timeline = [event.as_entry() for event in real.events if event.kind in _KINDS]
        return compared(timeline, self._simulated(real, timeline))

    def _simulated(self, real: CallHistory, timeline: Sequence[Entry]) -> tuple[Entry, ...]:
        call, settings = real.call, self.settings
        done = acted(timeline)
        result = simulation.simulate(
            CallOpened(call.id, call.arrived_at, call.caller, call.caller_raw, call.dialled, call.dialled_raw),
            self.reading.book,
            settings.default_steps,
            max_call_seconds=settings.max_call_seconds,
            messages=self.reading.messages,
            deployment=settings.deployment,
            turns=self.turns,
            managers=ManagersOfACall(timeline),
            on=lambda: ActedLine(done),
        )
        return result.timeline


def differences(pairs: Sequence[Pair]) -> list[Pair]:
    """Those that only one of the two has."""
    return [pair for pair in pairs if pair.differs]


def print_beside(console: Console, pairs: Sequence[Pair]) -> None:
    """Both timelines in one table, each with its own seconds; what differs is named."""
    shown = table("real", "simulated", "", right=("real", "simulated"))
    for pair in pairs:
        style = "bold red" if pair.differs else ""
        what = clean(Moment.of(pair.entry).sentence, style)
        if pair.differs:
            what.append("   only in the simulation" if pair.real is None else "   only in the real call", "bold red")
        shown.add_row(_seconds(pair.real), _seconds(pair.simulated), what)
    console.print(shown)


def _seconds(entry: Entry | None) -> str:
    return "-" if entry is None else f"{entry.at_ms / 1000:.2f} s"


def told(pairs: Sequence[Pair]) -> str:
    """The result in a sentence."""
    count = len(differences(pairs))
    if not count:
        return f"the call went as its simulation: {len(pairs)} entries, none differs"
    return f"the call went otherwise than its simulation: {count} of {len(pairs)} entries differ"


def pairs_json(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """What ``--json`` promises of each entry."""
    return [
        {
            "kind": pair.entry.kind.value,
            "sentence": Moment.of(pair.entry).sentence,
            "real_ms": pair.real.at_ms if pair.real else None,
            "simulated_ms": pair.simulated.at_ms if pair.simulated else None,
            "differs": pair.differs,
        }
        for pair in pairs
    ]

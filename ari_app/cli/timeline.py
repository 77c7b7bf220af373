"""Prints a call's timeline: one way for a live call, a journalled one and a simulated one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ari_app.cli.screen import clean, table
from ari_app.core.explain import sentence
from ari_app.core.timeline import Details, Entry, Kind
from ari_app.core.verdict import Disposition
from ari_app.storage.history import JournalledEvent

TIME_WIDTH = 8
_QUIET = ("·", "dim")
_MARKS: dict[str, tuple[str, str]] = {
    Kind.ARRIVED: ("●", "bold"),
    Kind.NUMBER_FOUND: ("→", ""),
    Kind.DEFAULT_USED: ("→", "yellow"),
    Kind.SPECIAL_DAY: ("→", "yellow"),
    Kind.BRANCH_PASSED_OVER: _QUIET,
    Kind.BRANCH_CHOSEN: ("→", "cyan"),
    Kind.STEP_BEGAN: ("▶", "bold cyan"),
    Kind.MANAGER_FOUND: ("→", "cyan"),
    Kind.NO_MANAGER: ("✘", "yellow"),
    Kind.LEG_DIALED: ("·", ""),
    Kind.LEG_RANG: ("·", ""),
    Kind.LEG_ANSWERED: ("✔", "green"),
    Kind.LEG_ENDED: ("✘", "yellow"),
    Kind.CONNECTED: ("✔", "bold green"),
    Kind.ANSWERED_BY_SYSTEM: ("·", ""),
    Kind.RECORDING_BEGAN: ("●", "red"),
    Kind.MESSAGE_LEFT: ("✔", "green"),
    Kind.MESSAGE_DISCARDED: ("✘", "yellow"),
    Kind.LIMIT_REACHED: ("!", "yellow"),
    Kind.CALLER_LEFT: ("■", ""),
    Kind.HUNG_UP: ("■", ""),
    Kind.LOOP_STOPPED: ("!", "bold red"),
    Kind.TURNED_AWAY: ("!", "bold red"),
    Kind.TROUBLE: ("!", "bold red"),
    Kind.MESSAGE_QUEUED: ("✉", "cyan"),
    Kind.NO_MESSAGE: _QUIET,
    Kind.MESSAGE_WITHHELD: _QUIET,
    Kind.MESSAGE_SENT: ("✉", "green"),
    Kind.MESSAGE_FAILED: ("✘", "bold red"),
    Kind.MESSAGE_UNCLEAR: ("!", "yellow"),
}
_VERDICTS = {
    Disposition.ANSWERED: "bold green",
    Disposition.MESSAGE_LEFT: "bold cyan",
    Disposition.LOST: "bold red",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry as it is shown; made from live, journalled and simulated entries alike."""

    at_ms: int
    kind: str
    sentence: str
    details: Details

    @classmethod
    def of(cls, entry: Entry | JournalledEvent) -> Moment:
        """The entry told; one of a kind that this release does not know is shown as it is."""
        return cls(entry.at_ms, str(entry.kind), _told(entry), entry.details)

    def as_json(self) -> dict[str, Any]:
        """The keys that ``--json`` promises."""
        return {"at_ms": self.at_ms, "kind": self.kind, "sentence": self.sentence, "details": dict(self.details)}


def _told(entry: Entry | JournalledEvent) -> str:
    try:
        return sentence(entry if isinstance(entry, Entry) else entry.as_entry())
    except (ValueError, TypeError):
        particulars = ", ".join(f"{key} {value}" for key, value in entry.details.items())
        return f"{entry.kind} (unknown to this release): {particulars}"


def moments(entries: Iterable[Entry | JournalledEvent]) -> tuple[Moment, ...]:
    """Each entry as it is shown."""
    return tuple(map(Moment.of, entries))


@dataclass(frozen=True, slots=True)
class LegSummary:
    """One leg, read off the timeline; milliseconds count from the call's arrival, None is what never came."""

    destination: str
    dialed_ms: int
    rang_ms: int | None = None
    answered_ms: int | None = None
    ended_ms: int | None = None
    outcome: str = "ringing"
    cause: int = 0
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        """The keys that ``--json`` promises."""
        return {name: getattr(self, name) for name in self.__slots__}


def legs_of(told: Iterable[Moment]) -> tuple[LegSummary, ...]:
    """The legs of a timeline, in the order they were dialed."""
    legs: dict[str, dict[str, Any]] = {}
    talking: dict[str, Any] | None = None
    for moment in told:
        leg = legs.get(str(moment.details.get("leg")))
        if moment.kind == Kind.LEG_DIALED:
            leg = {"destination": str(moment.details.get("destination")), "dialed_ms": moment.at_ms}
            legs[str(moment.details.get("leg"))] = leg
        elif leg is not None and moment.kind == Kind.LEG_RANG:
            leg["rang_ms"] = moment.at_ms
        elif leg is not None and moment.kind == Kind.LEG_ANSWERED:
            leg["answered_ms"] = moment.at_ms
        elif moment.kind == Kind.CONNECTED:
            talking = _picked_up(legs.values(), moment)
        elif leg is not None and moment.kind == Kind.LEG_ENDED:
            ended = {key: moment.details.get(key) for key in ("outcome", "cause", "text")}
            leg.update(ended, ended_ms=moment.at_ms)
        elif talking is not None and moment.kind in (Kind.TALK_ENDED, Kind.CALLER_LEFT, Kind.VERDICT):
            talking.setdefault("ended_ms", moment.at_ms)
    return tuple(LegSummary(**leg) for leg in legs.values())


def _picked_up(legs: Iterable[dict[str, Any]], connected: Moment) -> dict[str, Any] | None:
    """The leg that was connected: the last to pick up at that destination."""
    where = connected.details.get("destination")
    leg: dict[str, Any] | None = None
    for each in legs:
        if each["destination"] == where and "answered_ms" in each:
            leg = each
    if leg is not None:
        leg["outcome"] = "answered"
    return leg


def print_moment(console: Console, moment: Moment) -> None:
    """One line (folded under itself where the terminal is narrow); every line printed so is aligned with the others."""
    mark, style = _mark(moment)
    row = Table.grid(padding=(0, 1))
    row.add_column(width=TIME_WIDTH, justify="right", no_wrap=True)
    row.add_column(width=1, no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(
        Text(f"{moment.at_ms / 1000:.2f} s", style="dim"), Text(mark, style=style), clean(moment.sentence, style)
    )
    console.print(row)


def _mark(moment: Moment) -> tuple[str, str]:
    if moment.kind == Kind.VERDICT:
        return "◆", _VERDICTS.get(Disposition(str(moment.details.get("disposition"))), "bold")
    if moment.kind == Kind.LEG_ENDED and moment.details.get("outcome") in ("answered_elsewhere", "caller_left"):
        return _QUIET
    return _MARKS.get(moment.kind, ("·", ""))


def print_timeline(console: Console, told: Sequence[Moment]) -> None:
    """The whole timeline, and its legs in a table of their own."""
    for moment in told:
        print_moment(console, moment)
    print_legs(console, legs_of(told))


def print_legs(console: Console, legs: Sequence[LegSummary]) -> None:
    """A line for each leg; nothing when there was none."""
    if not legs:
        return
    console.print()
    rows = table("destination", "dialed", "rang", "answered", "ended", "outcome", right=_TIMES)
    for leg in legs:
        times = (_seconds(value) for value in (leg.dialed_ms, leg.rang_ms, leg.answered_ms, leg.ended_ms))
        rows.add_row(clean(leg.destination), *times, clean(_outcome(leg), _outcome_style(leg.outcome)))
    console.print(Padding(rows, (0, 0, 0, 2)))


_TIMES = ("dialed", "rang", "answered", "ended")


def _seconds(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f}"


def _outcome(leg: LegSummary) -> str:
    facts = [f"cause {leg.cause}"] if leg.cause else []
    facts += [leg.text] if leg.text else []
    return leg.outcome.replace("_", " ") + (f" ({', '.join(facts)})" if facts else "")


def _outcome_style(outcome: str) -> str:
    if outcome == "answered":
        return "green"
    return "dim" if outcome in ("answered_elsewhere", "caller_left") else "yellow"

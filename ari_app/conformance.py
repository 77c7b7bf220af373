"""Holds a real call against its simulation: with legs and caller behaving as they did, the engine must do the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ari_app.core.explain import sentence
from ari_app.core.outcomes import LegOutcome
from ari_app.core.timeline import Entry, Kind
from ari_app.simulation import NO_KEY, PROMPT_SECONDS, CallerScript, LegScript, ScriptedLine

_STILL_RINGING = (LegOutcome.NO_ANSWER, LegOutcome.CALLER_LEFT, LegOutcome.ANSWERED_ELSEWHERE)
"""Legs that rang on until somebody else ended them."""
_NOT_COMPARED = frozenset(
    {
        Kind.LEG_RANG,  # whether it rings is the far end's doing, and decides nothing
        Kind.MESSAGE_WITHHELD,
        Kind.MESSAGE_SENT,
        Kind.MESSAGE_FAILED,
        Kind.MESSAGE_UNCLEAR,
    }
)
"""What no simulation tells; of messages, what the sender does after the call."""
_OF_A_LEG = (Kind.LEG_DIALED, Kind.LEG_ANSWERED, Kind.LEG_ENDED)
FOR_EVER = 1e6
"""Seconds that no call lasts."""
_VARIES = re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.+-]+|\b\d\d:\d\d(?::\d\d)?\b|\b\d+\.\d s\b")
"""Moments, and seconds with a fraction, which the line measures."""
_FAR_ENDS_WORDS = re.compile(r" \(.*\)$")


@dataclass(frozen=True, slots=True)
class Acted:
    """What everybody but the engine did in a call: its legs in the order dialed, its caller, how many seconds each
    prompt played, and what was in the file of its recording: seconds, and seconds of speech."""

    legs: tuple[LegScript, ...]
    caller: CallerScript
    prompts: tuple[float, ...]
    recorded: tuple[float, float] | None = None


def acted(timeline: Sequence[Entry]) -> Acted:
    """Read it off the call's timeline; total."""
    prompts = tuple(_spans(timeline, Kind.PROMPT_BEGAN, Kind.PROMPT_ENDED))
    messages = tuple(_spans(timeline, Kind.RECORDING_BEGAN, Kind.RECORDING_ENDED))
    talks = tuple(_spans(timeline, Kind.CONNECTED, Kind.TALK_ENDED))
    keys = (entry for entry in timeline if entry.kind in (Kind.KEY_PRESSED, Kind.NO_KEY))
    usual = CallerScript()
    caller = CallerScript(
        leaves_at=None if messages else _left_at(timeline),  # whoever spoke leaves when he has spoken
        talks=FOR_EVER if any(map(_ended_by_caller, timeline)) else talks[0] if talks else usual.talks,
        message=_spoken(timeline, messages[0]) if messages else usual.message,
        keys="".join(str(entry.details.get("key") or NO_KEY) for entry in keys),
    )
    return Acted(tuple(_legs(timeline)), caller, prompts, _recorded(timeline))


def _recorded(timeline: Sequence[Entry]) -> tuple[float, float] | None:
    """Sound is lost on the way, and no engine knows it."""
    for entry in timeline:
        seconds, voiced = entry.details.get("seconds"), entry.details.get("voiced", entry.details.get("seconds"))
        judged = entry.kind in (Kind.MESSAGE_LEFT, Kind.MESSAGE_DISCARDED)
        if judged and isinstance(seconds, int | float) and isinstance(voiced, int | float):
            return float(seconds), float(voiced)
    return None


def _spans(timeline: Sequence[Entry], begins: Kind, ends: Kind) -> Iterator[float]:
    """The seconds from each beginning to the end that follows; one without an end had none while the call lasted."""
    began: int | None = None
    for entry in timeline:
        if began is not None and entry.kind is ends:
            yield (entry.at_ms - began) / 1000
            began = None
        if entry.kind is begins:
            began = entry.at_ms
    if began is not None:
        yield FOR_EVER


def _spoken(timeline: Sequence[Entry], recorded: float) -> float:
    """How long the caller spoke: on, if it was not he who ended the recording."""
    return recorded if any(entry.kind is Kind.CALLER_LEFT for entry in timeline) else FOR_EVER


def _left_at(timeline: Sequence[Entry]) -> float | None:
    left = (entry for entry in timeline if entry.kind is Kind.CALLER_LEFT or _ended_by_caller(entry))
    return next((entry.at_ms / 1000 for entry in left), None)


def _ended_by_caller(entry: Entry) -> bool:
    return entry.kind is Kind.TALK_ENDED and entry.details.get("by") == "caller"


def _legs(timeline: Sequence[Entry]) -> Iterator[LegScript]:
    """What each leg did, in seconds after it was dialed; those that were passed over never came to the line."""
    ends: dict[object, Entry] = {}
    for entry in timeline:
        if entry.kind in (Kind.LEG_ANSWERED, Kind.LEG_ENDED):
            ends.setdefault(entry.details.get("leg"), entry)
    for dialed in (entry for entry in timeline if entry.kind is Kind.LEG_DIALED):
        end = ends.get(dialed.details.get("leg"))
        outcome = LegOutcome.NO_ANSWER if end is None else _outcome(end)
        if outcome is not LegOutcome.OVER_CAP:
            seconds = (end.at_ms - dialed.at_ms) / 1000 if end is not None else 0.0
            cause = end.details.get("cause", 0) if end is not None else 0
            yield LegScript(outcome, cause if isinstance(cause, int) else 0, seconds)


def _outcome(end: Entry) -> LegOutcome:
    if end.kind is Kind.LEG_ANSWERED:
        return LegOutcome.ANSWERED
    told = end.details.get("outcome")
    outcome = LegOutcome(told) if told in set(LegOutcome) else LegOutcome.FAILED
    return LegOutcome.NO_ANSWER if outcome in _STILL_RINGING else outcome


class ActedLine(ScriptedLine):
    """The line of a call that is acted out again."""

    def __init__(self, what: Acted) -> None:
        super().__init__(what.legs, what.caller)
        self._prompts = iter(what.prompts)
        self._recorded = what.recorded

    def recorded(self) -> tuple[float, float]:
        """What was in the file then."""
        return self._recorded or super().recorded()

    def prompt_seconds(self) -> float:
        """As long as it played then."""
        return next(self._prompts, PROMPT_SECONDS)


@dataclass(frozen=True, slots=True)
class Pair:
    """An entry of the real call beside that of the simulated one; None: there is none such."""

    real: Entry | None
    simulated: Entry | None

    @property
    def differs(self) -> bool:
        """Whether only one of the two has it."""
        return self.real is None or self.simulated is None

    @property
    def entry(self) -> Entry:
        """The one there is; of both, the real one."""
        one = self.real or self.simulated
        if one is None:
            raise AssertionError("a pair has one at least")
        return one


def compared(real: Sequence[Entry], simulated: Sequence[Entry]) -> tuple[Pair, ...]:
    """The two side by side, in the order of time. Legs that ring together may tell their news in any order, so each
    leg's are compared by themselves."""
    ours, theirs = _strands(real), _strands(simulated)
    pairs = [
        pair
        for strand in dict.fromkeys([*ours, *theirs])
        for pair in _aligned(ours.get(strand, ()), theirs.get(strand, ()))
    ]
    return tuple(sorted(pairs, key=lambda pair: pair.entry.at_ms))


def _strands(timeline: Iterable[Entry]) -> Mapping[int, Sequence[Entry]]:
    """The call's own entries (0), and those of its legs, counted from 1."""
    numbers: dict[object, int] = {}
    strands: dict[int, list[Entry]] = {0: []}
    for entry in timeline:
        if entry.kind in _NOT_COMPARED:
            continue
        number = 0
        if entry.kind in _OF_A_LEG:
            number = numbers.setdefault(entry.details.get("leg"), len(numbers) + 1)
        strands.setdefault(number, []).append(entry)
    return strands


def _aligned(real: Sequence[Entry], simulated: Sequence[Entry]) -> Iterator[Pair]:
    ours, theirs = [_plain(entry) for entry in real], [_plain(entry) for entry in simulated]
    for tag, begin, end, other, other_end in SequenceMatcher(a=ours, b=theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from map(Pair, real[begin:end], simulated[other:other_end])
        else:
            yield from (Pair(entry, None) for entry in real[begin:end])
            yield from (Pair(None, entry) for entry in simulated[other:other_end])


def _plain(entry: Entry) -> tuple[str, str]:
    """An entry without what differs from call to call: measured seconds, moments, the far end's words of refusal."""
    told = sentence(entry)
    if entry.kind is Kind.LEG_ENDED:
        told = _FAR_ENDS_WORDS.sub("", told)
    return entry.kind.value, _VARIES.sub("#", told)

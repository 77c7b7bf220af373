"""The notes that the dialplan takes of a call no controller serves: keys of Asterisk's database, read strictly.

They are written by `dialplan/fallback.conf`, each as it happens. Whatever is not made as it makes them is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_KEY = re.compile(
    r"(?P<seconds>[0-9]{1,7})/(?P<channel>[\w.-]{1,120}):(?P<number>[0-9]{1,6}):(?P<at_ms>[0-9]{13}):(?P<word>[a-z]{1,20})"
    r"(?P<told>(?::[\w.+@&{}-]*)*)",
    re.ASCII,
)
LONGEST_NUMBER = 20
"""Characters of a number, or of an endpoint's name, in a note that is not the dialplan's own."""


class Word(StrEnum):
    """What a note is about; what follows it in the key is said in brackets."""

    CAME = "came"
    """The dialplan has the call [caller, dialled, state of the channel: `Up` when somebody had answered it before]."""
    DIAL = "dial"
    """Ringing begins [place in the scheme, seconds]."""
    WHOM = "whom"
    """... those rung, as in a dial string without its `PJSIP/`, joined by `&` [a piece of 150 characters]."""
    RUNG = "rung"
    """Nobody answered [DIALSTATUS, Q.850 cause, SIP status, ms until it rang]."""
    GREET = "greet"
    """A greeting step begins [place in the scheme]."""
    GREETED = "greeted"
    """[PLAYBACKSTATUS]"""
    VOICEMAIL = "voicemail"
    """The voicemail prompt begins [place in the scheme; empty: FastAGI did not answer]."""
    RECORD = "record"
    """Recording begins [name of the recording, shortest and longest message in seconds]."""
    RECORDED = "recorded"
    """[RECORD_STATUS]"""
    CIRCLE = "circle"
    """The call is the tenth round of a circle."""
    LIMIT = "limit"
    """The longest call is reached."""
    OVER = "over"
    """We hang up [Q.850 cause]."""
    UNHEARD = "unheard"
    """A talk of Dial()'s is over of which no controller can have heard [as `end`; caller, dialled, arrival in ms since
    1970, the application that had it]. Where the call came to more, the other notes tell it."""
    GONE = "gone"
    """A caller has left whom a controller had that is dead, or to whom none came [as `unheard`]: told where he had not
    been put on record."""
    END = "end"
    """The call is over [DIALSTATUS, who answered, ms talked, ms until it rang, `caller` if it was he who hung up]."""


@dataclass(frozen=True, slots=True)
class FallbackNote:
    """One note: of which channel, the how-manieth of the call, when (ms since 1970), what. ``key`` is the whole,
    behind the thousand seconds that it was filed under."""

    channel: str
    number: int
    at_ms: int
    word: str
    told: tuple[str, ...]
    key: str

    def part(self, index: int) -> str:
        """One of the particulars; empty if it has none such, as of another release."""
        return self.told[index] if index < len(self.told) else ""

    def count(self, index: int) -> int | None:
        """One of the particulars that is a number; None if it is none."""
        part = self.part(index)
        return int(part) if part.isascii() and part.isdecimal() and len(part) < 12 else None

    def moment_ms(self, index: int) -> int | None:
        """One of the particulars that is a moment in ms since 1970; None if it is none."""
        part = self.part(index)
        return int(part) if part.isascii() and part.isdecimal() and len(part) == 13 else None


def read(key: str) -> FallbackNote | None:
    """The note that a key is, or None."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    told = tuple(match["told"].split(":")[1:])
    return FallbackNote(match["channel"], int(match["number"]), int(match["at_ms"]), match["word"], told, key)


def by_call(keys: Iterable[str]) -> Mapping[str, tuple[FallbackNote, ...]]:
    """The notes of each channel, in their order; channels in the order in which their calls came."""
    found: dict[str, list[FallbackNote]] = {}
    for note in sorted(filter(None, map(read, keys)), key=lambda each: (each.at_ms, each.number)):
        found.setdefault(note.channel, []).append(note)
    return {channel: tuple(sorted(notes, key=lambda each: each.number)) for channel, notes in found.items()}

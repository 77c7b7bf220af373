"""Asks who picked up whether he takes the call: he hears who calls, and presses 1. A carrier's voicemail does not."""

from __future__ import annotations

from ari_app.chronicle import Chronicle, LegChronicle
from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.core.scheme import Destination
from ari_app.core.sounds import played
from ari_app.core.timeline import Kind
from ari_app.ports import Leg, Line

KEY = "1"


def prompt(language: str, caller: str | None) -> tuple[str, ...]:
    """The sounds by which somebody is told of a call of ``caller`` (E.164; None: without a number), digit by digit."""
    digits = (f"{language}/digit-{digit}" for digit in (caller or "") if digit.isdecimal())
    return tuple(map(played, (f"{language}/a-call", *digits, f"{language}/press-1")))


class Accepting:
    """Asks for one call's legs. ``sounds`` tell of the call."""

    def __init__(self, line: Line, chronicle: Chronicle, sounds: tuple[str, ...]) -> None:
        self._line = line
        self._chronicle = chronicle
        self._sounds = sounds

    async def asked(self, destination: Destination, leg: Leg, record: LegChronicle) -> LegEnd | None:
        """None once it is accepted, or need not be; else how the leg ended. Raises LegRefused, LineTrouble."""
        seconds = destination.confirm_seconds
        if not seconds:
            return None
        told = {"leg": record.leg_id, "destination": record.destination}
        self._chronicle.note(Kind.ACCEPT_ASKED, seconds=seconds, **told)
        if await self._line.ask(leg, self._sounds, KEY, seconds):
            self._chronicle.note(Kind.ACCEPTED, **told)
            return None
        why = "hung up without pressing 1" if leg.ended.done() else f"1 was not pressed in {seconds} s"
        return LegEnd(LegOutcome.NOT_ACCEPTED, text=why)

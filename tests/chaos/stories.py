"""What callers do and whom they call: the mix of calls that are placed while things break."""

from __future__ import annotations

from dataclasses import dataclass

from ari_app.core.verdict import Disposition
from tests.e2e.journal import Destination, Dial, Step, Voicemail

LONGEST_SECONDS = 30.0
"""No caller of these stays longer; one who does was left in silence."""
VOICE_SECONDS = 20
"""Longer than any of these callers stays: they speak until they hang up."""


@dataclass(frozen=True, slots=True)
class Telephone:
    """A kind of phone: a scenario of tests/sipp, and what it does."""

    name: str
    scenario: str
    answer_ms: int = 30_000
    talk_ms: int = 60_000
    status: str = "486 Busy Here"


QUICK = Telephone("quick", "phone", answer_ms=300)
SLOW = Telephone("slow", "phone", answer_ms=1500)
TERSE = Telephone("terse", "phone", answer_ms=300, talk_ms=1000)
RINGS = Telephone("rings", "phone")
MUTE = Telephone("mute", "phone")
BUSY = Telephone("busy", "phone-refuses")
TELEPHONES = (QUICK, SLOW, TERSE, RINGS, MUTE, BUSY)


@dataclass(frozen=True, slots=True)
class Story:
    """A number of ours and those who call it. ``share``: of so many calls of all shares. ``steps``: what its scheme
    does; none: the number is listed nowhere. ``talk_ms``: so long callers stay once answered; ``gives_up_ms``: so long
    they let it ring, for ever if 0. ``ends``: the verdict, if nothing breaks."""

    name: str
    share: int
    steps: tuple[Step, ...]
    ends: Disposition
    talk_ms: int = 1500
    gives_up_ms: int = 0
    speaks: bool = False

    @property
    def listed(self) -> bool:
        """Whether the number has a scheme, and so a rule that apologises."""
        return bool(self.steps)


def _ring(*phones: Telephone, strategy: str = "in_turn", timeout: int = 8) -> Dial:
    return Dial(tuple(Destination(f"crowd-{phone.name}", timeout) for phone in phones), strategy)


_BEEP = Voicemail("beep", min_seconds=1)
STORIES = (
    Story("one answers", 3, (_ring(QUICK),), Disposition.ANSWERED),
    Story("the callee hangs up", 1, (_ring(TERSE),), Disposition.ANSWERED, talk_ms=15_000),
    Story("one of three answers", 2, (_ring(RINGS, SLOW, MUTE, strategy="all_at_once"),), Disposition.ANSWERED),
    Story("the second answers", 1, (_ring(BUSY, QUICK),), Disposition.ANSWERED),
    Story("a message", 2, (_ring(BUSY), _BEEP), Disposition.MESSAGE_LEFT, talk_ms=6000, speaks=True),
    Story(
        "a message after ringing",
        1,
        (_ring(RINGS, MUTE, strategy="all_at_once", timeout=5), _BEEP),
        Disposition.MESSAGE_LEFT,
        talk_ms=5000,
        speaks=True,
    ),
    Story("gives up ringing", 1, (_ring(RINGS),), Disposition.LOST, gives_up_ms=1500),
    Story("gives up in the greeting", 1, (Voicemail(None),), Disposition.LOST),
    Story("all are busy", 1, (_ring(BUSY, BUSY),), Disposition.LOST),
    Story("an unknown number", 1, (), Disposition.LOST),
)

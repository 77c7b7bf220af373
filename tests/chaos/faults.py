"""What breaks and when: a plan that a seed makes, the same each time."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """What can break."""

    CONTROLLER = "controller"
    FASTAGI = "agi"
    SENDER = "sender"
    ASTERISK = "asterisk"
    DATABASE = "database"
    WEBSOCKET = "websocket"


class How(StrEnum):
    """The ways to break. The websocket is no process: what kills it is a cut, what freezes it a stall."""

    KILLED = "killed"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Strike:
    """``part`` breaks ``at`` seconds after the first call, and is mended ``seconds`` later."""

    at: float
    part: Part
    how: How
    seconds: float

    @property
    def until(self) -> float:
        """When it is mended."""
        return self.at + self.seconds


_SHARES = {
    Part.CONTROLLER: 3,
    Part.WEBSOCKET: 3,
    Part.FASTAGI: 2,
    Part.SENDER: 2,
    Part.DATABASE: 2,
    Part.ASTERISK: 1,
}
"""Asterisk least often: when it dies every call dies, and a call must live for something to happen to it."""
_REST = {Part.ASTERISK: 12.0, Part.CONTROLLER: 6.0, Part.FASTAGI: 6.0, Part.SENDER: 6.0, Part.DATABASE: 4.0}
"""Seconds from when a part is begun to be mended in which it is left alone: it starts, and lives a little, or nothing
would ever be served by it. Others get `BRIEF`."""
BRIEF = 2.0
"""So long a part lives at least that has taken longer to start than was planned."""
_KILLS_A_FREEZE = 3
FIRST_AT = 2.0


def plan(seed: int, kills: int, gap: float, only: Collection[Part] = tuple(Part)) -> tuple[Strike, ...]:
    """So many kills, and one freeze for every three of them, ``gap`` seconds apart on average, in order.

    Parts are dealt like cards, so that a short plan has all of them too; a part that is still broken, or has just been
    mended, is struck later.
    """
    dice = random.Random(seed)
    hows = [How.KILLED] * kills + [How.FROZEN] * (-(-kills // _KILLS_A_FREEZE))
    dice.shuffle(hows)
    free = dict.fromkeys(only, 0.0)
    hand: list[Part] = []
    at, strikes = FIRST_AT, list[Strike]()
    for how in hows:
        if not hand:
            hand = [part for part in Part if part in only for _ in range(_SHARES[part])]
            dice.shuffle(hand)
        part = hand.pop()
        strike = Strike(max(at, free[part]), part, how, _seconds(dice, how))
        strikes.append(strike)
        free[part] = strike.until + _REST.get(part, BRIEF)
        at += dice.expovariate(1 / gap)
    return tuple(sorted(strikes, key=lambda strike: strike.at))


def _seconds(dice: random.Random, how: How) -> float:
    """Mostly short, as when systemd starts a service again; some so long that others must stand in."""
    longest = dice.choice((1.0, 3.0)) if how is How.KILLED else dice.choice((1.0, 8.0))
    return dice.uniform(0.1, longest)

"""Which new calls are let in: so many live ones at once, so many new ones a second."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Full(StrEnum):
    """Why a new call is not let in."""

    CALLS = "calls"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """``most_calls`` live at once; ``most_a_second`` new ones on average, and as many again at a stroke after a quiet
    second. 0: no limit. ``to_fallback``: whoever is not let in is left to the dialplan instead of being refused."""

    most_calls: int = 0
    most_a_second: float = 0
    to_fallback: bool = False


class Bucket:
    """A rate that allows bursts. Times are of any clock in seconds that does not jump."""

    def __init__(self, a_second: float) -> None:
        self._a_second = a_second
        self._room = max(1.0, a_second)
        self._left = self._room
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Whether one more is within the rate; it is counted if so."""
        self._left = min(self._room, self._left + max(0.0, now - self._at) * self._a_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Admission:
    """Judges each new call by the limits."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self._most_calls = limits.most_calls
        self._rate = Bucket(limits.most_a_second) if limits.most_a_second else None

    def full(self, live: int, now: float) -> Full | None:
        """Why a call that comes ``now`` is not let in while ``live`` others are; None when it is."""
        if self._most_calls and live >= self._most_calls:
            return Full.CALLS
        return None if self._rate is None or self._rate.take(now) else Full.RATE

"""Whether a process still turns: its event loop measured against the clock, or a thread that says so itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BEAT_SECONDS = 0.25
STILL_SECONDS = 3.0
"""After so long without a beat it counts as hung."""


class Pulse:
    """The moments at which a process was seen to live. `beat` may be called in any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._last = monotonic()

    def beat(self) -> None:
        """It lives now."""
        self._last = self._monotonic()

    @property
    def still_seconds(self) -> float:
        """For how long there has been no beat."""
        return self._monotonic() - self._last

    @property
    def alive(self) -> bool:
        """Whether the last beat was not too long ago."""
        return self.still_seconds < STILL_SECONDS


class LoopPulse:
    """Lets the running event loop beat four times a second, and tells ``lag`` by how many seconds it was late.

    ``tasks``: how many it had in hand at the last beat.
    """

    def __init__(self, pulse: Pulse, lag: Callable[[float], None]) -> None:
        self._pulse = pulse
        self._lag = lag
        self.tasks = 0
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_later(BEAT_SECONDS, self._turn)

    def _turn(self) -> None:
        self._lag(max(0.0, self._loop.time() - self._next.when()))
        self._pulse.beat()
        self.tasks = len(asyncio.all_tasks(self._loop))
        self._next = self._loop.call_later(BEAT_SECONDS, self._turn)

    def stop(self) -> None:
        """No more beats."""
        self._next.cancel()

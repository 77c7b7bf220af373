"""A wall clock and a monotonic one that tests move; they may be moved apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 10, 9, 0, 0, tzinfo=UTC)
"""A Tuesday, 12:00 in UTC+3: the window is open."""


class Clock:
    """Stands still unless moved."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        """Time passes, for both."""
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds

    def pause(self, seconds: float) -> bool:
        """What the outbox waits by."""
        self.pass_by(seconds)
        return True

    def jump_to(self, at: datetime) -> None:
        """The wall clock is set; the monotonic one does not know."""
        self.at = at

"""Keeps count of what every scheme rings outside in a day, and passes over what is beyond its cap."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import date, datetime

from ari_app.core.day_cap import DayCount, cap_of, counted, day_of, is_outside, resumed
from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.core.scheme import Destination, Scheme
from ari_app.ports import LegRefused

log = logging.getLogger(__name__)


class DayCaps:
    """One process's counts, in memory: no call waits for SQL. ``default`` is how often a scheme that says nothing may
    ring numbers outside in a day; 0: no limit.

    A scheme is known by its name, so that an edit begins no new count.
    """

    def __init__(self, default: int = 0) -> None:
        self._default = default
        self._counts: dict[str, DayCount] = {}

    def admit(self, scheme: Scheme | None, destination: Destination, at: datetime) -> None:
        """Count a destination that is about to be rung.

        Raises:
            LegRefused: the scheme has rung as many numbers outside on its day as it may.
        """
        if scheme is None or not is_outside(destination):
            return
        cap = cap_of(scheme, self._default)
        before = self._counts.get(scheme.name)
        self._counts[scheme.name] = count = counted(before, day_of(scheme, at), cap)
        if before is None or count.refused <= before.refused:
            return
        if count.refused == 1:
            log.warning(
                "scheme %r has rung numbers outside %d times on %s, as often as it may, and rings none until its "
                "midnight; endpoints and voicemail go on. Abuse, or business? ari-app calls list shows the calls; "
                "schemes.outside_calls_a_day, or else ARI_APP_OUTSIDE_CALLS_A_DAY, allows more",
                *(scheme.name, count.rung, count.day),
            )
        raise LegRefused(
            LegEnd(LegOutcome.OVER_CAP, text=f"its scheme may ring numbers outside {cap} times a day, and has")
        )

    def resume(self, rung: Iterable[tuple[str, date, int]]) -> None:
        """Add what was rung before this process began: names of schemes, their day, how often."""
        for name, day, count in rung:
            self._counts[name] = resumed(self._counts.get(name), day, count)

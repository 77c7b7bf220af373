"""How often each scheme has rung numbers outside today, read off the journal once after a start."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, tzinfo

import sqlalchemy as sa

from ari_app.core.outcomes import LegOutcome
from ari_app.storage.records import calls, legs
from ari_app.storage.unanswered import zones

log = logging.getLogger(__name__)

Rung = tuple[str, date, int]
"""A scheme's name, its day, and how often it rang numbers outside on it."""
_NOT_RUNG = (LegOutcome.REFUSED.value, LegOutcome.OVER_CAP.value)


class OutsideCalls:
    """What processes before this one have rung, told to ``resume`` once. Calls that arrived from ``began`` on, this one
    counts itself."""

    def __init__(
        self,
        engine: sa.Engine,
        resume: Callable[[Iterable[Rung]], None],
        began: datetime,
        entered: Callable[[], bool],
    ) -> None:
        """``entered`` says whether the database has what the journal heard before the start."""
        self._engine = engine
        self._resume = resume
        self._began = began
        self._entered = entered
        self._warned = False
        self.told = False

    async def tell(self) -> None:
        """Do it, unless it is done, or the database is away or behind: then the next time."""
        if self.told or not self._entered():
            return
        try:
            found = await asyncio.to_thread(self._read)
        except sa.exc.SQLAlchemyError as error:
            self._failed(error)
        else:
            self._resume(found)
            self.told = True
            log.info("numbers outside rung before this start count to their schemes' day: %d", sum(r[2] for r in found))

    def _failed(self, error: Exception) -> None:
        if not self._warned:
            cause = str(getattr(error, "orig", None) or error).strip()
            log.warning("what schemes rang outside today cannot be read yet, caps count from this start on: %s", cause)
        self._warned = True

    def _read(self) -> list[Rung]:
        with self._engine.connect() as connection:
            return list(rung_outside(connection, self._began))


def rung_outside(connection: sa.Connection, until: datetime) -> Iterator[Rung]:
    """What every scheme that there is has rung on its day at ``until``, by calls that arrived before. A leg counts to
    the day its call arrived on."""
    by_zone: defaultdict[tzinfo, set[str]] = defaultdict(set)
    for scheme, zone in zones(connection).items():
        by_zone[zone].add(scheme)
    for zone, schemes in by_zone.items():
        day = until.astimezone(zone).date()
        rung = _rung(connection, datetime.combine(day, time(), zone), until)
        yield from ((scheme, day, rung[scheme]) for scheme in sorted(schemes & rung.keys()))


def _rung(connection: sa.Connection, since: datetime, until: datetime) -> Mapping[str, int]:
    query = (
        sa.select(calls.c.scheme, sa.func.count())
        .select_from(calls.join(legs))
        .where(calls.c.arrived_at >= since, calls.c.arrived_at < until, calls.c.scheme.is_not(None))
        .where(legs.c.destination.startswith("+"), legs.c.outcome.not_in(_NOT_RUNG))
        .group_by(calls.c.scheme)
    )
    return {row[0]: row[1] for row in connection.execute(query)}

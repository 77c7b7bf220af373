"""How taking messages in hand, judging and settling them grows with the history: flat is the goal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa

from ari_app.core.delivery import Accepted
from ari_app.core.messages import Channel
from ari_app.core.release import Limits
from ari_app.core.window import SendingWindow
from ari_app.lab.errors import LabError
from ari_app.outbox_ports import Held, Released
from ari_app.storage.outbox import SqlOutbox, open_for_sending
from benchmarks import outbox_fill
from benchmarks.outbox_places import Kind, database
from benchmarks.outbox_plans import Access, accesses, noted

T = TypeVar("T")

SHORT = 1_000
BATCH = 50
JUDGED = 10
"""Of each batch so many are judged and settled; the others are given back."""
LIMITS = Limits(window=SendingWindow.parse("00:00-24:00", "+03:00"), day_cap=10**9)


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of each claim of 50, each gate and each settling."""

    claims: list[float] = field(default_factory=list)
    gates: list[float] = field(default_factory=list)
    settlings: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Size:
    """What was measured with so many ``rows`` of history and ``queued`` messages; ``short`` are the times of a history
    of 1,000 in another database, measured batch by batch in turn, so that what else the machine does hits both."""

    kind: Kind
    rows: int
    queued: int
    times: Times
    short: Times
    plan: frozenset[Access]


class _Filled:
    """A database with history and queue."""

    def __init__(self, url: str) -> None:
        self.engine = open_for_sending(url)
        self.store = SqlOutbox(self.engine, LIMITS, rate=10_000)
        self._rule = outbox_fill.add_rule(self.engine)
        self._rows = self._queued = 0

    def fill(self, rows: int, queued: int) -> None:
        """Let the history be so long, and so many wait anew."""
        now = datetime.now(UTC)
        if rows > self._rows:
            outbox_fill.add_history(self.engine, self._rule, range(self._rows, rows), now)
            self._rows = rows
        with self.engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM messages WHERE state = 'queued'"))
        which = range(self._queued, self._queued + queued)
        outbox_fill.add_queue(self.engine, self._rule, which, now, now + timedelta(hours=20))
        self._queued = which.stop
        outbox_fill.analyse(self.engine)


def run(kind: Kind, sizes: Sequence[tuple[int, int]], claims: int) -> Iterator[Size]:
    """Grow a history from size to size, and take ``claims`` batches in hand at each. A size is rows of history and
    messages that are queued, as many as are claimed at least."""
    fewest = claims * JUDGED + 2 * BATCH
    with database(kind) as short_url, database(kind) as url:
        short, long = _Filled(short_url), _Filled(url)
        for rows, queued in sizes:
            short.fill(SHORT, fewest)
            long.fill(rows, max(queued, fewest))
            times, beside = Times(), Times()
            with noted(long.engine) as statements:
                _batch(long.store, Times())  # the first opens connections and compiles statements; nobody counts it
            _batch(short.store, Times())
            for _ in range(claims):
                _batch(short.store, beside)
                _batch(long.store, times)
            plan = frozenset(accesses(long.engine, statements))
            yield Size(kind, rows, max(queued, fewest), times, beside, plan)
        short.engine.dispose()
        long.engine.dispose()


def _batch(store: SqlOutbox, times: Times) -> None:
    held = _timed(times.claims, lambda: store.claim(datetime.now(UTC), {Channel.SMS: BATCH}))
    if len(held) != BATCH:
        raise LabError(f"{len(held)} messages were claimed of {BATCH}; the queue has run out")
    for one in held[:JUDGED]:
        _judged(store, one, times)
    store.give_back(held[JUDGED:])


def _judged(store: SqlOutbox, held: Held, times: Times) -> None:
    answer = _timed(times.gates, lambda: store.release(held, "bench", datetime.now(UTC)))
    if not isinstance(answer, Released):
        raise LabError(f"message {held.id} was to be sent and is not: {answer}")
    accepted = Accepted(f"id-{held.id}", "")
    _timed(times.settlings, lambda: store.settle(answer, accepted, datetime.now(UTC), None))


def _timed(times: list[float], work: Callable[[], T]) -> T:
    began = time.perf_counter()
    done = work()
    times.append((time.perf_counter() - began) * 1000)
    return done

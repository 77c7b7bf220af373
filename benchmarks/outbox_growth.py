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

BATCH = 50
JUDGED = 10
"""Of each batch so many are judged and settled; the others are given back."""
LIMITS = Limits(window=SendingWindow.parse("00:00-24:00", "+03:00"), day_cap=10**9)


@dataclass(frozen=True, slots=True)
class Size:
    """Times in milliseconds with so many ``rows`` of history: of a claim of 50, of a gate, of a settling."""

    kind: Kind
    rows: int
    claims: tuple[float, ...]
    gates: tuple[float, ...]
    settlings: tuple[float, ...]
    plan: frozenset[Access]


@dataclass
class _Times:
    claims: list[float] = field(default_factory=list)
    gates: list[float] = field(default_factory=list)
    settlings: list[float] = field(default_factory=list)


def run(kind: Kind, sizes: Sequence[int], claims: int) -> Iterator[Size]:
    """Grow a history from size to size, and take ``claims`` batches in hand at each."""
    with database(kind) as url:
        engine = open_for_sending(url)
        rule, filled = outbox_fill.add_rule(engine), 0
        for number, rows in enumerate(sizes):
            outbox_fill.add_history(engine, rule, range(filled, rows), datetime.now(UTC))
            filled = rows
            waiting = claims * JUDGED + BATCH
            first = number * waiting
            now = datetime.now(UTC)
            outbox_fill.add_queue(engine, rule, range(first, first + waiting), now, now + timedelta(hours=20))
            outbox_fill.analyse(engine)
            yield _measured(kind, rows, engine, claims)
            with engine.begin() as connection:
                connection.execute(sa.text("DELETE FROM messages WHERE state = 'queued'"))
        engine.dispose()


def _measured(kind: Kind, rows: int, engine: sa.Engine, claims: int) -> Size:
    store = SqlOutbox(engine, LIMITS, rate=10_000)
    times = _Times()
    with noted(engine) as statements:
        _batch(store, _Times())  # the first opens connections, and compiles statements
    for _ in range(claims):
        _batch(store, times)
    plan = frozenset(accesses(engine, statements))
    return Size(kind, rows, tuple(times.claims), tuple(times.gates), tuple(times.settlings), plan)


def _batch(store: SqlOutbox, times: _Times) -> None:
    held = _timed(times.claims, lambda: store.claim(datetime.now(UTC), {Channel.SMS: BATCH}))
    if len(held) != BATCH:
        raise LabError(f"{len(held)} messages were claimed of {BATCH}; the queue has run out")
    for one in held[:JUDGED]:
        _judged(store, one, times)
    store.give_back(held[JUDGED:])


def _judged(store: SqlOutbox, held: Held, times: _Times) -> None:
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

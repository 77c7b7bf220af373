"""What is read of the book, the journal, the recordings and the outbox when metrics are scraped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from ari_app.core.checks import Severity
from ari_app.core.delivery import State
from ari_app.core.release import Limits
from ari_app.late_recordings import LateRecordings
from ari_app.message_store import MessageStore
from ari_app.monitoring import catalogue
from ari_app.monitoring.meters import Meters, Reading
from ari_app.storage.book import Reading as BookReading
from ari_app.storage.journal import SqlJournal
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.outbox_stats import OutboxStats, outbox_stats
from ari_app.storage.spool import Spool

FRESH_SECONDS = 15.0
"""Counting the outbox takes the longer the more history there is; it is not done oftener than this."""


class BookWatch:
    """When the book last changed; its `changed` is the keeper's ``on_change``."""

    def __init__(self) -> None:
        self.loaded_at = 0.0

    def changed(self, reading: BookReading) -> None:
        """There is a new reading in force."""
        self.loaded_at = time.time()

    def read(self, meters: Meters, book: SchemeBookKeeper) -> None:
        """Let the book's state be read at each scrape."""
        meters.read(catalogue.BOOK_LOADED, lambda: self.loaded_at)
        meters.read(catalogue.BOOK_NUMBERS, lambda: len(book.current.numbers))
        meters.read(catalogue.BOOK_PROBLEMS, lambda: _problems(book.reading))
        meters.read(catalogue.BOOK_READABLE, lambda: not book.trouble)


def _problems(reading: BookReading) -> Mapping[tuple[str, ...], float]:
    counted = Counter(problem.severity for problem in reading.problems)
    return {(severity.value,): counted[severity] for severity in Severity}


def read_journal(meters: Meters, journal: SqlJournal, spool: Spool) -> None:
    """Let the journal's state be read at each scrape."""
    meters.read(catalogue.JOURNAL_WAITING, lambda: journal.unwritten)
    meters.read(catalogue.JOURNAL_SPOOLED, lambda: max(0, journal.unwritten - journal.in_memory))
    meters.read(catalogue.SPOOL_BYTES, lambda: spool.size)
    meters.read(catalogue.JOURNAL_LOST, lambda: journal.lost)
    meters.read(catalogue.JOURNAL_WRITABLE, lambda: not journal.trouble)


def read_recordings(meters: Meters, messages: MessageStore, late: LateRecordings) -> None:
    """Let what failed with recordings, and what is owed of them, be read at each scrape."""
    meters.read(catalogue.RECORDINGS_OWED, lambda: late.waiting)
    meters.read(catalogue.RECORDINGS_WRITABLE, lambda: not messages.trouble)
    meters.read(catalogue.RECORDING_FAILURES, lambda: {(stage,): n for stage, n in messages.failures.items()})


class OutboxWatch:
    """How the outbox stands. `look` asks the database and may block; what it found is read at scrapes."""

    def __init__(self, engine: sa.Engine, limits: Limits, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._limits = limits
        self._monotonic = monotonic
        self._looked_at = -FRESH_SECONDS
        self._stats: OutboxStats | None = None
        self.trouble = ""
        """Why the outbox could not be read last time; empty when it could."""

    def look(self) -> None:
        """Count again, unless that was done a moment ago. Never raises for the database's troubles."""
        if self._monotonic() - self._looked_at < FRESH_SECONDS and not self.trouble:
            return
        try:
            with self._engine.connect() as connection:
                self._stats = outbox_stats(connection, self._limits, datetime.now(UTC))
        except sa.exc.SQLAlchemyError as error:
            self.trouble = " ".join(str(getattr(error, "orig", None) or error).split())
            return
        self._looked_at, self.trouble = self._monotonic(), ""

    def read(self, meters: Meters) -> None:
        """Let what was found be read at each scrape; what was never found has no value."""

        def of(value: Callable[[OutboxStats], Reading]) -> Callable[[], Reading]:
            return lambda: value(self._stats) if self._stats is not None else {}

        meters.read(catalogue.OUTBOX, of(lambda stats: {(state.value,): stats.states[state] for state in State}))
        meters.read(catalogue.OLDEST_DUE, of(lambda stats: _age(stats.oldest_due)))
        meters.read(catalogue.OLDEST_UNKNOWN, of(lambda stats: _age(stats.oldest_unknown)))
        meters.read(catalogue.OUT_OF_BUDGET, of(lambda stats: stats.out_of_budget))
        meters.read(catalogue.SENT_TODAY, of(lambda stats: stats.sent_today))
        meters.read(catalogue.SPENT, of(lambda stats: float(stats.spent_this_month)))
        meters.read(catalogue.DAY_CAP, lambda: self._limits.day_cap)
        meters.read(catalogue.BUDGET, lambda: float(self._limits.month_budget))
        meters.read(catalogue.OUTBOX_READABLE, lambda: not self.trouble)


def _age(since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (datetime.now(UTC) - since).total_seconds())

"""Commits one batch after another in a thread of its own, which a database may keep waiting as long as it likes."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from ari_app.storage.batch import Batch, Happening, Row, is_refusal
from ari_app.storage.database import writing

log = logging.getLogger(__name__)


class Work:
    """Some happenings on their way into the database. Tried again, it is the same batch; it is built once."""

    def __init__(self, happenings: Sequence[Happening], *, ours: bool = True) -> None:
        self.happenings = happenings
        self.ours = ours
        self.error: Exception | None = None
        """Why the last attempt failed; None when it did not."""
        self.refused: list[tuple[Row, Exception]] = []
        """Rows that the database will never take, each with its reason."""
        self._batch: Batch | None = None

    def write(self, engine: sa.Engine) -> None:
        """One transaction; never raises, see ``error``."""
        try:
            self._batch = self._batch or Batch(self.happenings)
            self._commit(engine, self._batch)
            self.error = None
        except Exception as error:  # noqa: BLE001 - whatever it is, the journal's threads must outlive it
            self.error = error

    def _commit(self, engine: sa.Engine, batch: Batch) -> None:
        try:
            with engine.begin() as connection:
                batch.write(connection)
        except (sa.exc.StatementError, TypeError, ValueError, OverflowError) as error:
            if not is_refusal(error):
                raise
            # One impossible row (its call was deleted meanwhile, say) must not hold up the others for ever.
            log.warning("a batch of the journal was refused and is written row by row: %s", cause(error))
            with engine.begin() as connection:
                self.refused = batch.write_one_by_one(connection)


class BatchWriter:
    """One thread; ``done`` is called in it after each attempt at some work."""

    def __init__(self, engine: sa.Engine, done: Callable[[Work], None]) -> None:
        self._engine = writing(engine)
        self._done = done
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        # A daemon: a database that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="journal-sql", daemon=True)
        self._thread.start()

    def begin(self, work: Work) -> None:
        """Make an attempt; returns at once."""
        self._queue.put(work)

    def close(self, timeout: float) -> None:
        """End the thread, unless it waits for the database longer than ``timeout`` seconds."""
        self._queue.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work.write(self._engine)
            self._done(work)


def cause(error: Exception) -> str:
    """The database's own words, on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())

"""Writes the journal behind the calls: memory at once, one transaction for every tenth of a second, a spool on disk
while the database takes none."""

from __future__ import annotations

import logging
import threading
import time

import sqlalchemy as sa

from ari_app.storage.batch import Happening
from ari_app.storage.batch_writer import BatchWriter, Work, cause
from ari_app.storage.journal_intake import JournalIntake
from ari_app.storage.spool import Portion, Spool

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.1
RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
CAPACITY = 200_000
"""Happenings kept in memory when neither database nor disk takes any: about ten thousand calls, some 100 MB."""
CHUNK = 5_000
"""Happenings of one transaction at most."""
OVERDUE_SECONDS = 1.0
"""A transaction that takes longer has its happenings, and those behind it, put into the spool meanwhile."""
BACKLOG = 20_000
"""As many in memory are put into the spool however fast the database is."""
ADOPT_SECONDS = 60.0
"""How often somebody else's spool is looked for whose process is gone."""
CLOSE_SECONDS = 10.0
CLOSE_SPOOLING_SECONDS = 3.0
"""How long a stop waits for a database that takes nothing: less, where what is left is safe on disk."""


class SqlJournal(JournalIntake):
    """The `ari_app.ports.Journal` that SQL keeps.

    One thread gathers and spools, another writes. What was heard forms one queue: first what is in the spool, then what
    is in memory; it is written from its front. Without a ``spool`` all of it is kept in memory, up to ``capacity``
    happenings.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        spool: Spool | None = None,
        gather_seconds: float = GATHER_SECONDS,
        capacity: int = CAPACITY,
    ) -> None:
        super().__init__(spool, capacity)
        self._gather_seconds = gather_seconds
        self._given_up = False
        self._closing = False
        self._done: Work | None = None
        # What follows belongs to the journal's thread alone.
        self._waiting: list[Happening] = []
        self._work: Work | None = None
        self._in_flight = False
        self._began = 0.0
        self._attempts = 0
        self._retry_at = 0.0
        self._adopt_at = 0.0
        self._has_written = False
        self._writer = BatchWriter(engine, self._attempted)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def close(self, timeout: float | None = None) -> bool:
        """Write what is left and end the threads. False, and a log line, when ``timeout`` seconds were too short; what
        is left then is in the spool, for the next process."""
        if timeout is None:
            timeout = CLOSE_SECONDS if self._spool is None or self._spool.trouble else CLOSE_SPOOLING_SECONDS
        with self._news:
            self._closing = True
            self._news.notify_all()
        done = self.flush(timeout)
        with self._news:
            self._given_up = not done
            self._news.notify_all()
        self._thread.join(max(timeout, 1.0))
        self._writer.close(timeout if done else 0.0)
        if not done:
            self._tell_left()
        return done

    def _tell_left(self) -> None:
        if self._spool is not None and self.unwritten > self.in_memory:
            kept = self.unwritten - self.in_memory
            log.warning("%d entries of the journal are in %s, for the next start", kept, self._spool.folder)
        if self.in_memory:
            log.error("%d entries of the journal were not written: %s", self.in_memory, self._trouble)

    # --- the journal's thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            try:
                going = self._turn()
            except Exception:
                log.exception("the journal stumbled, and goes on")
                with self._news:
                    going = not self._news.wait_for(lambda: self._given_up, RETRY_SECONDS[-1])
        if self._spool is not None:
            self._spool.close()

    def _turn(self) -> bool:
        """Gather once, spool and write what is to be; False when there is nothing more to do, ever."""
        self._adopt()
        with self._news:
            gathered = self._await_news()
            done, self._done = self._done, None
            given_up, closing = self._given_up, self._closing
        if done is not None:
            self._conclude(done)
        spooling = self._spool is not None and (given_up or self._is_held_up(self._spool))
        if gathered or spooling:
            with self._lock:
                self._waiting.extend(self._heard)
                self._heard = []
        if self._spool is not None and spooling and self._waiting:
            self._put_into(self._spool)
        if given_up:
            return False
        if not self._in_flight:
            self._begin()
        return not closing or self._work is not None or bool(self._heard)

    def _await_news(self) -> bool:
        """Wait, holding the lock, until there is something to do; whether what was heard is ripe to be written."""
        if self._work is not None:
            closing, seconds = self._closing, min(self._gather_seconds, OVERDUE_SECONDS)
            if not self._in_flight:
                seconds = min(seconds, max(0.0, self._retry_at - time.monotonic()))
            self._news.wait_for(lambda: self._done or self._given_up or self._closing is not closing, seconds)
            if self._closing is not closing:
                self._retry_at = 0.0  # closing hurries one attempt along: a lock may be gone any moment
            return False
        if not self._waiting and (self._spool is None or self._spool.empty):
            while not self._heard and not self._closing and time.monotonic() < self._adopt_at:
                self._asleep = True
                self._news.wait(self._adopt_at - time.monotonic() if self._spool is not None else None)
            self._asleep = False
            if self._heard:
                self._news.wait_for(lambda: self._closing or self._hurried > self._settled, self._gather_seconds)
        return True

    def _adopt(self) -> None:
        """Queue what processes left that are gone. Never behind work that was taken from memory, which is in front."""
        if self._spool is None:
            self._adopt_at = float("inf")
        elif self._work is None and time.monotonic() >= self._adopt_at:
            self._adopt_at = time.monotonic() + ADOPT_SECONDS
            if found := self._spool.adopt():
                log.warning("an earlier process left %d files of the journal; they are entered now", found)

    def _is_held_up(self, spool: Spool) -> bool:
        """Whether what was heard must go to the disk: the database has not taken what is before it, or nothing so far;
        the first transaction waits for a connection, and a process may be killed while it does."""
        if self._in_flight and not self._trouble and time.monotonic() - self._began > OVERDUE_SECONDS:
            self._failed(f"it has not answered for {OVERDUE_SECONDS:g} s")
        unsure = bool(self._trouble) or not self._has_written
        return unsure or not spool.empty or len(self._heard) + len(self._waiting) > BACKLOG

    def _put_into(self, spool: Spool) -> None:
        kept = spool.append(self._waiting)
        del self._waiting[:kept]
        with self._news:
            self._safe += kept
            self._full = self._full and not kept
            self._news.notify_all()

    def _begin(self) -> None:
        """Have the front of the queue written, if it is time."""
        if self._work is None:
            self._work = self._next()
        if self._work is not None and time.monotonic() >= self._retry_at:
            self._in_flight, self._began = True, time.monotonic()
            self._writer.begin(self._work)

    def _next(self) -> Work | None:
        portion = self._spool.peek(CHUNK) if self._spool is not None else Portion(())
        if portion.lost:
            with self._news:
                self._lost += portion.lost
                self._settled += portion.lost
                self._news.notify_all()
        if portion.happenings:
            return Work(portion.happenings, ours=portion.ours)
        return Work(self._waiting[:CHUNK]) if self._waiting else None

    def _attempted(self, work: Work) -> None:
        """The writer's thread has made an attempt."""
        with self._news:
            self._done = work
            self._news.notify_all()

    def _conclude(self, work: Work) -> None:
        """An attempt is over: what was written leaves the queue, what was not is tried again later."""
        self._in_flight = False
        if work.error is not None:
            self._retry_at = time.monotonic() + RETRY_SECONDS[min(self._attempts, len(RETRY_SECONDS) - 1)]
            self._attempts += 1
            self._failed(cause(work.error))
            return
        self._work, self._attempts, self._retry_at, self._has_written = None, 0, 0.0, True
        count = len(work.happenings)
        on_disk = self._spool.drop(count) if self._spool is not None else 0
        del self._waiting[: count - on_disk]
        for row, reason in work.refused:
            log.error("the journal lost an entry of call %s: %s", row.get("call_id", row.get("id")), cause(reason))
        with self._news:
            if self._trouble:
                log.info("the journal is written again")
                self._trouble = ""
            self._full = False
            self._lost += len(work.refused)
            self._settled += count if work.ours else 0
            self._safe += count - on_disk
            self._news.notify_all()

    def _failed(self, why: str) -> None:
        newly, self._trouble = not self._trouble, why
        if newly:
            place = f"in {self._spool.folder}" if self._spool is not None and not self._spool.trouble else "in memory"
            log.error("the journal cannot be written now and is kept %s: %s", place, why)

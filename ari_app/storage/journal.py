"""Writes the journal behind the calls: memory at once, one thread, one transaction for every tenth of a second."""

from __future__ import annotations

import itertools
import logging
import threading
import time

import sqlalchemy as sa

from ari_app.core.timeline import Entry
from ari_app.ports import CallClosed, CallOpened, CallRouted, LegRecord, MessageRecord
from ari_app.storage.batch import Batch, Happening, is_refusal
from ari_app.storage.database import writing

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.1
RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
CAPACITY = 200_000
"""Happenings kept while the database is away: about ten thousand calls, some 100 MB."""


class SqlJournal:
    """The `ari_app.ports.Journal` that SQL keeps.

    Every method of the port is a lock and an append, for any thread. One thread writes. While the database is away what
    was heard is kept, up to ``capacity`` happenings, and written when it is back.
    """

    def __init__(self, engine: sa.Engine, *, gather_seconds: float = GATHER_SECONDS, capacity: int = CAPACITY) -> None:
        self._engine = writing(engine)
        self._gather_seconds = gather_seconds
        self._capacity = capacity
        # Entries of a call that another process began, and this one goes on with, must come after that one's.
        self._seq = itertools.count(time.time_ns() // 1000)
        self._heard: list[Happening] = []
        self._retried: list[Happening] = []
        self._lock = threading.Lock()  # taken for every happening: a condition's own methods are dearer
        self._news = threading.Condition(self._lock)
        self._taken_in = 0
        self._settled = 0
        self._hurried = 0
        self._lost = 0
        self._full = False
        self._given_up = False
        self._asleep = False
        self._closing = False
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def opened(self, call: CallOpened) -> None:
        """A call has arrived."""
        self._take_in(call)

    def routed(self, call: CallRouted) -> None:
        """The call's scheme and branch are known."""
        self._take_in(call)

    def noted(self, call_id: str, entry: Entry) -> None:
        """Something happened in the call."""
        self._take_in((call_id, next(self._seq), entry))

    def leg(self, leg: LegRecord) -> None:
        """A leg is over."""
        self._take_in(leg)

    def message(self, message: MessageRecord) -> None:
        """The caller left a message."""
        self._take_in(message)

    def closed(self, call: CallClosed) -> None:
        """The call is over."""
        self._take_in(call)

    @property
    def trouble(self) -> str:
        """Why the database takes no writing at present; empty when it does."""
        return self._trouble

    @property
    def lost(self) -> int:
        """How many happenings found no room in memory, or no place in the database."""
        return self._lost

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait in a thread until all that was heard so far is written; False when ``timeout`` seconds pass first."""
        with self._news:
            aim = self._taken_in
            self._hurried = max(self._hurried, aim)
            self._news.notify_all()
            return self._news.wait_for(lambda: self._settled >= aim, timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """Write what is left and end the thread. False, and a log line, when ``timeout`` seconds were too short."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        done = self.flush(timeout)
        if not done:
            with self._news:
                self._given_up = True
                self._news.notify_all()
            log.error("%d entries of the journal were not written: %s", self._taken_in - self._settled, self._trouble)
        self._thread.join(timeout)
        return done

    def _take_in(self, happening: Happening) -> None:
        with self._lock:
            if self._taken_in - self._settled >= self._capacity:
                self._overflow()
                return
            self._heard.append(happening)
            self._taken_in += 1
            if self._asleep:
                self._asleep = False
                self._news.notify_all()

    def _overflow(self) -> None:
        """No room: here a spool on disk would take over."""
        if not self._full:
            self._full = True
            log.error(
                "the journal is full (%d entries) because the database takes none; newer entries are lost until it "
                "does: %s",
                self._capacity,
                self._trouble or "it is too slow",
            )
        self._lost += 1

    def _run(self) -> None:
        attempt = 0
        while self._gathered(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS)) - 1] if attempt else 0.0):
            attempt = 0 if self._write() else attempt + 1

    def _gathered(self, backoff: float) -> bool:
        """Wait until there is something worth a transaction; False when there never will be."""
        with self._news:
            if backoff:
                self._news.wait_for(lambda: self._closing, backoff)
                if self._closing:
                    # Closing hurries one attempt along, then waits as before: a lock may be gone any moment.
                    self._news.wait(RETRY_SECONDS[0])
            else:
                while not self._heard and not self._closing:
                    self._asleep = True
                    self._news.wait()
                self._asleep = False
                self._news.wait_for(lambda: self._closing or self._hurried > self._settled, self._gather_seconds)
            self._retried.extend(self._heard)
            self._heard = []
            return not self._given_up and (bool(self._retried) or not self._closing)

    def _write(self) -> bool:
        """One transaction; whether all that was gathered is settled, written or found impossible to write."""
        if not self._retried:
            return True
        try:
            self._commit(Batch(self._retried))
        except Exception as error:  # noqa: BLE001 - whatever it is, the journal's thread must outlive it
            self._failed(error)
            return False
        with self._news:
            if self._trouble:
                log.info("the journal is written again")
                self._trouble = ""
                self._full = False
            self._settled += len(self._retried)
            self._retried = []
            self._news.notify_all()
        return True

    def _commit(self, batch: Batch) -> None:
        try:
            with self._engine.begin() as connection:
                batch.write(connection)
        except (sa.exc.StatementError, TypeError, ValueError, OverflowError) as error:
            if not is_refusal(error):
                raise
            # One impossible row (its call was deleted meanwhile, say) must not hold up the others for ever.
            log.warning("a batch of the journal was refused and is written row by row: %s", _cause(error))
            with self._engine.begin() as connection:
                refused = batch.write_one_by_one(connection)
            for row, reason in refused:
                self._lost += 1
                log.error("the journal lost an entry of call %s: %s", row.get("call_id", row.get("id")), _cause(reason))

    def _failed(self, error: Exception) -> None:
        newly, self._trouble = not self._trouble, _cause(error)
        if newly:
            log.error("the journal cannot be written now and is kept in memory: %s", self._trouble)


def _cause(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())

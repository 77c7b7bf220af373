"""The near side of the journal: takes happenings in at once, for any thread; counts what is safe and what written."""

from __future__ import annotations

import itertools
import logging
import threading
import time

from ari_app.core.timeline import Entry
from ari_app.ports import CallAmended, CallClosed, CallOpened, CallRouted, LegRecord, MessageRecord
from ari_app.storage.batch import Happening
from ari_app.storage.spool import Spool

log = logging.getLogger(__name__)


class JournalIntake:
    """The `ari_app.ports.Journal`, as far as a call meets it: every method of the port is a lock and an append.

    What was heard waits in ``_heard``, at most ``capacity`` of it, until a subclass's thread takes it away. That thread
    counts under the lock what is settled (written, or impossible to write) and safe (settled, or on disk).
    """

    def __init__(self, spool: Spool | None, capacity: int) -> None:
        self._spool = spool
        self._capacity = capacity
        # Entries of a call that another process began, and this one goes on with, must come after that one's.
        self._seq = itertools.count(time.time_ns() // 1000)
        self._heard: list[Happening] = []
        self._lock = threading.Lock()  # taken for every happening: a condition's own methods are dearer
        self._news = threading.Condition(self._lock)
        self._taken_in = 0
        self._settled = 0
        self._safe = 0
        self._hurried = 0
        self._lost = 0
        self._full = False
        self._asleep = False
        self._trouble = ""

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

    def amended(self, call: CallAmended) -> None:
        """The recording that a closed call was owed has come, or has been waited for long enough."""
        self._take_in(call)

    def _take_in(self, happening: Happening) -> None:
        with self._lock:
            if self._taken_in - self._safe >= self._capacity:
                self._overflow()
                return
            self._heard.append(happening)
            self._taken_in += 1
            if self._asleep:
                self._asleep = False
                self._news.notify_all()

    def _overflow(self) -> None:
        """No room: the database takes nothing, and the disk neither."""
        if not self._full:
            self._full = True
            log.error(
                "the journal is full (%d entries) because the database takes none; newer entries are lost until it "
                "does: %s",
                self._capacity,
                "; ".join(
                    filter(None, (self._trouble or "it is too slow", self._spool.trouble if self._spool else ""))
                ),
            )
        self._lost += 1

    # --- for whoever runs it ------------------------------------------------------------------------------------------

    @property
    def trouble(self) -> str:
        """Why the database takes no writing at present; empty when it does."""
        return self._trouble

    @property
    def lost(self) -> int:
        """How many happenings found no room in memory, or no place in the database."""
        return self._lost

    @property
    def unwritten(self) -> int:
        """How many happenings of this process are not in the database yet."""
        return self._taken_in - self._settled

    @property
    def in_memory(self) -> int:
        """How many of those a kill would lose."""
        return self._taken_in - self._safe

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait in a thread until all that was heard so far is written; False when ``timeout`` seconds pass first."""
        with self._news:
            aim = self._taken_in
            self._hurried = max(self._hurried, aim)
            self._news.notify_all()
            return self._news.wait_for(lambda: self._settled >= aim, timeout)

    def keep(self, timeout: float = 10.0) -> bool:
        """Wait in a thread until all that was heard so far survives a kill, in the database or on disk; False when
        ``timeout`` seconds pass first."""
        with self._news:
            aim = self._taken_in
            return self._news.wait_for(lambda: self._safe >= aim, timeout)

"""Keeps the scheme book up to date from a thread of its own: an edit by SQL is live within a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from ari_app.core.checks import DialRules, Severity
from ari_app.core.message_book import MessageBook
from ari_app.core.scheme import Greeting, SchemeBook
from ari_app.storage.book import Reading, compile_book
from ari_app.storage.database import snapshot, writing
from ari_app.storage.rows import Token, read_configuration, read_token
from ari_app.storage.schema import configuration_changes
from ari_app.storage.snapshot import BookSnapshot
from ari_app.storage.versions import VersionRecorder, moment_of

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
CHANGES_KEPT = 200
CHANGES_AT_MOST = 2000


class SchemeBookKeeper:
    """The `ari_app.ports.Book` of a live controller, of schemes and of messages.

    ``on_change`` is called in the keeper's thread after each new reading (an asyncio caller hands it on with
    ``loop.call_soon_threadsafe``). While the database is away the last book stays in force; with a ``snapshot`` also
    over a restart, as does the last good version of what makes no sense now. A new ``year`` is a new reading, for the
    public holidays of the years that come into sight. ``keep_versions``: write down what comes into force, which takes
    an engine that may write.
    """

    def __init__(
        self,
        engine: sa.Engine,
        rules: DialRules,
        default_greeting: Greeting,
        *,
        poll_seconds: float = POLL_SECONDS,
        on_change: Callable[[Reading], None] | None = None,
        snapshot: BookSnapshot | None = None,
        keep_versions: bool = True,
        year: Callable[[], int] = lambda: datetime.now(UTC).year,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._default_greeting = default_greeting
        self._poll_seconds = poll_seconds
        self._on_change = on_change
        self._reading = Reading()
        self._snapshot = snapshot
        self._versions = VersionRecorder() if keep_versions else None
        self._year = year
        self._turn = threading.Lock()
        self._loaded = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="scheme-book", daemon=True)
        self._trouble = ""

    @property
    def current(self) -> SchemeBook:
        """The schemes in force; empty until the first reading."""
        return self._reading.book

    @property
    def messages(self) -> MessageBook:
        """What is in force about messages, of the same reading."""
        return self._reading.messages

    @property
    def reading(self) -> Reading:
        """The last reading: the book and what was found wrong in the database, or in what is kept of it on disk."""
        return self._reading

    @property
    def trouble(self) -> str:
        """Why the database could not be read last time; empty when it could."""
        return self._trouble

    def start(self) -> None:
        """Begin watching."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End watching; waits at most ``timeout`` seconds for a reading under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def wait_loaded(self, timeout: float | None = None) -> bool:
        """Wait in a thread until there has been a reading, or the database was found away and what is kept of it on
        disk is in force; False when ``timeout`` seconds pass first."""
        return self._loaded.wait(timeout)

    def refresh(self) -> bool:
        """Look for edits now; True when there was a new reading. Never raises for the database's troubles."""
        with self._turn:
            try:
                changed = self._read()
                if self._versions is not None and self._versions.owes:
                    self._versions.write(self._engine)
            except sa.exc.SQLAlchemyError as error:
                self._failed(error)
                return False
            if self._trouble:
                log.info("the database can be read again")
                self._trouble = ""
            return changed

    def restore(self) -> bool:
        """Put in force what was last in force according to the disk; False when there is nothing of use."""
        with self._turn:
            try:
                kept = self._snapshot.load() if self._snapshot is not None else None
                if kept is None:
                    return False
                good = compile_book(kept.good, self._rules, self._default_greeting, Reading())
                reading = compile_book(kept.latest, self._rules, self._default_greeting, good)
            except Exception:
                log.exception("the schemes that are kept on disk are of no use")
                return False
            # Told again by the first reading, and compared with it: the database may have been edited meanwhile.
            self._reading = replace(reading, token=Reading().token, problems=())
            return True

    def _watch(self) -> None:
        self.restore()
        while True:
            try:
                self.refresh()
            except Exception:
                log.exception("reading the scheme book failed unexpectedly; the last book stays in force")
            if self._stopping.wait(self._poll_seconds):
                return

    def _read(self) -> bool:
        with snapshot(self._engine).begin() as connection:
            year = self._year()
            if (read_token(connection), year) == (self._reading.token, self._reading.year):
                return False
            read_at = moment_of(connection)
            configuration = read_configuration(connection)
        reading = compile_book(configuration, self._rules, self._default_greeting, self._reading, year)
        before, self._reading = self._reading, reading
        self._loaded.set()
        if self._on_change is not None:
            self._on_change(reading)
        if self._snapshot is not None:
            self._snapshot.keep(configuration, reading)
        self._tell(reading, before)  # last: what is told to be in force outlives a kill
        if self._versions is not None:
            self._versions.notice(reading, read_at)
        self._prune(reading.token)
        return True

    def _tell(self, reading: Reading, before: Reading) -> None:
        """Log what has come into force and what is newly wrong; known problems are not told again."""
        known = set(before.problems)
        for problem in reading.problems:
            if problem not in known:
                level = logging.ERROR if problem.severity is Severity.ERROR else logging.WARNING
                log.log(level, "%s", problem, extra={"shown": tuple(reading.book.numbers)})  # ours are no secret
        numbers, version = len(reading.book.numbers), reading.book.version
        log.info("book %s in force: %d numbers, %d schemes recompiled", version, numbers, reading.recompiled)

    def _failed(self, error: sa.exc.SQLAlchemyError) -> None:
        cause = str(getattr(error, "orig", None) or error).strip()
        if not self._trouble:
            log.error("the database cannot be read, %s: %s", self._in_force(), cause)
        self._trouble = cause
        if self._reading.book.loaded:
            self._loaded.set()

    def _in_force(self) -> str:
        """What calls go by, in words."""
        if not self._reading.book.loaded:
            return "calls get the configured default"
        if self._snapshot is not None and self._snapshot.restored_at and not self._loaded.is_set():
            return (
                f"the schemes of {self._snapshot.restored_at:%Y-%m-%d %H:%M:%S} UTC are in force, {self._snapshot.path}"
            )
        return "the last book stays in force"

    def _prune(self, token: Token) -> None:
        """Shorten the list of changes. The removal notes itself, so that it cannot hide an edit made meanwhile."""
        count, latest = token
        if count <= CHANGES_AT_MOST:
            return
        changes = configuration_changes
        try:
            with writing(self._engine).begin() as connection:
                connection.execute(sa.delete(changes).where(changes.c.id <= latest - CHANGES_KEPT))
                connection.execute(sa.insert(changes).values(table_name=changes.name))
        except sa.exc.SQLAlchemyError as error:
            log.info("old entries of %s stay until the next edit: %s", changes.name, error)

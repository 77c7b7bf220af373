"""Keeps the scheme book up to date from a thread of its own: an edit by SQL is live within a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import sqlalchemy as sa

from ari_app.core.checks import DialRules, Severity
from ari_app.core.message_book import MessageBook
from ari_app.core.scheme import Greeting, SchemeBook
from ari_app.storage.book import Reading, load_book
from ari_app.storage.database import snapshot, writing
from ari_app.storage.rows import Token, read_token
from ari_app.storage.schema import configuration_changes

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
CHANGES_KEPT = 200
CHANGES_AT_MOST = 2000


class SchemeBookKeeper:
    """The `ari_app.ports.Book` of a live controller, of schemes and of messages.

    ``on_change`` is called in the keeper's thread after each new reading (an asyncio caller hands it on with
    ``loop.call_soon_threadsafe``). While the database is away the last book stays in force.
    """

    def __init__(
        self,
        engine: sa.Engine,
        rules: DialRules,
        default_greeting: Greeting,
        *,
        poll_seconds: float = POLL_SECONDS,
        on_change: Callable[[Reading], None] | None = None,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._default_greeting = default_greeting
        self._poll_seconds = poll_seconds
        self._on_change = on_change
        self._reading = Reading()
        self._turn = threading.Lock()
        self._loaded = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="scheme-book", daemon=True)
        self._trouble = ""

    @property
    def current(self) -> SchemeBook:
        """The snapshot in force; empty until the first reading."""
        return self._reading.book

    @property
    def messages(self) -> MessageBook:
        """What is in force about messages, of the same snapshot."""
        return self._reading.messages

    @property
    def reading(self) -> Reading:
        """The last reading: the book and what was found wrong in the database."""
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
        """Wait in a thread until there has been a reading; False when ``timeout`` seconds pass first."""
        return self._loaded.wait(timeout)

    def refresh(self) -> bool:
        """Look for edits now; True when there was a new reading. Never raises for the database's troubles."""
        with self._turn:
            try:
                changed = self._read()
            except sa.exc.SQLAlchemyError as error:
                self._failed(error)
                return False
            if self._trouble:
                log.info("the database can be read again")
                self._trouble = ""
            return changed

    def _watch(self) -> None:
        while True:
            try:
                self.refresh()
            except Exception:
                log.exception("reading the scheme book failed unexpectedly; the last book stays in force")
            if self._stopping.wait(self._poll_seconds):
                return

    def _read(self) -> bool:
        with snapshot(self._engine).begin() as connection:
            if self._loaded.is_set() and read_token(connection) == self._reading.token:
                return False
            reading = load_book(connection, self._rules, self._default_greeting, self._reading)
        self._tell(reading)
        self._reading = reading
        self._loaded.set()
        if self._on_change is not None:
            self._on_change(reading)
        self._prune(reading.token)
        return True

    def _tell(self, reading: Reading) -> None:
        """Log what has come into force and what is newly wrong; known problems are not told again."""
        known = set(self._reading.problems)
        for problem in reading.problems:
            if problem not in known:
                level = logging.ERROR if problem.severity is Severity.ERROR else logging.WARNING
                log.log(level, "%s", problem, extra={"shown": (problem.where,)})  # a number of ours is no secret
        numbers, version = len(reading.book.numbers), reading.book.version
        log.info("book %s in force: %d numbers, %d schemes recompiled", version, numbers, reading.recompiled)

    def _failed(self, error: sa.exc.SQLAlchemyError) -> None:
        cause = str(getattr(error, "orig", None) or error).strip()
        if not self._trouble:
            log.error("the database cannot be read, the last book stays in force: %s", cause)
        self._trouble = cause

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

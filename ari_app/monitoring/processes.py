"""What each process shows of itself: its metrics, what its readiness asks for, and its endpoint."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from ari_app.ari.connection import AriConnection
from ari_app.ari.telephony import Telephony
from ari_app.core.release import Limits
from ari_app.core.verdict import Verdict
from ari_app.crm.lookups import Lookups
from ari_app.late_recordings import LateRecordings
from ari_app.message_store import MessageStore
from ari_app.monitoring import catalogue
from ari_app.monitoring.ari_requests import AriRequests, read_connection
from ari_app.monitoring.calls import CountingJournal
from ari_app.monitoring.meters import Meters
from ari_app.monitoring.pulse import LoopPulse, Pulse
from ari_app.monitoring.readiness import Check, Lack, health, readiness
from ari_app.monitoring.sendings import Sendings
from ari_app.monitoring.server import MonitorServer
from ari_app.monitoring.stores import BookWatch, OutboxWatch, read_journal, read_recordings
from ari_app.ports import Journal
from ari_app.settings import Settings
from ari_app.storage.journal import SqlJournal
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.spool import Spool

ASK_DOCTOR = "ari-app doctor says what is wrong with it"
GIVE_A_NAME = "stop one of the two, or give it a name of its own by ARI_APP_ARI_APPLICATION (and AST_APP); then restart"
KEEP_MESSAGES = "make room in ARI_APP_MESSAGES_FOLDER, and let the controller write there; it tries again by itself"


class LoopMonitor:
    """What the controller's and FastAGI's monitors have in common: an event loop, and a book of schemes."""

    def __init__(self, process: str) -> None:
        self.meters = Meters(process)
        self.book = BookWatch()
        self._lag = self.meters.histogram(catalogue.LOOP_LAG)
        self.meters.read(catalogue.LOOP_TASKS, lambda: self._beats.tasks if self._beats else 0)
        self._pulse = Pulse()
        self._beats: LoopPulse | None = None
        self._checks: list[Check] = []
        self._server = MonitorServer(
            self.meters.rendered, lambda: health(self._pulse), lambda: readiness(tuple(self._checks))
        )

    def _watch_book(self, book: SchemeBookKeeper) -> None:
        self.book.read(self.meters, book)
        self._checks.append(lambda: _no_book(book))

    def start(self, host: str, port: int, variable: str) -> None:
        """Begin to answer; on the running event loop, which is watched from now on."""
        self._beats = LoopPulse(self._pulse, self._lag.observe)
        self._server.start(host, port, variable)

    def stopping(self) -> None:
        """The process takes no more work: it is not ready any more."""
        self._checks.append(lambda: Lack("stopping", "it was told to stop", "start it again"))

    def stop(self) -> None:
        """Answer no more."""
        if self._beats is not None:
            self._beats.stop()
        self._server.stop()


def _no_book(book: SchemeBookKeeper) -> Lack | None:
    if book.wait_loaded(0):
        return None
    return Lack("schemes", book.trouble or "they have not been read yet", ASK_DOCTOR)


class ControllerMonitor(LoopMonitor):
    """The controller's, for `ari-app serve`."""

    def __init__(self) -> None:
        super().__init__("serve")
        self._requests = AriRequests(self.meters)
        self._entered = self.meters.counter(catalogue.ENTERED)
        self._lookups = self.meters.counter(catalogue.CRM_LOOKUPS)
        self._lookup_seconds = self.meters.histogram(catalogue.CRM_LOOKUP)

    def counted(self, journal: Journal) -> Journal:
        """The journal, its calls counted from now on."""
        return CountingJournal(journal, self.meters)

    def asked(self, crm: str, result: str, seconds: float | None) -> None:
        """A CRM was asked, or was not, who is responsible for a caller."""
        self._lookups.labels(crm, result).inc()
        if seconds is not None:
            self._lookup_seconds.labels(crm).observe(seconds)

    def entered(self, result: Verdict) -> None:
        """A call was entered that the dialplan had served alone."""
        self._entered.labels(result.disposition.value).inc()

    def watch(
        self,
        book: SchemeBookKeeper,
        journal: SqlJournal,
        spool: Spool,
        messages: MessageStore,
        telephony: Telephony,
        *,
        late: LateRecordings,
        lookups: Lookups,
    ) -> None:
        """Keep an eye on these; before any of them is started."""
        self.meters.read(
            catalogue.CRM_PAUSED, lambda: {(crm,): float(paused) for crm, paused in lookups.paused().items()}
        )
        self._watch_book(book)
        read_journal(self.meters, journal, spool)
        read_recordings(self.meters, messages, late)
        connection = telephony.connection
        read_connection(self.meters, connection)
        connection.on_answer = self._requests
        turned_away = telephony.door.turned_away
        self.meters.read(
            catalogue.TURNED_AWAY, lambda: {(why.value,): float(count) for why, count in turned_away.items()}
        )
        self._checks.append(lambda: _no_asterisk(connection))
        self._checks.append(lambda: _no_place_for_messages(messages))


def _no_asterisk(connection: AriConnection) -> Lack | None:
    if connection.connected:
        return None
    if connection.replaced:
        return Lack("replaced", connection.trouble, GIVE_A_NAME)
    return Lack("asterisk", connection.trouble or "connecting", ASK_DOCTOR)


def _no_place_for_messages(messages: MessageStore) -> Lack | None:
    """Calls are taken all the same, and their recordings kept in Asterisk's spool; but not for ever."""
    if not messages.trouble:
        return None
    return Lack("messages", f"recordings cannot be kept: {messages.trouble}", KEEP_MESSAGES)


class AgiMonitor(LoopMonitor):
    """FastAGI's, for `ari-app agi`."""

    def __init__(self) -> None:
        super().__init__("agi")
        self._rescued = self.meters.counter(catalogue.RESCUED)

    def rescued(self, what: str) -> None:
        """Something was done for the callers of a dead controller."""
        self._rescued.labels(what).inc()

    def watch(self, book: SchemeBookKeeper) -> None:
        """Keep an eye on the book."""
        self._watch_book(book)


class SenderMonitor:
    """The sender's, for `ari-app sender`: threads, and no event loop but its own."""

    def __init__(self, engine: sa.Engine, limits: Limits) -> None:
        self.meters = Meters("sender")
        self._trouble: Callable[[], str] = lambda: "not started"
        self.pulse = Pulse()
        self.sendings = Sendings(self.meters)
        self._outbox = OutboxWatch(engine, limits)
        self._outbox.read(self.meters)
        self._server = MonitorServer(
            self.meters.rendered,
            lambda: health(self.pulse),
            lambda: readiness([lambda: _no_outbox(self._trouble())]),
            self._outbox.look,
        )

    def start(self, settings: Settings, trouble: Callable[[], str]) -> None:
        """Begin to answer; ``trouble`` says why the outbox cannot be used, if it cannot."""
        self._trouble = trouble
        self.pulse.beat()
        self._server.start(settings.monitor_host, settings.sender_monitor_port, "ARI_APP_SENDER_MONITOR_PORT")

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop()


def _no_outbox(trouble: str) -> Lack | None:
    return Lack("outbox", trouble, ASK_DOCTOR) if trouble else None

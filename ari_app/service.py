"""The controller as a whole: wires its parts together, starts them, and stops them in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]  # ships no types
from sqlalchemy import Engine

from ari_app.ari.dialplan_notes import DialplanNotes
from ari_app.ari.recordings import AriRecordings
from ari_app.ari.telephony import Telephony
from ari_app.call import Exchange
from ari_app.crm.configuration import load_crms
from ari_app.crm.lookups import Lookups
from ari_app.day_caps import DayCaps
from ari_app.fallback.case import Desk
from ari_app.fallback.intake import FallbackIntake
from ari_app.fallback.spoken import Spoken
from ari_app.late_recordings import LateRecordings
from ari_app.message_store import MessageStore
from ari_app.monitoring.processes import ControllerMonitor
from ari_app.reception import Reception
from ari_app.ring_turns import RingTurns
from ari_app.settings import Settings
from ari_app.storage.database import open_database
from ari_app.storage.fallback_rows import FallbackRows
from ari_app.storage.journal import SqlJournal
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.open_calls import OpenCalls
from ari_app.storage.outside_calls import OutsideCalls
from ari_app.storage.owed_recordings import OwedRecordings
from ari_app.storage.ring_rows import RingRows
from ari_app.storage.snapshot import BookSnapshot
from ari_app.storage.spool import Spool

log = logging.getLogger(__name__)

SWEEP_SECONDS = 60
ENCODE_SECONDS = 300
LATE_SECONDS = 5
FALLBACK_SECONDS = 2
OUTSIDE_SECONDS = 5
TURNS_SECONDS = 1
TURNS_START_SECONDS = 5.0
"""How long a start waits for what is known of turns: while the database is away, calls go without."""


class Service:
    """Everything a running controller consists of."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine = open_database(settings.database_url)
        self._monitor = ControllerMonitor()
        self.book = SchemeBookKeeper(
            self._engine,
            settings.dial_policy,
            settings.default_greeting,
            on_change=self._monitor.book.changed,
            snapshot=BookSnapshot(settings.state),
        )
        self._spool = spool = Spool(settings.state)
        self.journal = SqlJournal(self._engine, spool=spool)
        recordings = AriRecordings(settings.ari_application, lambda: self.telephony.connection.client)
        self._messages = MessageStore(settings.messages_folder, recordings)
        counted = self._monitor.counted(self.journal)
        ledger = OwedRecordings(self._engine, settings.ari_application, lambda: self._journal_is_whole)
        self._late = LateRecordings(ledger, self._messages, counted, self.book, settings.deployment)
        caps, turns = DayCaps(settings.outside_calls_a_day), RingTurns()
        self._lookups = Lookups(load_crms(settings.crm_file), self._monitor.asked)
        exchange = Exchange(
            self.book,
            counted,
            self._messages,
            settings.default_steps,
            settings.max_call_seconds,
            rules=self.book,
            deployment=settings.deployment,
            caps=caps,
            turns=turns,
            managers=self._lookups,
            language=settings.language,
        )
        self._turns = RingRows(self._engine, turns.resume)
        self._outside = OutsideCalls(self._engine, caps.resume, datetime.now(UTC), lambda: self._journal_is_whole)
        self._notes = DialplanNotes(lambda: self.telephony.connection.client)
        left = OpenCalls(self._engine, settings.state, settings.ari_application)
        reception = Reception(exchange, left, self._notes, settings.ari_application, settings.region)
        self.telephony = Telephony(
            settings.ari,
            settings.dial_templates,
            reception.conduct,
            settings.max_call_seconds,
            settings.admission,
            before=reception,
        )
        self._fallback = self._intake(recordings)
        kept = (self.book, self.journal, spool, self._messages)
        self._monitor.watch(*kept, self.telephony, late=self._late, lookups=self._lookups)
        # The clock alone: kept in memory, late jobs run once, never beside themselves (see docs/decisions).
        self._clock = AsyncIOScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}, timezone=UTC
        )

    @property
    def _journal_is_whole(self) -> bool:
        """Whether the database has what was heard before now, and before the last start."""
        return not (self.journal.trouble or self._spool.size)

    async def start(self) -> None:
        """Start whatever a call will need before any call can come."""
        self._monitor.start(self._settings.monitor_host, self._settings.monitor_port, "ARI_APP_MONITOR_PORT")
        self.book.start()
        await asyncio.to_thread(self.book.wait_loaded, 5.0)
        self._clock.add_job(self.telephony.sweep_if_possible, "interval", seconds=SWEEP_SECONDS)
        # What a kill left without its mp3 gets it at once, not five minutes later.
        now = datetime.now(UTC)
        self._clock.add_job(self._messages.encode_missing, "interval", seconds=ENCODE_SECONDS, next_run_time=now)
        self._clock.add_job(self._take_late_recordings, "interval", seconds=LATE_SECONDS)
        self._clock.add_job(self._enter_fallback, "interval", seconds=FALLBACK_SECONDS)
        self._clock.add_job(self._outside.tell, "interval", seconds=OUTSIDE_SECONDS, next_run_time=now)
        self._clock.add_job(self._turns.tell, "interval", seconds=TURNS_SECONDS)
        self._clock.start()
        await asyncio.wait((asyncio.ensure_future(self._turns.tell()),), timeout=TURNS_START_SECONDS)
        await self.telephony.start()

    async def stop(self, patience_seconds: float) -> None:
        """Finish the calls under way, then what is left to write. Messages are settled while Asterisk's spool can still
        be reached, and the journal is written whatever becomes of the rest."""
        self._monitor.stopping()
        self._clock.shutdown(wait=False)
        async with AsyncExitStack() as last_first:
            last_first.push_async_callback(asyncio.to_thread, self._monitor.stop)
            last_first.callback(self._engine.dispose)
            last_first.callback(self._lookups.close)
            last_first.push_async_callback(asyncio.to_thread, self.book.stop)
            last_first.push_async_callback(asyncio.to_thread, self.journal.close)
            last_first.push_async_callback(self.telephony.close)
            last_first.push_async_callback(self._messages.close)
            last_first.push_async_callback(self._fallback.close)
            await self.telephony.finish(patience_seconds)

    def _intake(self, recordings: AriRecordings) -> FallbackIntake:
        settings = self._settings
        desk = Desk(
            book=self.book,
            rules=self.book,
            default=settings.default_steps,
            default_greeting=settings.default_greeting.name,
            deployment=settings.deployment,
            templates=settings.dial_templates,
            region=settings.region,
            owner=settings.ari_application,
            entered=self._monitor.entered,
        )
        return FallbackIntake(self._notes, FallbackRows(self._engine), Spoken(self._messages, recordings), desk)

    async def _take_late_recordings(self) -> None:
        """Not by a controller whose name another one has: those are the other's now."""
        if not self.telephony.connection.replaced:
            await self._late.go_through(reachable=self.telephony.connection.connected)

    async def _enter_fallback(self) -> None:
        """What the dialplan did alone; behind the journal's spool, which may have the beginning of such a call."""
        connection = self.telephony.connection
        if connection.connected and self._spool.empty:
            with suppress(
                asyncio.CancelledError
            ):  # by a stop, which is no failure of the job: the rest is entered later
                await self._fallback.look(connection.connections)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; then let live calls finish. A second signal ends them at once."""
    service = Service(settings)
    stop, now = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        (now if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await service.start()
    log.info("controller %s is running", settings.ari_application)
    await stop.wait()
    log.info("stopping")
    stopping = asyncio.ensure_future(service.stop(settings.shutdown_seconds))
    hurry = asyncio.ensure_future(now.wait())
    await asyncio.wait((stopping, hurry), return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    if not stopping.done():
        service.telephony.hurry()
    await stopping

"""The FastAGI process as a whole: a book kept up to date, a server, and their end in order."""

from __future__ import annotations

import asyncio
import logging
import signal

import sqlalchemy as sa

from ari_app.agi.lookup import Lookup
from ari_app.agi.server import AgiServer
from ari_app.monitoring.lookups import CountedScript
from ari_app.monitoring.processes import AgiMonitor
from ari_app.settings import Settings
from ari_app.storage.database import open_database
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.snapshot import BookSnapshot

log = logging.getLogger(__name__)

BOOK_SECONDS = 5.0
_READ_ONLY = {"sqlite": "PRAGMA query_only = ON", "postgresql": "SET default_transaction_read_only = on"}


def open_read_only(url: str) -> sa.Engine:
    """An engine whose every connection the database itself keeps from writing."""
    engine = open_database(url)

    @sa.event.listens_for(engine, "connect")
    def forbid_writing(connection: sa.engine.interfaces.DBAPIConnection, record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(_READ_ONLY[engine.dialect.name])
        cursor.close()
        connection.commit()

    return engine


async def serve(settings: Settings) -> None:
    """Answer lookups until SIGTERM or SIGINT. Raises OSError when the port cannot be had."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    engine = open_read_only(settings.database_url)
    monitor = AgiMonitor()
    book = SchemeBookKeeper(
        engine,
        settings.dial_policy,
        settings.default_greeting,
        on_change=monitor.book.changed,
        snapshot=BookSnapshot(settings.state),
    )
    lookup = Lookup(book, settings.default_steps, settings.dial_templates, settings.region)
    server = AgiServer({"lookup": CountedScript(lookup, monitor.meters)})
    monitor.watch(book)
    monitor.start(settings.monitor_host, settings.agi_monitor_port, "ARI_APP_AGI_MONITOR_PORT")
    book.start()
    try:
        await asyncio.to_thread(book.wait_loaded, BOOK_SECONDS)
        await server.start(settings.agi_host, settings.agi_port)
        log.info("FastAGI is ready at agi://%s:%d/lookup", settings.agi_host, settings.agi_port)
        await stop.wait()
        log.info("stopping")
        monitor.stopping()
    finally:
        await server.stop()
        await asyncio.to_thread(book.stop)
        await asyncio.to_thread(monitor.stop)
        engine.dispose()

"""The FastAGI process as a whole: a book kept up to date, a server, and their end in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import sqlalchemy as sa

from ari_app.agi.lookup import Lookup
from ari_app.agi.rescue import Rescue, Watch
from ari_app.agi.server import AgiServer
from ari_app.ari.rest_only import rest_only
from ari_app.monitoring.lookups import CountedScript
from ari_app.monitoring.processes import AgiMonitor
from ari_app.settings import Settings
from ari_app.storage.database import open_database
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.snapshot import BookSnapshot
from ari_app.storage.under_way import recordings_begun

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


@asynccontextmanager
async def rescuing(settings: Settings, engine: sa.Engine, monitor: AgiMonitor) -> AsyncIterator[None]:
    """Meanwhile, look after callers whose controller dies."""
    if not settings.rescue_seconds:
        yield
        return
    if not settings.health_url or not settings.ari_password.get_secret_value():
        log.warning(
            "callers of a controller that dies are not seen after: %s is not set",
            "ARI_APP_ARI_PASSWORD" if settings.health_url else "ARI_APP_MONITOR_PORT",
        )
        yield
        return
    ari = settings.ari
    async with rest_only(ari) as client, aiohttp.ClientSession() as session:
        rescue = Rescue(ari.app, client, partial(recordings_begun, engine), lambda what: monitor.rescued(what.value))
        task = asyncio.create_task(rescue.run(Watch(settings.health_url, settings.rescue_seconds), session))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


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
        keep_versions=False,
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
        async with rescuing(settings, engine, monitor):
            await stop.wait()
        log.info("stopping")
        monitor.stopping()
    finally:
        await server.stop()
        await asyncio.to_thread(book.stop)
        await asyncio.to_thread(monitor.stop)
        engine.dispose()

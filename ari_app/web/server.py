"""The HTTP process as a whole: where it listens, what it works on, and its end in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager

import anyio.to_thread
import uvicorn

from ari_app.gateways.base import BaseGateway
from ari_app.gateways.configuration import load_gateways
from ari_app.settings import Settings
from ari_app.storage.database import open_database
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.web.app import application
from ari_app.web.protocol import ImpatientProtocol
from ari_app.web.site import Site
from ari_app.web.throttle import Throttle

log = logging.getLogger(__name__)

BOOK_SECONDS = 5.0
THREADS = 8
"""That work on requests, each with its connection to the database."""
MOST_CONNECTIONS = 200
STOP_SECONDS = 10
IDLE_SECONDS = 5
MOST_HEAD_BYTES = 16 * 1024


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which end the process by the signal instead of in order."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(settings: Settings) -> None:
    """Answer requests until SIGTERM or SIGINT. Raises OSError when the port cannot be had, GatewaysError for gateways
    that make no sense."""
    listener = _listener(settings)
    loop = asyncio.get_running_loop()
    engine = open_database(settings.database_url, pool_size=THREADS)
    book = SchemeBookKeeper(engine, settings.dial_policy, settings.default_greeting)
    gateways = {gateway.name: gateway for gateway in _gateways(settings)}
    burst = max(100.0, settings.web_rate)
    site = Site(settings, engine, book, gateways, requests=Throttle(settings.web_rate, burst))
    server = _Server(_config(site))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, server)
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    book.start()
    try:
        await asyncio.to_thread(book.wait_loaded, BOOK_SECONDS)
        log.info("the HTTP interface is ready at %s", shown_address(listener))
        await server.serve(sockets=[listener])
    finally:
        listener.close()
        await asyncio.to_thread(book.stop)
        for gateway in gateways.values():
            gateway.close()
        engine.dispose()
    log.info("stopped")


def _config(site: Site) -> uvicorn.Config:
    """uvicorn with its own logs, headers and WebSockets off, and an end to everything."""
    proxied = bool(site.settings.web_url)
    return uvicorn.Config(
        application(site),
        http=ImpatientProtocol,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=proxied,
        forwarded_allow_ips=site.settings.web_proxies if proxied else None,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
    )


def _gateways(settings: Settings) -> tuple[BaseGateway, ...]:
    return load_gateways(settings.gateways_file, settings.inbox_folder)


def _stop(server: _Server) -> None:
    if server.should_exit:
        server.force_exit = True
    else:
        log.info("stopping")
    server.should_exit = True


def _listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.web_host else socket.AF_INET
    return socket.create_server((settings.web_host, settings.web_port), family=family, backlog=128)


def shown_address(listener: socket.socket) -> str:
    """The address as one types it into a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

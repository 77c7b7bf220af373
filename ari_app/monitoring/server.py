"""Answers /metrics, /healthz and /readyz from a thread and an event loop of its own: no scrape holds up a call."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from ari_app.monitoring.readiness import Answer

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREPARE_SECONDS = 3.0
STOP_SECONDS = 5.0
MOST_CONNECTIONS = 32
LONGEST_SECONDS = 300.0
"""No connection lasts longer: those who say nothing would use up the room of the others."""


class MonitorServer:
    """The monitoring endpoint of one process.

    ``rendered`` gives the metrics; ``health`` and ``readiness`` answer at once. ``prepare`` may block: it runs in a
    thread before the metrics are rendered, for 3 s at most; what takes longer is scraped as it was.
    """

    def __init__(
        self,
        rendered: Callable[[], bytes],
        health: Callable[[], Answer],
        readiness: Callable[[], Answer],
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self._rendered = rendered
        self._health = health
        self._readiness = readiness
        self._prepare = prepare
        self._preparing: asyncio.Future[None] | None = None
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.port = 0
        """Where it listens; 0: nowhere."""

    def start(self, host: str, port: int, variable: str) -> None:
        """Listen; ``port`` 0 leaves it off. A port that cannot be had is told in the log, with the ``variable`` that
        moves it, and costs the process nothing else."""
        if not port:
            return
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, port), family=family, backlog=MOST_CONNECTIONS)
        except OSError as error:
            log.error(
                "nobody can watch this process: %s:%d cannot be listened at (%s); choose another port by %s, or 0",
                *(host, port, error.strerror or error, variable),
            )
            return
        self.port = port
        began = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listener, began), name="monitoring", daemon=True)
        self._thread.start()
        began.wait(STOP_SECONDS)
        log.info("metrics, health and readiness at http://%s:%d", f"[{host}]" if ":" in host else host, port)

    def stop(self) -> None:
        """Listen no more; waits 5 s at most."""
        if self._thread is not None and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(STOP_SECONDS)
            self._thread = None

    def _run(self, listener: socket.socket, began: threading.Event) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve(listener, began))

    async def _serve(self, listener: socket.socket, began: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        application = web.Application(client_max_size=0)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/healthz", self._on_health)
        application.router.add_get("/readyz", self._on_readiness)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        accepting = asyncio.create_task(self._accept(listener, runner), name="monitoring-accept")
        began.set()
        await self._stop.wait()
        accepting.cancel()
        listener.close()
        await runner.cleanup()

    async def _accept(self, listener: socket.socket, runner: web.AppRunner) -> None:
        """Connections bounded in number and time: whoever may knock here cannot use up what calls need."""
        loop, server = asyncio.get_running_loop(), runner.server
        assert server is not None  # noqa: S101 - it is set up
        listener.setblocking(False)
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:
                log.error("nobody can be let in to watch this process now: %s", error.strerror or error)
                await asyncio.sleep(1.0)
                continue
            if len(server.connections) >= MOST_CONNECTIONS:
                connection.close()
                continue
            with suppress(OSError):
                transport, _ = await loop.connect_accepted_socket(server, connection)
                loop.call_later(LONGEST_SECONDS, transport.abort)

    async def _metrics(self, request: web.Request) -> web.Response:
        if self._prepare is not None:
            if self._preparing is None or self._preparing.done():
                self._preparing = asyncio.ensure_future(asyncio.to_thread(self._prepare))
            await asyncio.wait([self._preparing], timeout=PREPARE_SECONDS)
        return web.Response(body=self._rendered(), headers={"Content-Type": CONTENT_TYPE})

    async def _on_health(self, request: web.Request) -> web.Response:
        return _response(self._health())

    async def _on_readiness(self, request: web.Request) -> web.Response:
        return _response(self._readiness())


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, content_type="application/json")

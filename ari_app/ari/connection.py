"""The connection to one Asterisk: its event websocket kept up, its REST websocket beside it, and who is told."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import aiohttp
import orjson

from ari_app.ari import events
from ari_app.ari.client import AriClient
from ari_app.ari.errors import AriError, NotConnected
from ari_app.ari.events import Event
from ari_app.ari.rest import Answered, HttpLane, Rest, Socket
from ari_app.ari.restsocket import RestSocket
from ari_app.ari.settings import AriSettings
from ari_app.ari.sockets import explain, open_socket

logger = logging.getLogger(__name__)

REPLACED = "another controller has taken our application's name: stop one of the two; we are passive until restarted"
SOCKETS = 2
"""The event websocket and the REST websocket come out of the same pool of connections."""


async def _nothing() -> None:
    """The default for on_connected."""


class AriConnection:
    """Keeps us connected to Asterisk until `close`, and says when we are and are not.

    on_event(event): synchronous, called by the reader for every event in order; must not block; what it raises is
        logged.
    on_connected(): awaited at each (re)connection, with the event filter in force and REST at hand, before any event
        is passed on: the place to end or take up what outlived the drop. Events wait meanwhile; if it raises, we
        reconnect.
    on_disconnected(reason): synchronous; once for each on_connected that was begun.
    on_replaced(): synchronous; another controller took our application's name. Events stop for good; REST goes on.
    """

    def __init__(
        self,
        settings: AriSettings,
        on_event: Callable[[Event], None],
        *,
        on_connected: Callable[[], Awaitable[None]] = _nothing,
        on_disconnected: Callable[[str], None] = lambda reason: None,
        on_replaced: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._on_replaced = on_replaced
        self._connected = asyncio.Event()
        self._held: list[Event] | None = None
        self._begun = False
        self._closing = False
        self._ended = ""
        self._tasks: list[asyncio.Task[None]] = []
        self.on_answer: Answered | None = None
        """Who is told how requests fare; to be set before `start`."""
        self.connections = 0
        self.failures = 0
        """How many connections have been made, and how many attempts at one have failed."""
        self.replaced = False
        self.trouble = "not started"
        """Why there is no connection, with the mend; empty while there is one."""

    @property
    def connected(self) -> bool:
        """Whether events flow: connected, filtered, on_connected done, and not replaced."""
        return self._connected.is_set()

    async def start(self) -> None:
        """Begin to connect, and go on until `close`; returns at once. `client` and `rest` are there from now on."""
        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.http_connections + SOCKETS, keepalive_timeout=10.0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._http = HttpLane(self._session, settings)
        self.rest = Rest(self._http, settings.request_timeout, self.on_answer)
        self.client = AriClient(self.rest)
        self._rest_socket = RestSocket(self._session, settings, self.rest)
        self._say("connecting")
        self._tasks = [asyncio.create_task(self._stay_connected(), name="ari-events")]

    async def wait_connected(self, timeout: float) -> None:  # noqa: ASYNC109 - the error says more
        """Wait until connected, `timeout` seconds at most; NotConnected then says why and how to mend it."""
        try:
            async with asyncio.timeout(timeout):
                await self._connected.wait()
        except TimeoutError:
            raise NotConnected(self.trouble) from None

    async def close(self) -> None:
        """Close everything; requests under way get Disconnected or are cancelled. May be called twice."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tasks:
            self._tasks = []
            await self._rest_socket.stop()
            await self._http.close()
            await self._session.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _stay_connected(self) -> None:
        attempt = 0
        while not self.replaced:
            try:
                reason = await self._connect_once()
                attempt = 0
            except (AriError, aiohttp.ClientError, OSError, TimeoutError) as error:
                reason = explain(error, self._settings, attempt)
                attempt += 1
                self.failures += 1
            except Exception as error:
                reason = f"the connection broke in a way that nobody thought of ({error!r}); reconnecting"
                if self._closing:
                    raise
                if reason != self.trouble:
                    logger.exception("The connection to Asterisk broke")
                attempt += 1
                self.failures += 1
            self._say(reason, logging.ERROR if self.replaced else logging.WARNING)
            if not self.replaced:
                longest = min(self._settings.backoff_most, self._settings.backoff_first * 2 ** min(attempt, 10))
                await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - full jitter, no secret
        self._on_replaced()

    async def _connect_once(self) -> str:
        """One connection from start to end; returns why it ended, raises when it did not come about."""
        async with open_socket(self._session, self._settings, self._settings.app, heartbeat=True) as socket:
            self._held = []
            self._ended = "closed by us"
            reader = asyncio.create_task(self._read(socket), name="ari-reader")
            setup = asyncio.create_task(self._set_up(), name="ari-setup")
            try:
                await asyncio.wait((reader, setup), return_when=asyncio.FIRST_COMPLETED)
                if setup.done():
                    setup.result()
                return await reader
            finally:
                await self._tear_down(reader, setup)

    async def _set_up(self) -> None:
        """Everything between an open socket and the first event passed on."""
        await self.client.applications.filter(self._settings.app, self._settings.unused_events)
        await self._rest_socket.start()
        self._begun = True
        try:
            await self._on_connected()
        except AriError as error:  # the connection is lost again, or Asterisk is slow
            raise NotConnected(f"taking up the calls failed: {error}") from error
        except Exception as error:
            logger.exception("Taking up after the connection to Asterisk failed")
            raise NotConnected(f"taking up the calls failed: {error}") from error
        self._say("")
        self._connected.set()
        self.connections += 1
        self._pass_on_held()

    async def _tear_down(self, *tasks: asyncio.Task[str] | asyncio.Task[None]) -> None:
        self._connected.clear()
        self._held = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self.replaced:
            await self._rest_socket.stop()
        if self._begun:
            self._begun = False
            try:
                self._on_disconnected(self._ended)
            except Exception:
                logger.exception("The handler of a lost connection failed")

    async def _read(self, socket: Socket) -> str:
        """Pass events on until the socket ends, and say why it did."""
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            try:
                event: Event = events.parse(message.data)
            except orjson.JSONDecodeError as error:
                logger.error("An ARI event could not be read (%s): %.200r", error, message.data)
                continue
            if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                logger.error("An ARI message that is no event: %.200r", message.data)
                continue
            self._take(event)
            if self.replaced:
                self._ended = REPLACED
                return REPLACED
        lost = socket.exception() or f"close code {socket.close_code}"
        self._ended = f"the connection to Asterisk was lost ({lost}); reconnecting"
        return self._ended

    def _take(self, event: Event) -> None:
        if event["type"] == "ApplicationReplaced" and event.get("application") == self._settings.app:
            self.replaced = True
        if self._held is not None:
            self._held.append(event)
        else:
            self._pass_on(event)

    def _pass_on(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            logger.exception("The handler of %s failed", event["type"])

    def _pass_on_held(self) -> None:
        held, self._held = self._held or [], None
        for event in held:
            self._pass_on(event)

    def _say(self, trouble: str, level: int = logging.INFO) -> None:
        """Log a change of state once, however often we try."""
        if trouble != self.trouble:
            self.trouble = trouble
            logger.log(level, "ARI at %s: %s", self._settings.url, trouble or "connected")

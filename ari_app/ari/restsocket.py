"""Keeps the REST websocket up beside the event websocket, out of the way of events and heartbeats."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets

import aiohttp

from ari_app.ari.errors import AriError
from ari_app.ari.rest import Request, Rest, WebsocketLane
from ari_app.ari.settings import AriSettings
from ari_app.ari.sockets import open_socket

logger = logging.getLogger(__name__)


class RestSocket:
    """Gives `rest` a websocket lane whenever one can be had; without it, everything goes over HTTP.

    It has no heartbeat: while Asterisk carries out a slow request it does not even answer pings there. The event
    websocket's heartbeat notices a dead peer for both.
    """

    def __init__(self, session: aiohttp.ClientSession, settings: AriSettings, rest: Rest) -> None:
        self._session = session
        self._settings = settings
        self._rest = rest
        # A name of its own for each process, which no "^app" pattern of StasisBroadcast() matches.
        self._app = f"rest-{secrets.token_hex(4)}-{settings.app}"
        self._first_try = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to keep a lane up; returns when the first attempt has succeeded or failed."""
        self._first_try.clear()
        self._task = asyncio.create_task(self._stay_up(), name="ari-rest-socket")
        await self._first_try.wait()

    async def stop(self) -> None:
        """Close the lane; those waiting on it get Disconnected."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _stay_up(self) -> None:
        while True:
            try:
                await self._serve()
            except (AriError, aiohttp.ClientError, OSError, TimeoutError) as error:
                logger.debug("No REST websocket: %s", error)
            finally:
                self._first_try.set()
            await asyncio.sleep(random.uniform(0, self._settings.backoff_most))  # noqa: S311 - jitter, no secret

    async def _serve(self) -> None:
        """One websocket from its opening to its end."""
        async with open_socket(self._session, self._settings, self._app, heartbeat=False) as socket:
            lane = WebsocketLane(socket, self._settings.slow_after, self._settings.stuck_after)
            reader = asyncio.create_task(lane.read(), name="ari-rest-reader")
            try:
                # An Asterisk that knows no REST over websocket says nothing: then the lane is never used.
                await lane.send(Request("GET", "asterisk/ping"), self._settings.request_timeout)
                self._rest.lane = lane
                self._first_try.set()
                await asyncio.wait((reader, lane.stuck), return_when=asyncio.FIRST_COMPLETED)
                if reader.done():
                    reader.result()
            finally:
                self._rest.lane = None
                await lane.close()
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)

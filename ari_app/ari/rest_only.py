"""ARI without its events: whoever opened those under a controller's name would take its calls away from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from ari_app.ari.client import AriClient
from ari_app.ari.rest import HttpLane, Rest
from ari_app.ari.settings import AriSettings

CONNECTIONS = 4


@asynccontextmanager
async def rest_only(settings: AriSettings) -> AsyncIterator[AriClient]:
    """Requests over HTTP, a few at once; what is under way at the end is cancelled."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=10.0)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        lane = HttpLane(session, settings)
        try:
            yield AriClient(Rest(lane, settings.request_timeout))
        finally:
            await lane.close()

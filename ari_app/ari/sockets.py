"""Opening an ARI websocket, and saying in plain words why that failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp

from ari_app.ari.errors import Unauthorised
from ari_app.ari.rest import Socket
from ari_app.ari.settings import AriSettings

LARGEST_MESSAGE = 64 * 1024 * 1024
"""Bytes; a list of 1,000 channels is 400 kB."""
STILL_STARTING = 20
"""So many attempts in vain (about 20 s) before a 404 is no longer taken for an Asterisk that starts."""


@asynccontextmanager
async def open_socket(
    session: aiohttp.ClientSession, settings: AriSettings, app: str, *, heartbeat: bool
) -> AsyncIterator[Socket]:
    """Open /ari/events for an application, and close it; the password travels in a header, never in the URL."""
    async with asyncio.timeout(settings.connect_timeout):
        opened: Any = await session.ws_connect(
            f"{settings.url.rstrip('/')}/events",
            params={"app": app, "subscribeAll": "false"},
            headers={"Authorization": settings.authorization()},
            heartbeat=settings.heartbeat if heartbeat else None,
            timeout=aiohttp.ClientWSTimeout(ws_close=0.5),
            max_msg_size=LARGEST_MESSAGE,
            decode_text=False,  # a caller's name may hold bytes that are no UTF-8: no reason to lose the socket
        )
    socket = cast(Socket, opened)
    try:
        yield socket
    finally:
        await socket.close()


def explain(error: BaseException, settings: AriSettings, attempts: int) -> str:
    """Why there is no connection, with the mend."""
    where = settings.url
    status = getattr(error, "status", None)
    if isinstance(error, Unauthorised) or status == 401:
        return (
            f"Asterisk refused the ARI user {settings.user!r} or its password: make both the same as in its ari.conf, "
            "then `module reload res_ari.so`"
        )
    if status == 403:
        return f"the ARI user {settings.user!r} may only read: set read_only=no for it in ari.conf"
    if status == 404 and attempts >= STILL_STARTING:
        return (
            f"there is no ARI at {where}: load res_ari.so, res_ari_events.so and res_ari_applications.so in Asterisk, "
            "set enabled=yes in ari.conf and http.conf, and end the url with /ari"
        )
    if status in {404, 503}:
        return "Asterisk is still starting"
    if isinstance(error, TimeoutError):
        return f"nothing answers at {where} within {settings.connect_timeout:g} s: is Asterisk stuck?"
    return f"no connection to Asterisk at {where} ({error}): is it running, and is http.conf bound to that port?"

"""A fake Asterisk that speaks ARI on the wire: HTTP, the event websocket, and REST over websockets."""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import WSMsgType, web

from tests.fakes.fake_channels import FakeChannel, Json, Party
from tests.fakes.fake_rest import FakeRest
from tests.fakes.fake_switch import Switch


class FakeCaller:
    """Somebody who has called the fake."""

    def __init__(self, switch: Switch, channel: FakeChannel) -> None:
        self._switch = switch
        self.channel = channel
        self.party: Party = channel.party

    def cancel(self) -> None:
        """Hang up before the answer."""
        self._switch.caller_leaves(self.channel)

    def hang_up(self) -> None:
        """Hang up after the answer."""
        self._switch.caller_leaves(self.channel)

    def cancel_as_we_answer(self) -> None:
        """Let this caller's CANCEL cross our answer: ARI says 204 and Up, the caller gets 487."""
        self.channel.crossed_by_cancel = True

    def press(self, digit: str) -> None:
        """Press a key."""
        self._switch.press(self.channel, digit)


class FakeAsterisk:
    """Use as `async with FakeAsterisk(folder) as fake`; then `fake.url`, `fake.incoming(...)`, `fake.switch`.

    Legs go to PJSIP/<behaviour>@phones (see phone_behaviour.py), `fake.switch.behaviours[user]` overrides one.
    `fake.switch.sounds[uri]` gives a sound's seconds. `booting` set to "404" or "503" answers as one that starts.
    """

    def __init__(
        self, recordings: Path, *, user: str = "ari-app", password: str = "secret", app_pattern: str = "^ari-app$"
    ) -> None:
        self.user = user
        self.password = password
        self.booting = ""
        self.filters: dict[str, set[str]] = {}
        self.switch = Switch(recordings, self._emit)
        self.rest = FakeRest(self.switch, lambda: set(self._apps), self.filters)
        self._pattern = re.compile(app_pattern)
        self._apps: dict[str, web.WebSocketResponse | None] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._outboxes: dict[web.WebSocketResponse, asyncio.Queue[bytes]] = {}

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/ari/events", self._events)
        application.router.add_route("*", "/ari/{path:.*}", self._http)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address: tuple[str, int] = (host, port)
        self.url = f"http://{host}:{port}/ari"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for channel in self.switch.channels.values():
            for timer in channel.timers:
                timer.cancel()
            channel.quiet.set()
        for socket in tuple(self._sockets):
            await socket.close()
        await self._runner.cleanup()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def incoming(
        self, dialled: str, caller: str = "420600000001", name: str = "", *, speaks: bool = True
    ) -> FakeCaller:
        """A call arrives; it is offered to the connected applications that the dialplan's pattern matches."""
        offered = [app for app, socket in self._apps.items() if socket is not None and self._pattern.search(app)]
        channel = self.switch.incoming(dialled, caller, name.encode("utf-8", "replace").decode(), offered)
        channel.speaks = speaks
        return FakeCaller(self.switch, channel)

    # --- the wire ----------------------------------------------------------------------------------------------------

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.booting:
            status = int(self.booting)
            return web.Response(status=status, text="<html><title>Not found</title></html>", content_type="text/html")
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Basic" or b64decode(token).decode() != f"{self.user}:{self.password}":
            return web.json_response({"error": "Authentication required"}, status=401)
        return None

    async def _http(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        body = await request.read()
        path = request.rel_url.raw_path.removeprefix("/ari/")
        status, answer = await self.rest.handle(
            request.method, path, dict(request.query), orjson.loads(body) if body else {}
        )
        if isinstance(answer, bytes):
            return web.Response(status=status, body=answer)
        if answer is None:
            return web.Response(status=status)
        return web.json_response(body=orjson.dumps(answer), status=status)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        app = request.query["app"]
        self._sockets.add(socket)
        outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._outboxes[socket] = outbox
        writer = asyncio.create_task(self._write(socket, outbox))
        self._sending.add(writer)
        self._register(app, socket)
        try:
            await self._serve(socket, outbox)
        finally:
            writer.cancel()
            self._sending.discard(writer)
            self._sockets.discard(socket)
            del self._outboxes[socket]
            self._unregister(app, socket)
        return socket

    def _register(self, app: str, socket: web.WebSocketResponse) -> None:
        if (before := self._apps.get(app)) is not None:
            self._put(before, {"type": "ApplicationReplaced", "application": app})
        self._apps[app] = socket

    def _unregister(self, app: str, socket: web.WebSocketResponse) -> None:
        if self._apps.get(app) is not socket:
            return
        if any(app in channel.known_to | {channel.app} for channel in self.switch.channels.values()):
            self._apps[app] = None  # its channels keep it, but nobody listens
        else:
            del self._apps[app]
            self.filters.pop(app, None)

    async def _serve(self, socket: web.WebSocketResponse, outbox: asyncio.Queue[bytes]) -> None:
        """REST over this websocket, strictly one after the other: a blocked request blocks all behind it, pings too."""
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            asked = orjson.loads(message.data)
            query = {pair["name"]: pair["value"] for pair in asked.get("query_strings", [])}
            body = orjson.loads(asked["message_body"]) if asked.get("message_body") else {}
            status, answer = await self.rest.handle(asked["method"], asked["uri"], query, body)
            reply: dict[str, Any] = {"type": "RESTResponse", "request_id": asked["request_id"], "status_code": status}
            reply |= {"transaction_id": "", "reason_phrase": "", "uri": asked["uri"]}
            if answer is not None:
                reply |= {"content_type": "application/json", "message_body": orjson.dumps(answer).decode()}
            outbox.put_nowait(orjson.dumps(reply))

    async def _write(self, socket: web.WebSocketResponse, outbox: asyncio.Queue[bytes]) -> None:
        with suppress(ConnectionError):
            while True:
                await socket.send_str((await outbox.get()).decode())

    def _emit(self, app: str, kind: str, fields: Json) -> None:
        socket = self._apps.get(app)
        if socket is None or kind in self.filters.get(app, ()):
            return
        event: Json = {
            "type": kind,
            "timestamp": "2026-01-01T00:00:00.000+0000",
            "asterisk_id": "fake",
            "application": app,
        }
        self._put(socket, event | fields)

    def _put(self, socket: web.WebSocketResponse, event: Json) -> None:
        if socket in self._outboxes:
            self._outboxes[socket].put_nowait(orjson.dumps(event))

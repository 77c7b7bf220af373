"""In front of all endpoints: size and time of bodies, security headers, the access log, errors that leak nothing."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ari_app.core.numbering import printable
from ari_app.web.problems import Refusal, problem

log = logging.getLogger("ari_app.web.access")

MOST_BYTES = 256 * 1024
"""Of a body: what other systems tell us fits into a few kilobytes."""

BODY_SECONDS = 15.0
"""So long a body may take to arrive."""

NOTHING_LOADED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
OWN_LOADED = f"{NOTHING_LOADED}; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'"
"""For pages: nothing but our own files, and none of them inline."""

_SECURITY = {
    "Content-Security-Policy": NOTHING_LOADED,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_CLOSE = {"Connection": "close"}
_DIGITS = re.compile(r"\d{7,}")


class _Gone(Exception):
    """Who asked has hung up."""


@dataclass
class _Exchange:
    """One request and its answer, as the access log tells of them."""

    scope: Scope
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    began: float = field(default_factory=time.monotonic)
    status: int = 0
    complete: bool = False

    def __str__(self) -> str:
        """Without the query, which may hold a gateway's key, and with numbers masked."""
        path = _DIGITS.sub(lambda run: f"{run[0][:3]}{'*' * (len(run[0]) - 5)}{run[0][-2:]}", self.scope["path"])
        client = (self.scope.get("client") or ("?",))[0]
        user = self.scope.get("state", {}).get("user", "-")
        spent = (time.monotonic() - self.began) * 1000
        return (
            f"{self.scope['method']} {printable(path, 200)} {self.status or 'no answer'} {spent:.0f} ms, "
            f"{printable(user)} from {client}, request {self.id}"
        )


class Front:
    """The outermost application; the framework is behind it."""

    def __init__(self, app: ASGIApp, *, most_bytes: int = MOST_BYTES, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope)
        scope.setdefault("state", {})["request"] = exchange.id

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = exchange.id
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                exchange.complete = True

        try:
            await self._answer(exchange, receive, send_safely)
        finally:
            log.info("%s", exchange)

    async def _answer(self, exchange: _Exchange, receive: Receive, send: Send) -> None:
        scope = exchange.scope
        try:
            body = await self._body(scope, receive)
        except _Gone:
            return
        except Refusal as refusal:
            await problem(refusal.status, refusal.detail, headers=refusal.headers)(scope, receive, send)
            return
        try:
            await self._app(scope, _replayed(body, receive), send)
        except Exception:
            log.exception("request %s failed", exchange.id)
            if not exchange.complete:
                raise  # half an answer: the server is to close the connection

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body: what is small enough to be taken at once cannot trickle into an endpoint."""
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if len(announced) > 15 or int(announced) > self._most_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    body += message.get("body", b"")
                    if len(body) > self._most_bytes:
                        raise self._too_large()
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            detail = f"the body did not arrive within {self._body_seconds:g} s; send the request again"
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, detail, headers=_CLOSE) from None

    def _too_large(self) -> Refusal:
        detail = f"the body has more than {self._most_bytes} bytes; send less at a time"
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, headers=_CLOSE)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever comes."""
    pending: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again

"""One REST request to ARI, over a websocket or over HTTP, each with a deadline of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol, TypeAlias

import aiohttp
import orjson

from ari_app.ari.errors import AriError, Disconnected, RequestTimeout, refusal
from ari_app.ari.events import parse
from ari_app.ari.settings import AriSettings

logger = logging.getLogger(__name__)

Query: TypeAlias = Mapping[str, str | int | None]
Socket: TypeAlias = "aiohttp.ClientWebSocketResponse[bool]"


class Send(Protocol):
    """How the nouns of the client send: see `AriClient.send`."""

    def __call__(
        self,
        method: str,
        *path: str,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        apart: bool = False,
        raw: bool = False,
    ) -> asyncio.Future[Any]:
        """Send now; the future gives the answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A REST request: `path` is relative to /ari/ and already quoted; a None in `query` is left out."""

    method: str
    path: str
    query: Query = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    raw: bool = False
    """The answer is a file's bytes, not JSON."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def pairs(self) -> list[tuple[str, str]]:
        """The query without its Nones, as text."""
        return [(name, str(value)) for name, value in self.query.items() if value is not None]


Answered: TypeAlias = Callable[[Request, str, float, BaseException | None], None]
"""Told of each request once it is over: which way it went (``websocket`` or ``http``), seconds, and how it failed."""


@dataclass(slots=True)
class _Waiting:
    request: Request
    answer: asyncio.Future[Any]
    sent_at: float
    deadline: asyncio.TimerHandle


class WebsocketLane:
    """REST over one websocket of its own: the cheapest way, and strictly serial at Asterisk's end.

    Requests go out, and are carried out, in the order of `send` (Asterisk: main page "ARI REST over WebSocket").
    """

    def __init__(self, socket: Socket, slow_after: float, stuck_after: float) -> None:
        self._socket = socket
        self._slow_after = slow_after
        self._stuck_after = stuck_after
        self._loop = asyncio.get_running_loop()
        self.stuck: asyncio.Future[None] = self._loop.create_future()
        """Done once a request has waited so long that no answer will ever come: this lane is to be closed."""
        self._waiting: dict[str, _Waiting] = {}
        self._ids = count(1)
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._writer = self._loop.create_task(self._write(), name="ari-rest-writer")

    @property
    def open(self) -> bool:
        """Whether requests can be put on this socket at all."""
        return not self._socket.closed and not self._writer.done()

    @property
    def slow(self) -> bool:
        """Whether the oldest request has waited too long, timed-out ones included, until Asterisk answers it."""
        oldest = next(iter(self._waiting.values()), None)
        return oldest is not None and self._loop.time() - oldest.sent_at > self._slow_after

    def send(self, request: Request, timeout: float) -> asyncio.Future[Any]:
        """Put a request in line; the future gives the JSON answer (None for 204), or raises an AriError."""
        request_id = str(next(self._ids))
        answer: asyncio.Future[Any] = self._loop.create_future()
        deadline = self._loop.call_later(timeout, self._expire, request_id, timeout)
        self._waiting[request_id] = _Waiting(request, answer, self._loop.time(), deadline)
        self._outbox.put_nowait(_frame(request_id, request))
        return answer

    async def read(self) -> None:
        """Give answers to those who wait for them, until the socket closes; then `close` this lane."""
        try:
            while (message := await self._socket.receive()).type is aiohttp.WSMsgType.TEXT:
                self._settle(message.data)
        finally:
            self._writer.cancel()

    async def close(self) -> None:
        """Close the socket; those still waiting get Disconnected."""
        self._writer.cancel()
        self._give_up()
        await self._socket.close()

    async def _write(self) -> None:
        try:
            while True:
                frame = await self._outbox.get()
                await self._socket.send_frame(frame, aiohttp.WSMsgType.TEXT)
        except (ConnectionError, RuntimeError) as lost:
            logger.debug("REST socket cannot be written: %s", lost)

    def _settle(self, message: bytes) -> None:
        try:
            answer = parse(message)
        except orjson.JSONDecodeError as error:
            logger.error("An ARI answer could not be read (%s): %.200r", error, message)
            return
        if answer.get("type") != "RESTResponse":
            return
        waiting = self._waiting.pop(answer.get("request_id", ""), None)
        if waiting is None:
            return
        waiting.deadline.cancel()
        if waiting.answer.done():
            logger.info("%s was answered %s after its deadline", waiting.request, answer["status_code"])
        elif (status := answer["status_code"]) >= 400:
            reason = _reason(answer.get("message_body"), answer.get("reason_phrase", ""))
            _fail(waiting.answer, refusal(str(waiting.request), status, reason))
        else:
            try:
                waiting.answer.set_result(_told(waiting.request, (answer.get("message_body") or "").encode()))
            except AriError as error:
                _fail(waiting.answer, error)

    def _expire(self, request_id: str, timeout: float) -> None:
        waiting = self._waiting[request_id]  # stays there, so that the lane is known to be slow
        waiting.deadline = self._loop.call_at(waiting.sent_at + self._stuck_after, self._get_stuck, waiting.request)
        if not waiting.answer.done():
            _fail(waiting.answer, RequestTimeout(str(waiting.request), f"over websocket, {timeout:g} s"))

    def _get_stuck(self, request: Request) -> None:
        logger.warning("%s was not answered in %g s; opening the REST websocket anew", request, self._stuck_after)
        if not self.stuck.done():
            self.stuck.set_result(None)

    def _give_up(self) -> None:
        for waiting in self._waiting.values():
            waiting.deadline.cancel()
            if not waiting.answer.done():
                lost = Disconnected(str(waiting.request), "the REST websocket closed", reached=True)
                _fail(waiting.answer, lost)
        self._waiting.clear()


class HttpLane:
    """REST over HTTP keep-alive with a bounded number of connections: dearer, but one slow request stops no other."""

    def __init__(self, session: aiohttp.ClientSession, settings: AriSettings) -> None:
        self._session = session
        self._url = settings.url.rstrip("/")
        self._headers = {"Authorization": settings.authorization()}
        self._tasks: set[asyncio.Task[Any]] = set()

    def send(self, request: Request, timeout: float, after: asyncio.Future[Any] | None = None) -> asyncio.Future[Any]:
        """Start a request; the future gives the JSON answer (None when empty), bytes if raw, or raises an AriError."""
        task = asyncio.get_running_loop().create_task(self._perform(request, timeout, after), name=f"ari {request}")
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    async def close(self) -> None:
        """Cancel what is still under way."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a pipelined request that nobody awaits must not be reported as never retrieved

    async def _perform(self, request: Request, limit: float, after: asyncio.Future[Any] | None) -> Any:
        if after is not None:
            await asyncio.wait((after,))
        try:
            async with asyncio.timeout(limit):
                return await self._exchange(request)
        except TimeoutError:
            raise RequestTimeout(str(request), f"over HTTP, {limit:g} s") from None
        except aiohttp.ClientConnectorError as refused:
            # For any other method aiohttp may have tried a kept connection first.
            raise Disconnected(str(request), str(refused), reached=request.method != "POST") from None
        except (aiohttp.ClientError, OSError) as lost:
            raise Disconnected(str(request), str(lost) or type(lost).__name__, reached=True) from None

    async def _exchange(self, request: Request) -> Any:
        async with self._session.request(
            request.method,
            f"{self._url}/{request.path}",
            params=request.pairs(),
            data=None if request.body is None else orjson.dumps(request.body),
            headers=self._headers if request.body is None else {**self._headers, "Content-Type": "application/json"},
        ) as response:
            body = await response.read()
            if response.status >= 400:
                raise refusal(str(request), response.status, _reason(body, response.reason or ""))
            return body if request.raw else _told(request, body)


class Rest:
    """Sends each request the cheapest way that is free: the websocket, else HTTP."""

    def __init__(self, http: HttpLane, request_timeout: float, on_answer: Answered | None = None) -> None:
        self._http = http
        self._request_timeout = request_timeout
        self._on_answer = on_answer
        self.lane: WebsocketLane | None = None
        self.sent_over_websocket = 0
        self.sent_over_http = 0

    def send(
        self,
        request: Request,
        *,
        timeout: float | None = None,
        apart: bool = False,
        after: asyncio.Future[Any] | None = None,
    ) -> asyncio.Future[Any]:
        """Send now and return a future for the answer, so that several can be put on the wire at once.

        `timeout` is in seconds (default: the settings' request_timeout). `apart` goes over HTTP: for what may block at
        Asterisk. `after` holds this one back, over HTTP, until that answer has come or failed.
        Raises, through the future: Refused and its kinds, RequestTimeout and Disconnected. Nothing is repeated here
        (aiohttp repeats a GET, PUT or DELETE once when a kept connection turns out to be closed).
        """
        limit = self._request_timeout if timeout is None else timeout
        if after is None and not apart and not request.raw and (lane := self.free_lane()):
            self.sent_over_websocket += 1
            return self._watched(lane.send(request, limit), request, "websocket")
        self.sent_over_http += 1
        return self._watched(self._http.send(request, limit, after), request, "http")

    def _watched(self, answer: asyncio.Future[Any], request: Request, way: str) -> asyncio.Future[Any]:
        if (tell := self._on_answer) is not None:
            began = time.monotonic()

            def over(done: asyncio.Future[Any]) -> None:
                if not done.cancelled():
                    tell(request, way, time.monotonic() - began, done.exception())

            answer.add_done_callback(over)
        return answer

    def free_lane(self) -> WebsocketLane | None:
        """The websocket, when it is up and not slow."""
        lane = self.lane
        return lane if lane is not None and lane.open and not lane.slow else None


class InOrder:
    """A line of requests, say one call's, carried out in the order they were sent by whatever way they go.

    Over the websocket they are pipelined; one that must go another way than the one before it waits for its answer.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._last: asyncio.Future[Any] | None = None
        self._last_lane: WebsocketLane | None = None

    def send(self, request: Request, *, timeout: float | None = None, apart: bool = False) -> asyncio.Future[Any]:
        """As `Rest.send`, but in line; those sent apart stand outside it."""
        if apart or request.raw:
            return self._rest.send(request, timeout=timeout, apart=apart)
        lane = self._rest.free_lane()
        follows = self._last is not None and not self._last.done() and (lane is None or lane is not self._last_lane)
        answer = self._rest.send(request, timeout=timeout, after=self._last if follows else None)
        self._last, self._last_lane = answer, None if follows else lane
        return answer


def _frame(request_id: str, request: Request) -> bytes:
    message: dict[str, Any] = {
        "type": "RESTRequest",
        "request_id": request_id,
        "method": request.method,
        "uri": request.path,
    }
    if pairs := request.pairs():
        message["query_strings"] = [{"name": name, "value": value} for name, value in pairs]
    if request.body is not None:
        message["content_type"] = "application/json"
        message["message_body"] = orjson.dumps(request.body).decode()
    return orjson.dumps(message)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    """Fail a future that perhaps nobody awaits, without asyncio's complaint about that."""
    answer.set_exception(error)
    answer.exception()


def _told(request: Request, body: bytes) -> Any:
    """An answer's JSON, None when it is empty; AriError when it is none, as from something that is no Asterisk."""
    try:
        return parse(body) if body else None
    except orjson.JSONDecodeError as error:
        raise AriError(str(request), f"its answer is no JSON: {error}") from None


def _reason(body: bytes | str | None, fallback: str) -> str:
    """What Asterisk said in an error's body: {"message": ...}, {"error": ...}, or HTML while it starts."""
    try:
        said = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return fallback
    if not isinstance(said, dict):
        return fallback
    return str(said.get("message") or said.get("error") or fallback)

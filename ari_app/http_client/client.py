"""The one HTTP client of gateways and CRMs: what became of a request is an answer, or what is known without one.

Known not sent (`Unavailable`): anything that failed before the first byte of the request left, and answers by which
HTTP says that the request was not taken. Unclear: whatever broke after that byte without a whole answer, since the
provider may have read the request and acted on it.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
import urllib3
from requests.auth import HTTPBasicAuth

from ari_app.core.delivery import Unavailable, Unclear
from ari_app.http_client.connections import Exchange, GuardedAdapter
from ari_app.http_client.settings import Reach
from ari_app.http_client.words import said

LARGEST_ANSWER = 256 * 1024
"""Octets; no provider has that much to say of one message. Clients that ask for more say so."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Names of ``headers`` are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body, undecodable octets replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body's JSON; None if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    def object(self) -> Mapping[str, Any]:
        """The body's JSON object; empty if it is none."""
        found = self.json()
        return found if isinstance(found, dict) else {}

    @property
    def retry_after(self) -> float | None:
        """The Retry-After header (RFC 9110, 10.2.3) in seconds, if there is one that can be read."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(value[:9])
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())


@dataclass(frozen=True, slots=True)
class Request:
    """One request; at most one of ``form``, ``json`` and ``body``. Its repr shows no secret."""

    method: str
    url: str
    query: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    json: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    basic: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"<{self.method} {_masked(self.url)}>"

    def prepared(self) -> requests.PreparedRequest:
        """As `requests` sends it: JSON in UTF-8, nothing compressed, no cookies."""
        body = orjson.dumps(self.json) if self.json is not None else self.body
        headers = {"User-Agent": "ari-app", "Accept-Encoding": "identity", "Accept": "*/*"}
        if self.json is not None:
            headers["Content-Type"] = "application/json"
        if self.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        headers |= self.headers or {}
        auth = HTTPBasicAuth(*(part.encode() for part in self.basic)) if self.basic else None
        return requests.Request(
            self.method, self.url, headers, params=self.query, data=self.form or body or b"", auth=auth
        ).prepare()


def _masked(url: str) -> str:
    """Where a URL goes, without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/..."


class HttpClient:
    """Sends requests to ``hosts`` alone (``*.`` stands for any host below); one connection a thread.

    Times are in seconds: ``connect_timeout`` until the request can be written, ``read_timeout`` from then until the
    whole answer is there, however it trickles in.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        connect_timeout: float,
        read_timeout: float,
        allow_private: bool = False,
        ca_file: Path | None = None,
        largest: int = LARGEST_ANSWER,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._largest = largest
        self._connect, self._read = connect_timeout, read_timeout
        self._allow_private = allow_private
        self._verify: bool | str = str(ca_file) if ca_file else True
        self._threads = threading.local()

    @classmethod
    def of(cls, settings: Reach, largest: int = LARGEST_ANSWER) -> HttpClient:
        """The client of one address: it speaks to no other host."""
        return cls(
            (urlsplit(settings.url).hostname or "",),
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            allow_private=settings.allow_private,
            ca_file=settings.ca_file,
            largest=largest,
        )

    def may_reach(self, url: str) -> bool:
        """Whether a URL is of one of the hosts, over HTTPS (over HTTP, too, within a private net)."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower()
        except ValueError:
            return False
        above = {f"*.{host.split('.', count)[-1]}" for count in range(1, host.count(".") + 1)}
        secure = parts.scheme == "https" or (parts.scheme == "http" and self._allow_private)
        return secure and bool(self._hosts & ({host} | above))

    def ask(self, request: Request, within_seconds: float = math.inf) -> Answer | Unavailable | Unclear:
        """Send once. An answer, whatever its status; or what is known without one.

        ``within_seconds`` bounds the whole, where that is less than both time-outs together.
        """
        place = urlsplit(request.url).hostname or "?"
        if not self.may_reach(request.url):
            return Unavailable(f"{said(place)} is none of the configured hosts, or not over https://; nothing was sent")
        connect, read = min(self._connect, within_seconds), min(self._read, within_seconds)
        exchange = Exchange(self._allow_private, time.monotonic() + connect)
        adapter = self._adapter()
        watch = threading.Timer(min(self._connect + self._read, within_seconds), exchange.cut)
        watch.daemon = True
        adapter.begin(exchange)
        watch.start()
        try:
            return self._exchange(adapter, request, exchange, (connect, read))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return self._failed(error, exchange, place)
        finally:
            watch.cancel()
            adapter.end()

    def _exchange(
        self, adapter: GuardedAdapter, request: Request, exchange: Exchange, timeout: tuple[float, float]
    ) -> Answer:
        response = adapter.send(request.prepared(), stream=True, timeout=timeout, verify=self._verify)
        try:
            body = _whole(response.raw, self._largest)
            if exchange.was_cut:  # http.client takes a head that was broken off for a whole one
                raise TimeoutError("timed out")
        finally:
            response.close()
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    def _adapter(self) -> GuardedAdapter:
        adapter: GuardedAdapter | None = getattr(self._threads, "adapter", None)
        if adapter is None:
            adapter = self._threads.adapter = GuardedAdapter()
        return adapter

    def _failed(self, error: Exception, exchange: Exchange, place: str) -> Unavailable | Unclear:
        if exchange.sent:
            return Unclear(f"{place} was sent the request and gave no whole answer: {_why(error)}")
        if exchange.refused_address:
            return Unavailable(
                f"{place} is at {exchange.refused_address}, not on the open internet; nothing was sent;"
                " allow_private: true lets it be there"
            )
        return Unavailable(f"{place} could not be reached: {_why(error)}")

    def close(self) -> None:
        """Close this thread's connections; those of others end with their threads."""
        self._adapter().close()


def _whole(raw: Any, largest: int) -> bytes:
    """The body to its end; only a read that finds nothing more tells whether it came as long as was announced."""
    body = b""
    while part := raw.read(65536, decode_content=False):
        body += part
        if len(body) > largest:
            raise urllib3.exceptions.ProtocolError("the answer is too long")
    return body


def _why(error: BaseException) -> str:
    """The innermost cause in words without a URL: theirs name it whole, with the keys in it."""
    chain: list[BaseException] = []
    walk: Any = error
    while isinstance(walk, BaseException) and walk not in chain:
        chain.append(walk)
        walk = getattr(walk, "reason", None) or walk.__cause__ or walk.__context__ or next(iter(walk.args), None)
    for one in reversed(chain):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({one.verify_message}); ca_file: names other authorities"
        if isinstance(one, ssl.SSLError):
            return f"TLS failed ({said(one.reason or 'no reason given')})"
        if isinstance(one, TimeoutError | urllib3.exceptions.TimeoutError | requests.Timeout):
            return "time-out"
        if isinstance(one, socket.gaierror):
            return "its name cannot be resolved"
        if isinstance(one, OSError) and one.strerror and one.errno:
            return said(one.strerror)
    return said(type(chain[-1]).__name__)

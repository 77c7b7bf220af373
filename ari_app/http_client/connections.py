"""Connections that know whether a request has begun to leave, and that go to no address which they must not reach.

Built under urllib3, which `requests` stands on: only there is it known if a byte was written before things broke.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import BaseSSLError, HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

IDLE_SECONDS = 2.0
"""A connection idle for longer is not used again. Servers close theirs after 5 s or more; a request that crosses with
such a close is lost without our knowing if it was read, and its message would be unclear for nothing."""

_NAT64 = IPv6Network("64:ff9b::/96")
_TLS_ERRORS = BaseSSLError

# At DEBUG it names whole URLs, and some providers want their keys in them.
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.levelno > logging.DEBUG)


@dataclass
class Exchange:
    """One request under way in this thread."""

    allow_private: bool
    deadline: float
    sent: bool = False
    was_cut: bool = False
    refused_address: str = ""
    sock: socket.socket | None = field(default=None, repr=False)

    def cut(self) -> None:
        """End it from another thread: whoever waits for it goes on at once."""
        self.was_cut = True
        if self.sock is not None:
            try:
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # not TLS's own, which is not for other threads
            except OSError:
                return  # it has ended by itself


class _Current(threading.local):
    exchange: Exchange | None = None


_current = _Current()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet; of one that embeds another, both must be."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class _Watched:
    """Connects only where it may, to the very address that was checked, and tells when the first byte leaves."""

    idle_since: float | None = None

    def _new_conn(self: Any) -> socket.socket:
        exchange = _current.exchange
        assert exchange is not None  # noqa: S101  # only `GuardedAdapter` makes these, and it sets one
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        failure: OSError | None = None
        made: socket.socket
        for *_, address in found:
            if not (exchange.allow_private or is_public(str(address[0]))):
                exchange.refused_address = str(address[0])
                continue
            try:
                exchange.sock = made = self._to(str(address[0]), exchange.deadline)
            except OSError as error:
                failure = error
            else:
                return made
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "timed out") from failure
        raise NewConnectionError(self, str(failure or "no address to connect to")) from failure

    def _to(self: Any, address: str, deadline: float) -> socket.socket:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        made = socket.create_connection((address, self.port), left, self.source_address)
        for option in self.socket_options or ():
            made.setsockopt(*option)
        return made

    def send(self: Any, data: Any) -> None:
        """As http.client's, which may connect first; only then is the request under way."""
        if self.sock is None:
            self.connect()
        if (exchange := _current.exchange) is not None:
            exchange.sock, exchange.sent = self.sock, True
        super().send(data)  # type: ignore[misc]  # a mixin: the base has it


class _WatchedHttp(_Watched, HTTPConnection):
    """Plain."""


class _WatchedHttps(_Watched, HTTPSConnection):
    """Encrypted."""


class _Fresh:
    """A pool that reuses no connection which the other side may be about to close."""

    def _get_conn(self: Any, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]  # a mixin, as above
        since = connection.idle_since
        if since is not None and time.monotonic() - since > IDLE_SECONDS:
            connection.close()
        return connection

    def _put_conn(self: Any, connection: Any) -> None:
        if connection is not None:
            connection.idle_since = time.monotonic()
        super()._put_conn(connection)  # type: ignore[misc]  # a mixin, as above


class _HttpPool(_Fresh, HTTPConnectionPool):
    ConnectionCls = _WatchedHttp


class _HttpsPool(_Fresh, HTTPSConnectionPool):
    ConnectionCls = _WatchedHttps


class GuardedAdapter(HTTPAdapter):
    """The transport of `requests` over such connections. One a thread; it follows no redirect and retries nothing."""

    def __init__(self) -> None:
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As the base class's, with our pools."""
        self.poolmanager = PoolManager(num_pools=4, maxsize=1, block=False)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def begin(self, exchange: Exchange) -> None:
        """What connections of this thread do belongs to ``exchange`` until `end`."""
        _current.exchange = exchange

    def end(self) -> None:
        """The exchange is over."""
        _current.exchange = None

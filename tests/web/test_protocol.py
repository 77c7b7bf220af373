"""The patience of the server, shortened: heads, whole requests, and readers who do not read."""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from ari_app.web.protocol import ImpatientProtocol


class Hasty(ImpatientProtocol):
    head_seconds = 0.3
    request_seconds = 0.6


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """/endless sends more than all buffers hold; everything else says hello."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1000 if scope["path"] == "/endless" else 0):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, http=Hasty, ws="none", lifespan="off", log_config=None, timeout_keep_alive=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()
    listener.close()


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        yield client


def read(client: socket.socket) -> bytes:
    """All there is until the server closes."""
    found = b""
    try:
        while part := client.recv(1 << 20):
            found += part
    except ConnectionResetError:
        pass
    return found


def test_silence_is_closed(client: socket.socket) -> None:
    assert read(client) == b""


def test_half_a_head_is_closed(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
    assert read(client) == b""


def test_half_a_second_head_is_closed(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.recv(4000).startswith(b"HTTP/1.1 200 OK")
    client.sendall(b"GET / HT")
    assert b"HTTP" not in read(client)


def test_who_does_not_read_is_let_go(client: socket.socket) -> None:
    """The server's buffers fill up, and a while after the request began the connection is gone."""
    client.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
    deadline = time.monotonic() + 5
    while _established(client) and time.monotonic() < deadline:
        select.select([], [], [client], 0.05)
    assert not _established(client)


def _established(client: socket.socket) -> bool:
    """TCP_INFO begins with the state; 1 is established."""
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1


def test_a_request_in_time_is_answered_and_the_next_one_too(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"hello"
    connection.close()

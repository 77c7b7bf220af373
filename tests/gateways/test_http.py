"""The HTTP client of all gateways: what it says is known of a request, and where it will not go."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ari_app.core.delivery import Unavailable, Unclear
from ari_app.gateways.http import not_taken
from ari_app.http_client import connections
from ari_app.http_client.client import LARGEST_ANSWER, Answer, HttpClient, Request
from ari_app.http_client.connections import is_public
from tests.gateways.certificates import Authority
from tests.gateways.providers import Drop, Hang, Raw, Reply, Trickle, provider, refusing_port

Client = Callable[..., HttpClient]


@pytest.fixture
def client() -> Iterator[Client]:
    made: list[HttpClient] = []

    def make(*hosts: str, **given: Any) -> HttpClient:
        settings = {"connect_timeout": 2.0, "read_timeout": 2.0, "allow_private": True} | given
        made.append(HttpClient(hosts or ("127.0.0.1",), **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_answer_comes_whole(client: Client) -> None:
    with provider(Reply(201, {"id": 7}, {"X-Said": "yes"})) as server:
        answer = client().ask(
            Request("POST", f"{server.url}/a", {"q": "я"}, form={"text": "Привет & пока"}, basic=("я", "б"))
        )
    assert isinstance(answer, Answer)
    assert (answer.status, answer.object(), answer.headers["x-said"]) == (201, {"id": 7}, "yes")
    [received] = server.received
    assert (received.method, received.path, received.query) == ("POST", "/a", {"q": "я"})
    assert received.form == {"text": "Привет & пока"}
    assert received.headers["authorization"] == "Basic 0Y860LE="
    assert received.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("act", "word"),
    [
        (Drop(), "no whole answer"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), "no whole answer"),
        (Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"), "no whole answer"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), "no whole answer"),
        (Raw(b"\x16\x03\x01 no HTTP at all\r\n\r\n"), "no whole answer"),
        (Reply(200, b"x" * (LARGEST_ANSWER + 1)), "no whole answer"),
    ],
)
def test_broken_after_the_request_had_left_is_unclear(client: Client, act: Any, word: str) -> None:
    with provider(act) as server:
        outcome = client().ask(Request("POST", server.url, body=b"x"))
    assert isinstance(outcome, Unclear)
    assert word in outcome.reason
    assert len(server.received) == 1, "it must not be tried again"


@pytest.mark.parametrize("act", [Hang(), Trickle()])
def test_a_slow_answer_is_unclear_at_the_time_out(client: Client, act: Any) -> None:
    began = time.monotonic()
    with provider(act) as server:
        outcome = client(connect_timeout=0.2, read_timeout=0.3).ask(Request("POST", server.url, body=b"x"))
    assert isinstance(outcome, Unclear)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("act", [Hang(), Trickle()])
def test_one_request_may_have_less_time_than_the_client(client: Client, act: Any) -> None:
    began = time.monotonic()
    with provider(act) as server:
        outcome = client(connect_timeout=30, read_timeout=30).ask(Request("GET", server.url), within_seconds=0.3)
    assert isinstance(outcome, Unclear)
    assert time.monotonic() - began < 5


def test_no_time_left_sends_nothing(client: Client) -> None:
    with provider() as server:
        assert isinstance(client().ask(Request("GET", server.url), within_seconds=0.0), Unavailable)
    assert server.received == []


def test_a_client_may_take_longer_answers(client: Client) -> None:
    with provider(Reply(200, b"x" * (LARGEST_ANSWER + 1))) as server:
        answer = client(largest=LARGEST_ANSWER + 1).ask(Request("GET", server.url))
    assert isinstance(answer, Answer)


def test_nobody_there_is_known_not_sent(client: Client) -> None:
    outcome = client().ask(Request("POST", f"http://127.0.0.1:{refusing_port()}/?key=secret", body=b"x"))
    assert outcome == Unavailable("127.0.0.1 could not be reached: Connection refused")


def test_a_name_that_is_none_is_known_not_sent(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    outcome = client("nowhere.invalid").ask(Request("POST", "http://nowhere.invalid/", body=b"x"))
    assert outcome == Unavailable("nowhere.invalid could not be reached: its name cannot be resolved")


def test_no_connection_in_time_is_known_not_sent(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", late)
    outcome = client().ask(Request("POST", "http://127.0.0.1:9/", body=b"x"))
    assert outcome == Unavailable("127.0.0.1 could not be reached: time-out")


def test_another_host_is_not_spoken_to(client: Client) -> None:
    with provider() as server:
        outcome = client("api.example.com").ask(Request("POST", server.url, body=b"x"))
    assert isinstance(outcome, Unavailable)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("hosts", "url", "may"),
    [
        (("api.example.com",), "https://api.example.com/x", True),
        (("api.example.com",), "https://API.example.com/x", True),
        (("api.example.com",), "http://api.example.com/x", False),
        (("api.example.com",), "https://api.example.com.evil.net/", False),
        (("api.example.com",), "https://evil.net/?api.example.com", False),
        (("api.example.com",), "https://api.example.com@evil.net/", False),
        (("*.notify.windows.com",), "https://wns2-par02p.notify.windows.com/w/", True),
        (("*.notify.windows.com",), "https://notify.windows.com/w/", False),
        (("*.notify.windows.com",), "https://notify.windows.com.evil.net/", False),
        (("api.example.com",), "https://[::1/", False),
        (("api.example.com",), "ftp://api.example.com/", False),
    ],
)
def test_hosts(client: Client, hosts: tuple[str, ...], url: str, may: bool) -> None:
    assert client(*hosts, allow_private=False).may_reach(url) is may


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "240.0.0.1", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1",
     "ff02::1", "2001:0:7f00:1::"],
)  # fmt: skip
def test_addresses_that_are_not_the_open_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001::1", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)


def test_a_private_address_is_refused_before_anything_connects(client: Client) -> None:
    with provider() as server:
        outcome = client(allow_private=False).ask(Request("POST", f"https://127.0.0.1:{server.port}/", body=b"x"))
    assert isinstance(outcome, Unavailable)
    assert "allow_private" in outcome.reason
    assert server.connections == 0


def test_the_address_that_was_checked_is_the_one_connected_to(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS that says a public address first and a private one afterwards gains nothing."""
    says = iter(["8.8.8.8", "127.0.0.1", "127.0.0.1"])
    asked: list[object] = []

    def rebinding(host: str, port: int, **_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(says), port))]

    def connect(address: object, *_: object) -> None:
        asked.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", connect)
    outcome = client("api.example.com", allow_private=False).ask(Request("POST", "https://api.example.com/", body=b"x"))
    assert isinstance(outcome, Unavailable)
    assert asked == [("8.8.8.8", 443)]


def test_redirects_are_not_followed(client: Client) -> None:
    with provider() as elsewhere, provider(Reply(307, b"", {"Location": f"{elsewhere.url}/steal"})) as server:
        answer = client().ask(Request("POST", server.url, body=b"x", basic=("user", "password")))
    assert isinstance(answer, Answer)
    assert isinstance(not_taken(answer), Unavailable)
    assert elsewhere.connections == 0


def test_a_connection_is_used_again_while_it_is_fresh(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with provider() as server:
        one = client()
        for _ in range(3):
            assert isinstance(one.ask(Request("POST", server.url, body=b"x")), Answer)
        assert server.connections == 1
        monkeypatch.setattr(connections, "IDLE_SECONDS", -1.0)
        assert isinstance(one.ask(Request("POST", server.url, body=b"x")), Answer)
    assert server.connections == 2


def test_each_thread_has_its_connection(client: Client) -> None:
    with provider() as server:
        one = client()
        found: list[object] = []

        def ask() -> None:
            found.append(one.ask(Request("GET", server.url)))
            one.close()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(isinstance(answer, Answer) for answer in found)


def test_tls_is_verified(client: Client, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with provider(tls=authority.server()) as server:
        untrusted = client().ask(Request("POST", server.url, body=b"x"))
        trusted = client(ca_file=authority.file).ask(Request("POST", server.url, body=b"x"))
        other = client("localhost", ca_file=authority.file).ask(
            Request("POST", f"https://localhost:{server.port}", body=b"x")
        )
    assert isinstance(untrusted, Unavailable)
    assert "certificate is not trusted" in untrusted.reason
    assert isinstance(trusted, Answer)
    assert isinstance(other, Unavailable), "the certificate is for 127.0.0.1"
    assert len(server.received) == 1


def test_no_tls_where_it_is_expected(client: Client) -> None:
    with provider() as server:
        outcome = client().ask(Request("POST", f"https://127.0.0.1:{server.port}/", body=b"x"))
    assert isinstance(outcome, Unavailable)


def test_compressed_answers_are_not_opened(client: Client) -> None:
    """One of a few octets can be gigabytes."""
    with provider(Reply(200, b"\x1f\x8b bomb", {"Content-Encoding": "gzip"})) as server:
        answer = client().ask(Request("GET", server.url))
    assert isinstance(answer, Answer)
    assert answer.body == b"\x1f\x8b bomb"


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "after"),
    [
        (400, {}, Unavailable, None),
        (401, {}, Unavailable, None),
        (404, {}, Unavailable, None),
        (408, {}, Unavailable, None),
        (429, {}, Unavailable, None),
        (429, {"retry-after": "7"}, Unavailable, 7.0),
        (429, {"retry-after": "soon"}, Unavailable, None),
        (429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, Unavailable, 0.0),
        (503, {"retry-after": "30"}, Unavailable, 30.0),
        (503, {}, Unclear, None),
        (500, {"retry-after": "30"}, Unclear, None),
        (502, {}, Unclear, None),
        (200, {}, Unclear, None),
        (302, {}, Unavailable, None),
        (303, {}, Unclear, None),
    ],
)
def test_what_statuses_mean(status: int, headers: dict[str, str], outcome: type[object], after: float | None) -> None:
    found = not_taken(Answer(status, headers, b""))
    assert isinstance(found, outcome)
    assert getattr(found, "retry_after", None) == after


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"[" * 100_000, b"\xff\xfe", b"[1]"])
def test_garbage_is_no_object(body: bytes) -> None:
    assert Answer(200, {}, body).object() == {}


def test_secrets_stay_out_of_logs_and_reprs(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    with provider(Reply(200), Drop()) as server:
        for url in (server.url, server.url, f"http://127.0.0.1:{refusing_port()}"):
            one = Request("POST", f"{url}/x?key=hush", {"api": "hush"}, {"password": "hush"}, basic=("u", "hush"))
            shown += [repr(one), repr(client().ask(one))]
    assert "hush" not in caplog.text + " ".join(shown)

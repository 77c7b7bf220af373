"""One suite for every gateway over HTTP: whatever its provider or the net does, the outcome says what is known."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ari_app.core.delivery import Accepted, Refused, Unavailable, Unclear
from ari_app.message_ports import Gateway
from tests.gateways.drivers import SECRET, WEBHOOK_SECRET, Driver, Outcome, drivers
from tests.gateways.providers import Drop, Hang, Provider, Raw, Reply, Trickle, provider, refusing_port

ALL = drivers(Path(tempfile.mkdtemp(prefix="gateways-")))


@pytest.fixture(params=ALL, ids=lambda driver: driver.name)
def driver(request: pytest.FixtureRequest) -> Driver:
    one: Driver = request.param
    return one


@pytest.fixture
def taking(driver: Driver) -> Iterator[Provider]:
    with provider(driver.taken) as server:
        yield server


def sent(driver: Driver, server: Provider, **given: Any) -> Any:
    gateway = driver.make(server.url, **given)
    try:
        return gateway.send(driver.letter(server.url))
    finally:
        gateway.close()


def test_it_is_a_gateway(driver: Driver) -> None:
    gateway: Gateway = driver.make("http://127.0.0.1:9")
    assert (gateway.name, gateway.channel, gateway.can_ask) == ("tried", driver.channel, driver.can_ask)


def test_taken(driver: Driver, taking: Provider) -> None:
    assert sent(driver, taking) == driver.accepted
    assert len(taking.received) == 1


@pytest.mark.parametrize(
    ("name", "reply", "outcome"),
    [(one.name, reply, outcome) for one in ALL for reply, outcome in one.documented],
    ids=[f"{one.name}-{number}" for one in ALL for number, _ in enumerate(one.documented)],
)
def test_documented_answers(name: str, reply: Reply, outcome: Outcome) -> None:
    driver = next(one for one in ALL if one.name == name)
    with provider(reply) as server:
        found = sent(driver, server)
    assert isinstance(found, outcome), found
    assert "79161234567" not in repr(found), "numbers are masked"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(429), Unavailable),
        (Reply(429, b"", {"Retry-After": "17"}), Unavailable),
        (Reply(503, b"", {"Retry-After": "17"}), Unavailable),
        (Reply(503, b"<html>busy"), Unclear),
        (Reply(500, b"<html>oops"), Unclear),
        (Reply(502, b""), Unclear),
        (Reply(401, b""), Unavailable),
        (Reply(404, b"<html>"), Unavailable),
        (Reply(307, b"", {"Location": "http://127.0.0.1:9/"}), Unavailable),
        (Reply(303, b"", {"Location": "http://127.0.0.1:9/"}), Unclear),
    ],
    ids=lambda one: f"{one.status}{'-after' if 'Retry-After' in one.headers else ''}" if isinstance(one, Reply) else "",
)
def test_statuses(driver: Driver, reply: Reply, outcome: Outcome) -> None:
    with provider(reply) as server:
        found = sent(driver, server)
    assert isinstance(found, driver.statuses.get(reply.status, outcome)), found
    if "Retry-After" in reply.headers:
        assert isinstance(found, Unavailable)
        assert found.retry_after == 17.0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b'{"half": ',
        b"[]",
        b'"ok"',
        b"\xff\x00",
        b"null",
        b'{"sms": 1, "messages": 2}',
    ],
)
def test_a_success_that_says_nothing(driver: Driver, body: bytes) -> None:
    with provider(Reply(200, body)) as server:
        found = sent(driver, server)
    assert isinstance(found, driver.garbage), found


@pytest.mark.parametrize(
    "act",
    [
        Drop(),
        Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
        Raw(b"\x15\x03\x01\x00\x02\x02\x00"),
        Reply(200, b" " * 600_000),
    ],
    ids=["dropped", "half", "no-http", "huge"],
)
def test_no_whole_answer(driver: Driver, act: Any) -> None:
    with provider(act) as server:
        found = sent(driver, server)
    assert isinstance(found, driver.broken), found
    assert len(server.received) == 1, "a request is never repeated here"


@pytest.mark.parametrize("act", [Hang(), Trickle()], ids=["silent", "slow"])
def test_too_late(driver: Driver, act: Any) -> None:
    with provider(act) as server:
        found = sent(driver, server, connect_timeout=0.2, read_timeout=0.2)
    assert isinstance(found, driver.broken), found


def test_nobody_there(driver: Driver) -> None:
    url = f"http://127.0.0.1:{refusing_port()}"
    assert isinstance(driver.make(url).send(driver.letter(url)), Unavailable)


def test_a_private_address_is_not_spoken_to(driver: Driver, taking: Provider) -> None:
    url = f"https://127.0.0.1:{taking.port}"
    found = driver.make(url, allow_private=False).send(driver.letter(url))
    assert isinstance(found, Unavailable), found
    assert "allow_private" in found.reason
    assert taking.connections == 0


def test_asking_does_not_raise(driver: Driver) -> None:
    ref = driver.letter("http://127.0.0.1:9").ref
    for act in (Reply(500), Reply(200, b"<html>"), Reply(200, b"[1]"), Drop(), Reply(404, {"status": 404})):
        with provider(act) as server:
            assert driver.make(server.url).ask(ref, "id", "+79161234567") is None
    assert driver.make(f"http://127.0.0.1:{refusing_port()}").ask(ref, "", "+79161234567") is None


def test_many_at_once(driver: Driver, taking: Provider) -> None:
    gateway = driver.make(taking.url)
    found: list[object] = []

    def send() -> None:
        found.extend(gateway.send(driver.letter(taking.url)) for _ in range(5))
        gateway.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [driver.accepted] * 20
    assert taking.connections <= 4


def test_secrets_are_never_shown(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    for act in (driver.taken, Reply(401), Reply(500), Drop(), Raw(b"no")):
        with provider(act) as server:
            gateway = driver.make(server.url)
            shown += [repr(gateway), repr(vars(gateway)), repr(gateway.send(driver.letter(server.url)))]
            shown.append(repr(gateway.ask("ref", "id", "+79161234567")))
    with pytest.raises(Exception) as caught:  # noqa: PT011  # whatever the kind of gateway, what counts is the text
        driver.make("no address", unknown=SECRET)
    shown.append(str(caught.value))
    text = " ".join(shown) + caplog.text
    assert SECRET not in text
    assert WEBHOOK_SECRET not in text
    assert WEBHOOK_SECRET.removeprefix("whsec_") not in text


def test_outcomes_of_every_kind_are_seen() -> None:
    """The table would be worth little if it knew one outcome."""
    for kind in (Accepted, Refused, Unavailable, Unclear):
        assert any(outcome is kind for one in ALL for _, outcome in one.documented)

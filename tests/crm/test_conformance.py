"""One suite for every CRM over HTTP: whom it finds, and what it says when its vendor or the net does not play along."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ari_app.crm.base import Crm, CrmLimited, CrmTrouble, Manager
from tests.crm.drivers import ALL
from tests.crm.vendors.base import ALIKE, CLIENT_SECRET, PHONE, SECRET, TOKEN_PATH, Driver, Fake, Record
from tests.gateways.providers import (
    Acting,
    Drop,
    Hang,
    Provider,
    Raw,
    Received,
    Reply,
    Trickle,
    provider,
    refusing_port,
)

pytestmark = pytest.mark.promise("RNG-15")

EACH_ENTITY = [(one, entity) for one in ALL for entity in one.settings.known]
each_entity = pytest.mark.parametrize(
    ("driver", "entity"), EACH_ENTITY, ids=[f"{one.name}-{entity}" for one, entity in EACH_ENTITY]
)
ONCE = [(one, entity) for one, entity in EACH_ENTITY if one is next(two for two in ALL if two.fake is one.fake)]
each_entity_once = pytest.mark.parametrize(
    ("driver", "entity"), ONCE, ids=[f"{one.name}-{entity}" for one, entity in ONCE]
)
each = pytest.mark.parametrize("driver", ALL, ids=lambda one: one.name)
RENEWING = [one for one in ALL if one.renews]
each_renewing = pytest.mark.parametrize("driver", RENEWING, ids=lambda one: one.name)
Connect = Callable[..., tuple[Crm, Provider]]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """A CRM, and the server that it asks; what no vendor documents was not asked for."""
    servers: list[Any] = []
    fakes: list[Fake] = []

    def make(driver: Driver, *acts: Acting, **more: Any) -> tuple[Crm, Provider]:
        fakes.extend(one for one in acts if isinstance(one, Fake))
        held = provider(*acts)
        server = held.__enter__()
        servers.append(held)
        return driver.make(server.url, tmp_path, **more), server

    yield make
    for held in servers:
        held.__exit__(None, None, None)
    assert [request for fake in fakes for request in fake.unknown] == []


def trouble(crm: Crm, entity: str, within_seconds: float = 5.0) -> CrmTrouble:
    with pytest.raises(CrmTrouble) as caught:
        crm.find(entity, PHONE, within_seconds)
    told = f"{caught.value} {caught.value!r} {crm!r}"
    assert SECRET not in told
    assert CLIENT_SECRET not in told
    assert PHONE.removeprefix("+") not in told
    assert "9165557840" not in told
    return caught.value


def first(driver: Driver) -> str:
    kind: str = driver.settings.known[0]
    return kind


@each_entity
def test_whoever_is_responsible_is_found(connect: Connect, driver: Driver, entity: str) -> None:
    crm, _ = connect(driver, driver.fake(*driver.record(entity)))
    assert (crm.name, crm.entities) == ("tried", driver.settings.known)
    assert crm.find(entity, PHONE, 5.0) == Manager(driver.own_id(7), "Мария Орлова", driver.user_email)


@each_entity
def test_without_a_record_nobody_is(connect: Connect, driver: Driver, entity: str) -> None:
    crm, _ = connect(driver, driver.fake())
    assert crm.find(entity, PHONE, 5.0) is None


@each_entity
def test_a_number_that_only_looks_alike_is_anothers(connect: Connect, driver: Driver, entity: str) -> None:
    crm, _ = connect(driver, driver.fake(*driver.record(entity, phones=(ALIKE,))))
    assert crm.find(entity, PHONE, 5.0) is None


CLOSING = [(one, entity) for one in ALL for entity in one.closes]
each_closing = pytest.mark.parametrize(
    ("driver", "entity"), CLOSING, ids=[f"{one.name}-{entity}" for one, entity in CLOSING]
)


@each_closing
def test_a_closed_record_does_not_count(connect: Connect, driver: Driver, entity: str) -> None:
    crm, _ = connect(driver, driver.fake(*driver.record(entity, open=False)))
    assert crm.find(entity, PHONE, 5.0) is None


@each_closing
def test_an_older_record_that_is_open_counts(connect: Connect, driver: Driver, entity: str) -> None:
    records = driver.record(entity, 1, open=False, day=9) + driver.record(entity, 2, owner=8)
    crm, _ = connect(driver, driver.fake(*records))
    found = crm.find(entity, PHONE, 5.0)
    assert found is not None
    assert found.id == driver.own_id(8)


@pytest.mark.parametrize("backwards", [False, True], ids=["old-first", "new-first"])
@each_entity
def test_of_several_the_newest_counts(connect: Connect, driver: Driver, entity: str, backwards: bool) -> None:
    old, new = driver.record(entity, 1, owner=8, day=2), driver.record(entity, 2, owner=7, day=3)
    crm, _ = connect(driver, driver.fake(*(new + old if backwards else old + new)))
    found = crm.find(entity, PHONE, 5.0)
    assert found is not None
    assert found.id == driver.own_id(7)


@each_entity
def test_one_that_nobody_is_responsible_for_is_passed_over(connect: Connect, driver: Driver, entity: str) -> None:
    records = driver.record(entity, 1, owner=8, day=2) + driver.record(entity, 2, owner=0, day=3)
    crm, _ = connect(driver, driver.fake(*records))
    found = crm.find(entity, PHONE, 5.0)
    assert found is not None
    assert found.id == driver.own_id(8)


@each_entity
def test_without_anybody_responsible_nobody_is(connect: Connect, driver: Driver, entity: str) -> None:
    crm, _ = connect(driver, driver.fake(*driver.record(entity, owner=0)))
    assert crm.find(entity, PHONE, 5.0) is None


@each
def test_the_record_is_on_a_later_page(connect: Connect, driver: Driver) -> None:
    entity = driver.phoned[0]
    others = tuple(Record(entity, 10 + number, phones=(ALIKE,), day=20) for number in range(2))
    fake = driver.fake(*others, *driver.record(entity), page=1)
    crm, _ = connect(driver, fake)
    found = crm.find(entity, PHONE, 5.0)
    assert found is not None
    assert found.id == driver.own_id(7)


@each
def test_pages_without_end_are_not_followed_for_ever(connect: Connect, driver: Driver) -> None:
    entity = driver.phoned[0]
    fake = driver.fake(*(Record(entity, 10 + number, phones=(ALIKE,), day=20) for number in range(60)), page=1)
    crm, server = connect(driver, fake)
    assert crm.find(entity, PHONE, 5.0) is None
    assert len(server.received) < 20


@each
def test_a_record_of_a_kind_that_it_does_not_have(connect: Connect, driver: Driver) -> None:
    crm, server = connect(driver, driver.fake())
    assert "parrot" in str(trouble(crm, "parrot"))
    assert server.received == []


@pytest.mark.parametrize("driver", [one for one in ALL if not one.names_owners], ids=lambda one: one.name)
def test_a_user_is_asked_for_once(connect: Connect, driver: Driver) -> None:
    crm, server = connect(driver, driver.fake(*driver.record(first(driver))))
    found = crm.find(first(driver), PHONE, 5.0)
    asked = len([one for one in server.received if one.path != TOKEN_PATH])
    assert crm.find(first(driver), PHONE, 5.0) == found
    again = len([one for one in server.received if one.path != TOKEN_PATH]) - asked
    assert again < asked


@pytest.mark.parametrize("status", [400, 404, 405, 418, 500, 502])
@each
def test_an_error(connect: Connect, driver: Driver, status: int) -> None:
    crm, _ = connect(driver, _renewing(driver, Reply(status, b"<html>oops")))
    error = trouble(crm, first(driver))
    assert not isinstance(error, CrmLimited)
    assert str(status) in str(error)


@each
def test_a_redirect_is_not_followed(connect: Connect, driver: Driver) -> None:
    with provider() as elsewhere:
        crm, _ = connect(driver, _renewing(driver, Reply(302, b"", {"Location": f"{elsewhere.url}/"})))
        assert "redirects" in str(trouble(crm, first(driver)))
        assert elsewhere.received == []


@each
def test_credentials_that_are_refused(connect: Connect, driver: Driver) -> None:
    crm, _ = connect(driver, _renewing(driver, driver.fake.expired))
    assert "credentials" in str(trouble(crm, first(driver)))


@each
def test_credentials_without_the_right(connect: Connect, driver: Driver) -> None:
    crm, _ = connect(driver, _renewing(driver, driver.forbidden))
    assert "rights" in str(trouble(crm, first(driver)))


@pytest.mark.parametrize(
    ("driver", "reply", "seconds"),
    [(one, reply, seconds) for one in ALL for reply, seconds in one.limited],
    ids=[f"{one.name}-{number}" for one in ALL for number, _ in enumerate(one.limited)],
)
def test_asked_too_often(connect: Connect, driver: Driver, reply: Reply, seconds: float) -> None:
    crm, server = connect(driver, _renewing(driver, reply))
    error = trouble(crm, first(driver))
    assert isinstance(error, CrmLimited)
    assert error.retry_after == pytest.approx(seconds, abs=2)
    assert len([one for one in server.received if one.path != TOKEN_PATH]) == 1, "it is not asked again"


@each
def test_a_limit_that_would_last_for_ever_does_not(connect: Connect, driver: Driver) -> None:
    crm, _ = connect(driver, _renewing(driver, Reply(429, b"", {"Retry-After": "999999999"})))
    error = trouble(crm, first(driver))
    assert isinstance(error, CrmLimited)
    assert error.retry_after <= 24 * 3600


LISTS = ("data", "results", "result", "searchRecords", "records", "_embedded", "customers", "orders")
BODIES: list[Any] = [
    b"",
    b"<html>maintenance</html>",
    b'{"half": ',
    b'"ok"',
    b"\xff\x00",
    b"[" * 100_000,
    b'{"data": {"a": ' * 5_000,
    dict.fromkeys(LISTS, 7),
    {name: [7] for name in LISTS},
    {
        "success": True,
        "data": {"items": [{"item": {"id": {}, "phones": 3}}]},
        "results": [{"id": [], "properties": 3}],
        "result": {"CONTACT": 3, "LEAD": 3, "COMPANY": 3},
        "searchRecords": [{"Id": {}, "OwnerId": [], "Phone": PHONE}],
        "_embedded": {"contacts": [{"id": {}, "custom_fields_values": 3}], "leads": 3, "companies": 3},
        "customers": [{"id": {}, "phones": 3}],
        "orders": [{"id": {}, "phone": 3, "customer": 3}],
    },
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@each_entity_once
def test_nonsense(connect: Connect, driver: Driver, entity: str, body: bytes) -> None:
    crm, _ = connect(driver, _renewing(driver, Reply(200, body)))
    trouble(crm, entity)


@pytest.mark.parametrize(
    "act",
    [
        Drop(),
        Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
        Raw(b"\x15\x03\x01"),
        Reply(200, b" " * 2_000_000),
    ],
    ids=["dropped", "half", "no-http", "huge"],
)
@each
def test_no_whole_answer(connect: Connect, driver: Driver, act: Any) -> None:
    crm, _ = connect(driver, _renewing(driver, act))
    trouble(crm, first(driver))


@pytest.mark.parametrize("act", [Hang(), Trickle()], ids=["silent", "slow"])
@each
def test_it_has_no_more_time_than_it_was_given(connect: Connect, driver: Driver, act: Any) -> None:
    crm, _ = connect(driver, _renewing(driver, act), connect_timeout=30, read_timeout=30)
    began = time.monotonic()
    trouble(crm, first(driver), within_seconds=0.4)
    assert time.monotonic() - began < 2.0


@each
def test_all_requests_together_have_no_more_time(connect: Connect, driver: Driver) -> None:
    """The first answer is good; whatever is asked next hangs."""
    fake = driver.fake(*driver.record(driver.chained))
    seen: list[str] = []

    def once(received: Received) -> Any:
        if received.path != TOKEN_PATH:
            seen.append(received.target)
        return fake(received) if len(seen) < 2 else Hang()

    crm, _ = connect(driver, once)
    began = time.monotonic()
    trouble(crm, driver.chained, within_seconds=0.6)
    assert time.monotonic() - began < 2.0
    assert len(seen) == 2


@each
def test_no_time_at_all(connect: Connect, driver: Driver) -> None:
    crm, server = connect(driver, driver.fake(*driver.record(first(driver))))
    trouble(crm, first(driver), within_seconds=0.0)
    assert [one for one in server.received if one.path != TOKEN_PATH] == []


@each
def test_nobody_there(driver: Driver, tmp_path: Path) -> None:
    assert "could not be reached" in str(
        trouble(driver.make(f"http://127.0.0.1:{refusing_port()}", tmp_path), first(driver))
    )


@each
def test_a_private_address_is_not_spoken_to(connect: Connect, driver: Driver, tmp_path: Path) -> None:
    _, server = connect(driver, driver.fake())
    url = server.url.replace("http:", "https:")
    crm = driver.make(url, tmp_path, allow_private=False)
    assert "allow_private" in str(trouble(crm, first(driver)))
    assert server.received == []


@pytest.mark.parametrize(
    "url",
    ["http://crm.example.com", "https://me:secret@crm.example.com", "ftp://crm.example.com", "crm.example.com", ""],
)
@each
def test_an_address_that_must_not_be_used(driver: Driver, url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="url"):
        driver.make(url, tmp_path, allow_private=False)


@each
def test_secrets_are_in_no_log(connect: Connect, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    crm, _ = connect(driver, driver.fake(*driver.record(first(driver))))
    crm.find(first(driver), PHONE, 5.0)
    assert SECRET not in caplog.text
    assert PHONE.removeprefix("+") not in caplog.text


@each
def test_threads_ask_at_once(connect: Connect, driver: Driver) -> None:
    crm, _ = connect(driver, driver.fake(*driver.record(first(driver))))
    found: list[Manager | None] = []
    threads = [threading.Thread(target=lambda: found.append(crm.find(first(driver), PHONE, 10.0))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.id for one in found if one] == [driver.own_id(7)] * 8


def _renewing(driver: Driver, act: Any) -> Acting:
    """That act, except where new tokens are asked for: those are given."""
    fake = driver.fake()

    def answer(received: Received) -> Any:
        return fake(received) if received.path == TOKEN_PATH else act

    return answer if driver.renews else act

"""What keeps the interface up and closed: proofs, rights, limits, time-outs; and what it never tells."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from ari_app.core.rights import EVERY_GRANT, Right, Subject
from ari_app.settings import Settings
from ari_app.web.place import NotAllowedThere, check_place
from tests.e2e.controller import Controller
from tests.storage.admin import type_in
from tests.web.conftest import FURNISHED
from tests.web.house import OPEN, TEAM, House, only


def from_address(
    house: House, address: str, *, token: str | None = None, path: str = "/v1/messages", method: str = "GET"
) -> tuple[int, Any]:
    """A request from another address of the loopback; its status, body and headers."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(str(house.settings["web_port"])), timeout=10, source_address=(address, 0)
    )
    try:
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, (json.loads(answer.read() or b"{}"), answer.headers)
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/rules", "/v1/tickets", "/v1/calls/20261121-200144-005ae888cf"])
def test_whoever_has_no_token_is_told_how_to_get_one(house: House, path: str) -> None:
    status, (problem, headers) = from_address(house, "127.0.0.21", path=path)
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Bearer realm="ari-app"'
    assert headers["Content-Type"] == "application/problem+json"
    assert "ari-app users token" in problem["detail"]


def test_a_user_who_is_kept_out_is_nobody(house: House) -> None:
    token = house.tokens.get("gone") or house.add_user("gone", *only(Subject.MESSAGES, Right.VIEW))
    assert from_address(house, "127.0.0.22", token=token)[0] == 200
    house.sql(f"UPDATE users SET enabled = {'0' if house.url.startswith('sqlite') else 'false'} WHERE name = 'gone'")
    assert from_address(house, "127.0.0.22", token=token)[0] == 401


def test_who_guesses_tokens_is_held_up_and_who_has_one_is_not(house: House) -> None:
    guesser = "127.0.0.23"
    assert from_address(house, guesser, token=house.tokens["crm"])[0] == 200
    answers = [from_address(house, guesser, token=f"guess-{place}") for place in range(15)]
    statuses = [status for status, _ in answers]
    assert statuses[:10] == [401] * 10
    assert set(statuses[10:]) == {429}
    _, (problem, headers) = answers[-1]
    assert 1 <= int(headers["Retry-After"]) <= 10
    assert problem["status"] == 429
    assert from_address(house, guesser, token=house.tokens["crm"])[0] == 200
    assert from_address(house, "127.0.0.24", token="guess")[0] == 401


def test_forged_pushes_are_held_up_too(house: House) -> None:
    statuses = [from_address(house, "127.0.0.25", path="/v1/receipts/smsc?key=guess")[0] for _ in range(12)]
    assert statuses == [403] * 10 + [429] * 2


@pytest.mark.parametrize("own_house", [{"web_rate": 1}], indirect=True)
def test_who_asks_too_often_is_told_when_to_go_on(own_house: House) -> None:
    answers = [own_house.ask("GET", "/v1/tickets") for _ in range(103)]
    assert [answer.status_code for answer in answers[:100]] == [200] * 100
    last = answers[-1]
    assert last.status_code == 429
    assert last.headers["Retry-After"] == "1"
    assert "ARI_APP_WEB_RATE" in last.json()["detail"]


@pytest.mark.promise("UIS-11")
@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("POST", "/v1/events", "create events"),
        ("GET", "/v1/messages", "view messages"),
        ("GET", "/v1/messages/1", "view messages"),
        ("GET", "/v1/items/1/messages", "view messages"),
        ("POST", "/v1/messages", "create messages"),
        ("POST", "/v1/messages/1/cancel", "edit messages"),
        ("POST", "/v1/messages/1/retry", "edit messages"),
        ("GET", "/v1/rules", "view rules"),
        ("GET", "/v1/rules/any", "view rules"),
        ("POST", "/v1/rules", "create rules"),
        ("PATCH", "/v1/rules/any", "edit rules"),
        ("DELETE", "/v1/rules/any", "delete rules"),
        ("POST", "/v1/tickets", "create tickets"),
        ("GET", "/v1/tickets", "view tickets"),
        ("GET", "/v1/tickets/1", "view tickets"),
        ("PATCH", "/v1/tickets/1", "edit tickets"),
        ("GET", "/v1/calls/20261121-200144-005ae888cf", "view recordings"),
        ("GET", "/v1/calls/20261121-200144-005ae888cf/message.mp3", "view recordings"),
    ],
)
def test_a_right_that_is_missing_is_named(house: House, method: str, path: str, right: str) -> None:
    if "nobody" not in house.tokens:
        house.add_user("nobody")
    bodies: dict[str, Any] = {
        "/v1/events": {"kind": "rate_adviser", "id": "1", "client": "+79160000001", "team": TEAM},
        "/v1/messages": {"clients": ["+79160000001"], "text": "hello"},
        "/v1/rules": {"name": "any", "numbers": [OPEN], "text": "Sorry"},
        "/v1/rules/any": {"text": "Sorry"},
        "/v1/tickets": {"team": TEAM, "client": "+79160000001", "external_id": "1"},
        "/v1/tickets/1": {"state": "closed"},
    }
    body = bodies.get(path) if method in ("POST", "PATCH") else None
    answer = house.ask(method, path, user="nobody", json=body)
    assert answer.status_code == 403, answer.text
    detail = answer.json()["detail"]
    assert detail.startswith(f"nobody may not {right}; an admin grants it with: ari-app users grant nobody ")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(house: House) -> None:
    with socket.create_connection(("127.0.0.1", int(str(house.settings["web_port"]))), timeout=5) as client:
        client.sendall(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n")
        assert client.recv(4000).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_too_large_is_refused(house: House) -> None:
    def endless() -> Any:
        for _ in range(400):
            yield b"x" * 1024

    try:
        answer = house.ask("POST", "/v1/events", data=endless())
    except requests.ConnectionError:
        return  # it was cut off in the midst of sending, which is as good
    assert answer.status_code == 413
    assert "262144 bytes" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b'{"kind": "rate_adviser"', b"[" * 50_000, b'{"kind": ' + b"9" * 5000 + b"}", b"null"]
)
def test_a_body_that_is_no_event_is_refused(house: House, body: bytes) -> None:
    answer = house.ask("POST", "/v1/events", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"]


def test_nothing_of_the_inside_is_told(house: House) -> None:
    answer = house.ask("GET", "/v1/health", user=None)
    assert answer.json() == {"status": "ok", "version": "0.1.0"}
    assert "server" not in answer.headers
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    missing = house.ask("GET", "/v1/../../etc/passwd", user=None)
    assert (missing.status_code, missing.json()["detail"]) == (
        404,
        "there is nothing at this address; /docs lists what there is",
    )
    assert house.ask("PUT", "/v1/rules", json={}).status_code == 405


def test_who_is_slow_is_not_waited_for(own_house: House) -> None:
    """A connection says nothing, another a letter a time, a third no end of its body: all are closed, and others are
    answered meanwhile."""
    place = ("127.0.0.1", int(str(own_house.settings["web_port"])))
    began = time.monotonic()
    with (
        socket.create_connection(place) as silent,
        socket.create_connection(place) as slow,
        socket.create_connection(place, timeout=30) as half,
    ):
        half.sendall(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
        ended = {one: threading.Event() for one in (silent, slow)}
        for one, closed in ended.items():
            threading.Thread(target=_dawdle, args=(one, one is slow, closed)).start()
        while not all(event.is_set() for event in ended.values()):
            assert own_house.ask("GET", "/v1/health", user=None).status_code == 200
            assert time.monotonic() - began < 15
        assert time.monotonic() - began > 8
        assert half.recv(4000).startswith(b"HTTP/1.1 408 ")
    own_house.process.said("the head of a request took too long")


def _dawdle(one: socket.socket, writes: bool, ended: threading.Event) -> None:
    """Hold a connection open, by a letter now and then or by nothing, until it is closed."""
    one.settimeout(0.3)
    while True:
        try:
            if writes:
                one.send(b"G")
            if one.recv(100) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    ended.set()


def test_it_ends_in_order_with_a_request_under_way(own_house: House) -> None:
    port = int(str(own_house.settings["web_port"]))
    with socket.create_connection(("127.0.0.1", port)) as idle:
        idle.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(4000).startswith(b"HTTP/1.1 200 ")
        own_house.process.signal(signal.SIGTERM)
        assert own_house.process.ended(10) == 0
    assert own_house.process.lines[-1].endswith("stopped")


def test_a_database_that_is_away_is_said_and_survived(own_house: House) -> None:
    assert own_house.get("/v1/messages")["messages"] == []
    own_house.sql("ALTER TABLE users RENAME TO away", "ALTER TABLE messages RENAME TO away_too")
    answer = own_house.ask("GET", "/v1/messages")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "no such table" not in answer.text
    own_house.process.said("the database failed a request: .*no such table")
    own_house.sql("ALTER TABLE away RENAME TO users", "ALTER TABLE away_too RENAME TO messages")
    assert own_house.get("/v1/messages")["messages"] == []


def test_nothing_is_decided_before_the_configuration_has_been_read(tmp_path: Path, migrated_sqlite: Path) -> None:
    """The database is away as the interface starts: a text that came now would be answered by nobody, ever."""
    file = tmp_path / "late.db"
    shutil.copy(migrated_sqlite, file)
    type_in(f"sqlite:///{file}", "ALTER TABLE numbers RENAME TO away")
    house = House.build(tmp_path, f"sqlite:///{file}")
    house.add_user("crm", *EVERY_GRANT)
    event = {"kind": "first_chat", "id": "early", "client": "+79160000001", "team": TEAM}
    answer = house.ask("POST", "/v1/events", json=event)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    mark = house.process.mark
    house.sql("ALTER TABLE away RENAME TO numbers")
    house.furnish()
    house.process.said(FURNISHED, since=mark, seconds=15)
    assert house.ask("POST", "/v1/events", json=event).status_code == 202
    house.stop()


def test_a_fault_of_ours_is_logged_and_not_shown(own_house: House) -> None:
    """A row that cannot be: its moment is none."""
    own_house.sql(
        "INSERT INTO tickets (team_id, client, opened_at) SELECT id, '+79160000001', 'no moment' FROM teams LIMIT 1"
    )
    answer = own_house.ask("GET", "/v1/tickets")
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["detail"].startswith("something is wrong here, not with your request; the log has it under request ")
    assert "Traceback" not in answer.text
    own_house.process.said(f"request {answer.headers['X-Request-Id']} failed .*Traceback")


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ({"web_host": "0.0.0.0"}, "put a proxy with TLS in front"),
        ({"web_url": "http://calls.example.com"}, "ARI_APP_WEB_URL"),
        ({"gateways_file": "/nowhere/gateways.yaml"}, "/nowhere/gateways.yaml cannot be read"),
    ],
)
def test_it_refuses_to_start_where_it_must_not(migrated_sqlite: Path, tmp_path: Path, settings: Any, mend: str) -> None:
    process = Controller(tmp_path, {"database_url": f"sqlite:///{migrated_sqlite}", **settings}, "web")
    process.start(until="")
    assert process.ended(10) == 2
    assert mend in "\n".join(process.lines)


def test_a_port_that_is_taken_is_said(house: House, migrated_sqlite: Path, tmp_path: Path) -> None:
    settings = {"database_url": f"sqlite:///{migrated_sqlite}", "web_port": house.settings["web_port"]}
    process = Controller(tmp_path, settings, "web")
    process.start(until="cannot listen at 127.0.0.1:")
    assert process.ended(10) == 1


def test_behind_a_proxy_it_may_listen_to_others() -> None:
    check_place(Settings(web_host="0.0.0.0", web_url="https://calls.example.com"))
    with pytest.raises(NotAllowedThere):
        check_place(Settings(web_host="0.0.0.0", web_url=""))

"""SMSC.ru: what it is sent, what it knows, and what it pushes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson
import pytest

from ari_app.core.delivery import Report, State
from ari_app.core.messages import Channel
from ari_app.gateways.smsc_ru import SmscRu, SmscRuSettings
from ari_app.http_client.settings import Reading
from ari_app.message_ports import InboundText, Letter, Malformed, NotAuthentic, Push
from tests.gateways.drivers import REF, SECRET, smsc_ru
from tests.gateways.providers import Reply, provider

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def gateway(**given: object) -> SmscRu:
    settings = {"kind": "smsc_ru", "name": "smsc", "api_key": SECRET, "push_key": "key", "signing_secret": "word"}
    return SmscRu(SmscRuSettings.model_validate(settings | given, context=Reading()), now=lambda: AT)


def pushed(fields: dict[str, str], key: str = "key", *, json: bool = False) -> Push:
    kind = "application/json" if json else "application/x-www-form-urlencoded"
    body = orjson.dumps(fields) if json else urlencode(fields).encode()
    return Push("POST", f"https://calls.example.com/p?key={key}", {"content-type": kind}, {"key": key}, body)


def state(status: int, kind: str = "sha1", word: str = "word", **more: str) -> dict[str, str]:
    fields = {
        "id": REF,
        "phone": "79161234567",
        "status": str(status),
        "time": "21.11.2026 12:00:00",
        "err": "0",
    } | more
    signed = f"{fields['id']}:{fields['phone']}:{fields['status']}:{word}"
    return {**fields, kind: hashlib.new(kind, signed.encode()).hexdigest()}


def test_what_is_sent() -> None:
    with provider(Reply(200, {"id": REF, "cnt": 2, "cost": "6.4"})) as server:
        smsc_ru(server.url).send(Letter(REF, Channel.SMS, "+79161234567", "Привет", sender="Clinic"))
    [received] = server.received
    assert (received.method, received.target) == ("POST", "/sys/send.php")
    assert received.form == {
        "login": "clinic",
        "psw": SECRET,
        "fmt": "3",
        "charset": "utf-8",
        "phones": "79161234567",
        "mes": "Привет",
        "id": REF,
        "cost": "3",
        "sender": "Clinic",
    }


def test_an_api_key_stands_for_login_and_password() -> None:
    with provider(Reply(200, {"id": REF, "cnt": 1})) as server:
        one = gateway(url=server.url, allow_private=True)
        one.send(Letter(REF, Channel.SMS, "+79161234567", "x"))
    assert server.received[0].form["apikey"] == SECRET
    assert "psw" not in server.received[0].form


@pytest.mark.parametrize(
    ("answer", "report"),
    [
        ({"status": 1, "last_date": "x", "err": 0}, Report(State.DELIVERED, REF)),
        ({"status": 0}, Report(State.SENT, REF)),
        ({"status": -1}, Report(State.SENT, REF)),
        ({"status": 20, "err": 6}, Report(State.UNDELIVERED, REF, reason="SMSC.ru error 6")),
        ({"status": 3}, Report(State.UNDELIVERED, REF)),
        ({"status": -3}, Report(State.QUEUED, REF, reason="SMSC.ru does not know it")),
        ({"error": "no", "error_code": 9}, None),
        ({"status": 99}, None),
        ({}, None),
    ],
)
def test_an_unclear_sending_is_asked_for_by_our_id(answer: dict[str, object], report: Report | None) -> None:
    with provider(Reply(200, answer)) as server:
        assert smsc_ru(server.url).ask(REF, "", "+79161234567") == report
    [received] = server.received
    assert received.path == "/sys/status.php"
    assert (received.form["id"], received.form["phone"]) == (REF, "79161234567")


@pytest.mark.parametrize("kind", ["sha1", "md5"])
@pytest.mark.parametrize("json", [False, True])
def test_receipts(kind: str, json: bool) -> None:
    assert gateway().reports(pushed(state(1, kind), json=json)) == [Report(State.DELIVERED, REF)]
    assert gateway().reports(pushed(state(22, kind, err="1"), json=json)) == [
        Report(State.UNDELIVERED, REF, reason="SMSC.ru error 1")
    ]


def test_forgeries() -> None:
    for push in (
        pushed(state(1), "guessed"),
        pushed(state(1), ""),
        pushed(state(1, word="guessed")),
        pushed(state(0) | {"status": "1"}),
        pushed({"id": REF, "phone": "7", "status": "1"}),
    ):
        with pytest.raises(NotAuthentic):
            gateway().reports(push)
    with pytest.raises(NotAuthentic, match="push_key"):
        gateway(push_key=None).reports(pushed(state(1)))


def test_an_unknown_status_is_malformed() -> None:
    with pytest.raises(Malformed, match="no status"):
        gateway().reports(pushed(state(77)))
    with pytest.raises(Malformed, match="'id' is missing"):
        gateway().reports(pushed({"status": "1"}))


def test_texts() -> None:
    fields = {"phone": "79161234567", "mes": "стоп", "to": "79037672215", "sms_id": "4567"}
    assert gateway().texts(pushed(fields)) == [InboundText("4567", "+79161234567", "+79037672215", "стоп", AT)]
    with pytest.raises(NotAuthentic):
        gateway().texts(pushed(fields, "guessed"))

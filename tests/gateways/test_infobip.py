"""Infobip: what it is sent, its logs, and what it pushes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest

from ari_app.core.delivery import Report, State
from ari_app.core.messages import Channel
from ari_app.message_ports import InboundText, Letter, Malformed, NotAuthentic, Push
from tests.gateways.drivers import REF, SECRET, infobip
from tests.gateways.providers import Reply, provider

GATEWAY = infobip("http://127.0.0.1:9", push_key="key")


def pushed(*results: object, key: str = "key", body: bytes | None = None) -> Push:
    octets = orjson.dumps({"results": results}) if body is None else body
    return Push("POST", f"https://x/p?key={key}", {"content-type": "application/json"}, {"key": key}, octets)


def of(group: str, name: str, error: str = "NO_ERROR") -> dict[str, object]:
    return {
        "bulkId": "b",
        "messageId": REF,
        "to": "79161234567",
        "sentAt": "2026-11-21T12:00:00.000+0000",
        "status": {"groupId": 1, "groupName": group, "id": 1, "name": name, "description": "d"},
        "error": {"groupId": 0, "groupName": "OK", "id": 0, "name": error, "permanent": False},
    }


def test_what_is_sent() -> None:
    with provider(Reply(200, {})) as server:
        one = infobip(server.url, push_key="key", receipts="https://calls.example.com/push/infobip")
        one.send(Letter(REF, Channel.SMS, "+79161234567", "Привет", sender="Clinic"))
    [received] = server.received
    assert (received.method, received.target) == ("POST", "/sms/3/messages")
    assert received.headers["authorization"] == f"App {SECRET}"
    assert received.json == {
        "messages": [
            {
                "sender": "Clinic",
                "destinations": [{"to": "79161234567", "messageId": REF}],
                "content": {"text": "Привет"},
                "webhooks": {
                    "delivery": {"url": "https://calls.example.com/push/infobip?key=key", "notify": True},
                    "contentType": "application/json",
                },
            }
        ]
    }


@pytest.mark.parametrize(
    ("results", "report"),
    [
        ([of("DELIVERED", "DELIVERED_TO_HANDSET")], Report(State.DELIVERED, REF, REF)),
        ([of("DELIVERED", "DELIVERED_TO_OPERATOR")], Report(State.SENT, REF, REF)),
        ([of("PENDING", "PENDING_ENROUTE")], Report(State.SENT, REF, REF)),
        (
            [of("UNDELIVERABLE", "UNDELIVERABLE_NOT_DELIVERED", "EC_ABSENT_SUBSCRIBER")],
            Report(State.UNDELIVERED, REF, REF, "Infobip: UNDELIVERABLE_NOT_DELIVERED, EC_ABSENT_SUBSCRIBER"),
        ),
        ([of("EXPIRED", "EXPIRED_EXPIRED") | {"messageId": "another"}], None),
        ([], None),
    ],
)
def test_an_unclear_sending_is_found_in_the_logs(results: list[object], report: Report | None) -> None:
    with provider(Reply(200, {"results": results})) as server:
        assert infobip(server.url).ask(REF, "", "+79161234567") == report
    [received] = server.received
    assert (received.method, received.path, received.query) == ("GET", "/sms/3/logs", {"messageId": REF})


def test_receipts() -> None:
    found = GATEWAY.reports(pushed(of("DELIVERED", "DELIVERED_TO_HANDSET"), of("REJECTED", "REJECTED_DND", "EC_1")))
    assert found == [
        Report(State.DELIVERED, REF),
        Report(State.UNDELIVERED, REF, reason="Infobip: REJECTED_DND, EC_1"),
    ]


def test_forgeries() -> None:
    for key in ("", "guessed"):
        with pytest.raises(NotAuthentic):
            GATEWAY.reports(pushed(of("DELIVERED", "DELIVERED_TO_HANDSET"), key=key))
        with pytest.raises(NotAuthentic):
            GATEWAY.texts(pushed(key=key))
    with pytest.raises(NotAuthentic, match="push_key"):
        infobip("http://127.0.0.1:9").reports(pushed())


@pytest.mark.parametrize(
    "body",
    [b"", b"no", b"[]", b"{}", b'{"results":[1]}', b'{"results":[{}]}', orjson.dumps({"results": [of("ODD", "X")]})],
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        GATEWAY.reports(pushed(body=body))


def test_texts() -> None:
    text = {
        "messageId": "817790313235066447",
        "from": "79161234567",
        "to": "79037672215",
        "text": "СТОП",
        "receivedAt": "2026-11-21T12:00:00.000+0300",
    }
    at = datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=3)))
    assert GATEWAY.texts(pushed(text)) == [
        InboundText("817790313235066447", "+79161234567", "+79037672215", "СТОП", at)
    ]
    assert GATEWAY.texts(pushed(text))[0].at.astimezone(UTC).hour == 9
    for wrong in ("yesterday", "2026-11-21T12:00:00"):
        with pytest.raises(Malformed):
            GATEWAY.texts(pushed(text | {"receivedAt": wrong}))

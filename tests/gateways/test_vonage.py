"""Vonage: what it is sent, and its signed webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
import pytest

from ari_app.core.delivery import Report, State, Unavailable
from ari_app.core.messages import Channel
from ari_app.gateways.vonage import OLDEST_SECONDS, Vonage, VonageSettings
from ari_app.http_client.settings import Reading
from ari_app.message_ports import InboundText, Letter, Malformed, NotAuthentic, Push
from tests.gateways.drivers import REF, SECRET, vonage
from tests.gateways.providers import Reply, provider

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STATUS: dict[str, object] = {
    "message_uuid": "aaaaaaaa-bbbb",
    "to": "79161234567",
    "from": "Clinic",
    "timestamp": "2026-11-21T11:59:58Z",
    "status": "delivered",
    "client_ref": REF,
    "channel": "sms",
}


def gateway(**given: object) -> Vonage:
    settings = {"kind": "vonage", "name": "v", "api_key": "k", "api_secret": SECRET, "signature_secret": "sign"} | given
    return Vonage(VonageSettings.model_validate(settings, context=Reading()), now=lambda: AT)


def coded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def pushed(
    found: Mapping[str, object],
    *,
    secret: str = "sign",
    age: float = 0,
    algorithm: str = "HS256",
    hashed: bytes | None = None,
    scheme: str = "Bearer",
) -> Push:
    body = orjson.dumps(found)
    claims = {
        "iat": int(AT.timestamp() - age),
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body if hashed is None else hashed).hexdigest(),
    }
    signed = f"{coded(orjson.dumps({'typ': 'JWT', 'alg': algorithm}))}.{coded(orjson.dumps(claims))}"
    token = f"{signed}.{coded(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"
    headers = {"content-type": "application/json", "authorization": f"{scheme} {token}"}
    return Push("POST", "https://calls.example.com/p", headers, {}, body)


def test_what_is_sent() -> None:
    with provider(Reply(202, {"message_uuid": "u"})) as server:
        one = vonage(server.url, receipts="https://calls.example.com/push/v")
        one.send(Letter(REF, Channel.SMS, "+79161234567", "Привет", sender="+79037672215"))
    [received] = server.received
    assert (received.method, received.target) == ("POST", "/v1/messages")
    assert received.headers["authorization"] == "Basic " + base64.b64encode(f"key:{SECRET}".encode()).decode()
    assert received.json == {
        "message_type": "text",
        "channel": "sms",
        "to": "79161234567",
        "from": "79037672215",
        "text": "Привет",
        "client_ref": REF,
        "webhook_url": "https://calls.example.com/push/v",
        "webhook_version": "v1",
    }


def test_no_sender_is_said_before_anything_is_sent() -> None:
    assert isinstance(gateway().send(Letter(REF, Channel.SMS, "+79161234567", "x")), Unavailable)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("submitted", State.SENT),
        ("delivered", State.DELIVERED),
        ("rejected", State.UNDELIVERED),
        ("undeliverable", State.UNDELIVERED),
    ],
)
def test_receipts(status: str, state: State) -> None:
    assert gateway().reports(pushed(STATUS | {"status": status})) == [Report(state, REF, "aaaaaaaa-bbbb")]


def test_the_reason_of_a_receipt() -> None:
    error = {"type": "https://x#1260", "title": "1260", "detail": "Destination unreachable"}
    [report] = gateway().reports(pushed(STATUS | {"status": "rejected", "error": error}))
    assert report.reason == "Vonage: 1260"


@pytest.mark.parametrize(
    "push",
    [
        pushed(STATUS, secret="guessed"),
        pushed(STATUS, age=OLDEST_SECONDS + 1),
        pushed(STATUS, age=-OLDEST_SECONDS - 1),
        pushed(STATUS, algorithm="none"),
        pushed(STATUS, algorithm="HS512"),
        pushed(STATUS, hashed=b"another body"),
        pushed(STATUS, scheme="Basic"),
        Push("POST", "https://x", {"authorization": "Bearer a.b"}, {}, b"{}"),
        Push("POST", "https://x", {"authorization": "Bearer !.!.!"}, {}, b"{}"),
        Push("POST", "https://x", {}, {}, b"{}"),
    ],
    ids=["secret", "replayed", "early", "none", "hs512", "body", "scheme", "two-parts", "no-base64", "nothing"],
)
def test_forgeries(push: Push) -> None:
    with pytest.raises(NotAuthentic):
        gateway().reports(push)


def test_no_secret_no_belief() -> None:
    with pytest.raises(NotAuthentic, match="signature_secret"):
        gateway(signature_secret=None).reports(pushed(STATUS))


def test_an_unknown_status_is_malformed() -> None:
    with pytest.raises(Malformed):
        gateway().reports(pushed(STATUS | {"status": "teleported"}))


def test_texts() -> None:
    text = {k: v for k, v in STATUS.items() if k != "status"} | {
        "from": "79161234567",
        "to": "79037672215",
        "text": "STOP",
    }
    at = datetime(2026, 11, 21, 11, 59, 58, tzinfo=UTC)
    assert gateway().texts(pushed(text)) == [InboundText("aaaaaaaa-bbbb", "+79161234567", "+79037672215", "STOP", at)]
    assert gateway().texts(pushed(text | {"channel": "whatsapp"}))[0].whatsapp
    with pytest.raises(Malformed):
        gateway().texts(pushed(text | {"timestamp": "now"}))

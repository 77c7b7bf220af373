"""Twilio: what it is sent, and its callbacks."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from ari_app.core.delivery import Accepted, Report, State, Unavailable
from ari_app.core.messages import Channel
from ari_app.gateways.twilio import Twilio, TwilioSettings
from ari_app.http_client.settings import Reading
from ari_app.message_ports import InboundText, Letter, Malformed, NotAuthentic, Push
from tests.gateways.drivers import ACCOUNT, REF, SECRET, twilio
from tests.gateways.providers import Reply, provider

URL = "https://calls.example.com/push/main?ref=" + REF
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LETTER = Letter(REF, Channel.SMS, "+79161234567", "Здравствуйте + до свидания")


def gateway(**given: object) -> Twilio:
    settings = {"kind": "twilio", "name": "main", "account_sid": ACCOUNT, "auth_token": SECRET, **given}
    return Twilio(TwilioSettings.model_validate(settings, context=Reading()), now=lambda: AT)


def pushed(fields: dict[str, str], *, url: str = URL, secret: str = SECRET, algorithm: str = "sha1") -> Push:
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    proof = base64.b64encode(hmac.digest(secret.encode(), signed.encode(), algorithm)).decode()
    headers = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8", "x-twilio-signature": proof}
    return Push("POST", url, headers, dict(parse_qsl(urlsplit(url).query)), urlencode(fields).encode())


def test_what_is_sent() -> None:
    with provider(Reply(201, {"sid": "SM1", "price": "-0.0075", "price_unit": "USD"})) as server:
        one = twilio(server.url, receipts="https://calls.example.com/push/main")
        assert one.send(LETTER) == Accepted("SM1", "-0.0075 USD")
    [received] = server.received
    assert (received.method, received.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert received.form == {
        "To": "+79161234567",
        "From": "+15005550006",
        "Body": "Здравствуйте + до свидания",
        "StatusCallback": URL,
    }
    assert received.headers["authorization"] == "Basic " + base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()


def test_a_messaging_service_an_api_key_and_the_deployments_name() -> None:
    with provider(Reply(201, {"sid": "SM1"})) as server:
        key = "SK" + "1" * 32
        service = "MG" + "2" * 32
        twilio(server.url, api_key=key, api_secret="other", messaging_service=service).send(LETTER)
        twilio(server.url).send(Letter(REF, Channel.SMS, "+79161234567", "x", sender="Clinic"))
    first, second = server.received
    assert first.form["MessagingServiceSid"] == service
    assert "From" not in first.form
    assert first.headers["authorization"] == "Basic " + base64.b64encode(f"{key}:other".encode()).decode()
    assert second.form["From"] == "Clinic"


def test_no_sender_is_said_before_anything_is_sent() -> None:
    assert isinstance(gateway().send(LETTER), Unavailable)


def test_the_published_signature() -> None:
    """The vector of Twilio's own libraries (twilio-java, twilio-python)."""
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    push = pushed(fields, url=url, secret="12345")
    assert push.headers["x-twilio-signature"] == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    with pytest.raises(Malformed, match="MessageStatus"):
        gateway(auth_token="12345").reports(push)


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        ("queued", State.SENT, ""),
        ("sent", State.SENT, ""),
        ("delivered", State.DELIVERED, ""),
        ("read", State.DELIVERED, ""),
        ("undelivered", State.UNDELIVERED, "Twilio error 30003"),
        ("failed", State.UNDELIVERED, "Twilio error 30003"),
    ],
)
def test_receipts(status: str, state: State, reason: str) -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": status, "To": "+79161234567"}
    if reason:
        fields["ErrorCode"] = "30003"
    assert gateway().reports(pushed(fields)) == [Report(state, REF, "SM1", reason)]


def test_the_port_may_be_signed_or_not() -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": "sent"}
    push = pushed(fields, url="https://calls.example.com:443/push/main")
    asked = Push("POST", "https://calls.example.com/push/main", push.headers, {}, push.body)
    assert gateway().reports(asked)


def test_a_shared_key() -> None:
    one = gateway(webhook_secret="shared")
    fields = {"MessageSid": "SM1", "MessageStatus": "sent"}
    push = pushed(fields, secret="shared", algorithm="sha256")
    named = {**push.headers, "x-twilio-webhooks-signature-settings": "key=k1,algorithm=HMAC_SHA256"}
    assert one.reports(Push("POST", push.url, named, push.query, push.body))
    strange = {**push.headers, "x-twilio-webhooks-signature-settings": "algorithm=NONE"}
    with pytest.raises(NotAuthentic):
        one.reports(Push("POST", push.url, strange, push.query, push.body))
    with pytest.raises(NotAuthentic):
        one.reports(pushed(fields))


@pytest.mark.parametrize("forged", ["secret", "field", "url", "ref", "none", "empty"])
def test_forgeries(forged: str) -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    push = pushed(fields, secret="guessed" if forged == "secret" else SECRET)
    body = urlencode({**fields, "MessageSid": "SM2"}).encode() if forged == "field" else push.body
    url = push.url.replace("main", "other") if forged == "url" else push.url
    url = url.replace(REF, "f" * 32) if forged == "ref" else url
    headers = {**push.headers}
    if forged in ("none", "empty"):
        headers.pop("x-twilio-signature")
    if forged == "empty":
        headers["x-twilio-signature"] = ""
    with pytest.raises(NotAuthentic):
        gateway().reports(Push("POST", url, headers, push.query, body))


def test_an_unknown_status_is_malformed() -> None:
    with pytest.raises(Malformed, match="no message status"):
        gateway().reports(pushed({"MessageSid": "SM1", "MessageStatus": "teleported"}))


def test_texts() -> None:
    fields = {"MessageSid": "SM9", "From": "+79161234567", "To": "+15005550006", "Body": "СТОП"}
    assert gateway().texts(pushed(fields)) == [InboundText("SM9", "+79161234567", "+15005550006", "СТОП", AT)]
    whatsapp = fields | {"From": "whatsapp:+79161234567", "To": "whatsapp:+15005550006"}
    [text] = gateway().texts(pushed(whatsapp))
    assert (text.sender, text.recipient, text.whatsapp) == ("+79161234567", "+15005550006", True)
    with pytest.raises(NotAuthentic):
        gateway().texts(pushed(fields, secret="guessed"))


def test_asking() -> None:
    with provider(Reply(200, {"sid": "SM1", "status": "undelivered", "error_code": 30005})) as server:
        one = twilio(server.url)
        assert one.ask(REF, "SM1", "+79161234567") == Report(State.UNDELIVERED, REF, "SM1", "Twilio error 30005")
        assert one.ask(REF, "", "+79161234567") is None
        one.ask(REF, "../../x", "+79161234567")
    first, second = server.received
    assert first.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages/SM1.json"
    assert second.target.endswith("/Messages/..%2F..%2Fx.json")

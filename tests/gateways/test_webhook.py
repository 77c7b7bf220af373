"""Signed webhooks: read by the reference library of Standard Webhooks, and by its published vector."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr, ValidationError
from standardwebhooks.webhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from ari_app.core.delivery import Accepted, Refused, Unavailable
from ari_app.core.messages import Channel
from ari_app.gateways.webhook import Webhook, WebhookSettings, signed
from ari_app.http_client.settings import Reading
from ari_app.message_ports import Letter
from tests.gateways.drivers import REF, WEBHOOK_SECRET
from tests.gateways.providers import Reply, provider

OLD = "whsec_" + base64.b64encode(b"the-old-secret-of-this-endpoint!").decode()
BODY = '{"type":"call.ended","data":{"caller":"+79161234567","text":"Привет"}}'
LETTER = Letter(REF, Channel.WEBHOOK, "crm", BODY)


def gateway(url: str, *secrets: str, **given: object) -> Webhook:
    endpoint = {"url": url, "allow_private": True, "secrets": list(secrets or (WEBHOOK_SECRET,)), **given}
    settings = {"kind": "webhook", "name": "hooks", "endpoints": {"crm": endpoint}}
    return Webhook(WebhookSettings.model_validate(settings, context=Reading()))


@pytest.mark.promise("FLD-14")
def test_the_receiver_can_prove_who_sent_it() -> None:
    with provider(Reply(200)) as server:
        assert gateway(f"{server.url}/hook").send(LETTER) == Accepted()
    [received] = server.received
    headers = dict(received.headers)
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == REF
    assert received.body.decode() == BODY, "as it was written, octet for octet"
    assert Receiver(WEBHOOK_SECRET).verify(received.body, headers)["type"] == "call.ended"
    for forged in (received.body.replace(b"ended", b"began"), b"{}"):
        with pytest.raises(WebhookVerificationError):
            Receiver(WEBHOOK_SECRET).verify(forged, headers)
    with pytest.raises(WebhookVerificationError):
        Receiver(OLD).verify(received.body, headers)
    with pytest.raises(WebhookVerificationError):
        Receiver(WEBHOOK_SECRET).verify(received.body, headers | {"webhook-id": "f" * 32})
    stale = str(int(headers["webhook-timestamp"]) - 301)
    with pytest.raises(WebhookVerificationError):
        Receiver(WEBHOOK_SECRET).verify(received.body, headers | {"webhook-timestamp": stale})


def test_the_published_vector() -> None:
    """The specification's own example, as its libraries test it."""
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', (secret,))
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_sign_while_the_receiver_changes_over() -> None:
    with provider(Reply(200)) as server:
        gateway(server.url, WEBHOOK_SECRET, OLD).send(LETTER)
    [received] = server.received
    for secret in (WEBHOOK_SECRET, OLD):
        assert Receiver(secret).verify(received.body, dict(received.headers))


def test_a_repetition_has_the_same_id_and_a_new_time() -> None:
    moments = iter([datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC) + timedelta(minutes=5)])
    with provider(Reply(500), Reply(200)) as server:
        endpoint = {"url": server.url, "allow_private": True, "secrets": [WEBHOOK_SECRET]}
        settings = {"kind": "webhook", "name": "hooks", "endpoints": {"crm": endpoint}}
        one = Webhook(WebhookSettings.model_validate(settings, context=Reading()), now=lambda: next(moments))
        assert isinstance(one.send(LETTER), Unavailable)
        assert one.send(LETTER) == Accepted()
    first, second = (received.headers for received in server.received)
    assert first["webhook-id"] == second["webhook-id"] == REF
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 300
    assert first["webhook-signature"] != second["webhook-signature"]


def test_only_endpoints_of_the_configuration_are_told() -> None:
    with provider() as server:
        one = gateway(server.url)
        for recipient in ("other", server.url, ""):
            found = one.send(Letter(REF, Channel.WEBHOOK, recipient, BODY))
            assert isinstance(found, Refused)
    assert server.connections == 0


@pytest.mark.parametrize("secret", ["short", "whsec_!!!", "whsec_" + base64.b64encode(b"x" * 23).decode()])
def test_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError, match="24 to 64 octets"):
        gateway("https://crm.example.com/hook", secret)

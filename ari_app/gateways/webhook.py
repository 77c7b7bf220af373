"""Signed webhooks to other systems, in the form of Standard Webhooks 1.0.0.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: headers webhook-id (our ref,
the same at every attempt), webhook-timestamp and webhook-signature; the HMAC-SHA256 is of ``id.timestamp.body``.

By that specification webhooks come at least once, and receivers tell repetitions by webhook-id. So what is unclear for
a message to a person is `Unavailable` here: sent again until it is taken, or told 410 that it is not wanted any more.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from ari_app.core.delivery import Accepted, Outcome, Refused, Unavailable
from ari_app.core.messages import Channel
from ari_app.gateways.base import BaseGateway
from ari_app.gateways.settings import GatewaySettings
from ari_app.http_client.client import Answer, HttpClient, Request
from ari_app.http_client.settings import Reach, Secret
from ari_app.http_client.words import said
from ari_app.message_ports import Letter


def _key(secret: SecretStr) -> bytes:
    return base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)


def _is_key(secret: SecretStr) -> SecretStr:
    try:
        length = len(_key(secret))
    except (binascii.Error, ValueError):
        length = 0
    if not 24 <= length <= 64:
        raise ValueError(
            'must be whsec_ and base64 of 24 to 64 octets; make one: echo "whsec_$(openssl rand -base64 32)"'
        )
    return secret


SigningSecret = Annotated[Secret, AfterValidator(_is_key)]


EndpointName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$")]


class Endpoint(Reach):
    """Another system. Of two ``secrets`` the second is one that it still knows: both sign while it changes over."""

    secrets: tuple[SigningSecret, ...] = Field(min_length=1, max_length=2)


class WebhookSettings(GatewaySettings):
    """The systems that may be told, by the names that messages use for them."""

    kind: Literal["webhook"]
    rate: float = Field(50.0, gt=0, le=10_000)
    endpoints: dict[EndpointName, Endpoint] = Field(min_length=1)

    def build(self) -> Webhook:
        """The gateway."""
        return Webhook(self)


class Webhook(BaseGateway):
    """Posts a letter's text, which is JSON, to the endpoint that its recipient names."""

    def __init__(self, settings: WebhookSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, Channel.WEBHOOK)
        self._endpoints = settings.endpoints
        self._clients = {name: HttpClient.of(one) for name, one in settings.endpoints.items()}
        self._now = now

    def send(self, letter: Letter) -> Outcome:
        """POST the JSON, signed now."""
        endpoint = self._endpoints.get(letter.recipient)
        if endpoint is None:
            known = ", ".join(sorted(self._endpoints))
            return Refused(f"{said(letter.recipient)!r} is no webhook of the configuration; there are {known}")
        body = letter.text.encode()
        headers = {"Content-Type": "application/json", **signed(letter.ref, self._now(), body, endpoint.secrets)}
        answer = self._clients[letter.recipient].ask(Request("POST", endpoint.url, body=body, headers=headers))
        if not isinstance(answer, Answer):
            return Unavailable(answer.reason)
        if 200 <= answer.status < 300:
            return Accepted()
        if answer.status == 410:
            return Refused("it answered 410: it wants no webhooks any more; take it out of the configuration")
        host = urlsplit(endpoint.url).hostname
        return Unavailable(f"{host} answered HTTP {answer.status}", answer.retry_after)

    def close(self) -> None:
        """Close this thread's connections."""
        for client in self._clients.values():
            client.close()


def signed(ref: str, at: datetime, body: bytes, secrets: tuple[SecretStr, ...]) -> dict[str, str]:
    """The three headers; one signature for each secret, parted by spaces."""
    timestamp = str(int(at.timestamp()))
    content = f"{ref}.{timestamp}.".encode() + body
    proofs = [base64.b64encode(hmac.digest(_key(secret), content, "sha256")).decode() for secret in secrets]
    return {
        "webhook-id": ref,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{proof}" for proof in proofs),
    }

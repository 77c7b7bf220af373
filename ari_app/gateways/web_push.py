"""Web Push to browsers and installed web applications.

RFC 8030 (the protocol), RFC 8291 with RFC 8188 (encryption, by http-ece), RFC 8292 (VAPID, by py-vapid). The recipient
is the subscription that the browser gave, as JSON; its endpoint is an address that a user could make up, so only the
push services named in ``hosts`` are spoken to. ``Topic`` is our ref: a repetition replaces what still waits.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import http_ece
import orjson
import py_vapid
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import Field, model_validator

from ari_app.core.delivery import Accepted, Outcome, Refused
from ari_app.core.messages import Channel
from ari_app.gateways.http import HttpGateway, not_taken
from ari_app.gateways.settings import GatewaySettings
from ari_app.http_client.client import Answer, HttpClient, Request
from ari_app.http_client.settings import PrivateFile
from ari_app.message_ports import Letter

LONGEST = 3993
"""Octets of a payload: 4096 that every push service takes (RFC 8030, 7.2), less the header and tag of RFC 8188."""
TOKEN_SECONDS = 12 * 3600
"""RFC 8292 allows a day; less, since clocks differ."""

PUSH_SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "web.push.apple.com",
    "*.notify.windows.com",
)


class WebPushSettings(GatewaySettings):
    """``subject`` is who answers for the pushes (mailto: or https:). ``ttl`` is for how many seconds the push service
    keeps a message for a device that is away."""

    kind: Literal["web_push"]
    vapid_key_file: PrivateFile
    subject: str = Field(pattern=r"^(mailto:[^@\s]+@[^@\s]+|https://\S+)$")
    ttl: int = Field(24 * 3600, ge=0, le=28 * 24 * 3600)
    urgency: Literal["very-low", "low", "normal", "high"] = "normal"
    hosts: tuple[str, ...] = PUSH_SERVICES
    allow_private: bool = False

    @model_validator(mode="after")
    def _key_can_be_read(self) -> WebPushSettings:
        read_key(self.vapid_key_file)
        return self

    def build(self) -> WebPush:
        """The gateway."""
        return WebPush(self)


def read_key(path: Path) -> py_vapid.Vapid02:
    """The key that says who pushes.

    Raises:
        ValueError: the file holds none.
    """
    try:
        vapid = py_vapid.Vapid02.from_pem(path.read_bytes())
        if isinstance(vapid.private_key.curve, ec.SECP256R1):
            return vapid
    except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm, py_vapid.VapidException):
        pass
    raise ValueError(
        f"vapid_key_file: {path} holds no P-256 private key in PEM;"
        " make one: openssl ecparam -genkey -name prime256v1 -noout -out FILE"
    )


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser gives: where to push, and the keys to encrypt for it."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    @classmethod
    def read(cls, text: str) -> Subscription:
        """Of the JSON of PushSubscription.

        Raises:
            ValueError: it is none.
        """
        try:
            found = orjson.loads(text)
            keys = found["keys"]
            made = cls(str(found["endpoint"]), _decoded(keys["p256dh"]), _decoded(keys["auth"]))
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), made.p256dh)
        except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
            raise ValueError("no push subscription") from None
        if len(made.auth) != 16:
            raise ValueError("no push subscription")
        return made


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class WebPush(HttpGateway):
    """Pushes ``{"title", "body", "ref"}``, encrypted for one subscription."""

    def __init__(self, settings: WebPushSettings) -> None:
        super().__init__(settings, Channel.PUSH)
        self._settings = settings
        self._vapid = read_key(settings.vapid_key_file)
        self._client = HttpClient(
            settings.hosts,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            allow_private=settings.allow_private,
        )

    def send(self, letter: Letter) -> Outcome:
        """POST to the subscription's endpoint."""
        try:
            subscription = Subscription.read(letter.recipient)
        except ValueError:
            return Refused("the recipient is no push subscription; let the browser subscribe again")
        if not self._client.may_reach(subscription.endpoint):
            return Refused("the subscription is of no push service that hosts: names")
        payload = orjson.dumps({"title": letter.subject, "body": letter.text, "ref": letter.ref})
        if len(payload) > LONGEST:
            return Refused(f"the text is too long for a push: {len(payload)} octets with its frame, {LONGEST} at most")
        answer = self._client.ask(
            Request(
                "POST",
                subscription.endpoint,
                body=_encrypted(payload, subscription),
                headers=self._headers(subscription.endpoint, letter.ref),
            )
        )
        return _outcome(answer) if isinstance(answer, Answer) else answer

    def _headers(self, endpoint: str, ref: str) -> Mapping[str, str]:
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "sub": self._settings.subject,
            "exp": int(time.time()) + TOKEN_SECONDS,
        }
        token: dict[str, str] = self._vapid.sign(claims)
        return {
            **token,
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(self._settings.ttl),
            "Urgency": self._settings.urgency,
            "Topic": ref[:32],
        }


def _encrypted(payload: bytes, subscription: Subscription) -> bytes:
    """For this subscription alone, with a key made for this message alone."""
    octets: bytes = http_ece.encrypt(
        payload,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=subscription.p256dh,
        auth_secret=subscription.auth,
        version="aes128gcm",
    )
    return octets


def _outcome(answer: Answer) -> Outcome:
    """RFC 8030, 5: 201 and a Location. 7.3: 404, and 410 of most services, when the subscription is gone. 7.2: 413.
    A 5xx may follow a push that was passed on: unclear."""
    if answer.status in (200, 201, 202, 204):
        return Accepted(answer.headers.get("location", "").rpartition("/")[2][:100])
    if answer.status in (404, 410):
        return Refused(f"the subscription is gone (HTTP {answer.status}); the browser has to subscribe again")
    if answer.status == 413:
        return Refused("the push service finds the text too long (HTTP 413); shorten it")
    return not_taken(answer)

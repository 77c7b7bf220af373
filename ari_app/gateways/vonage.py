"""Vonage's Messages API, for SMS.

https://developer.vonage.com/messages, https://developer.vonage.com/api-errors/messages-olympus,
https://developer.vonage.com/getting-started/concepts/webhooks (signed webhooks). Chosen before the older SMS API since
its pushes are signed without asking Vonage's support for it, echo our ``client_ref``, and cover WhatsApp. Neither can
be asked for a message by our id (the Reports API works by the batch, hours later): an unclear sending is cleared up
by its receipt, which names ``client_ref``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from pydantic import Field

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable
from ari_app.core.messages import Channel
from ari_app.gateways.base import digits, e164
from ari_app.gateways.http import HttpGateway, not_taken
from ari_app.gateways.pushes import equal, json_object, needed
from ari_app.gateways.settings import HttpSettings
from ari_app.http_client.client import Answer, HttpClient, Request
from ari_app.http_client.settings import Address, Secret
from ari_app.http_client.words import said
from ari_app.message_ports import InboundText, Letter, Malformed, NotAuthentic, Push

STATES = {
    "submitted": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "rejected": State.UNDELIVERED,
    "undeliverable": State.UNDELIVERED,
}
HOPELESS = frozenset({"1040", "1050", "1090"})
"""No such number prefix, the number is barred, the text is too long."""
NOT_SUBMITTED = frozenset({"1100"})
"""Documented as not submitted, whatever the HTTP status."""
OLDEST_SECONDS = 300
"""How far a signature's time may be from ours; an older one may be a replay."""


class VonageSettings(HttpSettings):
    """An account. ``signature_secret`` proves pushes; ``sender`` is a number of the account's, for deployments without
    a sender name. ``receipts`` is our address for states, if not the account's."""

    kind: Literal["vonage"]
    default_url = "https://api.nexmo.com"
    api_key: str = Field(min_length=1, max_length=64)
    api_secret: Secret
    signature_secret: Secret | None = None
    sender: str = Field("", max_length=40)
    receipts: Address | None = None

    def build(self) -> Vonage:
        """The gateway."""
        return Vonage(self)


class Vonage(HttpGateway):
    """Sends SMS by Vonage, reads its states and inbound messages (WhatsApp's, too)."""

    def __init__(self, settings: VonageSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, Channel.SMS)
        self._settings = settings
        self._client = HttpClient.of(settings)
        self._now = now

    def send(self, letter: Letter) -> Outcome:
        """POST /v1/messages."""
        sender = letter.sender or self._settings.sender
        if not sender:
            return Unavailable("there is no sender; set ARI_APP_SENDER_NAME, or sender: here")
        message = {
            "message_type": "text",
            "channel": "sms",
            "to": digits(letter.recipient),
            "from": digits(sender),
            "text": letter.text,
            "client_ref": letter.ref,
        }
        if self._settings.receipts:
            message |= {"webhook_url": self._settings.receipts, "webhook_version": "v1"}
        login = (self._settings.api_key, self._settings.api_secret.get_secret_value())
        answer = self._client.ask(Request("POST", f"{self._settings.url}/v1/messages", json=message, basic=login))
        return _outcome(answer) if isinstance(answer, Answer) else answer

    def reports(self, push: Push) -> Sequence[Report]:
        """Read a message status."""
        found = self._proved(push)
        status = needed(found, "status")
        if status not in STATES:
            raise Malformed(f"{said(status)!r} is no status that Vonage documents")
        error = found.get("error")
        reason = f"Vonage: {said(error.get('title') or error.get('type'))}" if isinstance(error, dict) else ""
        return [Report(STATES[status], str(found.get("client_ref") or ""), needed(found, "message_uuid"), reason)]

    def texts(self, push: Push) -> Sequence[InboundText]:
        """Read an inbound message; of other types than text there is nothing to read."""
        found = self._proved(push)
        return [
            InboundText(
                id=needed(found, "message_uuid"),
                sender=e164(needed(found, "from")),
                recipient=e164(needed(found, "to")),
                text=str(found.get("text") or ""),
                at=_moment(needed(found, "timestamp")),
                whatsapp=found.get("channel") == "whatsapp",
            )
        ]

    def _proved(self, push: Push) -> Mapping[str, Any]:
        """The body, if the token in Authorization is signed by Vonage (HS256), fresh, and made for this very body."""
        secret = self._settings.signature_secret
        if secret is None:
            raise NotAuthentic("no signature_secret is configured, so no push can be believed; set it")
        claims = _claims(push.headers.get("authorization", ""), secret.get_secret_value())
        issued = claims.get("iat")
        if not isinstance(issued, int | float) or abs(self._now().timestamp() - issued) > OLDEST_SECONDS:
            raise NotAuthentic("the signature is too old, or from the future; check both clocks")
        if not equal(str(claims.get("payload_hash", "")).lower(), hashlib.sha256(push.body).hexdigest()):
            raise NotAuthentic("the signature was made for another body")
        return json_object(push)


def _claims(authorization: str, secret: str) -> Mapping[str, Any]:
    """Of a JSON Web Token (RFC 7519) that is signed with HS256 and nothing else."""
    scheme, _, token = authorization.partition(" ")
    try:
        head, body, signature = token.strip().split(".")
        algorithm = orjson.loads(_decoded(head))["alg"]
        claims = orjson.loads(_decoded(body))
        given = _decoded(signature)
    except (ValueError, KeyError, TypeError):
        raise NotAuthentic("Authorization has no JSON Web Token") from None
    proof = hmac.digest(secret.encode(), f"{head}.{body}".encode(), "sha256")
    if scheme.lower() != "bearer" or algorithm != "HS256" or not hmac.compare_digest(given, proof):
        raise NotAuthentic("the signature does not fit; check signature_secret")
    return claims if isinstance(claims, dict) else {}


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(f"{said(text)!r} is no date and time") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _outcome(answer: Answer) -> Outcome:
    """202 is a message taken. Errors are problem objects whose ``type`` ends in a code; of 1030, an internal error,
    Vonage does not say that nothing was sent: unclear."""
    found = answer.object()
    if answer.status == 202 and isinstance(found.get("message_uuid"), str):
        return Accepted(str(found["message_uuid"]))
    code = str(found.get("type", "")).rpartition("#")[2]
    reason = f"Vonage {said(code)}: {said(found.get('title', ''))}: {said(found.get('detail', ''))}"
    if code in NOT_SUBMITTED:
        return Unavailable(reason)
    if 400 <= answer.status < 500 and answer.status != 429 and found.get("title"):
        wrong = found.get("invalid_parameters")
        names = {str(one.get("name")) for one in wrong if isinstance(one, dict)} if isinstance(wrong, list) else set()
        fault = code in HOPELESS or (names and names <= {"to", "text"})
        return Refused(reason) if fault else Unavailable(reason, answer.retry_after)
    return not_taken(answer)

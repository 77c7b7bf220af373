"""Twilio's Programmable Messaging.

https://www.twilio.com/docs/messaging/api/message-resource, https://www.twilio.com/docs/usage/security (signatures),
https://www.twilio.com/docs/api/errors. A list of messages can be searched by date, sender and recipient, not by an id
of ours; so an unclear sending cannot be asked for. But our id is in the address that receipts are sent to, and any
receipt clears it up.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit

from pydantic import Field, model_validator

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable
from ari_app.core.messages import Channel
from ari_app.gateways.base import Acknowledgement
from ari_app.gateways.http import HttpGateway, not_taken
from ari_app.gateways.pushes import equal, form, needed
from ari_app.gateways.settings import HttpSettings
from ari_app.http_client.client import Answer, HttpClient, Request
from ari_app.http_client.settings import Address, Secret
from ari_app.http_client.words import said
from ari_app.message_ports import InboundText, Letter, Malformed, NotAuthentic, Push

STATES = {
    "accepted": State.SENT,
    "scheduled": State.SENT,
    "queued": State.SENT,
    "sending": State.SENT,
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "undelivered": State.UNDELIVERED,
    # Twilio took it, but could not pass it on: for the outbox it was sent, and did not arrive.
    "failed": State.UNDELIVERED,
    "canceled": State.UNDELIVERED,
}
"""Message Status values of the Message resource."""

HOPELESS = frozenset({21211, 21217, 21407, 21602, 21604, 21605, 21610, 21614, 21617, 21635})
"""Errors that are the number's or the text's fault: no number, no mobile, unsubscribed, too long, empty."""

_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


class TwilioSettings(HttpSettings):
    """A Twilio account.

    ``auth_token`` signs pushes and, without an API key, authenticates us. ``webhook_secret`` is the SharedKey, where
    the account signs with HMAC-SHA256. ``sender`` is a number of the account's, for deployments without a sender name;
    ``messaging_service`` wins over both. ``receipts`` is our address, as Twilio shall call it.
    """

    kind: Literal["twilio"]
    default_url = "https://api.twilio.com"
    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    auth_token: Secret
    api_key: str = Field("", pattern=r"^(SK[0-9a-fA-F]{32})?$")
    api_secret: Secret | None = None
    webhook_secret: Secret | None = None
    sender: str = Field("", max_length=40)
    messaging_service: str = Field("", pattern=r"^(MG[0-9a-fA-F]{32})?$")
    receipts: Address | None = None

    @model_validator(mode="after")
    def _key_with_its_secret(self) -> TwilioSettings:
        if bool(self.api_key) != bool(self.api_secret):
            raise ValueError("api_secret: api_key and api_secret go together; write both or none")
        return self

    def build(self) -> Twilio:
        """The gateway."""
        return Twilio(self)


class Twilio(HttpGateway):
    """Sends SMS by a Twilio account, reads its receipts and inbound texts (WhatsApp's, too)."""

    # An empty answer in Twilio's own language: no reply to the text.
    acknowledgement = Acknowledgement("text/xml", "<Response/>")

    def __init__(self, settings: TwilioSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, Channel.SMS)
        self._settings = settings
        self._client = HttpClient.of(settings)
        self._messages = f"{settings.url}/2010-04-01/Accounts/{settings.account_sid}/Messages"
        self._now = now

    def send(self, letter: Letter) -> Outcome:
        """POST Messages.json."""
        fields = {"To": letter.recipient, "Body": letter.text} | self._from(letter)
        if "From" not in fields and "MessagingServiceSid" not in fields:
            return Unavailable("there is no sender; set ARI_APP_SENDER_NAME, or sender: or messaging_service: here")
        if self._settings.receipts:
            fields["StatusCallback"] = _with(self._settings.receipts, ref=letter.ref)
        answer = self._client.ask(Request("POST", f"{self._messages}.json", form=fields, basic=self._login()))
        return _outcome(answer) if isinstance(answer, Answer) else answer

    def _from(self, letter: Letter) -> dict[str, str]:
        if self._settings.messaging_service:
            return {"MessagingServiceSid": self._settings.messaging_service}
        sender = letter.sender or self._settings.sender
        return {"From": sender} if sender else {}

    def _login(self) -> tuple[str, str]:
        chosen = self._settings
        if chosen.api_secret is not None:
            return chosen.api_key, chosen.api_secret.get_secret_value()
        return chosen.account_sid, chosen.auth_token.get_secret_value()

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """Fetch the message by Twilio's id; without one there is nothing to ask for."""
        if not gateway_id:
            return None
        answer = self._client.ask(
            Request("GET", f"{self._messages}/{quote(gateway_id, safe='')}.json", basic=self._login())
        )
        said_of_it = answer.object() if isinstance(answer, Answer) and answer.status == 200 else {}
        state = STATES.get(str(said_of_it.get("status")))
        return Report(state, ref, gateway_id, _error(said_of_it.get("error_code"))) if state else None

    def reports(self, push: Push) -> Sequence[Report]:
        """Read a status callback: MessageSid, MessageStatus, ErrorCode."""
        fields = self._proved(push)
        status = needed(fields, "MessageStatus")
        if status not in STATES:
            raise Malformed(f"{said(status)!r} is no message status that Twilio documents")
        reason = _error(fields.get("ErrorCode"))
        return [Report(STATES[status], push.query.get("ref", ""), needed(fields, "MessageSid"), reason)]

    def texts(self, push: Push) -> Sequence[InboundText]:
        """Read an incoming message; Twilio says no time, so it is now."""
        fields = self._proved(push)
        sender, recipient = needed(fields, "From"), needed(fields, "To")
        return [
            InboundText(
                id=needed(fields, "MessageSid"),
                sender=sender.removeprefix("whatsapp:"),
                recipient=recipient.removeprefix("whatsapp:"),
                text=fields.get("Body", ""),
                at=self._now(),
                whatsapp=sender.startswith("whatsapp:"),
            )
        ]

    def _proved(self, push: Push) -> Mapping[str, str]:
        """The form, if the signature is Twilio's: an HMAC of the address called and of the fields in their order."""
        fields = form(push)
        key, algorithm = self._settings.auth_token, "sha1"
        if self._settings.webhook_secret is not None:
            key, algorithm = self._settings.webhook_secret, _algorithm(push)
        signed = "".join(name + value for name, value in sorted(fields.items())) if push.method != "GET" else ""
        given = push.headers.get("x-twilio-signature", "")
        secret = key.get_secret_value().encode()
        proofs = [
            base64.b64encode(hmac.digest(secret, (url + signed).encode(), algorithm)).decode()
            for url in _with_and_without_port(push.url)
        ]
        if not any([equal(given, proof) for proof in proofs]):  # noqa: C419  # each is compared, whichever fits
            raise NotAuthentic("X-Twilio-Signature does not fit; check auth_token, and the address as Twilio calls it")
        return fields


def _algorithm(push: Push) -> str:
    settings = push.headers.get("x-twilio-webhooks-signature-settings", "")
    named = dict(part.strip().partition("=")[::2] for part in settings.split(","))
    if (algorithm := _ALGORITHMS.get(named.get("algorithm", "HMAC_SHA256").upper())) is None:
        raise NotAuthentic("signed by an algorithm that is not known here")
    return algorithm


def _with_and_without_port(url: str) -> tuple[str, str]:
    """Twilio signs the address with its port or without; its own libraries take both."""
    parts = urlsplit(url)
    host = parts.netloc.partition(":")[0]
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()


def _with(address: str, **query: str) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"


def _error(code: object) -> str:
    return f"Twilio error {said(code)}" if code else ""


def _outcome(answer: Answer) -> Outcome:
    """201 is a message made; errors have a code of their own.

    Of 20500 Twilio says that the message may have been sent and that repeating may send another: unclear, like every
    5xx but the 503 that says when to come back.
    """
    found = answer.object()
    if answer.status in (200, 201) and isinstance(found.get("sid"), str):
        price = f"{found.get('price') or ''} {found.get('price_unit') or ''}" if found.get("price") else ""
        return Accepted(str(found["sid"]), price.strip())
    if 400 <= answer.status < 500 and answer.status != 429:
        code, message = found.get("code"), said(found.get("message", ""))
        if code in HOPELESS:
            return Refused(f"Twilio error {code}: {message}")
        if code:
            return Unavailable(f"Twilio error {code}: {message}", answer.retry_after)
    return not_taken(answer)

"""Infobip's SMS API, version 3.

https://www.infobip.com/docs/api/channels/sms (POST /sms/3/messages, GET /sms/3/logs, delivery and inbound webhooks),
https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes. ``messageId`` is ours to choose,
and a second message of the same id is rejected as a duplicate: it has the first.

Pulled states are read from the logs, not from /sms/3/reports, which gives each report once only: one that is read
while the database is away would be lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable
from ari_app.core.messages import Channel
from ari_app.gateways.base import digits, e164
from ari_app.gateways.http import HttpGateway, not_taken
from ari_app.gateways.pushes import check_key, json_object, needed, objects
from ari_app.gateways.settings import HttpSettings
from ari_app.http_client.client import Answer, HttpClient, Request
from ari_app.http_client.settings import Address, Secret
from ari_app.http_client.words import said
from ari_app.message_ports import InboundText, Letter, Malformed, Push

GROUPS = {
    "PENDING": State.SENT,
    "DELIVERED": State.DELIVERED,
    "UNDELIVERABLE": State.UNDELIVERED,
    "EXPIRED": State.UNDELIVERED,
    "REJECTED": State.UNDELIVERED,
}
ON_THE_WAY = frozenset({"DELIVERED_TO_OPERATOR"})
"""Of the group DELIVERED, but not with the recipient: a final status follows."""

DUPLICATE = "REJECTED_DUPLICATE_MESSAGE_ID"
HOPELESS = frozenset(
    {
        "REJECTED_PREFIX_MISSING",
        "REJECTED_DND",
        "REJECTED_DESTINATION_BLOCKLISTED",
        "REJECTED_MESSAGE_TOO_LONG",
        "REJECTED_DESTINATION",
        "MISSING_TO",
    }
)
"""Rejections for the sake of the number or the text; the others are the account's, and another gateway may do."""


class InfobipSettings(HttpSettings):
    """An account: ``url`` is its own base URL, as the portal shows it. ``receipts`` is our address, as Infobip shall
    call it; ``?key=<push_key>`` is added. Inbound texts are set up in the portal, to an address with that key."""

    kind: Literal["infobip"]
    api_key: Secret
    push_key: Secret | None = None
    receipts: Address | None = None

    def build(self) -> Infobip:
        """The gateway."""
        return Infobip(self)


class Infobip(HttpGateway):
    """Sends SMS by Infobip under our own ids, asks its logs, reads its delivery reports and inbound texts."""

    can_ask = True

    def __init__(self, settings: InfobipSettings) -> None:
        super().__init__(settings, Channel.SMS)
        self._settings = settings
        self._client = HttpClient.of(settings)

    def send(self, letter: Letter) -> Outcome:
        """POST /sms/3/messages with one message."""
        message: dict[str, Any] = {
            "destinations": [{"to": digits(letter.recipient), "messageId": letter.ref}],
            "content": {"text": letter.text},
        }
        if letter.sender:
            message["sender"] = letter.sender
        if (receipts := self._receipts()) is not None:
            message["webhooks"] = {"delivery": {"url": receipts, "notify": True}, "contentType": "application/json"}
        answer = self._client.ask(
            Request(
                "POST", f"{self._settings.url}/sms/3/messages", json={"messages": [message]}, headers=self._headers()
            )
        )
        return _outcome(answer, letter.ref) if isinstance(answer, Answer) else answer

    def _headers(self) -> Mapping[str, str]:
        key = self._settings.api_key.get_secret_value()
        return {"Authorization": f"App {key}", "Accept": "application/json"}

    def _receipts(self) -> str | None:
        if self._settings.receipts is None or self._settings.push_key is None:
            return None
        joint = "&" if "?" in self._settings.receipts else "?"
        return f"{self._settings.receipts}{joint}key={self._settings.push_key.get_secret_value()}"

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """GET /sms/3/logs, of the last 48 hours. That nothing is found proves nothing: when a message comes into the
        logs is not documented."""
        answer = self._client.ask(
            Request("GET", f"{self._settings.url}/sms/3/logs", {"messageId": ref}, headers=self._headers())
        )
        results = answer.object().get("results") if isinstance(answer, Answer) and answer.status == 200 else None
        for one in results if isinstance(results, list) else ():
            if isinstance(one, dict) and one.get("messageId") == ref and (state := _state(one)):
                return Report(state, ref, gateway_id or ref, _reason(one, state))
        return None

    def reports(self, push: Push) -> Sequence[Report]:
        """Read delivery reports, up to a hundred at once."""
        check_key(push, self._settings.push_key)
        return [_report(one) for one in objects(json_object(push), "results")]

    def texts(self, push: Push) -> Sequence[InboundText]:
        """Read inbound messages."""
        check_key(push, self._settings.push_key)
        return [
            InboundText(
                id=needed(one, "messageId"),
                sender=e164(needed(one, "from")),
                recipient=e164(needed(one, "to")),
                text=str(one.get("text") or ""),
                at=_moment(needed(one, "receivedAt")),
            )
            for one in objects(json_object(push), "results")
        ]


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(f"{said(text)!r} is no date and time") from None
    if at.tzinfo is None:
        raise Malformed(f"{said(text)!r} has no offset from UTC")
    return at


def _status(one: Mapping[str, Any]) -> Mapping[str, Any]:
    status = one.get("status")
    return status if isinstance(status, dict) else {}


def _state(one: Mapping[str, Any]) -> State | None:
    status = _status(one)
    return State.SENT if status.get("name") in ON_THE_WAY else GROUPS.get(str(status.get("groupName")))


def _reason(one: Mapping[str, Any], state: State) -> str:
    if state is not State.UNDELIVERED:
        return ""
    error = one.get("error")
    name = error.get("name") if isinstance(error, dict) else None
    return f"Infobip: {said(_status(one).get('name'))}" + (f", {said(name)}" if name and name != "NO_ERROR" else "")


def _report(one: Mapping[str, Any]) -> Report:
    if (state := _state(one)) is None:
        raise Malformed(f"{said(_status(one).get('groupName'))!r} is no status group that Infobip documents")
    return Report(state, ref=needed(one, "messageId"), reason=_reason(one, state))


def _outcome(answer: Answer, ref: str) -> Outcome:
    """A 4xx rejects the whole request. Of a 5xx Infobip does not say that nothing was sent: unclear, and found in the
    logs by our id."""
    messages = answer.object().get("messages")
    one = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], dict) else {}
    status = _status(one)
    name, group = str(status.get("name")), str(status.get("groupName"))
    if not 200 <= answer.status < 300 or group not in GROUPS:
        return _rejected(answer)
    if name == DUPLICATE or group in ("PENDING", "DELIVERED"):
        return Accepted(str(one.get("messageId") or ref))
    reason = f"Infobip: {said(name)}: {said(status.get('description', ''))}"
    return Refused(reason) if name in HOPELESS else Unavailable(reason)


def _rejected(answer: Answer) -> Outcome:
    found = answer.object()
    if answer.status == 400 and (description := found.get("description")):
        violations = found.get("violations")
        where = [str(v.get("property", "")) for v in violations or () if isinstance(v, dict)]
        reason = f"Infobip: {said(found.get('errorCode'))}: {said(description)} {said(' '.join(where))}".strip()
        fault = where and all("destinations" in place or "content" in place for place in where)
        return Refused(reason) if fault else Unavailable(reason)
    return not_taken(answer)

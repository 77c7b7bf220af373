"""SMS.ru.

https://sms.ru/api/send (sending and its codes), https://sms.ru/api/status, https://sms.ru/?panel=api&subpanel=cb
(pushes). It takes no id of ours, so an unclear sending cannot be asked for. It pushes states, no inbound texts; its
pushes are signed with the API id, and wait for ``100`` as the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.gateways.base import Acknowledgement, digits
from ari_app.gateways.http import HttpGateway, not_taken
from ari_app.gateways.pushes import equal, form
from ari_app.gateways.settings import HttpSettings
from ari_app.http_client.client import Answer, HttpClient, Request
from ari_app.http_client.settings import Secret
from ari_app.http_client.words import said
from ari_app.message_ports import Letter, Malformed, NotAuthentic, Push

OK = 100
STATES = {
    100: State.SENT,  # in their queue
    101: State.SENT,
    102: State.SENT,
    103: State.DELIVERED,
    104: State.UNDELIVERED,  # expired
    105: State.UNDELIVERED,  # deleted by the operator
    106: State.UNDELIVERED,  # the telephone failed
    107: State.UNDELIVERED,
    108: State.UNDELIVERED,  # rejected
    110: State.DELIVERED,  # read
    150: State.UNDELIVERED,  # no route
}

HOPELESS = frozenset({202, 203, 205, 209})
"""The number or the text is at fault: no such number, no text, too long, on the account's own stop list."""

NOT_KNOWN = frozenset({500})
"""The server's own error, "repeat the request": nothing says that the first one was not acted on."""


class SmsRuSettings(HttpSettings):
    """An account; ``api_id`` also proves pushes."""

    kind: Literal["sms_ru"]
    default_url = "https://sms.ru"
    api_id: Secret

    def build(self) -> SmsRu:
        """The gateway."""
        return SmsRu(self)


class SmsRu(HttpGateway):
    """Sends SMS by SMS.ru, asks for their state by its id, reads what it pushes."""

    acknowledgement = Acknowledgement("text/plain", "100")

    def __init__(self, settings: SmsRuSettings) -> None:
        super().__init__(settings, Channel.SMS)
        self._settings = settings
        self._client = HttpClient.of(settings)

    def _request(self, method: str, **fields: str) -> Request:
        """By POST, so that the key is in no address."""
        login = {"api_id": self._settings.api_id.get_secret_value(), "json": "1"}
        return Request("POST", f"{self._settings.url}/sms/{method}", form=login | fields)

    def send(self, letter: Letter) -> Outcome:
        """sms/send."""
        fields = {"to": digits(letter.recipient), "msg": letter.text}
        if letter.sender:
            fields["from"] = letter.sender
        answer = self._client.ask(self._request("send", **fields))
        return _outcome(answer) if isinstance(answer, Answer) else answer

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """sms/status, by SMS.ru's id; without one there is nothing to ask for."""
        if not gateway_id:
            return None
        answer = self._client.ask(self._request("status", sms_id=gateway_id))
        found = _only(answer.object()) if isinstance(answer, Answer) else {}
        code = found.get("status_code")
        state = STATES.get(code) if isinstance(code, int) else None
        return Report(state, ref, gateway_id, _reason(found, state)) if state else None

    def reports(self, push: Push) -> Sequence[Report]:
        """Read ``data[0]`` and so on: lines of a kind, an id, a status and a time each.

        ``hash`` is SHA-256 of the API id and all of them together. A replay tells the same states again: harmless.
        """
        fields = form(push)
        entries = [fields[name] for name in sorted((n for n in fields if n.startswith("data[")), key=_place)]
        secret = self._settings.api_id.get_secret_value()
        proof = hashlib.sha256((secret + "".join(entries)).encode()).hexdigest()
        if not equal(fields.get("hash", "").lower(), proof):
            raise NotAuthentic("hash does not fit; check api_id")
        lines = [entry.split("\n") for entry in entries]
        return [_report(entry) for entry in lines if entry[0].strip() == "sms_status"]


def _place(name: str) -> int:
    number = name.removeprefix("data[").rstrip("]")
    if not (number.isascii() and number.isdigit()):
        raise Malformed(f"{said(name)!r} is no place in a list")
    return int(number)


def _report(entry: Sequence[str]) -> Report:
    code = entry[2].strip() if len(entry) > 2 else ""
    state = STATES.get(int(code)) if code.isascii() and code.isdigit() else None
    if state is None or not entry[1].strip():
        raise Malformed(f"{said(' '.join(entry))!r} is no state of a message")
    return Report(state, gateway_id=entry[1].strip(), reason=_reason({"status_code": code}, state))


def _reason(found: Mapping[str, Any], state: State | None) -> str:
    if state is not State.UNDELIVERED:
        return ""
    return f"SMS.ru status {said(found.get('status_code'))} {said(found.get('status_text', ''))}".strip()


def _only(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is said of the one message; the answer's own code if nothing is."""
    messages = found.get("sms")
    one = next(iter(messages.values()), None) if isinstance(messages, dict) else None
    return one if isinstance(one, dict) else {}


def _outcome(answer: Answer) -> Outcome:
    """The message's own code counts, else the request's. Any code but 100 says that nothing was sent, save 500."""
    found = answer.object()
    one = _only(found) or found
    code = one.get("status_code")
    if answer.status != 200 or not isinstance(code, int):
        return not_taken(answer)
    if code == OK and isinstance(one.get("sms_id"), str):
        return Accepted(one["sms_id"], str(one.get("cost", "")))
    reason = f"SMS.ru code {code}: {said(one.get('status_text', ''))}"
    if code in HOPELESS:
        return Refused(reason)
    return Unclear(reason) if code in NOT_KNOWN or code == OK else Unavailable(reason)

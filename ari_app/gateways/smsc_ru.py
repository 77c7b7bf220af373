"""SMSC.ru (and its twins smsc.kz, smsc.ua, smscentre.com), by HTTP.

https://smsc.ru/api/http/ (send.php), https://smsc.ru/api/http/status_messages/ (status.php, states and errors),
https://smsc.ru/api/http/miscellaneous/callback/ (pushes). ``id`` is ours to choose, up to 40 letters, digits and
``.-_``; by it and the number an unclear sending can be asked for.

Pushes come to the addresses set in the account. Write them with
``?key=<push_key>&charset=utf-8&sha1=<signing_secret>``: without ``charset`` they are windows-1251.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.gateways.base import digits, e164
from ari_app.gateways.http import HttpGateway, not_taken
from ari_app.gateways.pushes import check_key, equal, form, json_object, needed
from ari_app.gateways.settings import HttpSettings
from ari_app.http_client.client import Answer, HttpClient, Request
from ari_app.http_client.settings import Secret
from ari_app.http_client.words import said
from ari_app.message_ports import InboundText, Letter, Malformed, NotAuthentic, Push

NOT_FOUND = -3
STATES = {
    -1: State.SENT,  # waits to be sent
    0: State.SENT,  # handed to the operator
    1: State.DELIVERED,
    2: State.DELIVERED,  # read
    4: State.DELIVERED,  # a link in it was opened
    -2: State.UNDELIVERED,  # stopped
    3: State.UNDELIVERED,  # expired
    20: State.UNDELIVERED,
    22: State.UNDELIVERED,  # no such number
    23: State.UNDELIVERED,  # forbidden
    24: State.UNDELIVERED,  # no money
    25: State.UNDELIVERED,  # the number takes no SMS
}

ERRORS = {
    1: "a parameter is wrong",
    2: "login or password is wrong, or this machine's address is not allowed",
    3: "no money on the account",
    4: "this machine's address is blocked for a while, after too many mistakes",
    5: "a wrong date",
    6: "the text or the sender is forbidden",
    7: "the number is no number",
    8: "the number takes no SMS",
    9: "the same request twice in a minute, or too many at once",
}
HOPELESS = frozenset({7, 8})
WAIT_SECONDS = {4: 600.0, 9: 60.0}


class SmscRuSettings(HttpSettings):
    """An account: either ``login`` and ``password``, or ``api_key``. ``signing_secret`` is the word that pushes of
    states are signed with (sha1= or md5= in the address); ``push_key`` the one in the address."""

    kind: Literal["smsc_ru"]
    default_url = "https://smsc.ru"
    login: str = Field("", max_length=100)
    password: Secret | None = None
    api_key: Secret | None = None
    push_key: Secret | None = None
    signing_secret: Secret | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> SmscRuSettings:
        if bool(self.api_key) == bool(self.login and self.password):
            raise ValueError("api_key: write either api_key, or login and password")
        return self

    def build(self) -> SmscRu:
        """The gateway."""
        return SmscRu(self)


class SmscRu(HttpGateway):
    """Sends SMS by SMSC.ru, asks for their state, reads what it pushes."""

    can_ask = True

    def __init__(self, settings: SmscRuSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, Channel.SMS)
        self._settings = settings
        self._client = HttpClient.of(settings)
        self._now = now

    def _request(self, script: str, **fields: str) -> Request:
        """By POST, so that the password is in no address; ``fmt=3`` is JSON."""
        chosen = self._settings
        if chosen.api_key is not None:
            login = {"apikey": chosen.api_key.get_secret_value()}
        else:
            login = {"login": chosen.login, "psw": chosen.password.get_secret_value() if chosen.password else ""}
        return Request("POST", f"{chosen.url}/sys/{script}", form={**login, "fmt": "3", "charset": "utf-8", **fields})

    def send(self, letter: Letter) -> Outcome:
        """send.php; ``cost=3`` has it say the price."""
        fields = {"phones": digits(letter.recipient), "mes": letter.text, "id": letter.ref, "cost": "3"}
        if letter.sender:
            fields["sender"] = letter.sender
        answer = self._client.ask(self._request("send.php", **fields))
        return _outcome(answer) if isinstance(answer, Answer) else answer

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """status.php. That it does not know the message is certain only once the request cannot be under way any more:
        ask no sooner than the read time-out after the sending."""
        answer = self._client.ask(self._request("status.php", phone=digits(recipient), id=gateway_id or ref, all="0"))
        if not isinstance(answer, Answer) or answer.status != 200:
            return None
        found = answer.object()
        if _number(found.get("status")) == NOT_FOUND:
            return Report(State.QUEUED, ref, gateway_id, "SMSC.ru does not know it")
        state = STATES.get(_number(found.get("status")))
        return Report(state, ref, gateway_id, _reason(found)) if state and "error_code" not in found else None

    def reports(self, push: Push) -> Sequence[Report]:
        """Read a state: id, phone, status, err, and ``sha1`` or ``md5`` of ``id:phone:status:secret``."""
        fields = self._proved(push)
        sent_id, status = needed(fields, "id"), needed(fields, "status")
        self._check_signature(fields)
        state = STATES.get(_number(status))
        if state is None:
            raise Malformed(f"{said(status)!r} is no status that SMSC.ru documents")
        return [Report(state, ref=sent_id, reason=_reason(fields))]

    def _check_signature(self, fields: Mapping[str, Any]) -> None:
        if self._settings.signing_secret is None:
            return
        signed = ":".join(str(fields.get(name, "")) for name in ("id", "phone", "status"))
        secret = self._settings.signing_secret.get_secret_value()
        kind = "sha1" if "sha1" in fields else "md5"
        proof = hashlib.new(kind, f"{signed}:{secret}".encode(), usedforsecurity=False).hexdigest()
        if not equal(str(fields.get(kind, "")).lower(), proof):
            raise NotAuthentic("the signature does not fit; check signing_secret and sha1= in the account's address")

    def texts(self, push: Push) -> Sequence[InboundText]:
        """Read an incoming SMS: phone, mes, to, sms_id."""
        fields = self._proved(push)
        return [
            InboundText(
                id=needed(fields, "sms_id"),
                sender=e164(needed(fields, "phone")),
                recipient=e164(str(fields.get("to", ""))),
                text=str(fields.get("mes", "")),
                at=self._now(),
            )
        ]

    def _proved(self, push: Push) -> Mapping[str, Any]:
        check_key(push, self._settings.push_key)
        if push.headers.get("content-type", "").startswith("application/json"):
            return json_object(push)
        return form(push)


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return -1000


def _reason(found: Mapping[str, Any]) -> str:
    error = str(found.get("err", "0"))
    return "" if error in ("0", "") else f"SMSC.ru error {said(error)}"


def _outcome(answer: Answer) -> Outcome:
    """``error_code`` says that nothing was sent; an id and a count, that it was taken. Of anything else, a 5xx for one,
    the documentation says nothing: unclear, and asked for by our id."""
    found = answer.object()
    code = _number(found.get("error_code"))
    if code in ERRORS:
        reason = f"SMSC.ru error {code}: {ERRORS[code]}"
        return Refused(reason) if code in HOPELESS else Unavailable(reason, WAIT_SECONDS.get(code))
    if answer.status == 200 and "error" in found:
        return Unclear(f"SMSC.ru: {said(found['error'])}")
    if answer.status == 200 and found.get("id") and _number(found.get("cnt")) > 0:
        return Accepted(str(found["id"]), str(found.get("cost", "")))
    return not_taken(answer)

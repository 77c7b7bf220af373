"""A gateway described in configuration alone: what to ask, where the id and the status stand, and what they mean."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import BeforeValidator, Field, model_validator

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.gateways.base import Acknowledgement, digits, e164
from ari_app.gateways.http import HttpGateway, not_taken
from ari_app.gateways.pushes import check_key, form
from ari_app.gateways.settings import GatewaySettings
from ari_app.gateways.templates import Auth, Call, Where, at, walk
from ari_app.http_client.client import Answer, HttpClient
from ari_app.http_client.settings import Authorities, Secret, Strict
from ari_app.http_client.words import said
from ari_app.message_ports import InboundText, Letter, Malformed, NotAuthentic, Push

Words = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda given: tuple(_word(one) for one in given) if isinstance(given, list) else (_word(given),)),
]
States = Annotated[
    dict[str, Literal["sent", "delivered", "undelivered", "queued"]],
    BeforeValidator(
        lambda given: {_word(key): one for key, one in given.items()} if isinstance(given, dict) else given
    ),
]


def _word(given: Any) -> str:
    """A value as it is compared; YAML reads ``0`` as a number and ``true`` as a truth."""
    return str(given).lower() if isinstance(given, bool) else str(given)


class Answers(Strict):
    """What an answer to a sending means. Without ``status`` a 2xx is an acceptance, if it has the ``id`` that is looked
    for. With it, a status in none of the lists is unclear."""

    id: Where | None = None
    status: Where | None = None
    accepted: Words = ()
    refused: Words = ()
    unavailable: Words = ()
    reason: Where | None = None
    price: Where | None = None

    @model_validator(mode="after")
    def _told_apart(self) -> Answers:
        words = [*self.accepted, *self.refused, *self.unavailable]
        if bool(self.status) != bool(self.accepted):
            raise ValueError("accepted: status and accepted go together; write where it stands and what is good")
        if len(set(words)) != len(words):
            raise ValueError("accepted: a status is in two lists; each means one thing")
        return self


class Asking(Call):
    """How to ask for a state: by our ``ref`` or their ``id``. ``queued`` among the states: they never had it."""

    by: Literal["ref", "id"]
    status: Where
    states: States
    reason: Where | None = None


class HmacProof(Strict):
    """A header with an HMAC of the body."""

    header: str = Field(pattern=r"^[A-Za-z0-9-]{1,60}$")
    secret: Secret
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""


class Proof(Strict):
    """What shows that a push is theirs: ``key`` in the address that they call, or an HMAC."""

    key: Secret | None = None
    hmac: HmacProof | None = None

    @model_validator(mode="after")
    def _one(self) -> Proof:
        if bool(self.key) == bool(self.hmac):
            raise ValueError("write one of key and hmac")
        return self


class Receipts(Strict):
    """Where a pushed receipt has what. ``each`` leads to the list, where several are pushed at once."""

    each: str = ""
    ref: str = ""
    id: str = ""
    status: str
    states: States
    reason: str = ""

    @model_validator(mode="after")
    def _some_id(self) -> Receipts:
        if not (self.ref or self.id):
            raise ValueError("ref: a receipt must be found by ref or id; write where one of them stands")
        return self


class Texts(Strict):
    """Where a pushed text has what. ``at`` is ISO 8601 or seconds since 1970; without it, it is now."""

    each: str = ""
    id: str
    sender: str
    recipient: str
    text: str
    at: str = ""


class GenericSettings(GatewaySettings):
    """A provider with an HTTP interface of its own."""

    kind: Literal["http"]
    channel: Literal["sms", "email", "push"] = "sms"
    allow_private: bool = False
    ca_file: Authorities | None = None
    auth: Auth | None = None
    secrets: dict[str, Secret] = Field(default_factory=dict)
    send: Call
    answer: Answers = Field(default_factory=Answers)
    ask: Asking | None = None
    proof: Proof | None = None
    receipts: Receipts | None = None
    texts: Texts | None = None
    acknowledge: str = "OK"

    @model_validator(mode="after")
    def _whole(self) -> GenericSettings:
        if (self.receipts or self.texts) and self.proof is None:
            raise ValueError("proof: receipts and texts need one, or anybody could push them; write key or hmac")
        for call in filter(None, (self.send, self.ask)):
            missing = {word for word in call.words() if word.startswith("secret.")} - {
                f"secret.{name}" for name in self.secrets
            }
            if missing:
                raise ValueError(f"secrets: {', '.join(sorted(missing))} is used and not there; add it")
            if call.url.startswith("http://") and not self.allow_private:
                raise ValueError("send: url is not encrypted; use https://, or allow_private: true within your net")
        return self

    def build(self) -> Generic:
        """The gateway."""
        return Generic(self)


class Generic(HttpGateway):
    """Sends, asks and reads as its configuration says."""

    def __init__(self, settings: GenericSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, Channel(settings.channel))
        self._settings = settings
        self.can_ask = settings.ask is not None and settings.ask.by == "ref"
        self.acknowledgement = Acknowledgement("text/plain", settings.acknowledge)
        calls = (settings.send, *((settings.ask,) if settings.ask else ()))
        self._client = HttpClient(
            (urlsplit(call.url).hostname or "" for call in calls),
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            allow_private=settings.allow_private,
            ca_file=settings.ca_file,
        )
        self._now = now

    def _ask(self, call: Call, values: Mapping[str, str]) -> Answer | Unavailable | Unclear:
        auth = self._settings.auth
        secrets = {f"secret.{name}": one.get_secret_value() for name, one in self._settings.secrets.items()}
        return self._client.ask(
            call.request({**values, **secrets}, auth.headers() if auth else {}, auth.login() if auth else None)
        )

    def send(self, letter: Letter) -> Outcome:
        """As ``send:`` says; the answer is read as ``answer:`` says."""
        values = {
            "to": letter.recipient,
            "to_digits": digits(letter.recipient),
            "text": letter.text,
            "ref": letter.ref,
            "sender": letter.sender,
            "subject": letter.subject,
        }
        answer = self._ask(self._settings.send, values)
        return _outcome(answer, self._settings.answer) if isinstance(answer, Answer) else answer

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """As ``ask:`` says, if it does."""
        asking = self._settings.ask
        if asking is None or (asking.by == "id" and not gateway_id):
            return None
        values = {"to": recipient, "to_digits": digits(recipient), "ref": ref, "id": gateway_id}
        answer = self._ask(asking, values)
        state = asking.states.get(asking.status.find(answer)) if isinstance(answer, Answer) else None
        if state is None or not isinstance(answer, Answer):
            return None
        return Report(State(state), ref, gateway_id, said(asking.reason.find(answer)) if asking.reason else "")

    def reports(self, push: Push) -> Sequence[Report]:
        """As ``receipts:`` says; without it there are none to be read."""
        rules = self._settings.receipts
        if rules is None:
            return super().reports(push)
        return [_report(one, rules) for one in self._read(push, rules.each)]

    def texts(self, push: Push) -> Sequence[InboundText]:
        """As ``texts:`` says; without it there are none to be read."""
        rules = self._settings.texts
        if rules is None:
            return super().texts(push)
        return [self._text(one, rules) for one in self._read(push, rules.each)]

    def _read(self, push: Push, each: str) -> Iterator[Any]:
        self._check(push)
        found = _body(push)
        several = walk(found, each.split(".")) if each else [found]
        if not isinstance(several, list):
            raise Malformed(f"{each!r} is no list")
        yield from several

    def _check(self, push: Push) -> None:
        proof = self._settings.proof
        if proof is None or proof.hmac is None:
            check_key(push, proof.key if proof else None)
            return
        rules = proof.hmac
        made = hmac.digest(rules.secret.get_secret_value().encode(), push.body, rules.algorithm)
        given = push.headers.get(rules.header.lower(), "").removeprefix(rules.prefix)
        try:
            octets = bytes.fromhex(given) if rules.encoding == "hex" else base64.b64decode(given, validate=True)
        except (ValueError, binascii.Error):
            octets = b""
        if not hmac.compare_digest(octets, made):
            raise NotAuthentic(f"{rules.header} does not fit the body; check the secret")

    def _text(self, one: Any, rules: Texts) -> InboundText:
        return InboundText(
            id=_needed(one, rules.id),
            sender=e164(_needed(one, rules.sender)),
            recipient=e164(_needed(one, rules.recipient)),
            text=at(one, rules.text) or "",
            at=_moment(_needed(one, rules.at)) if rules.at else self._now(),
        )


def _body(push: Push) -> Any:
    if push.headers.get("content-type", "").partition(";")[0].strip().endswith("json"):
        try:
            return orjson.loads(push.body)
        except orjson.JSONDecodeError:
            raise Malformed("the body is no JSON") from None
    return form(push)


def _needed(one: Any, path: str) -> str:
    if not (value := at(one, path)):
        raise Malformed(f"there is nothing at {path!r}")
    return value


def _report(one: Any, rules: Receipts) -> Report:
    status = _needed(one, rules.status)
    if (state := rules.states.get(status)) is None:
        raise Malformed(f"{said(status)!r} is none of the states in the configuration; add it to receipts: states:")
    ref, gateway_id = (at(one, path) or "" if path else "" for path in (rules.ref, rules.id))
    if not (ref or gateway_id):
        raise Malformed("it names no message")
    return Report(State(state), ref, gateway_id, said(at(one, rules.reason) or "") if rules.reason else "")


def _moment(text: str) -> datetime:
    try:
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise Malformed(f"{said(text)!r} is no date and time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _outcome(answer: Answer, rules: Answers) -> Outcome:
    """The provider's own word first; where the configuration does not know it, what HTTP says by its status."""
    status = rules.status.find(answer) if rules.status else ""
    good = 200 <= answer.status < 300
    gateway_id = rules.id.find(answer) if rules.id else ""
    reason = said(rules.reason.find(answer)) if rules.reason else ""
    told = f"status {said(status)}: {reason}" if reason else f"status {said(status) or answer.status}"
    if status and status in rules.refused:
        return Refused(told)
    if status and status in rules.unavailable:
        return Unavailable(told, answer.retry_after)
    if good and (status in rules.accepted if rules.status else bool(gateway_id) or rules.id is None):
        return Accepted(gateway_id, rules.price.find(answer) if rules.price else "")
    if good:
        return Unclear(f"{told} is none that the configuration knows; add it to answer:")
    return not_taken(answer)

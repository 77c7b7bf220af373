"""Every gateway over HTTP, as the conformance suite drives it: how it is made, and what its provider documents."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ari_app.core.delivery import Accepted, Refused, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.gateways.base import BaseGateway
from ari_app.gateways.generic import GenericSettings
from ari_app.gateways.infobip import InfobipSettings
from ari_app.gateways.sms_ru import SmsRuSettings
from ari_app.gateways.smsc_ru import SmscRuSettings
from ari_app.gateways.twilio import TwilioSettings
from ari_app.gateways.vonage import VonageSettings
from ari_app.gateways.web_push import WebPushSettings
from ari_app.gateways.webhook import WebhookSettings
from ari_app.http_client.settings import Reading
from ari_app.message_ports import Letter
from tests.gateways.providers import Reply

REF = "0123456789abcdef0123456789abcdef"
SECRET = "hush-hush-0123456789"
"""In every configuration below; never to be seen in what a gateway says."""
ACCOUNT = "AC" + "0" * 32
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"hush-hush-hush-hush-hush-hush-01").decode()

Make = Callable[..., BaseGateway]
Outcome = type[Accepted] | type[Refused] | type[Unavailable] | type[Unclear]


def common(url: str, **more: Any) -> dict[str, Any]:
    """What all gateways of the tests have."""
    return {
        "name": "tried",
        "url": url,
        "allow_private": True,
        "connect_timeout": 2,
        "read_timeout": 2,
        **more,
    }


def _settings(model: Any, given: Mapping[str, Any]) -> BaseGateway:
    gateway: BaseGateway = model.model_validate(given, context=Reading()).build()
    return gateway


def twilio(url: str, **more: Any) -> BaseGateway:
    given = common(url, kind="twilio", account_sid=ACCOUNT, auth_token=SECRET, sender="+15005550006")
    return _settings(TwilioSettings, given | more)


def smsc_ru(url: str, **more: Any) -> BaseGateway:
    return _settings(SmscRuSettings, common(url, kind="smsc_ru", login="clinic", password=SECRET) | more)


def sms_ru(url: str, **more: Any) -> BaseGateway:
    return _settings(SmsRuSettings, common(url, kind="sms_ru", api_id=SECRET) | more)


def infobip(url: str, **more: Any) -> BaseGateway:
    return _settings(InfobipSettings, common(url, kind="infobip", api_key=SECRET) | more)


def vonage(url: str, **more: Any) -> BaseGateway:
    return _settings(
        VonageSettings, common(url, kind="vonage", api_key="key", api_secret=SECRET, sender="Clinic") | more
    )


def generic(url: str, **more: Any) -> BaseGateway:
    given = common(
        url,
        kind="http",
        secrets={"token": SECRET},
        send={
            "url": f"{url}/send/{{to_digits}}",
            "query": {"token": "{secret.token}"},
            "json": {"id": "{ref}", "to": "{to}", "parts": ["{text}"], "from": "{sender}", "flash": False},
        },
        answer={
            "id": "result.0.id",
            "status": "result.0.status",
            "accepted": ["ok", 0],
            "refused": ["no-such-number"],
            "unavailable": ["no-money"],
            "reason": "result.0.why",
            "price": "result.0.price",
        },
    )
    del given["url"]
    return _settings(GenericSettings, given | more)


def webhook(url: str, **more: Any) -> BaseGateway:
    endpoint = (
        {key: value for key, value in common(url).items() if key != "name"} | {"secrets": [WEBHOOK_SECRET]} | more
    )
    return _settings(WebhookSettings, {"kind": "webhook", "name": "tried", "endpoints": {"crm": endpoint}})


class Browser:
    """What subscribes to pushes: it has the key to open them."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)

    def subscription(self, endpoint: str) -> str:
        """As PushSubscription.toJSON."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": _base64(point), "auth": _base64(self.auth)}
        return orjson.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys}).decode()


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def vapid_key(folder: Path) -> Path:
    """A key file of mode 0600."""
    key = ec.generate_private_key(ec.SECP256R1())
    path = folder / "vapid.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    path.chmod(0o600)
    return path


BROWSER = Browser()


def web_push(folder: Path) -> Make:
    path = vapid_key(folder)

    def make(url: str, **more: Any) -> BaseGateway:
        given = common(
            url, kind="web_push", vapid_key_file=path, subject="mailto:office@example.com", hosts=["127.0.0.1"]
        )
        del given["url"]
        return _settings(WebPushSettings, given | more)

    return make


@dataclass(frozen=True)
class Driver:
    """One gateway and its provider. ``documented``: answers that the provider's documentation explains, and what each
    means. ``garbage`` is what a 200 that is no answer of its means; ``broken``, no whole answer."""

    name: str
    make: Make
    taken: Reply
    accepted: Accepted
    documented: tuple[tuple[Reply, Outcome], ...] = ()
    channel: Channel = Channel.SMS
    recipient: str = "+79161234567"
    can_ask: bool = False
    garbage: Outcome = Unclear
    broken: Outcome = Unclear
    text: str = "Извините, мы пропустили ваш звонок & перезвоним"
    statuses: Mapping[int, Outcome] = field(default_factory=dict)
    """Where it differs from what HTTP says."""

    def letter(self, url: str, **given: Any) -> Letter:
        """A letter that it takes."""
        recipient = BROWSER.subscription(f"{url}/push/one") if self.channel is Channel.PUSH else self.recipient
        return Letter(**{"ref": REF, "channel": self.channel, "recipient": recipient, "text": self.text} | given)


def _infobip_said(name: str, group: str = "REJECTED") -> Reply:
    status = {"groupId": 5, "groupName": group, "id": 1, "name": name, "description": "Said"}
    return Reply(200, {"bulkId": "b", "messages": [{"messageId": REF, "status": status, "destination": "79161234567"}]})


def _sms_ru_said(code: int) -> Reply:
    message = {"status": "ERROR", "status_code": code, "status_text": "Сказано"}
    return Reply(200, {"status": "OK", "status_code": 100, "sms": {"79161234567": message}, "balance": 1})


def _vonage_said(status: int, code: str, **more: Any) -> Reply:
    problem = {"type": f"https://developer.vonage.com/api-errors/messages-olympus#{code}", "title": "T", "detail": "D"}
    return Reply(status, {**problem, "instance": "i", **more})


def drivers(folder: Path) -> tuple[Driver, ...]:
    """All of them."""
    return (
        Driver(
            "twilio",
            twilio,
            Reply(201, {"sid": "SM1", "status": "queued", "price": None, "price_unit": "USD", "error_code": None}),
            Accepted("SM1"),
            (
                (Reply(400, {"code": 21211, "message": "Invalid 'To' Phone Number: +7916", "status": 400}), Refused),
                (Reply(400, {"code": 21610, "message": "Attempt to send to unsubscribed recipient"}), Refused),
                (Reply(400, {"code": 21614, "message": "not a mobile number"}), Refused),
                (Reply(400, {"code": 21635, "message": "landline"}), Refused),
                (Reply(400, {"code": 21408, "message": "Permission to send an SMS has not been enabled"}), Unavailable),
                (Reply(400, {"code": 21606, "message": "'From' is not a valid"}), Unavailable),
                (Reply(401, {"code": 20003, "message": "Authenticate"}), Unavailable),
                (Reply(429, {"code": 20429, "message": "Too Many Requests"}), Unavailable),
                (Reply(500, {"code": 20500, "message": "Internal Server Error"}), Unclear),
            ),
        ),
        Driver(
            "smsc_ru",
            smsc_ru,
            Reply(200, {"id": REF, "cnt": 1, "cost": "3.2", "balance": "100"}),
            Accepted(REF, "3.2"),
            (
                (Reply(200, {"error": "invalid number", "error_code": 7, "id": REF}), Refused),
                (Reply(200, {"error": "cannot be delivered", "error_code": 8, "id": REF}), Refused),
                (Reply(200, {"error": "parameters error", "error_code": 1}), Unavailable),
                (Reply(200, {"error": "authorise error", "error_code": 2}), Unavailable),
                (Reply(200, {"error": "no money", "error_code": 3}), Unavailable),
                (Reply(200, {"error": "IP is blocked", "error_code": 4}), Unavailable),
                (Reply(200, {"error": "denied", "error_code": 6}), Unavailable),
                (Reply(200, {"error": "duplicate request, wait a minute", "error_code": 9}), Unavailable),
                (Reply(200, {"error": "something new", "error_code": 77}), Unclear),
                (Reply(200, {"id": REF, "cnt": 0}), Unclear),
            ),
            can_ask=True,
        ),
        Driver(
            "sms_ru",
            sms_ru,
            Reply(
                200,
                {
                    "status": "OK",
                    "status_code": 100,
                    "sms": {"79161234567": {"status": "OK", "status_code": 100, "sms_id": "000000-10000000"}},
                    "balance": 4122.56,
                },
            ),
            Accepted("000000-10000000"),
            (
                (_sms_ru_said(202), Refused),
                (_sms_ru_said(209), Refused),
                (_sms_ru_said(207), Unavailable),
                (_sms_ru_said(230), Unavailable),
                (Reply(200, {"status": "ERROR", "status_code": 200, "status_text": "api_id"}), Unavailable),
                (Reply(200, {"status": "ERROR", "status_code": 201}), Unavailable),
                (Reply(200, {"status": "ERROR", "status_code": 220}), Unavailable),
                (Reply(200, {"status": "ERROR", "status_code": 500}), Unclear),
                (Reply(200, {"status": "OK", "status_code": 100, "sms": {}}), Unclear),
            ),
        ),
        Driver(
            "infobip",
            infobip,
            _infobip_said("PENDING_ACCEPTED", "PENDING"),
            Accepted(REF),
            (
                (_infobip_said("REJECTED_DESTINATION"), Refused),
                (_infobip_said("REJECTED_PREFIX_MISSING"), Refused),
                (_infobip_said("REJECTED_DND"), Refused),
                (_infobip_said("REJECTED_NOT_ENOUGH_CREDITS"), Unavailable),
                (_infobip_said("REJECTED_SENDER"), Unavailable),
                (_infobip_said("REJECTED_SYSTEM_ERROR"), Unavailable),
                (_infobip_said("REJECTED_DUPLICATE_MESSAGE_ID"), Accepted),
                (
                    Reply(
                        400,
                        {
                            "errorCode": "E400",
                            "description": "Request cannot be processed.",
                            "action": "Check",
                            "violations": [{"property": "messages[0].destinations[0].to", "violation": "empty"}],
                        },
                    ),
                    Refused,
                ),
                (Reply(400, {"errorCode": "E400", "description": "No", "violations": []}), Unavailable),
                (Reply(401, {"errorCode": "E401", "description": "The request lacks valid credentials"}), Unavailable),
                (Reply(500, {"errorCode": "E500", "description": "Something went wrong."}), Unclear),
            ),
            can_ask=True,
        ),
        Driver(
            "vonage",
            vonage,
            Reply(202, {"message_uuid": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"}),
            Accepted("aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"),
            (
                (_vonage_said(422, "1040"), Refused),
                (_vonage_said(422, "1020", invalid_parameters=[{"name": "to", "reason": "short"}]), Refused),
                (_vonage_said(422, "1020", invalid_parameters=[{"name": "from", "reason": "long"}]), Unavailable),
                (_vonage_said(422, "1120"), Unavailable),
                (_vonage_said(401, "unauthorized"), Unavailable),
                (_vonage_said(402, "low-balance"), Unavailable),
                (_vonage_said(429, "1000"), Unavailable),
                (_vonage_said(500, "1100"), Unavailable),
                (_vonage_said(500, "1030"), Unclear),
            ),
        ),
        Driver(
            "generic",
            generic,
            Reply(200, {"result": [{"id": 77, "status": "ok", "price": 1.5}]}),
            Accepted("77", "1.5"),
            (
                (Reply(200, {"result": [{"id": 78, "status": 0}]}), Accepted),
                (Reply(200, {"result": [{"status": "no-such-number", "why": "+79161234567?"}]}), Refused),
                (Reply(400, {"result": [{"status": "no-such-number"}]}), Refused),
                (Reply(200, {"result": [{"status": "no-money"}]}), Unavailable),
                (Reply(500, {"result": [{"status": "no-money"}]}), Unavailable),
                (Reply(500, {"result": [{"status": "ok"}]}), Unclear),
                (Reply(200, {"result": [{"status": "odd"}]}), Unclear),
            ),
        ),
        Driver(
            "webhook",
            webhook,
            Reply(204),
            Accepted(),
            ((Reply(410), Refused), (Reply(400), Unavailable), (Reply(200, b"whatever"), Accepted)),
            channel=Channel.WEBHOOK,
            recipient="crm",
            garbage=Accepted,
            broken=Unavailable,
            text='{"type":"message.sent","data":{"text":"Привет"}}',
            statuses={500: Unavailable, 502: Unavailable, 303: Unavailable, 503: Unavailable},
        ),
        Driver(
            "web_push",
            web_push(folder),
            Reply(201, b"", {"Location": "https://push.example.net/message/qDIYHNcfAIPP_5ITvURr-d6BGt"}),
            Accepted("qDIYHNcfAIPP_5ITvURr-d6BGt"),
            (
                (Reply(404), Refused),
                (Reply(410), Refused),
                (Reply(413), Refused),
                (Reply(400), Unavailable),
                (Reply(403), Unavailable),
            ),
            channel=Channel.PUSH,
            garbage=Accepted,
            statuses={404: Refused},
        ),
    )

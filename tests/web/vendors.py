"""What providers push, as they document it, with the proofs they send along."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import requests

from tests.web.house import SMSC_KEY, SMSC_SECRET, TWILIO_TOKEN, VONAGE_SECRET, House


def twilio(house: House, what: str, *, called: str = "", proof: str | None = None, **fields: str) -> requests.Response:
    """A form with X-Twilio-Signature: HMAC-SHA1 of the address and of the sorted fields.

    https://www.twilio.com/docs/usage/security
    """
    path = f"/v1/{what}/twilio"
    signed = (called or house.base) + path + "".join(name + fields[name] for name in sorted(fields))
    made = base64.b64encode(hmac.digest(TWILIO_TOKEN.encode(), signed.encode(), "sha1")).decode()
    headers = {"X-Twilio-Signature": made if proof is None else proof}
    return house.ask("POST", path, user=None, data=fields, headers=headers)


def smsc(house: House, *, key: str = SMSC_KEY, secret: str = SMSC_SECRET, **fields: str) -> requests.Response:
    """A form by GET with the address' own key and sha1 of id:phone:status:secret. https://smsc.ru/api/#callback"""
    signed = ":".join((fields["id"], fields["phone"], fields["status"], secret))
    proof = hashlib.sha1(signed.encode()).hexdigest()
    return house.ask("GET", "/v1/receipts/smsc", user=None, params={"key": key, **fields, "sha1": proof})


def smsc_text(house: House, *, key: str = SMSC_KEY, **fields: str) -> requests.Response:
    """An incoming SMS. https://smsc.ru/api/#callback"""
    return house.ask("POST", f"/v1/texts/smsc?key={key}", user=None, data=fields)


def vonage(house: House, what: str, body: dict[str, Any], *, secret: str = VONAGE_SECRET) -> requests.Response:
    """JSON with a JWT that has the hash of the body. https://developer.vonage.com/getting-started/concepts/webhooks"""
    raw = json.dumps(body).encode()
    claims = {"iat": int(time.time()), "payload_hash": hashlib.sha256(raw).hexdigest()}
    signed = ".".join(_part(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    proof = _part(hmac.digest(secret.encode(), signed.encode(), "sha256"))
    headers = {"Authorization": f"Bearer {signed}.{proof}", "Content-Type": "application/json"}
    return house.ask("POST", f"/v1/{what}/vonage", user=None, data=raw, headers=headers)


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

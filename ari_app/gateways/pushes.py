"""Reading what providers push to us: forms, JSON, and the proofs that a push is theirs."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import SecretStr

from ari_app.message_ports import Malformed, NotAuthentic, Push


def form(push: Push) -> dict[str, str]:
    """The fields of a form; the last of several with one name. A GET request has them in its query.

    Raises:
        Malformed: the body is no form.
    """
    kind = push.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _multipart(push)
    if kind == "application/x-www-form-urlencoded":
        return dict(_pairs(push.body))
    if push.method.upper() == "GET":
        return dict(push.query)
    raise Malformed(f"a form was expected, and the body is {kind or 'of no stated type'}")


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError:
        raise Malformed("the form is not UTF-8, or has more than 1000 fields") from None


def _multipart(push: Push) -> dict[str, str]:
    head = f"Content-Type: {push.headers['content-type']}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + push.body)
    found = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            found[name] = _utf8(payload)
    return found


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("a field is not UTF-8") from None


def json_object(push: Push) -> Mapping[str, Any]:
    """The body, a JSON object.

    Raises:
        Malformed: it is none.
    """
    try:
        found = orjson.loads(push.body)
    except orjson.JSONDecodeError:
        raise Malformed("the body is no JSON") from None
    if not isinstance(found, dict):
        raise Malformed("the body is JSON, but no object")
    return found


def objects(container: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The list of objects under ``key``.

    Raises:
        Malformed: there is none.
    """
    found = container.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Malformed(f"{key!r} is no list of objects")
    return found


def needed(fields: Mapping[str, Any], name: str) -> str:
    """A field that must be there and not empty, as text.

    Raises:
        Malformed: it is missing.
    """
    value = fields.get(name)
    if value is None or value == "" or isinstance(value, (dict, list)):
        raise Malformed(f"{name!r} is missing")
    return str(value)


def equal(left: str, right: str) -> bool:
    """Compare a proof without telling by the time it takes how much of it was right."""
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


def check_key(push: Push, key: SecretStr | None) -> None:
    """The proof of providers that do not sign: the secret in the address that they were told to call.

    Raises:
        NotAuthentic: another, or none; or none is configured.
    """
    if key is None:
        raise NotAuthentic("no push_key is configured, so no push can be believed; set one")
    if not equal(push.query.get("key", ""), key.get_secret_value()):
        raise NotAuthentic("the address called has not the right key=")

"""A gateway described in configuration alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from pydantic import ValidationError

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.gateways.generic import Generic, GenericSettings
from ari_app.gateways.templates import at, fill
from ari_app.http_client.client import Answer
from ari_app.http_client.settings import Reading
from ari_app.message_ports import InboundText, Letter, Malformed, NotAuthentic, Push
from tests.gateways.drivers import REF
from tests.gateways.providers import Act, Reply, provider

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LETTER = Letter(REF, Channel.SMS, "+79161234567", 'Привет {ref} & "пока" 100%', sender="Clinic")


def gateway(send: dict[str, Any] | None = None, **given: Any) -> Generic:
    settings = {
        "kind": "http",
        "name": "own",
        "allow_private": True,
        "send": send or {"url": "http://127.0.0.1:9/"},
        **given,
    }
    return Generic(GenericSettings.model_validate(settings, context=Reading()), now=lambda: AT)


def outcome(act: Act, answer: dict[str, Any], **send: Any) -> Outcome:
    with provider(act) as server:
        return gateway({"url": f"{server.url}/", **send}, answer=answer).send(LETTER)


def test_placeholders_go_everywhere_and_are_escaped_where_they_must_be() -> None:
    with provider() as server:
        one = gateway(
            {
                "method": "PUT",
                "url": f"{server.url}/to/{{to}}/{{text}}?x={{ref}}",
                "query": {"t": "{text}"},
                "json": {"a": ["{text}", {"b": "{to_digits}"}], "n": 1, "none": None, "yes": True},
                "headers": {"X-Key": "{secret.key}", "X-Ref": "{ref}"},
            },
            secrets={"key": "k 1"},
        )
        assert one.send(LETTER) == Accepted()
    [received] = server.received
    assert received.method == "PUT"
    assert received.path.startswith("/to/%2B79161234567/%D0%9F")
    assert "?" not in received.path, "what is filled into a path stays in it"
    assert received.query == {"x": REF, "t": LETTER.text}
    assert received.json == {"a": [LETTER.text, {"b": "79161234567"}], "n": 1, "none": None, "yes": True}
    assert (received.headers["x-key"], received.headers["x-ref"]) == ("k 1", REF)


def test_what_is_filled_in_is_not_filled_again() -> None:
    assert fill("{text}", {"text": "{secret.key}", "secret.key": "hush"}) == "{secret.key}"


def test_a_line_break_cannot_make_a_header() -> None:
    with provider() as server:
        one = gateway({"url": server.url, "headers": {"X-Text": "{text}"}})
        letter = Letter(REF, Channel.SMS, "+7", "a\r\nX-Evil: 1")
        assert isinstance(one.send(letter), Unavailable)
    assert server.received == []


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"basic": {"user": "u", "password": "p"}}, ("authorization", "Basic " + base64.b64encode(b"u:p").decode())),
        ({"bearer": "t"}, ("authorization", "Bearer t")),
        ({"header": {"name": "X-Api-Key", "value": "t"}}, ("x-api-key", "t")),
    ],
)
def test_auth(auth: dict[str, Any], header: tuple[str, str]) -> None:
    with provider() as server:
        gateway({"url": server.url, "form": {"to": "{to}"}}, auth=auth).send(LETTER)
    assert server.received[0].headers[header[0]] == header[1]
    assert server.received[0].form == {"to": "+79161234567"}


@pytest.mark.parametrize(
    ("act", "answer", "expected"),
    [
        (Reply(200), {}, Accepted()),
        (Reply(204), {}, Accepted()),
        (Reply(200, b"OK: id=42\n"), {"id": {"regex": r"id=(\d+)"}}, Accepted("42")),
        (Reply(200, b"ERROR 5"), {"id": {"regex": r"id=(\d+)"}}, Unclear("status 200")),
        (Reply(200, {"a": {"id": 5}}), {"id": "/a/id"}, Accepted("5")),
        (
            Reply(200, b"<r><s>3</s></r>"),
            {"status": {"regex": "<s>(.*?)</s>"}, "accepted": 0, "refused": 3},
            Refused("s"),
        ),
        (Reply(200, {"ok": True}), {"status": "ok", "accepted": True}, Accepted()),
        (
            Reply(200, {"ok": False, "why": "no\nmoney"}),
            {"status": "ok", "accepted": True, "unavailable": [False], "reason": "why"},
            Unavailable("status false: no money"),
        ),
        (
            Reply(503, {"code": "busy"}, {"Retry-After": "5"}),
            {"status": "code", "accepted": "ok", "unavailable": "busy"},
            Unavailable("x", 5.0),
        ),
    ],
)
def test_answers(act: Act, answer: dict[str, Any], expected: Outcome) -> None:
    found = outcome(act, answer)
    assert type(found) is type(expected)
    if isinstance(expected, Accepted):
        assert found == expected
    if isinstance(expected, Unavailable):
        assert isinstance(found, Unavailable)
        assert found.retry_after == expected.retry_after
        assert expected.reason in (found.reason, "x")


def test_asking_by_our_ref() -> None:
    ask = {
        "method": "GET",
        "by": "ref",
        "status": "state",
        "states": {"1": "delivered", "404": "queued"},
        "reason": "why",
    }
    with provider(Reply(200, {"state": 1, "why": "w"}), Reply(200, {"state": 404}), Reply(200, {"state": 9})) as server:
        one = gateway(ask={**ask, "url": f"{server.url}/state/{{ref}}", "query": {"n": "{to_digits}"}})
        assert one.can_ask
        assert one.ask(REF, "", "+79161234567") == Report(State.DELIVERED, REF, "", "w")
        assert one.ask(REF, "", "+79161234567") == Report(State.QUEUED, REF)
        assert one.ask(REF, "", "+79161234567") is None
    assert server.received[0].target == f"/state/{REF}?n=79161234567"


def test_asking_by_their_id() -> None:
    with provider(Reply(200, b"state=DELIVRD")) as server:
        ask = {
            "url": f"{server.url}/{{id}}",
            "by": "id",
            "status": {"regex": "state=(.*)"},
            "states": {"DELIVRD": "delivered"},
        }
        one = gateway(ask=ask)
        assert not one.can_ask
        assert one.ask(REF, "", "+7") is None
        assert one.ask(REF, "a/b", "+7") == Report(State.DELIVERED, REF, "a/b")
    assert [received.target for received in server.received] == ["/a%2Fb"]


RECEIPTS = {
    "each": "items",
    "ref": "meta.ref",
    "id": "id",
    "status": "st",
    "reason": "why",
    "states": {"ok": "delivered", "bad": "undelivered"},
}
TEXTS = {"id": "id", "sender": "from", "recipient": "to", "text": "body", "at": "when"}


def pushed(body: bytes, kind: str = "application/json", **headers: str) -> Push:
    return Push("POST", "https://x/p?key=k", {"content-type": kind, **headers}, {"key": "k"}, body)


def test_receipts() -> None:
    one = gateway(receipts=RECEIPTS, proof={"key": "k"}, acknowledge="thanks")
    body = {"items": [{"id": 5, "st": "ok", "meta": {"ref": REF}}, {"id": 6, "st": "bad", "why": "gone"}]}
    assert one.reports(pushed(orjson.dumps(body))) == [
        Report(State.DELIVERED, REF, "5"),
        Report(State.UNDELIVERED, "", "6", "gone"),
    ]
    assert one.acknowledgement.body == "thanks"


def test_receipts_in_a_form() -> None:
    one = gateway(receipts={"id": "id", "status": "st", "states": {"1": "delivered"}}, proof={"key": "k"})
    form = "application/x-www-form-urlencoded"
    assert one.reports(pushed(urlencode({"id": "5", "st": "1"}).encode(), form)) == [
        Report(State.DELIVERED, gateway_id="5")
    ]
    by_get = Push("GET", "https://x", {}, {"key": "k", "id": "5", "st": "1"}, b"")
    assert one.reports(by_get) == [Report(State.DELIVERED, gateway_id="5")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"items": 1}',
        b'{"items": [{"st": "ok"}]}',
        b'{"items": [{"id": 1, "st": "odd"}]}',
        b'{"items": [[]]}',
    ],
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        gateway(receipts=RECEIPTS, proof={"key": "k"}).reports(pushed(body))


@pytest.mark.parametrize(("encoding", "prefix"), [("hex", ""), ("base64", ""), ("hex", "sha256=")])
def test_an_hmac_proves_a_push(encoding: str, prefix: str) -> None:
    rules = {"header": "X-Signature", "secret": "s", "encoding": encoding, "prefix": prefix}
    one = gateway(receipts=RECEIPTS, proof={"hmac": rules})
    body = b'{"items":[]}'
    made = hmac.digest(b"s", body, hashlib.sha256)
    given = prefix + (made.hex() if encoding == "hex" else base64.b64encode(made).decode())
    assert one.reports(pushed(body, **{"x-signature": given})) == []
    for forged in ("", prefix, given[:-2] + "00", "!", "0"):
        with pytest.raises(NotAuthentic):
            one.reports(pushed(body, **{"x-signature": forged}))
    with pytest.raises(NotAuthentic):
        one.reports(pushed(b'{"items":[1]}', **{"x-signature": given}))


def test_texts() -> None:
    one = gateway(texts=TEXTS, proof={"key": "k"})
    text = {"id": 7, "from": "79161234567", "to": "1234", "body": "СТОП", "when": 1795262400}
    [found] = one.texts(pushed(orjson.dumps(text)))
    assert found == InboundText("7", "+79161234567", "1234", "СТОП", datetime.fromtimestamp(1795262400, UTC))
    [found] = one.texts(pushed(orjson.dumps(text | {"when": "2026-11-21T15:00:00+03:00"})))
    assert found.at == AT
    for wrong in ("now", "99999999999999999999"):
        with pytest.raises(Malformed):
            one.texts(pushed(orjson.dumps(text | {"when": wrong})))
    [found] = gateway(texts={k: v for k, v in TEXTS.items() if k != "at"}, proof={"key": "k"}).texts(
        pushed(orjson.dumps(text))
    )
    assert found.at == AT


def test_what_is_not_configured_is_not_read() -> None:
    with pytest.raises(Malformed, match="no receipts"):
        gateway().reports(pushed(b"{}"))
    with pytest.raises(Malformed, match="no texts"):
        gateway().texts(pushed(b"{}"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"send": {"url": "https://x.example/{number}"}}, "{number} is no placeholder"),
        ({"send": {"url": "https://x.example/", "json": {"a": ["{to.__class__}"]}}}, "is no placeholder"),
        ({"send": {"url": "https://{to}.example/"}}, "with no placeholder"),
        ({"send": {"url": "https://u:p@x.example/"}}, "no password"),
        ({"send": {"url": "ftp://x.example/"}}, "must begin with https"),
        ({"send": {"url": "https://x.example/{secret.key}"}}, "secret.key is used and not there"),
        ({"send": {"url": "http://x.example/"}, "allow_private": False}, "not encrypted"),
        ({"send": {"url": "https://x.example/", "form": {}, "json": {}}}, "write form or json"),
        ({"receipts": RECEIPTS}, "proof: receipts and texts need one"),
        ({"proof": {}}, "write one of key and hmac"),
        ({"auth": {}}, "write one of basic, bearer and header"),
        ({"answer": {"status": "a"}}, "status and accepted go together"),
        ({"answer": {"status": "a", "accepted": 1, "refused": [1]}}, "in two lists"),
        ({"answer": {"id": {"regex": "("}}}, "no regular expression"),
        ({"answer": {"id": {"regex": "a"}}}, "one group"),
        ({"answer": {"id": {}}}, "write a path"),
    ],
)
def test_mistakes_in_the_configuration(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        gateway(**given)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [("a.b.1", "y"), ("/a/b/1", "y"), ("a.c", "1.5"), ("a.t", "true"), ("a", None), ("a.b.9", None), ("a.b.x", None),
     ("/x~1y/~0", "z"), ("a.__class__", None), ("a.b.-1", None)],
)  # fmt: skip
def test_places(path: str, value: str | None) -> None:
    assert at({"a": {"b": ["x", "y"], "c": 1.5, "t": True}, "x/y": {"~": "z"}}, path) == value


def test_an_answer_that_is_no_json_has_nothing_anywhere() -> None:
    assert at(Answer(200, {}, b"no").json(), "a.b") is None

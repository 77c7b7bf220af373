"""Web Push: opened as a browser opens it, its token verified as a push service does."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import http_ece
import orjson
import pytest
from py_vapid import Vapid02
from pydantic import ValidationError

from ari_app.core.delivery import Accepted, Refused
from ari_app.core.messages import Channel
from ari_app.gateways.web_push import LONGEST, WebPushSettings
from ari_app.http_client.settings import Reading
from ari_app.message_ports import Letter
from tests.gateways.drivers import BROWSER, REF, Browser, vapid_key, web_push
from tests.gateways.providers import Reply, provider


def letter(subscription: str, text: str = "Новое сообщение", subject: str = "Автоответчик") -> Letter:
    return Letter(REF, Channel.PUSH, subscription, text, subject)


def test_the_browser_can_open_it(tmp_path: Path) -> None:
    with provider(Reply(201, b"", {"Location": "https://x/m/1"})) as server:
        one = web_push(tmp_path)(server.url, ttl=60, urgency="high")
        assert one.send(letter(BROWSER.subscription(f"{server.url}/push/abc"))) == Accepted("1")
    [received] = server.received
    assert (received.method, received.target) == ("POST", "/push/abc")
    headers = received.headers
    assert (headers["content-encoding"], headers["ttl"], headers["urgency"]) == ("aes128gcm", "60", "high")
    assert headers["topic"] == REF
    opened = http_ece.decrypt(received.body, private_key=BROWSER.key, auth_secret=BROWSER.auth, version="aes128gcm")
    assert orjson.loads(opened) == {"title": "Автоответчик", "body": "Новое сообщение", "ref": REF}
    other = Browser()
    with pytest.raises(http_ece.ECEException):
        http_ece.decrypt(received.body, private_key=other.key, auth_secret=other.auth, version="aes128gcm")


def test_the_push_service_can_prove_who_pushes(tmp_path: Path) -> None:
    with provider(Reply(201)) as server:
        web_push(tmp_path)(server.url).send(letter(BROWSER.subscription(f"{server.url}/push")))
    header = server.received[0].headers["authorization"]
    assert Vapid02.verify(header)
    payload = re.search(r"t=[^.]+\.([^.]+)\.", header)
    assert payload is not None

    claims = orjson.loads(base64.urlsafe_b64decode(payload[1] + "=="))
    assert (claims["aud"], claims["sub"]) == (server.url, "mailto:office@example.com")


def test_each_message_has_keys_of_its_own(tmp_path: Path) -> None:
    with provider(Reply(201)) as server:
        one = web_push(tmp_path)(server.url)
        for _ in range(2):
            one.send(letter(BROWSER.subscription(f"{server.url}/push")))
    first, second = (received.body for received in server.received)
    assert first[:16] != second[:16]
    assert first != second


@pytest.mark.parametrize(
    "recipient",
    ["", "+79161234567", "{}", "[]", '{"endpoint": "https://x", "keys": {"p256dh": "AAAA", "auth": "AAAA"}}',
     '{"endpoint": "https://x", "keys": 5}'],
)  # fmt: skip
def test_what_is_no_subscription_is_refused(tmp_path: Path, recipient: str) -> None:
    assert isinstance(web_push(tmp_path)("http://x").send(letter(recipient)), Refused)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:9/x",
        "https://evil.example/x",
        "https://fcm.googleapis.com.evil.example/",
        "https://10.0.0.1/",
        "x",
    ],
)
def test_a_subscription_may_not_name_any_address(tmp_path: Path, endpoint: str) -> None:
    one = web_push(tmp_path)("http://x", hosts=["fcm.googleapis.com"], allow_private=False)
    assert isinstance(one.send(letter(BROWSER.subscription(endpoint))), Refused)


def test_the_longest_text(tmp_path: Path) -> None:
    with provider(Reply(201)) as server:
        one = web_push(tmp_path)(server.url)
        subscription = BROWSER.subscription(f"{server.url}/push")
        frame = len(orjson.dumps({"title": "", "body": "", "ref": REF}))
        assert one.send(letter(subscription, "x" * (LONGEST - frame), "")) == Accepted()
        assert isinstance(one.send(letter(subscription, "x" * (LONGEST - frame + 1), "")), Refused)
    [received] = server.received
    assert len(received.body) == 4096


def test_the_key_must_be_private_and_a_key(tmp_path: Path) -> None:
    given = {"kind": "web_push", "name": "p", "subject": "mailto:a@example.com"}
    path = vapid_key(tmp_path)
    path.chmod(0o644)
    with pytest.raises(ValidationError, match="chmod 600"):
        WebPushSettings.model_validate(given | {"vapid_key_file": path}, context=Reading())
    path.chmod(0o600)
    path.write_text("no key")
    with pytest.raises(ValidationError, match="openssl ecparam"):
        WebPushSettings.model_validate(given | {"vapid_key_file": path}, context=Reading())

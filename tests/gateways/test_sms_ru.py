"""SMS.ru: what it is sent, what it knows, and what it pushes."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

import pytest

from ari_app.core.delivery import Report, State
from ari_app.core.messages import Channel
from ari_app.message_ports import Letter, Malformed, NotAuthentic, Push
from tests.gateways.drivers import REF, SECRET, sms_ru
from tests.gateways.providers import Reply, provider

GATEWAY = sms_ru("http://127.0.0.1:9")


def pushed(*entries: str, secret: str = SECRET, multipart: bool = False) -> Push:
    fields = {f"data[{place}]": entry for place, entry in enumerate(entries)}
    fields["hash"] = hashlib.sha256((secret + "".join(entries)).encode()).hexdigest()
    if multipart:
        parts = "".join(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
        )
        headers = {"content-type": "multipart/form-data; boundary=b"}
        return Push("POST", "https://calls.example.com/p", headers, {}, f"{parts}--b--\r\n".encode())
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Push("POST", "https://calls.example.com/p", headers, {}, urlencode(fields).encode())


def test_what_is_sent() -> None:
    with provider(Reply(200, {"status_code": 100, "sms": {}})) as server:
        sms_ru(server.url).send(Letter(REF, Channel.SMS, "+79161234567", "Привет", sender="Clinic"))
    [received] = server.received
    assert (received.method, received.target) == ("POST", "/sms/send")
    assert received.form == {"api_id": SECRET, "json": "1", "to": "79161234567", "msg": "Привет", "from": "Clinic"}


@pytest.mark.parametrize(
    ("code", "report"),
    [
        (100, Report(State.SENT, REF, "1-2")),
        (102, Report(State.SENT, REF, "1-2")),
        (103, Report(State.DELIVERED, REF, "1-2")),
        (104, Report(State.UNDELIVERED, REF, "1-2", "SMS.ru status 104 текст")),
        (-1, None),
        (777, None),
        ("103", None),
    ],
)
def test_asking(code: object, report: Report | None) -> None:
    answer = {"status": "OK", "status_code": 100, "sms": {"1-2": {"status_code": code, "status_text": "текст"}}}
    with provider(Reply(200, answer)) as server:
        assert sms_ru(server.url).ask(REF, "1-2", "+79161234567") == report
        assert sms_ru(server.url).ask(REF, "", "+79161234567") is None
    [received] = server.received
    assert (received.path, received.form["sms_id"]) == ("/sms/status", "1-2")


@pytest.mark.parametrize("multipart", [False, True])
def test_receipts(multipart: bool) -> None:
    """Several at once, in their order (data[10] after data[9]); other kinds are left out."""
    entries = [f"sms_status\n0-{number}\n103\n1500000000" for number in range(11)]
    entries[4] = "callcheck_status\n201737-542\n401\n1500000000"
    entries[5] = "sms_status\n0-5\n105\n1500000000"
    reports = GATEWAY.reports(pushed(*entries, multipart=multipart))
    assert len(reports) == 10
    assert reports[0] == Report(State.DELIVERED, gateway_id="0-0")
    assert reports[4] == Report(State.UNDELIVERED, gateway_id="0-5", reason="SMS.ru status 105")
    assert reports[-1].gateway_id == "0-10"
    assert GATEWAY.acknowledgement.body == "100"


def test_forgeries() -> None:
    good = pushed("sms_status\n0-1\n103\n1")
    with pytest.raises(NotAuthentic):
        GATEWAY.reports(pushed("sms_status\n0-1\n103\n1", secret="guessed"))
    with pytest.raises(NotAuthentic):
        GATEWAY.reports(Push("POST", good.url, good.headers, {}, good.body.replace(b"0-1", b"0-2")))
    with pytest.raises(NotAuthentic):
        GATEWAY.reports(Push("POST", good.url, good.headers, {}, b"data%5B0%5D=sms_status"))


@pytest.mark.parametrize("entry", ["sms_status", "sms_status\n0-1", "sms_status\n0-1\nhalf", "sms_status\n\n103", "sms_status\n0-1\n999"])  # fmt: skip  # noqa: E501
def test_what_cannot_be_read_is_malformed(entry: str) -> None:
    with pytest.raises(Malformed):
        GATEWAY.reports(pushed(entry))


def test_no_texts() -> None:
    with pytest.raises(Malformed, match="no texts"):
        GATEWAY.texts(pushed())

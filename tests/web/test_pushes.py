"""What gateways push: receipts and clients' texts, believed only with the provider's own proof."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime

import pytest
import requests

from tests.web import vendors
from tests.web.house import CLOSED, NO_BRANCH, NO_SCHEME, OPEN, SMSC_KEY, TEAM, House


def sent_message(house: House, gateway: str, gateway_id: str) -> tuple[int, str]:
    """A message that a gateway has taken; its id and ref."""
    client, ref = house.client(), uuid.uuid4().hex
    at = f"'{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}{'' if house.url.startswith('sqlite') else '+00'}'"
    house.sql(
        "INSERT INTO messages (key, ref, created_at, kind, channel, audience, recipient, client, text, due_at, "
        "expires_at, state, gateway, gateway_id, sent_at) "
        f"VALUES ('{ref}', '{ref}', {at}, 'missed', 'sms', 'client', '{client}', '{client}', 'Sorry', {at}, {at}, "
        f"'sent', '{gateway}', '{gateway_id}', {at})"
    )
    (row,) = house.rows("SELECT id FROM messages WHERE ref = :ref", ref=ref)
    return int(row.id), ref


def text_of_twilio(house: House, client: str, text: str, *, to: str = OPEN, sid: str = "", **more: str) -> None:
    sid = sid or f"SM{uuid.uuid4().hex}"
    answer = vendors.twilio(house, "texts", MessageSid=sid, From=client, To=to, Body=text, **more)
    assert answer.status_code == 200, answer.text


def effects(house: House, client: str) -> list[str]:
    return [
        row.effect for row in house.rows("SELECT effect FROM inbound_texts WHERE sender = :of ORDER BY at", of=client)
    ]


def refusals(house: House, client: str) -> list[tuple[str, str]]:
    return [
        (row.channel, row.source)
        for row in house.rows("SELECT channel, source FROM opt_outs WHERE client = :of ORDER BY id", of=client)
    ]


@pytest.mark.promise("FLD-13")
def test_a_receipt_of_twilio(house: House) -> None:
    sid = f"SM{uuid.uuid4().hex}"
    message, _ = sent_message(house, "twilio", sid)
    answer = vendors.twilio(house, "receipts", MessageSid=sid, MessageStatus="delivered", To="+79160000001")
    assert (answer.status_code, answer.text, answer.headers["Content-Type"].partition(";")[0]) == (
        200,
        "<Response/>",
        "text/xml",
    )
    shown = house.get(f"/v1/messages/{message}")
    assert shown["state"] == "delivered"
    assert shown["steps"][-1]["gateway"] == "twilio"


@pytest.mark.promise("FLD-13")
def test_a_receipt_of_smsc_ru_by_get(house: House) -> None:
    message, ref = sent_message(house, "smsc", "77")
    answer = vendors.smsc(house, id=ref, phone="79160000001", status="20", err="6", time="21.11.2026 20:01:44")
    assert answer.status_code == 200, answer.text
    shown = house.get(f"/v1/messages/{message}")
    assert shown["state"] == "undelivered"


@pytest.mark.promise("FLD-13")
def test_a_receipt_of_vonage(house: House) -> None:
    message, ref = sent_message(house, "vonage", "aaaaaaaa-bbbb-cccc-dddd-0123456789ab")
    body = {"message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "status": "delivered", "client_ref": ref}
    assert vendors.vonage(house, "receipts", body).status_code == 200
    assert house.get(f"/v1/messages/{message}")["state"] == "delivered"


@pytest.mark.promise("FLD-13")
def test_forged_receipts_change_nothing(house: House) -> None:
    sid = f"SM{uuid.uuid4().hex}"
    message, ref = sent_message(house, "twilio", sid)
    fields = {"MessageSid": sid, "MessageStatus": "delivered"}
    forged: list[requests.Response] = [
        vendors.twilio(house, "receipts", proof="", **fields),
        vendors.twilio(house, "receipts", proof="AAAAAAAAAAAAAAAAAAAAAAAAAAA=", **fields),
        vendors.twilio(house, "receipts", called="https://elsewhere.example", **fields),
        vendors.smsc(house, key="guessed", id=ref, phone="79160000001", status="1"),
        vendors.smsc(house, secret="guessed", id=ref, phone="79160000001", status="1"),
        vendors.vonage(house, "receipts", {"message_uuid": sid, "status": "delivered"}, secret="another"),
    ]
    assert [answer.status_code for answer in forged] == [403] * len(forged), forged
    assert all(answer.headers["Content-Type"] == "application/problem+json" for answer in forged)
    assert house.get(f"/v1/messages/{message}")["state"] == "sent"


def test_an_unknown_gateway_is_not_there(house: House) -> None:
    assert house.ask("POST", "/v1/receipts/nobody", user=None).status_code == 404


def test_a_push_that_cannot_be_read_is_400(house: House) -> None:
    answer = vendors.twilio(house, "receipts", MessageSid="SM1", MessageStatus="exploded")
    assert answer.status_code == 400
    assert "exploded" in answer.json()["detail"]


def test_a_receipt_of_a_message_that_is_not_known_is_kept_for_its_sending(house: House) -> None:
    sid = f"SM{uuid.uuid4().hex}"
    assert vendors.twilio(house, "receipts", MessageSid=sid, MessageStatus="delivered").status_code == 200
    assert len(house.rows("SELECT state FROM early_reports WHERE gateway_id = :sid", sid=sid)) == 1


@pytest.mark.promise("FLD-12")
@pytest.mark.parametrize("word", ["STOP", "Стоп!", "відписатися", "WYPISZ", "stop."])
def test_stop_refuses_sms_and_cancels_what_waits(house: House, word: str) -> None:
    client = house.client()
    waiting = house.event(kind="was_it_solved", id=f"stop-{client}", client=client, team=TEAM)["messages"][0]["id"]
    text_of_twilio(house, client, word)
    assert effects(house, client) == ["stop"]
    assert refusals(house, client) == [("sms", "STOP")]
    shown = house.get(f"/v1/messages/{waiting}")
    assert (shown["state"], shown["reason"]) == ("cancelled", "the client has refused SMS by a text of their own")
    after = house.event(kind="was_it_solved", id=f"after-{client}", client=client, team=TEAM)["messages"][0]["id"]
    house.send_due(after)
    assert house.get(f"/v1/messages/{after}")["state"] == "cancelled"
    assert not [sent for sent in house.inbox() if sent["to"] == client]


@pytest.mark.promise("FLD-12")
def test_start_takes_stop_back_and_nothing_else(house: House) -> None:
    client = house.client()
    house.sql(f"INSERT INTO opt_outs (client, channel, kind) VALUES ('{client}', 'sms', 'rate_adviser')")
    text_of_twilio(house, client, "stop")
    text_of_twilio(house, client, "STOP")
    assert len(refusals(house, client)) == 2
    text_of_twilio(house, client, "start")
    assert refusals(house, client) == [("sms", "")]
    assert effects(house, client) == ["stop", "stop", "start"]


def test_a_text_pushed_again_is_taken_in_once(house: House) -> None:
    client, sid = house.client(), f"SM{uuid.uuid4().hex}"
    text_of_twilio(house, client, "stop", sid=sid)
    text_of_twilio(house, client, "start")
    text_of_twilio(house, client, "stop", sid=sid)
    assert effects(house, client) == ["stop", "start"]
    assert refusals(house, client) == []


def test_texts_pushed_at_once_are_taken_in_once(house: House) -> None:
    client, sid = house.client(), f"SM{uuid.uuid4().hex}"
    threads = [
        threading.Thread(target=text_of_twilio, args=(house, client, "hello"), kwargs={"sid": sid, "to": CLOSED})
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert effects(house, client) == ["out_of_hours"]
    assert len(house.rows("SELECT id FROM messages WHERE client = :client", client=client)) == 1


@pytest.mark.promise("POL-08")
@pytest.mark.parametrize(("number", "brings"), [(OPEN, False), (CLOSED, True), (NO_BRANCH, True), (NO_SCHEME, False)])
def test_a_text_while_nobody_works_brings_the_teams_message(house: House, number: str, brings: bool) -> None:
    """Of a number without a scheme nobody knows whether anybody works, so nothing is said of it."""
    client = house.client()
    text_of_twilio(house, client, "Вы открыты?", to=number)
    sent = [row.text for row in house.rows("SELECT text FROM messages WHERE client = :of", of=client)]
    assert sent == ([f"Сейчас мы закрыты, {number}"] if brings else [])
    assert effects(house, client) == (["out_of_hours"] if brings else [""])


@pytest.mark.promise("POL-08")
def test_a_text_by_whatsapp_brings_it_too(house: House) -> None:
    client = house.client()
    vendors.twilio(
        house, "texts", MessageSid="SMwa" + client[1:], From=f"whatsapp:{client}", To=f"whatsapp:{CLOSED}", Body="?"
    )
    assert effects(house, client) == ["out_of_hours"]


@pytest.mark.promise("POL-08")
def test_texts_of_other_gateways(house: House) -> None:
    one, two = house.client(), house.client()
    assert vendors.smsc_text(house, phone=one[1:], mes="Привет", to=CLOSED[1:], sms_id="5").status_code == 200
    body = {
        "message_uuid": str(uuid.uuid4()),
        "from": two[1:],
        "to": CLOSED[1:],
        "channel": "sms",
        "message_type": "text",
        "text": "Привет",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    assert vendors.vonage(house, "texts", body).status_code == 200
    assert (effects(house, one), effects(house, two)) == (["out_of_hours"], ["out_of_hours"])


@pytest.mark.parametrize("sender", ["BANK", "900", "+74950000101"])
def test_nobody_who_is_no_client_is_answered(house: House, sender: str) -> None:
    """Names and short codes are machines; our own numbers would write to each other for ever."""
    before = len(house.rows("SELECT id FROM messages"))
    text_of_twilio(house, sender, "stop" if sender != "+74950000101" else "hello", to=CLOSED)
    assert len(house.rows("SELECT id FROM messages")) == before
    assert refusals(house, sender) == []


@pytest.mark.parametrize("own_house", [{"web_url": "https://calls.example.com"}], indirect=True)
def test_behind_a_proxy_the_address_it_is_called_by_is_what_is_signed(own_house: House) -> None:
    fields = {"MessageSid": "SM5", "MessageStatus": "delivered"}
    assert vendors.twilio(own_house, "receipts", called="https://calls.example.com", **fields).status_code == 200
    assert vendors.twilio(own_house, "receipts", **fields).status_code == 403


def test_a_key_in_an_address_is_not_logged(house: House) -> None:
    client = house.client()
    vendors.smsc_text(house, phone=client[1:], mes="tell nobody", to=OPEN[1:], sms_id="secret")
    house.ask("GET", f"/v1/items/{client}/messages")
    line = house.process.said(r"GET /v1/items/\+791\*+\d\d/messages 200")
    assert client not in line
    whole = "\n".join(house.process.lines)
    assert "POST /v1/texts/smsc 200" in whole
    for secret in (SMSC_KEY, "tell nobody", *house.tokens.values()):
        assert secret not in whole
    assert client not in whole

"""The history of messages over HTTP, and messages by hand; rules and tickets."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.house import CLOSED, OPEN, TEAM, House


def written(house: House, code: int = 202, *, params: dict[str, str] | None = None, **body: Any) -> Any:
    answer = house.ask("POST", "/v1/messages", json=body, params=params)
    assert answer.status_code == code, answer.text
    return answer.json()


@pytest.mark.promise("YCL-12")
def test_one_history_is_paged_and_filtered(house: House) -> None:
    client = house.client()
    ids = [
        house.event(kind="first_chat", id=f"page-{client}-{place}", client=client, team=TEAM)["messages"][0]["id"]
        for place in range(5)
    ]
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    while True:
        page = house.get("/v1/messages", client=client, channel="sms", audience="client", limit=2, **cursor)
        seen += [one["id"] for one in page["messages"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == ids[::-1]
    everybody = house.get("/v1/messages", client=client, kind="first_chat", limit=200)["messages"]
    assert {one["audience"] for one in everybody} == {"client", "staff", "admin"}
    assert house.get("/v1/messages", client=client, state="delivered")["messages"] == []
    assert "cursor" in house.get("/v1/messages", 422, cursor="1-x")["detail"]
    assert house.get("/v1/messages", 422, sate="queued")["errors"][0]["where"] == "query.sate"


@pytest.mark.promise("YCL-10", "YCL-11")
def test_a_message_shows_time_type_state_channel_text_and_what_became_of_it(house: House) -> None:
    client = house.client()
    message = house.event(kind="rate_adviser", id=f"story-{client}", client=client, team=TEAM)["messages"][0]
    house.send_due(message["id"])
    shown = house.get(f"/v1/messages/{message['id']}")
    assert (shown["kind"], shown["channel"], shown["recipient"], shown["text"]) == (
        "rate_adviser",
        "sms",
        client,
        "оцените",
    )
    assert datetime.fromisoformat(shown["sent_at"]) > datetime.now(UTC) - timedelta(minutes=1)
    assert [step["state"] for step in shown["steps"]][-1] == shown["state"]
    assert "ref" not in shown
    assert house.get("/v1/messages/999999999", 404)["detail"].startswith("there is no message 999999999")


@pytest.mark.promise("YCL-02", "YCL-03", "YCL-07")
def test_messages_by_hand(house: House) -> None:
    one, two = house.client(), house.client()
    house.sql(f"INSERT INTO clients (client, email) VALUES ('{one}', 'one{one}@example.com')")
    asked = written(house, 409, clients=[one, two], text="Завтра мы закрыты", channels=["sms", "email"])
    assert "?confirmed=true" in asked["detail"]
    assert "to 2 clients" in asked["detail"]
    at = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    answers = written(
        house,
        params={"confirmed": "true"},
        clients=[one, two],
        text="Завтра мы закрыты",
        channels=["sms", "email"],
        at=at.isoformat(),
    )
    told = {(answer["client"], answer["channel"]): answer for answer in answers}
    assert len(told) == 4
    assert datetime.fromisoformat(told[one, "sms"]["due_at"]) == at
    assert "e-mail address" in told[two, "email"]["refusal"]
    assert house.get(f"/v1/messages/{told[one, 'email']['message_id']}")["recipient"] == f"one{one}@example.com"


def test_a_message_by_hand_is_sent_once_for_its_reference(house: House) -> None:
    client = house.client()
    first = written(house, clients=[client], text="hello", reference="once")
    again = house.ask(
        "POST", "/v1/messages", json={"clients": [client], "text": "hello"}, headers={"Idempotency-Key": "once"}
    )
    assert first[0]["message_id"]
    assert (
        again.json()[0] | {"message_id": None, "refusal": "it was sent already under this reference"} == again.json()[0]
    )


def test_a_message_is_taken_back_once(house: House) -> None:
    client = house.client()
    later = (datetime.now(UTC) + timedelta(hours=5)).isoformat()
    message = written(house, clients=[client], text="hello", at=later)[0]["message_id"]
    assert house.ask("POST", f"/v1/messages/{message}/cancel").json()["state"] == "cancelled"
    again = house.ask("POST", f"/v1/messages/{message}/cancel")
    assert (again.status_code, again.json()["detail"]) == (
        409,
        f"message {message} is cancelled; only one that is queued can be cancelled",
    )
    retry = house.ask("POST", f"/v1/messages/{message}/retry")
    assert retry.status_code == 409
    assert "is not sent again: it was cancelled for a reason" in retry.json()["detail"]


def test_a_failed_message_is_sent_again(house: House) -> None:
    client = house.client()
    message = written(house, clients=[client], text="again")[0]["message_id"]
    house.sql(f"UPDATE messages SET state = 'failed' WHERE id = {message}")
    assert house.ask("POST", f"/v1/messages/{message}/retry").json()["state"] == "queued"
    house.send_due(message)
    assert [sent["text"] for sent in house.inbox() if sent["to"] == client] == ["again"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"text": "{evil}"}, "unknown placeholder {evil}"),
        ({"text": "x" * 2001}, "2000"),
        ({"text": "a\x00b"}, "character 2"),
        ({"text": "   "}, "blank"),
        ({"clients": ["12"]}, "'12' is not a telephone number"),
        ({"clients": []}, "at least 1"),
        ({"channels": ["ticket"]}, "sms"),
        ({"team": "Nobody"}, "there is no team 'Nobody'"),
        ({"at": "2020-01-01T00:00:00Z"}, "is past"),
    ],
)
def test_what_is_wrong_with_a_message_by_hand_is_named(house: House, body: dict[str, Any], what: str) -> None:
    problem = written(house, 422, **{"clients": ["+79160000001"], "text": "hello", **body})
    assert what in problem["detail"], problem


def test_rules_are_made_found_changed_and_deleted_after_a_warning(own_house: House) -> None:
    rule = {"name": "Перезвоним", "numbers": [OPEN, CLOSED], "text": "Sorry, we missed you"}
    made = own_house.ask("POST", "/v1/rules", json=rule)
    assert made.status_code == 201, made.text
    assert made.json()["numbers"] == [OPEN, CLOSED]
    assert [one["name"] for one in own_house.get("/v1/rules", search="0102")] == ["Перезвоним"]
    assert own_house.get("/v1/rules", search="nothing") == []
    path = "/v1/rules/Перезвоним"
    assert own_house.get(path)["enabled"] is True
    changed = own_house.ask("PATCH", path, json={"enabled": False, "delay_seconds": 5}).json()
    assert (changed["enabled"], changed["delay_seconds"], changed["text"]) == (False, 5, "Sorry, we missed you")
    long = own_house.ask("PATCH", path, json={"text": "Мы скоро перезвоним. " * 10})
    assert long.status_code == 409
    assert "UCS-2" in long.json()["detail"]
    assert own_house.ask("PATCH", path, params={"confirmed": "true"}, json={"text": "Ой! " * 30}).status_code == 200
    warned = own_house.ask("DELETE", path)
    assert warned.status_code == 409
    assert "deleted for good" in warned.json()["detail"]
    assert own_house.get(path)["name"] == "Перезвоним"
    gone = own_house.ask("DELETE", path, params={"confirmed": "true"})
    assert (gone.status_code, gone.content) == (204, b"")
    assert own_house.get(path, 404)["status"] == 404


def test_all_that_is_wrong_with_a_rule_is_told_at_once(house: House) -> None:
    answer = house.ask("POST", "/v1/rules", json={"name": "x", "numbers": ["+74959999999"], "text": "{who}"})
    assert answer.status_code == 422
    told = " ".join(fault["what"] for fault in answer.json()["errors"])
    assert "not one of the company's numbers" in told
    assert "unknown placeholder {who}" in told


def test_a_rules_name_may_be_anything(own_house: House) -> None:
    name = "a/b?c#d%2F ё"
    made = own_house.ask("POST", "/v1/rules", json={"name": name, "numbers": [OPEN], "text": "Sorry"})
    assert made.status_code == 201
    assert own_house.get("/v1/rules/a%2Fb%3Fc%23d%252F%20%D1%91")["name"] == name


@pytest.mark.promise("POL-09")
@pytest.mark.parametrize(
    ("number", "source", "brings"),
    [(CLOSED, "web", True), (CLOSED, "mobile", True), (CLOSED, "phone", False), (OPEN, "web", False)],
)
def test_a_ticket_made_out_of_hours_brings_a_message(house: House, number: str, source: str, brings: bool) -> None:
    client = house.client()
    ticket = {"team": TEAM, "client": client, "external_id": f"hd-{client}", "subject": "Не греет", "number": number}
    made = house.ask("POST", "/v1/tickets", json={**ticket, "source": source})
    assert made.status_code == 201, made.text
    taken = made.json()["taken"]
    assert [one["text"] for one in (taken or {"messages": []})["messages"]] == (
        ["Заявка «Не греет» принята"] if brings else []
    )
    again = house.ask("POST", "/v1/tickets", json={**ticket, "source": source}).json()
    assert (again["new"], again["taken"], again["ticket"]["id"]) == (False, None, made.json()["ticket"]["id"])
    assert len(house.rows("SELECT id FROM messages WHERE client = :of", of=client)) == brings


def test_a_ticket_is_closed_and_opened(house: House) -> None:
    client = house.client()
    ticket = {"team": TEAM, "client": client, "external_id": f"close-{client}"}
    made = house.ask("POST", "/v1/tickets", json=ticket).json()["ticket"]
    path = f"/v1/tickets/{made['id']}"
    closed = house.ask("PATCH", path, json={"state": "closed"}).json()
    assert closed["state"] == "closed"
    assert closed["closed_at"]
    assert house.get("/v1/tickets", client=client, state="open") == []
    opened = house.ask("PATCH", path, json={"state": "open"}).json()
    assert (opened["state"], opened["closed_at"]) == ("open", None)
    log = "SELECT action FROM audit_log WHERE target = :id AND subject = 'tickets' ORDER BY id"
    assert [row.action for row in house.rows(log, id=str(made["id"]))] == ["open", "close", "reopen"]
    assert [one["id"] for one in house.get("/v1/tickets", external_id=f"close-{client}")] == [made["id"]]
    assert house.get("/v1/tickets/999999", 404)["status"] == 404
    assert (
        "no team"
        in house.ask("POST", "/v1/tickets", json={**ticket, "team": "Nobody", "external_id": "other"}).json()["detail"]
    )


def test_a_ticket_told_by_many_at_once_is_one(house: House) -> None:
    client = house.client()
    ticket = {"team": TEAM, "client": client, "external_id": f"many-{client}", "source": "web", "number": CLOSED}
    answers: list[dict[str, Any]] = []
    together = threading.Barrier(5)

    def tell() -> None:
        together.wait()
        answers.append(house.ask("POST", "/v1/tickets", json=ticket).json())

    threads = [threading.Thread(target=tell) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer["ticket"]["id"] for answer in answers}) == 1
    assert sum(answer["new"] for answer in answers) == 1
    assert len(house.rows("SELECT id FROM messages WHERE client = :of", of=client)) == 1

"""Events from other systems: which messages they bring, once, and with what reasons."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.house import CLOSED, NO_BRANCH, NO_SCHEME, OPEN, TEAM, House


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def one(taken: dict[str, Any], channel: str = "sms", audience: str = "client") -> dict[str, Any]:
    """The one message of a channel and audience that an event brought."""
    (found,) = [each for each in taken["messages"] if (each["channel"], each["audience"]) == (channel, audience)]
    return dict(found)


@pytest.mark.promise("POL-10")
@pytest.mark.parametrize(
    ("kind", "values", "text"),
    [
        ("rate_adviser", {"name": "Анна", "link": "https://a.example/1"}, "Анна, оцените: https://a.example/1"),
        ("was_it_solved", {"link": "https://a.example/2"}, "Was it solved? https://a.example/2"),
        ("first_chat", {"name": "Anna"}, "Hello Anna"),
        ("ask_for_photo", {"link": "https://a.example/3"}, "Send a photo: https://a.example/3"),
        ("share_contacts", {"link": "https://a.example/4"}, "Our contacts: https://a.example/4"),
        ("ask_for_approval", {"link": "https://a.example/5"}, "Approve: https://a.example/5"),
    ],
)
def test_an_event_brings_the_teams_message(house: House, kind: str, values: dict[str, str], text: str) -> None:
    client = house.client()
    taken = house.event(kind=kind, id=f"{kind}-1", client=client, team=TEAM, values=values)
    message = one(taken)
    assert (message["text"], message["state"], message["new"]) == (text, "queued", True)
    assert any("is due at" in reason for reason in taken["reasons"])
    house.send_due(message["id"])
    assert [sent["text"] for sent in house.inbox() if sent["to"] == client] == [text]
    assert house.get(f"/v1/messages/{message['id']}")["state"] in ("sent", "delivered")


@pytest.mark.promise("YCL-01")
def test_an_event_tells_client_staff_and_admins(house: House) -> None:
    taken = house.event(kind="first_chat", id="all", client=house.client(), team=TEAM)
    whom = {(each["audience"], each["channel"]) for each in taken["messages"]}
    assert whom == {("client", "sms"), ("staff", "email"), ("admin", "sms")}
    house.send_due(*(each["id"] for each in taken["messages"]))
    assert {sent["to"] for sent in house.inbox()} >= {"staff@example.com", "+79169999999"}


@pytest.mark.promise("YCL-13")
def test_an_event_told_twice_is_one(house: House) -> None:
    told = {"kind": "rate_adviser", "client": house.client(), "team": TEAM}
    first = house.event(**told, id="twice")
    again = house.event(**told, id="twice")
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert one(first)["id"] == one(again)["id"]
    assert not one(again)["new"]
    by_header = house.ask("POST", "/v1/events", json=told, headers={"Idempotency-Key": "twice"}).json()
    assert one(by_header)["id"] == one(first)["id"]


def test_an_event_told_by_many_at_once_is_one(house: House) -> None:
    told = {"kind": "was_it_solved", "id": "at-once", "client": house.client(), "team": TEAM}
    answers: list[dict[str, Any]] = []
    together = threading.Barrier(6)

    def tell() -> None:
        together.wait()
        answers.append(house.event(**told))

    threads = [threading.Thread(target=tell) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one(answer)["id"] for answer in answers}) == 1
    assert sum(one(answer)["new"] for answer in answers) == 1
    assert len(house.rows("SELECT id FROM messages WHERE client = :client", client=told["client"])) == 1


def test_ids_of_two_systems_do_not_collide(house: House) -> None:
    if "second" not in house.tokens:
        house.add_user("second", *_everything())
    told = {"kind": "was_it_solved", "id": "same-id", "team": TEAM}
    ours, theirs = house.event(**told, client=house.client()), house.event_of("second", **told, client=house.client())
    assert one(ours)["id"] != one(theirs)["id"]


def _everything() -> tuple[Any, ...]:
    from ari_app.core.rights import EVERY_GRANT

    return tuple(EVERY_GRANT)


@pytest.mark.promise("YCL-13")
def test_an_item_made_again_notifies_once(house: House) -> None:
    item = {"client": house.client(), "team": TEAM, "item": "visit-7", "item_time": in_hours(24)}
    first = house.event(kind="item_created", **item, values={"item": "Стрижка"})
    again = house.event(kind="item_created", **item, values={"item": "Стрижка"}, id="another-id")
    assert one(first)["id"] == one(again)["id"]
    assert again["repeated"]


@pytest.mark.promise("YCL-04", "YCL-06")
def test_the_tick_forces_the_sms_of_a_type_that_is_off_and_nothing_else(house: House) -> None:
    client, address = house.client(), {"email": "anna@example.com"}
    told = {"kind": "ask_for_payment", "client": client, "team": TEAM, "addresses": address}
    off = house.event(**told, id="tick-off")
    assert off["messages"] == []
    assert len([reason for reason in off["reasons"] if "switched off" in reason]) == 2
    forced = house.event(**told, id="tick-on", force_sms=True)
    assert [each["channel"] for each in forced["messages"]] == ["sms"]
    assert [reason for reason in forced["reasons"] if "e-mail" in reason and "switched off" in reason]
    house.send_due(one(forced)["id"])
    assert [sent["channel"] for sent in house.inbox() if sent["to"] in (client, "anna@example.com")] == ["sms"]


@pytest.mark.promise("YCL-05")
def test_the_clients_own_refusal_beats_the_tick(house: House) -> None:
    client = house.client()
    house.sql(f"INSERT INTO opt_outs (client, channel) VALUES ('{client}', 'sms')")
    forced = house.event(kind="ask_for_payment", id="refused", client=client, team=TEAM, force_sms=True)
    for message in forced["messages"]:
        house.send_due(message["id"])
        found = house.get(f"/v1/messages/{message['id']}")
        assert found["state"] == "cancelled"
        assert "refused" in found["reason"]
    assert not [sent for sent in house.inbox() if sent["to"] == client]


@pytest.mark.promise("YCL-07")
def test_the_time_of_sending_is_the_types_or_set_for_one_item(house: House) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    about = {"kind": "item_reminder", "client": house.client(), "team": TEAM, "item_time": at.isoformat()}
    by_type = one(house.event(**about, item="by-type"))
    assert datetime.fromisoformat(by_type["due_at"]) == at - timedelta(minutes=120)
    own = at - timedelta(hours=5)
    set_for_one = one(house.event(**about, item="own-time", send_at=own.isoformat()))
    assert datetime.fromisoformat(set_for_one["due_at"]) == own


@pytest.mark.promise("YCL-08")
def test_an_items_types(house: House) -> None:
    item = {"client": house.client(), "team": TEAM, "item": "all-types", "item_time": in_hours(48)}
    kinds = ("item_created", "item_reminder", "item_repeat_reminder", "item_review_request")
    texts = [one(house.event(kind=kind, **item))["text"] for kind in kinds]
    assert texts == ["Вы записаны", "Ждём вас", "Скоро", "Как всё прошло?"]
    nobody_asked = house.event(kind="item_confirm", **item)
    assert nobody_asked["messages"] == []
    assert "nobody did" in " ".join(nobody_asked["reasons"])
    by_hand = one(house.event(kind="item_confirm", **item, by_hand=True, id="hand-1"))
    assert house.get(f"/v1/messages/{by_hand['id']}")["asked_by"] == "crm"


@pytest.mark.promise("YCL-14")
def test_an_item_shows_where_its_reminder_and_review_request_stand(house: House) -> None:
    item = {"client": house.client(), "team": TEAM, "item": "visit/2026 11", "item_time": in_hours(48)}
    assert house.refused(kind="item_reminder", **item)["errors"][0]["where"] == "body.item"
    item["item"] = "visit/2026-11"
    for kind in ("item_created", "item_reminder", "item_review_request"):
        house.event(kind=kind, **item)
    shown = house.get("/v1/items/visit%2F2026-11/messages")
    assert (shown["reminder"]["state"], shown["review_request"]["state"]) == ("queued", "queued")
    assert shown["repeat_reminder"] is None
    assert {each["kind"] for each in shown["messages"]} == {"item_created", "item_reminder", "item_review_request"}
    house.ask("POST", f"/v1/messages/{shown['reminder']['id']}/cancel")
    assert house.get("/v1/items/visit%2F2026-11/messages")["reminder"]["state"] == "cancelled"


@pytest.mark.promise("POL-08")
@pytest.mark.parametrize(("source", "brings"), [("sms", True), ("whatsapp", True), ("email", False), ("chat", False)])
def test_a_text_out_of_hours_by_sms_and_whatsapp_alone(house: House, source: str, brings: bool) -> None:
    told = {"kind": "text_out_of_hours", "id": f"text-{source}", "client": house.client(), "number": CLOSED}
    taken = house.event(**told, source=source)
    assert bool(taken["messages"]) is brings
    if not brings:
        assert taken["reasons"] == [
            f"no message 'text out of hours': it is for sms and whatsapp only, and this came by {source}"
        ]


@pytest.mark.promise("POL-08")
@pytest.mark.parametrize(("number", "brings"), [(OPEN, False), (CLOSED, True), (NO_BRANCH, True), (NO_SCHEME, True)])
def test_a_text_brings_a_message_only_while_nobody_works(house: House, number: str, brings: bool) -> None:
    """Of a number without a scheme nothing is known here; who raised the event has said that nobody works."""
    taken = house.event(
        kind="text_out_of_hours", id=f"hours-{number[1:]}", client=house.client(), number=number, source="sms"
    )
    assert bool(taken["messages"]) is brings, taken["reasons"]


@pytest.mark.promise("POL-09")
@pytest.mark.parametrize(("source", "brings"), [("web", True), ("mobile", True), ("phone", False), ("email", False)])
def test_a_ticket_out_of_hours_by_web_and_mobile_alone(house: House, source: str, brings: bool) -> None:
    told = {"kind": "ticket_out_of_hours", "id": f"ticket-{source}", "client": house.client(), "number": CLOSED}
    assert bool(house.event(**told, source=source)["messages"]) is brings


@pytest.mark.parametrize(
    ("event", "where", "what"),
    [
        ({"client": "89161234567"}, "body.client", "E.164"),
        ({"client": "+7916"}, "body.client", "+79160000003"),
        ({"values": {"nmae": "x"}}, "body.values", "unknown placeholder 'nmae'; there are caller, number"),
        ({"values": {"name": "a\nb"}}, "body.values.name", "character 2 is '\\n'"),
        ({"values": {"name": "\u202egnirts"}}, "body.values.name", "character 1 is '\\u202e'"),
        ({"values": {"name": "x" * 501}}, "body.values.name", "at most 500 characters"),
        ({"team": "Nobody"}, "body.team", "there is no team 'Nobody'"),
        ({"team": None}, "body", "team or number is missing"),
        ({"team": None, "number": "+74959999999"}, "body.number", "none of the company's numbers"),
        ({"id": None}, "body.id", "Idempotency-Key"),
        ({"id": "with space"}, "body.id", "without spaces"),
        ({"send_at": "2026-11-21T10:00:00"}, "body.send_at", "timezone"),
        ({"send_at": "0001-01-01T00:00:00Z"}, "body.send_at", "2000"),
        ({"surprise": 1}, "body.surprise", "there is no such field"),
        ({"kind": "no_such_kind"}, "body", "rate_adviser"),
        ({"channels": ["pigeon"]}, "body.channels", "sms"),
    ],
)
def test_what_is_wrong_is_named(house: House, event: dict[str, Any], where: str, what: str) -> None:
    told = {"kind": "rate_adviser", "id": "wrong", "client": "+79160000001", "team": TEAM} | event
    problem = house.refused(**{name: value for name, value in told.items() if value is not None})
    assert problem["status"] == 422
    assert any(fault["where"].startswith(where) and what in fault["what"] for fault in problem["errors"]), problem


@pytest.mark.promise("UIS-02", "OUR-05")
def test_a_call_that_reached_the_client_withdraws_the_apology(house: House) -> None:
    client, other = house.client(), house.client()
    reached, waiting = _lost_call(house, client), _lost_call(house, other)
    at = datetime.now(UTC).isoformat()
    taken = house.event(kind="outbound_call", client=client, number=OPEN, answered=True, at=at, seconds=30)
    assert taken["reasons"] == ["the client was reached: 1 that waited will not be sent"]
    house.event(kind="outbound_call", client=other, number=OPEN, answered=False, at=at)
    house.send_due(reached, waiting)
    assert house.get(f"/v1/messages/{reached}")["state"] == "cancelled"
    assert "called back" in house.get(f"/v1/messages/{reached}")["reason"]
    assert house.get(f"/v1/messages/{waiting}")["state"] in ("sent", "delivered")
    call = house.get(f"/v1/calls/{taken['call']}")
    assert (call["direction"], call["dialled"], call["disposition"]) == ("outbound", client, "answered")


def _lost_call(house: House, client: str) -> int:
    """A call of a minute ago that nobody answered, and its apology, due now."""
    arrived = datetime.now(UTC) - timedelta(minutes=1)
    digits = client[1:]
    call = f"{arrived:%Y%m%d-%H%M%S}-{digits[-10:]}"
    moments = {"at": f"{arrived:%Y-%m-%d %H:%M:%S}.000000", "expires": "2099-01-01 00:00:00.000000"}
    zone = "" if house.url.startswith("sqlite") else "+00"
    at, expires = (f"'{moment}{zone}'" for moment in moments.values())
    true = "1" if house.url.startswith("sqlite") else "true"
    house.sql(
        "INSERT INTO calls (id, arrived_at, caller, caller_raw, dialled, dialled_raw, disposition, reason, ended_ms, "
        f"ended_at) VALUES ('{call}', {at}, '{client}', '{client}', '{OPEN}', '{OPEN}', 'lost', 'no_message', 9, {at})",
        "INSERT INTO messages (key, ref, created_at, kind, channel, audience, recipient, client, text, call_id, "
        "withdraw_if_reached, due_at, expires_at) "
        f"VALUES ('call/{call}', '{digits:0>32}', {at}, 'apology', 'sms', 'client', '{client}', '{client}', 'Sorry', "
        f"'{call}', {true}, {at}, {expires})",
    )
    (row,) = house.rows("SELECT id FROM messages WHERE call_id = :call", call=call)
    return int(row.id)


def test_a_call_told_twice_is_one_row(house: House) -> None:
    told = {"kind": "outbound_call", "client": house.client(), "number": OPEN, "answered": True}
    told["at"] = "2026-11-21T20:01:44+03:00"
    first, again = house.event(**told), house.event(**told)
    assert first["call"] == again["call"]
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["call"].startswith("20261121-170144-")
    assert len(house.rows("SELECT id FROM calls WHERE dialled = :client", client=told["client"])) == 1


def test_a_call_of_the_future_is_refused(house: House) -> None:
    told = {"kind": "outbound_call", "client": house.client(), "number": OPEN, "answered": True}
    assert "future" in house.refused(**told, at=in_hours(1))["detail"]


def test_what_is_known_of_the_client_is_put_in(house: House) -> None:
    client = house.client()
    house.sql(f"INSERT INTO clients (client, name, email) VALUES ('{client}', 'Мария', 'maria@example.com')")
    taken = house.event(kind="item_created", client=client, team=TEAM, item="card", values={"item": "Маникюр"})
    assert {each["channel"] for each in taken["messages"]} == {"sms", "email"}
    assert one(house.event(kind="first_chat", id="card", client=client, team=TEAM))["text"] == "Hello Мария"

"""Clients at their desks, on both databases: refusals, everything known of one, and its erasure down to the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from ari_app.core.consent import OptOut
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.desk.base import NotFound, Refused, Unconfirmed
from ari_app.desk.by_hand import HandDesk, Handwritten
from ari_app.desk.clients import ClientDesk, ClientEdit
from ari_app.desk.consent import ConsentDesk, Line
from ari_app.desk.erased import Scrub, is_erased
from ari_app.desk.erasure import Erasure, ErasureDesk
from ari_app.desk.messages import MessageDesk
from ari_app.desk.people import PeopleDesk
from ari_app.desk.recordings import RecordingDesk
from ari_app.storage.outbox_schema import (
    early_reports,
    inbound_texts,
    message_events,
    messages,
    ticket_entries,
    tickets,
)
from ari_app.storage.records import call_events, calls, legs, owed_recordings, voicemail_messages
from ari_app.storage.ring_schema import last_talks
from tests.desk.conftest import ANOTHER, CLIENT, SALES, Office

VOICEMAIL = "voicemail-0123456789abcdef0123456789abcdef"


@pytest.fixture
def consent(office: Office) -> ConsentDesk:
    found: ConsentDesk = office.desk(ConsentDesk)
    return found


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.promise("YCL-09")
def test_refusals_are_kept_by_client_channel_kind_and_bulk(consent: ConsentDesk) -> None:
    wanted: list[dict[str, Any]] = [
        {},
        {"channel": Channel.SMS},
        {"kind": MessageKind.APOLOGY},
        {"bulk_only": True},
        {"channel": Channel.EMAIL, "kind": MessageKind.ITEM_REMINDER, "bulk_only": True},
    ]
    for one in wanted:
        assert consent.refuse("8 916 000-00-01", **one) == OptOut(CLIENT, **one)
        consent.refuse(CLIENT, **one)
    found = consent.list(CLIENT)
    assert {one.opt_out for one in found} == {OptOut(CLIENT, **one) for one in wanted}
    assert (len(found), {one.source for one in found}) == (5, {"anna"})
    assert consent.list(ANOTHER) == []


def test_exactly_one_refusal_is_taken_back_or_all(consent: ConsentDesk) -> None:
    for one in ({}, {"channel": Channel.SMS}, {"channel": Channel.SMS, "bulk_only": True}):
        consent.refuse(CLIENT, **one)
    consent.refuse(ANOTHER)
    assert consent.allow(CLIENT, Channel.SMS) == (OptOut(CLIENT, Channel.SMS),)
    assert consent.allow(CLIENT, Channel.PUSH) == ()
    assert len(consent.allow(CLIENT)) == 2
    assert [one.opt_out.client for one in consent.list()] == [ANOTHER]


def test_a_list_is_taken_in_whole_or_not_at_all(consent: ConsentDesk) -> None:
    good = [Line(CLIENT), Line("8 (916) 000-00-02", "SMS", "", "yes"), Line(CLIENT)]
    with pytest.raises(Refused) as refused:
        consent.take_in([*good, Line("x", "fax", "song", "perhaps"), Line("12")], "old.csv")
    assert refused.value.faults == (
        "line 4: 'fax' is no channel such as sms",
        "line 4: 'song' is no kind such as apology",
        "line 4: 'perhaps' is neither yes nor no",
        "line 4: 'x' is not a telephone number such as +79160000001",
        "line 5: '12' is not a telephone number such as +79160000001",
    )
    assert consent.list() == []
    assert consent.take_in(good, "old.csv") == 2
    assert consent.take_in(good, "old.csv") == 0
    assert {str(one.opt_out) for one in consent.list(ANOTHER)} == {"bulk advertising by SMS"}
    assert consent.list()[0].source == "old.csv"


def test_refusals_are_of_numbers(consent: ConsentDesk) -> None:
    for act in (consent.list, consent.refuse, consent.allow):
        with pytest.raises(Refused, match="'anna' is not a telephone number"):
            act("anna")


# --- the card --------------------------------------------------------------------------------------------------------


def test_a_card_is_kept_and_changed_part_by_part(office: Office) -> None:
    desk: ClientDesk = office.desk(ClientDesk)
    desk.set(CLIENT, ClientEdit(name=" Anna  P ", email="anna@example.com"))
    card = desk.set("89160000001", ClientEdit(name="Anna"))
    assert (card.client, card.name, card.email, card.push) == (CLIENT, "Anna", "anna@example.com", "")
    assert desk.set(CLIENT, ClientEdit(email="")).email == ""
    assert desk.show(CLIENT).card.name == "Anna"


@pytest.mark.parametrize(
    "email", ["anna", "anna@", "@example.com", "a b@example.com", "anna@localhost", "a@b@c.example"]
)
def test_an_address_is_one(office: Office, email: str) -> None:
    with pytest.raises(Refused, match=r"written as anna@example\.com"):
        office.desk(ClientDesk).set(CLIENT, ClientEdit(email=email))


@pytest.mark.parametrize("push", ["x", "[]", "{}", '{"endpoint": "http://x", "keys": {"p256dh": "", "auth": ""}}'])
def test_a_subscription_is_one(office: Office, push: str) -> None:
    with pytest.raises(Refused, match="the browser's JSON"):
        office.desk(ClientDesk).set(CLIENT, ClientEdit(push=push))


# --- everything about one --------------------------------------------------------------------------------------------


def known(office: Office) -> dict[str, int]:
    """A client of whom everything is known, beside another one; ids of messages by what they are."""
    at, insert = office.at, office.connection.execute
    office.desk(ClientDesk).set(CLIENT, ClientEdit(name="Anna", email="anna@example.com"))
    office.desk(ConsentDesk).refuse(CLIENT, Channel.SMS, bulk_only=True)
    for call_id, caller, raw in (("call-1", CLIENT, "89160000001"), ("call-2", ANOTHER, ANOTHER)):
        ended = {"disposition": "message_left", "ended_at": at}
        numbers = {"caller": caller, "caller_raw": raw, "dialled": SALES, "dialled_raw": SALES}
        insert(sa.insert(calls).values(id=call_id, arrived_at=at, **numbers, **ended))
        details = {"caller": raw, "words": [f"call from {caller}"], "at": 5}
        insert(sa.insert(call_events).values(call_id=call_id, seq=1, at_ms=0, kind="arrived", details=details))
        name = VOICEMAIL if call_id == "call-1" else VOICEMAIL[::-1]
        insert(sa.insert(voicemail_messages).values(name=name, call_id=call_id, length_ms=4000))
        for ending in ("wav", "mp3"):
            (office.folder / f"{name}.{ending}").write_bytes(b"speech")
    insert(sa.insert(last_talks), [{"caller": one, "destination": "anna", "at": at} for one in (CLIENT, ANOTHER)])
    back = {"caller": SALES, "caller_raw": SALES, "dialled": CLIENT, "dialled_raw": CLIENT, "answered_by": CLIENT}
    insert(
        sa.insert(calls).values(
            id="call-3", arrived_at=at, direction="outbound", **back, disposition="answered", ended_at=at
        )
    )
    leg = {"step": 1, "destination": CLIENT, "dialed_ms": 0, "ended_ms": 1, "outcome": "answered", "cause": 16}
    insert(sa.insert(legs).values(id="leg-1", call_id="call-3", **leg))
    found = {
        "sent": office.message(
            "sent", state="sent", gateway="sms", gateway_id="g-77", call_id="call-1", text=f"Anna, {CLIENT}"
        ),
        "queued": office.message("queued", text="Anna, come"),
        "unknown": office.message("unknown", state="unknown", ask_at=at, item="visit of Anna"),
        "notice": office.message(
            "notice",
            audience=Audience.STAFF,
            channel=Channel.EMAIL,
            recipient="sales@acme.example",
            text=f"{CLIENT} left a message",
            attachment=VOICEMAIL,
            state="sent",
        ),
        "another's": office.message("another", recipient=ANOTHER, client=ANOTHER),
    }
    event = {"message_id": found["sent"], "at": at, "state": "sent", "reason": "to 9160000001", "gateway": "sms"}
    insert(sa.insert(message_events).values(event))
    insert(sa.insert(early_reports).values(at=at, gateway="sms", gateway_id="g-77", state="delivered"))
    text = {"at": at, "sender": CLIENT, "recipient": SALES, "text": "it is me, Anna", "gateway": "sms"}
    insert(sa.insert(inbound_texts).values(id="sms/1", **text))
    team = office.sql("SELECT id FROM teams WHERE name = 'Sales'").scalar_one()
    ticket = sa.insert(tickets).values(team_id=team, client=CLIENT, subject="Anna's order", external_id="hd-1")
    ticket_id = insert(ticket.returning(tickets.c.id)).scalar_one()
    insert(sa.insert(ticket_entries).values(ticket_id=ticket_id, at=at, text=f"{CLIENT} called", call_id="call-1"))
    return found


def test_what_is_known_is_counted(office: Office) -> None:
    known(office)
    told = office.desk(ClientDesk).show(CLIENT)
    assert (told.calls, told.messages, told.texts, told.tickets, told.refusals, told.recordings) == (2, 4, 1, 1, 1, 1)
    assert (told.card.name, told.last_call_at) == ("Anna", office.at)


def test_an_export_has_all_of_one_client_and_nothing_of_another(office: Office) -> None:
    known(office)
    told = office.desk(ClientDesk).export("8 916 000 00 01")
    rows = {name: len(found) for name, found in told.items() if isinstance(found, list)}
    assert rows == {
        "clients": 1,
        "calls": 2,
        "call_events": 1,
        "legs": 1,
        "voicemail_messages": 1,
        "messages": 4,
        "message_events": 1,
        "inbound_texts": 1,
        "tickets": 1,
        "ticket_entries": 1,
        "opt_outs": 1,
        "last_talks": 1,
        "audit_log": 2,
    }
    text = orjson.dumps(told).decode()
    assert ANOTHER not in text
    assert told["voicemail_messages"][0]["name"] == VOICEMAIL
    assert {type(row["bulk"]) for row in told["messages"]} == {bool}
    assert office.desk(PeopleDesk).changes()[0].action == "export"


# --- erasure ---------------------------------------------------------------------------------------------------------


def erase(office: Office, **options: Any) -> Erasure:
    """Erase the client."""
    done: Erasure = office.desk(ErasureDesk).erase(CLIENT, confirmed=True, **options)
    return done


def test_nothing_of_an_erased_client_is_left(office: Office) -> None:
    known(office)
    assert office.desk(ErasureDesk).traces(CLIENT) != {}
    done = erase(office)
    assert office.desk(ErasureDesk).traces(CLIENT) == {}
    told = orjson.dumps(
        [[tuple(map(str, row)) for row in office.sql(f"SELECT * FROM {table}")] for table in every_table(office)]
    ).decode()
    assert not [word for word in ("9160000001", "Anna", "anna@example.com", VOICEMAIL, "hd-1", "g-77") if word in told]
    assert ANOTHER in told
    assert not [path for path in office.folder.iterdir() if path.stem == VOICEMAIL]
    assert len(list(office.folder.iterdir())) == 2, "another's recording stays"
    assert done.recordings == (VOICEMAIL,)
    assert done.rows == {
        "messages": 4,
        "calls": 2,
        "inbound_texts": 1,
        "tickets": 1,
        "clients": 1,
        "last_talks": 1,
        "audit_log": 2,
        "opt_outs": 1,
    }


def every_table(office: Office) -> list[str]:
    """All there are."""
    return sa.inspect(office.connection).get_table_names()


def test_what_is_left_can_be_counted_under_one_name(office: Office) -> None:
    ids = known(office)
    done = erase(office)
    assert is_erased(done.pseudonym)
    assert office.sql("SELECT count(*) FROM calls WHERE caller = :who", who=done.pseudonym).scalar_one() == 1
    assert office.sql("SELECT count(*) FROM messages WHERE client = :who", who=done.pseudonym).scalar_one() == 4
    assert [office.state(ids[one]) for one in ("sent", "queued", "unknown", "another's")] == [
        *("sent", "cancelled", "unknown", "queued")
    ]
    assert done.cancelled == 1
    story = office.desk(MessageDesk).show(ids["notice"])
    assert (story.message.recipient, story.message.text) == ("sales@acme.example", "")
    details = office.connection.scalar(sa.select(call_events.c.details).where(call_events.c.call_id == "call-1"))
    assert details == {"caller": done.pseudonym, "words": [f"call from {done.pseudonym}"], "at": 5}
    assert office.sql("SELECT state FROM tickets").scalar_one() == "closed"
    assert [one.ask_at for one in office.connection.execute(sa.select(messages.c.ask_at))] == [None] * 5


def test_erasing_again_finds_nothing(office: Office) -> None:
    known(office)
    first = erase(office)
    log = office.desk(PeopleDesk).changes()
    again = erase(office)
    assert again.nothing
    assert not first.nothing
    assert office.desk(PeopleDesk).changes() == log
    assert log[0].target == first.pseudonym


def test_refusals_are_kept_where_that_is_wanted(office: Office) -> None:
    known(office)
    assert erase(office, keep_refusals=True).refusals_kept
    assert office.desk(ErasureDesk).traces(CLIENT) == {"opt_outs.client": 1}
    (answer,) = office.desk(HandDesk).send(Handwritten((CLIENT,), "Sale!", advertising=True))
    assert "the client has refused" in str(answer.refusal)


def test_it_is_asked_about_first(office: Office) -> None:
    known(office)
    with pytest.raises(Unconfirmed) as asked:
        office.desk(ErasureDesk).erase(CLIENT)
    assert "--keep-refusals keeps those" in asked.value.warning
    assert office.desk(ClientDesk).show(CLIENT).calls == 2
    assert (office.folder / f"{VOICEMAIL}.wav").exists()


@pytest.mark.parametrize(
    ("under_way", "why"),
    [
        (
            "UPDATE calls SET disposition = NULL, ended_at = NULL WHERE id = 'call-1'",
            "a call of this client is under way",
        ),
        ("UPDATE messages SET state = 'sending', leased_until = :later WHERE key = 'queued'", "is being sent"),
    ],
)
def test_what_is_under_way_is_let_finish(office: Office, under_way: str, why: str) -> None:
    known(office)
    later = sa.bindparam("later", office.at.replace(hour=23), type_=messages.c.leased_until.type)
    statement = sa.text(under_way)
    office.connection.execute(statement.bindparams(later) if ":later" in under_way else statement)
    with pytest.raises(Refused, match=why):
        erase(office)
    assert office.desk(ClientDesk).show(CLIENT).calls == 2


def test_a_recording_that_is_still_owed_is_taken_first(office: Office) -> None:
    """It lies in Asterisk's spool, and would come back after the erasure."""
    known(office)
    row = {"name": "voicemail-owed", "call_id": "call-1", "application": "ari-app", "min_seconds": 2, "why": "away"}
    office.connection.execute(sa.insert(owed_recordings), row)
    with pytest.raises(Refused, match="still waits in Asterisk's spool"):
        erase(office)
    assert (office.folder / f"{VOICEMAIL}.wav").exists()
    assert office.desk(ClientDesk).show(CLIENT).calls == 2


def test_what_a_dead_sender_left_is_unknown_for_ever(office: Office) -> None:
    ids = known(office)
    earlier = office.at.replace(hour=1)
    taken = {"state": "sending", "leased_until": earlier, "lease": "x"}
    office.connection.execute(sa.update(messages).where(messages.c.id == ids["queued"]).values(taken))
    erase(office)
    assert office.state(ids["queued"]) == "unknown"


def test_a_file_that_cannot_go_keeps_all_the_rest(office: Office) -> None:
    known(office)
    (office.folder / f"{VOICEMAIL}.wav").unlink()
    (office.folder / f"{VOICEMAIL}.wav").mkdir()
    (office.folder / f"{VOICEMAIL}.mp3").unlink()
    (office.folder / f"{VOICEMAIL}.mp3").mkdir()
    erase(office)  # a folder of that name is no recording of ours
    assert (office.folder / f"{VOICEMAIL}.wav").is_dir()


def test_a_folder_that_lets_nothing_go_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    known(office)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(Refused, match="cannot be removed: Permission denied; nothing else was erased"):
        erase(office)


@pytest.mark.parametrize("written", ["+79160000001", "89160000001", "79160000001", "9160000001", "0079160000001"])
def test_a_number_is_known_however_it_is_written(written: str) -> None:
    assert Scrub(CLIENT, "gone").text(f"a {written}, b") == "a gone, b"
    assert Scrub(CLIENT, "gone", ("anna@example.com",)).value({"x": ["anna@example.com", 7, None]}) == {
        "x": ["gone", 7, None]
    }


# --- recordings ------------------------------------------------------------------------------------------------------


@pytest.mark.promise("RNG-19")
def test_the_message_of_a_call_is_found_and_who_asked_is_written_down(office: Office) -> None:
    known(office)
    (heard,) = office.desk(RecordingDesk).of_call("call-1")
    assert (heard.name, heard.seconds, set(heard.files)) == (VOICEMAIL, 4.0, {"wav", "mp3"})
    change = office.desk(PeopleDesk).changes()[0]
    assert (change.subject, change.action, change.target) == ("recordings", "hear", "call-1")


def test_why_there_is_nothing_to_hear_is_said(office: Office) -> None:
    desk = office.desk(RecordingDesk)
    with pytest.raises(NotFound, match="no caller has left a message yet"):
        desk.of_call("last")
    known(office)
    for call_id, why in (("call-3", "no message was left"), ("call-9", "no call has an id that begins with 'call-9'")):
        with pytest.raises(NotFound, match=why):
            desk.of_call(call_id)
    for ending in ("wav", "mp3"):
        (office.folder / f"{VOICEMAIL}.{ending}").unlink()
    with pytest.raises(NotFound, match="the files were removed, or ARI_APP_MESSAGES_FOLDER is not the controller's"):
        desk.of_call("call-1")

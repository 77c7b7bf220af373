"""SMPP 3.4 against two SMSCs, neither of ours: what is sent, what is known of it, and what comes in."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import smpp34

from ari_app.core.delivery import Accepted, Refused, Report, State, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.gateways.smpp import gateway as gateway_module
from ari_app.gateways.smpp.gateway import Smpp, SmppSettings
from ari_app.gateways.smpp.pdus import Status
from ari_app.gateways.smpp.texts import Assembly, Piece
from ari_app.http_client.settings import Reading
from ari_app.message_ports import InboundText, Letter
from tests.gateways.certificates import Authority
from tests.gateways.drivers import REF
from tests.gateways.providers import refusing_port
from tests.gateways.smsc import Drop, Octets, RealSmsc, Say, ScriptedSmsc, Silence, pdu, scripted

PASSWORD = "hush-123"
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONG = "Здравствуйте! Вы звонили нам, мы не смогли ответить. Перезвоним вам в ближайшее время. Ваша клиника «Ёж» 🦔"
Make = Callable[..., Smpp]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Smpp] = []

    def gateway(port: int, **given: Any) -> Smpp:
        settings = {
            "kind": "smpp",
            "name": "smsc",
            "host": "127.0.0.1",
            "port": port,
            "system_id": "clinic",
            "password": PASSWORD,
            "sender": "Clinic",
            "connect_timeout": 2,
            "read_timeout": 2,
            **given,
        }
        made.append(Smpp(SmppSettings.model_validate(settings, context=Reading()), now=lambda: AT))
        return made[-1]

    yield gateway
    for one in made:
        one.close()


class Kept:
    """What was taken in; the first ``failures`` times it cannot be."""

    def __init__(self, failures: int = 0) -> None:
        self.queue: Queue[tuple[Sequence[Report], Sequence[InboundText]]] = Queue()
        self.failures = failures

    def __call__(self, reports: Sequence[Report], texts: Sequence[InboundText]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the database is away")
        self.queue.put((reports, texts))

    def next(self) -> tuple[Sequence[Report], Sequence[InboundText]]:
        return self.queue.get(timeout=5)


def letter(text: str = "Perezvonim", **given: Any) -> Letter:
    return Letter(**{"ref": REF, "channel": Channel.SMS, "recipient": "+79161234567", "text": text} | given)


# Against smpp34's own server.


def test_a_short_text(make: Make) -> None:
    with RealSmsc() as smsc:
        assert make(smsc.port, validity_hours=26).send(letter("Hello {€}")) == Accepted("id-1")
        event = smsc.submitted.get(timeout=5)
    assert (event.source_addr, event.source_addr_ton, event.source_addr_npi) == ("Clinic", 5, 0)
    assert (event.destination_addr, event.dest_addr_ton, event.dest_addr_npi) == ("79161234567", 1, 1)
    assert (event.data_coding, event.esm_class, event.registered_delivery) == (0, 0, 1)
    assert event.short_message == b"Hello \x1b\x28\x1b\x65\x1b\x29"


def test_a_long_text_in_parts_with_headers(make: Make) -> None:
    with RealSmsc() as smsc:
        assert make(smsc.port).send(letter(LONG)) == Accepted("id-2"), "the last part's id"
        events = [smsc.submitted.get(timeout=5) for _ in range(2)]
    assert [event.short_message[:6] for event in events] == [bytes((5, 0, 3, 0xEF, 2, number)) for number in (1, 2)]
    assert b"".join(event.short_message[6:] for event in events).decode("utf-16-be") == LONG
    assert {event.data_coding for event in events} == {8}
    assert {event.esm_class for event in events} == {0x40}
    assert [event.registered_delivery for event in events] == [0, 1]
    assert all(len(event.short_message) <= 140 for event in events)


@pytest.mark.parametrize("how", ["sar", "payload"])
def test_a_long_text_in_other_ways(make: Make, how: str) -> None:
    with RealSmsc() as smsc:
        assert isinstance(make(smsc.port, long_messages=how).send(letter(LONG)), Accepted)
        first = smsc.submitted.get(timeout=5)
        rest = [] if how == "payload" else [smsc.submitted.get(timeout=5)]
    found = {one.tag: one.value for one in first.tlvs}
    if how == "payload":
        assert first.short_message == b""
        assert found[smpp34._smpp34.TLV_MESSAGE_PAYLOAD].decode("utf-16-be") == LONG
    else:
        assert (found[0x020C], found[0x020E], found[0x020F]) == (b"\0\xef", b"\2", b"\1")
        assert (first.short_message + rest[0].short_message).decode("utf-16-be") == LONG


@pytest.mark.parametrize(
    ("sender", "kind"),
    [("Clinic", (5, 0)), ("+79037672215", (1, 1)), ("79037672215", (1, 1)), ("1234", (3, 0))],
)
def test_kinds_of_senders(make: Make, sender: str, kind: tuple[int, int]) -> None:
    with RealSmsc() as smsc:
        make(smsc.port).send(letter(sender=sender))
        event = smsc.submitted.get(timeout=5)
    assert (event.source_addr_ton, event.source_addr_npi) == kind
    assert event.source_addr == sender.removeprefix("+")


RECEIPT = b"id:%s sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:%s err:%s text:Perezvonim"


def test_receipts_as_smscs_write_them(make: Make) -> None:
    kept = Kept()
    with RealSmsc() as smsc:
        one = make(smsc.port)
        one.listen(kept)
        esme = smsc.bound.get(timeout=5)
        assert smsc.deliver(esme, RECEIPT % (b"id-1", b"DELIVRD", b"000"), esm_class=4) == Status.OK
        assert kept.next() == ([Report(State.DELIVERED, gateway_id="id-1")], [])
        assert smsc.deliver(esme, RECEIPT % (b"id-2", b"UNDELIV", b"069"), esm_class=4) == Status.OK
        assert kept.next()[0] == [Report(State.UNDELIVERED, gateway_id="id-2", reason="SMSC: UNDELIV, error 069")]
        tlvs = [smpp34.Tlv(0x001E, b"id-3\0"), smpp34.Tlv(0x0427, b"\x03"), smpp34.Tlv(0x1403, b"vendor's")]
        assert smsc.deliver(esme, b"no words of ours", esm_class=4, tlvs=tlvs) == Status.OK
        assert kept.next()[0] == [Report(State.UNDELIVERED, gateway_id="id-3", reason="SMSC: EXPIRED")]
        assert smsc.deliver(esme, b"says nothing", esm_class=4) == Status.OK
        assert smsc.deliver(esme, RECEIPT % (b"id-4", b"ENROUTE", b"000"), esm_class=4) == Status.OK
        assert kept.next()[0] == [Report(State.SENT, gateway_id="id-4")]


def test_a_delivery_is_answered_only_once_it_is_kept(make: Make) -> None:
    kept = Kept(failures=1)
    with RealSmsc() as smsc:
        make(smsc.port).listen(kept)
        esme = smsc.bound.get(timeout=5)
        body = RECEIPT % (b"id-1", b"DELIVRD", b"000")
        assert smsc.deliver(esme, body, esm_class=4) == Status.TEMPORARY
        assert smsc.deliver(esme, body, esm_class=4) == Status.OK
    assert kept.next() == ([Report(State.DELIVERED, gateway_id="id-1")], [])


def test_what_comes_while_nobody_listens_stays_with_the_smsc(make: Make) -> None:
    with RealSmsc() as smsc:
        one = make(smsc.port)
        one.send(letter())
        esme = smsc.bound.get(timeout=5)
        assert smsc.deliver(esme, b"STOP") == Status.TEMPORARY
        kept = Kept()
        one.listen(kept)
        assert smsc.deliver(smsc.bound.get(timeout=5), b"STOP") == Status.OK
    assert kept.next()[1][0].text == "STOP"


@pytest.mark.parametrize(
    ("body", "given", "text"),
    [
        (b"STOP {}"[:4] + b"\x1b\x65", {}, "STOP€"),
        ("СТОП".encode("utf-16-be"), {"data_coding": 8}, "СТОП"),
        ("Café".encode("latin-1"), {"data_coding": 3}, "Café"),
        (b"", {"tlvs": [smpp34.Tlv(0x0424, "длинный текст".encode("utf-16-be"))], "data_coding": 8}, "длинный текст"),
        (b"\x06\x05\x04\x0b\x84\x23\xf0x", {"esm_class": 0x40}, "x"),
        (b"\x80\x1b", {}, "\ufffd\ufffd"),
    ],
)
def test_texts(make: Make, body: bytes, given: dict[str, Any], text: str) -> None:
    kept = Kept()
    with RealSmsc() as smsc:
        make(smsc.port).listen(kept)
        assert smsc.deliver(smsc.bound.get(timeout=5), body, **given) == Status.OK
    _, [found] = kept.next()
    assert (found.sender, found.recipient, found.text, found.at) == ("+79161234567", "1234", text, AT)


@pytest.mark.parametrize("kind", ["8-bit", "16-bit", "sar"])
def test_a_text_of_parts_in_any_order(make: Make, kind: str) -> None:
    kept = Kept()
    with RealSmsc() as smsc:
        make(smsc.port).listen(kept)
        esme = smsc.bound.get(timeout=5)
        for number, part in ((2, "ОП"), (1, "СТ")):
            octets = part.encode("utf-16-be")
            tlvs = [smpp34.Tlv(0x020C, b"\0\7"), smpp34.Tlv(0x020E, b"\2"), smpp34.Tlv(0x020F, bytes((number,)))]
            given: dict[str, Any] = {"esm_class": 0x40} if kind != "sar" else {"tlvs": tlvs}
            header = {"8-bit": bytes((5, 0, 3, 7, 2, number)), "16-bit": bytes((6, 8, 4, 1, 7, 2, number)), "sar": b""}
            assert smsc.deliver(esme, header[kind] + octets, data_coding=8, **given) == Status.OK
    _, [found] = kept.next()
    assert found.text == "СТОП"


def test_the_same_text_again_has_the_same_id(make: Make) -> None:
    kept = Kept()
    with RealSmsc() as smsc:
        make(smsc.port).listen(kept)
        esme = smsc.bound.get(timeout=5)
        for body in (b"STOP", b"STOP", b"START"):
            smsc.deliver(esme, body)
    ids = [kept.next()[1][0].id for _ in range(3)]
    assert ids[0] == ids[1] != ids[2]


def test_parts_whose_rest_never_comes_are_given_out_as_far_as_they_came() -> None:
    assembly = Assembly(seconds=300)
    assert assembly.add("a", "b", Piece("СТ", 7, 2, 1), now=0.0) is None
    assert assembly.overdue(now=299.0) == []
    assert assembly.overdue(now=301.0) == [("a", "b", "СТ")]
    assert assembly.overdue(now=999.0) == []


def test_many_at_once_over_one_session(make: Make) -> None:
    with RealSmsc() as smsc:
        one = make(smsc.port)
        found: list[object] = []
        threads = [
            threading.Thread(target=lambda: found.extend(one.send(letter()) for _ in range(20))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert smsc.bound.qsize() == 1
    assert {type(outcome) for outcome in found} == {Accepted}
    assert len({outcome.gateway_id for outcome in found if isinstance(outcome, Accepted)}) == 160


# Against the scripted SMSC.


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        (Say(), Accepted),
        (Say(0x58), Unavailable),
        (Say(0x14), Unavailable),
        (Say(0x08), Unavailable),
        (Say(0x0B), Refused),
        (Say(0x45), Unavailable),
        (Say(0x0400), Unavailable),
        (Say(0x03, nack=True), Unavailable),
        (Say(0x00, nack=True), Unavailable),
        (Drop(), Unclear),
        (Silence(), Unclear),
        (Octets(b"\0\0\0\1garbage!garbage!"), Unclear),
        (Octets(b"\xff\xff\xff\xff" * 5), Unclear),
        (Octets(b"\0\0\0"), Unclear),
    ],
)
def test_what_is_known_of_a_message(make: Make, says: Say | Drop | Silence | Octets, outcome: type[object]) -> None:
    with scripted(says) as smsc:
        found = make(smsc.port, read_timeout=0.3).send(letter())
        assert isinstance(found, outcome), found
        assert smsc.submits.qsize() == 1, "it is never repeated here"


def test_a_lost_session_wakes_who_waits_for_an_answer(make: Make) -> None:
    began = time.monotonic()
    with scripted(Drop()) as smsc:
        assert isinstance(make(smsc.port, read_timeout=20).send(letter()), Unclear)
    assert time.monotonic() - began < 10


def test_a_lost_session_is_bound_again(make: Make) -> None:
    with scripted(Drop(), Say()) as smsc:
        one = make(smsc.port)
        assert isinstance(one.send(letter()), Unclear)
        assert isinstance(one.send(letter()), Accepted)
        assert smsc.binds.qsize() == 2


def test_nobody_there(make: Make) -> None:
    one = make(refusing_port())
    assert one.send(letter()) == Unavailable("127.0.0.1 could not be reached: Connection refused")


@pytest.mark.parametrize("status", [0x0D, 0x0E, 0x0F, 0x0400])
def test_a_refused_bind(make: Make, status: int) -> None:
    with scripted(bind=status) as smsc:
        found = make(smsc.port).send(letter())
    assert isinstance(found, Unavailable)
    assert "password" in found.reason
    assert smsc.submits.empty()


def test_a_failed_bind_is_not_tried_for_each_message_of_a_burst(make: Make) -> None:
    with scripted(bind=0x0E) as smsc:
        one = make(smsc.port)
        for _ in range(10):
            assert isinstance(one.send(letter()), Unavailable)
        assert len(smsc.clients) == 1


def test_a_bind_without_an_answer(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted() as smsc:
        monkeypatch.setattr(smsc, "_answer", lambda *_: True)
        assert isinstance(make(smsc.port, read_timeout=0.2).send(letter()), Unavailable)


def test_too_fast_for_the_second_part(make: Make) -> None:
    """What is under way already is not begun again from its first part."""
    with scripted(Say(), Say(0x58), Say(0x58), Say(0, "last")) as smsc:
        assert make(smsc.port).send(letter(LONG)) == Accepted("last")
        assert smsc.submits.qsize() == 4
    with scripted(Say(), Say(0x58)) as smsc:
        found = make(smsc.port, read_timeout=0.3).send(letter(LONG))
    assert isinstance(found, Unclear)
    assert found.reason.startswith("1 of 2 parts were taken")
    with scripted(Say(0x58)) as smsc:
        assert isinstance(make(smsc.port).send(letter(LONG)), Unavailable)
        assert smsc.submits.qsize() == 1


def test_ids_in_hexadecimal_and_receipts_in_decimal(make: Make) -> None:
    with scripted(Say(0, "5F")) as smsc:
        assert make(smsc.port, receipt_ids="decimal").send(letter()) == Accepted("95")


def test_the_bind(make: Make) -> None:
    with scripted() as smsc:
        make(smsc.port, system_type="own").send(letter())
        bind = smsc.binds.get(timeout=5)
    assert (bind.system_id, bind.password, bind.system_type) == (b"clinic", PASSWORD.encode(), b"own")
    assert bind.interface_version == 0x34


def test_the_validity(make: Make) -> None:
    with scripted() as smsc:
        make(smsc.port, validity_hours=26).send(letter())
        assert smsc.submits.get(timeout=5).validity_period == b"000001020000000R"


def test_signs_of_life_both_ways(make: Make) -> None:
    with scripted() as smsc:
        one = make(smsc.port, enquire_link=0.1)
        one.send(letter())
        for _ in range(3):
            smsc.links.get(timeout=5)
        smsc.push(pdu("enquire_link", 7))
        answer = smsc.answers.get(timeout=5)
        assert (answer.command, answer.sequence) == ("enquire_link_resp", 7)
        assert isinstance(one.send(letter()), Accepted)
        assert smsc.binds.qsize() == 1


def test_a_dead_smsc_is_noticed_and_bound_to_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "RECONNECT_SECONDS", (0.05, 0.1))
    with scripted() as smsc:
        smsc.answers_links = False
        make(smsc.port, enquire_link=0.1).listen(Kept())
        for _ in range(2):
            smsc.binds.get(timeout=5)


@pytest.mark.parametrize("end", ["unbind", "close", "garbage"])
def test_a_listening_gateway_comes_back(make: Make, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr(gateway_module, "RECONNECT_SECONDS", (0.05, 0.1))
    kept = Kept()
    with scripted() as smsc:
        make(smsc.port).listen(kept)
        smsc.binds.get(timeout=5)
        _end(smsc, end)
        smsc.binds.get(timeout=5)
        smsc.push(pdu("deliver_sm", 9, source_addr="79161234567", destination_addr="1234", short_message=b"STOP"))
        assert kept.next()[1][0].text == "STOP"
        answer = next(one for one in iter(lambda: smsc.answers.get(timeout=5), None) if one.sequence == 9)
        assert (answer.command, answer.status) == ("deliver_sm_resp", 0)


def _end(smsc: ScriptedSmsc, how: str) -> None:
    if how == "unbind":
        smsc.push(pdu("unbind", 5))
        assert smsc.answers.get(timeout=5).command == "unbind_resp"
    elif how == "close":
        smsc.clients[-1].shutdown(2)
    else:
        smsc.push(b"\0\0\0\0" * 4)


def test_unknown_requests_are_told_so(make: Make) -> None:
    with scripted() as smsc:
        make(smsc.port).send(letter())
        smsc.push(b"\0\0\0\x10\0\0\x01\x11\0\0\0\0\0\0\0\x07")
        answer = smsc.answers.get(timeout=5)
        assert (answer.command, answer.status, answer.sequence) == ("generic_nack", 3, 7)


def test_a_delivery_that_cannot_be_read_is_refused_for_good(make: Make) -> None:
    """It would come again for ever otherwise."""
    with scripted() as smsc:
        make(smsc.port).listen(Kept())
        smsc.binds.get(timeout=5)
        while not smsc.clients:
            smsc.binds.get(timeout=5)
        smsc.push(b"\0\0\0\x14\0\0\0\x05\0\0\0\0\0\0\0\x07abcd")
        answer = smsc.answers.get(timeout=5)
        assert (answer.command, answer.status, answer.sequence) == ("deliver_sm_resp", Status.PERMANENT, 7)


def test_a_slow_database_does_not_hold_up_answers_to_our_own_messages(make: Make) -> None:
    going_on = threading.Event()
    began = threading.Event()

    def slow(*_: object) -> None:
        began.set()
        assert going_on.wait(5)

    with scripted() as smsc:
        one = make(smsc.port)
        one.listen(slow)
        smsc.binds.get(timeout=5)
        smsc.push(pdu("deliver_sm", 9, source_addr="7", destination_addr="1234", short_message=b"STOP"))
        assert began.wait(5)
        assert isinstance(one.send(letter()), Accepted)
        assert smsc.answers.empty()
        going_on.set()
        assert smsc.answers.get(timeout=5).sequence == 9


def test_it_unbinds_when_it_is_closed(make: Make) -> None:
    with scripted() as smsc:
        one = make(smsc.port)
        one.send(letter())
        one.close()
        smsc.unbinds.get(timeout=5)
        assert one.send(letter()) == Unavailable("the gateway is closed")


STOP = pdu("deliver_sm", 9, source_addr="79161234567", destination_addr="1234", short_message=b"STOP")


def test_tls(make: Make, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    kept = Kept()
    with scripted(tls=authority.server()) as smsc:
        one = make(smsc.port, tls=True, ca_file=authority.file, enquire_link=0.1)
        assert isinstance(one.send(letter(LONG)), Accepted)
        one.listen(kept)
        smsc.links.get(timeout=5)
        smsc.next.append(STOP)
        assert kept.next()[1][0].text == "STOP"
        assert isinstance(one.send(letter()), Accepted)
        untrusted = make(smsc.port, tls=True).send(letter())
    assert isinstance(untrusted, Unavailable)


def test_many_at_once_over_tls(make: Make, tmp_path: Path) -> None:
    """While receipts come in between."""
    authority = Authority(tmp_path)
    kept = Kept()
    with scripted(tls=authority.server()) as smsc:
        one = make(smsc.port, tls=True, ca_file=authority.file)
        one.listen(kept)
        smsc.binds.get(timeout=5)
        smsc.next.extend([STOP] * 50)
        found: list[object] = []
        threads = [
            threading.Thread(target=lambda: found.extend(one.send(letter()) for _ in range(50))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {type(outcome) for outcome in found} == {Accepted}
        assert len(found) == 200
        assert [kept.next()[1][0].text for _ in range(50)] == ["STOP"] * 50
        assert smsc.binds.empty(), "over one session"


def test_what_cannot_be_an_sms(make: Make) -> None:
    one = make(refusing_port())
    assert isinstance(one.send(letter(" ")), Refused)
    assert isinstance(one.send(letter("я" * 1000)), Refused)
    assert isinstance(one.send(letter(sender="Клиника")), Unavailable)


def test_a_password_that_smpp_cannot_carry() -> None:
    given = {"kind": "smpp", "name": "s", "host": "h", "system_id": "u", "password": "longer than 8"}
    with pytest.raises(ValueError, match="8 ASCII characters") as caught:
        SmppSettings.model_validate(given, context=Reading())
    assert "longer" not in str(caught.value)


def test_secrets_are_never_shown(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with scripted(Say(), Drop()) as smsc:
        one = make(smsc.port)
        shown = [repr(one.send(letter())), repr(one.send(letter())), repr(one), repr(vars(one))]
    assert PASSWORD not in " ".join(shown) + caplog.text

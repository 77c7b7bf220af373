"""Messages by hand: one or many clients, one channel or several, now or at a time, never against a refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ari_app.core.messages import Channel, MessageKind
from ari_app.desk.base import Refused, Unconfirmed
from ari_app.desk.by_hand import CHANNELS, Answer, HandDesk, Handwritten
from ari_app.desk.clients import ClientDesk, ClientEdit
from ari_app.desk.consent import ConsentDesk
from ari_app.desk.messages import MessageDesk
from ari_app.desk.people import PeopleDesk
from ari_app.storage.message_history import Message, Sought
from ari_app.storage.outbox_schema import messages
from tests.desk.conftest import ANOTHER, CLIENT, SALES, Office

PUSH = '{"endpoint": "https://push.example/1", "keys": {"p256dh": "a", "auth": "b"}}'


@pytest.fixture
def desk(office: Office) -> HandDesk:
    office.desk(ClientDesk).set(CLIENT, ClientEdit(name="Anna", email="anna@example.com", push=PUSH))
    found: HandDesk = office.desk(HandDesk)
    return found


def send(desk: HandDesk, *clients: str, **changes: Any) -> list[Answer]:
    """Write to the client, or to those given."""
    return desk.send(Handwritten(**{"clients": clients or (CLIENT,), "text": "Hello", **changes}), confirmed=True)


def queued(office: Office) -> tuple[Message, ...]:
    """What waits, in the order in which it was taken in."""
    desk: MessageDesk = office.desk(MessageDesk)
    return tuple(reversed(desk.list(Sought()).messages))


@pytest.mark.promise("YCL-02")
@pytest.mark.parametrize("channels", [(Channel.SMS,), (Channel.EMAIL,), (Channel.PUSH,), CHANNELS])
def test_it_goes_over_one_channel_or_all(desk: HandDesk, office: Office, channels: tuple[Channel, ...]) -> None:
    answers = send(desk, channels=channels, subject="News")
    reached = {Channel.SMS: CLIENT, Channel.EMAIL: "anna@example.com", Channel.PUSH: PUSH}
    assert [(one.channel, one.recipient) for one in queued(office)] == [(one, reached[one]) for one in channels]
    assert [one.message_id for one in answers] == [one.id for one in queued(office)]
    for one in queued(office):
        assert (one.kind, one.audience, one.client, one.asked_by) == ("by_hand", "client", CLIENT, "anna")
        assert one.subject == ("" if one.channel == "sms" else "News")


@pytest.mark.promise("YCL-03")
def test_it_goes_to_one_client_or_to_many_each_once(desk: HandDesk, office: Office) -> None:
    many = [f"+7916000{place:04}" for place in range(700)]
    assert len(send(desk, CLIENT)) == 1
    assert all(one.message_id for one in send(desk, *many, "8 916 000-00-00"))
    assert sorted(one.recipient for one in desk_page(office)) == sorted([CLIENT, *many])


def desk_page(office: Office) -> list[Message]:
    """All there is."""
    desk: MessageDesk = office.desk(MessageDesk)
    return list(desk.list(Sought(), limit=1000).messages)


@pytest.mark.promise("YCL-07")
@pytest.mark.parametrize(
    ("hours", "due"),
    [(None, 0), (3, 3), (24 * 30, 24 * 30), (10, 21), (15, 21)],
    ids=["now", "in 3 h", "in a month", "at 22:00: when the window opens", "at 3:00: likewise"],
)
def test_it_goes_at_the_time_that_is_set_within_the_sending_hours(
    desk: HandDesk, office: Office, hours: int | None, due: int
) -> None:
    at = None if hours is None else office.at + timedelta(hours=hours)
    (answer,) = send(desk, at=at)
    (message,) = queued(office)
    assert answer.due_at == message.due_at == office.at + timedelta(hours=due)
    assert message.expires_at == message.due_at + timedelta(hours=24)


@pytest.mark.promise("YCL-09")
@pytest.mark.parametrize(
    ("refused", "by_hand", "advertising"),
    [
        ({}, [], []),
        ({"channel": Channel.SMS}, ["email", "push"], ["email", "push"]),
        ({"channel": Channel.EMAIL}, ["sms", "push"], ["sms", "push"]),
        ({"bulk_only": True}, ["sms", "email", "push"], []),
        ({"bulk_only": True, "channel": Channel.PUSH}, ["sms", "email", "push"], ["sms", "email"]),
        ({"kind": MessageKind.BY_HAND}, [], ["sms", "email", "push"]),
        ({"kind": MessageKind.ADVERTISING}, ["sms", "email", "push"], []),
        ({"kind": MessageKind.APOLOGY}, ["sms", "email", "push"], ["sms", "email", "push"]),
    ],
    ids=str,
)
def test_what_a_client_refuses_is_not_queued_by_anybody(
    desk: HandDesk, office: Office, refused: dict[str, Any], by_hand: list[str], advertising: list[str]
) -> None:
    office.desk(ConsentDesk).refuse(CLIENT, **refused)
    for wanted, bulk in ((by_hand, False), (advertising, True)):
        answers = send(desk, channels=CHANNELS, advertising=bulk)
        assert [one.channel for one in answers if one.message_id] == wanted
        assert all("the client has refused" in str(one.refusal) for one in answers if not one.message_id)
    assert [(one.kind, one.bulk) for one in queued(office)] == [
        *[("by_hand", False)] * len(by_hand),
        *[("advertising", True)] * len(advertising),
    ]


@pytest.mark.parametrize(
    ("client", "why"),
    [
        ("+74951234567", "is a landline, and only mobiles are written to"),
        (SALES, "is a number of the company's own"),
        ("+79160000003", None),
    ],
)
def test_whom_nobody_texts_is_not_texted_by_hand(desk: HandDesk, client: str, why: str | None) -> None:
    (answer,) = send(desk, client)
    assert (answer.refusal or "").endswith(why or "")
    assert (answer.message_id is None) == (why is not None)


def test_a_channel_without_an_address_is_said(desk: HandDesk, office: Office) -> None:
    answers = send(desk, ANOTHER, channels=CHANNELS)
    assert [bool(one.message_id) for one in answers] == [True, False, False]
    assert "no e-mail address of the client is known; ari-app clients set" in str(answers[1].refusal)


def test_what_is_known_is_put_in_and_the_rest_refused(desk: HandDesk, office: Office) -> None:
    send(desk, CLIENT, ANOTHER, text="Dear {name}, {item} is ready. {team}, {company}", item="order 7", team="Sales")
    assert [one.text for one in queued(office)] == [
        "Dear Anna, order 7 is ready. Sales, Acme",
        "Dear, order 7 is ready. Sales, Acme",
    ]
    with pytest.raises(Refused, match=r"\{time\} says nothing in a message by hand; there are \{caller\}"):
        send(desk, text="At {time}")
    assert "nothing is known" in str(send(desk, ANOTHER, text="{name}")[0].refusal)


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"clients": (), "text": " "}, ["nobody is written to", "there is no text"]),
        ({"clients": ("x", "12")}, ["'x' is not a telephone number", "'12' is not a telephone number"]),
        ({"channels": ()}, ["clients are written to by sms, email, push"]),
        ({"channels": (Channel.WEBHOOK,)}, ["clients are written to by sms, email, push"]),
        ({"team": "Nobody"}, ["there is no team 'Nobody'"]),
        ({"text": "{"}, ["a lone {"]),
        ({"clients": tuple(str(place) for place in range(10_001))}, ["10001 clients are too many at once"]),
    ],
)
def test_all_that_is_wrong_is_told_at_once(desk: HandDesk, changes: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        send(desk, **changes)
    assert len(refused.value.faults) == len(faults)
    assert all(fault in told for fault, told in zip(faults, refused.value.faults, strict=True))


def test_a_moment_that_is_past_or_far_off_is_refused(desk: HandDesk, office: Office) -> None:
    with pytest.raises(Refused, match="is past; give a moment that is to come"):
        send(desk, at=office.at - timedelta(minutes=2))
    with pytest.raises(Refused, match="is too far off; give a moment within 30 days"):
        send(desk, at=office.at + timedelta(days=30, seconds=1))


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"clients": (CLIENT, ANOTHER)}, "2 messages to 2 clients, 2 SMS in all, 7.00 RUB."),
        ({"text": "ж" * 71}, "1 messages to 1 client, 2 SMS in all, 7.00 RUB."),
        ({"clients": (CLIENT, ANOTHER), "channels": (Channel.EMAIL,)}, None),
        ({"clients": (CLIENT, ANOTHER, SALES)}, "2 messages to 2 clients, 2 SMS in all, 7.00 RUB; 1 left out"),
        ({}, None),
        ({"channels": CHANNELS}, None),
    ],
)
def test_many_or_long_ones_are_shown_first(
    desk: HandDesk, office: Office, changes: dict[str, Any], warning: str | None
) -> None:
    written = Handwritten(**{"clients": (CLIENT,), "text": "Hello", **changes})
    if warning is None:
        assert desk.send(written)
        return
    with pytest.raises(Unconfirmed) as shown:
        desk.send(written)
    assert warning in shown.value.warning
    assert queued(office) == ()


def test_one_reference_is_sent_once_and_none_as_often_as_asked(desk: HandDesk, office: Office) -> None:
    assert [bool(send(desk, reference="offer 7")[0].message_id) for _ in range(2)] == [True, False]
    assert send(desk, reference="offer 7", channels=(Channel.EMAIL,))[0].message_id
    assert [bool(send(desk)[0].message_id) for _ in range(2)] == [True, True]
    assert len(queued(office)) == 4


def test_keys_do_not_tell_the_number(desk: HandDesk, office: Office) -> None:
    send(desk, reference="offer 7")
    assert CLIENT[2:] not in str(office.connection.scalar(sa.select(messages.c.key)))


def test_who_wrote_is_in_the_log(desk: HandDesk, office: Office) -> None:
    send(desk)
    change = office.desk(PeopleDesk).changes()[0]
    assert (change.action, change.target, change.details["channels"]) == ("send", CLIENT, ["sms"])

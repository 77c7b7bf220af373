"""Messages that another system raises: when they are due, whom they reach, and when they are not sent at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ari_app.core.explain import sentence
from ari_app.core.message_book import Contact, MessageBook, MessageType, TeamProfile
from ari_app.core.messages import ITEM_KINDS, RAISED_KINDS, Audience, Channel, Intent, MessageKind
from ari_app.core.notices import Decided, RaisedEvent, of_event
from ari_app.core.timeline import Entry, Kind
from tests.unit.notices import BOOK, CALLER, DEPLOYMENT, NIGHT, NOON

VISIT = NOON + timedelta(days=2, hours=3)


def kind(
    name: MessageKind, audience: Audience = Audience.CLIENT, channel: Channel = Channel.SMS, **more: Any
) -> MessageType:
    """A type that says its name and the item."""
    return MessageType(name, audience, channel, **{"text": f"{name}: {{item}}", **more})


def book(*types: MessageType, contacts: Sequence[Contact] = ()) -> MessageBook:
    return replace(BOOK, teams={"Salon": TeamProfile("Salon", types=types, contacts=tuple(contacts))})


def raised(name: MessageKind, **more: Any) -> RaisedEvent:
    event = RaisedEvent(name, "Salon", CALLER, {"item": "Haircut"}, item="visit-17", item_time=VISIT, id="e1")
    return replace(event, **more)


def of(event: RaisedEvent, *types: MessageType, at: datetime = NOON, contacts: Sequence[Contact] = ()) -> Decided:
    return of_event(event, book(*types, contacts=contacts), DEPLOYMENT, at)


def one(decided: Decided) -> Intent:
    (intent,) = decided.intents
    return intent


def whys(decided: Decided) -> list[str]:
    return [str(note.details["why"]) for note in decided.notes if note.kind is Kind.NO_MESSAGE]


@pytest.mark.promise("POL-08", "POL-09", "POL-10")
@pytest.mark.parametrize("name", RAISED_KINDS)
def test_what_another_system_raises_goes_to_the_client(name: MessageKind) -> None:
    intent = one(of(raised(name, item=None, item_time=None), kind(name)))
    assert (intent.kind, intent.recipient, intent.client, intent.team) == (name, CALLER, CALLER, "Salon")
    assert intent.text == f"{name}: Haircut"
    assert intent.due_at == NOON


def test_a_kind_that_nobody_raises_is_refused() -> None:
    with pytest.raises(ValueError, match="apology is not raised from outside"):
        of(raised(MessageKind.APOLOGY))


@pytest.mark.promise("YCL-08")
@pytest.mark.parametrize(
    ("name", "offset", "due"),
    [
        (MessageKind.ITEM_CREATED, 0, NOON),
        (MessageKind.ITEM_REMINDER, -24 * 60, VISIT - timedelta(days=1)),
        (MessageKind.ITEM_REPEAT_REMINDER, 60, VISIT + timedelta(hours=1)),
        (MessageKind.ITEM_REVIEW_REQUEST, 120, VISIT + timedelta(hours=2)),
    ],
)
def test_the_types_of_an_item_are_due_by_the_items_time(name: MessageKind, offset: int, due: datetime) -> None:
    intent = one(of(raised(name), kind(name, offset_minutes=offset)))
    assert (intent.due_at, intent.item) == (due, "visit-17")


@pytest.mark.promise("YCL-08")
def test_a_confirmation_is_sent_when_a_person_asks_for_it() -> None:
    confirm = kind(MessageKind.ITEM_CONFIRM)
    assert whys(of(raised(MessageKind.ITEM_CONFIRM), confirm)) == ["asked_by_hand_only"]
    asked = of(raised(MessageKind.ITEM_CONFIRM, by_hand=True, asked_by="Anna"), confirm)
    assert one(asked).asked_by == "Anna"
    assert "Anna asked for it" in sentence(Entry(0, asked.notes[0].kind, asked.notes[0].details))


@pytest.mark.promise("YCL-07")
def test_the_time_of_sending_can_be_set_for_one_item() -> None:
    reminder = kind(MessageKind.ITEM_REMINDER, offset_minutes=-60)
    own = NOON + timedelta(hours=1)
    assert one(of(raised(MessageKind.ITEM_REMINDER, at=own), reminder)).due_at == own
    past = raised(MessageKind.ITEM_REMINDER, at=NOON - timedelta(seconds=2))
    assert one(of(past, reminder)).due_at == NOON


@pytest.mark.promise("YCL-07")
@pytest.mark.parametrize(
    ("event", "offset", "why"),
    [
        (raised(MessageKind.ITEM_REMINDER, item_time=None), -60, "no_time"),
        (raised(MessageKind.ITEM_REMINDER, item_time=NOON + timedelta(minutes=30)), -60, "too_late"),
        # The window opens after the visit has begun.
        (raised(MessageKind.ITEM_REMINDER, item_time=NOON + timedelta(hours=20)), -60, "too_late"),
    ],
)
def test_a_reminder_that_would_come_too_late_is_none(event: RaisedEvent, offset: int, why: str) -> None:
    decided = of(event, kind(MessageKind.ITEM_REMINDER, offset_minutes=offset))
    assert whys(decided) == [why]
    assert decided.intents == ()


def test_a_reminder_expires_as_its_item_begins() -> None:
    reminder = kind(MessageKind.ITEM_REMINDER, offset_minutes=-60)
    assert one(of(raised(MessageKind.ITEM_REMINDER), reminder)).expires_at == VISIT
    review = kind(MessageKind.ITEM_REVIEW_REQUEST)
    assert one(of(raised(MessageKind.ITEM_REVIEW_REQUEST), review)).expires_at == VISIT + timedelta(hours=24)


@pytest.mark.promise("UIS-03")
def test_clients_are_written_to_within_the_window() -> None:
    late = NOON.replace(hour=20)
    created = kind(MessageKind.ITEM_CREATED)
    assert one(of(raised(MessageKind.ITEM_CREATED), created, at=late)).due_at == NOON.replace(day=3, hour=6)


@pytest.mark.promise("YCL-04", "YCL-06", "POL-12")
@pytest.mark.parametrize(
    ("channel", "enabled", "forced", "sent"),
    [
        (Channel.SMS, True, False, True),
        (Channel.SMS, False, False, False),
        (Channel.SMS, False, True, True),
        (Channel.EMAIL, True, False, True),
        (Channel.EMAIL, False, False, False),
        (Channel.EMAIL, False, True, False),
        (Channel.PUSH, False, True, False),
    ],
)
def test_a_tick_forces_the_sms_alone(channel: Channel, enabled: bool, forced: bool, sent: bool) -> None:
    addresses = {Channel.EMAIL: "anna@example.com", Channel.PUSH: "{}"}
    event = raised(MessageKind.ITEM_CREATED, forced=forced, addresses=addresses)
    decided = of(event, kind(MessageKind.ITEM_CREATED, channel=channel, enabled=enabled))
    assert [intent.channel for intent in decided.intents] == [channel] * sent
    assert [intent.forced for intent in decided.intents] == [forced and channel is Channel.SMS] * sent
    if not sent:
        assert "switched off" in whys(decided)[0]


@pytest.mark.promise("YCL-13")
@pytest.mark.parametrize("name", [each for each in ITEM_KINDS if each is not MessageKind.ITEM_CONFIRM])
def test_an_item_made_again_asks_for_the_same_message(name: MessageKind) -> None:
    first = one(of(raised(name), kind(name, offset_minutes=-60)))
    again = one(
        of(
            raised(name, id="e2", item_time=VISIT + timedelta(hours=1)),
            kind(name, offset_minutes=-60),
            at=NOON + timedelta(hours=1),
        )
    )
    assert first.key == again.key
    others = [
        one(of(raised(name, item="visit-18"), kind(name, offset_minutes=-60))),
        *of(
            raised(name, addresses={Channel.EMAIL: "a@example.com"}),
            kind(name, offset_minutes=-60, channel=Channel.EMAIL),
        ).intents,
        *of(raised(name), kind(name, Audience.STAFF, offset_minutes=-60), contacts=[STAFF]).intents,
    ]
    assert len({first.key, *(other.key for other in others)}) == 4


def test_a_person_may_ask_as_often_as_they_like() -> None:
    confirm = kind(MessageKind.ITEM_CONFIRM)
    keys = [one(of(raised(MessageKind.ITEM_CONFIRM, by_hand=True, id=each), confirm)).key for each in ("a", "b", "a")]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


def test_an_event_that_is_raised_twice_is_one() -> None:
    rate = kind(MessageKind.RATE_ADVISER)
    keys = [
        one(of(raised(MessageKind.RATE_ADVISER, item=None, id=each), rate, at=NOON + timedelta(hours=hour))).key
        for hour, each in enumerate(("a", "b", "a"))
    ]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


STAFF = Contact(Audience.STAFF, Channel.SMS, "+79160000003")
BOSS = Contact(Audience.ADMIN, Channel.EMAIL, "boss@example.com")


@pytest.mark.promise("YCL-01")
def test_an_event_notifies_clients_staff_and_admins() -> None:
    types = (
        kind(MessageKind.ITEM_CREATED),
        kind(MessageKind.ITEM_CREATED, Audience.STAFF),
        kind(MessageKind.ITEM_CREATED, Audience.ADMIN, Channel.EMAIL),
    )
    late = NOON.replace(hour=21)
    decided = of(raised(MessageKind.ITEM_CREATED), *types, at=late, contacts=[STAFF, BOSS])
    assert {(each.audience, each.recipient): each.due_at for each in decided.intents} == {
        (Audience.CLIENT, CALLER): NOON.replace(day=3, hour=6),
        (Audience.STAFF, "+79160000003"): late,
        (Audience.ADMIN, "boss@example.com"): late,
    }
    assert whys(of(raised(MessageKind.ITEM_CREATED), *types)) == ["no_contacts", "no_contacts"]


def test_only_the_channels_that_are_asked_for() -> None:
    types = (kind(MessageKind.ITEM_CREATED), kind(MessageKind.ITEM_CREATED, channel=Channel.EMAIL))
    event = raised(MessageKind.ITEM_CREATED, addresses={Channel.EMAIL: "anna@example.com"})
    assert [each.channel for each in of(event, *types).intents] == [Channel.SMS, Channel.EMAIL]
    mail = replace(event, channels=frozenset((Channel.EMAIL,)))
    assert one(of(mail, *types)).recipient == "anna@example.com"
    assert whys(of(replace(event, addresses={}), *types)) == ["no_address"]


@pytest.mark.promise("FLD-12")
def test_numbers_that_must_not_be_texted_are_not() -> None:
    for client, why in (("+74957654321", "is a landline"), (NIGHT, "of the company's own")):
        decided = of(raised(MessageKind.ITEM_CREATED, client=client), kind(MessageKind.ITEM_CREATED))
        assert decided.intents == ()
        assert why in whys(decided)[0]


def test_a_team_or_type_that_is_not_there_is_told() -> None:
    nobody = of_event(raised(MessageKind.ITEM_CREATED), MessageBook(), DEPLOYMENT, NOON)
    assert "there is no team 'Salon'" in sentence(Entry(0, nobody.notes[0].kind, nobody.notes[0].details))
    nothing = of(raised(MessageKind.ITEM_CREATED))
    assert "team 'Salon' has no such message" in sentence(Entry(0, nothing.notes[0].kind, nothing.notes[0].details))


def test_values_from_outside_are_put_in_and_never_expanded() -> None:
    event = raised(MessageKind.ITEM_CREATED, values={"item": "{company} {name}", "name": "Anna"})
    assert one(of(event, kind(MessageKind.ITEM_CREATED))).text == "item_created: {company} {name}"

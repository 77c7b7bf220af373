"""Message types at their desk, on both databases: made, changed, switched, with their optional parts."""

from __future__ import annotations

from typing import Any

import pytest

from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.rights import Actor, Forbidden, Grant, Right, Subject
from ari_app.desk.base import NotFound, Refused, Unconfirmed
from ari_app.desk.message_types import TypeDesk, TypeEdit, TypeKey
from tests.desk.conftest import Office

MISSED = TypeKey("Sales", MessageKind.MISSED)


@pytest.fixture
def desk(office: Office) -> TypeDesk:
    found: TypeDesk = office.desk(TypeDesk)
    return found


@pytest.mark.promise("POL-01")
def test_a_type_is_made_and_changed_part_by_part(desk: TypeDesk) -> None:
    made = desk.set(MISSED, TypeEdit(text=" Sorry! ")).type
    assert (made.text, made.enabled, made.with_company, made.offset_minutes) == ("Sorry!", True, False, 0)
    desk.set(MISSED, TypeEdit(with_company=True))
    desk.set(MISSED, TypeEdit(once_in_hours=24, extra="Call us."))
    (row,) = desk.list()
    assert (row.text, row.with_company, row.with_team, row.once_in_hours) == ("Sorry!", True, False, 24)
    assert row.sample == "Acme: Sorry!\nCall us."


@pytest.mark.promise("POL-11")
@pytest.mark.parametrize(
    ("parts", "sample"),
    [
        ({}, "Sorry!"),
        ({"with_company": True}, "Acme: Sorry!"),
        ({"with_team": True}, "Sales: Sorry!"),
        ({"with_company": True, "with_team": True, "extra": "Bye"}, "Acme, Sales: Sorry!\nBye"),
        ({"extra": "Bye"}, "Sorry!\nBye"),
    ],
)
def test_optional_parts_are_shown_as_they_are_read(desk: TypeDesk, parts: dict[str, Any], sample: str) -> None:
    assert desk.set(MISSED, TypeEdit(text="Sorry!", **parts)).type.sample == sample


@pytest.mark.promise("POL-12", "YCL-06")
def test_each_type_and_channel_has_a_switch_of_its_own(desk: TypeDesk) -> None:
    keys = [
        TypeKey("Sales", MessageKind.ITEM_REMINDER, channel=Channel.SMS),
        TypeKey("Sales", MessageKind.ITEM_REMINDER, channel=Channel.EMAIL),
        TypeKey("Sales", MessageKind.MISSED),
        TypeKey("Support", MessageKind.ITEM_REMINDER, channel=Channel.EMAIL),
    ]
    for key in keys:
        desk.set(key, TypeEdit(text="Sorry!"))
    desk.switch(keys[1], False)
    desk.set(keys[1], TypeEdit(text="Still off"))
    off = [(row.team, row.kind, row.channel) for row in desk.list() if not row.enabled]
    assert off == [("Sales", "item_reminder", "email")]
    assert desk.switch(keys[1], True).enabled
    assert all(row.enabled for row in desk.list())


def test_making_one_takes_the_right_to_create(desk: TypeDesk, office: Office) -> None:
    editor = office.desk(TypeDesk, Actor("boris", frozenset({Grant(Subject.MESSAGE_TYPES, Right.EDIT)})))
    with pytest.raises(Forbidden, match="may not create message types"):
        editor.set(MISSED, TypeEdit(text="Sorry!"))
    desk.set(MISSED, TypeEdit(text="Sorry!"))
    assert editor.set(MISSED, TypeEdit(text="Sorry.")).type.text == "Sorry."


@pytest.mark.parametrize(
    ("key", "edit", "fault"),
    [
        (MISSED, TypeEdit(), "it has no text"),
        (MISSED, TypeEdit(text="{caler}"), "did you mean {caller}"),
        (MISSED, TypeEdit(text="a", extra="{"), "a lone {"),
        (MISSED, TypeEdit(text="a", offset_minutes=50_000), "it must be -43200 to 43200"),
        (MISSED, TypeEdit(text="a", once_in_hours=-1), "it must be 0 to 8760"),
        (MISSED, TypeEdit(text="ж" * 700), "10 at most are sent"),
        (TypeKey("Sales", MessageKind.APOLOGY), TypeEdit(text="a"), "'apology' is no kind of a message type"),
        (TypeKey("Sales", MessageKind.MISSED, Audience.SYSTEM), TypeEdit(text="a"), "'system' is no audience"),
        (TypeKey("Sales", MessageKind.MISSED, channel=Channel.TICKET), TypeEdit(text="a"), "'ticket' is no channel"),
    ],
)
def test_what_is_wrong_is_told(desk: TypeDesk, key: TypeKey, edit: TypeEdit, fault: str) -> None:
    with pytest.raises(Refused) as refused:
        desk.set(key, edit)
    assert fault in str(refused.value)
    assert desk.list() == []


def test_what_is_doubtful_is_told_and_saved(desk: TypeDesk) -> None:
    (warning,) = desk.set(MISSED, TypeEdit(text="About {item}")).warnings
    assert "a call has nothing to put in for {item}" in warning


def test_a_text_of_several_sms_is_shown_first(desk: TypeDesk) -> None:
    with pytest.raises(Unconfirmed, match=r"takes 2 SMS, 7\.00 RUB each time"):
        desk.set(MISSED, TypeEdit(text="ж" * 71))
    assert desk.list() == []
    desk.set(MISSED, TypeEdit(text="ж" * 71), confirmed=True)
    assert desk.set(MISSED, TypeEdit(once_in_hours=1)).type.parts == 2, "nobody is asked again for what did not change"
    assert (
        desk.set(TypeKey("Sales", MessageKind.MISSED, channel=Channel.EMAIL), TypeEdit(text="ж" * 999)).type.parts == 1
    )


def test_what_is_not_there_is_said(desk: TypeDesk) -> None:
    with pytest.raises(NotFound, match="there is no team 'Slaes'; those there are: Basic, Sales, Support"):
        desk.list("Slaes")
    with pytest.raises(NotFound, match="there is no message missed to client by sms, team 'Sales'"):
        desk.switch(MISSED, True)


def test_it_is_removed_after_a_warning(desk: TypeDesk) -> None:
    desk.set(MISSED, TypeEdit(text="Sorry!"))
    with pytest.raises(Unconfirmed, match="Sorry!"):
        desk.remove(MISSED)
    assert len(desk.list("Sales", MessageKind.MISSED)) == 1
    desk.remove(MISSED, confirmed=True)
    assert desk.list() == []


def test_nonsense_by_plain_sql_is_shown_and_can_be_mended(desk: TypeDesk, office: Office) -> None:
    desk.set(MISSED, TypeEdit(text="Sorry!"))
    office.sql("UPDATE message_types SET text = 'Hello {caler}'")
    (row,) = desk.list()
    assert "unknown placeholder {caler}" in row.sample
    assert desk.set(MISSED, TypeEdit(text="Hello {caller}")).type.sample == "Hello +79160000001"

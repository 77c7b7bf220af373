"""The one history of messages: filters, pages, cancelling, sending again, sums; on both databases."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_app.core.delivery import State
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.desk.base import NotFound, Refused
from ari_app.desk.messages import MessageDesk
from ari_app.storage import message_history
from ari_app.storage.database import writing
from ari_app.storage.message_history import Sought
from ari_app.storage.outbox_schema import messages
from ari_app.storage.records import calls
from tests.desk.conftest import ANOTHER, CLIENT, SALES, SUPPORT, Office


@pytest.fixture
def desk(office: Office) -> MessageDesk:
    found: MessageDesk = office.desk(MessageDesk)
    return found


def add_call(office: Office, call_id: str, dialled: str) -> None:
    """A lost call of the client's."""
    numbers = {"caller": CLIENT, "caller_raw": CLIENT, "dialled": dialled, "dialled_raw": dialled}
    ended = {"disposition": "lost", "ended_at": office.at}
    office.connection.execute(sa.insert(calls).values(id=call_id, arrived_at=office.at, **numbers, **ended))


@pytest.fixture
def history(office: Office) -> dict[str, int]:
    """A message of every sort, an hour between one and the next; their ids by what they are."""
    add_call(office, "call-1", SALES)
    add_call(office, "call-2", SUPPORT)
    sorts: dict[str, dict[str, Any]] = {
        "apology": {"call_id": "call-1", "rule_id": 1, "rule": "Sales", "team": "Sales", "state": "delivered"},
        "failed": {"call_id": "call-2", "rule_id": 2, "rule": "Support", "state": "failed", "reason": "no such number"},
        "reminder": {"kind": MessageKind.ITEM_REMINDER, "item": "visit-7", "recipient": ANOTHER, "client": ANOTHER},
        "mail": {"kind": MessageKind.BY_HAND, "channel": Channel.EMAIL, "recipient": "a@b.example", "asked_by": "anna"},
        "notice": {
            "kind": MessageKind.VOICEMAIL_NOTICE,
            "channel": Channel.EMAIL,
            "audience": Audience.STAFF,
            "recipient": "sales@acme.example",
            "call_id": "call-1",
        },
        "to the admin": {"audience": Audience.ADMIN, "recipient": "+79160000009", "client": None},
        "advertising": {"kind": MessageKind.ADVERTISING, "bulk": True, "state": "cancelled"},
    }
    found = {}
    for name, changes in sorts.items():
        found[name] = office.message(name, **changes)
        office.at += timedelta(hours=1)
    return found


def names(desk: MessageDesk, history: dict[str, int], **sought: Any) -> list[str]:
    """Which messages are found, in order."""
    by_id = {message_id: name for name, message_id in history.items()}
    return [by_id[one.id] for one in desk.list(Sought(**sought)).messages]


@pytest.mark.promise("YCL-10", "YCL-12")
def test_every_message_is_in_one_history(desk: MessageDesk, history: dict[str, int]) -> None:
    assert names(desk, history) == list(reversed(history))


@pytest.mark.promise("YCL-11", "YCL-12")
@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ({"client": ANOTHER}, ["reminder"]),
        ({"client": CLIENT}, ["advertising", "notice", "mail", "failed", "apology"]),
        ({"recipient": "a@b.example"}, ["mail"]),
        ({"dialled": SALES}, ["notice", "apology"]),
        ({"call_id": "call-2"}, ["failed"]),
        ({"rule": "Support"}, ["failed"]),
        ({"kind": MessageKind.APOLOGY}, ["to the admin", "failed", "apology"]),
        ({"channel": Channel.EMAIL}, ["notice", "mail"]),
        ({"state": State.QUEUED}, ["to the admin", "notice", "mail", "reminder"]),
        ({"audience": Audience.STAFF}, ["notice"]),
        ({"audience": Audience.ADMIN}, ["to the admin"]),
        ({"team": "Sales"}, ["apology"]),
        ({"item": "visit-7"}, ["reminder"]),
        ({"asked_by": "anna"}, ["mail"]),
        ({"channel": Channel.EMAIL, "audience": Audience.CLIENT}, ["mail"]),
        ({"client": CLIENT, "state": State.UNKNOWN}, []),
    ],
    ids=str,
)
def test_it_can_be_filtered(
    desk: MessageDesk, history: dict[str, int], sought: dict[str, Any], found: list[str]
) -> None:
    assert names(desk, history, **sought) == found


def test_since_is_included_and_until_is_not(desk: MessageDesk, history: dict[str, int], office: Office) -> None:
    start = office.at - timedelta(hours=7)
    between = {"since": start + timedelta(hours=2), "until": start + timedelta(hours=4)}
    assert names(desk, history, **between) == ["mail", "reminder"]


@pytest.mark.promise("YCL-11")
def test_a_row_has_time_kind_state_channel_and_text(desk: MessageDesk, history: dict[str, int]) -> None:
    story = desk.show(history["failed"])
    told = story.message
    assert (told.kind, told.channel, told.state, told.text) == ("apology", "sms", "failed", "Sorry!")
    assert (told.recipient, told.client, told.rule, told.reason) == (CLIENT, CLIENT, "Support", "no such number")
    assert (told.created_at.hour, story.call.id if story.call else "") == (10, "call-2")


def test_what_is_not_there_is_said(desk: MessageDesk) -> None:
    for nothing in (1, 0, -1, 2**63, 10**30):
        with pytest.raises(NotFound, match="ari-app messages list"):
            desk.show(nothing)
    with pytest.raises(NotFound, match="there are no messages yet"):
        desk.latest()


def test_the_last_is_the_one_taken_in_last(desk: MessageDesk, history: dict[str, int]) -> None:
    assert desk.latest() == history["advertising"]


# --- pages -----------------------------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    moments=st.lists(st.integers(0, 3), max_size=25),
    size=st.integers(1, 9),
    newcomers=st.integers(0, 3),
    state=st.sampled_from([None, State.QUEUED, State.SENT]),
)
def test_pages_have_each_message_once_in_order_whatever_comes_meanwhile(
    office: Office, moments: list[int], size: int, newcomers: int, state: State | None
) -> None:
    """Several have one moment; newer ones come between the pages, and none of the older is lost or told twice."""
    desk: MessageDesk = office.desk(MessageDesk)
    savepoint, started = office.connection.begin_nested(), office.at
    for place, moment in enumerate(moments):
        office.at = started + timedelta(seconds=moment)
        office.message(f"m{place}", state="sent" if place % 3 else "queued")
    sought, found, cursor = Sought(state=state), [], None
    whole = [one.id for one in desk.list(sought, limit=1000).messages]
    office.at = started + timedelta(seconds=10)
    while True:
        page = desk.list(sought, limit=size, cursor=cursor)
        found += [one.id for one in page.messages]
        assert len(page.messages) <= size
        cursor = page.next
        if cursor is None:
            break
        for _ in range(newcomers):
            office.message(f"new{len(found)}-{_}")
    assert found == whole
    savepoint.rollback()
    office.at = started


@pytest.mark.parametrize("cursor", ["", "x", "1", "1-", "-1", "1-2-3", "9" * 18 + "-1", "1-" + "9" * 19, "1-1' OR 1"])
def test_a_cursor_that_nobody_gave_out_is_refused(desk: MessageDesk, cursor: str) -> None:
    with pytest.raises(Refused, match="no cursor"):
        desk.list(Sought(), cursor=cursor)


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_a_size(desk: MessageDesk, limit: int) -> None:
    with pytest.raises(Refused, match="1 to 1000"):
        desk.list(Sought(), limit=limit)


@pytest.mark.parametrize(
    ("sought", "index"),
    [
        (Sought(), "messages_by_creation"),
        (Sought(client=CLIENT), "messages_by_client"),
        (Sought(state=State.FAILED), "messages_by_state"),
    ],
    ids=["all", "client", "state"],
)
def test_a_page_far_down_is_read_off_an_index_and_not_counted_up(office: Office, sought: Sought, index: str) -> None:
    """The plan neither reads nor sorts the whole, so a page takes as long in a million rows as in ten."""
    first = office.message("m0", state="failed")
    others = [column for column in messages.c if column.name not in ("id", "key", "ref", "created_at")]
    source = sa.select(*others).where(messages.c.id == first)
    (row,) = office.connection.execute(source).mappings()
    rows = [
        {**row, "key": f"m{place}", "ref": f"r{place}", "created_at": office.at + timedelta(seconds=place)}
        for place in range(1, 4000)
    ]
    for other in (each for place, each in enumerate(rows) if place % 200):
        other.update(client=ANOTHER, state="sent")
    office.connection.execute(sa.insert(messages), rows)
    office.sql("ANALYZE messages")
    told: list[str] = []
    explain = "EXPLAIN QUERY PLAN" if office.connection.dialect.name == "sqlite" else "EXPLAIN"

    @sa.event.listens_for(office.connection, "before_cursor_execute")
    def look(connection: Any, cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT messages"):
            told.extend(str(row[-1]) for row in cursor.execute(f"{explain} {statement}", values).fetchall())

    message_history.page(office.connection, sought, cursor="1772443000000000-5")
    plan = "\n".join(told)
    assert index in plan, plan
    assert not re.search(r"Seq Scan|SCAN messages\n|TEMP B-TREE FOR ORDER BY|(?<!Incremental )Sort  ", plan), plan


# --- what may still be done ------------------------------------------------------------------------------------------


def test_what_waits_is_cancelled_and_nothing_else(desk: MessageDesk, office: Office) -> None:
    waiting = office.message("one")
    cancelled = desk.cancel(waiting)
    assert (cancelled.state, cancelled.reason, cancelled.settled_at) == ("cancelled", "cancelled by anna", office.at)
    for state in set(State) - {State.QUEUED}:
        other = office.message(state, state=state.value)
        with pytest.raises(Refused, match=f"message {other} is {state}; only one that is queued can be cancelled"):
            desk.cancel(other)
        assert office.state(other) == state


def test_of_a_sender_and_a_person_at_one_message_one_wins(engine: sa.Engine) -> None:
    """Whoever cancels waits for the sender that has the message in hand, and is told so."""
    with writing(engine).begin() as connection:
        message = Office(connection, Path()).message("one")
    outcome: list[str] = []

    def cancel() -> None:
        with writing(engine).begin() as other:
            try:
                outcome.append(Office(other, Path()).desk(MessageDesk).cancel(message).state)
            except Refused as refused:
                outcome.append(str(refused))

    person = threading.Thread(target=cancel)
    with writing(engine).begin() as sender:
        sender.execute(sa.update(messages).where(messages.c.id == message).values(state="sending"))
        person.start()
        if engine.dialect.name == "postgresql":
            wait_for_a_lock(engine)
    person.join(10)
    assert outcome == [f"message {message} is sending; only one that is queued can be cancelled"]


def wait_for_a_lock(engine: sa.Engine) -> None:
    """Until somebody waits for a row that another has."""
    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    deadline = time.monotonic() + 10
    with engine.connect() as connection:
        while not connection.scalar(waiting):
            assert time.monotonic() < deadline, "nobody waits"
            connection.rollback()  # the view is that of a transaction's beginning


@pytest.mark.parametrize("state", ["failed", "undelivered"])
def test_what_is_known_not_to_have_arrived_is_sent_again(desk: MessageDesk, office: Office, state: str) -> None:
    before = office.message(
        "one", state=state, reason="no", attempts=6, gateway="sms", gateway_id="g-1", sent_at=office.at
    )
    ref = desk.show(before).message.ref
    office.at += timedelta(days=3)
    again = desk.retry(before)
    assert (again.state, again.attempts, again.gateway_id, again.sent_at) == ("queued", 0, None, None)
    assert (again.due_at, again.expires_at) == (office.at, office.at + timedelta(hours=24))
    assert again.ref != ref, "a gateway that knows the ref would pass it over"
    assert [one.state for one in desk.show(before).events] == ["queued"]
    assert "asked for by anna" in again.reason


@pytest.mark.fault("28")
def test_what_may_have_arrived_is_never_sent_again_by_hand_either(desk: MessageDesk, office: Office) -> None:
    unknown = office.message("one", state="unknown")
    with pytest.raises(Refused, match=r"nobody knows whether it arrived.*write it anew"):
        desk.retry(unknown)
    assert office.state(unknown) == "unknown"


@pytest.mark.parametrize("state", sorted(set(State) - {State.FAILED, State.UNDELIVERED}))
def test_no_other_state_is_sent_again(desk: MessageDesk, office: Office, state: str) -> None:
    message = office.message("one", state=state)
    with pytest.raises(Refused, match=f"message {message} is not sent again: "):
        desk.retry(message)
    assert office.state(message) == state


def test_sent_again_it_waits_for_the_sending_hours(desk: MessageDesk, office: Office) -> None:
    failed = office.message("one", state="failed")
    staff = office.message("two", state="failed", audience=Audience.STAFF)
    office.at = office.at.replace(hour=20)
    assert desk.retry(failed).due_at == office.at.replace(hour=6) + timedelta(days=1)
    assert desk.retry(staff).due_at == office.at


def test_an_erased_client_gets_nothing_again(desk: MessageDesk, office: Office) -> None:
    message = office.message(
        "one", state="failed", recipient="erased-0123456789abcdef", client="erased-0123456789abcdef"
    )
    with pytest.raises(Refused, match="data were erased"):
        desk.retry(message)


def test_sums_are_by_kind_channel_and_state_with_the_cost_of_what_went(desk: MessageDesk, office: Office) -> None:
    for place, (state, parts) in enumerate([("sent", 1), ("delivered", 2), ("failed", 3), ("unknown", 1)]):
        office.message(f"m{place}", state=state, parts=parts)
    office.message("mail", channel=Channel.EMAIL, state="sent")
    sums = desk.stats()
    assert [(one.channel, one.state, one.messages, one.parts) for one in sums.counts] == [
        ("email", "sent", 1, 1),
        ("sms", "delivered", 1, 2),
        ("sms", "failed", 1, 3),
        ("sms", "sent", 1, 1),
        ("sms", "unknown", 1, 1),
    ]
    assert (str(sums.cost), sums.currency, sums.messages(), sums.messages(State.SENT)) == ("14.00", "RUB", 5, 2)
    assert desk.stats(since=office.at + timedelta(seconds=1)).counts == ()
    assert office.connection.scalar(sa.select(sa.func.count()).select_from(messages)) == 5

"""What the journal owes its calls: written with the verdict, settled in one transaction, and once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ari_app.core.messages import Audience, Channel, Intent, MessageKind
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, Reason, Verdict
from ari_app.ports import CallAmended, CallClosed, CallOpened, MessageRecord, RecordingOwed
from ari_app.storage.amendments import WITHDRAWN
from ari_app.storage.batch import Batch
from ari_app.storage.history import show_call
from ari_app.storage.outbox_schema import message_events, messages
from ari_app.storage.owed_recordings import OwedRecordings, owed_in_all, read_owed
from ari_app.storage.records import owed_recordings

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ENDED = AT + timedelta(seconds=9)
LATER = AT + timedelta(hours=1)
LOST = Verdict(Disposition.LOST, Reason.LINE_LOST)
LEFT = Verdict(Disposition.MESSAGE_LEFT, Reason.MESSAGE)


def intent(key: str, kind: MessageKind = MessageKind.APOLOGY, audience: Audience = Audience.CLIENT) -> Intent:
    return Intent(key, kind, Channel.SMS, audience, "+79161112233", "Sorry.", ENDED, LATER, call_id="call-1")


def closed(*intents: Intent, app: str = "ari-app") -> CallClosed:
    owed = RecordingOwed("voicemail-1", app, 2, "no connection")
    return CallClosed("call-1", ENDED, LOST, None, 9000, intents, owed)


def write(engine: sa.Engine, *happenings: object, one_by_one: bool = False) -> None:
    batch = Batch(happenings)  # type: ignore[arg-type]
    with engine.begin() as connection:
        if one_by_one:
            assert batch.write_one_by_one(connection) == []
        else:
            batch.write(connection)


def a_call(engine: sa.Engine, *intents: Intent, app: str = "ari-app") -> None:
    opened = CallOpened("call-1", AT, "+79161112233", "89161112233", "+74950000101", "+74950000101")
    began = ("call-1", 100, Entry(5000, Kind.RECORDING_BEGAN, {"max_seconds": 30}))
    write(engine, opened, began, closed(*intents, app=app))


def settled(*intents: Intent, message: bool = True) -> CallAmended:
    return CallAmended(
        call_id="call-1",
        at=LATER,
        recording="voicemail-1",
        settled=True,
        verdict=LEFT if message else LOST,
        entries=(Entry(3_600_000, Kind.RECORDING_CAME, {"late": 3591.0}), Entry(2**40, Kind.MESSAGE_LEFT, {})),
        message=MessageRecord("call-1", "voicemail-1", 4200) if message else None,
        intents=intents,
    )


def states(engine: sa.Engine) -> dict[str, tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(messages.c.key, messages.c.state, messages.c.reason))
        return {row.key: (row.state, row.reason) for row in rows}


@pytest.mark.fault("8", "24")
def test_a_recording_is_owed_with_all_that_is_to_be_known_of_its_call(engine: sa.Engine) -> None:
    a_call(engine)
    write(engine, closed())  # a commit of unknown outcome: written again
    ledger = OwedRecordings(engine, "ari-app", lambda: True)
    (owed,) = asyncio.run(ledger.owed())
    assert (owed.name, owed.call.ended_at, owed.call.min_seconds, owed.call.decided) == ("voicemail-1", ENDED, 2, False)
    facts = owed.call.facts
    assert (facts.call_id, facts.at, facts.caller, facts.dialled) == ("call-1", AT, "+79161112233", "+74950000101")
    assert (facts.verdict, facts.ended_ms) == (LOST, 9000)
    assert facts.timeline == (Entry(5000, Kind.RECORDING_BEGAN, {"max_seconds": 30}),)
    with engine.connect() as connection:
        (row,) = owed_in_all(connection)
    assert (row.why, row.application) == ("no connection", "ari-app")


def test_another_applications_recordings_are_its_own_to_take(engine: sa.Engine) -> None:
    a_call(engine, app="other")
    with engine.connect() as connection:
        assert list(read_owed(connection, "ari-app")) == []
        assert len(list(read_owed(connection, "other"))) == 1


def test_nothing_is_said_while_the_database_is_behind_or_away(engine: sa.Engine) -> None:
    a_call(engine)
    assert asyncio.run(OwedRecordings(engine, "ari-app", lambda: False).owed()) == ()
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE owed_recordings"))
    try:
        assert asyncio.run(OwedRecordings(engine, "ari-app", lambda: True).owed()) == ()
    finally:
        owed_recordings.create(engine)


def test_a_kind_of_a_later_release_is_passed_over(engine: sa.Engine) -> None:
    a_call(engine)
    with engine.begin() as connection:
        insert = "INSERT INTO call_events (call_id, seq, at_ms, kind, details) VALUES ('call-1', 1, 1, 'sung', '{}')"
        connection.execute(sa.text(insert))
        (owed,) = read_owed(connection, "ari-app")
    assert [entry.kind for entry in owed.call.facts.timeline] == [Kind.RECORDING_BEGAN]


@pytest.mark.fault("8", "24")
@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_message_joins_its_call_once_however_often_it_is_written(engine: sa.Engine, one_by_one: bool) -> None:
    a_call(engine)
    notice = intent("call/call-1/voicemail_notice/staff/sms/x", MessageKind.VOICEMAIL_NOTICE, Audience.STAFF)
    for _ in range(3):
        write(engine, settled(notice), one_by_one=one_by_one)
    with engine.connect() as connection:
        history = show_call(connection, "call-1")
        assert owed_in_all(connection) == []
    assert (history.call.disposition, history.call.reason) == ("message_left", "message")
    assert (history.call.ended_at, history.call.ended_ms) == (ENDED, 9000)
    assert [event.kind for event in history.events] == ["recording_began", "recording_came", "message_left"]
    assert history.events[-1].at_ms == 2**31 - 1
    assert [(message.name, message.length_ms) for message in history.messages] == [("voicemail-1", 4200)]
    assert states(engine) == {notice.key: ("queued", "")}


@pytest.mark.fault("8", "24")
def test_what_a_lost_call_had_brought_is_withdrawn_unless_it_has_gone_or_is_anothers(engine: sa.Engine) -> None:
    a_call(engine)
    keys = ("apology", "missed", "call_out_of_hours")
    before = [intent(f"call/call-1/{key}/client/sms") for key in keys]
    write(engine, replace(settled(*before, message=False), settled=False, entries=()))
    with engine.begin() as connection:
        gone = messages.c.key.like("%missed%")
        connection.execute(sa.update(messages).where(gone).values(state="sent"))
        connection.execute(sa.text("UPDATE owed_recordings SET why = 'still'"))
    write(engine, replace(closed(intent("hand/7")), owed=None))
    write(engine, settled(before[2]))
    assert states(engine) == {
        before[0].key: ("cancelled", WITHDRAWN),
        before[1].key: ("sent", ""),
        before[2].key: ("queued", ""),
        "hand/7": ("queued", ""),
    }
    with engine.connect() as connection:
        told = connection.execute(sa.select(message_events.c.state, message_events.c.reason)).all()
        events = [event.kind for event in show_call(connection, "call-1").events]
    assert [tuple(row) for row in told] == [("cancelled", WITHDRAWN)]
    assert events.count("message_withheld") == 1


@pytest.mark.fault("8", "24")
def test_messages_are_decided_without_it_once_and_it_stays_owed(engine: sa.Engine) -> None:
    a_call(engine)
    late = replace(settled(intent("call/call-1/apology/client/sms"), message=False), settled=False)
    for _ in range(2):
        write(engine, late)
    with engine.connect() as connection:
        (owed,) = read_owed(connection, "ari-app")
        assert len(show_call(connection, "call-1").events) == 3
    assert owed.call.decided
    assert list(states(engine)) == ["call/call-1/apology/client/sms"]


def test_a_call_that_is_removed_is_owed_nothing(engine: sa.Engine) -> None:
    a_call(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM calls"))
        assert owed_in_all(connection) == []
    write(engine, settled())

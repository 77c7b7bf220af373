"""Calls that the dialplan served alone are entered once: whoever enters them, however often, wherever it is killed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ari_app.ari.errors import RequestTimeout
from ari_app.core.call_id import call_id
from ari_app.core.fallback_notes import FallbackNote, by_call
from ari_app.core.message_book import MessageBook
from ari_app.core.outcomes import Recorded
from ari_app.core.scheme import Greeting, SchemeBook, VoicemailStep
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Verdict
from ari_app.dialstring import DialTemplates
from ari_app.fallback.case import Desk
from ari_app.fallback.intake import PATIENCE, UNHEARD_PATIENCE, FallbackIntake
from ari_app.ports import CallOpened
from ari_app.storage.fallback_rows import FallbackRows
from ari_app.storage.journal import SqlJournal
from ari_app.storage.outbox_schema import messages
from ari_app.storage.records import call_events, calls, legs, voicemail_messages
from tests.unit.notices import BOOK, CALLER, DEPLOYMENT, SALES

pytestmark = [pytest.mark.fault("4"), pytest.mark.promise("OUR-08")]

CAME = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CHANNEL, OTHER = "1772442000.7", "1772442000.9"
SOURCE = f"fallback-{CHANNEL}-1234"
BEFORE = "voicemail-of-a-dead-controller"
MESSAGE = (f"record:{SOURCE}:2:180", "recorded:DTMF", "over:16", "end:::::")
LOST = ("dial:1772442000-abc-1-:5", "whom:anna", "rung:BUSY:17:486:", "over:17", "end:BUSY::::")
TABLES = (calls, call_events, legs, messages, voicemail_messages)


class Killed(BaseException):
    """The process is gone."""


class Asterisk:
    """Where the notes are, and the recordings; shared by the controllers of a story."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.alive: set[str] = set()
        self.requests = 0
        self.clears_left = 10**6
        self.trouble = ""

    def serve(self, channel: str, *told: str) -> None:
        """A call of a caller of ours, a note a second."""
        at = round(CAME.timestamp() * 1000)
        words = (
            (f"came:{CALLER}:{SALES}:Ring", "voicemail:", *told)
            if told == MESSAGE
            else (f"came:{CALLER}:{SALES}:Ring", *told)
        )
        self.keys += [f"1772442/{channel}:{number}:{at + 1000 * number}:{each}" for number, each in enumerate(words)]

    async def changes(self) -> str:
        self.requests += 1
        if self.trouble:
            raise RequestTimeout(self.trouble)
        return str(len(self.keys))

    async def read(self) -> Mapping[str, tuple[FallbackNote, ...]]:
        self.requests += 1
        return by_call(self.keys)

    async def live(self) -> frozenset[str]:
        self.requests += 1
        return frozenset(self.alive)

    async def clear(self, notes: Sequence[FallbackNote]) -> None:
        for note in notes:
            if not self.clears_left:
                raise Killed
            self.clears_left -= 1
            if note.key in self.keys:
                self.keys.remove(note.key)


class Keeper:
    """A folder of messages; what is taken is as long as the story says."""

    def __init__(self, seconds: float = 4.0, trouble: str = "") -> None:
        self.recorded = Recorded("", seconds, seconds, trouble, waits_at="ari-app" if trouble else "")
        self.folder: set[str] = set()
        self.settled: list[tuple[str, bool]] = []
        self.at_once = asyncio.Barrier(1)

    async def take(self, name: str, source: str) -> Recorded:
        await self.at_once.wait()
        assert source in (SOURCE, BEFORE)
        self.folder.add(name)
        return replace(self.recorded, name=name)

    async def settle(self, name: str, source: str, *, kept: bool) -> None:
        self.settled.append((source, kept))
        if not kept:
            self.folder.discard(name)


class Book:
    """No schemes, so that the default is used; rules of messages."""

    def __init__(self) -> None:
        self.current = SchemeBook()
        self.messages: MessageBook = BOOK


class Controller:
    """One controller's intake."""

    def __init__(self, asterisk: Asterisk, engine: sa.Engine, keeper: Keeper, owner: str = "ari-app") -> None:
        self.verdicts: list[Verdict] = []
        self.book = Book()
        self.now = CAME + timedelta(minutes=1)
        default = (VoicemailStep(Greeting("universal (en)", "ari-app/en/greeting")),)
        desk = Desk(
            self.book,
            self.book,
            default,
            "universal (en)",
            DEPLOYMENT,
            DialTemplates(),
            "RU",
            owner,
            self.verdicts.append,
            lambda: self.now,
        )
        self.intake = FallbackIntake(asterisk, FallbackRows(engine), keeper, desk)

    def look(self) -> None:
        """One round."""
        asyncio.run(self.intake.look(1))


def counted(engine: sa.Engine) -> dict[str, int]:
    """How many rows there are."""
    with engine.connect() as connection:
        return {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in TABLES
        }


def the_call(engine: sa.Engine) -> Any:
    """The only one."""
    with engine.connect() as connection:
        return connection.execute(sa.select(calls)).one()


def test_a_message_is_entered_with_its_notice_and_nothing_is_left(engine: sa.Engine) -> None:
    asterisk, keeper = Asterisk(), Keeper()
    asterisk.serve(CHANNEL, *MESSAGE)
    controller = Controller(asterisk, engine, keeper)
    controller.look()
    call = the_call(engine)
    assert (call.disposition, call.reason, call.channel, call.caller) == ("message_left", "message", CHANNEL, CALLER)
    assert call.arrived_at == CAME
    assert counted(engine)["voicemail_messages"] == 1
    with engine.connect() as connection:
        told = connection.execute(sa.select(messages.c.kind, messages.c.attachment)).all()
    assert ("voicemail_notice", *keeper.folder) in [tuple(row) for row in told]
    assert (asterisk.keys, keeper.settled) == ([], [(SOURCE, True)])
    assert [verdict.reason.value for verdict in controller.verdicts] == ["message"]


def test_a_lost_call_is_apologised_for(engine: sa.Engine) -> None:
    asterisk = Asterisk()
    asterisk.serve(CHANNEL, *LOST)
    Controller(asterisk, engine, Keeper()).look()
    assert (the_call(engine).disposition, the_call(engine).reason) == ("lost", "nobody_answered")
    with engine.connect() as connection:
        assert "apology" in connection.execute(sa.select(messages.c.kind)).scalars().all()
        (leg,) = connection.execute(sa.select(legs)).all()
    assert (leg.destination, leg.outcome, leg.cause) == ("anna", "busy", 17)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("cleared", [0, 1, 3, 5])
def test_killed_between_commit_and_clearing_it_is_entered_once(engine: sa.Engine, cleared: int, held: bool) -> None:
    if held:
        begin(engine)
    asterisk, keeper = Asterisk(), Keeper()
    asterisk.serve(CHANNEL, *MESSAGE)
    asterisk.clears_left = cleared
    with pytest.raises(Killed):
        Controller(asterisk, engine, keeper).look()
    before, folder = counted(engine), set(keeper.folder)
    asterisk.clears_left = 100
    Controller(asterisk, engine, keeper).look()
    assert (counted(engine), keeper.folder, asterisk.keys) == (before, folder, [])
    assert before["calls"] == before["voicemail_messages"] == 1


@pytest.mark.parametrize("held", [False, True])
def test_two_controllers_at_once_enter_it_once(engine: sa.Engine, held: bool) -> None:
    asterisk, keepers = Asterisk(), (Keeper(), Keeper())
    asterisk.serve(CHANNEL, *MESSAGE)
    if held:
        begin(engine)

    async def at_once() -> None:
        barrier = asyncio.Barrier(2)
        for keeper in keepers:
            keeper.at_once = barrier
        both = [Controller(asterisk, engine, keeper, owner) for keeper, owner in zip(keepers, "ab", strict=True)]
        await asyncio.gather(*(each.intake.look(1) for each in both))

    asyncio.run(at_once())
    found = counted(engine)
    assert (found["calls"], found["voicemail_messages"]) == (1, 1)
    assert sorted(len(keeper.folder) for keeper in keepers) == [0, 1], "the copy of whoever came second is gone"
    with engine.connect() as connection:
        kinds = connection.execute(sa.select(call_events.c.kind)).scalars().all()
    assert kinds.count("fallback_took") == kinds.count("verdict") == 1


def begin(engine: sa.Engine) -> None:
    """A controller has the call, rings somebody, and is gone."""
    journal = SqlJournal(engine)
    at = CAME - timedelta(seconds=10)
    journal.opened(CallOpened("live", at, CALLER, CALLER, SALES, SALES, CHANNEL))
    journal.noted("live", Entry(0, Kind.ARRIVED, {}))
    journal.noted("live", Entry(5, Kind.STEP_BEGAN, {"step": 1, "kind": "dial"}))
    journal.noted("live", Entry(10, Kind.LEG_DIALED, {"leg": "live-1", "destination": "boris"}))
    assert journal.close()


def test_a_call_that_a_controller_had_begun_is_completed(engine: sa.Engine) -> None:
    begin(engine)
    asterisk = Asterisk()
    asterisk.serve(CHANNEL, *MESSAGE)
    Controller(asterisk, engine, Keeper()).look()
    call = the_call(engine)
    assert (call.id, call.disposition, call.ended_ms) == ("live", "message_left", 15000)
    with engine.connect() as connection:
        (leg,) = connection.execute(sa.select(legs)).all()
        query = sa.select(call_events.c.kind).order_by(call_events.c.seq)
        kinds = connection.execute(query).scalars().all()
    assert (leg.id, leg.outcome, leg.ended_ms) == ("live-1", "failed", 10000)
    assert kinds[:4] == ["arrived", "step_began", "leg_dialed", "fallback_took"]


@pytest.mark.fault("3")
@pytest.mark.parametrize("told", [LOST, MESSAGE])
def test_what_a_dead_controller_was_recording_is_a_message_of_the_call(
    engine: sa.Engine, told: tuple[str, ...]
) -> None:
    """FastAGI, which cannot read the journal, sends the caller on, who may hang up or speak again."""
    begin(engine)
    journal = SqlJournal(engine)
    journal.noted("live", Entry(20, Kind.RECORDING_BEGAN, {"name": BEFORE, "max_seconds": 180, "min_seconds": 2}))
    assert journal.close()
    asterisk, keeper = Asterisk(), Keeper()
    asterisk.serve(CHANNEL, *told)
    Controller(asterisk, engine, keeper).look()
    spoken = [BEFORE] if told == LOST else [SOURCE, BEFORE]
    assert the_call(engine).disposition == "message_left"
    assert counted(engine)["voicemail_messages"] == len(spoken)
    assert sorted(keeper.settled) == sorted((source, True) for source in spoken)


def test_a_call_that_another_way_has_closed_is_entered_beside_it(engine: sa.Engine) -> None:
    """Nothing changes a verdict once it is given, and no message is lost."""
    begin(engine)
    with engine.begin() as connection:
        connection.execute(sa.update(calls).values(disposition="lost", reason="line_lost", ended_at=CAME))
    asterisk = Asterisk()
    asterisk.serve(CHANNEL, *MESSAGE)
    Controller(asterisk, engine, Keeper()).look()
    with engine.connect() as connection:
        found = connection.execute(sa.select(calls.c.disposition).order_by(calls.c.arrived_at)).scalars().all()
    assert found == ["lost", "message_left"]


def gone(asterisk: Asterisk, word: str = "gone:::::caller") -> str:
    """A caller has left a controller that was dead; nobody but FastAGI has seen it. The id of his call."""
    at = round(CAME.timestamp() * 1000)
    asterisk.keys.append(f"1772442/{CHANNEL}:1:{at + 3000}:{word}:{CALLER}:{SALES}:{at}:ari-app")
    return call_id(CAME, "ari-app", CHANNEL)


@pytest.mark.fault("3")
def test_who_left_a_dead_controller_that_had_not_put_him_on_record_is_entered_once(engine: sa.Engine) -> None:
    asterisk = Asterisk()
    name = gone(asterisk)
    controller = Controller(asterisk, engine, Keeper())
    controller.now = CAME + timedelta(seconds=3) + UNHEARD_PATIENCE - timedelta(seconds=1)
    controller.look()
    assert counted(engine)["calls"] == 0, "the spool of the one that died may have it"
    controller.now += timedelta(seconds=1)
    controller.look()
    call = the_call(engine)
    assert (call.id, call.caller, call.reason) == (name, CALLER, "hung_up_while_ringing")
    assert not asterisk.keys
    late = SqlJournal(engine)
    late.opened(CallOpened(name, CAME, CALLER, CALLER, SALES, SALES, CHANNEL))
    assert late.close()
    assert the_call(engine).reason == "hung_up_while_ringing"


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("word", ["gone:::::caller", "unheard:ANSWER:boris:1500::caller"])
def test_of_a_call_on_record_only_the_end_of_a_talk_that_nobody_told_is_entered(
    engine: sa.Engine, word: str, closed: bool
) -> None:
    begin(engine)
    if closed:
        with engine.begin() as connection:
            connection.execute(sa.update(calls).values(disposition="lost", reason="line_lost", ended_at=CAME))
    asterisk = Asterisk()
    gone(asterisk, word)
    Controller(asterisk, engine, Keeper()).look()
    told = "lost" if closed else "answered" if word.startswith("unheard") else None
    assert the_call(engine).disposition == told
    assert not asterisk.keys


def test_a_call_that_lives_is_left_and_found_when_it_is_over(engine: sa.Engine) -> None:
    asterisk = Asterisk()
    asterisk.serve(CHANNEL, *LOST)
    asterisk.alive.add(CHANNEL)
    controller = Controller(asterisk, engine, Keeper())
    controller.look()
    assert counted(engine)["calls"] == 0
    asterisk.alive.clear()
    controller.look()
    assert counted(engine)["calls"] == 1


def test_where_nothing_has_happened_a_round_is_one_request(engine: sa.Engine) -> None:
    asterisk = Asterisk()
    controller = Controller(asterisk, engine, Keeper())
    controller.look()
    before = asterisk.requests
    controller.look()
    assert asterisk.requests - before == 1


def test_a_recording_that_cannot_be_had_is_waited_for_and_then_told(engine: sa.Engine) -> None:
    asterisk, keeper = Asterisk(), Keeper(trouble="the disk is full")
    asterisk.serve(CHANNEL, *MESSAGE)
    controller = Controller(asterisk, engine, keeper)
    controller.look()
    assert counted(engine)["calls"] == 0
    controller.now = CAME + PATIENCE + timedelta(minutes=1)
    controller.look()
    assert the_call(engine).reason == "no_message"
    with engine.connect() as connection:
        kinds = connection.execute(sa.select(call_events.c.kind)).scalars().all()
    assert "trouble" in kinds


def test_one_call_that_cannot_be_entered_holds_up_no_other(engine: sa.Engine) -> None:
    asterisk, keeper = Asterisk(), Keeper(trouble="the disk is full")
    asterisk.serve(CHANNEL, *MESSAGE)
    asterisk.serve(OTHER, *LOST)
    Controller(asterisk, engine, keeper).look()
    assert the_call(engine).channel == OTHER


def test_without_the_rules_nothing_is_entered(engine: sa.Engine) -> None:
    asterisk = Asterisk()
    asterisk.serve(CHANNEL, *LOST)
    controller = Controller(asterisk, engine, Keeper())
    controller.book.current = SchemeBook(loaded=False)
    controller.look()
    assert asterisk.requests == 0


def test_what_stands_in_the_way_is_told_once(engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    asterisk = Asterisk()
    asterisk.serve(CHANNEL, *LOST)
    asterisk.trouble = "GET asterisk/variable"
    controller = Controller(asterisk, engine, Keeper())
    with caplog.at_level(logging.WARNING, "ari_app.fallback.intake"):
        controller.look()
        controller.look()
    assert len(caplog.records) == 1
    asterisk.trouble = ""
    controller.look()
    assert counted(engine)["calls"] == 1


def test_messages_that_break_do_not_keep_a_call_out(engine: sa.Engine) -> None:
    asterisk = Asterisk()
    asterisk.serve(CHANNEL, *LOST)
    controller = Controller(asterisk, engine, Keeper())
    controller.book.messages = None  # type: ignore[assignment]  # on purpose
    controller.look()
    assert the_call(engine).disposition == "lost"

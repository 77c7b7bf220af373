"""Killed (-9) at any line: at most one SMS a call, and every message ends in a state that says what is known of it.

Each line is tried as it is come to for the first and for the last time. So does ``OUTBOX_KILLS=all`` on PostgreSQL and
in every test, which takes minutes; without it, all but the first test leave most of them out, and so does PostgreSQL.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import ari_app
from ari_app.core.delivery import State
from ari_app.core.outcomes import LegOutcome
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, Reason, Verdict
from ari_app.outbox import DEAD_SECONDS
from ari_app.ports import CallClosed, CallOpened, CallRouted, LegRecord
from ari_app.storage.journal import SqlJournal
from ari_app.storage.outbox import open_for_sending
from ari_app.storage.outbox_schema import messages
from ari_app.storage.records import calls
from tests.outbox import smsc
from tests.outbox.clocks import NOON, Clock
from tests.outbox.killing import killed_at, moments_of
from tests.outbox.messages import OURS, a_call, a_rule, apology, history, mobile, queue, the
from tests.outbox.senders import TestSender, hasty
from tests.outbox.smsc import SmscGateway, say

ALL = os.environ.get("OUTBOX_KILLS") == "all"
STEP = {"sqlite": 1, "postgresql": 1 if ALL else 15}
OTHER = 1 if ALL else 5
PACKAGE = Path(ari_app.__file__).parent
SENDING = (PACKAGE / "outbox.py", *PACKAGE.glob("storage/outbox*.py"), PACKAGE / "storage/receipts.py")
WATCHED = (*(str(path) for path in SENDING), str(smsc.__file__))
JOURNAL = tuple(str(PACKAGE / f"storage/{name}.py") for name in ("batch", "batch_writer", "intents", "journal"))


@pytest.fixture
def port() -> Iterator[int]:
    with smsc.smsc() as found:
        yield found


class Trial:
    """One message a line: queued, sent by a child that is killed, and seen to by another sender afterwards."""

    def __init__(self, url: str, gateways: Callable[[], list[SmscGateway]], port: int) -> None:
        self._gateways = gateways
        self._port = port
        self._numbers = itertools.count(1)
        self.engine = hasty(open_for_sending(url))
        self._rule = a_rule(self.engine)

    def queue(self) -> tuple[int, str]:
        """An apology for a call of its own; its id and recipient."""
        number = mobile(next(self._numbers))
        call = a_call(self.engine, f"call {number}", caller=number)
        intent = apology(call, self._rule, recipient=number, client=number)
        (message_id,) = queue(self.engine, intent)
        self.engine.dispose()  # the child shares no connection
        return message_id, number

    def send(self) -> None:
        """What the child does. The engine has no connection yet, but knows its statements: a run is quick."""
        TestSender(self.engine, Clock(), self._gateways()).run()

    def see_to_it(self) -> None:
        """What others do when the sender has not come back: claim what it held, find it dead, ask."""
        clock = Clock(NOON + timedelta(minutes=2))
        other = TestSender(self.engine, clock, self._gateways())
        while other.run() or self._unsettled():
            other.outbox.rescue()
            clock.pass_by(DEAD_SECONDS + 31)
            other.outbox.rescue()
            other.outbox.ask()
            clock.pass_by(601)
            other.outbox.ask()

    def _unsettled(self) -> bool:
        """Whether something is queued or being sent, or is still to be asked about for the first time."""
        query = sa.select(1).where(
            sa.or_(
                messages.c.state.in_(["queued", "sending"]),
                sa.and_(messages.c.state == "unknown", messages.c.ask_at < NOON + timedelta(minutes=30)),
            )
        )
        with self.engine.connect() as connection:
            return connection.scalar(query.limit(1)) is not None

    def taken(self, number: str) -> int:
        """How many SMS the provider has sent there."""
        return int(say(self._port, f"COUNT {number}"))


def chosen(moments: list[int], step: int) -> list[int]:
    """Every so manieth, and the last ones, when the work is all but done."""
    return sorted({*moments[::step], *moments[-6:]})


def kill_everywhere(trial: Trial, step: int, check: Callable[[int, str], None]) -> int:
    """Kill at every ``step``-th moment; how many runs there were."""
    trial.queue()
    trial.send()
    trial.queue()
    moments = moments_of(trial.send, WATCHED)
    assert len(moments) > 150
    runs = 0
    for line in chosen(moments, step):
        message_id, number = trial.queue()
        killed_at(line, trial.send, WATCHED)
        trial.see_to_it()
        try:
            check(message_id, number)
        except AssertionError as error:
            raise AssertionError(
                f"killed at moment {line} of {moments[-1]}: {history(trial.engine, message_id)}"
            ) from error
        runs += 1
    return runs


@pytest.mark.promise("OUR-04")
@pytest.mark.fault("29")
def test_a_gateway_that_can_be_asked_sends_exactly_one(url: str, port: int) -> None:
    trial = Trial(url, lambda: [SmscGateway(port)], port)

    def one(message_id: int, number: str) -> None:
        assert trial.taken(number) == 1
        assert the(trial.engine, message_id).state is State.SENT

    kill_everywhere(trial, STEP[trial.engine.dialect.name], one)
    trial.engine.dispose()


@pytest.mark.promise("OUR-04")
@pytest.mark.fault("29")
def test_a_gateway_that_cannot_be_asked_sends_one_at_most_and_what_is_not_known_is_told(url: str, port: int) -> None:
    trial = Trial(url, lambda: [SmscGateway(port, can_ask=False)], port)
    found: list[tuple[int, State]] = []

    def one_at_most(message_id: int, number: str) -> None:
        state = the(trial.engine, message_id).state
        found.append((trial.taken(number), state))
        assert found[-1] in ((0, State.UNKNOWN), (1, State.UNKNOWN), (1, State.SENT))

    kill_everywhere(trial, OTHER * STEP[trial.engine.dialect.name], one_at_most)
    assert (1, State.SENT) in found
    assert (1, State.UNKNOWN) in found
    trial.engine.dispose()


@pytest.mark.promise("OUR-04")
@pytest.mark.fault("28")
@pytest.mark.fault("29")
def test_a_line_dropped_after_the_sms_was_taken_doubles_nothing_wherever_we_are_killed(url: str, port: int) -> None:
    trial = Trial(url, lambda: [SmscGateway(port, drops=True)], port)

    def one(message_id: int, number: str) -> None:
        assert trial.taken(number) == 1
        assert the(trial.engine, message_id).state is State.SENT, "asked by our id, it is known to have been sent"

    kill_everywhere(trial, OTHER * STEP[trial.engine.dialect.name], one)
    trial.engine.dispose()


@pytest.mark.promise("OUR-04")
@pytest.mark.fault("29")
def test_turning_to_the_next_gateway_doubles_nothing_wherever_we_are_killed(url: str, port: int) -> None:
    closed = 1  # nobody listens there
    trial = Trial(url, lambda: [SmscGateway(closed, "first", can_ask=False), SmscGateway(port, "second")], port)

    def one_at_most(message_id: int, number: str) -> None:
        message = the(trial.engine, message_id)
        assert trial.taken(number) <= 1
        # Killed while the first was tried, which cannot be asked: nobody knows. Else the second sends it, or has.
        assert (message.state, message.gateway) in ((State.UNKNOWN, "first"), (State.SENT, "second"))

    kill_everywhere(trial, OTHER * STEP[trial.engine.dialect.name], one_at_most)
    trial.engine.dispose()


def whole_call(url: str, call_id: str, rule: int) -> None:
    """A call as the controller tells it, from its arrival to its end and the apology that this brings."""
    engine = hasty(open_for_sending(url))
    journal = SqlJournal(engine, gather_seconds=0.0)
    journal.opened(CallOpened(call_id, NOON, mobile(1), "1", OURS, OURS))
    journal.routed(CallRouted(call_id, OURS, "Office", "1", "Always"))
    journal.noted(call_id, Entry(5, Kind.LEG_DIALED, {"leg": "1"}))
    outcome = LegRecord(call_id, f"{call_id}-1", 1, "lab", 5, None, None, 9, LegOutcome.BUSY, 17, "")
    journal.leg(outcome)
    journal.flush()
    journal.noted(call_id, Entry(10, Kind.VERDICT, {}))
    verdict = Verdict(Disposition.LOST, Reason.NOBODY_ANSWERED)
    intents = tuple(apology(call_id, rule, key=f"{call_id}/{number}") for number in range(2))
    journal.closed(CallClosed(call_id, NOON, verdict, None, 10, intents))
    assert journal.close()


@pytest.mark.promise("OUR-04")
@pytest.mark.fault("29")
def test_the_end_of_a_call_and_its_messages_are_written_together_or_not_at_all(url: str) -> None:
    engine = open_for_sending(url)
    rule = a_rule(engine)
    engine.dispose()
    moments = moments_of(lambda: whole_call(url, "first", rule), JOURNAL)
    assert len(moments) > 150
    both, neither = 0, 0
    for line in chosen(moments, (1 if ALL else 2) * STEP[engine.dialect.name]):
        call_id = f"call {line}"
        killed_at(line, lambda call_id=call_id: whole_call(url, call_id, rule), JOURNAL)  # type: ignore[misc]
        with engine.connect() as connection:
            verdict = connection.scalar(sa.select(calls.c.disposition).where(calls.c.id == call_id))
            brought = sa.select(sa.func.count()).select_from(messages).where(messages.c.call_id == call_id)
            found = connection.execute(brought).scalar_one()
        engine.dispose()
        assert found == (2 if verdict else 0), f"killed at line {line}"
        both, neither = both + bool(verdict), neither + (not verdict)
    assert both
    assert neither

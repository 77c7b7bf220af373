"""What the journal shows of calls that are over, read for a replay and for the report of unanswered calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ari_app.core.outcomes import LegOutcome
from ari_app.core.unanswered import Ended
from ari_app.core.verdict import Disposition
from ari_app.replaying import PastLeg
from ari_app.storage.past_calls import past_calls
from ari_app.storage.records import call_events, calls, legs, voicemail_messages
from ari_app.storage.schema import schemes
from ari_app.storage.unanswered import ended_calls, zones

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EMPTY = {"caller_raw": "", "dialled_raw": "", "dialled": "+74950000101"}


def a_call(call_id: str, minutes: int, **values: Any) -> dict[str, Any]:
    ended = {"disposition": "lost", "reason": "nobody_answered", "ended_at": MONDAY, "ended_ms": 40_000}
    row = {"id": call_id, "arrived_at": MONDAY + timedelta(minutes=minutes), **EMPTY, "number": None, "scheme": None}
    return {**row, "direction": "inbound", "answered_ms": None, **ended, **values}


LIVE = {"disposition": None, "reason": None, "ended_at": None, "ended_ms": None}
CALLS = [
    a_call("before", -1),
    a_call("left-word", 0, disposition="message_left", reason="message", scheme="Office", number="+74950000102"),
    a_call("answered", 1, disposition="answered", reason="talked", answered_ms=7_500),
    a_call("ours", 2, direction="outbound", disposition="answered", reason="talked"),
    a_call("live", 3, **LIVE),
    a_call("after", 10),
]


def a_leg(leg_id: str, call_id: str, outcome: str, dialed: int, *ends: int) -> Any:
    ended, answered = (*ends, None)[:2]
    row = {"id": leg_id, "call_id": call_id, "step": 1, "destination": leg_id, "outcome": outcome, "cause": 17}
    return {**row, "dialed_ms": dialed, "ended_ms": ended, "answered_ms": answered}


LEGS = [
    a_leg("second", "left-word", "beamed_up", 150, 20_150),
    a_leg("first", "left-word", "busy", 10, 150),
    a_leg("desk", "answered", "answered", 500, 60_000, 7_500),
    a_leg("slower", "answered", "answered_elsewhere", 500, 7_600, 7_520),
]


@pytest.fixture
def journal(engine: sa.Engine) -> sa.Engine:
    with engine.begin() as connection:
        connection.execute(sa.insert(calls), CALLS)
        connection.execute(sa.insert(legs), LEGS)
        events = [("left-word", 1, "prompt_began", 100), ("left-word", 2, "prompt_began", 20_200)]
        rows = [{"call_id": c, "seq": s, "kind": k, "at_ms": at, "details": {}} for c, s, k, at in events]
        connection.execute(sa.insert(call_events), rows)
        connection.execute(sa.insert(voicemail_messages), {"name": "v", "call_id": "left-word", "length_ms": 8_100})
        rows = [{"name": name, "time_zone": zone} for name, zone in (("Office", "Europe/Kyiv"), ("Odd", "Mars/Base"))]
        connection.execute(sa.insert(schemes), rows)
    return engine


@pytest.mark.promise("OUR-07")
def test_a_replay_reads_what_callers_and_destinations_did(journal: sa.Engine) -> None:
    with journal.connect() as connection:
        word, talk = past_calls(connection, MONDAY, MONDAY + timedelta(minutes=10))
        assert [call.id for call in past_calls(connection, MONDAY, None)] == ["left-word", "answered", "after"]
    assert (word.id, word.at, word.scheme, word.disposition) == (
        "left-word",
        MONDAY,
        "Office",
        Disposition.MESSAGE_LEFT,
    )
    assert (word.prompt_seconds, word.message_seconds, word.waited, word.leaves_message) == (20.2, 8.1, 20.2, True)
    assert word.legs == (
        PastLeg("first", LegOutcome.BUSY, 0.14, 17),
        PastLeg("second", LegOutcome.NO_ANSWER, 20.0, 17),
    )
    assert (talk.answered_seconds, talk.waited, talk.leaves_message) == (7.5, 7.5, None)
    assert [(leg.destination, leg.outcome, leg.seconds) for leg in talk.legs] == [
        ("desk", LegOutcome.ANSWERED, 7.0),
        ("slower", LegOutcome.ANSWERED, 7.02),
    ], "who picked up a moment too late would have answered, too"


@pytest.mark.promise("CAL-11")
def test_the_report_reads_inbound_calls_that_are_over(journal: sa.Engine) -> None:
    with journal.connect() as connection:
        found = list(ended_calls(connection, MONDAY, MONDAY + timedelta(minutes=10)))
        assert len(list(ended_calls(connection, None, None))) == 4
        assert zones(connection).keys() == {"Office"}
    assert sorted(found) == [
        Ended(MONDAY, "+74950000102", "Office", None, Disposition.MESSAGE_LEFT),
        Ended(MONDAY + timedelta(minutes=1), "+74950000101", None, None, Disposition.ANSWERED),
    ]

"""Turns and talks in SQL: what one controller did, another one knows; the later counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ari_app.core.ring_order import Turn
from ari_app.core.timeline import Entry, Kind, Scalar
from ari_app.core.verdict import Disposition, Reason, Verdict
from ari_app.ports import CallClosed, CallOpened
from ari_app.ring_turns import Talk, TurnTaken
from ari_app.storage.batch import Batch
from ari_app.storage.database import open_database
from ari_app.storage.ring_rows import LATE, REMEMBERED, RingRows, known_turns
from ari_app.storage.ring_schema import last_talks

NOW = datetime.now(UTC).replace(microsecond=0)
OFFICE = Turn("Office", "Always", 1)


class Heard:
    """What a controller is told."""

    def __init__(self) -> None:
        self.turns: list[TurnTaken] = []
        self.talks: list[Talk] = []
        self.anew = False

    def resume(self, turns: Iterable[TurnTaken], talks: Iterable[Talk], *, anew: bool) -> None:
        self.turns, self.talks, self.anew = list(turns), list(talks), anew


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def taken(destination: str, at: datetime, turn: Turn = OFFICE) -> Entry:
    told: dict[str, Scalar] = {
        "step": turn.step,
        "strategy": "round_robin",
        "scheme": turn.scheme,
        "branch": turn.branch,
    }
    return Entry(0, Kind.RING_ORDER, {**told, "first": destination, "at": at.isoformat()})


def write(engine: sa.Engine, *entries: Entry, call_id: str = "c") -> None:
    opened = CallOpened(call_id, NOW, "+79161112233", "", "+74950000101", "")
    with engine.begin() as connection:
        Batch([opened, *((call_id, number, entry) for number, entry in enumerate(entries))]).write(connection)


def talked(engine: sa.Engine, call_id: str, caller: str | None, whom: str | None, at: datetime) -> None:
    opened = CallOpened(call_id, at, caller, "", "+74950000101", "")
    verdict = Verdict(Disposition.ANSWERED, Reason.TALKED, whom) if whom else Verdict(Disposition.LOST, Reason.LOOP)
    closed = CallClosed(call_id, at, verdict, 5, 9)
    with engine.begin() as connection:
        batch = Batch([opened, closed])
        batch.write(connection)
        batch.write(connection)


def tell(rows: RingRows) -> None:
    asyncio.run(rows.tell())


@pytest.mark.promise("FLD-01")
def test_of_a_turn_that_is_taken_twice_the_later_time_is_kept(engine: sa.Engine) -> None:
    write(engine, taken("anna", ago(9)), taken("anna", ago(5)), taken("anna", ago(7)), taken("boris", ago(8)))
    write(engine, taken("anna", ago(6)), Entry(0, Kind.RING_ORDER, {"step": 1, "strategy": "random"}), call_id="d")
    heard = Heard()
    tell(RingRows(engine, heard.resume))
    assert sorted(heard.turns, key=str) == [TurnTaken(OFFICE, "anna", ago(5)), TurnTaken(OFFICE, "boris", ago(8))]


@pytest.mark.promise("FLD-01")
def test_who_talked_with_whom_is_kept_with_the_call_s_end(engine: sa.Engine) -> None:
    talked(engine, "1", "+79161112233", "anna", ago(50))
    talked(engine, "2", "+79161112233", "anna", ago(40))
    talked(engine, "3", "+79161112233", "anna", ago(45))
    talked(engine, "4", None, "boris", ago(30))
    talked(engine, "5", "+79161112233", None, ago(20))
    heard = Heard()
    tell(RingRows(engine, heard.resume))
    assert heard.talks == [Talk("", "boris", ago(30)), Talk("+79161112233", "anna", ago(40))]


def test_after_the_first_time_only_what_is_new_is_read_and_what_is_old_is_forgotten(engine: sa.Engine) -> None:
    now = datetime.now(UTC)  # not that of the module's import, which may be a minute ago
    write(engine, taken("anna", now - 2 * LATE), taken("boris", now))
    talked(engine, "1", "+79161112233", "anna", now - REMEMBERED - timedelta(days=1))
    talked(engine, "2", "+79161112233", "boris", now - 2 * LATE)
    heard = Heard()
    rows = RingRows(engine, heard.resume)
    tell(rows)
    assert [turn.destination for turn in heard.turns] == ["anna", "boris"]
    assert ([talk.destination for talk in heard.talks], heard.anew) == (["boris"], True)
    tell(rows)
    assert ([turn.destination for turn in heard.turns], heard.talks, heard.anew) == (["boris"], [], False)
    with engine.connect() as connection:
        assert list(connection.scalars(sa.select(last_talks.c.destination))) == ["boris"]


def test_while_the_database_is_away_it_is_told_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    rows = RingRows(open_database(f"sqlite:///{tmp_path / 'nowhere.db'}"), heard.resume)
    with caplog.at_level(logging.WARNING):
        tell(rows)
        tell(rows)
    assert [record.message.split(",")[0] for record in caplog.records] == ["whose turn it is cannot be read"]


def test_simulate_goes_by_what_a_controller_would_know(engine: sa.Engine) -> None:
    write(engine, taken("anna", ago(9)))
    with engine.connect() as connection:
        known = known_turns(connection)
    assert known.begun(OFFICE) == {"anna": ago(9)}

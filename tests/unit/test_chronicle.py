"""The record of a call and of its legs."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.chronicle import Chronicle
from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.core.scheme import Destination, TargetKind
from ari_app.core.timeline import Kind
from ari_app.virtual_time import run
from tests.fakes.scripted import Notebook

DESK = Destination(TargetKind.ENDPOINT, "desk", 20)


@pytest.mark.promise("OUR-01")
def test_a_leg_is_written_once_and_nothing_said_after_its_end_counts() -> None:
    async def main() -> Notebook:
        journal = Notebook()
        chronicle = Chronicle("call", journal)
        leg = chronicle.leg(1, "call-1", DESK)
        await asyncio.sleep(2)
        leg.ended(LegEnd(LegOutcome.BUSY, 17, "User busy"))
        await asyncio.sleep(1)
        leg.rang()
        leg.ended(LegEnd(LegOutcome.FAILED, 38))
        assert chronicle.now_ms == 3000
        assert chronicle.happened(Kind.LEG_ENDED)
        assert not chronicle.happened(Kind.LEG_RANG)
        return journal

    journal = run(main())
    (record,) = journal.legs
    assert (record.outcome, record.cause, record.cause_text, record.ended_ms, record.rang_ms) == (
        LegOutcome.BUSY,
        17,
        "User busy",
        2000,
        None,
    )
    assert [entry.kind for entry in journal.timeline] == [Kind.LEG_DIALED, Kind.LEG_ENDED]


def test_ringing_is_noted_once() -> None:
    async def main() -> Notebook:
        journal = Notebook()
        leg = Chronicle("call", journal).leg(1, "call-1", DESK)
        leg.rang()
        leg.rang()
        return journal

    assert [entry.kind for entry in run(main()).timeline] == [Kind.LEG_DIALED, Kind.LEG_RANG]

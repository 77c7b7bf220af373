"""What schemes rang outside today, read off the journal after a start."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ari_app.storage.outside_calls import OutsideCalls, Rung
from ari_app.storage.records import calls, legs
from ari_app.storage.schema import schemes

BEGAN = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
"""22:00 in Kyiv; 06:00 of the next day in Vladivostok."""
SCHEMES = {"Kyiv": "Europe/Kyiv", "Vladivostok": "Asia/Vladivostok", "Quiet": "UTC"}
CALLS: dict[str, tuple[str | None, datetime]] = {
    "yesterday": ("Kyiv", datetime(2026, 3, 1, 21, 59, tzinfo=UTC)),
    "midnight": ("Kyiv", datetime(2026, 3, 1, 22, 0, tzinfo=UTC)),
    "evening": ("Kyiv", BEGAN - timedelta(seconds=1)),
    "ours": ("Kyiv", BEGAN),
    "their yesterday": ("Vladivostok", datetime(2026, 3, 2, 13, 59, tzinfo=UTC)),
    "their midnight": ("Vladivostok", datetime(2026, 3, 2, 14, 0, tzinfo=UTC)),
    "without": (None, BEGAN - timedelta(hours=1)),
    "removed": ("Gone", BEGAN - timedelta(hours=1)),
}
MOBILE, OTHER = "+79160000003", "+48221112233"
LEGS: dict[str, list[tuple[str, str]]] = {
    "midnight": [(MOBILE, "busy"), (OTHER, "answered"), ("desk", "answered_elsewhere")],
    "evening": [(MOBILE, "no_answer"), (MOBILE, "refused"), (OTHER, "over_cap")],
}


@pytest.fixture
def journal(engine: sa.Engine) -> sa.Engine:
    with engine.begin() as connection:
        connection.execute(sa.insert(schemes), [{"name": name, "time_zone": zone} for name, zone in SCHEMES.items()])
        empty = {"caller_raw": "", "dialled_raw": ""}
        rows = [{"id": name, "scheme": scheme, "arrived_at": at, **empty} for name, (scheme, at) in CALLS.items()]
        connection.execute(sa.insert(calls), rows)
        connection.execute(sa.insert(legs), [leg for name in CALLS for leg in _legs(name)])
    return engine


def _legs(call_id: str) -> list[dict[str, Any]]:
    common = {"call_id": call_id, "step": 1, "dialed_ms": 0, "ended_ms": 9, "cause": 0}
    rung = enumerate(LEGS.get(call_id, [(MOBILE, "busy")]))
    return [{"id": f"{call_id} {n}", "destination": to, "outcome": outcome, **common} for n, (to, outcome) in rung]


def told(*readings: OutsideCalls) -> None:
    async def go() -> None:
        for reading in readings:
            await reading.tell()

    asyncio.run(go())


def test_each_scheme_s_own_day_is_told_once(journal: sa.Engine) -> None:
    heard: list[list[Rung]] = []
    reading = OutsideCalls(journal, lambda found: heard.append(list(found)), BEGAN, lambda: True)
    told(reading, reading)
    assert [sorted(found) for found in heard] == [[("Kyiv", date(2026, 3, 2), 3), ("Vladivostok", date(2026, 3, 3), 1)]]


def test_a_database_that_is_away_or_behind_is_asked_again(journal: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Rung] = []
    behind = [True]
    reading = OutsideCalls(journal, heard.extend, BEGAN, lambda: not behind[0])
    told(reading)
    assert (heard, reading.told) == ([], False)
    behind[0] = False
    away = OutsideCalls(sa.create_engine("sqlite:////nowhere/at/all.db"), heard.extend, BEGAN, lambda: True)
    told(away, away)
    assert (heard, away.told) == ([], False)
    assert ["cannot be read yet" in line for line in caplog.messages] == [True]
    told(reading)
    assert len(heard) == 2

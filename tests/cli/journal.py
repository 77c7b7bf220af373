"""Puts calls into a journal as the controller does: by its engine, its performers and its SQL journal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from ari_app import virtual_time
from ari_app.call import Exchange, conduct
from ari_app.core.numbering import normalise
from ari_app.core.outcomes import Recorded
from ari_app.core.scheme import SchemeBook
from ari_app.ports import CallOpened
from ari_app.settings import load
from ari_app.simulation import CallerScript, LegScript, ScriptedLine, parse_outcomes
from ari_app.storage.book import load_book
from ari_app.storage.database import open_database, snapshot
from ari_app.storage.journal import SqlJournal

STAYS = CallerScript()
ARRIVED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class OneBook:
    """A book that never changes."""

    current: SchemeBook


class Keeper:
    """Believes the script about what was spoken."""

    def __init__(self, line: ScriptedLine) -> None:
        self._line = line

    def new_name(self) -> str:
        return "voicemail-of-the-test"

    async def take(self, name: str) -> Recorded:
        seconds = self._line.recording.seconds if self._line.recording else 0.0
        return Recorded(name, seconds, seconds)

    def keep(self, name: str) -> None: ...

    def discard(self, name: str) -> None: ...


def journalled(
    call_id: str,
    dialled: str,
    outcomes: str = "",
    caller: CallerScript = STAYS,
    *,
    at: datetime = ARRIVED,
    caller_raw: str = "+79161112233",
) -> None:
    """One call, from its arrival to its verdict, in the database of the environment's settings."""
    settings = load()
    engine = open_database(settings.database_url)
    with snapshot(engine).begin() as connection:
        book = load_book(connection, settings.dial_policy, settings.default_greeting).book
    journal = SqlJournal(engine)
    called = (normalise(caller_raw, "RU"), caller_raw, normalise(dialled, "RU"), dialled)
    opened = CallOpened(call_id, at, *called, "channel")

    async def go(legs: tuple[LegScript, ...]) -> None:
        line = ScriptedLine(legs, caller)
        await conduct(opened, line, Exchange(OneBook(book), journal, Keeper(line), settings.default_steps))
        await asyncio.sleep(0)

    virtual_time.run(go(parse_outcomes(outcomes)))
    journal.close()
    engine.dispose()

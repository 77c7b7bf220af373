"""Looks for calls that the dialplan served without a controller, and enters each into the journal, once."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from ari_app.ari.errors import AriError
from ari_app.core.fallback_notes import FallbackNote, Word
from ari_app.core.outcomes import Recorded
from ari_app.fallback.case import Case, Desk, moment
from ari_app.storage.fallback_rows import FallbackRows, HeldCall

log = logging.getLogger(__name__)

PATIENCE = timedelta(hours=1)
"""So long after its end a call waits for its recording to be had; then it is entered without."""


UNHEARD_PATIENCE = timedelta(seconds=10)
"""A controller that has heard a call's end has it in the journal by then, or in its spool."""


class Notes(Protocol):
    """The dialplan's notes; all may raise AriError."""

    async def changes(self) -> str:
        """A word that is another one whenever there may be something new."""

    async def read(self) -> Mapping[str, tuple[FallbackNote, ...]]:
        """The notes of every call, by its channel."""

    async def live(self) -> frozenset[str]:
        """The channels that live."""

    async def clear(self, notes: Sequence[FallbackNote]) -> None:
        """Remove notes, in their order."""


class Keeper(Protocol):
    """Takes recordings into keeping, under a name of our own."""

    async def take(self, name: str, source: str) -> Recorded:
        """Fetch and keep it; trouble is told in the result."""

    async def settle(self, name: str, source: str, *, kept: bool) -> None:
        """Do what is left to do, and remove it at its source; and here, unless it is ``kept``."""


class FallbackIntake:
    """Looks for calls that are over, and enters them. A call whose notes cannot be dealt with now stays in Asterisk."""

    def __init__(self, notes: Notes, rows: FallbackRows, keeper: Keeper, desk: Desk) -> None:
        self._notes = notes
        self._rows = rows
        self._keeper = keeper
        self._desk = desk
        self._seen: object = None
        self._trouble = ""
        self._looking = asyncio.Lock()

    async def look(self, connection: object) -> None:
        """One round; a single request when nothing has happened since the last on this ``connection``."""
        if not self._desk.book.current.loaded:
            return  # without the rules nobody would be told of what is entered
        async with self._looking:
            try:
                seen = connection, await self._notes.changes()
                if seen != self._seen and await self._round():
                    self._seen = seen
                self._trouble = ""
            except (AriError, SQLAlchemyError) as error:
                why = f"calls without a controller are entered later: {getattr(error, 'orig', None) or error}"
                if why != self._trouble:
                    self._trouble = why
                    log.warning("%s", why)

    async def close(self) -> None:
        """Wait for a round under way."""
        async with self._looking:
            pass

    async def _round(self) -> bool:
        """Enter what is over; whether nothing is left to come back for."""
        found = await self._notes.read()
        live = await self._notes.live() if found else frozenset()
        done = True
        for channel, notes in found.items():
            done = channel not in live and await self._deal_with(channel, notes) and done
        return done

    async def _deal_with(self, channel: str, notes: tuple[FallbackNote, ...]) -> bool:
        """Enter the call, if that has not been done, and remove what is left of it; False: not now."""
        if not await asyncio.to_thread(self._rows.entered, channel):
            held = await asyncio.to_thread(self._rows.held, channel)
            if notes[0].word in (Word.UNHEARD, Word.GONE):
                if await self._is_a_controllers(channel, notes[0], held):
                    await self._notes.clear(notes)
                    return True
                # It may have been heard after all, by a controller that came back in time: that one closes the row.
                # Or it was on its way into the journal, and will be found in a spool.
                if self._desk.now() < moment(notes[0].at_ms) + UNHEARD_PATIENCE:
                    return False
            if not await self._enter(Case.of(channel, notes, held, self._desk)):
                return False
        begun = await asyncio.to_thread(self._rows.recordings, channel)
        for source in dict.fromkeys([*(note.part(0) for note in notes if note.word == Word.RECORD), *begun]):
            if await asyncio.to_thread(self._rows.is_message, source):
                continue  # a controller took it, under its name
            name = self._own_name(source)
            kept = await asyncio.to_thread(self._rows.is_message, name)
            await self._keeper.settle(name, source, kept=kept)
        # The first note is the last to go: what is left of a call that was not cleared whole still says whose it is.
        await self._notes.clear(notes[::-1])
        return True

    async def _is_a_controllers(self, channel: str, note: FallbackNote, held: HeldCall | None) -> bool:
        """Whether some controller has told how the call went, or will: of a call that is open, a talk's end alone is
        news to the one that goes on with it."""
        if held is not None:
            return note.word == Word.GONE
        return await asyncio.to_thread(self._rows.known, channel)

    async def _enter(self, case: Case) -> bool:
        """False: its recording cannot be had now, and is waited for. Whoever is first enters it."""
        recorded = [
            (recording, await self._keeper.take(self._own_name(recording.name), recording.name))
            for recording in case.story.recordings
        ]
        if any(each.waits_at for _, each in recorded) and self._desk.now() < case.ended_at + PATIENCE:
            return False
        call = case.closed(recorded)
        if await asyncio.to_thread(self._rows.enter, call):
            self._desk.entered(call.closed.verdict)
            log.info("%s", case.told(call.closed.verdict), extra={"shown": (case.dialled or case.dialled_raw,)})
        return True

    def _own_name(self, source: str) -> str:
        """What a recording is called in our folder: not to be guessed, for its name at Asterisk is not; the same each
        time it is taken; and another one in the folder of another controller, or beside it in the same."""
        return f"voicemail-{hashlib.sha256(f'{self._desk.owner}/{source}'.encode()).hexdigest()[:32]}"

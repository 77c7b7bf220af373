"""Performs menus: asks the caller for a key, so often as the menu says, and tells where the call goes on."""

from __future__ import annotations

import asyncio
from asyncio import Future

from ari_app.chronicle import Chronicle
from ari_app.core.engine import Chosen
from ari_app.core.outcomes import PlayEnd
from ari_app.core.scheme import MenuStep
from ari_app.core.standing import Standing
from ari_app.core.timeline import Kind
from ari_app.ports import Line
from ari_app.voicemail import Prompting


class Menu:
    """Menus of one call. Keys count from the moment that the menu begins, also while its greeting plays."""

    def __init__(self, line: Line, chronicle: Chronicle) -> None:
        self._line = line
        self._chronicle = chronicle
        self._prompting = Prompting(line, chronicle)

    async def perform(self, step: MenuStep, at: Standing | None = None) -> Chosen:
        """Ask until a key is a choice or all tries are used up. One that another process began is gone on with: a
        greeting that plays is heard out; what was pressed while nobody listened is asked for again."""
        keys = self._line.keys
        keys.forget()
        asked = at.asked if at is not None else 0
        if at is not None and at.prompt_begun and at.prompt is None:
            key = keys.next()
            if await self._prompting.play_on(step.greeting, key) and (chosen := await self._chosen(step, key)):
                return chosen
        for _ in range(asked, step.retries + 1):
            key = keys.next()
            end = await self._prompting.play(step.greeting, until=key)
            if chosen := await self._chosen(step, key):
                return chosen
            if end is PlayEnd.FAILED:
                break  # who cannot be asked is not kept waiting again and again
        return Chosen(step.otherwise, by_key=False)

    async def _chosen(self, step: MenuStep, key: Future[str]) -> Chosen | None:
        """What the key leads to, if it comes in time and is a choice."""
        await asyncio.wait([key], timeout=step.wait_seconds)
        if not key.done():
            self._chronicle.note(Kind.NO_KEY, seconds=step.wait_seconds)
            return None
        choice = step.choice(key.result())
        self._chronicle.note(Kind.KEY_PRESSED, key=key.result(), leads=choice.label if choice is not None else None)
        return Chosen(choice.goal) if choice is not None else None

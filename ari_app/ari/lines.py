"""The live calls of one controller at Asterisk: a line and a task each, and whom their events are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ari_app.ari.client import AriClient
from ari_app.ari.events import Channel
from ari_app.ari.line import AriLine
from ari_app.ari.registry import Registry
from ari_app.core.outcomes import CallerEnd
from ari_app.dialstring import DialTemplates


class Lines:
    """Every line that is conducted. ``client`` is asked for each time, for it is there only once we are started.

    ``heard`` is set while events come. ``on_lost`` is called when the last call has ended that Asterisk, or we, lost.
    """

    def __init__(
        self,
        client: Callable[[], AriClient],
        app: str,
        dial: DialTemplates,
        longest_seconds: float,
        on_lost: Callable[[], None],
    ) -> None:
        self.registry = Registry()
        self.tasks: set[asyncio.Task[None]] = set()
        self.heard = asyncio.Event()
        self.given_up: set[str] = set()
        """Channels of calls that were given up for lost: should one live after all, its call is over."""
        self._client = client
        self._app = app
        self._dial = dial
        self._longest_seconds = longest_seconds
        self._on_lost = on_lost
        self._lines: dict[str, AriLine] = {}

    def __contains__(self, channel_id: str) -> bool:
        return channel_id in self._lines

    @property
    def all(self) -> Sequence[AriLine]:
        """Those that there are now."""
        return tuple(self._lines.values())

    def line(self, channel: Channel) -> AriLine:
        """A line for a caller, registered for his events."""
        line = AriLine(
            self._client(),
            self.registry,
            self._app,
            self._dial,
            channel,
            longest_seconds=self._longest_seconds,
            heard=self.heard,
        )
        self.registry.add(line.channel_id, line)
        self._lines[line.channel_id] = line
        return line

    def begin(self, line: AriLine, conduct: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
        """Have it conducted, in a task of its own."""
        task = asyncio.create_task(self._take(line, conduct), name=f"call {line.channel_id}")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _take(self, line: AriLine, conduct: Callable[[], Awaitable[object]]) -> None:
        try:
            await conduct()
        finally:
            self._lines.pop(line.channel_id, None)
            line.forget()
            if line.was_lost:
                self.given_up.add(line.channel_id)
                if not any(one.was_lost for one in self._lines.values()):
                    self._on_lost()

    def lose(self, why: str) -> None:
        """Give all of them up."""
        for line in self.all:
            line.lost(why)

    def leave(self) -> None:
        """Leave all of them to the controller that comes after this one."""
        for line in self.all:
            line.leave(CallerEnd.TO_SUCCESSOR)

"""Cancellation by an event: leave a block of code as soon as a future is done."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class leave_when:
    """``async with leave_when(future):`` runs its body until the end or until ``future`` is done, whichever is first.

    Leaving early is cancellation: every ``await`` in the body is left by `asyncio.CancelledError`, clean-up runs, and
    the block ends without an error, ``left`` being true. Cancellation from elsewhere passes through, as it does with
    `asyncio.timeout`, whose construction (CPython, ``asyncio/timeouts.py``) this follows.
    """

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self._future = future
        self._task: asyncio.Task[Any] | None = None  # None outside the body
        self._cancelling = 0
        self.left = False

    async def __aenter__(self) -> leave_when:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("leave_when is for use inside a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._future.add_done_callback(self._leave)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        # A future that has just been set has its callback on the loop already, where it can no longer be removed.
        self._future.remove_done_callback(self._leave)
        task, self._task = self._task, None
        if not self.left or task is None:
            return False
        ours_alone = task.uncancel() <= self._cancelling
        return ours_alone and kind is asyncio.CancelledError

    def _leave(self, _: asyncio.Future[Any]) -> None:
        if self._task is not None:
            self.left = True
            self._task.cancel()

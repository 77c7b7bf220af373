"""Keys that somebody presses on a telephone, as they come."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque

MOST_KEPT = 32
"""So many that nobody has waited for are kept; what is pressed beyond is lost."""


class Keys:
    """Those that one end of a call presses; each is given out once."""

    def __init__(self) -> None:
        self._kept: deque[str] = deque()
        self._next: Future[str] | None = None

    def press(self, key: str) -> None:
        """One has been pressed."""
        if self._next is not None and not self._next.done():
            self._next.set_result(key)
        elif len(self._kept) < MOST_KEPT:
            self._kept.append(key)

    def forget(self) -> None:
        """Those that have been pressed so far do not count."""
        self._kept.clear()

    def next(self) -> Future[str]:
        """Done with the next key; the same one for as long as it is not done."""
        if self._next is None or self._next.done():
            self._next = asyncio.get_running_loop().create_future()
            if self._kept:
                self._next.set_result(self._kept.popleft())
        return self._next

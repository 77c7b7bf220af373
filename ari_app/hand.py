"""What one sending process has in hand: messages claimed and not yet settled, given to its workers lane by lane."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ari_app.core.messages import Channel
from ari_app.outbox_ports import PACED, Attended, Held, Lane, NotYet, Passed

LANES: tuple[Lane, ...] = (None, *Channel)


@dataclass(slots=True)
class _Queue:
    waiting: deque[Held] = field(default_factory=deque)
    ready_at: float = 0.0


class Hand:
    """Messages that wait for a worker, and those that workers attend to; for any number of threads.

    A lane whose pace says "not yet" waits without a worker, so that it holds up no other lane. ``apart`` is the seconds
    from one message of a paced lane to the next, ``room`` how many of a lane are held at most; ``monotonic`` is the
    clock, in seconds.
    """

    def __init__(self, apart: float, room: int, monotonic: Callable[[], float]) -> None:
        self._apart = apart
        self._room = room
        self._monotonic = monotonic
        self._news = threading.Condition()
        self._queues: dict[Lane, _Queue] = {}
        self._since: dict[int, tuple[Held, float]] = {}
        self._closed = False

    def put(self, claimed: Iterable[Held]) -> None:
        """Messages just claimed."""
        with self._news:
            now = self._monotonic()
            for held in claimed:
                self._queues.setdefault(held.lane, _Queue()).waiting.append(held)
                self._since[held.id] = held, now
            self._news.notify_all()

    def take(self) -> Held | None:
        """The next message that may go, waiting for one; None when the hand is closed."""
        with self._news:
            while not self._closed:
                now = self._monotonic()
                full = [(lane, queue) for lane, queue in self._queues.items() if queue.waiting]
                for lane, queue in full:
                    if queue.ready_at <= now:
                        queue.ready_at = now + self._apart if lane in PACED else now
                        return queue.waiting.popleft()
                soonest = min((queue.ready_at for _, queue in full), default=None)
                self._news.wait(None if soonest is None else soonest - now)
            return None

    def attended(self, held: Held, came_of_it: Attended | None) -> None:
        """What a worker has done with a message; None: the database failed, and the message is out of hand."""
        with self._news:
            queue = self._queues[held.lane]
            if isinstance(came_of_it, NotYet):
                queue.waiting.appendleft(held)
                queue.ready_at = max(queue.ready_at, self._monotonic() + came_of_it.seconds)
            else:
                del self._since[held.id]
                if isinstance(came_of_it, Passed):  # it was not sent, and has cost the pace nothing
                    queue.ready_at = self._monotonic()
            self._news.notify_all()

    @property
    def room(self) -> Mapping[Lane, int]:
        """How many more messages of each lane may be claimed; nothing while a lane is half full, for the sake of few
        transactions."""
        with self._news:
            waiting = {lane: len(queue.waiting) for lane, queue in self._queues.items()}
        every = {lane: waiting.get(lane, 0) for lane in LANES}
        return {lane: self._room - count if count <= self._room // 2 else 0 for lane, count in every.items()}

    @property
    def empty(self) -> bool:
        """Whether nothing is held."""
        with self._news:
            return not self._since

    def held_for(self, seconds: float) -> list[Held]:
        """What has been held for so long or longer."""
        with self._news:
            limit = self._monotonic() - seconds
            return [held for held, since in self._since.values() if since <= limit]

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait until nothing is held, at most so long."""
        with self._news:
            return self._news.wait_for(lambda: not self._since, seconds)

    def close(self) -> list[Held]:
        """Give out nothing more; what nobody has begun."""
        with self._news:
            self._closed = True
            left = [held for queue in self._queues.values() for held in queue.waiting]
            for held in left:
                del self._since[held.id]
            self._queues = {lane: _Queue() for lane in self._queues}
            self._news.notify_all()
            return left

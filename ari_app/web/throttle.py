"""How often somebody may ask: token buckets by name, bounded in number, on a monotonic clock."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Throttle:
    """Lets each name through ``rate`` times a second on average, ``burst`` times at once; callable from any thread.

    It remembers ``most`` names, forgetting those longest unseen: whoever makes up names wins no memory of ours.
    """

    def __init__(
        self, rate: float, burst: float, *, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, name: str) -> int:
        """Whole seconds after which ``name`` may come; 0: now."""
        with self._lock:
            return self._seconds_left(self._filled(name))

    def take(self, name: str) -> int:
        """As `wait`; what may come now is counted."""
        with self._lock:
            bucket = self._filled(name)
            if left := self._seconds_left(bucket):
                return left
            bucket.level -= 1
            self._buckets[name] = bucket
            self._buckets.move_to_end(name)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return 0

    def _seconds_left(self, bucket: _Bucket) -> int:
        return 0 if bucket.level >= 1 else max(1, math.ceil((1 - bucket.level) / self._rate))

    def _filled(self, name: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(name) or _Bucket(self._burst, now)
        bucket.level = min(self._burst, bucket.level + (now - bucket.at) * self._rate)
        bucket.at = now
        return bucket

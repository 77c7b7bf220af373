"""Whether a process can do its work now, and if not, what lacks and how that is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TypeAlias

import orjson

from ari_app.monitoring.pulse import Pulse


@dataclass(frozen=True, slots=True)
class Lack:
    """Something without which there is no work: its short name, what is wrong, and the mend."""

    what: str
    trouble: str
    mend: str


Check: TypeAlias = Callable[[], Lack | None]
"""At once, in any thread."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status and JSON."""

    status: int
    body: bytes


def health(pulse: Pulse) -> Answer:
    """200 while the process turns, else 503: it will not mend itself, and wants a restart."""
    if pulse.alive:
        return Answer(200, b'{"alive":true}')
    still = f"nothing has moved for {pulse.still_seconds:.1f} s"
    return Answer(503, orjson.dumps({"alive": False, "trouble": still, "mend": "restart it, if it stays so"}))


def readiness(checks: Iterable[Check]) -> Answer:
    """200 when nothing lacks, else 503 and all that does."""
    lacks = [asdict(lack) for check in checks if (lack := check())]
    return Answer(503 if lacks else 200, orjson.dumps({"ready": not lacks, "lacks": lacks}))

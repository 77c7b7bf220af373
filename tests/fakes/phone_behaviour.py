"""How a called phone behaves, told by its name; the same names work on the fake and on the tests' SIP phone."""

from __future__ import annotations

import re
from dataclasses import dataclass

CAUSES = {
    302: 23, 401: 21, 403: 21, 404: 1, 408: 18, 410: 22, 480: 19, 484: 28, 486: 17, 487: 127, 488: 58,
    500: 38, 503: 34, 600: 17, 603: 21, 604: 1,
}  # fmt: skip
"""SIP status -> Q.850 cause that Asterisk 22 shows for it."""

HANGUPS = {
    "normal": (16, 603),
    "busy": (17, 486),
    "no_answer": (19, 480),
    "congestion": (34, 503),
    "unallocated": (1, 404),
    "rejected": (21, 603),
    "answered_elsewhere": (26, 480),
}
"""DELETE /channels/{id}?reason= -> (cause, SIP status that an unanswered caller gets)."""


@dataclass(frozen=True)
class Behaviour:
    """What a phone does with a call: its final SIP status (None: never one), after so many seconds, ringing or not."""

    status: int | None
    after: float = 0.0
    rings: bool = True


NAMES = {"up": Behaviour(200), "ring": Behaviour(None), "silent": Behaviour(None, rings=False)}


def behaviour_of(user: str) -> Behaviour:
    """Read up, up300 (answers after 300 ms), ring (for ever), silent, code486, code486after300."""
    if user in NAMES:
        return NAMES[user]
    if match := re.fullmatch(r"up(\d+)", user):
        return Behaviour(200, int(match[1]) / 1000)
    if match := re.fullmatch(r"code(\d{3})(?:after(\d+))?", user):
        return Behaviour(int(match[1]), int(match[2] or 0) / 1000, rings=bool(match[2]))
    raise ValueError(f"no phone behaves like {user!r}: say up, up300, ring, silent, code486 or code486after300")

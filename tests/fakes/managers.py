"""CRMs of the tests of calls: each answers in its own way, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from ari_app.core.responsible import Manager, Named, Nobody, Question, Said, Why
from ari_app.core.scheme import Destination, TargetKind

OLGA, IVAN = Manager("7", "Olga"), Manager("8", "Ivan", "ivan@example.com")
ANSWERS: Mapping[str, tuple[Said, float]] = {
    "quick": (Named(OLGA, "lead"), 0.1),
    "two": (Named(IVAN, "deal"), 0.1),
    "nobody": (Nobody(Why.NONE), 0.1),
    "late": (Nobody(Why.SLOW, "1.5 s"), 1.5),
    "unlisted": (Named(Manager("9", "Petr"), "lead"), 0.1),
}
"""What each says, after how many seconds."""
RUNG: Mapping[tuple[str, str], tuple[Destination, ...]] = {
    ("quick", "7"): (Destination(TargetKind.ENDPOINT, "olga", 0),),
    ("two", "8"): (Destination(TargetKind.ENDPOINT, "ivan", 0),),
    ("two", "ivan@example.com"): (
        Destination(TargetKind.ENDPOINT, "ivan", 0),
        Destination(TargetKind.ENDPOINT, "mobile", 10),
    ),
}
"""Where those are rung whom they name."""


def manager(target: str, timeout: int = 20, delay: int = 0) -> Destination:
    """A destination that is a manager."""
    return Destination(TargetKind.MANAGER, target, timeout, delay)


@dataclass
class AskedManagers:
    """An `ari_app.ports.Managers` by the table above."""

    questions: list[tuple[float, Question]] = field(default_factory=list)

    def ask(self, question: Question) -> asyncio.Future[Said]:
        loop = asyncio.get_running_loop()
        self.questions.append((round(loop.time(), 2), question))
        said, seconds = ANSWERS.get(question.crm, (Nobody(Why.NO_CRM), 0.0))
        answer: asyncio.Future[Said] = loop.create_future()
        loop.call_later(seconds, answer.set_result, said)
        return answer

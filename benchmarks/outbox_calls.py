"""Live calls, alone and beside a full queue that a sender works off: does anybody who calls feel it?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ari_app.storage.database import open_database
from benchmarks import outbox_fill
from benchmarks.outbox_gateway import LocalGateway
from benchmarks.outbox_places import UNLIMITED, Kind, SenderProcess, database, senders, wait_for
from benchmarks.processes import cpu_seconds
from benchmarks.site import Site, site

Beside = Literal["nothing", "queue"]
RATE = 20
WARM_UP = 100
FIRST_MESSAGES = 3
"""The calls begin when so many have been sent: the sender's own start is not the matter."""


@dataclass(frozen=True, slots=True)
class Round:
    """Some calls, 20 a second. Set-up in ms; ``sent`` is messages a second meanwhile, ``sender`` the share of one
    processor that the sending process took."""

    kind: Kind
    beside: Beside
    begun: int
    whole: int
    setup_ms: tuple[float, ...]
    sent: float
    sender: float


@dataclass(frozen=True, slots=True)
class Plan:
    """``queued`` messages are due; each of ``rounds`` pairs has ``seconds`` of calls each way. ``sending_rate`` is
    messages a second, None as the product has it unless told."""

    queued: int
    seconds: float
    rounds: int
    sending_rate: float | None = None


def run(kind: Kind, plan: Plan) -> Iterator[Round]:
    """Measure in turn, A B, B A."""
    with database(kind) as url, LocalGateway() as gateway, site(url) as here:
        engine = open_database(url)
        due = datetime.now(UTC)
        outbox_fill.add_queue(engine, outbox_fill.add_rule(engine), range(plan.queued), due, due + timedelta(hours=20))
        outbox_fill.analyse(engine)
        engine.dispose()
        settings = UNLIMITED | ({"SENDING_RATE": f"{plan.sending_rate:g}"} if plan.sending_rate else {})
        here.place("ours", RATE, WARM_UP)
        for beside in in_turn(plan.rounds):
            with senders(int(beside == "queue"), url, gateway, settings) as running:
                yield _round((kind, beside), here, plan.seconds, gateway, running)


def in_turn(rounds: int) -> Sequence[Beside]:
    """The order of so many pairs: whatever changes with time hits both alike."""
    pair: tuple[Beside, Beside] = ("nothing", "queue")
    return [one for number in range(rounds) for one in (pair if number % 2 == 0 else pair[::-1])]


def _round(
    what: tuple[Kind, Beside], here: Site, seconds: float, gateway: LocalGateway, running: Sequence[SenderProcess]
) -> Round:
    if running:
        already = len(gateway.taken)
        wait_for(lambda: len(gateway.taken) >= already + FIRST_MESSAGES, 20, "the sender's first messages")
    began, taken, cpu = time.monotonic(), len(gateway.taken), sum(cpu_seconds(one.pid) for one in running)
    calls = here.place("ours", RATE, round(RATE * seconds))
    took = time.monotonic() - began
    sent, cpu = len(gateway.taken) - taken, sum(cpu_seconds(one.pid) for one in running) - cpu
    return Round(*what, calls.begun, calls.whole, calls.setup_ms, sent / took, cpu / took)

"""How many messages a second go through the outbox, by how many sending processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ari_app.lab.errors import LabError
from ari_app.storage.database import open_database
from benchmarks import outbox_fill
from benchmarks.outbox_gateway import LocalGateway, Taken
from benchmarks.outbox_places import UNLIMITED, Kind, database, senders, wait_for
from benchmarks.processes import cpu_seconds

SETTINGS = {**UNLIMITED, "SENDING_RATE": "10000"}
NOTICE_SECONDS = 2.0
"""Messages are due so long after they were written, so that the database has come to rest."""
LONGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """``messages`` sent by so many ``processes`` at ``rate`` a second; ``cpu`` is of the senders, ms a message."""

    kind: Kind
    processes: int
    messages: int
    rate: float
    cpu: float


def run(kind: Kind, processes: int, count: int) -> Throughput:
    """Queue ``count`` messages before idle senders, and wait until every one has gone out and is settled.

    Raises:
        LabError: a message went out twice, or not at all.
    """
    with database(kind) as url, LocalGateway() as gateway, senders(processes, url, gateway, SETTINGS) as running:
        engine = open_database(url)
        due = datetime.now(UTC) + timedelta(seconds=NOTICE_SECONDS)
        outbox_fill.add_queue(engine, outbox_fill.add_rule(engine), range(count), due, due + timedelta(hours=20))
        outbox_fill.analyse(engine)
        cpu = sum(cpu_seconds(one.pid) for one in running)
        wait_for(lambda: len(gateway.taken) >= count, LONGEST_SECONDS, f"{count} messages to be sent")
        wait_for(lambda: _sent(engine) == count, LONGEST_SECONDS, "their settling")
        cpu = sum(cpu_seconds(one.pid) for one in running) - cpu
        engine.dispose()
    return Throughput(kind, processes, count, rate_of(gateway.taken, count), cpu / count * 1000)


def rate_of(taken: list[Taken], count: int) -> float:
    """Messages a second from the first to the last. Raises LabError if it was not each of ``count`` once."""
    if twice := [ref for ref, times in Counter(one.ref for one in taken).items() if times > 1]:
        raise LabError(f"{len(twice)} messages were sent twice, {twice[0]} among them: that must never be")
    if len(taken) != count:
        raise LabError(f"{len(taken)} messages were sent of {count}")
    seconds = max(one.at for one in taken) - min(one.at for one in taken)
    return (count - 1) / seconds


def _sent(engine: sa.Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT count(*) FROM messages WHERE state = 'sent'")).scalar_one()

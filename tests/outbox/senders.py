"""Outboxes for tests: on a real database, with a clock and gateways of the test's."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import Accepted, Outcome, Report
from ari_app.core.messages import Channel
from ari_app.core.release import Limits
from ari_app.hand import LANES
from ari_app.message_ports import Gateway, InboundText, Letter, Push
from ari_app.outbox import Outbox
from ari_app.outbox_ports import Attended, NotYet
from ari_app.storage.outbox import SqlOutbox
from tests.outbox.clocks import Clock

ROOM = dict.fromkeys(LANES, 100)


def hasty(engine: sa.Engine) -> sa.Engine:
    """Without waiting for the disk, where no machine is to fail."""
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _connected(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA synchronous = OFF")

    return engine


@dataclass
class ScriptedGateway:
    """Says what the test says, in order; then that it takes everything."""

    script: deque[Outcome] = field(default_factory=deque)
    name: str = "scripted"
    channel: Channel = Channel.SMS
    can_ask: bool = False
    answers: dict[str, Report] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def send(self, letter: Letter) -> Outcome:
        self.letters.append(letter)
        return self.script.popleft() if self.script else Accepted(f"id-{len(self.letters)}")

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        self.asked.append(ref)
        return self.answers.get(ref)

    def reports(self, push: Push) -> Sequence[Report]:
        return ()

    def texts(self, push: Push) -> Sequence[InboundText]:
        return ()


@dataclass
class Folder:
    """Recordings that are where the test says."""

    paths: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str | None:
        return self.paths.get(name)


@dataclass
class TestSender:
    """One sender without threads."""

    __test__ = False

    engine: sa.Engine
    clock: Clock
    gateways: Iterable[Gateway]
    limits: Limits = field(default_factory=Limits)
    rate: float = 1e6
    options: dict[str, Any] = field(default_factory=dict)
    recordings: Folder = field(default_factory=Folder)

    def __post_init__(self) -> None:
        self.store = SqlOutbox(self.engine, self.limits, rate=self.rate, **self.options)
        self.outbox = Outbox(
            self.store,
            self.gateways,
            recordings=self.recordings,
            clock=self.clock.now,
            monotonic=self.clock.monotonic,
            pause=self.clock.pause,
        )

    def run(self) -> list[Attended]:
        """Attend to all that is due, waiting for the pace on the test's clock; what came of each."""
        came: list[Attended] = []
        while claimed := self.outbox.claim(ROOM):
            for held in claimed:
                while isinstance(done := self.outbox.attend(held), NotYet):
                    self.clock.pass_by(done.seconds)
                came.append(done)
        return came

"""Threads of one sender take turns at SQLite's one write lock, so that none starves while the others write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
import sqlalchemy as sa

from ari_app.core.delivery import Accepted, Outcome, State
from ari_app.core.messages import Channel
from ari_app.core.release import Limits
from ari_app.hand import LANES
from ari_app.outbox_ports import Passed, StoreTrouble
from ari_app.storage import outbox as outbox_module
from ari_app.storage.outbox import SqlOutbox, open_for_sending
from ari_app.storage.outbox_rows import MessageRow
from tests.outbox.clocks import NOON
from tests.outbox.messages import notice, queue

ROOM = dict.fromkeys(LANES, 1)


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[sa.Engine]:
    opened = open_for_sending(sqlite_url)
    queue(opened, *(notice(number, channel=Channel.TICKET) for number in range(2)))
    yield opened
    opened.dispose()


class SlowWriter:
    """Is in the midst of its transaction until told to end it."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()

    def __call__(self, connection: sa.Connection, message: MessageRow, at: datetime) -> Outcome:
        self.began.set()
        assert self.may_end.wait(10)
        return Accepted("", "")


def writing_slowly(engine: sa.Engine) -> tuple[SqlOutbox, SlowWriter, threading.Thread, list[object]]:
    """An outbox, one of whose threads writes until told to end; and what came of that."""
    writer = SlowWriter()
    outbox = SqlOutbox(engine, Limits(), rate=1e6, writers={Channel.TICKET: writer})
    held = outbox.claim(NOON, ROOM)[0]
    came_of_it: list[object] = []
    thread = threading.Thread(target=lambda: came_of_it.append(outbox.release(held, "", NOON)))
    thread.start()
    assert writer.began.wait(10)
    return outbox, writer, thread, came_of_it


def test_who_waits_too_long_says_what_for(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox, writer, thread, came_of_it = writing_slowly(engine)
    monkeypatch.setattr(outbox_module, "BUSY_SECONDS", 0.05)
    with pytest.raises(StoreTrouble, match="this sender's other workers wait for it too"):
        outbox.claim(NOON, ROOM)
    writer.may_end.set()
    thread.join(10)
    assert came_of_it == [Passed(State.DELIVERED)]
    assert len(outbox.claim(NOON, ROOM)) == 1

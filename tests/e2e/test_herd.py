"""A herd: the connection to Asterisk is cut under 250 live calls. What follows stays within bounded connections."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ari_app.ari.connection import SOCKETS
from ari_app.ari.settings import AriSettings
from tests.e2e.crowd import Crowd, statuses
from tests.e2e.house import House, ring
from tests.e2e.sipp import ticks

CALLS = 250
A_SECOND = 40
TALK_MS = 60_000
"""Longer than all of this takes: we end the calls."""
MOST = AriSettings("http://127.0.0.1", "u", "p", "a").http_connections + SOCKETS
DEFAULT_SESSIONLIMIT = 100
"""Asterisk's: ours is higher, an Asterisk of somebody else's may have it."""


@pytest.fixture(scope="module")
def crowded(new_house: Callable[..., House]) -> House:
    """An installation with ports for so many calls; its controller reaches ARI through a proxy."""
    house = new_house(through_proxy=True, ports=range(44000, 45400))
    house.controller.start()
    return house


@pytest.fixture
def callers() -> Iterator[list[Crowd]]:
    """Callers that are ended with the test, should they outlast it."""
    crowds: list[Crowd] = []
    yield crowds
    for crowd in crowds:
        crowd.stop()


def all_talk(house: House) -> None:
    """Return once every call is connected. Seldom looked: looking takes of the CPU that the calls want."""
    connected = 0
    for tick, _ in enumerate(ticks(30)):
        if tick % 50 == 0:
            (row,) = house.database.rows("SELECT count(*) AS n FROM call_events WHERE kind = 'connected'")
            if (connected := row["n"]) == CALLS:
                return
    raise AssertionError(f"{connected} of {CALLS} calls were connected")


def refuse_websockets(chunk: bytes, towards: bool) -> bool:
    """For the proxy: what asks for a websocket is let fall silent, so that every request goes over HTTP."""
    return towards and b"upgrade: websocket" in chunk.lower()


@pytest.mark.fault("34")
def test_cuts_under_250_live_calls_cost_bounded_connections_and_leave_nothing(
    crowded: House, callers: list[Crowd], tmp_path: Path
) -> None:
    """First the calls outlive a cut; then, with no websocket to be had, all are ended at one stroke over HTTP."""
    proxy = crowded.proxy
    assert proxy is not None
    assert MOST < DEFAULT_SESSIONLIMIT / 2
    with crowded.story() as stage:
        stage.counts_invites = False
        phone = stage.phone(calls=CALLS, answer_ms=10, talk_ms=TALK_MS)
        number = stage.plan(ring(phone))
        callers.append(Crowd(crowded, tmp_path / "crowd", number, CALLS, rate=A_SECOND, talk_ms=TALK_MS))
        all_talk(crowded)
        mark = crowded.controller.mark
        proxy.most = 0
        proxy.cut()
        crowded.controller.said("connection to Asterisk was lost", since=mark, seconds=2)
        crowded.controller.said("connected$", since=mark, seconds=3)
        assert len(crowded.ari("channels")) == 2 * CALLS
        mark = crowded.controller.mark
        proxy.watch = refuse_websockets
        proxy.cut()
        crowded.controller.said("connection to Asterisk was lost", since=mark, seconds=2)
        crowded.controller.signal(signal.SIGTERM)
        crowded.controller.said("waiting up to", since=mark)
        crowded.controller.signal(signal.SIGTERM)
        assert statuses(callers[0].over()) == {200: CALLS}
        assert crowded.controller.ended(15) == 0
        crowded.tidy(5)
    assert proxy.most == MOST, "as many as may be, since so much was asked, and no more"
    rows = crowded.database.rows("SELECT disposition, count(*) AS n FROM calls GROUP BY disposition")
    assert {row["disposition"]: row["n"] for row in rows} == {"answered": CALLS}
    assert not [line for line in crowded.controller.lines if "Traceback" in line]

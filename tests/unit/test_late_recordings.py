"""Recordings that are owed: taken when they can be, entered once, and never at the cost of one another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ari_app.call import FixedRules
from ari_app.core.messages import MessageKind
from ari_app.core.outcomes import CallerEnd, Recorded
from ari_app.core.recordings import LateCall
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition
from ari_app.late_recordings import WAIT, LateRecordings
from ari_app.ports import Owed
from tests.fakes.scripted import Notebook
from tests.unit.notices import BOOK, DEPLOYMENT, facts, left, step, told

CUT = told(Kind.ARRIVED, step("voicemail"), Kind.RECORDING_BEGAN, left(CallerEnd.LINE_LOST))


def owed(name: str, *, ago: timedelta = timedelta(seconds=20), decided: bool = False) -> Owed:
    """A recording of a call that ended so long ago."""
    ended_at = datetime.now(UTC) - ago
    call = facts(CUT, call_id=f"call-{name}", at=ended_at - timedelta(seconds=4))
    return Owed(name, LateCall(call, ended_at, min_seconds=2, decided=decided))


class Place:
    """Ledger and keeper in one: what is owed, and what can be had of it."""

    def __init__(self, *debts: Owed, **held: float) -> None:
        self.debts: list[Owed] = list(debts)
        self.held = held
        self.has_room = True
        self.taken: list[str] = []
        self.kept: list[str] = []
        self.discarded: list[str] = []

    async def owed(self) -> Sequence[Owed]:
        await asyncio.sleep(0)
        return tuple(self.debts)

    async def works(self) -> bool:
        await asyncio.sleep(0)
        return self.has_room

    async def take(self, name: str) -> Recorded:
        await asyncio.sleep(0)
        self.taken.append(name)
        if name not in self.held:
            return Recorded(name, 0.0, 0.0, "not to be had", waits_at="ari-app")
        return Recorded(name, self.held[name], self.held[name])

    def new_name(self) -> str:
        raise NotImplementedError

    def keep(self, name: str) -> None:
        self.kept.append(name)

    def discard(self, name: str) -> None:
        self.discarded.append(name)


class Scene:
    """A place, and whoever goes through it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.journal = Notebook()
        self.late = LateRecordings(place, place, self.journal, FixedRules(BOOK), DEPLOYMENT)

    def go_through(self, *, reachable: bool = True) -> None:
        asyncio.run(self.late.go_through(reachable=reachable))

    @property
    def settled(self) -> list[str]:
        return [amended.recording for amended in self.journal.amendments if amended.settled]


@pytest.mark.fault("8", "24")
def test_a_message_is_entered_with_its_call_and_kept() -> None:
    scene = Scene(Place(owed("a"), owed("b"), a=7.5, b=0.3))
    scene.go_through()
    first, second = scene.journal.amendments
    assert (first.call_id, first.recording, first.settled) == ("call-a", "a", True)
    assert first.verdict.disposition is Disposition.MESSAGE_LEFT
    assert first.message is not None
    assert (first.message.call_id, first.message.name, first.message.length_ms) == ("call-a", "a", 7500)
    assert (second.message, second.verdict.disposition) == (None, Disposition.LOST)
    assert MessageKind.APOLOGY in {intent.kind for intent in second.intents}
    assert (scene.place.kept, scene.place.discarded, scene.late.waiting) == (["a"], ["b"], 0)


@pytest.mark.fault("8", "24")
def test_what_the_journal_has_not_written_yet_is_not_entered_twice() -> None:
    scene = Scene(Place(owed("a"), a=7.5))
    scene.go_through()
    scene.go_through()
    assert scene.settled == ["a"]
    assert scene.place.taken == ["a"]
    scene.place.debts = []  # written
    scene.go_through()
    assert scene.settled == ["a"]


@pytest.mark.fault("24")
def test_nothing_is_tried_without_room_or_without_asterisk() -> None:
    scene = Scene(Place(owed("a"), a=7.5))
    scene.go_through(reachable=False)
    scene.place.has_room = False
    scene.go_through()
    assert (scene.place.taken, scene.late.waiting) == ([], 1)
    scene.place.has_room = True
    scene.go_through()
    assert scene.settled == ["a"]


@pytest.mark.fault("24")
def test_one_that_cannot_be_had_holds_up_the_others_for_one_round_at_most() -> None:
    scene = Scene(Place(owed("bad"), owed("good"), owed("fine"), good=5, fine=6))
    scene.go_through()
    assert scene.settled == []
    scene.go_through()
    assert scene.settled == ["good", "fine"]
    assert scene.late.waiting == 1


@pytest.mark.fault("8", "24")
def test_after_ten_minutes_the_messages_are_decided_without_it_once() -> None:
    ripe, fresh = owed("old", ago=WAIT + timedelta(seconds=1)), owed("new", ago=WAIT - timedelta(seconds=30))
    scene = Scene(Place(ripe, fresh))
    for _ in range(2):
        scene.go_through(reachable=False)
    (decided,) = scene.journal.amendments
    assert (decided.recording, decided.settled, decided.message) == ("old", False, None)
    assert MessageKind.APOLOGY in {intent.kind for intent in decided.intents}
    scene.place.debts = [replace(ripe, call=replace(ripe.call, decided=True))]
    scene.go_through(reachable=False)
    assert len(scene.journal.amendments) == 1
    scene.place.held["old"] = 9.0
    scene.go_through()
    assert scene.settled == ["old"]
    assert MessageKind.APOLOGY not in {intent.kind for intent in scene.journal.amendments[-1].intents}


@pytest.mark.fault("8", "24")
def test_one_that_comes_at_the_last_moment_is_settled_and_not_decided_without() -> None:
    scene = Scene(Place(owed("a", ago=2 * WAIT), a=7.5))
    scene.go_through()
    assert [amended.settled for amended in scene.journal.amendments] == [True]

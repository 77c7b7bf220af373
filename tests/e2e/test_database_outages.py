"""The database is away, locked, slow or dies: no caller notices, and the journal is whole afterwards."""

from __future__ import annotations

import shutil
import sqlite3
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from ari_app.storage.revisions import SCHEMA_HEAD, upgrade
from tests.e2e.house import Caller, House, Phone, Stage, ring
from tests.e2e.journal import JournalledCall
from tests.e2e.postgres_journal import PostgresDatabase
from tests.e2e.proxy import Proxy
from tests.e2e.sipp import ticks
from tests.storage.postgres import PrivatePostgres

MOST_SECONDS = 0.5
"""Of any call's way that may ever wait for SQL."""
SLOW_SECONDS = 1.0
"""What the slow way to the database keeps every packet; a transaction is ten of them or so."""
WHOLE = ("arrived", "number_found", "branch_chosen", "step_began", "leg_dialed", "leg_answered", "connected", "verdict")


def spooled(house: House) -> list[Path]:
    """The files of the controller's spool."""
    return sorted((house.folder / "state").glob("*.spool"))


def once_spooled(house: House) -> None:
    """Return once something is in the spool."""
    for _ in ticks(5):
        if spooled(house):
            return
    raise AssertionError("nothing was spooled\n" + "\n".join(house.controller.lines[-20:]))


def once_entered(house: House) -> None:
    """Return once nothing is in the spool any more."""
    for _ in ticks(15):
        if not spooled(house):
            return
    raise AssertionError("the spool was not entered\n" + "\n".join(house.controller.lines[-20:]))


def whole_and_once(call: JournalledCall) -> None:
    """The journal of an answered call is as if nothing had happened."""
    assert call.verdict == ("answered", "talked"), call.told
    kinds = [event["kind"] for event in call.events]
    assert [kind for kind in kinds if kind in WHOLE] == list(WHOLE), call.told
    times = [event["at_ms"] for event in call.events]
    assert times == sorted(times), call.told
    assert len(call.legs) == 1


def set_up_seconds(caller: Caller, phone: Phone) -> float:
    """From the caller's INVITE to the phone's."""
    return phone.wire.one("INVITE").at - caller.wire.one("INVITE").at


def set_ups(stage: Stage, plans: Sequence[tuple[str, Phone]]) -> list[float]:
    """The set-up times of calls, one after another, each gone as planned."""
    taken = []
    for number, phone in plans:
        caller = stage.call(number, talk_ms=200)
        assert caller.over().final == 200
        taken.append(set_up_seconds(caller, phone))
    return taken


def unchanged(calm: list[float], troubled: list[float]) -> None:
    """The callers did not wait for the database."""
    assert max(troubled) < MOST_SECONDS, (calm, troubled)
    assert statistics.median(troubled) < statistics.median(calm) + 0.1, (calm, troubled)


# --- SQLite -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(new_house: Callable[..., House]) -> House:
    """An installation on SQLite whose parts the stories stop and start."""
    return new_house()


@pytest.fixture
def stage(house: House) -> Iterator[Stage]:
    """A story with the controller up at its beginning."""
    if not house.controller.running:
        house.controller.start()
    with house.story() as stage:
        yield stage


@contextmanager
def locked(house: House) -> Iterator[None]:
    """An admin's shell in the midst of a transaction that writes."""
    admin = sqlite3.connect(house.database.path, isolation_level=None)
    admin.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        admin.execute("ROLLBACK")
        admin.close()


@pytest.mark.fault("17")
def test_a_controller_started_without_its_database_serves_calls_by_the_last_schemes(stage: Stage) -> None:
    house = stage.house
    phone = stage.answering()
    number = stage.plan(ring(phone))
    house.controller.kill()
    file = house.database.path
    away = {path: path.with_name(f"{path.name}.away") for path in file.parent.glob(f"{file.name}*")}
    mark = house.controller.mark
    for path, elsewhere in away.items():
        shutil.move(path, elsewhere)
    try:
        house.controller.start()
        house.controller.said(r"the schemes of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC are in force", since=mark, seconds=1)
        caller = stage.call(number, talk_ms=300)
        assert caller.over().final == 200
        assert set_up_seconds(caller, phone) < MOST_SECONDS
        once_spooled(house)
        assert not file.exists()
    finally:
        for path, elsewhere in away.items():
            shutil.move(elsewhere, path)
    house.controller.said("the database can be read again", since=mark, seconds=10)
    whole_and_once(caller.journalled(15))
    once_entered(house)


@pytest.mark.fault("18")
@pytest.mark.fault("20")
def test_a_lock_that_a_shell_holds_is_not_waited_for_by_callers(stage: Stage) -> None:
    plans = [(stage.plan(ring(phone)), phone) for phone in (stage.answering() for _ in range(6))]
    calm = set_ups(stage, plans[:3])
    with locked(stage.house):
        unchanged(calm, set_ups(stage, plans[3:]))
        once_spooled(stage.house)
    for caller in stage.callers:
        whole_and_once(caller.journalled(15))
    once_entered(stage.house)


@pytest.mark.fault("19")
def test_a_controller_killed_while_the_journal_is_on_disk_enters_it_when_it_is_back(stage: Stage) -> None:
    house = stage.house
    caller = stage.call(stage.plan(ring(stage.answering())), talk_ms=2500)
    caller.connected()
    with locked(house):
        assert caller.over().final == 200
        once_spooled(house)
        left = {path.name for path in spooled(house)}
        for _ in ticks(3):  # the end of the call, as well
            if b'"kind":"closed"' in b"".join(path.read_bytes() for path in spooled(house)):
                break
        house.controller.kill()
        assert left <= {path.name for path in spooled(house)}
        assert house.database.open_calls()
    mark = house.controller.mark
    house.controller.start()
    house.controller.said("files of the journal", since=mark, seconds=5)
    whole_and_once(caller.journalled(15))
    once_entered(house)
    assert not house.database.open_calls()


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    """A PostgreSQL that the stories may stop."""
    server = PrivatePostgres()
    upgrade(server.url, SCHEMA_HEAD)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def way(server: PrivatePostgres) -> Iterator[Proxy]:
    """The controller's way to it."""
    proxy = Proxy(("127.0.0.1", server.port))
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def far_house(new_house: Callable[..., House], server: PrivatePostgres, way: Proxy) -> House:
    """An installation on PostgreSQL, behind a proxy."""
    house = new_house(database_url=sa.make_url(server.url).set(port=way.port).render_as_string(hide_password=False))
    house.database = PostgresDatabase(server.url)
    house.controller.start()
    return house


@pytest.fixture
def far_stage(far_house: House, way: Proxy) -> Iterator[Stage]:
    """A story; the way to the database is quick again afterwards."""
    with far_house.story() as stage:
        try:
            yield stage
        finally:
            way.delay_seconds = 0.0


@pytest.mark.fault("18")
def test_a_slow_database_is_not_waited_for_by_callers(far_stage: Stage, way: Proxy) -> None:
    stage = far_stage
    plans = [(stage.plan(ring(phone)), phone) for phone in (stage.answering() for _ in range(6))]
    calm = set_ups(stage, plans[:3])
    way.delay_seconds = SLOW_SECONDS
    unchanged(calm, set_ups(stage, plans[3:]))
    once_spooled(stage.house)
    way.delay_seconds = 0.0
    for caller in stage.callers:
        whole_and_once(caller.journalled(20))
    once_entered(stage.house)


@pytest.mark.fault("17")
@pytest.mark.fault("19")
def test_a_database_that_dies_in_a_call_and_is_away_for_the_next(
    far_stage: Stage, server: PrivatePostgres, far_house: House
) -> None:
    stage, (phone, second) = far_stage, (far_stage.answering(), far_stage.answering())
    numbers = [stage.plan(ring(one)) for one in (phone, second)]
    talking = stage.call(numbers[0], talk_ms=3000)
    talking.connected()
    mark = far_house.controller.mark
    server.halt()
    try:
        late = stage.call(numbers[1], talk_ms=300)
        assert late.over().final == 200
        assert set_up_seconds(late, second) < MOST_SECONDS
        wire = talking.over()
        assert wire.one("BYE").sent, "the caller ended the talk, not we"
        once_spooled(far_house)
        far_house.controller.said("cannot be written now and is kept in", since=mark)
    finally:
        server.start()
    far_house.controller.said("the journal is written again", since=mark, seconds=15)
    for caller in (talking, late):
        whole_and_once(caller.journalled(15))
    once_entered(far_house)

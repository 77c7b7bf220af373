"""What a process left open is found: in the database, in the spool, or in both, and only what is this controller's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ari_app.core.timeline import Entry, Kind
from ari_app.ports import CallOpened
from ari_app.storage.batch import Batch, Happening
from ari_app.storage.open_calls import OpenCalls
from ari_app.storage.records import call_events
from ari_app.storage.spool import Spool
from tests.storage.test_journal import ARRIVED, closed, opened

pytestmark = pytest.mark.promise("OUR-08")

NOW = ARRIVED + timedelta(seconds=60)


def arrival(call_id: str, application: str = "ari-app", caller: str = "+79161112233") -> CallOpened:
    return opened(call_id, application=application, caller=caller)


def noted(call_id: str, seq: int, kind: Kind = Kind.LEG_RANG, at_ms: int | None = None) -> Happening:
    return call_id, seq, Entry(seq if at_ms is None else at_ms, kind, {"leg": f"{call_id}-1"})


def write(engine: sa.Engine, *happenings: Happening) -> None:
    with engine.begin() as connection:
        Batch(happenings).write(connection)


def left(engine: sa.Engine, folder: Path) -> dict[str, list[int]]:
    """The ids of the open calls, each with the milliseconds of its entries."""
    calls = OpenCalls(engine, folder, "ari-app")
    calls.read_spool()
    calls.read_database()
    return {call.opened.call_id: [entry.at_ms for entry in call.timeline] for call in calls.found(NOW)}


def test_open_calls_of_this_controller_with_their_timelines(engine: sa.Engine, tmp_path: Path) -> None:
    write(
        engine,
        *(arrival("call-1"), noted("call-1", 2), noted("call-1", 1), noted("call-1", 3)),
        *(arrival("call-2", "ari-app-2"), noted("call-2", 1)),
        *(arrival("call-3"), noted("call-3", 1), closed("call-3")),
        arrival("call-4"),
    )
    assert left(engine, tmp_path) == {"call-1": [1, 2, 3], "call-4": []}


def test_how_it_arrived_is_read_back_as_it_was_told(engine: sa.Engine, tmp_path: Path) -> None:
    call = arrival("call-1")
    write(engine, call)
    calls = OpenCalls(engine, tmp_path, "ari-app")
    calls.read_database()
    (found,) = calls.found(NOW)
    assert (found.opened, found.seconds) == (call, 60.0)


def test_what_a_later_release_has_noted_is_left_out(engine: sa.Engine, tmp_path: Path) -> None:
    write(engine, arrival("call-1"), noted("call-1", 1))
    with engine.begin() as connection:
        row = {"call_id": "call-1", "seq": 2, "at_ms": 2, "kind": "beamed_up", "details": {}}
        connection.execute(sa.insert(call_events), row)
    assert left(engine, tmp_path) == {"call-1": [1]}


def spooled(folder: Path, *happenings: Happening) -> None:
    """Put on disk by a process that was killed then."""
    spool = Spool(folder)
    assert spool.append(happenings) == len(happenings)
    spool.close()


def test_what_is_on_its_way_from_the_spool_counts_too(engine: sa.Engine, tmp_path: Path) -> None:
    """A call may have begun in the database and gone on in the spool, lie there whole, or have ended there."""
    write(engine, arrival("call-1"), noted("call-1", 1), arrival("call-2"), noted("call-2", 1))
    spooled(
        tmp_path,
        *(noted("call-1", 2), noted("call-1", 1)),
        *(noted("call-2", 2), closed("call-2")),
        *(arrival("call-3"), noted("call-3", 5)),
        *(arrival("call-4", "ari-app-2"), noted("call-4", 5)),
        *(arrival("call-5"), closed("call-5")),
    )
    assert left(engine, tmp_path) == {"call-1": [1, 2], "call-3": [5]}


def test_a_call_that_lies_in_the_spool_and_was_entered_and_closed_meanwhile_is_over(
    engine: sa.Engine, tmp_path: Path
) -> None:
    spooled(tmp_path, arrival("call-1"), noted("call-1", 1))
    write(engine, arrival("call-1"), noted("call-1", 1), closed("call-1"))
    assert left(engine, tmp_path) == {}


def test_without_the_database_the_spool_alone_tells(tmp_path: Path) -> None:
    spooled(tmp_path, arrival("call-1"), noted("call-1", 1))
    calls = OpenCalls(sa.create_engine("sqlite://"), tmp_path, "ari-app")
    calls.read_spool()
    with pytest.raises(sa.exc.SQLAlchemyError):
        calls.read_database()
    assert [call.opened.call_id for call in calls.found(NOW)] == ["call-1"]


def test_a_torn_file_and_a_missing_folder_are_no_trouble(engine: sa.Engine, tmp_path: Path) -> None:
    assert left(engine, tmp_path / "nowhere") == {}
    spooled(tmp_path, arrival("call-1"), noted("call-1", 1), noted("call-1", 2))
    (file,) = tmp_path.glob("*.spool")
    file.write_bytes(file.read_bytes()[:-3])
    assert left(engine, tmp_path) == {"call-1": [1]}

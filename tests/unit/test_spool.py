"""The spool on disk: a queue that keeps its order, survives kills, and is never held up by what is damaged in it."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.timeline import Entry, Kind
from ari_app.storage import spool as spool_module
from ari_app.storage.batch import Happening
from ari_app.storage.spool import Spool
from ari_app.storage.spool_frames import MARK, Damage, Scan, framed, scanned


def noted(*numbers: int) -> list[Happening]:
    return [("call-1", number, Entry(number, Kind.LEG_RANG)) for number in numbers]


def drained(spool: Spool, step: int = 3) -> list[int]:
    """The numbers of everything in it, taken out."""
    found: list[int] = []
    while portion := spool.peek(step).happenings:
        found += [each[1] for each in portion if isinstance(each, tuple)]
        assert spool.drop(len(portion)) == len(portion)
    return found


def left_by_a_killed_process(folder: Path, *portions: list[Happening], file_bytes: int = 1) -> list[Path]:
    """Spool files whose owner's lock is free though nobody tidied up, as after kill -9."""
    gone = Spool(folder, file_bytes=file_bytes)
    for portion in portions:
        assert gone.append(portion) == len(portion)
    gone.close()
    return sorted(folder.glob("*.spool"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    spool = Spool(folder)
    yield spool
    spool.close()


# --- frames -----------------------------------------------------------------------------------------------------------

RECORDS = st.lists(st.binary(max_size=30).filter(lambda record: MARK[:1] not in record), min_size=1, max_size=8)


@given(RECORDS)
def test_records_are_found_again(records: list[bytes]) -> None:
    assert scanned(b"".join(map(framed, records))) == Scan(records, [], 0)


@pytest.mark.fault("19")
@given(RECORDS, st.data())
def test_a_torn_record_at_the_end_costs_itself_alone(records: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(framed, records))
    last = len(framed(records[-1]))
    torn = data.draw(st.integers(1, last - 1))
    assert scanned(whole[: len(whole) - last + torn]) == Scan(records[:-1], [], torn)


@pytest.mark.fault("19")
@given(RECORDS, st.binary(min_size=1, max_size=1), st.data())
def test_a_damaged_byte_costs_the_record_it_is_in(records: list[bytes], other: bytes, data: st.DataObject) -> None:
    whole = bytearray(b"".join(map(framed, records)))
    at = data.draw(st.integers(0, len(whole) - 1))
    if whole[at : at + 1] == other:
        return
    whole[at : at + 1] = other
    ends = [sum(len(framed(record)) for record in records[: count + 1]) for count in range(len(records))]
    hit = next(index for index, end in enumerate(ends) if at < end)
    found = scanned(bytes(whole))
    assert found.records == [record for index, record in enumerate(records) if index != hit]
    assert bool(found.damages) != bool(found.torn)


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(content: bytes) -> None:
    scan = scanned(content)
    assert sum(map(len, map(framed, scan.records))) + sum(d.length for d in scan.damages) + scan.torn == len(content)


# --- the queue --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_bytes", [1, 300, 1 << 20])
def test_what_comes_in_goes_out_in_order_over_any_number_of_files(folder: Path, file_bytes: int) -> None:
    spool = Spool(folder, file_bytes=file_bytes)
    assert spool.append(noted(*range(7))) == 7
    assert spool.peek(2).happenings == noted(0, 1)[: len(spool.peek(2).happenings)]
    assert spool.append(noted(*range(7, 20))) == 13
    assert drained(spool) == list(range(20))
    assert spool.empty
    assert not list(folder.glob("*.spool")), "what is written is removed"
    spool.close()
    assert not list(folder.iterdir())


def test_what_was_put_in_while_it_was_being_written_is_dropped_without_being_read(folder: Path) -> None:
    spool = Spool(folder, file_bytes=200)
    spool.append(noted(*range(10)))
    assert spool.drop(7) == 7
    assert drained(spool) == [7, 8, 9]
    spool.append(noted(1, 2))
    assert spool.drop(5) == 2
    assert spool.empty
    assert not list(folder.glob("*.spool"))
    spool.close()


def test_nobody_else_can_read_it(folder: Path, spool: Spool) -> None:
    folder.mkdir(mode=0o755)
    spool.append(noted(1))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_it_is_on_the_disk_when_append_returns(folder: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def noticed(descriptor: int) -> None:
        synced.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noticed)
    spool.append(noted(*range(100)))
    assert len(synced) == 2, "the file once for all, and the folder's new name"
    spool.append(noted(*range(100)))
    assert len(synced) == 3


# --- another process --------------------------------------------------------------------------------------------------


@pytest.mark.fault("19")
def test_what_a_killed_process_left_is_taken_over_once_and_in_order(folder: Path, spool: Spool) -> None:
    left_by_a_killed_process(folder, noted(1, 2), noted(3))
    left_by_a_killed_process(folder, noted(4), noted(5, 6))
    assert spool.adopt() > 0
    assert spool.adopt() == 0
    spool.append(noted(7))
    assert drained(spool) == [1, 2, 3, 4, 5, 6, 7]
    assert not list(folder.glob("*.spool"))
    assert len(list(folder.glob("*.lock"))) == 1, "our own"


def test_a_living_process_keeps_its_files(folder: Path, spool: Spool) -> None:
    other = Spool(folder)
    other.append(noted(1))
    spool.append(noted(2))
    assert spool.adopt() == 0
    assert other.adopt() == 0
    assert len(list(folder.glob("*.spool"))) == 2, "one file each"
    assert (drained(spool), drained(other)) == ([2], [1])
    other.close()


def test_a_spool_whose_lock_file_is_gone_is_taken_over_too(folder: Path, spool: Spool) -> None:
    left_by_a_killed_process(folder, noted(1))
    for lock in folder.glob("*.lock"):
        lock.unlink()
    spool.adopt()
    assert drained(spool) == [1]


def test_files_of_other_kinds_are_left_alone(folder: Path, spool: Spool) -> None:
    folder.mkdir()
    (folder / "journal-notes.txt").write_text("mine")
    (folder / "schemes.snapshot").write_text("{}")
    assert spool.adopt() == 0
    assert (folder / "journal-notes.txt").read_text() == "mine"


# --- what is wrong with it --------------------------------------------------------------------------------------------


@pytest.mark.fault("19")
def test_a_record_torn_by_a_kill_is_cut_off_and_told(
    folder: Path, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    (file,) = left_by_a_killed_process(folder, noted(1, 2), file_bytes=1 << 20)
    content = file.read_bytes()
    file.write_bytes(content[:-5])
    spool.adopt()
    assert drained(spool) == [1]
    assert f"{len(content) // 2 - 5} bytes are cut off" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.fault("19")
def test_a_damaged_record_is_set_aside_and_the_others_go_on(
    folder: Path, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    (file,) = left_by_a_killed_process(folder, noted(1, 2, 3), file_bytes=1 << 20)
    content = bytearray(file.read_bytes())
    size = len(content) // 3
    content[size + 20] ^= 0xFF
    file.write_bytes(content)
    spool.adopt()
    assert drained(spool) == [1, 3]
    (aside,) = folder.glob("*.damaged*")
    assert aside.name == f"{file.name}.damaged-{size}"
    assert aside.read_bytes() == content[size : 2 * size]
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert [record.levelno for record in caplog.records if str(aside) in record.getMessage()] == [logging.ERROR]
    assert spool.adopt() == 0, "nobody tries again"


def test_a_record_of_a_release_to_come_is_set_aside(
    folder: Path, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    (file,) = left_by_a_killed_process(folder, noted(1), file_bytes=1 << 20)
    new = framed(b'{"v":99,"kind":"sung"}')
    file.write_bytes(new + file.read_bytes())
    spool.adopt()
    assert drained(spool) == [1]
    (aside,) = folder.glob("*.damaged*")
    assert aside.read_bytes() == new
    assert "version 99" in caplog.text


def test_a_file_that_cannot_be_read_holds_up_nothing(
    folder: Path, spool: Spool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_ = left_by_a_killed_process(folder, noted(1), noted(2))
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == first:
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    spool.adopt()
    assert drained(spool) == [2]
    assert (folder / f"{first.name}.damaged").exists()
    assert "cannot be read and is left as it is: Input/output error" in caplog.text


def test_our_own_records_that_the_disk_lost_are_counted(folder: Path, spool: Spool) -> None:
    spool.append(noted(1, 2, 3))
    (file,) = folder.glob("*.spool")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    portion = spool.peek(10)
    assert (portion.happenings, portion.lost, portion.ours) == (noted(1, 3), 1, True)


@pytest.mark.fault("24")
def test_a_full_disk_is_told_once_and_what_it_took_is_whole(
    folder: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool.append(noted(1))
    write = os.write

    def half(descriptor: int, content: bytes) -> int:
        write(descriptor, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    for _ in range(3):
        assert spool.append(noted(2, 3)) == 0
    assert "No space left on device" in spool.trouble
    monkeypatch.undo()
    assert spool.append(noted(2, 3)) == 2
    assert spool.trouble == ""
    assert drained(spool) == [1, 2, 3]
    assert caplog.text.count("No space left") == 1
    assert "torn" not in caplog.text
    assert "damaged" not in caplog.text


@pytest.mark.fault("24")
def test_a_folder_that_cannot_be_made_is_told_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "in the way").touch()
    spool = Spool(tmp_path / "in the way" / "state")
    assert spool.adopt() == 0
    assert spool.append(noted(1)) == 0
    assert caplog.text.count("the journal's spool on disk cannot be used") == 1
    (tmp_path / "in the way").unlink()
    assert spool.append(noted(1)) == 1
    assert drained(spool) == [1]
    spool.close()


def test_a_damage_that_cannot_be_set_aside_keeps_the_whole_file(
    folder: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (file,) = left_by_a_killed_process(folder, noted(1, 2), file_bytes=1 << 20)
    content = b"rubbish" + file.read_bytes()
    file.write_bytes(content)

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spool_module, "replace", full)
    spool.adopt()
    assert drained(spool) == [1, 2]
    assert (folder / f"{file.name}.damaged").read_bytes() == content
    assert "the whole file is kept beside it" in caplog.text


def test_damage_is_told_by_its_place() -> None:
    assert scanned(b"??" + framed(b"one") + b"!!!" + framed(b"two")).damages == [Damage(0, 2), Damage(16 - 1, 3)]

"""Voicemail messages on a real disk: taken, kept, discarded; private, unguessable, whole or not at all."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import resource
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import numpy as np
import pytest

from ari_app.audio import wav
from ari_app.core.outcomes import Recorded
from ari_app.message_store import MessageStore, RecordingUnavailable
from tests.unit.test_wav import HEADER, mpeg_frames, one_after_another, silence, tone

P = ParamSpec("P")
LONGEST_SECONDS = 60
"""Longer than any step here takes; it ends a test that hangs."""


class Spool:
    """Where Asterisk keeps finished recordings: a real folder, away when told to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = "ari-app"
        self.away = ""
        self.deleted = asyncio.Event()
        folder.mkdir()

    def put(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    async def fetch(self, name: str) -> bytes | None:
        await asyncio.sleep(0)
        if self.away:
            raise RecordingUnavailable(self.away)
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    async def delete(self, name: str) -> None:
        await asyncio.sleep(0)
        self.deleted.set()
        if self.away:
            raise RecordingUnavailable(self.away)
        (self.folder / name).unlink(missing_ok=True)


def in_a_loop(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """The test as one that pytest runs: in an event loop of its own."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[tuple[MessageStore, Spool, Path]]:
    spool = Spool(tmp_path / "spool")
    folder = tmp_path / "messages"
    store = MessageStore(folder, spool)
    async with asyncio.timeout(LONGEST_SECONDS):
        yield store, spool, folder
        await store.close()


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A file that grows beyond ``size`` bytes fails to, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


SPOKEN = wav.write(one_after_another(silence(1), tone(2), silence(0.5)))


@pytest.mark.fault("38")
def test_no_two_messages_ever_have_one_name_and_none_can_be_guessed(tmp_path: Path) -> None:
    store = MessageStore(tmp_path, Spool(tmp_path / "spool"))
    random.seed(1)
    first = [store.new_name() for _ in range(5000)]
    random.seed(1)
    more = [store.new_name() for _ in range(5000)]
    assert len({*first, *more}) == 10_000
    assert all(re.fullmatch(r"voicemail-[0-9a-f]{32}", name) for name in [*first, *more])
    bits = [int(name.partition("-")[2], 16) for name in first]
    stuck = [bit for bit in range(128) if not 2200 < sum(one >> bit & 1 for one in bits) < 2800]
    assert not stuck, "these bits are not random"


@pytest.mark.promise("CAL-08")
@in_a_loop
async def test_a_message_is_kept_as_wav_and_mp3_of_one_length_and_leaves_asterisks_spool(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        name = store.new_name()
        spool.put(name, SPOKEN)
        recorded = await store.take(name)
        assert (recorded.name, recorded.seconds, recorded.trouble) == (name, 3.5, "")
        assert recorded.voiced_seconds == pytest.approx(2.0, abs=0.02)
        assert (names(folder), spool.left()) == ([f"{name}.wav"], [name])
        store.keep(name)
    assert (names(folder), spool.left()) == ([f"{name}.mp3", f"{name}.wav"], [])
    assert (folder / f"{name}.wav").read_bytes() == SPOKEN
    frames = mpeg_frames((folder / f"{name}.mp3").read_bytes())
    assert 3.5 <= frames * 0.072 <= 3.5 + 3 * 0.072


@pytest.mark.fault("25")
@in_a_loop
async def test_what_is_no_message_leaves_nothing_behind(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("short", wav.write(tone(0.3)))
        assert (await store.take("short")).seconds == 0.3
        store.discard("short")
    assert (names(folder), spool.left()) == ([], [])


@pytest.mark.fault("25")
@in_a_loop
async def test_a_caller_who_sent_no_sound_left_nothing_and_nothing_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        assert await store.take("never-written") == Recorded("never-written", 0.0, 0.0)
        spool.put("header-only", wav.write(wav.NOTHING))
        assert await store.take("header-only") == Recorded("header-only", 0.0, 0.0)
        store.discard("never-written")
        store.discard("header-only")
    assert (names(folder), spool.left()) == ([], [])


@pytest.mark.fault("24")
@in_a_loop
async def test_an_empty_file_is_no_message_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Asterisk's disk was full from the beginning: it says all the same that the recording is done."""
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("empty", b"")
        assert await store.take("empty") == Recorded("empty", 0.0, 0.0)
        store.discard("empty")
    assert (names(folder), spool.left(), store.failures["empty"]) == ([], [], 1)
    assert "recording empty is an empty file: is the disk full that Asterisk records on?" in caplog.text


@pytest.mark.parametrize("mask", [0o000, 0o077])
@in_a_loop
async def test_nobody_else_can_read_a_message_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        async with opened(tmp_path) as (store, spool, folder):
            spool.put("secret", SPOKEN)
            await store.take("secret")
            store.keep("secret")
    assert mode(folder) == 0o700
    assert [mode(path) for path in folder.iterdir()] == [0o600, 0o600]


def test_a_folder_that_others_could_enter_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "messages"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    MessageStore(folder, Spool(tmp_path / "spool"))
    assert mode(folder) == 0o700


@pytest.mark.fault("8")
@in_a_loop
async def test_a_recording_that_a_crash_left_with_sizes_of_0_is_kept_with_true_ones(tmp_path: Path) -> None:
    crashed = bytearray(SPOKEN)
    crashed[4:8] = crashed[40:HEADER] = bytes(4)
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("crashed", bytes(crashed))
        assert (await store.take("crashed")).seconds == 3.5
    assert (folder / "crashed.wav").read_bytes() == SPOKEN


@pytest.mark.fault("24")
@pytest.mark.parametrize("content", [b"<html>502</html>", SPOKEN[:30], SPOKEN[:22] + b"\x02" + SPOKEN[23:]])
@in_a_loop
async def test_what_is_no_recording_is_told_and_stays_in_the_spool(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("odd", content)
        recorded = await store.take("odd")
    assert (recorded.seconds, recorded.voiced_seconds) == (0.0, 0.0)
    assert recorded.trouble.startswith("the ")
    assert (names(folder), spool.left()) == ([], ["odd"])
    assert "recording odd could not be kept, it stays in Asterisk's spool: the " in caplog.text


@in_a_loop
async def test_a_recording_that_cannot_be_fetched_says_why_and_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("far", SPOKEN)
        spool.away = "fetching it failed: 500"
        assert await store.take("far") == Recorded("far", 0.0, 0.0, "fetching it failed: 500", waits_at="ari-app")
    assert (names(folder), spool.left()) == ([], ["far"])
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.fault("24")
@in_a_loop
async def test_a_full_disk_keeps_no_half_of_a_message_and_the_recording_stays(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("long", SPOKEN)
        with files_of_at_most(20_000):
            recorded = await store.take("long")
        assert recorded.trouble == "[Errno 27] File too large"
        assert not (folder / "long.wav").exists()
        assert spool.left() == ["long"]
        assert (await store.take("long")).seconds == 3.5, "with room again the same recording is kept"
    assert (folder / "long.wav").read_bytes() == SPOKEN


@pytest.mark.fault("24")
@in_a_loop
async def test_a_folder_that_is_gone_is_told_and_the_recording_stays(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("homeless", SPOKEN)
        shutil.rmtree(folder)
        assert "No such file or directory" in (await store.take("homeless")).trouble
    assert spool.left() == ["homeless"]


@pytest.mark.fault("24")
@pytest.mark.parametrize("obstacle", ["full", "gone", "a file"])
@in_a_loop
async def test_trouble_with_the_folder_is_told_until_it_works_again(
    tmp_path: Path, obstacle: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("a", SPOKEN)
        limit = files_of_at_most(20_000) if obstacle == "full" else nullcontext()
        if obstacle != "full":
            folder.rmdir()
        if obstacle == "a file":
            folder.touch()
        with limit:
            assert (await store.take("a")).waits_at == "ari-app"
            assert store.trouble
            if obstacle != "gone":
                assert not await store.works()
                assert store.trouble
        if obstacle == "a file":
            folder.unlink()
        assert await store.works()
        assert store.trouble == ""
        assert names(folder) == []
        assert (await store.take("a")).seconds == 3.5
    assert mode(folder) == 0o700
    told = [record.getMessage() for record in caplog.records]
    assert sum("they stay in Asterisk's spool" in text for text in told) == 1
    assert told[-1] == f"recordings can be kept in {folder} again"


@pytest.mark.fault("24")
@in_a_loop
async def test_a_controller_starts_without_a_folder_for_messages(tmp_path: Path) -> None:
    """Calls are taken, and what is recorded waits in Asterisk."""
    (tmp_path / "messages").touch()
    async with opened(tmp_path) as (store, spool, _):
        assert store.trouble
        spool.put("a", SPOKEN)
        assert (await store.take("a")).waits_at == "ari-app"


@pytest.mark.fault("8")
@in_a_loop
async def test_what_was_taken_is_judged_again_without_being_fetched_again(tmp_path: Path) -> None:
    """As after a kill between the taking and the journal: Asterisk may have it no more."""
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("a", SPOKEN)
        await store.take("a")
        spool.away = "no connection"
        assert await store.take("a") == await store.take("a")
        spool.away = ""
        (spool.folder / "a").unlink()
        assert (await store.take("a")).seconds == 3.5
        store.keep("a")
    assert names(folder) == ["a.mp3", "a.wav"]


@in_a_loop
async def test_what_could_not_be_removed_in_asterisk_is_removed_later(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, _):
        spool.put("a", SPOKEN)
        await store.take("a")
        spool.away = "no connection"
        store.keep("a")
        await spool.deleted.wait()
        await asyncio.gather(*store._pending)
        assert await store.works()
        assert spool.left() == ["a"]
        spool.away = ""
        assert await store.works()
        assert spool.left() == []


KILLED = """
import asyncio, sys
from pathlib import Path
from ari_app.audio import mp3
from ari_app.message_store import MessageStore

class Nowhere:
    source = "ari-app"

def encode(audio, whole=mp3.encode):
    print("encoding", flush=True)
    return whole(audio)

mp3.encode = encode
asyncio.run(MessageStore(Path(sys.argv[1]), Nowhere()).encode_missing())
"""


@pytest.mark.fault("26")
@pytest.mark.parametrize("after", [0.0, 0.2])
def test_whoever_is_killed_in_a_conversion_leaves_a_wav_and_no_half_of_an_mp3(tmp_path: Path, after: float) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    spoken = wav.write(wav.Audio(np.tile(tone(60).samples, 20)))
    (folder / "long.wav").write_bytes(spoken)
    program = [sys.executable, "-c", KILLED, str(folder)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"encoding\n"
        with suppress(subprocess.TimeoutExpired):
            process.wait(after)
        process.kill()
    assert not (folder / "long.mp3").exists()
    assert (folder / "long.wav").read_bytes() == spoken
    half = folder / ".long.mp3.1.part"  # as of one killed a little later
    half.write_bytes(spoken[:1000])
    os.utime(half, (0, 0))
    assert asyncio.run(MessageStore(folder, Spool(tmp_path / "spool")).encode_missing()) == 1
    assert mpeg_frames((folder / "long.mp3").read_bytes()) >= 1200 / 0.072
    assert names(folder) == ["long.mp3", "long.wav"]


@pytest.mark.fault("26")
@in_a_loop
async def test_after_a_failed_conversion_the_wav_is_kept_and_the_mp3_is_made_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("stubborn", SPOKEN)
        await store.take("stubborn")
        obstacle = folder / f".stubborn.mp3.{os.getpid()}.part"
        obstacle.mkdir()
        store.keep("stubborn")
        await spool.deleted.wait()
        assert "recording stubborn: its wav is kept, the rest is tried again" in caplog.text
        assert (folder / "stubborn.wav").read_bytes() == SPOKEN
        assert not (folder / "stubborn.mp3").exists()
        obstacle.rmdir()
        assert await store.encode_missing() == 1
        assert mpeg_frames((folder / "stubborn.mp3").read_bytes())
        assert await store.encode_missing() == 0


@pytest.mark.fault("26")
@in_a_loop
async def test_a_wav_that_cannot_be_encoded_holds_up_none_of_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as (store, _, folder):
        for name in ("a", "c"):
            (folder / f"{name}.wav").write_bytes(SPOKEN)
        (folder / "b.wav").write_bytes(b"no wav")
        assert await store.encode_missing() == 2
    assert names(folder) == ["a.mp3", "a.wav", "b.wav", "c.mp3", "c.wav"]
    assert "recording b: its mp3 cannot be made: the file is not a wav" in caplog.text


@pytest.mark.fault("25")
@in_a_loop
async def test_what_is_not_judged_yet_gets_no_mp3_that_would_outlive_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("perhaps", SPOKEN)
        await store.take("perhaps")
        assert await store.encode_missing() == 0
        store.discard("perhaps")
        spool.away = "no connection"
        await store.take("never")
    assert names(folder) == []


@in_a_loop
async def test_a_long_recording_is_listened_to_beside_the_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listeners = []
    judge = vars(wav.Audio)["voiced_seconds"].fget

    def listened(audio: wav.Audio) -> float:
        listeners.append(threading.current_thread())
        return float(judge(audio))

    monkeypatch.setattr(wav.Audio, "voiced_seconds", property(listened))
    async with opened(tmp_path) as (store, spool, _):
        spool.put("hour", SPOKEN)
        await store.take("hour")
        store.discard("hour")
    assert listeners
    assert threading.main_thread() not in listeners


@pytest.mark.fault("26")
@in_a_loop
async def test_one_file_that_no_mp3_can_be_made_of_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, _, folder):
        for number in range(8):
            (folder / f"message-{number}.wav").write_bytes(b"broken" if number % 2 else SPOKEN)
        assert await store.encode_missing() == 4
    assert {path.stem for path in folder.glob("*.mp3")} == {f"message-{number}" for number in (0, 2, 4, 6)}


@in_a_loop
async def test_a_message_that_stays_in_the_spool_is_kept_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("twice", SPOKEN)
        await store.take("twice")
        spool.away = "removing it failed: no connection"
        store.keep("twice")
    assert (names(folder), spool.left()) == (["twice.mp3", "twice.wav"], ["twice"])
    (told,) = caplog.records
    assert told.levelno == logging.WARNING
    assert "settled here, but stays in Asterisk's spool: removing it failed: no connection" in told.getMessage()


@in_a_loop
async def test_many_messages_at_once_are_each_kept_whole(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        lengths = {store.new_name(): (1 + number) / 10 for number in range(40)}
        for name, seconds in lengths.items():
            spool.put(name, wav.write(tone(seconds)))
        taken = await asyncio.gather(*map(store.take, lengths))
        assert {one.name: one.seconds for one in taken} == lengths
        for name in lengths:
            store.keep(name)
    assert names(folder) == sorted(f"{name}.{ending}" for name in lengths for ending in ("wav", "mp3"))
    assert {name: wav.read((folder / f"{name}.wav").read_bytes()).seconds for name in lengths} == lengths
    assert spool.left() == []


@pytest.mark.fault("18")
@in_a_loop
async def test_a_disk_that_hangs_holds_up_neither_the_calls_nor_the_next_message(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        spool.put("stuck", SPOKEN)
        spool.put("free", SPOKEN)
        pipe = folder / f".stuck.wav.{os.getpid()}.part"
        os.mkfifo(pipe)  # opening it for writing waits for somebody who reads
        stuck = asyncio.create_task(store.take("stuck"))
        try:
            assert (await store.take("free")).seconds == 3.5
            assert not stuck.done()
        finally:
            reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
            recorded = await stuck
            os.close(reader)
        assert "Invalid argument" in recorded.trouble, "a pipe cannot be synced, so it was not kept"
    assert names(folder) == ["free.wav"]


@in_a_loop
async def test_closing_waits_for_what_is_under_way(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, spool, folder):
        for number in range(5):
            spool.put(f"late-{number}", SPOKEN)
            await store.take(f"late-{number}")
            store.keep(f"late-{number}")
        assert spool.left()
    assert len(list(folder.glob("*.mp3"))) == 5
    assert spool.left() == []

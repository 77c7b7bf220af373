"""The sending process itself: threads, a clock, several processes at once, signals, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.core.messages import Intent
from ari_app.core.release import Limits
from ari_app.gateways.configuration import load_gateways
from ari_app.outbox_ports import Attempted, NotYet, Passed
from ari_app.sender import RecordingsFolder, Sender, limits_of
from ari_app.settings import Settings
from ari_app.storage.outbox import open_for_sending
from ari_app.storage.outbox_counts import Pace, Turn, take_turn
from ari_app.storage.outbox_schema import sending_pace
from tests.outbox.clocks import NOON, Clock
from tests.outbox.messages import a_call, a_rule, apology, mobile, queue, states, text, the
from tests.outbox.senders import ROOM, ScriptedGateway, TestSender

ARI_APP = Path(sys.executable).with_name("ari-app")
ALWAYS: dict[str, Any] = {"sending_hours": "00:00-24:00", "sending_rate": "1000"}


def now_due(number: int, **other: Any) -> Intent:
    now = datetime.now(UTC)
    return text(number, **{"due_at": now, "expires_at": now + timedelta(hours=1), **other})


def inbox(folder: Path) -> list[str]:
    """To whom messages went, in the order of the test inbox."""
    file = folder / "inbox.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line)["to"] for line in lines]


@contextmanager
def sender_in(url: str, folder: Path, **options: Any) -> Iterator[Sender]:
    settings = Settings(database_url=url, inbox_folder=folder, **ALWAYS)
    engine = open_for_sending(url, pool_size=8)
    sender = Sender(settings, engine, load_gateways(None, folder), {}, **options)
    try:
        yield sender
    finally:
        sender.stop(1.0)
        engine.dispose()


def environment(url: str, folder: Path, **more: str) -> dict[str, str]:
    given = {"database_url": url, "inbox_folder": str(folder), **ALWAYS, **more}
    return {"PATH": os.environ["PATH"], **{f"ARI_APP_{name.upper()}": value for name, value in given.items()}}


def run(url: str, folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ARI_APP, "sender", *arguments],
        env=environment(url, folder, **more),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_is_due_is_sent_and_a_run_for_cron_ends_then(engine: sa.Engine, url: str, tmp_path: Path) -> None:
    queue(engine, *(now_due(number) for number in range(30)))
    queue(engine, now_due(99, due_at=datetime.now(UTC) + timedelta(minutes=30)))
    done = run(url, tmp_path, "--once")
    assert done.returncode == 0, done.stderr
    assert sorted(inbox(tmp_path)) == [mobile(number) for number in range(30)]
    assert states(engine)["queued"] == 1
    assert "test mode" in done.stderr
    assert mobile(7) not in done.stderr, "numbers are masked in logs"


@pytest.mark.promise("OUR-04")
def test_processes_share_the_work_and_one_that_is_told_to_stop_finishes_what_it_has(
    engine: sa.Engine, url: str, tmp_path: Path
) -> None:
    processes = [
        subprocess.Popen(
            [ARI_APP, "sender", "--workers", "3"],
            env=environment(url, tmp_path, sending_rate="100"),
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    first, second = processes
    assert first.stderr is not None
    assert second.stderr is not None
    for process in processes:  # else the one that is up first might send all of it
        assert "sender is running" in process.stderr.readline()  # type: ignore[union-attr]
    queue(engine, *(now_due(number) for number in range(300)))
    for _ in zip(range(20), (line for line in first.stderr if " through " in line), strict=False):
        pass
    first.send_signal(signal.SIGTERM)
    assert "stopping" in first.communicate(timeout=30)[1]
    assert first.returncode == 0
    for line in second.stderr:
        if " through " in line and set(states(engine)) <= {"sent", "delivered"}:
            break
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=30)
    assert sorted(inbox(tmp_path)) == [mobile(number) for number in range(300)]
    assert sum(states(engine).values()) == 300


def test_a_message_queued_while_the_sender_runs_goes_within_moments(
    engine: sa.Engine, url: str, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [ARI_APP, "sender", "--log-format", "json"],
        env=environment(url, tmp_path),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "sender is running" in process.stderr.readline()
    began = datetime.now(UTC)
    queue(engine, now_due(1))
    told = json.loads(next(line for line in process.stderr if "message 1 " in line))
    took = (datetime.fromisoformat(told["time"]) - began).total_seconds()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert inbox(tmp_path) == [mobile(1)]
    assert took < 10, "twice a second it looks; the machine may be slow"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"sending_hours": "20:00-09:00"}, "the window opens at 20:00 and closes at 09:00"),
        ({"sending_zone": "Mars/Base"}, "zone 'Mars/Base' is unknown"),
        ({"sms_month_budget": "100"}, "ARI_APP_SMS_MONTH_BUDGET stops nothing while ARI_APP_SMS_PRICE is 0"),
        ({"gateways_file": "/nowhere.yaml"}, "/nowhere.yaml cannot be read"),
    ],
)
def test_settings_that_make_no_sense_are_told_before_anything_is_sent(
    sqlite_url: str, tmp_path: Path, setting: dict[str, str], said: str
) -> None:
    done = run(sqlite_url, tmp_path, "--once", **setting)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_threads_send_each_message_once(engine: sa.Engine, url: str, tmp_path: Path) -> None:
    queue(engine, *(now_due(number) for number in range(120)))
    with sender_in(url, tmp_path, workers=8) as sender:
        sender.send_what_is_due()
    assert sorted(inbox(tmp_path)) == [mobile(number) for number in range(120)]


def test_what_is_not_begun_is_given_back_at_the_stop(engine: sa.Engine, url: str, tmp_path: Path) -> None:
    queue(engine, *(now_due(number) for number in range(20)))
    with sender_in(url, tmp_path) as sender:
        sender.look()
        assert the(engine).lease is not None
    assert the(engine).lease is None
    assert states(engine) == {"queued": 20}


@pytest.mark.fault("32")
@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_the_scheduler_goes_on_when_the_clock_is_set(
    sqlite_url: str, tmp_path: Path, seconds: int, caplog: pytest.LogCaptureFixture
) -> None:
    """APScheduler goes by the wall clock: an hour back, and its next look would be in an hour."""
    noted, called, stop = threading.Event(), threading.Event(), threading.Event()

    class Noted(Clock):
        def monotonic(self) -> float:
            noted.set()
            return super().monotonic()

    clock = Noted(datetime.now(UTC))
    with sender_in(sqlite_url, tmp_path, wall=clock.now, monotonic=clock.monotonic) as sender:

        def was_set() -> None:
            called.set()
            stop.set()

        sender.clock_was_set = was_set  # type: ignore[method-assign]
        minding = threading.Thread(target=sender.run_until, args=(stop,))
        minding.start()
        assert noted.wait(10)
        clock.jump_to(clock.now() + timedelta(seconds=seconds))
        assert called.wait(10)
        minding.join()
    assert f"the clock was set by {seconds:+} s" in caplog.text


def test_when_the_clock_was_set_every_job_is_due_now(engine: sa.Engine, url: str, tmp_path: Path) -> None:
    with sender_in(url, tmp_path) as sender:
        sender.start()
        sender._clock.pause()  # else a job that is due may have run, and be due in an hour, before anybody looks
        far = datetime.now(UTC) + timedelta(hours=1)
        for job in sender._clock.get_jobs():
            job.modify(next_run_time=far)
        sender.clock_was_set()
        assert all(job.next_run_time < far - timedelta(minutes=50) for job in sender._clock.get_jobs())


def test_the_cap_holds_with_many_senders_at_once(engine: sa.Engine) -> None:
    queue(engine, *(text(number) for number in range(40)))
    gateway = ScriptedGateway()
    senders = [TestSender(engine, Clock(), [gateway], Limits(day_cap=13), rate=1e9) for _ in range(4)]
    held = senders[0].outbox.claim(ROOM)

    def attend(place: int) -> None:
        one = senders[place % 4]
        while isinstance(one.outbox.attend(held[place]), NotYet):
            one.clock.pass_by(0.001)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(attend, range(40)))
    assert states(engine) == {"sent": 13, "queued": 27}
    assert len(gateway.letters) == 13


@pytest.mark.promise("FLD-12")
def test_of_two_apologies_judged_at_the_same_moment_one_goes(engine: sa.Engine) -> None:
    rule = a_rule(engine)
    for number in range(10):
        pair = [a_call(engine, f"call {number}{half}") for half in "ab"]
        recipient = mobile(number)
        mine = {"recipient": recipient, "client": recipient}
        queue(engine, *(apology(call, rule, **mine) for call in pair))
    gateway = ScriptedGateway()
    one = TestSender(engine, Clock(), [gateway], rate=1e9)
    held = one.outbox.claim(ROOM)

    def attend(place: int) -> None:
        other = TestSender(engine, Clock(NOON), [gateway], rate=1e9)
        while isinstance(done := other.outbox.attend(held[place]), NotYet):
            other.clock.pass_by(0.001)
        assert isinstance(done, Attempted) == (the(engine, held[place].id).state is State.SENT)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(attend, range(20)))
    assert states(engine) == {"sent": 10, "cancelled": 10}
    assert len({letter.recipient for letter in gateway.letters}) == 10


@pytest.mark.promise("FLD-12")
def test_one_that_became_visible_while_another_was_judged_waits_for_that_judgement(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL gives ids before transactions commit: an earlier apology may appear when a later one has looked."""
    engine = open_for_sending(postgresql_url)
    rule = a_rule(engine)
    calls = [a_call(engine, name) for name in ("earlier", "later")]
    queue(engine, *(apology(call, rule, due_at=NOON - timedelta(minutes=1)) for call in calls))
    one = TestSender(engine, Clock(), [ScriptedGateway()])
    earlier, later = one.outbox.claim(ROOM)
    with engine.begin() as hidden:
        hidden.execute(sa.text("UPDATE messages SET state = 'cancelled' WHERE id = 1"))
    judged, go_on = threading.Event(), threading.Event()

    def slowly(*given: Any) -> bool:
        if not judged.is_set():
            judged.set()
            assert go_on.wait(10)
        return take_turn(*given)

    monkeypatch.setattr("ari_app.storage.outbox.take_turn", slowly)
    with ThreadPoolExecutor(2) as threads:
        of_later = threads.submit(one.outbox.attend, later)
        assert judged.wait(10)
        with engine.begin() as appears:
            appears.execute(sa.text("UPDATE messages SET state = 'queued' WHERE id = 1"))
        of_earlier = threads.submit(TestSender(engine, Clock(), [ScriptedGateway()]).outbox.attend, earlier)
        with engine.connect() as observer:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
            while not observer.scalar(sa.text(waiting)) and not of_earlier.done():
                observer.rollback()
        go_on.set()
        assert of_later.result() == Attempted(State.SENT)
        assert isinstance(of_earlier.result(), Passed)
    assert [the(engine, number).state.value for number in (1, 2)] == ["cancelled", "sent"]
    engine.dispose()


@pytest.mark.parametrize(("rate", "both"), [(10.0, False), (1e9, True)])
def test_of_two_that_saw_the_same_turn_the_second_looks_again(postgresql_url: str, rate: float, both: bool) -> None:
    engine = open_for_sending(postgresql_url)
    pace = Pace("sms", rate)
    with engine.begin() as connection:
        assert take_turn(connection, Turn(pace, None), NOON - timedelta(minutes=1))
    with engine.connect() as connection:
        seen: datetime | None = connection.scalar(sa.select(sending_pace.c.next_at))
    with ThreadPoolExecutor(1) as threads, engine.connect() as first, engine.connect() as second:
        assert take_turn(first, Turn(pace, seen), NOON)
        answer = threads.submit(take_turn, second, Turn(pace, seen), NOON)
        with engine.connect() as observer:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while not observer.scalar(sa.text(waiting)) and not answer.done():
                observer.rollback()
        first.commit()
        assert answer.result() is both
    engine.dispose()


def test_a_recording_is_found_in_its_folder_alone(tmp_path: Path) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    (folder / "voicemail-1.wav").touch()
    (tmp_path / "secret.wav").touch()
    recordings = RecordingsFolder(folder)
    assert recordings.find("voicemail-1") == str(folder / "voicemail-1.wav")
    (folder / "voicemail-1.mp3").touch()
    assert recordings.find("voicemail-1") == str(folder / "voicemail-1.mp3")
    assert recordings.find("voicemail-2") is None
    assert recordings.find("../secret") is None


def test_limits_are_those_of_the_settings() -> None:
    limits = limits_of(Settings(sms_day_cap=5, text_allowed_prefixes=("+380",), region="PL"))
    assert (limits.day_cap, limits.texts.allowed_prefixes, limits.texts.region) == (5, ("+380",), "PL")
    assert str(limits.window) == "09:00-20:00 UTC+03:00"

"""Recordings that cannot be taken when their call ends: no voice is lost, and the message joins its call later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ari_app.ari.takingup import GIVE_UP_SECONDS
from tests.e2e.full_disk import no_room
from tests.e2e.house import Caller, House, Stage
from tests.e2e.journal import JournalledCall, Row, Voicemail
from tests.e2e.sipp import ticks
from tests.e2e.test_apologies import outbox, plan
from tests.e2e.test_voicemail import files_of, message
from tests.e2e.voice import Key, Silence, Speech
from tests.monitoring.scraping import Endpoint, free_port

LOST_SECONDS = 2.1
"""Of a voice, at most, when Asterisk is killed: it writes blocks of 32 KiB."""
BLOCKS = 2 * 32 * 1024


@pytest.fixture(scope="module")
def rough(new_house: Callable[..., House]) -> House:
    """An installation whose parts the stories kill; its controller is watched."""
    return new_house(monitor_port=free_port())


@pytest.fixture
def scene(rough: House) -> Iterator[Stage]:
    """A story with Asterisk and the controller up at its beginning."""
    if rough.asterisk.pid is None:
        rough.asterisk.start()
    if not rough.controller.running:
        rough.controller.start()
    with rough.story() as stage:
        yield stage


@pytest.fixture
def endpoint(rough: House) -> Endpoint:
    """Where its controller is watched."""
    return Endpoint(int(str(rough.controller.setting("monitor_port"))))


def recorded(house: House, size: int) -> Path:
    """The recording under way, once so many bytes of it are on disk."""
    for _ in ticks(15):
        for path in house.asterisk.recordings.glob("voicemail-*.wav"):
            if path.stat().st_size >= size:
                return path
    raise AssertionError("nothing was recorded\n" + "\n".join(house.controller.lines[-20:]))


def killed_while_recording(stage: Stage, number: str) -> tuple[Caller, float]:
    """Asterisk is killed in the midst of a message; the caller, and how long it had spoken by then."""
    caller = stage.call(number, Speech(60))
    recorded(stage.house, BLOCKS)
    stage.house.asterisk.kill()
    killed_at = time.time()
    assert caller.voice.loud_until is not None
    vanish(stage, caller)
    return caller, killed_at - caller.voice.loud_until


def vanish(stage: Stage, caller: Caller) -> None:
    """End a caller to whom nobody says BYE."""
    caller.sipp.stop()
    caller.voice.close()
    stage.callers.remove(caller)


def entered(house: House, number: str, seconds: float = 20) -> JournalledCall:
    """The call to a number, once its recording is owed no more."""
    sql = "SELECT count(*) AS n FROM owed_recordings JOIN calls ON calls.id = call_id WHERE dialled_raw = ?"
    house.database.closed(number, seconds=seconds)
    for _ in ticks(seconds):
        if not house.database.rows(sql, number)[0]["n"]:
            return house.database.calls(number)[0]
    raise AssertionError("it is owed still\n" + "\n".join(house.controller.lines[-20:]))


def owed(house: House) -> list[Row]:
    """What the journal owes."""
    return house.database.rows("SELECT * FROM owed_recordings")


def kinds(call: JournalledCall) -> list[str]:
    return [event["kind"] for event in call.events]


def announced(house: House, call: JournalledCall) -> None:
    """The team hears of the message, the caller gets no apology, and nothing is said twice."""
    messages = outbox(house, call)
    told = [(row["kind"], row["channel"]) for row in messages]
    assert len(told) == len(set(told))
    assert {("voicemail_left", "sms"), ("voicemail_notice", "email")} <= set(told)
    assert not {kind for kind, _ in told} & {"apology", "missed", "missed_call_ticket"}
    [left] = call.messages
    assert {row["attachment"] for row in messages if row["kind"] == "voicemail_notice"} == {left["name"]}


@pytest.mark.fault("8")
@pytest.mark.parametrize("for_long", [False, True], ids=["back-at-once", "back-after-the-controller-gave-up"])
def test_asterisk_killed_while_a_message_is_recorded(scene: Stage, for_long: bool) -> None:
    """The file has sizes of 0 in its header: it is fetched when Asterisk is back, repaired, judged and entered. Where
    the call had to be closed before that, it is owed to it, over a restart too, and nobody is told meanwhile."""
    house = scene.house
    number = plan(scene, Voicemail(max_seconds=120), types=True)
    mark = house.controller.mark
    caller, spoken = killed_while_recording(scene, number)
    if for_long:
        lost = caller.journalled(GIVE_UP_SECONDS + 10)
        assert lost.verdict == ("lost", "line_lost"), lost.told
        assert "recording_owed" in kinds(lost), lost.told
        assert outbox(house, lost) == [], "nobody is told before it is known what there is to tell"
        house.controller.kill()
    house.asterisk.start()
    if for_long:
        house.controller.start()
    else:
        house.controller.said("connected$", since=mark, seconds=2)
    call = entered(house, number)
    assert call.verdict == ("message_left", "message"), call.told
    audio = message(house, call)
    assert spoken - LOST_SECONDS <= audio.seconds <= spoken + 0.3
    assert audio.voiced_seconds > audio.seconds / 2
    assert kinds(call).count("message_left") == 1
    announced(house, call)


@pytest.mark.fault("8")
def test_what_was_hardly_begun_when_asterisk_was_killed_is_no_message(scene: Stage) -> None:
    """Nothing of it is on disk: the call stays lost, and its caller gets the apology that this deserves."""
    house = scene.house
    number = plan(scene, Voicemail(max_seconds=120), types=True)
    before = files_of(house)
    caller = scene.call(number, Speech(60))
    for _ in ticks(10):
        if any(call.details("recording_began") for call in house.database.calls(number)):
            break
    house.asterisk.kill()
    vanish(scene, caller)
    house.asterisk.start()
    call = entered(house, number)
    assert call.verdict == ("lost", "line_lost"), call.told
    assert call.details("message_discarded")[0]["why"] == "too_short"
    assert [row["kind"] for row in outbox(house, call)].count("apology") == 1
    assert files_of(house) == before


@pytest.mark.fault("24")
@pytest.mark.parametrize("room", [BLOCKS, 0], ids=["full-after-four-seconds", "full"])
def test_what_got_onto_asterisk_s_full_disk_is_kept_and_a_message_that_did_not_is_told(scene: Stage, room: int) -> None:
    """Asterisk ends the recording when it cannot write, and says that it is done; the file says what there is."""
    house = scene.house
    if house.asterisk.kind.name == "docker":
        pytest.skip("limits of a container are not those of Docker's client")
    number, before = plan(scene, Voicemail(), types=True), files_of(house)
    mark = house.controller.mark
    with no_room(house.asterisk, room):
        caller = scene.call(number, Speech(10), Key("#"), Silence(5))
        caller.over()
    call = caller.journalled()
    if room:
        assert call.verdict == ("message_left", "message"), call.told
        assert message(house, call).seconds == pytest.approx(room / 16_000, abs=0.1)
    else:
        assert call.verdict == ("lost", "no_message"), call.told
        house.controller.said("is an empty file: is the disk full that Asterisk records on", since=mark)
        assert [row["kind"] for row in outbox(house, call)].count("apology") == 1
        house.tidy()
        assert files_of(house) == before


@pytest.mark.fault("24")
def test_a_recording_folder_that_is_missing_at_asterisk_is_told(scene: Stage) -> None:
    """Debian's package lacks it: Asterisk refuses to record, the call is lost, and its caller gets the apology."""
    house = scene.house
    number = plan(scene, Voicemail(), types=True)
    aside = house.asterisk.recordings.with_name("aside")
    house.asterisk.recordings.rename(aside)
    try:
        caller = scene.call(number, Speech(5))
        caller.over()
    finally:
        aside.rename(house.asterisk.recordings)
    call = caller.journalled()
    assert call.verdict == ("lost", "trouble"), call.told
    [trouble] = call.details("trouble")
    assert (trouble["what"], "could not record the caller" in trouble["why"]) == ("line", True)
    assert [row["kind"] for row in outbox(house, call)].count("apology") == 1


@contextmanager
def no_folder(house: House) -> Iterator[None]:
    """The messages folder is away, and where it was it cannot be made."""
    aside = house.messages.with_name("aside")
    house.messages.rename(aside)
    house.messages.touch()
    try:
        yield
    finally:
        house.messages.unlink()
        aside.rename(house.messages)


@pytest.mark.fault("24")
def test_a_message_is_kept_in_asterisk_while_there_is_no_folder_for_it(scene: Stage, endpoint: Endpoint) -> None:
    """It is told at once, in the log, by readiness and metrics; the message is entered once there is a folder."""
    house = scene.house
    number = plan(scene, Voicemail(), types=True)
    mark = house.controller.mark
    with no_folder(house):
        caller = scene.call(number, Speech(4), Key("#"), Silence(5))
        caller.over()
        assert caller.journalled().verdict == ("lost", "no_message")
        house.controller.said("recordings cannot be kept in .*they stay in Asterisk's spool", since=mark)
        [debt] = owed(house)
        assert (house.asterisk.recordings / f"{debt['name']}.wav").exists()
        [lack] = endpoint.until("/readyz", 503)["lacks"]
        assert lack["what"] == "messages"
        assert "ARI_APP_MESSAGES_FOLDER" in lack["mend"]
        endpoint.once(lambda scrape: scrape.value("ari_app_recordings_owed") == 1)
        assert endpoint.scrape().value("ari_app_recordings_writable") == 0
    call = entered(house, number)
    assert call.verdict == ("message_left", "message"), call.told
    message(house, call)
    announced(house, call)
    house.controller.said("recordings can be kept in .* again", since=mark)
    assert endpoint.until("/readyz", 200)["lacks"] == []
    scraped = endpoint.scrape()
    assert (scraped.value("ari_app_recordings_writable"), scraped.value("ari_app_recordings_owed")) == (1, 0)

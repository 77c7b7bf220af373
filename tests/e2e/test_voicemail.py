"""Voicemail: what ends a message, what counts as one, and that its files hold what the caller said."""

import stat
from pathlib import Path

import pytest

from ari_app.audio import wav
from tests.e2e.house import Caller, House, Stage, ring
from tests.e2e.journal import Greeting, HangUp, JournalledCall, Voicemail
from tests.e2e.sipp import ticks
from tests.e2e.voice import Key, Silence, Speech

TOLERANCE = 0.3
SOUNDS = Path(__file__).parent.parent.parent / "sounds"


def message(house: House, journalled: JournalledCall) -> wav.Audio:
    """The only message of a call, its wav and mp3 checked."""
    [row] = journalled.messages
    [left] = journalled.details("message_left")
    assert left["name"] == row["name"]
    audio = wav.read((house.messages / f"{row['name']}.wav").read_bytes())
    assert audio.seconds == pytest.approx(row["length_ms"] / 1000, abs=0.001)
    assert mp3_seconds(house.messages / f"{row['name']}.mp3") == pytest.approx(audio.seconds, abs=TOLERANCE)
    return audio


def mp3_seconds(path: Path) -> float:
    """The length of the frames in the file, once it is there: it is made behind the call."""
    for _ in ticks(5):
        if path.exists():
            break
    content, at, seconds = path.read_bytes(), 0, 0.0
    while at + 4 <= len(content):
        # ISO/IEC 13818-3 and its extension to 8 kHz: MPEG-2.5, layer III, 576 samples a frame.
        assert content[at] == 0xFF
        assert content[at + 1] & 0xFE == 0xE2, "MPEG-2.5, layer III"
        kbit = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)[content[at + 2] >> 4]
        assert content[at + 2] & 0x0C == 0x08, "8000 Hz"
        at += 72 * kbit * 1000 // 8000 + (content[at + 2] >> 1 & 1)
        seconds += 576 / 8000
    assert at == len(content), "the last frame is whole"
    return seconds


def files_of(house: House) -> set[str]:
    """What lies in the folder of messages."""
    return {path.name for path in house.messages.iterdir()}


def spoken(caller: Caller, until: float) -> float:
    """Seconds from the tone's end, as the caller heard it, until a moment."""
    assert caller.voice.loud_until is not None
    return until - caller.voice.loud_until


@pytest.mark.promise("CAL-08", "RNG-16", "CAL-05")
def test_nobody_answers_and_the_caller_leaves_a_message(stage: Stage) -> None:
    busy = stage.refusing("486 Busy Here")
    number = stage.plan(ring(busy), Voicemail())
    caller = stage.call(number, Speech(4), Key("#"), Silence(5))
    wire = caller.over()
    assert caller.voice.pressed_at is not None
    assert 0 < wire.one("BYE", sent=False).at - caller.voice.pressed_at < 1
    journalled = caller.journalled()
    assert journalled.verdict == ("message_left", "message")
    assert journalled.outcomes == [(busy.name, "busy")]
    audio = message(stage.house, journalled)
    assert audio.seconds == pytest.approx(spoken(caller, caller.voice.pressed_at), abs=TOLERANCE)
    assert audio.voiced_seconds > audio.seconds / 2


@pytest.mark.fault("38")
def test_messages_are_for_their_owners_eyes_and_their_names_cannot_be_guessed(stage: Stage) -> None:
    number = stage.plan(Voicemail())
    callers = [stage.call(number, Speech(2.5), Key("#"), Silence(5)) for _ in range(3)]
    for caller in callers:
        caller.over()
    calls = stage.house.database.closed(number, 3)
    names = {call.messages[0]["name"] for call in calls}
    assert len(names) == 3
    assert len({name[: len("voicemail-") + 6] for name in names}) == 3, "alike at the beginning"
    for call in calls:
        message(stage.house, call)
    assert stat.S_IMODE(stage.house.messages.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in stage.house.messages.iterdir()} == {0o600}


def test_silence_ends_the_message(stage: Stage) -> None:
    number = stage.plan(Voicemail(silence_seconds=2))
    caller = stage.call(number, Speech(2.5), Silence(10))
    ended = caller.over().one("BYE", sent=False).at
    journalled = caller.journalled()
    assert journalled.verdict == ("message_left", "message")
    answered = caller.wire.one(200).at
    assert ended - answered == pytest.approx(2.5 + 2, abs=0.7)
    assert message(stage.house, journalled).voiced_seconds > 0.5


def test_the_longest_message_ends_it(stage: Stage) -> None:
    number = stage.plan(Voicemail(max_seconds=5))
    caller = stage.call(number, Speech(12))
    ended = caller.over().one("BYE", sent=False).at
    assert spoken(caller, ended) == pytest.approx(5, abs=0.5)
    audio = message(stage.house, caller.journalled())
    assert audio.seconds == pytest.approx(5, abs=TOLERANCE)


def test_hung_up_while_recording_the_message_is_kept(stage: Stage) -> None:
    number = stage.plan(Voicemail())
    caller = stage.call(number, Speech(10), talk_ms=4000)
    ended = caller.over().one("BYE", sent=True).at
    journalled = caller.journalled()
    assert journalled.verdict == ("message_left", "message")
    assert message(stage.house, journalled).seconds == pytest.approx(spoken(caller, ended), abs=TOLERANCE)


@pytest.mark.fault("25")
@pytest.mark.parametrize(
    "says",
    [(Speech(2), Key("#")), (Silence(5), Key("#"))],
    ids=["short", "silent"],
)
def test_what_is_no_message_leaves_no_file(stage: Stage, says: tuple[Speech | Silence | Key, ...]) -> None:
    """Asterisk cuts the silence at a message's end off, so that a silent one is short as well."""
    before = files_of(stage.house)
    number = stage.plan(Voicemail(min_seconds=3))
    caller = stage.call(number, *says, Silence(5))
    caller.over()
    journalled = caller.journalled()
    assert journalled.verdict == ("lost", "no_message")
    [discarded] = journalled.details("message_discarded")
    assert discarded["why"] in {"too_short", "silent"}
    assert journalled.messages == []
    stage.house.tidy()
    for _ in ticks(2):  # removed behind the call
        if files_of(stage.house) == before:
            return
    assert files_of(stage.house) == before


@pytest.mark.fault("25")
def test_hung_up_the_instant_recording_begins_leaves_no_file(stage: Stage) -> None:
    before = files_of(stage.house)
    number = stage.plan(Voicemail())
    callers = [stage.call(number, Speech(3), talk_ms=talk_ms) for talk_ms in (750, 800, 850, 900, 950)]
    for caller in callers:
        caller.over()
    for call in stage.house.database.closed(number, len(callers)):
        assert call.verdict in {("lost", "no_message"), ("lost", "hung_up_in_greeting")}
        assert call.messages == []
    stage.house.tidy()
    assert files_of(stage.house) == before


@pytest.mark.promise("CAL-10")
def test_hung_up_while_greeting(stage: Stage) -> None:
    """The greeting that ships with the product: it is heard, and a call that ends in it is lost."""
    number = stage.plan(Voicemail(sound=None))
    caller = stage.call(number, Silence(5), talk_ms=2000)
    wire = caller.over()
    assert caller.voice.loud_from is not None
    assert caller.voice.loud_from - wire.one(200).at < 1
    journalled = caller.journalled()
    assert journalled.verdict == ("lost", "hung_up_in_greeting")
    assert journalled.details("prompt_began")[0]["greeting"] == "universal (ru)"


@pytest.mark.promise("CAL-10")
def test_a_greeting_of_the_scheme_s_own_is_played_before_the_destinations_ring(stage: Stage) -> None:
    phone = stage.answering(talk_ms=200)
    number = stage.plan(Greeting("en/greeting"), ring(phone), HangUp())
    caller = stage.call(number, Silence(20))
    rung = phone.sipp.until("INVITE", 12).at
    length = wav.read((SOUNDS / "en/greeting.wav").read_bytes()).seconds
    assert rung - caller.wire.one(200).at == pytest.approx(length, abs=0.5)
    assert caller.voice.loud_until is not None
    assert caller.voice.loud_until == pytest.approx(rung, abs=0.7)
    caller.over()
    assert caller.journalled().verdict == ("answered", "talked")


@pytest.mark.fault("16")
def test_a_greeting_whose_sound_is_missing_does_not_cost_the_message(stage: Stage) -> None:
    number = stage.plan(Voicemail(sound="own/nobody-recorded-this"))
    caller = stage.call(number, Speech(4), Key("#"), Silence(5))
    caller.over()
    journalled = caller.journalled()
    assert journalled.verdict == ("message_left", "message")
    assert journalled.at_ms("recording_began") < 3000
    message(stage.house, journalled)

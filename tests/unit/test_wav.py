"""A recording's file as it is: length and loudness, whatever its header claims; and the mp3 made of it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ari_app.audio import mp3, wav
from ari_app.audio.wav import RATE, Audio, NotAudio

HEADER = 44
FMT = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)


def tone(seconds: float, loudness_db: float = -20.0) -> Audio:
    """A tone of 440 Hz; loudness is its root mean square, in dB under the loudest sample."""
    at = np.arange(round(seconds * RATE)) / RATE
    samples = np.sin(2 * np.pi * 440 * at) * 2**0.5 * 10 ** (loudness_db / 20) * 32768
    return Audio(samples.round().astype(np.int16))


def silence(seconds: float) -> Audio:
    return Audio(np.zeros(round(seconds * RATE), dtype=np.int16))


def one_after_another(*parts: Audio) -> Audio:
    return Audio(np.concatenate([part.samples for part in parts]))


def riff(*chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 0) + b"WAVE" + b"".join(chunks)


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def read_or_refused(content: bytes) -> tuple[Audio, str]:
    """The audio, or why it is none; nothing else may come of any bytes."""
    try:
        return wav.read(content), ""
    except NotAudio as refusal:
        return wav.NOTHING, str(refusal)


def mpeg_frames(content: bytes) -> int:
    """How many frames an mp3 of MPEG 2.5, layer III has, each header looked at (ISO/IEC 11172-3, 2.4.1.3)."""
    frames = at = 0
    while at < len(content):
        sync, rates = content[at + 1], content[at + 2]
        assert content[at] == 0xFF
        assert sync & 0xFE == 0xE2, "not MPEG 2.5, layer III"
        assert rates >> 4 == 4, "not 32 kbit/s"
        assert rates >> 2 & 3 == 2, "not 8000 Hz"
        at += 72 * mp3.BIT_RATE * 1000 // RATE + (rates >> 1 & 1)
        frames += 1
    assert at == len(content), "the last frame is cut off"
    return frames


def test_what_is_written_is_read_back_as_it_was() -> None:
    audio = tone(1.5)
    content = wav.write(audio)
    assert content[:HEADER] == struct.pack("<4sI4s", b"RIFF", 24036, b"WAVE") + FMT + struct.pack(
        "<4sI", b"data", 24000
    )
    assert np.array_equal(wav.read(content).samples, audio.samples)


@given(st.lists(st.integers(-32768, 32767), max_size=400))
def test_any_samples_survive_writing_and_reading(samples: list[int]) -> None:
    audio = Audio(np.array(samples, dtype=np.int16))
    assert wav.read(wav.write(audio)).samples.tolist() == samples
    assert 0 <= audio.voiced_seconds <= audio.seconds == len(samples) / RATE


@pytest.mark.promise("CAL-08")
@pytest.mark.parametrize(
    ("audio", "seconds", "voiced"),
    [
        (wav.NOTHING, 0, 0),
        (tone(0.01), 0.01, 0),  # shorter than the 20 ms that are listened to at a time
        (silence(3), 3, 0),
        (tone(2), 2, 2),
        (tone(2, -44), 2, 2),
        (tone(2, -46), 2, 0),
        (tone(2, -55), 2, 0),
        (one_after_another(silence(1), tone(0.5), silence(2.5)), 4, 0.5),
    ],
)
def test_a_recording_is_as_long_and_as_loud_as_its_samples(audio: Audio, seconds: float, voiced: float) -> None:
    assert audio.seconds == seconds
    assert audio.voiced_seconds == pytest.approx(voiced)


@pytest.mark.fault("8")
@pytest.mark.parametrize("claimed", [0, 1 << 20, 0xFFFFFFFF])
def test_a_header_that_a_crash_left_unfinished_is_not_believed(claimed: int) -> None:
    content = bytearray(wav.write(tone(1)))
    content[4:8] = content[40:44] = struct.pack("<I", claimed)
    assert wav.read(bytes(content)).seconds == 1


def test_a_recording_cut_off_within_a_sample_loses_that_sample_alone() -> None:
    assert wav.read(wav.write(tone(1))[:-1]).seconds == 1 - 1 / RATE


def test_an_empty_recording_has_no_audio() -> None:
    content = wav.write(wav.NOTHING)
    assert len(content) == HEADER
    assert wav.read(content).seconds == 0


def test_other_chunks_are_passed_over_also_those_of_odd_length() -> None:
    body = tone(0.5).samples.tobytes()
    content = riff(chunk(b"LIST", b"odd"), FMT, chunk(b"cue ", b""), chunk(b"data", body), chunk(b"LIST", b"after"))
    assert wav.read(content).seconds == 0.5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"RIFF", "the file is not a wav"),
        (b"<html>Not Found</html>", "the file is not a wav"),
        (b"RIFF....AVI ", "the file is not a wav"),
        (riff(), "the wav has no data"),
        (riff(FMT), "the wav has no data"),
        (riff(FMT, b"dat"), "the wav has no data"),
        (riff(chunk(b"data", b"1234")), "the wav has no format before its data"),
        (riff(FMT[:20]), "the wav's format is cut off"),
        (riff(FMT.replace(b"\x01\x00\x01\x00", b"\x01\x00\x02\x00", 1)), "the wav is PCM, stereo, 8000 Hz, 16 bit"),
        (riff(FMT.replace(b"\x01\x00\x01\x00", b"\x01\x00\x06\x00", 1)), "the wav is PCM, 6 channels, 8000 Hz"),
        (riff(FMT.replace(b"\x01\x00\x01\x00", b"\x31\x00\x01\x00", 1)), "the wav is coded (format 49), mono"),
        (riff(FMT.replace(struct.pack("<I", RATE), struct.pack("<I", 16000), 1)), "the wav is PCM, mono, 16000 Hz"),
        (riff(FMT[:-2] + b"\x08\x00"), "8000 Hz, 8 bit; it must be plain PCM, mono, 8000 Hz, 16 bit"),
    ],
)
def test_what_is_no_wav_as_asterisk_records_says_in_what(content: bytes, said: str) -> None:
    with pytest.raises(NotAudio) as refusal:
        wav.read(content)
    assert said in str(refusal.value)


CHUNKS = st.builds(
    lambda name, size, body: name + struct.pack("<I", size) + body,
    st.sampled_from([b"fmt ", b"data", b"LIST", b"\xff\xff\xff\xff"]),
    st.integers(0, 40) | st.sampled_from([0x7FFFFFFF, 0xFFFFFFFF]),
    st.just(FMT[8:]) | st.binary(max_size=20),
)


@given(st.binary(max_size=80) | st.lists(CHUNKS | st.just(FMT), max_size=4).map(lambda chunks: riff(*chunks)))
@example(riff(FMT, b"data\0\0\0\0"))
def test_hostile_bytes_are_audio_or_are_not_and_nothing_else_happens(content: bytes) -> None:
    audio, refusal = read_or_refused(content)
    assert refusal.isprintable()
    assert 0 <= audio.voiced_seconds <= audio.seconds <= len(content) / 2 / RATE


@given(st.integers(0, HEADER - 1), st.integers(0, 255))
def test_a_header_with_a_wrong_byte_is_read_or_refused(at: int, byte: int) -> None:
    content = bytearray(wav.write(tone(0.1)))
    content[at] = byte
    audio, refusal = read_or_refused(bytes(content))
    assert (0 < audio.seconds <= 0.1) is not bool(refusal)


@given(st.integers(0, 2 * HEADER))
def test_a_wav_cut_off_anywhere_is_read_or_refused(length: int) -> None:
    content = wav.write(tone(0.1))[:length]
    if length < HEADER:
        with pytest.raises(NotAudio):
            wav.read(content)
    else:
        assert wav.read(content).seconds == (length - HEADER) // 2 / RATE


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 6.1, 60.0])
def test_the_mp3_is_as_long_as_the_wav(seconds: float) -> None:
    """Within the three frames of 72 ms that the encoder's delay and the filling of its last frame add."""
    frames = mpeg_frames(mp3.encode(tone(seconds)))
    assert seconds <= frames * 576 / RATE <= seconds + 3 * 0.072


def test_the_mp3_tells_speech_from_silence() -> None:
    assert mp3.encode(tone(1)) != mp3.encode(silence(1))

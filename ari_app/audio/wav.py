"""Reads a recording's wav as it is: the length and loudness of its audio, whatever its header claims."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

RATE = 8000
FRAME = RATE // 50
SILENCE_RMS = 10 ** (-45 / 20) * 32768
"""A 20 ms frame below -45 dBFS is silence: line noise of a quiet room lies near -55, speech above -35."""


class NotAudio(ValueError):
    """The file is not a wav as Asterisk records them (mono, 16 bit, 8000 Hz); the message says in what."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono 16-bit samples at 8000 Hz."""

    samples: np.ndarray[tuple[int], np.dtype[np.int16]]

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.samples) / RATE

    @property
    def voiced_seconds(self) -> float:
        """How much of it is louder than silence."""
        frames = self.samples[: len(self.samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float32)
        loud = np.sqrt(np.mean(frames**2, axis=1)) > SILENCE_RMS
        return float(np.count_nonzero(loud)) * FRAME / RATE


NOTHING = Audio(np.zeros(0, dtype=np.int16))


def read(content: bytes) -> Audio:
    """The audio in a wav file's bytes.

    Sizes in the header are not believed beyond the file's end: a recording cut off by a crash has sizes of 0 there
    (RIFF WAVE, "Multimedia Programming Interface and Data Specifications 1.0", IBM and Microsoft 1991).

    Raises:
        NotAudio: no RIFF WAVE, or another format than Asterisk records in.
    """
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise NotAudio("the file is not a wav" if content else "the file is empty")
    body = _data_chunk(content)
    return Audio(np.frombuffer(body[: len(body) // 2 * 2], dtype="<i2"))


def _data_chunk(content: bytes) -> bytes:
    at, checked = 12, False
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        at += 8
        if name == b"fmt ":
            _check_format(content[at : at + 16])
            checked = True
        elif name == b"data":
            if not checked:
                raise NotAudio("the wav has no format before its data")
            return content[at : at + size] if 0 < size <= len(content) - at else content[at:]
        at += size + size % 2
    raise NotAudio("the wav has no data")


def _check_format(chunk: bytes) -> None:
    if len(chunk) < 16:
        raise NotAudio("the wav's format is cut off")
    codec, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk)
    if (codec, channels, rate, bits) != (1, 1, RATE, 16):
        raise NotAudio(
            f"the wav is {_format(codec, channels)}, {rate} Hz, {bits} bit; it must be plain PCM, mono, 8000 Hz, 16 bit"
        )


def _format(codec: int, channels: int) -> str:
    coded = "PCM" if codec == 1 else f"coded (format {codec})"
    return f"{coded}, {({1: 'mono', 2: 'stereo'}).get(channels, f'{channels} channels')}"


def write(audio: Audio) -> bytes:
    """A whole wav file with a true header."""
    body = audio.samples.astype("<i2").tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(body),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        RATE,
        RATE * 2,
        2,
        16,
        b"data",
        len(body),
    )
    return head + body

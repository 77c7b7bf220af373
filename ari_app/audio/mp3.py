"""Makes the mp3 of a recording, and reads an mp3 that somebody uploads."""

from __future__ import annotations

import lameenc  # type: ignore[import-not-found]  # a compiled module without type hints
import miniaudio
import numpy as np

from ari_app.audio.wav import RATE, Audio, NotAudio

BIT_RATE = 32
"""kbit/s; speech of telephone band needs no more."""


def encode(audio: Audio) -> bytes:
    """The audio as an mp3 file; takes about 30 ms of processor time a minute of audio, so call it in a thread."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(BIT_RATE)
    encoder.set_in_sample_rate(RATE)
    encoder.set_channels(1)
    encoder.set_quality(5)
    encoder.silence()
    return bytes(encoder.encode(audio.samples.astype("<i2").tobytes())) + bytes(encoder.flush())


def seconds_of(content: bytes) -> float:
    """How long an mp3 plays, read off its frames without decoding it. Raises NotAudio."""
    try:
        return float(miniaudio.mp3_get_info(content).duration)
    except miniaudio.MiniaudioError:
        raise NotAudio("the file is no mp3 that can be read") from None


def decode(content: bytes) -> Audio:
    """The audio of an mp3 of any rate, its channels mixed to one. Raises NotAudio.

    It takes 1 MB of memory a minute of audio; ask `seconds_of` first whether it is short.
    """
    try:
        sound = miniaudio.decode(content, miniaudio.SampleFormat.SIGNED16, nchannels=1, sample_rate=RATE)
    except miniaudio.MiniaudioError:
        raise NotAudio("the file is no mp3 that can be read") from None
    return Audio(np.frombuffer(sound.samples.tobytes(), dtype=np.int16))

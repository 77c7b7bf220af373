"""A caller's voice: speaks, is silent and presses keys over RTP, and notices what it is told."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

FRAME_SECONDS = 0.02
ALAW, EVENTS = 8, 101
LOUD = 500
"""A mean level that line noise and silence never have."""


@dataclass(frozen=True)
class Speech:
    """Speech-like sound: syllables of a voice with pauses between them."""

    seconds: float


@dataclass(frozen=True)
class Silence:
    """A silent line that still sends."""

    seconds: float


@dataclass(frozen=True)
class Key:
    """A key pressed for 100 ms (RFC 4733)."""

    name: str


@dataclass(frozen=True)
class Until:
    """Silence until something has happened."""

    happened: threading.Event


Part = Speech | Silence | Key | Until


class Voice(threading.Thread):
    """One end of a call's audio. Speaks its parts in turn once it is told where to."""

    def __init__(self, host: str, parts: tuple[Part, ...]) -> None:
        super().__init__(name="voice", daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.port = int(self._socket.getsockname()[1])
        self._parts = parts
        self._to: tuple[str, int] | None = None
        self._told = threading.Event()
        self._over = threading.Event()
        self.loud_from: float | None = None
        self.loud_until: float | None = None
        self.pressed_at: float | None = None
        self._ear = threading.Thread(target=self._listen, name="ear", daemon=True)
        self._ear.start()

    def speak_to(self, sdp: str) -> None:
        """Begin; ``sdp`` is the other side's."""
        host = sdp.partition("c=IN IP4 ")[2].split()[0]
        self._to = (host, int(sdp.partition("m=audio ")[2].split()[0]))
        self._told.set()

    def close(self) -> None:
        """Fall silent."""
        self._over.set()
        self._told.set()
        if self.is_alive():
            self.join(5)
        self._socket.close()
        self._ear.join(5)

    def run(self) -> None:
        self._told.wait()
        due = time.monotonic()
        for number, (payload, marked) in enumerate(self._packets()):
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            kind = EVENTS if marked is not None else ALAW
            if marked is not None and self.pressed_at is None:
                self.pressed_at = time.time()
            stamp = marked if marked is not None else number * 160
            head = struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, stamp & 0xFFFFFFFF, 0x1234)
            assert self._to is not None
            self._socket.sendto(head + payload, self._to)
            due += FRAME_SECONDS

    def _packets(self) -> Iterator[tuple[bytes, int | None]]:
        """Payloads, 20 ms each; a key's with the moment it was pressed, as a timestamp."""
        sent = 0
        for part in self._parts:
            if isinstance(part, Key):
                code = "0123456789*#".index(part.name)
                for turn in range(1, 9):  # five that it is held, the end three times (RFC 4733, 2.5.1.4)
                    ended = turn > 5
                    yield struct.pack("!BBH", code, 0x80 * ended | 10, min(turn, 5) * 160), sent * 160
                sent += 8
                continue
            if isinstance(part, Until):
                while not part.happened.is_set():
                    yield alaw(np.zeros(160, np.int16)), None
                    sent += 1
                continue
            frames = round(part.seconds / FRAME_SECONDS)
            sound = speech(frames * 160) if isinstance(part, Speech) else np.zeros(frames * 160, np.int16)
            coded = alaw(sound)
            for at in range(0, len(coded), 160):
                yield coded[at : at + 160], None
            sent += frames

    def _listen(self) -> None:
        self._socket.settimeout(0.2)
        while not self._over.is_set():
            try:
                packet = self._socket.recv(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            if packet[1] & 0x7F == ALAW and np.abs(unalaw(packet[12:]).astype(np.int32)).mean() > LOUD:
                self.loud_until = time.time()
                self.loud_from = self.loud_from or self.loud_until


def speech(samples: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Four syllables a second of a voice at 120 Hz, with the harmonics and the unevenness of one."""
    t = np.arange(samples) / 8000
    voice = sum(np.sin(2 * np.pi * 120 * n * t + n) / n for n in range(1, 15))
    syllables = np.clip(np.sin(2 * np.pi * 4 * t), 0, None) ** 0.5
    return np.asarray(voice * syllables * 6000, dtype=np.int16)


_SEGMENT_ENDS = np.array([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF])


def alaw(sound: np.ndarray[tuple[int], np.dtype[np.int16]]) -> bytes:
    """16-bit samples as G.711 A-law (ITU-T G.711, table 1a)."""
    level = np.asarray(sound, np.int32) >> 3
    mask = np.where(level >= 0, 0xD5, 0x55)
    level = np.where(level >= 0, level, -level - 1)
    segment = np.minimum(np.searchsorted(_SEGMENT_ENDS, level), 7)
    shift = np.maximum(segment, 1)
    coded = (segment << 4) | ((level >> shift) & 0x0F)
    return bytes(np.asarray(coded ^ mask, np.uint8))


def unalaw(coded: bytes) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """G.711 A-law as 16-bit samples."""
    value = np.frombuffer(coded, np.uint8).astype(np.int32) ^ 0x55
    segment, step = (value >> 4) & 7, (value & 0x0F) << 4
    level = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.asarray(np.where(value & 0x80, level, -level), np.int16)

"""Recordings in Asterisk's spool: none at all, not to be had now, and the difference between the two."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from ari_app.ari.errors import AriError, Disconnected, NotFound, ServerError
from ari_app.ari.recordings import AriRecordings
from ari_app.message_store import RecordingUnavailable

NEVER_WRITTEN = NotFound("GET /recordings/stored/x/file", 404, "Recording not found")
STARTING = NotFound("GET /recordings/stored/x/file", 404, "Not Found")
UNREACHABLE = (
    STARTING,
    ServerError("GET /recordings/stored/x/file", 503, "Asterisk not booted"),
    Disconnected("GET /recordings/stored/x/file", "no route", reached=False),
)


def asking(error: AriError) -> AriRecordings:
    """Recordings of an Asterisk that answers so, whatever it is asked."""

    async def answer(name: str) -> Any:
        raise error

    client: Any = SimpleNamespace(recordings=SimpleNamespace(file=answer, delete=answer))
    return AriRecordings("ari-app", lambda: client)


@pytest.mark.fault("25")
def test_a_recording_that_was_never_written_is_nothing() -> None:
    assert asyncio.run(asking(NEVER_WRITTEN).fetch("x")) is None
    asyncio.run(asking(NEVER_WRITTEN).delete("x"))


@pytest.mark.fault("8")
@pytest.mark.parametrize("error", UNREACHABLE, ids=lambda error: type(error).__name__)
def test_an_asterisk_that_starts_or_is_away_says_nothing_of_a_recording(error: AriError) -> None:
    """While it starts, its HTTP server knows no page at all: a message is not discarded for that."""
    with pytest.raises(RecordingUnavailable, match="fetching it failed"):
        asyncio.run(asking(error).fetch("x"))
    with pytest.raises(RecordingUnavailable, match="removing it failed"):
        asyncio.run(asking(error).delete("x"))

"""What is played to a caller and recorded of one: their events become the futures that a line waits on."""

from __future__ import annotations

import asyncio
from asyncio import Future

from ari_app.ari.events import Event
from ari_app.ari.legs import done
from ari_app.core.outcomes import PlayEnd, RecordEnd


class AriRecording:
    """A recording of the caller, under way."""

    def __init__(self) -> None:
        self.ended: Future[RecordEnd] = asyncio.get_running_loop().create_future()

    def on_event(self, event: Event) -> None:
        """Take in that it is over; whether it is any good is for its file to say."""
        done(self.ended, RecordEnd.FINISHED if event["type"] == "RecordingFinished" else RecordEnd.FAILED)


class Playing:
    """A playback under way."""

    def __init__(self) -> None:
        self.ended: Future[PlayEnd] = asyncio.get_running_loop().create_future()

    def on_event(self, event: Event) -> None:
        """Take in that it is over."""
        if event["type"] == "PlaybackFinished":
            done(self.ended, PlayEnd.PLAYED if event["playback"]["state"] == "done" else PlayEnd.FAILED)

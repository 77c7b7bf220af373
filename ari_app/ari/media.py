"""What is played to a caller and recorded of one: their events become the futures that a call waits on."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ari_app.ari.callerside import CallerSide
from ari_app.ari.client import AriClient
from ari_app.ari.errors import AriError, Disconnected, RequestTimeout
from ari_app.ari.events import Event
from ari_app.ari.legs import done
from ari_app.ari.registry import Registry
from ari_app.core.outcomes import PlayEnd, RecordEnd
from ari_app.core.scheme import VoicemailStep


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


class CallerMedia:
    """Prompts and recordings of one caller."""

    def __init__(self, client: AriClient, registry: Registry, side: CallerSide) -> None:
        self._client = client
        self._registry = registry
        self._side = side
        self._plays = 0
        self._playing: dict[str, Playing] = {}
        self._recordings: dict[str, AriRecording] = {}
        self._begun: set[str] = set()

    async def play(self, sounds: Sequence[str], within_seconds: float, until: Future[str] | None = None) -> PlayEnd:
        """Play, to the end, or ``until`` this is done, or ``within_seconds``."""
        await self._side.in_stasis()
        self._plays += 1
        playback_id = f"{self._side.channel_id}-play-{self._plays}"
        playing = self._playing[playback_id] = Playing()
        media = [f"sound:{sound}" for sound in sounds]
        try:
            with self._registry.listening(playback_id, playing):
                begun = self._client.channels.play(self._side.channel_id, media, playback_id)
                there = self._or_there(begun, lambda: self._client.playbacks.get(playback_id))
                await self._side.done(there, "play a prompt")
                self._begun.add(playback_id)
                return await self._heard(playback_id, playing, within_seconds, until)
        finally:
            del self._playing[playback_id]

    async def _heard(
        self, playback_id: str, playing: Playing, within_seconds: float, until: Future[str] | None
    ) -> PlayEnd:
        """How it ends; what has not ended by itself is stopped."""
        waited: list[Future[Any]] = [playing.ended] if until is None else [playing.ended, until]
        await asyncio.wait(waited, timeout=within_seconds, return_when=asyncio.FIRST_COMPLETED)
        if playing.ended.done():
            return playing.ended.result()
        self._client.playbacks.stop(playback_id)
        return PlayEnd.CUT_SHORT if until is not None and until.done() else PlayEnd.OVERDUE

    async def record(self, name: str, limits: VoicemailStep) -> AriRecording:
        """Begin to record; it may end any moment from now on."""
        await self._side.in_stasis()
        recording = self._recordings[name] = AriRecording()
        self._registry.add(name, recording)
        begun = self._client.channels.record(
            self._side.channel_id,
            name,
            max_duration_seconds=limits.max_seconds,
            max_silence_seconds=limits.silence_seconds,
            terminate_on="#",
        )
        await self._side.done(self._or_there(begun, lambda: self._client.recordings.live(name)), "record the caller")
        self._begun.add(name)
        return recording

    async def _or_there(self, answer: Future[Any], look: Callable[[], Future[Any]]) -> Any:
        """The answer; one that did not come is looked for, and nothing is asked for twice. Raises AriError."""
        try:
            return await asyncio.shield(answer)
        except (RequestTimeout, Disconnected) as unsure:
            await self._side.hearing()
            try:
                return await look()
            except AriError:
                raise unsure from None

    # --- of a call that another process began -------------------------------------------------------------------------

    def take_up(self, playbacks: Sequence[str], recording: str, live: Collection[str]) -> None:
        """Find what plays, and what is recorded; a recording that is over is judged by its file."""
        self._plays = max(self._plays, len(playbacks))
        for name in playbacks:
            if name in live:
                self._playing[name] = Playing()
                self._registry.add(name, self._playing[name])
                self._begun.add(name)
        if recording:
            self._recordings[recording] = AriRecording()
            self._registry.add(recording, self._recordings[recording])
            self._begun.add(recording)
            if recording not in live:
                self.ended(recording)

    def adopt(self, name: str) -> AriRecording:
        """That recording."""
        return self._recordings[name]

    async def play_on(self, within_seconds: float, until: Future[str] | None = None) -> PlayEnd | None:
        """Wait until what was found playing is over; None when nothing was."""
        if not self._playing:
            return None
        name, playing = next(iter(self._playing.items()))
        try:
            return await self._heard(name, playing, within_seconds, until)
        finally:
            self._registry.remove(name)
            del self._playing[name]

    @property
    def in_question(self) -> tuple[list[str], list[str]]:
        """The playbacks and the recordings that Asterisk has under way, unless they have ended unheard."""
        return (
            [name for name, one in self._playing.items() if name in self._begun and not one.ended.done()],
            [name for name, one in self._recordings.items() if name in self._begun and not one.ended.done()],
        )

    def ended(self, name: str) -> None:
        """One of those has: whether a recording is any good its file will say."""
        if name in self._playing:
            done(self._playing[name].ended, PlayEnd.PLAYED)
        if name in self._recordings:
            done(self._recordings[name].ended, RecordEnd.FINISHED)

    def forget(self) -> None:
        """Listen no more. A recording is closed later than the line, or is never heard of."""
        for name in (*self._recordings, *self._playing):
            self._registry.remove(name)

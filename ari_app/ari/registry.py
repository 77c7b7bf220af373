"""Who is to hear of which channel, playback or recording; registered before Asterisk is asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ari_app.ari.events import Event


class Listener(Protocol):
    """Takes events in at once; must not block."""

    def on_event(self, event: Event) -> None:
        """One event about the thing registered for."""


class Registry:
    """Listeners by the id of what they listen to. Events change state directly: no queue, so nothing can overflow."""

    def __init__(self) -> None:
        self._listeners: dict[str, Listener] = {}

    def __len__(self) -> int:
        return len(self._listeners)

    def __contains__(self, subject: str) -> bool:
        return subject in self._listeners

    def add(self, subject: str, listener: Listener) -> None:
        """Listen to a channel, playback or recording that is about to be asked for."""
        self._listeners[subject] = listener

    def remove(self, subject: str) -> None:
        """Listen no more."""
        self._listeners.pop(subject, None)

    @contextmanager
    def listening(self, subject: str, listener: Listener) -> Iterator[None]:
        """Listen within a block."""
        self.add(subject, listener)
        try:
            yield
        finally:
            self.remove(subject)

    def pass_on(self, event: Event) -> bool:
        """Give an event to its listener; False when nobody has registered for it."""
        listener = self._listeners.get(_subject(event))
        if listener is None and event["type"] == "Dial" and "caller" in event:
            listener = self._listeners.get(event["caller"]["id"])  # a leg of the dialplan's: its caller's business
        if listener is None:
            return False
        listener.on_event(event)
        return True


def _subject(event: Event) -> str:
    match event["type"]:
        case "Dial":
            return event["peer"]["id"]
        case "PlaybackFinished":
            return event["playback"]["id"]
        case "RecordingFinished" | "RecordingFailed":
            return event["recording"]["name"]
        case "ApplicationReplaced":
            return ""
        case "CallBroadcast":
            return ""
        case _:
            return event["channel"]["id"] if "channel" in event else ""

"""The ARI events and objects that the controller reads (source: Asterisk 22, rest-api/{events,channels,...}.json)."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

import orjson


class CallerId(TypedDict):
    """Who is calling; both raw from the wire, of any length and content."""

    name: str
    number: str


class DialplanPlace(TypedDict):
    """Where in the dialplan a channel is."""

    context: str
    exten: str
    priority: int
    app_name: str
    app_data: str


class Channel(TypedDict):
    """One party's connection to Asterisk."""

    id: str
    name: str
    state: str
    """Down, Ring (a caller waits), Ringing (a callee rings), Up, ...: "Up" does not prove that the far end answered."""
    caller: CallerId
    connected: CallerId
    dialplan: DialplanPlace
    creationtime: str
    language: str
    caller_rdnis: NotRequired[str]
    """Who forwarded the call last: of several Diversion headers the first, of History-Info the last."""
    protocol_id: NotRequired[str]
    """The SIP Call-ID, for PJSIP."""
    channelvars: NotRequired[dict[str, str]]


class Bridge(TypedDict):
    """Where channels hear one another."""

    id: str
    bridge_type: str
    bridge_class: str
    name: str
    channels: list[str]


class Playback(TypedDict):
    """A sound being played; state: queued, playing, continuing, done, failed."""

    id: str
    media_uri: str
    target_uri: str
    state: str


class LiveRecording(TypedDict):
    """A recording being made; durations in whole seconds. "done" is no proof of a file."""

    name: str
    format: str
    state: str
    target_uri: str
    cause: NotRequired[str]
    duration: NotRequired[int]
    talking_duration: NotRequired[int]
    silence_duration: NotRequired[int]


class StoredRecording(TypedDict):
    """A finished recording's name and format."""

    name: str
    format: str


class Application(TypedDict):
    """A Stasis application and what it is subscribed to."""

    name: str
    channel_ids: list[str]
    bridge_ids: list[str]
    endpoint_ids: list[str]
    device_names: list[str]
    events_allowed: list[dict[str, str]]
    events_disallowed: list[dict[str, str]]


class CallBroadcast(TypedDict):
    """A call waits in StasisBroadcast() for the first application to claim it."""

    type: Literal["CallBroadcast"]
    timestamp: str
    channel: Channel
    caller: NotRequired[str]
    called: NotRequired[str]


class StasisStart(TypedDict):
    """A channel is ours to command from now on."""

    type: Literal["StasisStart"]
    timestamp: str
    args: list[str]
    channel: Channel


class StasisEnd(TypedDict):
    """A channel has left us: the reliable end of an inbound channel."""

    type: Literal["StasisEnd"]
    timestamp: str
    channel: Channel


class ChannelDestroyed(TypedDict):
    """A channel is gone; `cause` is a Q.850 cause, `tech_cause` the SIP status where there was one."""

    type: Literal["ChannelDestroyed"]
    timestamp: str
    channel: Channel
    cause: int
    cause_txt: str
    tech_cause: NotRequired[int]


class ChannelHangupRequest(TypedDict):
    """A channel's far end, or Asterisk itself, wants it to end."""

    type: Literal["ChannelHangupRequest"]
    timestamp: str
    channel: Channel
    cause: NotRequired[int]
    tech_cause: NotRequired[int]
    soft: NotRequired[bool]


class Dial(TypedDict):
    """A dialed leg's progress; dialstatus: '', PROGRESS, RINGING, ANSWER and nothing else."""

    type: Literal["Dial"]
    timestamp: str
    peer: Channel
    dialstatus: str
    caller: NotRequired[Channel]
    dialstring: NotRequired[str]


class ChannelStateChange(TypedDict):
    """A channel's state is another one."""

    type: Literal["ChannelStateChange"]
    timestamp: str
    channel: Channel


class ChannelDtmfReceived(TypedDict):
    """A key was pressed (and let go)."""

    type: Literal["ChannelDtmfReceived"]
    timestamp: str
    channel: Channel
    digit: str
    duration_ms: int


class PlaybackFinished(TypedDict):
    """A playback has ended; state done or failed. Never comes for some bad media: keep a deadline."""

    type: Literal["PlaybackFinished"]
    timestamp: str
    playback: Playback


class RecordingFinished(TypedDict):
    """A recording has ended; look at the file, not at this."""

    type: Literal["RecordingFinished"]
    timestamp: str
    recording: LiveRecording


class RecordingFailed(TypedDict):
    """A recording came to nothing."""

    type: Literal["RecordingFailed"]
    timestamp: str
    recording: LiveRecording


class ApplicationReplaced(TypedDict):
    """Another controller has taken our application's name."""

    type: Literal["ApplicationReplaced"]
    timestamp: str
    application: str


Event: TypeAlias = (
    CallBroadcast
    | StasisStart
    | StasisEnd
    | ChannelDestroyed
    | ChannelHangupRequest
    | Dial
    | ChannelStateChange
    | ChannelDtmfReceived
    | PlaybackFinished
    | RecordingFinished
    | RecordingFailed
    | ApplicationReplaced
)
"""Told apart by `type`. Asterisk may send types not listed here: leave those alone."""


def parse(message: bytes) -> Any:
    """Read JSON from Asterisk; bytes that are not UTF-8 (callers choose their names) become U+FFFD, not an error.

    Raises orjson.JSONDecodeError when it is not JSON at all.
    """
    try:
        return orjson.loads(message)
    except orjson.JSONDecodeError:
        return orjson.loads(message.decode("utf-8", "replace"))

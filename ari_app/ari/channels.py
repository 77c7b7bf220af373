"""`client.channels`: one party's connection each, ended, rung, answered, played to and recorded."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Mapping, Sequence
from typing import Literal

from ari_app.ari.events import Channel, LiveRecording, Playback
from ari_app.ari.rest import Query, Send

HangupReason = Literal[
    "normal",
    "busy",
    "congestion",
    "no_answer",
    "timeout",
    "rejected",
    "unallocated",
    "normal_unspecified",
    "number_incomplete",
    "codec_mismatch",
    "interworking",
    "failure",
    "answered_elsewhere",
]


class Channels:
    """One party's connection each; ids are ours to choose and are idempotency keys (Conflict)."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def list(self) -> Future[list[Channel]]:
        """Every channel of this Asterisk, others' too. Over HTTP: a long answer would hold up the calls' requests."""
        return self._send("GET", "channels", apart=True)

    def get(self, channel_id: str) -> Future[Channel]:
        """One channel; NotFound when it is gone."""
        return self._send("GET", "channels", channel_id)

    def create(
        self,
        endpoint: str,
        app: str,
        channel_id: str,
        *,
        app_args: str | None = None,
        originator: str | None = None,
        formats: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Future[Channel]:
        """Make a channel without calling anybody yet. Its StasisStart may come before this answer.

        ServerError for an endpoint that Asterisk does not know; Conflict when the id is in use.
        """
        query = {
            "endpoint": endpoint,
            "app": app,
            "channelId": channel_id,
            "appArgs": app_args,
            "originator": originator,
            "formats": formats,
        }
        return self._send("POST", "channels", "create", query=query, body=variables and {"variables": variables})

    def originate(
        self,
        endpoint: str,
        app: str,
        channel_id: str,
        *,
        app_args: str | None = None,
        caller_id: str | None = None,
        timeout: int = 30,
        originator: str | None = None,
        formats: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Future[Channel]:
        """Call an endpoint; its StasisStart comes when it answers. `timeout` is in seconds (-1 rings for ever)."""
        query = {
            "endpoint": endpoint,
            "app": app,
            "channelId": channel_id,
            "appArgs": app_args,
            "callerId": caller_id,
            "timeout": timeout,
            "originator": originator,
            "formats": formats,
        }
        return self._send("POST", "channels", query=query, body=variables and {"variables": variables})

    def start(
        self,
        endpoint: str,
        channel_id: str,
        *,
        context: str,
        extension: str,
        variables: Mapping[str, str] | None = None,
    ) -> Future[Channel]:
        """Call an endpoint and have the dialplan take it on, at priority 1, once it answers; no application hears of
        it. Both ends of a Local channel have the ``variables``."""
        query: Query = {
            "endpoint": endpoint,
            "channelId": channel_id,
            "context": context,
            "extension": extension,
            "priority": 1,
        }
        return self._send("POST", "channels", query=query, body={"variables": variables} if variables else None)

    def dial(self, channel_id: str, *, caller: str | None = None, timeout: int) -> Future[None]:
        """Ring a created channel; `timeout` in whole seconds, 1 or more (0 would ring for ever)."""
        if timeout < 1:
            raise ValueError("a dial timeout must be 1 second or more: 0 rings for ever")
        return self._send("POST", "channels", channel_id, "dial", query={"caller": caller, "timeout": timeout})

    def answer(self, channel_id: str) -> Future[None]:
        """Answer an inbound channel; blocks at Asterisk while something plays to it."""
        return self._send("POST", "channels", channel_id, "answer")

    def ring(self, channel_id: str) -> Future[None]:
        """Let an inbound caller hear ringing (180)."""
        return self._send("POST", "channels", channel_id, "ring")

    def ring_stop(self, channel_id: str) -> Future[None]:
        """Stop the ringing begun by `ring`."""
        return self._send("DELETE", "channels", channel_id, "ring")

    def start_moh(self, channel_id: str, moh_class: str | None = None) -> Future[None]:
        """Play music on hold."""
        return self._send("POST", "channels", channel_id, "moh", query={"mohClass": moh_class})

    def stop_moh(self, channel_id: str) -> Future[None]:
        """Stop the music on hold."""
        return self._send("DELETE", "channels", channel_id, "moh")

    def play(
        self, channel_id: str, media: str | Sequence[str], playback_id: str, *, lang: str | None = None
    ) -> Future[Playback]:
        """Queue sounds ("sound:NAME") for a channel; PlaybackFinished may never come for bad media."""
        uris = media if isinstance(media, str) else ",".join(media)
        return self._send("POST", "channels", channel_id, "play", playback_id, query={"media": uris, "lang": lang})

    def record(
        self,
        channel_id: str,
        name: str,
        *,
        format: str = "wav",  # noqa: A002 - ARI's and ari-py's name for it
        max_duration_seconds: int,
        max_silence_seconds: int = 0,
        if_exists: Literal["fail", "overwrite", "append"] = "fail",
        beep: bool = False,
        terminate_on: Literal["none", "any", "*", "#"] = "none",
    ) -> Future[LiveRecording]:
        """Record what a channel says, answering it; 0 seconds means no limit. Conflict while that name is recorded."""
        query: Query = {
            "name": name,
            "format": format,
            "maxDurationSeconds": max_duration_seconds,
            "maxSilenceSeconds": max_silence_seconds,
            "ifExists": if_exists,
            "beep": "true" if beep else "false",
            "terminateOn": terminate_on,
        }
        return self._send("POST", "channels", channel_id, "record", query=query)

    def hangup(
        self, channel_id: str, reason: HangupReason | None = None, *, reason_code: int | None = None
    ) -> Future[None]:
        """End a channel with a reason, or a Q.850 `reason_code`; NotFound when it is gone already."""
        return self._send("DELETE", "channels", channel_id, query={"reason": reason, "reason_code": reason_code})

    def continue_(
        self,
        channel_id: str,
        *,
        context: str | None = None,
        extension: str | None = None,
        priority: int | None = None,
        label: str | None = None,
    ) -> Future[None]:
        """Give a channel back to the dialplan; works with the event websocket down too."""
        query = {"context": context, "extension": extension, "priority": priority, "label": label}
        return self._send("POST", "channels", channel_id, "continue", query=query)

    def get_variable(self, channel_id: str, variable: str) -> Future[dict[str, str]]:
        """{"value": ...}; NotFound when unset. Over HTTP, for it blocks while something plays
        to the channel. To set one is not offered: it costs a call the fallback's notes (see `ari_app.ari.handover`)."""
        return self._send("GET", "channels", channel_id, "variable", query={"variable": variable}, apart=True)

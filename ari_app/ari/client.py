"""ARI's nouns and verbs as ari-py's users know them; each call is sent at once and returns a future for its answer.

Requests sent one after another without awaiting are on the wire at once; only through a line of `in_order` are they
certain to be carried out in that order. All futures raise Refused (and its kinds), RequestTimeout or Disconnected.
Source of names and codes: Asterisk 22, rest-api/*.json.
"""

from __future__ import annotations

import re
from asyncio import Future
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ari_app.ari.channels import Channels
from ari_app.ari.events import Application, Bridge, LiveRecording, Playback, StoredRecording
from ari_app.ari.rest import InOrder, Query, Request, Rest, Send

_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")


class AriClient:
    """Every noun of ARI that the controller uses, over one connection."""

    def __init__(self, rest: Rest, line: InOrder | None = None) -> None:
        self._rest = rest
        self._way = rest if line is None else line
        self.channels = Channels(self.send)
        self.bridges = Bridges(self.send)
        self.playbacks = Playbacks(self.send)
        self.recordings = Recordings(self.send)
        self.applications = Applications(self.send)
        self.asterisk = Asterisk(self.send)
        self.events = Events(self.send)

    def in_order(self) -> AriClient:
        """The same client, but what is sent through this one is carried out in the order it was sent.

        One for each call. Hang up through the plain client: it waits for nothing.
        """
        return AriClient(self._rest, InOrder(self._rest))

    def send(
        self,
        method: str,
        *path: str,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        apart: bool = False,
        raw: bool = False,
    ) -> Future[Any]:
        """Send any request; the parts of `path` are quoted here. `timeout` in seconds; `apart` as in `Rest.send`."""
        request = Request(method, "/".join(map(_quoted, path)), query or {}, body, raw)
        return self._way.send(request, timeout=timeout, apart=apart)


def _quoted(part: str) -> str:
    """A part of a path. Nearly all need no quoting, and `quote` takes its time to find that out."""
    return part if _PLAIN.fullmatch(part) else quote(part, safe="")


class Bridges:
    """`client.bridges`: where channels hear one another; ids are ours to choose."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def list(self) -> Future[list[Bridge]]:
        """Every bridge of this Asterisk; over HTTP, for a long answer would hold up the calls' requests behind it."""
        return self._send("GET", "bridges", apart=True)

    def get(self, bridge_id: str) -> Future[Bridge]:
        """One bridge; NotFound when it is gone."""
        return self._send("GET", "bridges", bridge_id)

    def create(
        self,
        bridge_id: str,
        *,
        type: str = "mixing",  # noqa: A002 - ARI's and ari-py's name for it
        name: str | None = None,
    ) -> Future[Bridge]:
        """Make a bridge; `type` as in ARI, comma-separated. Conflict when the id is in use."""
        return self._send("POST", "bridges", query={"bridgeId": bridge_id, "type": type, "name": name})

    def add_channel(self, bridge_id: str, *channel_ids: str) -> Future[None]:
        """Put channels in a bridge, all or none.

        BadRequest when one is gone, Unprocessable when one is leaving, Conflict when one is not ours.
        """
        query = {"channel": ",".join(channel_ids)}
        return self._send("POST", "bridges", bridge_id, "addChannel", query=query)

    def remove_channel(self, bridge_id: str, *channel_ids: str) -> Future[None]:
        """Take channels out of a bridge."""
        query = {"channel": ",".join(channel_ids)}
        return self._send("POST", "bridges", bridge_id, "removeChannel", query=query)

    def destroy(self, bridge_id: str) -> Future[None]:
        """End a bridge; the channels in it live on."""
        return self._send("DELETE", "bridges", bridge_id)


class Playbacks:
    """`client.playbacks`: sounds being played."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def get(self, playback_id: str) -> Future[Playback]:
        """One playback; NotFound when it has ended."""
        return self._send("GET", "playbacks", playback_id)

    def stop(self, playback_id: str) -> Future[None]:
        """Stop one; over HTTP, for the websocket may be the one that waits for it. NotFound when it has ended."""
        return self._send("DELETE", "playbacks", playback_id, apart=True)


class Recordings:
    """`client.recordings`: live ones and stored ones."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def live(self, name: str) -> Future[LiveRecording]:
        """A recording under way; NotFound when none of that name is."""
        return self._send("GET", "recordings", "live", name)

    def stop(self, name: str) -> Future[None]:
        """End a live recording and keep it; NotFound when none of that name is live."""
        return self._send("POST", "recordings", "live", name, "stop")

    def cancel(self, name: str) -> Future[None]:
        """End a live recording and throw it away."""
        return self._send("DELETE", "recordings", "live", name)

    def get(self, name: str) -> Future[StoredRecording]:
        """A stored recording."""
        return self._send("GET", "recordings", "stored", name)

    def file(self, name: str, *, timeout: float = 30.0) -> Future[bytes]:
        """A stored recording's bytes, over HTTP; `timeout` in seconds."""
        return self._send("GET", "recordings", "stored", name, "file", raw=True, timeout=timeout)

    def delete(self, name: str) -> Future[None]:
        """Delete a stored recording."""
        return self._send("DELETE", "recordings", "stored", name)


class Applications:
    """`client.applications`: what Asterisk tells us, and what not."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def get(self, app: str) -> Future[Application]:
        """An application; NotFound unless it is connected or still has channels. Over HTTP: it lists all of those."""
        return self._send("GET", "applications", app, apart=True)

    def filter(self, app: str, disallowed: Sequence[str]) -> Future[Application]:
        """Do not be sent these event types any more. (An `allowed` list would drop RESTResponse too.)"""
        body = {"disallowed": [{"type": event_type} for event_type in disallowed]}
        return self._send("PUT", "applications", app, "eventFilter", body=body, apart=True)

    def subscribe(self, app: str, *event_sources: str) -> Future[Application]:
        """Be told about "channel:ID", "bridge:ID", "endpoint:TECH/NAME" ...; Unprocessable when there is none such."""
        query = {"eventSource": ",".join(event_sources)}
        return self._send("POST", "applications", app, "subscription", query=query)


class Asterisk:
    """`client.asterisk`: the process itself."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def info(self) -> Future[dict[str, Any]]:
        """Version ("system"), configuration, status."""
        return self._send("GET", "asterisk", "info", apart=True)

    def ping(self) -> Future[dict[str, str]]:
        """A sign of life."""
        return self._send("GET", "asterisk", "ping")

    def get_variable(self, variable: str) -> Future[dict[str, str]]:
        """{"value": ...} of a global variable; empty when unset. Functions are not read without a channel."""
        return self._send("GET", "asterisk", "variable", query={"variable": variable})

    def set_variable(self, variable: str, value: str) -> Future[None]:
        """Set a global variable, or write to a function that is not one of those held dangerous."""
        return self._send("POST", "asterisk", "variable", query={"variable": variable, "value": value})

    def modules(self) -> Future[list[dict[str, Any]]]:
        """The loaded modules: name, status, use_count."""
        return self._send("GET", "asterisk", "modules", apart=True)


class Events:
    """`client.events`: calls that wait to be claimed."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def claim(self, channel_id: str, app: str) -> Future[None]:
        """Take a call of CallBroadcast: Conflict when another was faster, NotFound when it waits no longer."""
        return self._send("POST", "events", "claim", query={"channelId": channel_id, "application": app})

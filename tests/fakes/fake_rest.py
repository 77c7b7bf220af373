"""The fake Asterisk's REST interface: each request of the controller, with the statuses that the real one gives."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from tests.fakes.fake_channels import FakeBridge, FakeChannel, Json, Recording, Refusal, Sound
from tests.fakes.fake_dial import dial_one
from tests.fakes.fake_switch import FORMATS, Switch

Answer = tuple[int, Any]
Handler = Callable[..., Awaitable[Answer]]
EMPTY: Answer = (204, None)
_SHARED = re.compile(r"SHARED\((?P<name>\w+),(?P<channel>.+)\)")


class FakeRest:
    """Carries out one request after another on a switch. Applications are looked up in `apps` and `filters`."""

    def __init__(self, switch: Switch, apps: Callable[[], set[str]], filters: dict[str, set[str]]) -> None:
        self._switch = switch
        self._apps = apps
        self._filters = filters
        self.asked: list[tuple[str, str]] = []
        self.status = {"startup_time": "2026-01-01T00:00:00.000+0000"}

    async def handle(self, method: str, path: str, query: dict[str, str], body: Json) -> Answer:
        """Status and JSON of one request; `path` relative to /ari/."""
        self.asked.append((method, path))
        for verb, pattern, name in ROUTES:
            if verb == method and (match := pattern.fullmatch(path.strip("/"))):
                handler: Handler = getattr(self, name)
                try:
                    return await handler(*map(unquote, match.groups()), q={**query, **body})
                except Refusal as refusal:
                    return refusal.status, {"message": refusal.message}
        return 404, {"message": "Resource not found"}

    # --- look-ups ----------------------------------------------------------------------------------------------------

    def _channel(self, channel_id: str) -> FakeChannel:
        if channel_id not in self._switch.channels:
            raise Refusal(404, "Channel not found")
        return self._switch.channels[channel_id]

    def _ours(self, channel_id: str) -> FakeChannel:
        channel = self._channel(channel_id)
        if channel.app is None or channel.dying:
            raise Refusal(409, "Channel not in Stasis application")
        return channel

    def _bridge(self, bridge_id: str) -> FakeBridge:
        if bridge_id not in self._switch.bridges:
            raise Refusal(404, "Bridge not found")
        return self._switch.bridges[bridge_id]

    # --- channels ----------------------------------------------------------------------------------------------------

    async def channels(self, q: Json) -> Answer:
        return 200, [channel.json() for channel in self._switch.channels.values()]

    async def channel(self, channel_id: str, q: Json) -> Answer:
        return 200, self._channel(channel_id).json()

    async def create(self, q: Json) -> Answer:
        leg = self._leg(q)
        self._switch.enter(leg, q["app"])  # StasisStart is sent before the reply, as it often is by the real one
        return 200, leg.json()

    async def originate(self, q: Json) -> Answer:
        leg = self._leg(q)
        leg.starts_in = q["app"]
        asyncio.get_running_loop().call_soon(self._switch.dial, leg, int(q.get("timeout", 30)))
        return 200, leg.json()

    def _leg(self, q: Json) -> FakeChannel:
        leg = self._switch.leg(q["channelId"], q["endpoint"])
        leg.known_to.add(q["app"])
        leg.variables.update(q.get("variables", {}))
        if (originator := self._switch.channels.get(q.get("originator", ""))) is not None:
            originator.known_to.add(q["app"])
        return leg

    async def dial(self, channel_id: str, q: Json) -> Answer:
        channel = self._channel(channel_id)
        if channel.dying or channel.dialed or channel.state != "Down":
            raise Refusal(409, "Channel is not in the Down state")
        self._switch.dial(channel, int(q.get("timeout", 0)))
        return EMPTY

    async def answer(self, channel_id: str, q: Json) -> Answer:
        channel = self._ours(channel_id)
        await channel.until_quiet()
        if channel.dying:
            raise Refusal(500, "Failed to answer channel")
        self._switch.answer(channel)
        return EMPTY

    async def ring(self, channel_id: str, q: Json) -> Answer:
        self._ours(channel_id).party.saw("180")
        return EMPTY

    async def nothing(self, channel_id: str, q: Json) -> Answer:
        self._ours(channel_id)
        return EMPTY

    async def play(self, channel_id: str, playback_id: str, q: Json) -> Answer:
        channel = self._ours(channel_id)
        sound = Sound(playback_id, q["media"], self._seconds(q["media"].split(",")))
        shown = sound.json(channel_id)
        self._switch.play(channel, sound)
        return 201, shown

    def _seconds(self, media: list[str]) -> float | None:
        """Seconds of a playback; None when it never reports its end, negative when it fails at once."""
        total = 0.0
        for uri in media:
            seconds = self._switch.sounds.get(uri, -1.0 if uri.startswith("sound:") else None)
            if seconds is None or seconds < 0:
                return seconds
            total += seconds
        return total

    async def record(self, channel_id: str, q: Json) -> Answer:
        channel = self._ours(channel_id)
        name, kind = q["name"], q["format"]
        if kind not in FORMATS:
            raise Refusal(422, "specified format is unknown on this system")
        live = [other.recording.name for other in self._switch.channels.values() if other.recording]
        if name in live or (self._switch.recordings / f"{name}.{kind}").exists():
            raise Refusal(409, f"Recording '{name}' already exists and can not be overwritten")
        if any(channel_id in bridge.channels for bridge in self._switch.bridges.values()):
            raise Refusal(409, "Channel is in a bridge")
        began = asyncio.get_running_loop().time()
        recording = Recording(name, kind, channel_id, began, q.get("terminateOn", "none"))
        self._switch.record(channel, recording, int(q.get("maxDurationSeconds", 0)), int(q.get("maxSilenceSeconds", 0)))
        return 201, recording.json("queued")

    async def hang_up(self, channel_id: str, q: Json) -> Answer:
        channel = self._channel(channel_id)
        self._switch.hang_up(channel, q.get("reason", "normal"))
        return EMPTY

    async def continue_(self, channel_id: str, q: Json) -> Answer:
        channel = self._ours(channel_id)
        self._switch.leave(channel)
        channel.context = q.get("context", channel.context)
        goes_on = dial_one if channel.context == "ring" else Switch.fall_back
        asyncio.get_running_loop().call_soon(goes_on, self._switch, channel)
        return EMPTY

    async def set_global(self, q: Json) -> Answer:
        """Of all that it can set, what is shared with a channel; nobody is told that there is no such channel."""
        if told := _SHARED.fullmatch(q["variable"]):
            for channel in self._switch.channels.values():
                if channel.json()["name"] == told["channel"]:
                    channel.variables[f"SHARED({told['name']})"] = q["value"]
        return EMPTY

    async def get_variable(self, channel_id: str, q: Json) -> Answer:
        channel = self._ours(channel_id)
        await channel.until_quiet()
        if q["variable"] not in channel.variables:
            raise Refusal(404, "Provided variable was not found")
        return 200, {"value": channel.variables[q["variable"]]}

    # --- bridges -----------------------------------------------------------------------------------------------------

    async def bridges(self, q: Json) -> Answer:
        return 200, [bridge.json() for bridge in self._switch.bridges.values()]

    async def bridge(self, bridge_id: str, q: Json) -> Answer:
        return 200, self._bridge(bridge_id).json()

    async def create_bridge(self, q: Json) -> Answer:
        await asyncio.sleep(0.002)  # long enough for what was sent over another connection to overtake it
        bridge = FakeBridge(q["bridgeId"], q.get("type", "mixing"), q.get("name", ""))
        if bridge.id in self._switch.bridges:
            raise Refusal(409, f"Bridge with id '{bridge.id}' already exists")
        self._switch.bridges[bridge.id] = bridge
        return 200, bridge.json()

    async def add_channel(self, bridge_id: str, q: Json) -> Answer:
        bridge = self._bridge(bridge_id)
        wanted = q["channel"].split(",")
        if missing := [channel_id for channel_id in wanted if channel_id not in self._switch.channels]:
            raise Refusal(400, "Channel not found" if missing else "")
        channels = [self._channel(channel_id) for channel_id in wanted]
        if any(channel.app is None or channel.dying for channel in channels):
            raise Refusal(422, "Channel not in Stasis application")
        for channel in channels:
            if channel.recording:
                raise Refusal(409, "Channel currently recording")
            await channel.until_quiet()
            if not channel.dying and channel.id not in bridge.channels:
                bridge.channels.append(channel.id)
        return EMPTY

    async def remove_channel(self, bridge_id: str, q: Json) -> Answer:
        bridge = self._bridge(bridge_id)
        for channel_id in q["channel"].split(","):
            self._channel(channel_id)
            if channel_id not in bridge.channels:
                raise Refusal(422, "Channel not in this bridge")
            bridge.channels.remove(channel_id)
        return EMPTY

    async def destroy_bridge(self, bridge_id: str, q: Json) -> Answer:
        self._bridge(bridge_id)
        del self._switch.bridges[bridge_id]
        return EMPTY

    # --- playbacks and recordings ------------------------------------------------------------------------------------

    def _playback(self, playback_id: str) -> tuple[FakeChannel, Sound]:
        for channel in self._switch.channels.values():
            for sound in channel.sounds:
                if sound.id == playback_id:
                    return channel, sound
        raise Refusal(404, "Playback not found")

    async def playback(self, playback_id: str, q: Json) -> Answer:
        channel, sound = self._playback(playback_id)
        return 200, sound.json(channel.id)

    async def stop_playback(self, playback_id: str, q: Json) -> Answer:
        self._switch.finish(*self._playback(playback_id), "done")
        return EMPTY

    def _live(self, name: str) -> FakeChannel:
        for channel in self._switch.channels.values():
            if channel.recording and channel.recording.name == name:
                return channel
        raise Refusal(404, "Recording not found")

    async def live_recording(self, name: str, q: Json) -> Answer:
        recording = self._live(name).recording
        assert recording is not None
        return 200, recording.json("recording")

    async def stop_recording(self, name: str, q: Json) -> Answer:
        self._switch.end_recording(self._live(name))
        return EMPTY

    async def cancel_recording(self, name: str, q: Json) -> Answer:
        self._switch.end_recording(self._live(name), keep=False)
        return EMPTY

    async def stored(self, name: str, q: Json) -> Answer:
        if not (found := sorted(self._switch.recordings.glob(f"{name}.*"))):
            raise Refusal(404, "Recording not found")
        return 200, {"name": name, "format": found[0].suffix[1:]}

    async def stored_file(self, name: str, q: Json) -> Answer:
        kind = (await self.stored(name, q))[1]["format"]
        return 200, (self._switch.recordings / f"{name}.{kind}").read_bytes()

    async def delete_stored(self, name: str, q: Json) -> Answer:
        kind = (await self.stored(name, q))[1]["format"]
        (self._switch.recordings / f"{name}.{kind}").unlink()
        return EMPTY

    # --- applications, Asterisk, events ------------------------------------------------------------------------------

    def _app_json(self, app: str) -> Answer:
        if app not in self._apps():
            raise Refusal(404, "Application not found")
        kinds = [{"type": kind} for kind in sorted(self._filters.get(app, ()))]
        ids = [channel.id for channel in self._switch.channels.values() if app in channel.known_to | {channel.app}]
        shown = {"name": app, "channel_ids": ids, "bridge_ids": [], "endpoint_ids": [], "device_names": []}
        return 200, {**shown, "events_allowed": [], "events_disallowed": kinds}

    async def application(self, app: str, q: Json) -> Answer:
        return self._app_json(app)

    async def event_filter(self, app: str, q: Json) -> Answer:
        self._app_json(app)
        self._filters[app] = {entry["type"] for entry in q.get("disallowed", [])}
        return self._app_json(app)

    async def subscribe(self, app: str, q: Json) -> Answer:
        self._app_json(app)
        for source in q["eventSource"].split(","):
            scheme, _, name = source.partition(":")
            if scheme != "channel" or name not in self._switch.channels:
                raise Refusal(422, "Event source not found")
            self._switch.channels[name].known_to.add(app)
        return self._app_json(app)

    async def ping(self, q: Json) -> Answer:
        return 200, {"ping": "pong", "asterisk_id": "fake", "timestamp": "2026-01-01T00:00:00.000+0000"}

    async def info(self, q: Json) -> Answer:
        return 200, {
            "system": {"version": "22.10.1", "entity_id": "fake"},
            "config": {"name": ""},
            "status": self.status,
        }

    async def modules(self, q: Json) -> Answer:
        names = ("res_ari.so", "res_ari_events.so", "app_stasis_broadcast.so", "chan_pjsip.so")
        return 200, [{"name": name, "status": "Running", "use_count": 0} for name in names]

    async def claim(self, q: Json) -> Answer:
        channel = self._switch.channels.get(q["channelId"])
        if channel is not None and channel.app is not None:
            raise Refusal(409, "Channel has already been claimed by another application")
        if channel is None or not channel.broadcast or channel.dying:
            raise Refusal(404, "Channel not found or not in broadcast state")
        channel.broadcast = False
        channel.app = q["application"]
        asyncio.get_running_loop().call_soon(self._start, channel, q["application"])
        return EMPTY

    def _start(self, channel: FakeChannel, app: str) -> None:
        if channel.dying:
            return
        self._switch.enter(channel, app)
        if channel.left_unclaimed:
            self._switch.leave(channel)


def _route(verb: str, path: str, name: str) -> tuple[str, re.Pattern[str], str]:
    return verb, re.compile(path.replace("*", "([^/]+)")), name


ROUTES = [
    _route("GET", "channels", "channels"),
    _route("POST", "channels", "originate"),
    _route("POST", "channels/create", "create"),
    _route("GET", "channels/*", "channel"),
    _route("DELETE", "channels/*", "hang_up"),
    _route("POST", "channels/*/dial", "dial"),
    _route("POST", "channels/*/answer", "answer"),
    _route("POST", "channels/*/ring", "ring"),
    _route("DELETE", "channels/*/ring", "nothing"),
    _route("POST", "channels/*/moh", "nothing"),
    _route("DELETE", "channels/*/moh", "nothing"),
    _route("POST", "channels/*/play/*", "play"),
    _route("POST", "channels/*/record", "record"),
    _route("POST", "channels/*/continue", "continue_"),
    _route("GET", "channels/*/variable", "get_variable"),
    _route("GET", "bridges", "bridges"),
    _route("POST", "bridges", "create_bridge"),
    _route("GET", "bridges/*", "bridge"),
    _route("DELETE", "bridges/*", "destroy_bridge"),
    _route("POST", "bridges/*/addChannel", "add_channel"),
    _route("POST", "bridges/*/removeChannel", "remove_channel"),
    _route("GET", "playbacks/*", "playback"),
    _route("DELETE", "playbacks/*", "stop_playback"),
    _route("GET", "recordings/live/*", "live_recording"),
    _route("POST", "recordings/live/*/stop", "stop_recording"),
    _route("DELETE", "recordings/live/*", "cancel_recording"),
    _route("GET", "recordings/stored/*", "stored"),
    _route("GET", "recordings/stored/*/file", "stored_file"),
    _route("DELETE", "recordings/stored/*", "delete_stored"),
    _route("GET", "applications/*", "application"),
    _route("PUT", "applications/*/eventFilter", "event_filter"),
    _route("POST", "applications/*/subscription", "subscribe"),
    _route("GET", "asterisk/ping", "ping"),
    _route("GET", "asterisk/info", "info"),
    _route("GET", "asterisk/modules", "modules"),
    _route("POST", "asterisk/variable", "set_global"),
    _route("POST", "events/claim", "claim"),
]

"""Has the dialplan note what nobody else may have heard: callers who leave while their controller is silent.

A controller that is killed takes a tenth of a second of its calls with it, and hears of no talk's end. What it had on
record, and what its successor finds, is theirs to tell; of the rest these notes are all there is.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ari_app.ari.client import AriClient
from ari_app.ari.errors import NotFound
from ari_app.ari.events import Bridge, Channel
from ari_app.ari.whereabouts import UNHEARD, in_fallback, in_ring, in_stasis, is_caller
from ari_app.core.fallback_notes import LONGEST_NUMBER, Word

log = logging.getLogger(__name__)

_NOT_A_NUMBER = re.compile(r"[^+0-9]+", re.ASCII)
_NOT_A_NAME = re.compile(r"[^\w.+@-]+", re.ASCII)


@dataclass(slots=True)
class _Caller:
    """A caller as he was seen last. ``came_ms`` and ``talks_ms`` are ms since 1970: his arrival, and since when he is
    known to talk, None if he does not; ``peer`` is the endpoint of whom he talks with."""

    channel: Channel
    came_ms: int
    talks_ms: int | None = None
    peer: str = ""


class Unheard:
    """The callers of one application, from when its controller fell silent until it is heard again."""

    def __init__(self, app: str, client: AriClient) -> None:
        self._app = app
        self._client = client
        self._seen: dict[str, _Caller] = {}

    async def look(self, known: Collection[str], channels: Iterable[Channel], bridges: Iterable[Bridge]) -> None:
        """Take in who is there now, and have noted who is gone since the last look. ``known``: the channels that the
        application has. Raises AriError; then nobody is forgotten."""
        there = {channel["id"]: channel for channel in channels}
        for channel_id in [each for each in self._seen if each not in there]:
            await self._have_noted(self._seen[channel_id])
            del self._seen[channel_id]
        peers = _peers(there, bridges)
        now = _now()
        for channel_id, channel in there.items():
            if in_fallback(channel) or not is_caller(self._app, channel):
                self._seen.pop(channel_id, None)  # the dialplan notes what becomes of him
            elif channel_id in self._seen or await self._is_ours(channel, known):
                caller = self._seen.setdefault(channel_id, _Caller(channel, _made(channel, now)))
                # Whom a bridge of the controller's holds is found there by the next one, with what is recorded.
                if in_ring(channel) and channel["state"] == "Up" and caller.talks_ms is None:
                    caller.talks_ms, caller.peer = now, peers.get(channel_id, "")

    async def _is_ours(self, channel: Channel, known: Collection[str]) -> bool:
        if not in_ring(channel):
            return channel["id"] in known and in_stasis(channel)
        try:
            return (await self._client.channels.get_variable(channel["id"], "RING_APP"))["value"] == self._app
        except NotFound:
            return False

    def forget(self) -> None:
        """The controller is heard again, and sees after whoever is there."""
        self._seen.clear()

    async def _have_noted(self, caller: _Caller) -> None:
        now, talks = _now(), caller.talks_ms
        number, dialled = caller.channel["caller"]["number"], caller.channel["dialplan"]["exten"]
        ended = ("ANSWER", caller.peer, str(now - talks)) if talks is not None else ("", "", "")
        told = (
            *(caller.channel["id"], "1", str(now), (Word.GONE if talks is None else Word.UNHEARD).value),
            *(*ended, "", "caller"),
            *(_number(number), _number(dialled), str(caller.came_ms), self._app),
        )
        await self._client.channels.start(
            f"Local/note@{UNHEARD}",
            f"{UNHEARD}-{secrets.token_hex(8)}",
            context=UNHEARD,
            extension="h",
            variables={"UNHEARD": ":".join(told)},
        )
        what = "has left" if talks is None else "has ended his talk"
        log.warning("caller %s %s, which no controller heard", caller.channel["id"], what)


def _peers(channels: Mapping[str, Channel], bridges: Iterable[Bridge]) -> dict[str, str]:
    """By each channel that is alone with another, the endpoint of the other."""
    pairs = [bridge["channels"] for bridge in bridges if len(bridge["channels"]) == 2]
    both = [*pairs, *(pair[::-1] for pair in pairs)]
    return {one: _endpoint(channels[other]["name"]) for one, other in both if other in channels}


def _endpoint(name: str) -> str:
    """Of a channel's name, ``PJSIP/<endpoint>-0000001a``."""
    return _NOT_A_NAME.sub("", name.removeprefix("PJSIP/").rpartition("-")[0])[:LONGEST_NUMBER]


def _number(text: str) -> str:
    return _NOT_A_NUMBER.sub("", text)[:LONGEST_NUMBER]


def _made(channel: Channel, now: int) -> int:
    try:
        return min(now, round(datetime.fromisoformat(channel["creationtime"]).timestamp() * 1000))
    except ValueError:
        return now


def _now() -> int:
    return time.time_ns() // 1_000_000

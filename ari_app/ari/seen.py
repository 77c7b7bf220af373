"""What Asterisk has at one moment: read in one go, when what came before it was not told to us."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ari_app.ari.client import AriClient
from ari_app.ari.errors import NotFound
from ari_app.ari.events import Bridge, Channel


@dataclass(frozen=True, slots=True)
class Seen:
    """``started`` is when this Asterisk was started, in its own words; ``known`` are the channels whose events the
    application was told of by then; ``live`` are, of the playbacks and recordings asked for, those under way."""

    channels: Mapping[str, Channel]
    bridges: Mapping[str, Bridge]
    started: str
    known: frozenset[str]
    live: frozenset[str]


async def look(
    client: AriClient,
    app: str,
    *,
    hear_of: Iterable[str] = (),
    playbacks: Iterable[str] = (),
    recordings: Iterable[str] = (),
) -> Seen:
    """Read it; raises AriError. From then on the application hears of the channels ``hear_of``, if they are there."""
    info = await client.asterisk.info()
    known = frozenset((await client.applications.get(app))["channel_ids"])
    # Before the channels are read, so that what happens in between is told.
    unheard = (client.applications.subscribe(app, f"channel:{one}") for one in hear_of if one not in known)
    await asyncio.gather(*unheard, return_exceptions=True)
    channels = await client.channels.list()
    bridges = await client.bridges.list()
    asked: list[tuple[str, Awaitable[Any]]] = [(name, client.playbacks.get(name)) for name in playbacks]
    asked += [(name, client.recordings.live(name)) for name in recordings]
    there = await asyncio.gather(*(_is_there(answer) for _, answer in asked))
    return Seen(
        {channel["id"]: channel for channel in channels},
        {bridge["id"]: bridge for bridge in bridges},
        str(info["status"]["startup_time"]),
        known,
        frozenset(name for (name, _), live in zip(asked, there, strict=True) if live),
    )


async def _is_there(answer: Awaitable[Any]) -> bool:
    try:
        await answer
    except NotFound:
        return False
    return True

"""What another process has left in Asterisk under our application's name, and what is on record of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ari_app.ari.client import AriClient
from ari_app.ari.errors import AriError
from ari_app.ari.events import Channel
from ari_app.ari.line import AriLine, LeftCall
from ari_app.ari.placing import NOT_RUNG, RungByDial
from ari_app.ari.seen import Seen
from ari_app.ari.whereabouts import came_back, in_ring
from ari_app.core.standing import standing
from ari_app.core.timeline import Kind
from ari_app.ports import CallSoFar

DIALED = "AppDial"
"""The application of a channel that Dial() has made."""
MORE_PLAYBACKS = 2
"""What may have been played besides the prompts on record: tones, and a prompt that was not written yet."""


class Predecessor(Protocol):
    """What the journal has of calls that another process began, and how they are gone on with."""

    async def left_open(self) -> Sequence[CallSoFar] | None:
        """This application's calls that are open in the journal; None while it cannot be read."""

    async def served_by_dialplan(self, left: Sequence[CallSoFar]) -> Collection[str]:
        """Callers' channels, gone ones too, whose calls the dialplan's fallback has taken and tells of itself."""

    def unwritten(self, channel: Channel) -> CallSoFar:
        """A caller who is in our hands and of whom nothing is on record."""

    async def go_on(self, line: AriLine, call: CallSoFar) -> object:
        """Conduct the call to its end."""


class Nobody:
    """There was no other process."""

    async def left_open(self) -> Sequence[CallSoFar] | None:
        return ()

    async def served_by_dialplan(self, left: Sequence[CallSoFar]) -> Collection[str]:
        return ()

    def unwritten(self, channel: Channel) -> CallSoFar:
        raise AssertionError("no other process has left a caller")

    async def go_on(self, line: AriLine, call: CallSoFar) -> object:
        raise AssertionError("no other process has left a call")


def left_of(call: CallSoFar, handed: RungByDial = NOT_RUNG) -> LeftCall:
    """What may be left of a call in Asterisk, by its timeline; ``handed`` is the leg that Dial() rings for it."""
    at = standing(call.timeline)
    kinds = {entry.kind for entry in call.timeline}
    plays = range(1, 2 * at.prompts + MORE_PLAYBACKS + 1)
    return LeftCall(
        answered=bool(kinds & {Kind.CONNECTED, Kind.ANSWERED_BY_SYSTEM}),
        handed=handed,
        playbacks=[f"{call.opened.channel}-play-{number}" for number in plays],
        recording=at.recording.name if at.recording is not None and not at.recording.judged else "",
    )


async def rung_by_dial(client: AriClient, seen: Seen) -> Mapping[str, RungByDial]:
    """What is rung for each caller in [ring]: a variable has the leg's id, and the leg's channel says whose it is."""
    callers = [one["id"] for one in seen.channels.values() if in_ring(one) and not came_back(one)]
    if not callers:
        return {}
    dialed = [one["id"] for one in seen.channels.values() if one["dialplan"]["app_name"] == DIALED]
    ids = await asyncio.gather(*(_variable(client, one, "RING_ID") for one in callers))
    whose = await asyncio.gather(*(_variable(client, one, "CHANNEL(linkedid)") for one in dialed))
    channels = dict(zip(whose, dialed, strict=True))
    return {caller: RungByDial(leg, channels.get(caller, "")) for caller, leg in zip(callers, ids, strict=True)}


async def _variable(client: AriClient, channel_id: str, name: str) -> str:
    try:
        return str((await client.channels.get_variable(channel_id, name))["value"])
    except AriError:
        return ""


def of_the_gone(call: CallSoFar) -> Channel:
    """A caller's channel that is no more, as far as anybody needs it."""
    opened = call.opened
    return {
        "id": opened.channel,
        "name": "",
        "state": "Down",
        "caller": {"name": "", "number": opened.caller_raw},
        "connected": {"name": "", "number": ""},
        "dialplan": {"context": "", "exten": opened.dialled_raw, "priority": 1, "app_name": "", "app_data": ""},
        "creationtime": opened.at.isoformat(),
        "language": "",
    }


def began_after(seen: Seen, call: CallSoFar) -> bool:
    """Whether this Asterisk is another one than that which had the call."""
    try:
        return datetime.fromisoformat(seen.started) > call.opened.at
    except ValueError:
        return False

"""What an application has in Asterisk that no live call of it knows: such as a crash or a lost connection leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ari_app.ari.events import Channel
from ari_app.ari.registry import Registry
from ari_app.ari.seen import Seen
from ari_app.ari.settings import own_id
from ari_app.ari.whereabouts import is_ours


@dataclass(frozen=True, slots=True)
class Strays:
    """Left over: legs and callers' channels, and bridges by their ids."""

    channels: Sequence[Channel]
    bridges: Sequence[str]


def strays_of(app: str, seen: Seen, live: Registry) -> Strays:
    """Which of what Asterisk has is the application's, and not of a ``live`` call."""
    own = own_id(app, "")
    unknown = [channel for channel in seen.channels.values() if channel["id"] not in live]
    return Strays(
        [one for one in unknown if one["id"].startswith(own) or (one["id"] in seen.known and is_ours(one))],
        [one for one in seen.bridges if one.startswith(own) and one.removeprefix(own) not in live],
    )

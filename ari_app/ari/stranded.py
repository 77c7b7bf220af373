"""What a controller that is gone has left in Asterisk: who waits, which legs ring for nobody, who is alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ari_app.ari.events import Bridge, Channel
from ari_app.ari.settings import own_id
from ari_app.ari.whereabouts import in_stasis


@dataclass(frozen=True, slots=True)
class Stranded:
    """``waiting``: callers in the controller's hands with nobody to talk to. ``legs``: of its own, that ring, or have
    nobody to talk to. ``alone``: callers whose talk is over. Those who talk are in none of them."""

    waiting: tuple[Channel, ...] = ()
    legs: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()


def stranded(app: str, known: Collection[str], channels: Iterable[Channel], bridges: Iterable[Bridge]) -> Stranded:
    """``known`` are the channels that the application has; all of it as Asterisk tells it at one moment."""
    bridged = [bridge["channels"] for bridge in bridges]
    talking = {channel for together in bridged if len(together) > 1 for channel in together}
    alone = {channel for together in bridged for channel in together} - talking
    channels = tuple(channels)
    idle = [channel for channel in channels if channel["id"] not in talking]
    own = own_id(app, "")
    callers = [
        channel
        for channel in idle
        if channel["id"] in known and channel["name"].startswith("PJSIP/") and in_stasis(channel)
    ]
    legs = tuple(channel["id"] for channel in idle if channel["id"].startswith(own))
    callers = [channel for channel in callers if channel["id"] not in legs]
    return Stranded(
        waiting=tuple(channel for channel in callers if channel["id"] not in alone),
        legs=legs,
        alone=tuple(channel["id"] for channel in callers if channel["id"] in alone),
    )

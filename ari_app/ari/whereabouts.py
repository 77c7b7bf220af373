"""Where in the dialplan a caller's channel is, and what that says of whose it is."""

from __future__ import annotations

from ari_app.ari.events import Channel
from ari_app.ari.settings import own_id

CONTEXT = "ring"
"""The context of dialplan/ring.conf."""
UNHEARD = "ring-unheard"
"""The context, there too, that notes a talk of which no controller heard."""
FALLBACK = "fallback"
"""The context of dialplan/fallback.conf, which serves callers without us."""
BACK = "back"
"""The first argument of a StasisStart that brings a caller back; the others: DIALSTATUS, Q.850 cause, SIP status, the
leg's id."""
_STASIS = ("Stasis", "StasisBroadcast")


def is_caller(app: str, channel: Channel) -> bool:
    """Whether somebody outside calls: neither a leg of ours nor what began inside this Asterisk."""
    return channel["name"].startswith("PJSIP/") and not channel["id"].startswith(own_id(app, ""))


def in_stasis(channel: Channel) -> bool:
    """Whether it is in an application's hands, or offered to one."""
    return channel["dialplan"]["app_name"] in _STASIS


def in_fallback(channel: Channel) -> bool:
    """Whether its caller is served by the dialplan, or is about to be."""
    return channel["dialplan"]["context"] == FALLBACK


def in_ring(channel: Channel) -> bool:
    """Whether its caller is handed over to Dial(), or was."""
    return channel["dialplan"]["context"] == CONTEXT


def is_ours(channel: Channel) -> bool:
    """Whether a caller's channel that we are told of is in our hands, or handed over; the fallback's is not."""
    return in_stasis(channel) or in_ring(channel)


def came_back(channel: Channel) -> list[str]:
    """What a caller brought back from [ring], who is in Stasis again: DIALSTATUS, cause, SIP status, the leg's id."""
    _, *args = channel["dialplan"]["app_data"].split(",")
    return args[1:] if in_stasis(channel) and args[:1] == [BACK] else []

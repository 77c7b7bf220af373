"""The dialplan's [ring] on the fake: Dial() rings one leg for a caller, connects the two, and gives the caller back."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from tests.fakes.fake_channels import FakeChannel, Refusal

if TYPE_CHECKING:
    from tests.fakes.fake_switch import Switch

_ids = count(1)
_TOLD = ("RING_DIAL", "RING_SECONDS", "RING_APP", "RING_ID")
_STATUSES = {17: "BUSY", 19: "NOANSWER", 20: "CHANUNAVAIL", 3: "CHANUNAVAIL"}


def dial_one(switch: Switch, caller: FakeChannel) -> None:
    """Ring what was shared with the caller's channel; Asterisk chooses the leg's id."""
    if caller.dying:
        return
    caller.variables.update(zip(_TOLD, caller.variables["SHARED(RING)"].split(","), strict=False))
    try:
        leg = switch.leg(f"dialed.{next(_ids)}", caller.variables["RING_DIAL"])
    except Refusal:
        _give_back(switch, caller, "CHANUNAVAIL", 3, None)
        return
    caller.rung, leg.rung_for = leg, caller
    switch.dial(leg, int(caller.variables["RING_SECONDS"]))


def dial_is_over(switch: Switch, channel: FakeChannel, cause: int, sip_status: int | None) -> None:
    """One of the two has ended: the leg ends with its caller, a caller whose leg has ended comes back."""
    if (leg := channel.rung) is not None and not leg.dying:
        switch.tell_far_end(leg, "normal", 0)
        switch.end(leg, 16, None)
    if (caller := channel.rung_for) is not None:
        caller.rung = None
        if not caller.dying:
            caller.later(0, _give_back, switch, caller, *_outcome(channel, cause, sip_status))


def _outcome(leg: FakeChannel, cause: int, sip_status: int | None) -> tuple[str, int, int | None]:
    """DIALSTATUS, cause and SIP status, as the real one has them."""
    if leg.state == "Up":
        return "ANSWER", cause, None
    if leg.party.status == 0:
        return "NOANSWER", 0, 180
    if leg.party.status == 302:
        return "BUSY", 0, None
    return _STATUSES.get(cause, "CONGESTION"), cause, sip_status


def _give_back(switch: Switch, caller: FakeChannel, status: str, cause: int, sip_status: int | None) -> None:
    caller.variables["RING_DIAL"] = ""
    switch.enter(
        caller,
        caller.variables["RING_APP"],
        "back",
        status,
        str(cause),
        str(sip_status or ""),
        caller.variables["RING_ID"],
    )

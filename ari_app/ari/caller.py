"""What Asterisk says of a caller: how one left, and what number may be shown on a forwarded leg."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ari_app.ari.events import Channel
from ari_app.core.outcomes import CallerEnd
from ari_app.core.scheme import Destination

_PRESENTABLE = re.compile(r"\+?[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a leg of ours shows: ``number`` in the place of the caller's, if any; who forwarded the call."""

    number: str = ""
    diverted_from: str = ""

    @classmethod
    def of(cls, destination: Destination) -> Shown:
        """As the destination says."""
        return cls(destination.caller_id, destination.diverted_from)

    @property
    def variables(self) -> dict[str, str]:
        """Asterisk sends a Diversion header (RFC 5806) only if both are set (22.10.1: res_pjsip_diversion)."""
        if not self.diverted_from:
            return {}
        return {"REDIRECTING(from-num)": self.diverted_from, "REDIRECTING(count)": "1"}


def how_left(cause: int, sip_status: int) -> CallerEnd:
    """A CANCEL shows as SIP 487, in the event alone; everything else is a hang-up."""
    return CallerEnd.CANCELLED if sip_status == 487 or cause == 127 else CallerEnd.HUNG_UP


def presentable(caller_id: str) -> str:
    """A caller id as it may go out on a forwarded leg: digits and a plus, or a word.

    It is given as name and number both: whichever is not given Asterisk takes, raw, from the caller's channel.
    """
    return f'"{shown(caller_id)}" <{shown(caller_id)}>'


def shown(caller_id: str) -> str:
    """The caller's number, if it is one."""
    return caller_id if _PRESENTABLE.fullmatch(caller_id) else "anonymous"


def forwarder_of(channel: Channel) -> str:
    """Who forwarded the call to us last, if it is a number."""
    number = channel.get("caller_rdnis", "")
    return number if _PRESENTABLE.fullmatch(number) else ""

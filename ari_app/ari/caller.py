"""What Asterisk says of a caller: how one left, and what number may be shown on a forwarded leg."""

from __future__ import annotations

import re

from ari_app.core.outcomes import CallerEnd

_PRESENTABLE = re.compile(r"\+?[0-9]{1,20}")


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

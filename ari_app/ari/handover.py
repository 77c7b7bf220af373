"""A leg that the dialplan's Dial() rings: the caller is handed over, and comes back with the outcome.

The other end of this is the context [ring] in dialplan/ring.conf (why: docs/decisions/0009-dial-rings-one.md).
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import Sequence

from ari_app.ari.caller import forwarder_of, shown
from ari_app.ari.channels import HangupReason
from ari_app.ari.client import AriClient
from ari_app.ari.errors import AriError, Disconnected, NotFound, RequestTimeout
from ari_app.ari.events import Application, Channel, Dial
from ari_app.ari.legs import REASONS, done
from ari_app.ari.whereabouts import CONTEXT, came_back, in_ring
from ari_app.core.outcomes import LegEnd, LegOutcome, leg_outcome

log = logging.getLogger(__name__)

TOLD = "SHARED(RING,{channel})"
"""What [ring] works by, told in one request. Not a variable of the channel: a thread that has set one for ARI is kept
from Asterisk's database from then on (22.10.1: `app_control_set_channel_var` of res/stasis/control.c does not take off
its ban on dangerous functions), and what the fallback notes of the call would be lost."""


CAUSE_WORDS = {
    1: "Unallocated (unassigned) number",
    3: "No route to destination",
    16: "Normal Clearing",
    17: "User busy",
    18: "No user responding",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    22: "Number changed",
    23: "Redirected to new destination",
    26: "Answered elsewhere",
    27: "Destination out of order",
    28: "Invalid number format",
    31: "Normal, unspecified",
    34: "Circuit/channel congestion",
    38: "Network out of order",
    41: "Temporary failure",
    42: "Switching equipment congestion",
    58: "Bearer capability not available",
    127: "Interworking, unspecified",
}
"""Asterisk's words for a cause (main/channel.c), which it tells with its events but not to the dialplan."""
UNTOLD = "untold"
"""In the place of a channel's id: there is one, whose id was missed."""
_CAUSES = {"NOANSWER": 19, "BUSY": 23}
"""Causes by DIALSTATUS where no final answer is told: Dial()'s own time is over; it was asked to ring elsewhere (302),
and did not."""
_ENDS_WITH_THE_CALLER = (LegOutcome.CALLER_LEFT, LegOutcome.ANSWERED)


class Handover:
    """How one caller is handed over, as often as needed; the caller's channel is followed from the first time on."""

    def __init__(self, client: AriClient, app: str, channel: Channel) -> None:
        self._client = client
        self._app = app
        self._channel_id = channel["id"]
        self._told = TOLD.format(channel=channel["name"])
        self._dialled = channel["dialplan"]["exten"]
        self._shown = shown(channel["caller"]["number"])
        self._forwarder = forwarder_of(channel)
        self._followed = False
        self._begun: Future[None] | None = None

    @property
    def is_done(self) -> bool:
        """Whether Asterisk has said that the dialplan has the caller, or may have, its answer being lost."""
        begun = self._begun
        if begun is None or not begun.done() or begun.cancelled():
            return False
        return begun.exception() is None or isinstance(begun.exception(), RequestTimeout | Disconnected)

    def begin(self, dial_string: str, net_seconds: int, leg_id: str, diverted_from: str) -> Future[None]:
        """Send what it takes, in one go; the last answer says whether the dialplan has the caller.

        The parts of the value are made of harmless characters, none of them a comma or a dollar sign.
        """
        client = self._client.in_order()
        if not self._followed:  # what happens in the dialplan would not be told to us
            client.applications.subscribe(self._app, f"channel:{self._channel_id}").add_done_callback(self._on_followed)
        # Without one of ours whoever forwarded the call to us is told of, as he was before another leg.
        forwarder = diverted_from or self._forwarder
        told = f"{self._shown},{self._shown},{forwarder},{1 if forwarder else 0}"
        value = f"{dial_string},{net_seconds},{self._app},{leg_id},{told}"
        client.asterisk.set_variable(self._told, value)
        self._begun = client.channels.continue_(self._channel_id, context=CONTEXT, extension=self._dialled, priority=1)
        return self._begun

    def _on_followed(self, answer: Future[Application]) -> None:
        """A subscription that Asterisk never heard of is asked for again with the next leg."""
        self._followed = not answer.cancelled() and answer.exception() is None

    async def happened(self, error: AriError, leg_id: str) -> bool:
        """Whether the dialplan has the caller in spite of this error: looked up, never asked for twice."""
        if not isinstance(error, RequestTimeout | Disconnected):
            return False
        try:
            caller = await self._client.channels.get(self._channel_id)
        except AriError:
            return False
        back = came_back(caller)
        return in_ring(caller) and (not back or back[3:4] == [leg_id])  # he may still be there from an earlier leg


class HandedLeg:
    """A leg of Dial()'s: Asterisk chooses its channel's id, which the first Dial event tells, and ends it with the
    caller; whatever else becomes of it, the caller comes back."""

    def __init__(self, client: AriClient, leg_id: str, channel: str = "") -> None:
        loop = asyncio.get_running_loop()
        self.id = leg_id
        self.rang: Future[None] = loop.create_future()
        self.settled: Future[LegEnd | None] = loop.create_future()
        self.ended: Future[LegEnd] = loop.create_future()
        self._client = client
        self._channel = channel
        self._to_end: HangupReason | None = None
        self._told: Future[None] | None = None
        self._left = False

    def on_dial(self, event: Dial) -> None:
        """Take in how the ringing goes. A failure is told by the caller's coming back, which knows the cause."""
        status = event["dialstatus"]
        self._channel = event["peer"]["id"]
        if status in ("RINGING", "PROGRESS", "ANSWER"):
            done(self.rang, None)
        if status == "ANSWER":
            done(self.settled, None)
        self._end_channel()

    def is_told_of(self, outcome: Sequence[str]) -> bool:
        """Whether what a caller brings back (see `BACK`, without it) is about this leg."""
        return list(outcome[3:4]) == [self.id]

    def on_back(self, outcome: Sequence[str]) -> None:
        """The caller is ours again: Dial() is over, and this is what it says (see `BACK`)."""
        status, cause, sip = (*outcome, "", "", "")[:3]
        final = sip.isdecimal() and int(sip) >= 300
        number = int(cause) if final and cause.isdecimal() else _CAUSES.get(status, 0)
        text = CAUSE_WORDS.get(number, f"cause {number}") + (f", SIP {sip}" if final else "")
        if not self._channel:
            self.over(LegEnd(LegOutcome.FAILED, 0, f"Asterisk could not dial it: {status}"))
        elif status == "ANSWER":
            done(self.rang, None)
            done(self.settled, None)  # where nobody has told so
            self.over(LegEnd(LegOutcome.ANSWERED, 16, CAUSE_WORDS[16]))
        else:
            self.over(LegEnd(leg_outcome(number, rang=self.rang.done()), number, text))

    def catch_up(self, caller: Channel) -> None:
        """Take in how its caller is found in [ring] after events were missed: Dial() answers one when it has connected
        the two; who is back may have been answered for a prompt since. A leg whose channel nobody told of ends at
        Dial()'s own deadline."""
        self._channel = self._channel or UNTOLD
        if caller["state"] == "Up" and not came_back(caller):
            done(self.rang, None)
            done(self.settled, None)

    def leave(self) -> None:
        """Somebody else goes on with the call: say nothing more to this leg."""
        self._left = True

    def over(self, end: LegEnd) -> None:
        """The leg is gone, or never came to be."""
        done(self.settled, end)
        done(self.ended, end)

    def hang_up(self, outcome: LegOutcome) -> None:
        """Send the hang-up now, or as soon as the channel is known; when it is the caller's, Dial() passes it on."""
        if not self._left and not self.ended.done() and outcome not in _ENDS_WITH_THE_CALLER:
            self._to_end = REASONS.get(outcome, "normal")
            self._end_channel()

    def _end_channel(self) -> None:
        if self._to_end is not None and self._channel not in ("", UNTOLD) and self._told is None:
            self._told = self._client.channels.hangup(self._channel, self._to_end)
            self._told.add_done_callback(self._on_told)

    def _on_told(self, told: Future[None]) -> None:
        error = None if told.cancelled() else told.exception()
        if error is not None and not isinstance(error, NotFound):
            log.warning("leg %s could not be hung up: %s", self.id, error)

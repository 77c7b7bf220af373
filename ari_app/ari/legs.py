"""One dialed leg at Asterisk: its events become the futures that dialing waits on."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from typing import Any, TypeVar

from ari_app.ari.channels import HangupReason
from ari_app.ari.client import AriClient
from ari_app.ari.errors import NotFound
from ari_app.ari.events import Channel, Event
from ari_app.core.outcomes import LegEnd, LegOutcome, leg_outcome
from ari_app.keys import Keys

log = logging.getLogger(__name__)
T = TypeVar("T")

UNSEEN = "it ended while Asterisk could not be heard"
"""Of a leg whose end was told to nobody."""
REASONS: dict[LegOutcome, HangupReason] = {LegOutcome.ANSWERED_ELSEWHERE: "answered_elsewhere"}


class AriLeg:
    """An outbound channel, from before it is asked for until it is destroyed."""

    def __init__(self, client: AriClient, channel_id: str) -> None:
        loop = asyncio.get_running_loop()
        self.id = channel_id
        self.rang: Future[None] = loop.create_future()
        self.settled: Future[LegEnd | None] = loop.create_future()
        self.ended: Future[LegEnd] = loop.create_future()
        self.entered: Future[None] = loop.create_future()
        self.keys = Keys()
        self._client = client
        self._destroyed = False
        self._asked: Future[Any] | None = None
        self._told: Future[None] | None = None
        self._to_end: LegOutcome | None = None
        self._left = False

    def on_event(self, event: Event) -> None:
        """Take in what Asterisk says of this channel."""
        match event["type"]:
            case "Dial" | "StasisStart" if self.ended.done():
                self._on_late_life()
            case "StasisStart":
                done(self.entered, None)
            case "ChannelDtmfReceived":
                self.keys.press(event["digit"])
            case "Dial":
                self._on_dial(event["dialstatus"])
            case "ChannelDestroyed":
                self._destroyed = True
                cause = event["cause"]
                outcome = leg_outcome(cause, rang=self.rang.done())
                sip = event.get("tech_cause")
                self.over(LegEnd(outcome, cause, f"{event['cause_txt']}, SIP {sip}" if sip else event["cause_txt"]))

    def _on_dial(self, status: str) -> None:
        if status in ("RINGING", "PROGRESS", "ANSWER"):
            done(self.rang, None)
        if status == "ANSWER":
            done(self.settled, None)

    def _on_late_life(self) -> None:
        """Asterisk has made after all, late, what it did not know of when we gave it up: it must not ring on."""
        if not self._destroyed and (self._told is None or self._told.done()):
            self._told = self._client.channels.hangup(self.id, "normal")

    def over(self, end: LegEnd) -> None:
        """The channel is gone, or never came to be."""
        done(self.settled, end)
        done(self.ended, end)

    def asked_for(self, answer: Future[Any]) -> None:
        """Asterisk has been asked for the channel; a hang-up before its ``answer`` would come too early."""
        self._asked = answer

    @property
    def in_question(self) -> bool:
        """Whether Asterisk has it, unless it has ended unheard."""
        made = self._asked is None or (self._asked.done() and not (self._asked.cancelled() or self._asked.exception()))
        return made and not self.ended.done()

    def catch_up(self, channel: Channel | None) -> None:
        """Take in how the channel is found after events were missed; None: it is gone, nobody can tell why."""
        if channel is None:
            self._destroyed = True
            self.over(LegEnd(LegOutcome.FAILED, text=UNSEEN))
            return
        if channel["state"] in ("Ringing", "Up"):
            done(self.rang, None)
        if channel["state"] == "Up":
            done(self.settled, None)
            done(self.entered, None)
        if self._to_end is not None:  # it was told so, perhaps in vain
            self.hang_up(self._to_end)

    def leave(self) -> None:
        """Somebody else goes on with the call: say nothing more to this leg."""
        self._left = True

    def hang_up(self, outcome: LegOutcome) -> None:
        """Send the hang-up now; a second one is not sent while the first is under way."""
        if self._left:
            return
        self._to_end = outcome
        if self.ended.done() or (self._told is not None and not self._told.done()):
            return
        if self._asked is not None and not self._asked.done():
            self._asked.add_done_callback(lambda _: self.hang_up(outcome))
            return
        self._told = self._client.channels.hangup(self.id, REASONS.get(outcome, "normal"))
        self._told.add_done_callback(self._on_told)

    def _on_told(self, told: Future[None]) -> None:
        """A leg that Asterisk does not know is gone, whether or not we shall ever hear of its end."""
        if told.cancelled() or self.ended.done():
            return
        error = told.exception()
        if isinstance(error, NotFound):
            self.over(LegEnd(LegOutcome.FAILED, text="Asterisk does not know the leg"))
        elif error is not None:
            log.warning("leg %s could not be hung up: %s", self.id, error)


def done(future: Future[T], value: T) -> None:
    """Give a future its value, unless it has one."""
    if not future.done():
        future.set_result(value)

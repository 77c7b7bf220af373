"""One inbound call at Asterisk: the `Line` that a call is conducted on."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ari_app.ari.caller import how_left, presentable
from ari_app.ari.channels import HangupReason
from ari_app.ari.client import AriClient
from ari_app.ari.errors import AriError, Disconnected, RequestTimeout
from ari_app.ari.events import Channel, Event, StasisStart
from ari_app.ari.handover import BACK, HandedLeg, Handover
from ari_app.ari.legs import AriLeg, done
from ari_app.ari.media import AriRecording, Playing
from ari_app.ari.registry import Registry
from ari_app.ari.settings import own_id
from ari_app.ari.talkbridge import TalkBridge
from ari_app.core.outcomes import CallerEnd, HangUpCause, LegEnd, LegOutcome, PlayEnd
from ari_app.core.scheme import Destination, VoicemailStep
from ari_app.dialstring import DialTemplates
from ari_app.ports import Leg, LegRefused, LineTrouble

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0
"""How long the end of a call waits for Asterisk to confirm that every leg is gone."""
NEWS_SECONDS = 0.3
"""How long after a refusal the event that explains it may take."""
NET_SECONDS = 60
"""How much later than our own limit on a call Asterisk's ends a leg; the dialplan gives the caller's side as much."""

_REASONS: dict[HangUpCause, HangupReason] = {
    HangUpCause.NORMAL: "normal",
    HangUpCause.BUSY: "busy",
    HangUpCause.NO_ANSWER: "no_answer",
    HangUpCause.UNKNOWN_NUMBER: "unallocated",
    HangUpCause.CONGESTION: "congestion",
}


class AriLine:
    """The caller's channel, the legs dialed for it and the bridge they talk in; ids all begin with the call's."""

    def __init__(
        self,
        client: AriClient,
        registry: Registry,
        app: str,
        dial: DialTemplates,
        channel: Channel,
        *,
        longest_seconds: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.channel_id = channel["id"]
        self.gone: Future[CallerEnd] = loop.create_future()
        self.entered: Future[None] = loop.create_future()
        self._caller_id = channel["caller"]["number"]
        self._client = client
        self._registry = registry
        self._app = app
        self._dial = dial
        self._longest_seconds = longest_seconds
        self._legs: list[AriLeg | HandedLeg] = []
        self._handover = Handover(client, app, channel)
        self._handed: HandedLeg | None = None
        self._bridge = TalkBridge(own_id(app, self.channel_id))
        self._answered = False
        self._ringing_in_band = False
        self._told_to_go = False
        self._plays = 0
        self._recordings: list[str] = []

    def on_event(self, event: Event) -> None:
        """Take in what Asterisk says of the caller's channel."""
        match event["type"]:
            case "StasisStart":
                self._on_start(event)
            case "Dial" if self._handed is not None:
                self._handed.on_dial(event)
            case "ChannelHangupRequest":
                done(self.gone, how_left(event.get("cause", 0), event.get("tech_cause", 0)))
            case "StasisEnd" if not self.entered.done():
                pass  # handed over to the dialplan; should the caller have left, another event says so
            case "StasisEnd" | "ChannelDestroyed":
                done(self.gone, CallerEnd.HUNG_UP if self._answered else CallerEnd.CANCELLED)
                if event["type"] == "ChannelDestroyed" and self._handed is not None:
                    self._handed.over(LegEnd(LegOutcome.CALLER_LEFT))  # Dial() has ended it with its caller

    def _on_start(self, event: StasisStart) -> None:
        """The caller is in our hands, at last or again."""
        done(self.entered, None)
        if event["args"][:1] == [BACK] and self._handed is not None:
            self._answered = self._answered or event["channel"]["state"] == "Up"
            self._handed.on_back(event["args"][1:])

    @property
    def was_lost(self) -> bool:
        """Whether the call ended because the connection did."""
        return self.gone.done() and self.gone.result() is CallerEnd.LINE_LOST

    def lost(self) -> None:
        """The connection that told us of this call is gone, and with it whatever was said meanwhile."""
        done(self.gone, CallerEnd.LINE_LOST)
        for leg in self._legs:
            done(leg.settled, LegEnd(LegOutcome.FAILED, text="the connection to Asterisk was lost"))

    async def answer(self) -> None:
        if not self._answered:
            await self._in_stasis()
            await self._done(self._answer(self._client), "answer the caller")

    async def ring(self) -> None:
        # Before the answer the dialplan's Ringing() is still in force; after it the caller needs a tone of ours.
        if self._answered and not self._ringing_in_band:
            await self._done(self._client.channels.ring(self.channel_id), "let the caller hear ringing")
            self._ringing_in_band = True

    async def place(
        self, leg_id: str, destination: Destination, net_seconds: float, *, alone: bool = False
    ) -> AriLeg | HandedLeg:
        endpoint = self._dial.render(destination)
        # An answered caller hears a tone of ours meanwhile, which Dial() would have to take over.
        if alone and not self._answered:
            return await self._hand_over(HandedLeg(self._client, leg_id), endpoint, max(1, round(net_seconds)))
        leg = AriLeg(self._client, own_id(self._app, leg_id))
        self._legs.append(leg)
        self._registry.add(leg.id, leg)
        channels = self._client.channels
        created = channels.originate(
            endpoint,
            self._app,
            leg.id,
            caller_id=presentable(self._caller_id),
            timeout=max(1, round(net_seconds)),
            originator=self.channel_id,
            variables={"TIMEOUT(absolute)": str(round(self._longest_seconds) + NET_SECONDS)},
        )
        leg.asked_for(created)
        try:
            await asyncio.shield(created)
        except asyncio.CancelledError:
            leg.hang_up(LegOutcome.CALLER_LEFT if self.gone.done() else LegOutcome.ANSWERED_ELSEWHERE)
            raise
        except (RequestTimeout, Disconnected) as unsure:
            await self._read_again(leg, unsure)
        except AriError as error:
            leg.over(LegEnd(LegOutcome.FAILED, text=str(error)))
            raise LegRefused(leg.ended.result()) from None
        return leg

    async def _hand_over(self, leg: HandedLeg, endpoint: str, net_seconds: int) -> HandedLeg:
        """Let the dialplan ring it, and connect the two when it answers: a third of the requests and events."""
        await self._in_stasis()
        self._legs.append(leg)
        self._handed = leg
        self.entered = asyncio.get_running_loop().create_future()
        try:
            await asyncio.shield(self._handover.begin(endpoint, net_seconds))
        except asyncio.CancelledError:
            leg.hang_up(LegOutcome.CALLER_LEFT)
            raise
        except AriError as error:
            if not await self._handover.happened(error):
                await self._keep(leg, error)
        return leg

    async def _keep(self, leg: HandedLeg, error: AriError) -> None:
        """The caller was not taken by the dialplan; when that is because of a hang-up, ``gone`` is to tell it."""
        done(self.entered, None)
        leg.hang_up(LegOutcome.FAILED)  # should it ring after all
        leg.over(LegEnd(LegOutcome.FAILED, text=str(error)))
        await asyncio.wait([self.gone], timeout=NEWS_SECONDS)
        raise LegRefused(leg.ended.result())

    async def _read_again(self, leg: AriLeg, unsure: AriError) -> None:
        """Whether a leg rings that Asterisk has not answered for: looked up, never asked for twice."""
        try:
            await self._client.channels.get(leg.id)
        except AriError:
            leg.hang_up(LegOutcome.FAILED)
            raise LegRefused(LegEnd(LegOutcome.FAILED, text=str(unsure))) from None

    async def connect(self, leg: Leg) -> None:
        if isinstance(leg, HandedLeg):
            self._answered = True  # by Dial(), which has connected the two
            return
        await self._in_stasis()
        # Sent together, and carried out in this order: one round trip to Asterisk instead of three.
        client = self._client.in_order()
        waiting: list[Future[Any]] = []
        if self._ringing_in_band:
            waiting.append(client.channels.ring_stop(self.channel_id))
            self._ringing_in_band = False
        if not self._answered:
            waiting.append(self._answer(client))
        waiting += self._bridge.join(client, self.channel_id, leg.id)
        await self._joined(leg, waiting)

    def _answer(self, client: AriClient) -> Future[None]:
        answer = client.channels.answer(self.channel_id)
        answer.add_done_callback(self._on_answer)
        return answer

    def _on_answer(self, answer: Future[None]) -> None:
        """The caller is answered whatever becomes of the leg that it was done for."""
        self._answered = self._answered or (not answer.cancelled() and answer.exception() is None)

    async def _joined(self, leg: Leg, waiting: list[Future[Any]]) -> None:
        try:
            # Not one by one: each answer would wake this task, and they come one after another.
            await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
            for answer in waiting:
                if answer.done():
                    answer.result()
        except RequestTimeout:
            bridge = await self._done(self._bridge.read_again(self._client), "read the bridge again")
            if not {self.channel_id, leg.id} <= set(bridge["channels"]):
                raise LineTrouble("Asterisk did not connect the two in time") from None
        except AriError as error:
            await asyncio.wait((leg.ended, self.gone), timeout=NEWS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if leg.ended.done():
                raise LegRefused(leg.ended.result()) from None
            raise LineTrouble(f"the two could not be connected: {error}") from None

    async def play(self, sounds: Sequence[str], within_seconds: float) -> PlayEnd:
        await self._in_stasis()
        self._plays += 1
        playback_id = f"{self.channel_id}-play-{self._plays}"
        playing = Playing()
        with self._registry.listening(playback_id, playing):
            media = [f"sound:{sound}" for sound in sounds]
            await self._done(self._client.channels.play(self.channel_id, media, playback_id), "play a prompt")
            await asyncio.wait([playing.ended], timeout=within_seconds)
        if playing.ended.done():
            return playing.ended.result()
        self._client.playbacks.stop(playback_id)
        return PlayEnd.OVERDUE

    async def record(self, name: str, limits: VoicemailStep) -> AriRecording:
        await self._in_stasis()
        recording = AriRecording()
        self._recordings.append(name)
        self._registry.add(name, recording)
        begun = self._client.channels.record(
            self.channel_id,
            name,
            max_duration_seconds=limits.max_seconds,
            max_silence_seconds=limits.silence_seconds,
            terminate_on="#",
        )
        await self._done(begun, "record the caller")
        return recording

    async def hang_up(self, cause: HangUpCause) -> None:
        with suppress(LineTrouble):
            await self._in_stasis()  # Dial() in the middle of giving up would put its cause in the place of ours
        if not self.gone.done():
            await self._done(self._client.channels.hangup(self.channel_id, _REASONS[cause]), "end the call")
            self._told_to_go = True

    async def close(self) -> None:
        """Everything is told to end at once; then we wait, but not for ever, until Asterisk says that it has."""
        for leg in self._legs:
            leg.hang_up(LegOutcome.CALLER_LEFT)
        tasks: list[Future[Any]] = [leg.ended for leg in self._legs]
        # A second word would take the first one's cause away; a caller merely lost sight of may be there still.
        if self.was_lost or not (self.gone.done() or self._told_to_go):
            self._client.channels.hangup(self.channel_id, "normal")
        if not self.gone.done():
            tasks.append(self.gone)
        self._bridge.destroy(self._client)
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
        for leg in self._legs:
            self._registry.remove(leg.id)
            if not leg.ended.done():
                log.warning("leg %s is not known to have ended; the next sweep looks for it", leg.id)
        self._registry.remove(self.channel_id)

    def forget(self) -> None:
        """Listen to nothing of this call any more. A recording is closed later than the line, or is never heard of."""
        for subject in (self.channel_id, *self._recordings):
            self._registry.remove(subject)

    async def _in_stasis(self) -> None:
        """Nothing can be done to the caller's channel before Asterisk has handed it over."""
        if self.entered.done():
            return
        await asyncio.wait((self.entered, self.gone), timeout=CLOSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not self.entered.done() and not self.gone.done():
            raise LineTrouble("Asterisk did not hand the call over")

    async def _done(self, answer: Future[Any], what: str) -> Any:
        """The answer; a refusal because the caller has gone is left to ``gone`` to tell."""
        try:
            return await asyncio.shield(answer)
        except AriError as error:
            await asyncio.wait([self.gone], timeout=NEWS_SECONDS)
            raise LineTrouble(f"could not {what}: {error}") from None

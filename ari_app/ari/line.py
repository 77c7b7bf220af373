"""One inbound call at Asterisk: the `Line` that a call is conducted on."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ari_app.ari.asking import Asking
from ari_app.ari.caller import Shown, how_left
from ari_app.ari.callerside import NEWS_SECONDS, CallerSide
from ari_app.ari.channels import HangupReason
from ari_app.ari.client import AriClient
from ari_app.ari.errors import AriError, Disconnected, RequestTimeout, Unprocessable
from ari_app.ari.events import Bridge, Channel, Event, StasisStart
from ari_app.ari.handover import HandedLeg
from ari_app.ari.legs import AriLeg, done
from ari_app.ari.media import AriRecording, CallerMedia
from ari_app.ari.placing import NOT_RUNG, Placing, RungByDial
from ari_app.ari.registry import Registry
from ari_app.ari.seen import Seen
from ari_app.ari.settings import own_id
from ari_app.ari.talkbridge import TalkBridge
from ari_app.ari.whereabouts import BACK, in_fallback, in_stasis, is_ours
from ari_app.core.outcomes import CallerEnd, HangUpCause, LegEnd, LegOutcome, PlayEnd
from ari_app.core.scheme import Destination, VoicemailStep
from ari_app.core.timeline import Kind, Note
from ari_app.dialstring import DialTemplates
from ari_app.keys import Keys
from ari_app.ports import Leg, LegRefused, LineTrouble

CLOSE_SECONDS = 2.0
ENTER_SECONDS = 2.0
READINGS = 5
"""How long the end of a call waits for Asterisk to confirm that every leg is gone."""

_REASONS: dict[HangUpCause, HangupReason] = {
    HangUpCause.NORMAL: "normal",
    HangUpCause.BUSY: "busy",
    HangUpCause.NO_ANSWER: "no_answer",
    HangUpCause.UNKNOWN_NUMBER: "unallocated",
    HangUpCause.CONGESTION: "congestion",
}


class AriLine:
    """The caller's channel, the legs dialed for it and the bridge they talk in. ``heard`` is set while events come."""

    def __init__(
        self,
        client: AriClient,
        registry: Registry,
        app: str,
        dial: DialTemplates,
        channel: Channel,
        *,
        longest_seconds: float,
        heard: asyncio.Event | None = None,
    ) -> None:
        self.channel_id = channel["id"]
        self.side = CallerSide(self.channel_id, heard)
        self.keys = Keys()
        self._client = client
        self._registry = registry
        self._dial = dial
        self._untold: list[Note] = []
        self._tell: Callable[[Note], None] = self._untold.append
        self._placing = Placing(client, registry, app, self.side, channel, longest_seconds=longest_seconds)
        self._media = CallerMedia(client, registry, self.side)
        self._asking = Asking(client, registry, heard)
        self._bridge = TalkBridge(own_id(app, self.channel_id))
        self._ringing_in_band = False

    @property
    def gone(self) -> Future[CallerEnd]:
        return self.side.gone

    def on_event(self, event: Event) -> None:
        """Take in what Asterisk says of the caller's channel."""
        handed = self._placing.handed
        match event["type"]:
            case "StasisStart":
                self._on_start(event)
            case "ChannelDtmfReceived":
                self.keys.press(event["digit"])
            case "Dial" if handed is not None:
                handed.on_dial(event)
            case "ChannelHangupRequest":
                done(self.gone, how_left(event.get("cause", 0), event.get("tech_cause", 0)))
            case "StasisEnd" if not self.side.entered.done():
                pass  # handed over to the dialplan; should the caller have left, another event says so
            case "StasisEnd" if not (self.gone.done() or self.side.told_to_go):
                self._client.channels.get(self.channel_id).add_done_callback(self._on_whereabouts)
            case "StasisEnd" | "ChannelDestroyed":
                done(self.gone, self.side.left_unseen())
                if event["type"] == "ChannelDestroyed" and handed is not None:
                    handed.over(LegEnd(LegOutcome.CALLER_LEFT))  # Dial() has ended it with its caller

    def _on_whereabouts(self, answer: Future[Channel]) -> None:
        """A caller has left our hands, and nobody is known to have hung up: `ari-app agi` may have sent him to the
        fallback, having taken us for dead when we hung. The event itself does not tell (seen on 22.10.1)."""
        if not (answer.cancelled() or answer.exception()) and in_fallback(answer.result()):
            self.leave(CallerEnd.TO_FALLBACK)
        else:
            done(self.gone, self.side.left_unseen())

    def _on_start(self, event: StasisStart) -> None:
        """The caller is in our hands, at last or again."""
        handed, (first, *outcome) = self._placing.handed, event["args"] or [""]
        if first != BACK:
            done(self.side.entered, None)
        elif handed is not None and handed.is_told_of(outcome):
            done(self.side.entered, None)
            self.side.answered = self.side.answered or event["channel"]["state"] == "Up"
            handed.on_back(outcome)

    @property
    def was_lost(self) -> bool:
        """Whether the call ended because the connection did."""
        return self.gone.done() and self.gone.result() is CallerEnd.LINE_LOST

    def lost(self, why: str) -> None:
        """Asterisk has lost the call, or we Asterisk for good."""
        if not self.gone.done():
            self._tell(Note(Kind.TROUBLE, {"what": "connection", "why": why}))
            self.gone.set_result(CallerEnd.LINE_LOST)
        self._placing.lost(why)

    def leave(self, how: CallerEnd) -> None:
        """Somebody else goes on with the call: whatever is left of it in Asterisk is not ours to end any more."""
        self._placing.leave()
        done(self.gone, how)

    def listen(self, tell: Callable[[Note], None]) -> None:
        self._tell = tell
        for note in self._untold:
            tell(note)

    # --- after events were missed -------------------------------------------------------------------------------------

    @property
    def in_question(self) -> InQuestion:
        """What may have changed unheard. To be asked before Asterisk's state is read: what begins later is no loss."""
        legs, handed = self._placing.in_question
        to_enter = self.side.claimed and self._placing.handed is None and not self.side.entered.done()
        return InQuestion(self, legs, handed, to_enter, *self._media.in_question)

    def catch_up(self, asked: InQuestion, seen: Seen, seconds: float) -> None:
        """Take in what is found after ``seconds`` of events were missed; synchronous, so that no event gets between."""
        channel = seen.channels.get(self.channel_id)
        if not self.side.told_to_go:
            self._tell(Note(Kind.RECOVERED, {"after": "cut", "seconds": round(seconds, 1)}))
        if channel is None:
            done(self.gone, self.side.left_unseen())
        elif is_ours(channel):
            self.side.answered = self.side.answered or channel["state"] == "Up"
            if asked.to_enter and in_stasis(channel):
                done(self.side.entered, None)
        elif not self.side.told_to_go:
            self.leave(CallerEnd.TO_FALLBACK)
            return
        self._placing.catch_up(asked.legs, asked.handed, seen)
        for name in (*asked.playbacks, *asked.recordings):
            if name not in seen.live:
                self._media.ended(name)

    # --- of a call that another process began -------------------------------------------------------------------------

    def take_up(self, call_id: str, left: LeftCall, seen: Seen) -> None:
        """Find what is left of the call in Asterisk; synchronous, and done before any event of it is passed on."""
        channel = seen.channels.get(self.channel_id)
        self.side.answered = left.answered or (channel is not None and channel["state"] == "Up")
        self._placing.take_up(call_id, left.handed, seen)
        bridge = seen.bridges.get(self._bridge.id)
        if bridge is not None:
            self._bridge.take_up(bridge)
        self._media.take_up(left.playbacks, left.recording, seen.live)
        if channel is None:
            done(self.gone, self.side.left_unseen())
        elif not is_ours(channel):
            self.leave(CallerEnd.TO_FALLBACK)
        elif in_stasis(channel):
            done(self.side.entered, None)

    def found(self) -> Sequence[str]:
        return self._placing.found()

    def adopt(self, leg_id: str) -> AriLeg | HandedLeg:
        return self._placing.adopt(leg_id)

    def adopt_recording(self, name: str) -> AriRecording:
        return self._media.adopt(name)

    async def play_on(self, within_seconds: float, until: Future[str] | None = None) -> PlayEnd | None:
        return await self._media.play_on(within_seconds, until)

    # --- what is done with it -----------------------------------------------------------------------------------------

    async def answer(self) -> None:
        if not self.side.answered:
            await self.side.in_stasis()
            await self.side.done(self._answer(self._client), "answer the caller", lambda: self.side.answered)

    async def ring(self) -> None:
        # Before the answer the dialplan's Ringing() is still in force; after it the caller needs a tone of ours.
        if self.side.answered and not self._ringing_in_band:
            await self.side.hearing()
            await self.side.done(self._client.channels.ring(self.channel_id), "let the caller hear ringing")
            self._ringing_in_band = True

    async def place(
        self, leg_id: str, destination: Destination, net_seconds: float, *, alone: bool = False
    ) -> AriLeg | HandedLeg:
        endpoint, seconds = self._dial.render(destination), max(1, round(net_seconds))
        # An answered caller hears a tone of ours meanwhile, which Dial() would have to take over. Another number than
        # the caller's would stay with his channel, and with it whether it may be shown.
        if alone and not self.side.answered and not destination.caller_id:
            return await self._placing.hand_over(leg_id, endpoint, seconds, destination.diverted_from)
        return await self._placing.place(leg_id, endpoint, seconds, Shown.of(destination))

    async def ask(self, leg: Leg, sounds: Sequence[str], key: str, seconds: float) -> bool:
        # Dial() has connected whomever it rang: then there is nobody to be asked any more.
        return not isinstance(leg, AriLeg) or await self._asking.ask(leg, sounds, key, seconds)

    async def connect(self, leg: Leg) -> None:
        if isinstance(leg, HandedLeg):
            self.side.answered = True  # by Dial(), which has connected the two
            return
        if self._bridge.holds(self.channel_id, leg.id):
            return  # since before we took the call up
        await self.side.in_stasis()
        # Sent together, and carried out in this order: one round trip to Asterisk instead of three.
        client = self._client.in_order()
        waiting: list[Future[Any]] = []
        if self._ringing_in_band:
            waiting.append(client.channels.ring_stop(self.channel_id))
            self._ringing_in_band = False
        if not self.side.answered:
            waiting.append(self._answer(client))
        waiting += self._bridge.join(client, self.channel_id, leg.id)
        await self._joined(leg, waiting)

    def _answer(self, client: AriClient) -> Future[None]:
        answer = client.channels.answer(self.channel_id)
        answer.add_done_callback(self.side.answered_by)
        return answer

    async def _joined(self, leg: Leg, waiting: list[Future[Any]], *, again: bool = True) -> None:
        try:
            # Not one by one: each answer would wake this task, and they come one after another.
            await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
            for answer in waiting:
                if answer.done():
                    answer.result()
        except (RequestTimeout, Disconnected):
            if not {self.channel_id, leg.id} <= set((await self._bridge_again())["channels"]):
                raise LineTrouble("Asterisk did not connect the two in time") from None
        except AriError as error:
            if again and isinstance(error, Unprocessable) and isinstance(leg, AriLeg) and await self._enters(leg):
                rejoined = self._bridge.join(self._client.in_order(), self.channel_id, leg.id)
                await self._joined(leg, rejoined, again=False)
                return
            await asyncio.wait((leg.ended, self.gone), timeout=NEWS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if leg.ended.done():
                raise LegRefused(leg.ended.result()) from None
            raise LineTrouble(f"the two could not be connected: {error}") from None

    async def _bridge_again(self) -> Bridge:
        """The bridge as it is, once we hear again; the connection may be lost more than once meanwhile."""
        for _ in range(READINGS):
            with suppress(LineTrouble):
                await self.side.hearing()
                bridge: Bridge = await self.side.done(self._bridge.read_again(self._client), "read the bridge again")
                return bridge
        raise LineTrouble("whether Asterisk connected the two could not be read")

    async def _enters(self, leg: AriLeg) -> bool:
        """Whether it is ours yet. Its answer is told before it enters the application, and a busy Asterisk may be asked
        to connect it in between."""
        await asyncio.wait(
            (leg.entered, leg.ended, self.gone), timeout=ENTER_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        return leg.entered.done() and not leg.ended.done()

    async def play(self, sounds: Sequence[str], within_seconds: float, until: Future[str] | None = None) -> PlayEnd:
        return await self._media.play(sounds, within_seconds, until)

    async def record(self, name: str, limits: VoicemailStep) -> AriRecording:
        return await self._media.record(name, limits)

    async def hang_up(self, cause: HangUpCause) -> None:
        with suppress(LineTrouble):
            await self.side.in_stasis()  # Dial() in the middle of giving up would put its cause in the place of ours
        if not self.gone.done():
            await self.side.done(self._client.channels.hangup(self.channel_id, _REASONS[cause]), "end the call")
            self.side.told_to_go = True

    async def close(self) -> None:
        """Everything is told to end at once; then we wait, but not for ever, until Asterisk says that it has."""
        if self.gone.done() and self.gone.result().handed_on:
            return
        tasks = self._placing.hang_up()
        # A second word would take the first one's cause away; a caller merely lost sight of may be there still.
        if self.was_lost or not (self.gone.done() or self.side.told_to_go):
            self._client.channels.hangup(self.channel_id, "normal")
        if not self.gone.done():
            tasks.append(self.gone)
        self._bridge.destroy(self._client)
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
        self._placing.warn_of_those_left()
        self._stop_listening()

    def _stop_listening(self) -> None:
        self._placing.forget()
        self._registry.remove(self.channel_id)

    def forget(self) -> None:
        """Listen to nothing of this call any more. A recording is closed later than the line, or is never heard of."""
        self._stop_listening()
        self._media.forget()


@dataclass(frozen=True, slots=True)
class LeftCall:
    """What is known of a call that another process has left: whether its caller had been answered, a leg of Dial()'s,
    and what may be played and recorded still."""

    answered: bool = False
    handed: RungByDial = NOT_RUNG
    playbacks: Sequence[str] = ()
    recording: str = ""

    @property
    def recordings(self) -> Sequence[str]:
        """The recording, if there is one."""
        return [self.recording] if self.recording else []


@dataclass(frozen=True, slots=True)
class InQuestion:
    """What of a line may have changed unheard: legs of its own, one of Dial()'s, whether its caller was still to be
    handed over, and what was played and recorded."""

    line: AriLine
    legs: Sequence[AriLeg]
    handed: HandedLeg | None
    to_enter: bool
    playbacks: Sequence[str]
    recordings: Sequence[str]

    @property
    def channels(self) -> Sequence[str]:
        """Whose events must be told."""
        return [self.line.channel_id, *(leg.id for leg in self.legs)]

"""The fake Asterisk's switch: calls in, legs out, their endings; it takes the time from the running loop."""

from __future__ import annotations

import asyncio
import re
import wave
from collections.abc import Callable
from itertools import count
from pathlib import Path

from ari_app.ari.handover import CAUSE_WORDS
from tests.fakes.fake_channels import FakeBridge, FakeChannel, Json, Party, Recording, Refusal, Sound
from tests.fakes.fake_dial import dial_is_over
from tests.fakes.phone_behaviour import CAUSES, HANGUPS, Behaviour, behaviour_of

RATE = 8000
"""Samples a second of a wav recording; 16 bit each."""
FORMATS = {"wav", "ulaw", "alaw", "sln", "gsm"}


class Switch:
    """Channels, bridges, sounds and recordings, and what they do by themselves.

    emit(app, type, fields) is called for each event; `hangup_takes` seconds pass between a DELETE and the end.
    """

    def __init__(self, recordings: Path, emit: Callable[[str, str, Json], None]) -> None:
        self.recordings = recordings
        self.emit = emit
        self.channels: dict[str, FakeChannel] = {}
        self.bridges: dict[str, FakeBridge] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.legs: list[FakeChannel] = []
        self.sounds: dict[str, float | None] = {}
        self.claim_seconds = 0.9
        self.hangup_takes = 0.01
        self.entry_takes = 0.0
        """Seconds from a leg's answer to its being the application's: on a busy machine there are some."""
        self._ids = count()

    # --- callers -----------------------------------------------------------------------------------------------------

    def incoming(self, dialled: str, caller: str, name: str, apps: list[str]) -> FakeChannel:
        """A call arrives, rings, and is offered to these applications."""
        channel = FakeChannel(
            f"1700000000.{next(self._ids)}", Party(dialled), True, dialled, caller, name, state="Ring"
        )
        self.channels[channel.id] = channel
        channel.party.saw("100")
        channel.party.saw("180")
        channel.broadcast = bool(apps)
        for app in apps:
            self.emit(app, "CallBroadcast", {"channel": channel.json(), "caller": caller, "called": dialled})
        channel.later(self.claim_seconds if apps else 0, self._unclaimed, channel)
        return channel

    def _unclaimed(self, channel: FakeChannel) -> None:
        if channel.app is None and channel.context == "offer":
            self.fall_back(channel)

    def fall_back(self, channel: FakeChannel) -> None:
        """The dialplan goes on without us: it answers, says so, and hangs up."""
        channel.broadcast = False
        channel.app = None
        channel.party.saw("200")
        channel.party.saw("BYE")
        self._gone(channel, 16, None)

    def caller_leaves(self, channel: FakeChannel) -> None:
        """CANCEL before the answer, BYE after it."""
        if channel.dying:
            return
        cancelled = channel.state != "Up" or channel.crossed_by_cancel
        if channel.party.status == 0 and cancelled:
            channel.party.saw("487")
        if channel.broadcast:
            # StasisBroadcast() looks up only now and then: a claim in between still succeeds, on a dead channel.
            channel.left_unclaimed = True
            channel.later(0.005, self.end, channel, 127, 487)
            return
        cause = {"cause": 127, "tech_cause": 487} if cancelled else {}
        self._tell(channel, "ChannelHangupRequest", cause)
        self.end(channel, 127 if cancelled else 16, 487 if cancelled else None)

    def press(self, channel: FakeChannel, digit: str) -> None:
        """A key; it may end the recording."""
        self._tell(channel, "ChannelDtmfReceived", {"digit": digit, "duration_ms": 100})
        recording = channel.recording
        if recording and recording.terminate_on in {"any", digit}:
            self.end_recording(channel)

    # --- answering and legs ------------------------------------------------------------------------------------------

    def answer(self, channel: FakeChannel) -> None:
        """Answer an inbound channel; when its CANCEL crosses this, ARI sees Up and the caller 487."""
        if channel.state == "Up":
            return
        channel.state = "Up"
        self._tell(channel, "ChannelStateChange", {})
        if channel.crossed_by_cancel:
            channel.later(0, self.caller_leaves, channel)
        elif channel.inbound:
            channel.party.saw("200")

    def leg(self, channel_id: str, endpoint: str) -> FakeChannel:
        """Make a leg that nobody dials yet."""
        if channel_id in self.channels:
            raise Refusal(409, "Channel with given unique ID already exists")
        match = re.fullmatch(r"PJSIP/([^@/]+)@phones", endpoint)
        if match is None:
            raise Refusal(500, "Allocation failed")
        user = match[1]
        channel = FakeChannel(channel_id, Party(user), False, behaviour=self.behaviours.get(user) or behaviour_of(user))
        self.channels[channel_id] = channel
        self.legs.append(channel)
        return channel

    def dial(self, channel: FakeChannel, seconds: int) -> None:
        """Ring a leg for so long at most (0 and less: for ever)."""
        channel.dialed = True
        behaviour = channel.behaviour
        self._progress(channel, "")
        if behaviour.rings:
            channel.state = "Ringing"
            channel.later(0, self._progress, channel, "RINGING")
        if behaviour.status is not None:
            channel.later(behaviour.after, self._final, channel, behaviour.status)
        if seconds > 0:
            channel.later(seconds, self._rang_out, channel)

    def _progress(self, channel: FakeChannel, status: str) -> None:
        told = {"peer": channel.json(), "dialstatus": status, "dialstring": channel.party.user}
        if (caller := channel.rung_for) is not None:
            self._tell(caller, "Dial", {**told, "caller": caller.json()})
        else:
            self._tell(channel, "Dial", told)

    def _final(self, channel: FakeChannel, status: int) -> None:
        if channel.dying or channel.state == "Up":
            return
        channel.party.status = status
        if status != 200:
            self._tell(channel, "ChannelHangupRequest", {"cause": CAUSES[status], "tech_cause": status})
            self.end(channel, CAUSES[status], status)
            return
        channel.state = "Up"
        self._progress(channel, "ANSWER")
        if channel.rung_for is not None:
            self.answer(channel.rung_for)
        if channel.starts_in is not None and self.entry_takes:
            channel.later(self.entry_takes, self.enter, channel, channel.starts_in)
        elif channel.starts_in is not None:
            self.enter(channel, channel.starts_in)

    def _rang_out(self, channel: FakeChannel) -> None:
        if channel.state != "Up" and not channel.dying:
            channel.party.saw("CANCEL")
            self.end(channel, 19, 480)

    def enter(self, channel: FakeChannel, app: str, *args: str) -> None:
        """The channel is the application's from now on."""
        channel.broadcast = False
        channel.app = app
        channel.app_data = ",".join((app, *args))
        channel.known_to.add(app) if not channel.inbound else None
        self.emit(app, "StasisStart", {"channel": channel.json(), "args": list(args)})

    # --- endings -----------------------------------------------------------------------------------------------------

    def hang_up(self, channel: FakeChannel, reason: str) -> None:
        """End a channel for a reason; the far end hears it at once, the application a little later."""
        if reason not in HANGUPS:
            raise Refusal(400, "Invalid Reason")
        cause, status = HANGUPS[reason]
        if channel.dying:
            return
        self.tell_far_end(channel, reason, status)
        channel.dying = True
        channel.quiet.set()
        self._tell(channel, "ChannelHangupRequest", {"cause": 32, "soft": True})
        asyncio.get_running_loop().call_later(self.hangup_takes, self.end, channel, cause, None)

    def tell_far_end(self, channel: FakeChannel, reason: str, status: int) -> None:
        if channel.state == "Up":
            channel.party.saw("BYE")
        elif channel.inbound:
            channel.party.saw(str(status))
        elif channel.dialed:
            elsewhere = reason == "answered_elsewhere"
            channel.party.cancel_reason = 'SIP;cause=200;text="Call completed elsewhere"' if elsewhere else "Q.850"
            channel.party.saw("CANCEL")

    def end(self, channel: FakeChannel, cause: int, tech_cause: int | None) -> None:
        """The channel is no more, and whoever is interested hears why."""
        if channel.id not in self.channels:
            return
        channel.dying = True
        self.silence(channel)
        self.end_recording(channel, heard=channel.speaks)
        self.leave(channel)
        self._gone(channel, cause, tech_cause)
        dial_is_over(self, channel, cause, tech_cause)

    def leave(self, channel: FakeChannel) -> None:
        """Out of its bridges and its application."""
        for bridge in self.bridges.values():
            if channel.id in bridge.channels:
                bridge.channels.remove(channel.id)
        if channel.app is not None:
            self.emit(channel.app, "StasisEnd", {"channel": channel.json()})
            channel.app = None

    def _gone(self, channel: FakeChannel, cause: int, tech_cause: int | None) -> None:
        for timer in channel.timers:
            timer.cancel()
        del self.channels[channel.id]
        how = {"cause": cause, "cause_txt": CAUSE_WORDS.get(cause, f"cause {cause}")} | (
            {"tech_cause": tech_cause} if tech_cause else {}
        )
        for app in sorted(channel.known_to):
            self.emit(app, "ChannelDestroyed", {"channel": channel.json(), **how})

    def _tell(self, channel: FakeChannel, kind: str, fields: Json) -> None:
        for app in sorted(channel.known_to | ({channel.app} if channel.app else set())):
            whose = {} if kind == "Dial" else {"channel": channel.json()}
            self.emit(app, kind, {**whose, **fields})

    # --- sounds and recordings ---------------------------------------------------------------------------------------

    def play(self, channel: FakeChannel, sound: Sound) -> None:
        """Queue a sound. A missing recording or a bad URI never ends; any other unknown sound fails at once."""
        channel.sounds.append(sound)
        if channel.inbound and channel.state != "Up":
            channel.party.saw("183")
        if len(channel.sounds) == 1:
            self._next_sound(channel)

    def _next_sound(self, channel: FakeChannel) -> None:
        while channel.sounds:
            sound = channel.sounds[0]
            channel.quiet.clear()
            if sound.seconds is not None and sound.seconds >= 0:
                sound.state = "playing"
                self._tell_sound(channel, sound, "PlaybackStarted")
                channel.later(sound.seconds, self.finish, channel, sound, "done")
                return
            channel.sounds.pop(0)
            if sound.seconds is not None:
                sound.state = "failed"
                self._tell_sound(channel, sound, "PlaybackFinished")
        channel.quiet.set()

    def finish(self, channel: FakeChannel, sound: Sound, state: str) -> None:
        """A sound has ended, or was stopped; the next one begins."""
        if sound in channel.sounds:
            channel.sounds.remove(sound)
            sound.state = state
            self._tell_sound(channel, sound, "PlaybackFinished")
            self._next_sound(channel)

    def silence(self, channel: FakeChannel) -> None:
        """Nothing plays any more: the channel is ending."""
        sounds, channel.sounds = channel.sounds, []
        for sound in sounds:
            sound.state = "done"
            self._tell_sound(channel, sound, "PlaybackFinished")
        channel.quiet.set()

    def _tell_sound(self, channel: FakeChannel, sound: Sound, kind: str) -> None:
        if channel.app is not None:
            self.emit(channel.app, kind, {"playback": sound.json(channel.id)})

    def record(self, channel: FakeChannel, recording: Recording, most: int, silence: int) -> None:
        """Record; callers of the fake say nothing, so `silence` seconds end it too."""
        self.answer(channel)
        channel.recording = recording
        limits = [seconds for seconds in (most, silence) if seconds > 0]
        if limits:
            recording.timer = channel.later(min(limits), self.end_recording, channel)
        if channel.app is not None:
            self.emit(channel.app, "RecordingStarted", {"recording": recording.json("recording")})

    def end_recording(self, channel: FakeChannel, *, keep: bool = True, heard: bool = True) -> None:
        """End the channel's recording, if any; keep its file or not. Unheard by a hang-up, it has failed."""
        recording, channel.recording = channel.recording, None
        if recording is None:
            return
        if recording.timer is not None:
            recording.timer.cancel()
        seconds = asyncio.get_running_loop().time() - recording.began if heard else 0.0
        if keep and heard:
            self._write(recording, seconds)
        if channel.app is not None:
            state = ("done" if keep else "canceled") if heard else "failed"
            kind = "RecordingFinished" if heard else "RecordingFailed"
            self.emit(channel.app, kind, {"recording": recording.json(state, seconds)})

    def _write(self, recording: Recording, seconds: float) -> None:
        with wave.open(str(self.recordings / f"{recording.name}.{recording.format}"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(bytes(2 * int(seconds * RATE)))

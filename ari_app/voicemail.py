"""Performs greetings and voicemail: plays the prompt, records the caller, and judges what was recorded."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Sequence

from ari_app.chronicle import Chronicle
from ari_app.core.engine import MessageTaken, Prompted
from ari_app.core.outcomes import PlayEnd, Recorded, RecordEnd
from ari_app.core.recordings import worth
from ari_app.core.scheme import Greeting, GreetingStep, VoicemailStep
from ari_app.core.standing import RecordingStanding, Standing
from ari_app.core.timeline import Kind
from ari_app.ports import Journal, Line, LineTrouble, MessageKeeper, MessageRecord, Recording, RecordingOwed

GREETING_SECONDS = 60
"""The longest greeting: an upload that is longer is refused, for it would be cut off."""
FILE_SECONDS = 3
"""How long a recording may take to be closed once the caller has gone."""
TONE = "ari-app/beep"
TONE_SECONDS = 3
"""How long the tone may take to end; it lasts less than half a second."""
PROMPT_SECONDS = GREETING_SECONDS + TONE_SECONDS
"""A prompt that has not ended by then never will: Asterisk tells nothing about a missing file."""


class Prompting:
    """Greetings of one call."""

    def __init__(self, line: Line, chronicle: Chronicle) -> None:
        self._line = line
        self._chronicle = chronicle

    async def perform(self, step: GreetingStep, at: Standing | None = None) -> Prompted:
        """Answer and play the greeting, or what is left of it; one that fails does not keep the call from going on."""
        if at is None or not at.prompt_begun:
            return Prompted(await self.play(step.greeting))
        if at.prompt is not None:
            return Prompted(at.prompt)
        return Prompted(await self.play_on(step.greeting) or PlayEnd.PLAYED)

    async def play_on(self, greeting: Greeting, until: Future[str] | None = None) -> PlayEnd | None:
        """Hear out a greeting that another process began, ``until`` a key cuts it short; None when it is over, nobody
        knows since when."""
        end = await self._line.play_on(PROMPT_SECONDS, until)
        self._chronicle.note(Kind.PROMPT_ENDED, greeting=greeting.name, end=(end or PlayEnd.PLAYED).value)
        return end

    async def play(self, greeting: Greeting, *more: str, until: Future[str] | None = None) -> PlayEnd:
        """Answer, if need be, and play a greeting and further sounds after it, ``until`` a key cuts them short."""
        end = await self._sound((greeting.sound, *more), PROMPT_SECONDS, greeting, until)
        self._chronicle.note(Kind.PROMPT_ENDED, greeting=greeting.name, end=end.value)
        return end

    async def tone(self) -> PlayEnd:
        """Answer, if need be, and give the tone alone."""
        return await self._sound((TONE,), TONE_SECONDS)

    async def _sound(
        self,
        sounds: Sequence[str],
        seconds: float,
        greeting: Greeting | None = None,
        until: Future[str] | None = None,
    ) -> PlayEnd:
        """What cannot be played is put on record, and does not end the call."""
        try:
            await self._line.answer()
            if not self._chronicle.happened(Kind.ANSWERED_BY_SYSTEM):
                self._chronicle.note(Kind.ANSWERED_BY_SYSTEM)
            if greeting is not None:
                self._chronicle.note(Kind.PROMPT_BEGAN, greeting=greeting.name)
            return await self._line.play(sounds, seconds, until)
        except LineTrouble as trouble:
            self._chronicle.note(Kind.TROUBLE, what="prompt", why=str(trouble))
            return PlayEnd.FAILED


class Voicemail:
    """The voicemail of one call: at most one message, judged once, after whatever ended it."""

    def __init__(self, line: Line, chronicle: Chronicle, keeper: MessageKeeper, journal: Journal) -> None:
        self._line = line
        self._chronicle = chronicle
        self._keeper = keeper
        self._journal = journal
        self._under_way: tuple[Recording | None, str, VoicemailStep] | None = None
        self.owed: RecordingOwed | None = None
        """The recording, when it could not be taken yet."""

    def adopt(self, begun: RecordingStanding) -> None:
        """A recording that another process began is this call's message, if it is any good."""
        limits = VoicemailStep(Greeting("", ""), begun.max_seconds, min_seconds=begun.min_seconds)
        self._under_way = (self._line.adopt_recording(begun.name), begun.name, limits)

    async def perform(self, step: VoicemailStep, at: Standing | None = None) -> MessageTaken:
        """Greet, give the tone, record until a limit, ``#`` or the caller's hang-up ends it; or what is left to do."""
        if at is not None and at.recording is not None:
            return await self._record_on(at.recording)
        await self._prompt(step, at)
        name = self._keeper.new_name()
        self._under_way = (None, name, step)
        recording = await self._line.record(name, step)
        self._under_way = (recording, name, step)
        self._chronicle.note(
            Kind.RECORDING_BEGAN, name=name, max_seconds=step.max_seconds, min_seconds=step.min_seconds
        )
        # Ours is the deadline: Asterisk's counts whole seconds, and is up to two of them late.
        await asyncio.wait([recording.ended], timeout=step.max_seconds)
        return MessageTaken()

    async def _prompt(self, step: VoicemailStep, at: Standing | None) -> None:
        prompting = Prompting(self._line, self._chronicle)
        end: PlayEnd | None = None
        if at is None or not at.prompt_begun:
            end = await prompting.play(step.greeting, TONE)
        elif at.prompt is None:
            end = await prompting.play_on(step.greeting)
        if end is not PlayEnd.PLAYED:
            # A missing greeting must not cost the message: the tone alone still says "speak now".
            await prompting.tone()

    async def _record_on(self, begun: RecordingStanding) -> MessageTaken:
        if self._under_way is not None and (recording := self._under_way[0]) is not None:
            left = begun.max_seconds - (self._chronicle.now_ms - begun.began_ms) / 1000
            await asyncio.wait([recording.ended], timeout=max(0.0, left))
        return MessageTaken()

    async def judge(self) -> None:
        """Once the recording is over: keep it as a message or discard it, by what its file shows."""
        if self._under_way is None:
            return
        recording, name, step = self._under_way
        self._under_way = None
        if recording is None:  # the caller left while it was being begun: there may be a file, with nothing in it
            self._keeper.discard(name)
            return
        await asyncio.wait([recording.ended], timeout=FILE_SECONDS)
        end = recording.ended.result() if recording.ended.done() else RecordEnd.OVERDUE
        if not self._chronicle.happened(Kind.RECORDING_ENDED):
            self._chronicle.note(Kind.RECORDING_ENDED, end=end.value)
        recorded = await self._keeper.take(name)
        if recorded.trouble:
            self._not_taken(recorded, step)
            return
        found = worth(recorded, step.min_seconds)
        self._chronicle.extend((found,))
        if found.kind is Kind.MESSAGE_LEFT:
            self._keeper.keep(name)
            self._journal.message(MessageRecord(self._chronicle.call_id, name, round(recorded.seconds * 1000)))
        else:
            self._keeper.discard(name)

    def _not_taken(self, recorded: Recorded, step: VoicemailStep) -> None:
        """It may be a message: it is tried again later, or an admin decides, not we."""
        self._chronicle.note(Kind.TROUBLE, what="recording", why=recorded.trouble)
        if recorded.waits_at:
            self._chronicle.note(Kind.RECORDING_OWED, name=recorded.name)
            self.owed = RecordingOwed(recorded.name, recorded.waits_at, step.min_seconds, recorded.trouble)

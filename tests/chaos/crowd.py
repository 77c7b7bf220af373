"""The callers and the telephones: SIPp processes that place and take calls at a steady rate, and what they saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.stories import LONGEST_SECONDS, STORIES, TELEPHONES, VOICE_SECONDS, Story
from tests.chaos.town import Town
from tests.chaos.wire import Dialog, read
from tests.e2e.house import CALLER
from tests.e2e.sipp import Sipp, free_port, ticks
from tests.e2e.voice import alaw, speech

_EVERY = "[pid]-[call_number]"
"""SIPp's own way to make a tag or a branch of each call's own."""
_ENDLESS = 10_000_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls in a story: the number is nobody else's, and so names the call."""

    story: Story
    number: str


@dataclass
class Crowd:
    """``rate``: calls a second of all stories together, for ``seconds``."""

    town: Town
    folder: Path
    rate: float
    seconds: float
    traced: bool = True
    callers: dict[str, Caller] = field(default_factory=dict)
    _places: dict[str, Sipp] = field(default_factory=dict)
    _phones: dict[str, Sipp] = field(default_factory=dict)

    def begin(self) -> None:
        """Have the telephones listen, then the first callers call."""
        self.folder.mkdir(parents=True)
        for phone in TELEPHONES:
            host, port = self.town.telephones[phone.name]
            name = f"phone-{phone.name}"
            sipp = Sipp(self.folder / name, phone.scenario, host, port, _ENDLESS, traced=self.traced)
            places = {"key": _EVERY, "answer_ms": phone.answer_ms, "talk_ms": phone.talk_ms, "status": phone.status}
            sipp.start({**places, "extra": ""}, "-l", "10000")
            sipp.listen()
            self._phones[name] = sipp
        (self.folder / "voice.alaw").write_bytes(alaw(speech(VOICE_SECONDS * 8000)))
        for number, story in enumerate(STORIES):
            self._call(number, story)

    def _call(self, number: int, story: Story) -> None:
        rate = self.rate * story.share / sum(one.share for one in STORIES)
        count = max(1, round(rate * self.seconds))
        named = [f"+7916{number}{call:06d}" for call in range(count)]
        self.callers |= {one: Caller(story, one) for one in named}
        who = self.folder / f"callers-{number}.csv"
        who.write_text("SEQUENTIAL\n" + "".join(f"{one};\n" for one in named))
        scenario = "crowd-quitter" if story.gives_up_ms else "crowd-caller"
        sipp = Sipp(self.folder / f"story-{number}", scenario, CALLER, free_port(CALLER), count, traced=self.traced)
        voice = f'<exec rtp_stream="{self.folder}/voice.alaw,1,8,PCMA/8000"/>' if story.speaks else ""
        places = {"key": _EVERY, "patience_ms": story.gives_up_ms, "talk_ms": story.talk_ms, "voice": voice}
        arguments = ["-s", self.town.numbers[story.name], "-r", "1", "-rp", str(round(1000 / rate)), "-l", "10000"]
        arguments += ["-inf", str(who)]
        sipp.start(places, *arguments, "{}:{}".format(*self.town.house.asterisk.sip_address))
        sipp.listen()
        self._places[story.name] = sipp

    @property
    def calling(self) -> bool:
        """Whether a caller is still on the line, or yet to come."""
        return any(sipp.running for sipp in self._places.values())

    def over(self) -> bool:
        """Whether the last caller has gone; waited for as long as one may stay."""
        return any(not self.calling for _ in ticks(LONGEST_SECONDS))

    def end(self) -> None:
        """End every process."""
        for sipp in (*self._places.values(), *self._phones.values()):
            sipp.stop()

    def seen_by_callers(self) -> tuple[Dialog, ...]:
        """Every call that was placed."""
        return tuple(one for story, sipp in self._places.items() for one in read(story, sipp.log))

    def seen_by_phones(self) -> tuple[Dialog, ...]:
        """Every call that a telephone was offered."""
        return tuple(one for name, sipp in self._phones.items() for one in read(name, sipp.log))

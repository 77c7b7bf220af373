"""Compares SIP's view of every call with the product's, one to one, and says what does not agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.chaos.faults import How, Part
from tests.chaos.ledger import Entry, Ledger
from tests.chaos.stories import LONGEST_SECONDS, Story
from tests.chaos.wire import Dialog

WRITTEN_SECONDS = 0.3
"""What a controller heard in so long before it is killed has perhaps not been written: it gathers for a tenth of a
second, and writes."""
FLEETING_SECONDS = 2.1
"""A call that had come so shortly before Asterisk was killed may be in no journal: it is offered for 0.9 s,
and Asterisk's database, in which the fallback's notes are, is committed once a second."""
COMMITTED_SECONDS = 1.2
"""So long after a call of the fallback its end may not be in Asterisk's database yet."""
RESCUED_SECONDS = 7.0
"""Nor may one that a controller had claimed which then heard no more: after 5 s its caller is sent to the fallback."""
TALK_SECONDS = 0.5
"""Two who were connected for so long have talked."""
VOICE_LOST_SECONDS = 2.1
"""Of a message at most, when Asterisk is killed: it writes blocks of 32 KiB."""
AFTERMATH_SECONDS = 3.0
"""For so long after something was mended calls may still go another way."""
FELT = (Part.CONTROLLER, Part.ASTERISK, Part.WEBSOCKET)
"""Parts whose outages may change what becomes of a call; those of others may not."""


class Rule(StrEnum):
    """What must hold."""

    ONE_ROW = "every call has one row"
    NO_STRANGERS = "every row is a call"
    CLOSED = "every row has a verdict and a reason"
    VERDICT = "the verdict is what SIP saw"
    AS_PLANNED = "a call beside which nothing broke goes as its scheme says"
    SERVED = "no caller is left in silence"
    PLAYABLE = "every message can be played"
    VOICE = "of a message at most 2.1 s are lost"
    NO_STRAYS = "every recording belongs to a call"
    APOLOGY = "one apology for each lost call, none for others"
    NOTICE = "one notice of each message"
    SETTLED = "no message waits for ever"
    NOTHING_LEFT = "nothing is left of any call"
    SOUND = "no program fails"


@dataclass(frozen=True, slots=True)
class Outage:
    """What broke, from when until when it served again, in seconds of the wall clock."""

    part: Part
    how: How
    began: float
    ended: float

    def told(self, since: float) -> str:
        """In seconds after a moment."""
        return f"{self.began - since:7.2f} s {self.part} {self.how}, until {self.ended - since:.2f} s"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be; ``number``: the caller's, if it is about a call."""

    rule: Rule
    what: str
    number: str = ""


@dataclass
class Audit:
    """``stories``: what each caller, by number, was about; ``calls`` and ``legs``: what callers and telephones saw."""

    stories: Mapping[str, Story]
    calls: Mapping[str, Dialog]
    legs: Sequence[Dialog]
    ledger: Ledger
    outages: Sequence[Outage]
    until: float
    figures: Counter[str] = field(default_factory=Counter)
    voice_lost: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._legs = defaultdict[str, list[Dialog]](list)
        for leg in self.legs:
            self._legs[leg.number].append(leg)
        self._deaths = sorted(one.began for one in self.outages if one.part is Part.ASTERISK and one.how is How.KILLED)

    def findings(self) -> list[Finding]:
        """Everything that does not agree; figures are counted on the way."""
        found = list(self._strangers())
        for number, call in self.calls.items():
            self.figures["placed"] += 1
            found += self._of_call(number, call, self.ledger.calls.get(number, ()))
        found += [Finding(Rule.NO_STRAYS, name) for name in self.ledger.strays]
        found += [Finding(Rule.SETTLED, what) for what in self.ledger.unsettled]
        return found

    def told(self, number: str) -> str:
        """All that is known of a call: SIP's view, the journal's, and what broke meanwhile."""
        call = self.calls.get(number)
        parts: list[Dialog | Entry] = [*filter(None, [call]), *self._legs[number]]
        near = [one.told(call.invited_at) for one in self.outages if call and self._beside(call, one)]
        return "\n".join([*map(str, [*parts, *self.ledger.calls.get(number, ())]), *near])

    def _strangers(self) -> Iterator[Finding]:
        for number, entries in self.ledger.calls.items():
            if number not in self.calls:
                yield Finding(Rule.NO_STRANGERS, f"{entries[0].id} of {number}", number)

    def _of_call(self, number: str, call: Dialog, entries: Sequence[Entry]) -> Iterator[Finding]:
        if call.taken_at is None:
            self.figures["never taken"] += 1
            return
        self.figures["taken"] += 1
        self.figures["live when Asterisk died"] += self._died(call) is not None
        yield from self._served(number, call)
        if len(entries) == 1:
            self.figures["journalled"] += 1
            yield from self._of_entry(number, call, entries[0])
        elif entries:
            yield Finding(Rule.ONE_ROW, f"{len(entries)} rows", number)
        elif self._died_unheard(call):
            self.figures["unheard of: Asterisk died with it"] += 1
        else:
            yield Finding(Rule.ONE_ROW, "no row", number)

    def _of_entry(self, number: str, call: Dialog, entry: Entry) -> Iterator[Finding]:
        self.figures[f"{entry.disposition}"] += 1
        self.figures["recovered"] += entry.first("recovered") is not None
        self.figures["served without a controller"] += entry.first("fallback_took") is not None
        if not (entry.disposition and entry.reason):
            yield Finding(Rule.CLOSED, "the row is open", number)
            return
        yield from self._verdict(number, call, entry)
        yield from self._messages(number, call, entry)
        yield from self._planned(number, call, entry)
        due = int(self.stories[number].listed and entry.disposition == "lost")
        sent = self.ledger.texts.get(number, 0)
        self.figures["apologies due"] += due
        self.figures["apologies sent"] += sent
        if sent != due and number not in self.ledger.held:
            yield Finding(Rule.APOLOGY, f"{due} due, {sent} sent", number)

    def _verdict(self, number: str, call: Dialog, entry: Entry) -> Iterator[Finding]:
        answered = entry.disposition == "answered"
        legs = [leg for leg in self._legs[number] if leg.answered_at is not None]
        if answered and not legs:
            yield Finding(Rule.VERDICT, "answered, and nobody picked up", number)
        talks = [talk for leg in legs if (talk := self._talk(call, leg))]
        if not answered and talks:
            late = COMMITTED_SECONDS if entry.first("fallback_took") is not None else 0.0
            if self._died(call, late) is not None or any(self._unheard(*talk) for talk in talks):
                self.figures["talked while nobody heard, not answered"] += 1
            else:
                yield Finding(Rule.VERDICT, f"{entry.disposition}, and they talked", number)
        if answered and legs and entry.answered_by not in {_endpoint(leg) for leg in legs}:
            yield Finding(Rule.VERDICT, f"answered by {entry.answered_by}, who did not pick up", number)
        if entry.disposition == "message_left" and call.answered_at is None:
            yield Finding(Rule.VERDICT, "a message of somebody who was never answered", number)

    def _talk(self, call: Dialog, leg: Dialog) -> tuple[float, float] | None:
        """From when until when both were up, if it was for long enough to talk."""
        if call.answered_at is None or leg.confirmed_at is None:
            return None
        began, ended = max(call.answered_at, leg.confirmed_at), min(self._end(call), self._end(leg))
        return (began, ended) if ended - began >= TALK_SECONDS else None

    def _unheard(self, began: float, ended: float) -> bool:
        """Whether no controller heard Asterisk at any moment of a talk: nobody can tell of it afterwards."""
        deaf_until = 0.0
        for outage in self.outages:
            if outage.part in FELT and _forgotten_from(outage) <= max(began, deaf_until):
                deaf_until = max(deaf_until, outage.ended + AFTERMATH_SECONDS)
        return any(one.part in FELT and _forgotten_from(one) <= began for one in self.outages) and ended <= deaf_until

    def _end(self, call: Dialog) -> float:
        """When a dialog was over: by a word of SIP, or with Asterisk."""
        return min(filter(None, [call.ended_at, self._died(call), self.until]))

    def _died(self, call: Dialog, after: float = 0.0) -> float | None:
        """When Asterisk was killed under a call, or so many seconds after it."""
        ended = (call.ended_at or self.until) + after
        return next((death for death in self._deaths if call.invited_at <= death <= ended), None)

    def _died_unheard(self, call: Dialog) -> bool:
        """Whether a call was known to Asterisk alone when that was killed."""
        taken = call.begun_at or call.taken_at or 0.0  # Asterisk may be slow to say more than 100 Trying
        death = next((death for death in self._deaths if taken - 0.1 <= death <= taken + RESCUED_SECONDS), None)
        if death is None or death <= taken + FLEETING_SECONDS:
            return death is not None
        deaf_until = taken
        for outage in self.outages:
            if outage.part in FELT and taken < outage.began <= max(taken + WRITTEN_SECONDS, deaf_until):
                deaf_until = max(deaf_until, outage.ended)
        return death <= deaf_until

    def _served(self, number: str, call: Dialog) -> Iterator[Finding]:
        died = self._died(call)
        if died is not None:
            return
        if call.ended_at is None:
            yield Finding(
                Rule.SERVED, f"never ended; last heard of after {call.last_at - call.invited_at:.1f} s", number
            )
        elif call.cancelled_at is None and call.ended_at - call.invited_at > LONGEST_SECONDS:
            yield Finding(Rule.SERVED, f"ended after {call.ended_at - call.invited_at:.1f} s", number)

    def _messages(self, number: str, call: Dialog, entry: Entry) -> Iterator[Finding]:
        for message in entry.messages:
            self.figures["messages kept"] += 1
            length = message.playable_seconds
            if length is None or abs(length - message.seconds) > 0.5:
                yield Finding(Rule.PLAYABLE, f"{message.name}: {message.seconds} s, its file {length} s", number)
            told = self.ledger.notices.get(message.name, 0)
            if told != int(self.stories[number].listed) and message.name not in self.ledger.held:
                yield Finding(Rule.NOTICE, f"{told} of {message.name}", number)
        if entry.disposition == "message_left" and not entry.messages:
            yield Finding(Rule.PLAYABLE, "there is no recording", number)
        began, died = entry.first("recording_began"), self._died(call)
        if began is not None and died is not None and self.stories[number].speaks and died - began > VOICE_LOST_SECONDS:
            lost = died - began - sum(message.playable_seconds or 0.0 for message in entry.messages)
            self.voice_lost.append(lost)
            if lost > VOICE_LOST_SECONDS:
                yield Finding(Rule.VOICE, f"{lost:.1f} s lost of {died - began:.1f}", number)

    def _planned(self, number: str, call: Dialog, entry: Entry) -> Iterator[Finding]:
        planned = entry.disposition == self.stories[number].ends
        self.figures["ended as planned"] += planned
        if any(self._beside(call, outage) for outage in self.outages):
            return
        self.figures["nothing broke beside"] += 1
        if not planned:
            yield Finding(Rule.AS_PLANNED, f"{entry.disposition}, not {self.stories[number].ends}", number)

    def _beside(self, call: Dialog, outage: Outage) -> bool:
        ended = outage.ended + AFTERMATH_SECONDS
        return outage.part in FELT and outage.began <= self._end(call) and call.invited_at <= ended


def _forgotten_from(outage: Outage) -> float:
    """From when on what was heard is not known any more: what a killed controller had not written went with it."""
    killed = outage.part is Part.CONTROLLER and outage.how is How.KILLED
    return outage.began - WRITTEN_SECONDS if killed else outage.began


def _endpoint(leg: Dialog) -> str:
    return leg.party.replace("phone-", "crowd-", 1)

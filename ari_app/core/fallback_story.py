"""Tells a timeline from the notes that the dialplan took of a call, as a controller would have told it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ari_app.core.engine import describe, why_unanswered
from ari_app.core.fallback_notes import FallbackNote, Word
from ari_app.core.outcomes import CallerEnd, HangUpCause, LegOutcome, PlayEnd, RecordEnd, leg_outcome
from ari_app.core.responsible import Why
from ari_app.core.rung_legs import RungLeg, left_open, number_of
from ari_app.core.scheme import DialStep, GreetingStep, Step, TargetKind, VoicemailStep
from ari_app.core.standing import standing
from ari_app.core.timeline import Entry, Kind, Scalar

_BY_STATUS: Mapping[str, LegOutcome] = {
    "BUSY": LegOutcome.BUSY,
    "NOANSWER": LegOutcome.NO_ANSWER,
    "CHANUNAVAIL": LegOutcome.UNREACHABLE,
    "CANCEL": LegOutcome.CALLER_LEFT,
}
_UNTOLD = {"NOANSWER": 19, "BUSY": 23}
"""The cause by DIALSTATUS where no final answer is told: Dial()'s time is over, or a 302 that is not followed."""
_CAUSES = {
    1: HangUpCause.UNKNOWN_NUMBER,
    16: HangUpCause.NORMAL,
    17: HangUpCause.BUSY,
    19: HangUpCause.NO_ANSWER,
    26: HangUpCause.ANSWERED_ELSEWHERE,
    34: HangUpCause.CONGESTION,
}
_OURS = (Kind.HUNG_UP, Kind.CALLER_LEFT)
GONE = "nobody was there to see how it ended"


@dataclass(frozen=True, slots=True)
class LeftRecording:
    """A recording in Asterisk's spool that is to be judged; a message is ``min_seconds`` long at least."""

    name: str
    min_seconds: int


@dataclass(frozen=True, slots=True)
class Story:
    """What the notes tell: entries in the order of time, without those that the journal had already."""

    entries: tuple[Entry, ...]
    legs: tuple[RungLeg, ...]
    recordings: tuple[LeftRecording, ...]
    ended_ms: int


@dataclass(frozen=True, slots=True)
class Setting:
    """What notes are told with: the call's id, its arrival (ms since 1970), the steps of its number's scheme and their
    version, the name of the default greeting, and how a dial string is called by its destination. ``before`` is the
    timeline that a controller had written, if one had the call. ``entered`` is the present moment, for the timeline.
    """

    call_id: str
    arrived_ms: int
    steps: Sequence[Step]
    version: str
    default_greeting: str
    name_of: Callable[[str], str]
    before: Sequence[Entry] = ()
    entered: str = ""


def tell(notes: Sequence[FallbackNote], setting: Setting) -> Story:
    """The whole of a call that is over, from at least one note; total, whatever they are."""
    teller = _Teller(setting)
    for note in notes:
        teller.take(note, notes)
    return teller.story()


class _Teller:
    """Takes one note after another; what is under way between two of them is kept here."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._entries: list[Entry] = []
        self._over: list[RungLeg] = []
        self._ringing: list[RungLeg] = []
        self._recordings: list[LeftRecording] = []
        self._recording = False
        self._prompt = ""
        self._now = 0
        self._step = max(
            (number_of(entry, "step") for entry in setting.before if entry.kind is Kind.STEP_BEGAN), default=0
        )
        self._why = "first_step" if not self._step else "controller_gone"
        self._outcomes: list[LegOutcome] = []

    def take(self, note: FallbackNote, notes: Sequence[FallbackNote]) -> None:
        """What one note says. One of a word that this release does not know says nothing."""
        if note.word in (Word.UNHEARD, Word.GONE) and note is not notes[0]:
            return  # the dialplan went on with the call, and told of it
        self._now = max(self._now, note.at_ms - self._setting.arrived_ms)
        if note.word == Word.DIAL:
            self._dial(note, _whom(note, notes))
        elif note.word in _TAKEN_BY:
            _TAKEN_BY[note.word](self, note)

    def story(self) -> Story:
        """All of it; a call whose end nobody wrote down was cut."""
        self._end_legs(LegOutcome.FAILED, text=GONE)
        self._end_recording(RecordEnd.CALLER_LEFT)
        self._caller_left(CallerEnd.LINE_LOST)
        entries = tuple(sorted(self._entries, key=lambda entry: entry.at_ms))
        return Story(entries, tuple(self._over), tuple(self._recordings), self._now)

    def _note(self, kind: Kind, at_ms: int | None = None, **details: Scalar) -> None:
        self._entries.append(Entry(self._now if at_ms is None else at_ms, kind, details))

    def _happened(self, *kinds: Kind) -> bool:
        return any(entry.kind in kinds for entry in (*self._setting.before, *self._entries))

    # --- the words ----------------------------------------------------------------------------------------------------

    def _came(self, _: FallbackNote) -> None:
        before = self._setting.before
        self._note(Kind.FALLBACK_TOOK, held=bool(before), entered=self._setting.entered)
        for leg in left_open(before):
            self._note_leg_over(replace(leg, ended_ms=max(self._now, leg.ended_ms), text=GONE))
        begun = standing(before).recording
        if begun is not None and not begun.judged:  # the controller that began it died, and cannot say what it is worth
            self._recordings.append(LeftRecording(begun.name, begun.min_seconds))

    def _dial(self, note: FallbackNote, whom: Sequence[str]) -> None:
        names = [self._setting.name_of(dial) for dial in whom]
        self._begin_step(note.part(0), "dial", f"ring {', '.join(names)}")
        self._ring(names, note.count(1) or 0)

    def _ring(self, names: Sequence[str], timeout: int) -> None:
        for name in names:
            leg_id = f"{self._setting.call_id}-f{len(self._over) + len(self._ringing) + 1}"
            self._note(Kind.LEG_DIALED, leg=leg_id, destination=name, timeout=timeout)
            self._ringing.append(RungLeg(leg_id, self._step, name, self._now, None, None, self._now, LegOutcome.FAILED))

    def _rung(self, note: FallbackNote) -> None:
        """Nobody answered. What one network said is known of a destination that was rung alone."""
        status, sip, rang_after = note.part(0), note.count(2) or 0, note.count(3)
        self._rang(rang_after)
        outcome, text = _BY_STATUS.get(status, LegOutcome.FAILED), ""
        cause = note.count(1) or 0 if sip >= 300 else _UNTOLD.get(status, 0)
        if len(self._ringing) == 1 and cause:
            outcome, text = leg_outcome(cause, rang=rang_after is not None), f"SIP {sip}" if sip >= 300 else ""
        else:
            cause = 0
        self._end_legs(outcome, cause, text)
        self._why = why_unanswered(tuple(self._outcomes))

    def _prompted(self, note: FallbackNote) -> None:
        voicemail, alone = note.word == Word.VOICEMAIL, not note.part(0)
        greeting = self._setting.default_greeting
        if alone:
            self._note(Kind.FALLBACK_ALONE)
        step = None if alone else self._scheme_step(note.part(0))
        if isinstance(step, GreetingStep | VoicemailStep):
            greeting = step.greeting.name
        kind = "voicemail" if voicemail else "greeting"
        self._begin_step(note.part(0), kind, f"{kind} {greeting!r}")
        if not self._happened(Kind.ANSWERED_BY_SYSTEM):
            self._note(Kind.ANSWERED_BY_SYSTEM)
        self._prompt = greeting
        self._note(Kind.PROMPT_BEGAN, greeting=greeting)

    def _end_prompt(self, end: PlayEnd) -> None:
        if self._prompt:
            self._note(Kind.PROMPT_ENDED, greeting=self._prompt, end=end.value)
            self._prompt, self._why = "", f"prompt_{end.value}"

    def _greeted(self, note: FallbackNote) -> None:
        self._end_prompt(PlayEnd.PLAYED if note.part(0) == "SUCCESS" else PlayEnd.FAILED)

    def _record(self, note: FallbackNote) -> None:
        self._end_prompt(PlayEnd.PLAYED)
        self._recording = True
        self._recordings.append(LeftRecording(note.part(0), note.count(1) or 0))
        self._note(Kind.RECORDING_BEGAN, max_seconds=note.count(2) or 0, name=note.part(0))

    def _recorded(self, note: FallbackNote) -> None:
        self._end_recording(RecordEnd.FAILED if note.part(0) == "ERROR" else RecordEnd.FINISHED)

    def _end_recording(self, end: RecordEnd) -> None:
        if self._recording:
            self._recording = False
            self._note(Kind.RECORDING_ENDED, end=end.value)

    def _unheard(self, note: FallbackNote) -> None:
        """A controller had the caller, and died; Dial() may have gone on. All that is left open is of that one ring. Of
        a call that the controller had not put on record, who talked is known and no more."""
        before = self._setting.before
        self._ringing = list(left_open(before))
        if not before and note.part(0) == "ANSWER":
            self._ring([self._setting.name_of(note.part(1))], 0)
        if self._happened(Kind.CONNECTED):
            self._over += [replace(leg, ended_ms=self._now, outcome=LegOutcome.ANSWERED) for leg in self._ringing]
            self._ringing = []
            if not self._happened(Kind.TALK_ENDED):
                self._talk_ended(note)
        self._note(Kind.FALLBACK_TOOK, held=True, entered=self._setting.entered)
        self._end(note)

    def _circle(self, _: FallbackNote) -> None:
        self._note(Kind.LOOP_STOPPED)
        self._hang_up(HangUpCause.BUSY)

    def _limit(self, _: FallbackNote) -> None:
        self._note(Kind.LIMIT_REACHED, seconds=self._now // 1000)

    def _hung_up(self, note: FallbackNote) -> None:
        self._hang_up(_CAUSES.get(note.count(0) or 0, HangUpCause.NORMAL))

    def _end(self, note: FallbackNote) -> None:
        """The channel is gone: who talked with whom is told now, and who hung up."""
        if self._ringing and note.part(0) == "ANSWER":
            self._talked(note)
        self._rang(note.count(3))
        self._end_legs(LegOutcome.CALLER_LEFT)
        self._end_recording(RecordEnd.CALLER_LEFT)
        if self._happened(Kind.LIMIT_REACHED) and not self._happened(Kind.HUNG_UP):
            self._hang_up(HangUpCause.NORMAL)
        self._caller_left(CallerEnd.HUNG_UP if self._happened(*_ANSWERED) else CallerEnd.CANCELLED)

    def _talked(self, note: FallbackNote) -> None:
        """One of those rung answered, and talked with the caller until now."""
        self._rang(note.count(3))
        answered = max(self._now - (note.count(2) or 0), self._ringing[0].dialed_ms)
        name = self._setting.name_of(note.part(1))
        winner = next((leg for leg in self._ringing if leg.destination == name), self._ringing[0])
        told: dict[str, Scalar] = {"leg": winner.leg_id, "destination": winner.destination}
        self._note(Kind.LEG_ANSWERED, answered, **told)
        self._note(Kind.CONNECTED, answered, **told)
        ended = self._now
        for leg in self._ringing:
            if leg is winner:
                self._over.append(replace(leg, answered_ms=answered, ended_ms=ended, outcome=LegOutcome.ANSWERED))
            else:
                over = replace(leg, ended_ms=answered, outcome=LegOutcome.ANSWERED_ELSEWHERE)
                self._note_leg_over(over)
        self._ringing = []
        self._talk_ended(note)

    def _talk_ended(self, note: FallbackNote) -> None:
        limit = self._happened(Kind.LIMIT_REACHED)
        by = "limit" if limit else "caller" if note.part(4) == "caller" else "destination"
        self._note(Kind.TALK_ENDED, by=by)
        if by != "caller":
            self._hang_up(HangUpCause.NORMAL)

    # --- what words have in common ------------------------------------------------------------------------------------

    def _scheme_step(self, place: str) -> Step | None:
        """The step that a place is at, if the scheme is still the one that it is of."""
        _, version, number = _place(place)
        same = version == self._setting.version and 0 < number <= len(self._setting.steps)
        return self._setting.steps[number - 1] if same else None

    def _begin_step(self, place: str, kind: str, what: str) -> None:
        number = _place(place)[2] or self._step + 1
        if number == self._step and kind == "dial" and self._outcomes:
            return  # the next one in turn
        step, before = self._scheme_step(place), self._step
        self._step, self._outcomes = number, []
        told: dict[str, Scalar] = {"step": number, "kind": kind, "what": describe(step) if step else what}
        self._entries.append(Entry(self._now, Kind.STEP_BEGAN, {**told, "why": self._why}))
        if isinstance(step, DialStep) and step.strategy.reorders:
            self._note(Kind.RING_ORDER, step=number, strategy=step.strategy.value)
        if step is not None:
            self._tell_of_managers(self._setting.steps[before:number])

    def _tell_of_managers(self, steps: Sequence[Step]) -> None:
        """The dialplan asks no CRM: destinations that are managers were passed over, and steps of nobody else."""
        for step in steps:
            for one in step.destinations if isinstance(step, DialStep) else ():
                if one.kind is TargetKind.MANAGER:
                    crm, why = one.target.partition(":")[0], Why.NOT_ASKED.value
                    text = "no controller serves the call"
                    self._note(Kind.NO_MANAGER, asked=one.target, crm=crm, why=why, text=text)

    def _rang(self, after_ms: int | None) -> None:
        """Those rung alone are known to ring: of several it is not told which."""
        if after_ms is not None and len(self._ringing) == 1 and self._ringing[0].rang_ms is None:
            leg = self._ringing[0]
            rang = min(leg.dialed_ms + after_ms, self._now)
            self._ringing = [replace(leg, rang_ms=rang)]
            self._note(Kind.LEG_RANG, rang, leg=leg.leg_id, destination=leg.destination)

    def _end_legs(self, outcome: LegOutcome, cause: int = 0, text: str = "") -> None:
        for leg in self._ringing:
            self._note_leg_over(replace(leg, ended_ms=self._now, outcome=outcome, cause=cause, text=text))
        self._outcomes += [outcome] * len(self._ringing)
        self._ringing = []

    def _note_leg_over(self, leg: RungLeg) -> None:
        self._over.append(leg)
        if leg.outcome is not LegOutcome.ANSWERED:
            told: dict[str, Scalar] = {"outcome": leg.outcome.value, "cause": leg.cause, "text": leg.text}
            self._note(Kind.LEG_ENDED, leg.ended_ms, leg=leg.leg_id, destination=leg.destination, **told)

    def _hang_up(self, cause: HangUpCause) -> None:
        self._note(Kind.HUNG_UP, cause=cause.value)

    def _caller_left(self, how: CallerEnd) -> None:
        if not self._happened(*_OURS):
            self._note(Kind.CALLER_LEFT, how=how.value)


_ANSWERED = (Kind.ANSWERED_BY_SYSTEM, Kind.CONNECTED)
_TAKEN_BY: Mapping[str, Callable[[_Teller, FallbackNote], None]] = {
    Word.CAME: _Teller._came,
    Word.RUNG: _Teller._rung,
    Word.GREET: _Teller._prompted,
    Word.GREETED: _Teller._greeted,
    Word.VOICEMAIL: _Teller._prompted,
    Word.RECORD: _Teller._record,
    Word.RECORDED: _Teller._recorded,
    Word.CIRCLE: _Teller._circle,
    Word.LIMIT: _Teller._limit,
    Word.OVER: _Teller._hung_up,
    Word.UNHEARD: _Teller._unheard,
    Word.GONE: _Teller._unheard,
    Word.END: _Teller._end,
}


def _whom(note: FallbackNote, notes: Sequence[FallbackNote]) -> list[str]:
    """The dial strings of those that a note says are rung: the pieces that follow it, put together."""
    pieces = []
    for following in notes[notes.index(note) + 1 :]:
        if following.word != Word.WHOM:
            break
        pieces.append(following.part(0))
    return [whom for whom in "".join(pieces).split("&") if whom]


def _place(text: str) -> tuple[str, str, int]:
    """Arrival, version and number of the step of a place as the dialplan keeps it; see `ari_app.core.place`."""
    at, version, number = (*text.split("-"), "", "", "")[:3]
    return at, version, int(number) if number.isascii() and number.isdecimal() and len(number) < 3 else 0

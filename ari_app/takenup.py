"""A call that another process began: where it stands, what of it is found at the line, where it goes on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from ari_app.begun import BegunRinging
from ari_app.chronicle import Chronicle, LegChronicle
from ari_app.core import engine
from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.core.scheme import DialStep, Step
from ari_app.core.standing import RecordingStanding, Standing, standing
from ari_app.core.timeline import Kind
from ari_app.ports import Journal, LegRefused, Line


@dataclass(frozen=True, slots=True)
class Begun:
    """What has been done of the step that the call goes on with."""

    at: Standing
    ringing: BegunRinging


class TakenUp:
    """What the timeline of a call and its line together say of it. The records of its open legs are kept here, so that
    each is closed once, whatever comes."""

    def __init__(self, line: Line, chronicle: Chronicle, journal: Journal) -> None:
        self._line = line
        self._chronicle = chronicle
        self._at = standing(chronicle.entries)
        self._records = {leg.leg_id: LegChronicle(chronicle, journal, leg) for leg in self._at.open_legs}
        known = {leg.leg_id for leg in self._at.legs}
        self._unknown = [leg_id for leg_id in line.found() if leg_id not in known]
        self.unwritten = not chronicle.happened(Kind.ARRIVED)
        """Whether the other was killed before it had written that the call came."""

    @property
    def legs_placed(self) -> int:
        """The number of the last leg that was placed."""
        return max(map(_number, [*self._records, *(leg.leg_id for leg in self._at.legs), *self._unknown]), default=0)

    @property
    def recording(self) -> RecordingStanding | None:
        """A recording that is to be judged."""
        recording = self._at.recording
        return recording if recording is not None and not recording.judged else None

    def note_recovered(self) -> None:
        """Write down that the call is taken up, and how long nobody saw to it."""
        seconds = max(0, self._chronicle.now_ms - self._at.last_ms) / 1000
        self._chronicle.note(Kind.RECOVERED, after="restart", seconds=round(seconds, 1))

    def decision(self, steps: tuple[Step, ...] | None) -> engine.Decision | None:
        """Where to go on by the ``steps`` that it went by; None: from the beginning."""
        return engine.go_on(steps, self._at, len(self._unknown))

    def decision_anew(self, steps: tuple[Step, ...]) -> engine.Decision:
        """Where to begin; not beside what rings already."""
        return engine.go_on(steps, Standing(), len(self._unknown)) or engine.first(steps)

    def is_under_way(self, decision: engine.Decision | None) -> bool:
        """Whether a talk or a recording goes on, or the call is at its end: no step will follow."""
        at = self._at
        return isinstance(decision, engine.Finish) or at.connected is not None or at.recording is not None

    def end_unfit(self, decision: engine.Decision) -> None:
        """End legs that ring, or talk, for a step which is not gone on with."""
        wanted = self._wanted(decision)
        for leg_id in self._line.found():
            if leg_id in wanted:
                continue
            with suppress(LegRefused):
                self._line.adopt(leg_id).hang_up(LegOutcome.FAILED)
            if leg_id in self._records and not self._talked(leg_id):
                self._records[leg_id].ended(LegEnd(LegOutcome.FAILED, text="what it was rung for is over"))

    def _talked(self, leg_id: str) -> bool:
        return self._at.connected is not None and self._at.connected.leg_id == leg_id

    def _wanted(self, decision: engine.Decision) -> set[str]:
        """The legs that the step decided on goes on with."""
        if not isinstance(decision, engine.Perform) or not isinstance(decision.step, DialStep):
            return set()
        begun = self.begun(decision)
        return begun.ringing.wanted(decision.step.destinations) if begun is not None else set()

    def begun(self, decision: engine.Decision) -> Begun | None:
        """What has been done of the step that is decided on; None when it is a new one."""
        if not isinstance(decision, engine.Perform):
            return None
        here = decision.index in (self._at.step - 1, engine.ELSEWHERE)
        if not here and not self._unknown:
            return None
        return Begun(self._at if here else Standing(), self._ringing(decision.index, here=here))

    def _ringing(self, index: int, *, here: bool) -> BegunRinging:
        connected = self._at.connected
        if connected is not None:
            return BegunRinging(talking=self._records[connected.leg_id])
        legs = self._at.in_step if here else ()
        if index == engine.ELSEWHERE:
            legs = tuple(leg for leg in legs if leg.outcome is None)
        seconds = (self._chronicle.now_ms - self._at.began_ms) / 1000 if here else 0.0
        rung = [(leg.destination, leg.outcome or self._records[leg.leg_id]) for leg in legs]
        return BegunRinging(rung, self._unknown, seconds=seconds, found=self._at.managers if here else {})

    def close_legs(self) -> None:
        """Close the records of legs that no step has gone on with."""
        for leg_id, record in self._records.items():
            record.ended(LegEnd(LegOutcome.ANSWERED if self._talked(leg_id) else LegOutcome.CALLER_LEFT))


def _number(leg_id: str) -> int:
    """Which leg of its call it is: the end of its id."""
    end = leg_id.rpartition("-")[2]
    return int(end) if end.isdecimal() else 0

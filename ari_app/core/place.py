"""Where a call stands in its scheme, as one word that the dialplan keeps and hands back; checked before it is believed.

The server remembers nothing of a call: it may be killed, restarted or replaced between two steps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ari_app.core.checks import MOST_DESTINATIONS, MOST_STEPS
from ari_app.core.outcomes import LegOutcome

OLDEST = timedelta(hours=25)
"""No call lasts longer: ARI_APP_MAX_CALL_SECONDS is a day at most."""
CLOCK_SLACK = timedelta(minutes=5)

_LETTERS = {
    LegOutcome.BUSY: "b",
    LegOutcome.NO_ANSWER: "n",
    LegOutcome.UNREACHABLE: "u",
    LegOutcome.FAILED: "f",
    LegOutcome.REFUSED: "r",
    LegOutcome.CALLER_LEFT: "c",
}
_OUTCOMES = {letter: outcome for outcome, letter in _LETTERS.items()}
_PLACE = re.compile(
    rf"(?P<at>[0-9]{{1,11}})-(?P<version>[0-9a-f]{{1,16}})-(?P<step>[1-9][0-9]?)-"
    rf"(?P<outcomes>[{''.join(_OUTCOMES)}]{{0,{MOST_DESTINATIONS}}})"
)
NO_VERSION = "0"


class PlaceError(ValueError):
    """What should be a place in a scheme is none; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Step ``index`` (from 0) is under way in a call that came ``at`` (UTC, whole seconds).

    ``outcomes`` are those of the step's turns so far: one of each destination that is rung alone, one of all that are
    rung together. ``version`` is the scheme's; an edit meanwhile shows in it.
    """

    at: datetime
    version: str
    index: int
    outcomes: tuple[LegOutcome, ...] = ()

    def __str__(self) -> str:
        letters = "".join(_LETTERS.get(outcome, "f") for outcome in self.outcomes)
        return f"{int(self.at.timestamp())}-{self.version}-{self.index + 1}-{letters}"

    @classmethod
    def read(cls, text: str, now: datetime) -> Place:
        """The place that ``text`` names.

        Raises:
            PlaceError: it names none, or one of a call that cannot be live at ``now``.
        """
        match = _PLACE.fullmatch(text)
        if match is None:
            raise PlaceError("it is no ARI_APP_STATE as `lookup` sets it")
        at = datetime.fromtimestamp(int(match["at"]), UTC)
        if not now - OLDEST <= at <= now + CLOCK_SLACK:
            raise PlaceError("its ARI_APP_STATE is of a call that cannot be live now")
        if int(match["step"]) > MOST_STEPS:
            raise PlaceError(f"its ARI_APP_STATE has more than {MOST_STEPS} steps")
        outcomes = tuple(_OUTCOMES[letter] for letter in match["outcomes"])
        return cls(at, match["version"], int(match["step"]) - 1, outcomes)


def version_of(text: str) -> str:
    """A scheme's version as a place has it; `NO_VERSION` for the configured default."""
    return text if re.fullmatch(r"[0-9a-f]{1,16}", text) else NO_VERSION

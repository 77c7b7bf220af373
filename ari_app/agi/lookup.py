"""The script ``lookup``: reads a request's headers strictly and answers from the book in force."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from ari_app.agi.client import CHECK
from ari_app.agi.guard import AgiTrouble
from ari_app.agi.variables import variables
from ari_app.agi.walk import Answer, Exchange, begin, go_on
from ari_app.core.engine import Arrival
from ari_app.core.numbering import masked, normalise, printable
from ari_app.core.place import Place, PlaceError, version_of
from ari_app.core.scheme import Step
from ari_app.dialstring import DialTemplates
from ari_app.ports import Book

log = logging.getLogger(__name__)

GREETED = "GREETED"
ANONYMOUS = ("unknown", "")
"""What Asterisk calls a caller without a number."""


class Lookup:
    """``agi://HOST:PORT/lookup[,STATE,RESULT[,NUMBER]]``.

    Without STATE: what to do with a call that has just come. With it: what follows, RESULT being DIALSTATUS,
    PLAYBACKSTATUS or RECORD_STATUS. Without STATE, but with the RESULT ``GREETED``: what to do with a caller whom a
    controller has answered, and left. NUMBER is what was dialled, where that is not the channel's extension.
    """

    def __init__(
        self,
        book: Book,
        default: tuple[Step, ...],
        templates: DialTemplates,
        region: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._book = book
        self._default = default
        self._templates = templates
        self._region = region
        self._clock = clock

    def __call__(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The channel variables for a request.

        Raises:
            AgiTrouble: a header is missing, or the state is none that was given out.
        """
        if "agi_extension" not in headers:
            raise AgiTrouble("it sent no agi_extension")
        now = self._clock()
        state = headers.get("agi_arg_1", "").strip()
        try:
            place = Place.read(state, now) if state else None
        except PlaceError as error:
            raise AgiTrouble(str(error)) from None
        exchange = Exchange(self._book.current, self._default, self._templates)
        arrival = self._arrival(headers, place.at if place else now)
        result = headers.get("agi_arg_2", "").strip()
        if place is None:
            answer = begin(arrival, exchange, greeted=result == GREETED)
        else:
            answer = go_on(arrival, place, result, exchange)
        try:
            told = variables(answer)
        except ValueError as error:
            raise AgiTrouble(str(error)) from None
        _log(headers, arrival, place, answer, told)
        return told

    def _arrival(self, headers: Mapping[str, str], at: datetime) -> Arrival:
        """The call at the door. Whatever the signalling says is hostile: numbers are read strictly, text is cleaned."""
        dialled = headers.get("agi_arg_3", "").strip() or headers["agi_extension"]
        caller = headers.get("agi_callerid", "")
        known = None if caller in ANONYMOUS else normalise(caller, self._region)
        return Arrival(known, normalise(dialled, self._region), printable(dialled), at)


def _log(
    headers: Mapping[str, str], arrival: Arrival, place: Place | None, answer: Answer, told: Mapping[str, str]
) -> None:
    """One line a step, with the caller's number masked; the team's own number is no secret."""
    scheme = answer.route.scheme
    if place and place.version != version_of(scheme.version if scheme else ""):
        log.warning("the scheme was edited under a call: it goes on with the new one, step %d ended", place.index + 1)
    log.log(
        logging.DEBUG if headers.get("agi_uniqueid") == CHECK else logging.INFO,
        "no controller: call %s from %s to %s: %s%s",
        printable(headers.get("agi_uniqueid", "?")),
        masked(arrival.caller),
        arrival.dialled or arrival.dialled_raw,
        f"step {told['ARI_APP_STEP']}, " if told["ARI_APP_STEP"] else "",
        told["ARI_APP_ACTION"],
        extra={"shown": (arrival.dialled or arrival.dialled_raw,)},
    )

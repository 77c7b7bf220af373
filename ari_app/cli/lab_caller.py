"""The lab's caller: places a real SIP call by ARI, behaves as a caller would, and follows the call in the journal."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa

from ari_app.cli.asterisk import AsteriskAri, AsteriskUnavailable, Refused
from ari_app.cli.faults import Failed
from ari_app.cli.timeline import Moment
from ari_app.core.numbering import printable
from ari_app.core.timeline import Kind
from ari_app.storage import history
from ari_app.storage.history import CallHistory

ENDPOINT = "lab-caller"
POLL_SECONDS = 0.1
UNSEEN_SECONDS = 5.0
"""A call that the journal has not by then never reached the controller."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the caller does, in seconds: talks so long, speaks so long into voicemail, or hangs up after so long
    whatever happens (None: does not). ``patience`` ends it all."""

    talk: float = 5.0
    message: float = 6.0
    hang_up_after: float | None = None
    patience: float = 120.0


class LabCaller:
    """One test call to the application ``app``.

    ``dialled`` and ``caller`` are digits with at most a leading plus: they go into a dial string, so whoever makes a
    LabCaller has checked that.
    """

    def __init__(self, ari: AsteriskAri, app: str, engine: sa.Engine, dialled: str, caller: str) -> None:
        self._ari = ari
        self._app = app
        self._engine = engine
        self._dialled, self._caller = dialled, caller
        self._channel = f"test-call-{secrets.token_hex(8)}"
        self._known: set[str] = set()
        self._placed = 0.0
        self._live = False

    def place(self) -> None:
        """Place the call. Raises Failed."""
        self._require_endpoint()
        self._known = {call.id for call in self._of_this_pair()}
        self._placed = time.monotonic()
        try:
            self._ari.post(
                "channels",
                endpoint=f"PJSIP/{self._dialled}@{ENDPOINT}",
                context=ENDPOINT,
                extension="speak",
                priority="1",
                callerId=self._caller,
                channelId=self._channel,
            )
        except Refused as refused:
            raise Failed(f"Asterisk could not place the call: {refused}") from None
        self._live = True

    def _require_endpoint(self) -> None:
        if not self._ari.exists("endpoints", "PJSIP", ENDPOINT):
            raise Failed(
                f"this Asterisk has no endpoint {ENDPOINT}, which test calls are placed from; make run starts one that "
                "has it, and AST_LAB=yes asterisk-docker/provision adds it to another"
            )

    def follow(self, behaviour: Behaviour, told: Callable[[Moment], None]) -> CallHistory:
        """Tell each entry of the call's timeline as it comes, hang up when the caller would, return the call once it
        has its verdict. Raises Failed when the call gets no verdict."""
        seen = 0
        for found in self._glimpses(behaviour):
            new = [Moment.of(event) for event in found.events[seen:]]
            seen += len(new)
            for moment in new:
                told(moment)
            # What the verdict brings is told in the same breath: once the call has ended in the journal, all is there.
            if found.call.disposition and any(event.kind == Kind.VERDICT for event in found.events):
                return found
            if self._live and self.now >= self._leaves_at(found, behaviour):
                self.hang_up()
        raise AssertionError("glimpses end by an exception")

    def _glimpses(self, behaviour: Behaviour) -> Iterator[CallHistory]:
        """The call as the journal has it, again and again. Raises Failed when it never appears, or never ends."""
        call_id: str | None = None
        while self.now < behaviour.patience + UNSEEN_SECONDS:
            if call_id is None:
                call_id = next((call.id for call in self._of_this_pair() if call.id not in self._known), None)
                if call_id is None and self.now > UNSEEN_SECONDS:
                    raise Failed(self._why_unseen())
            if call_id is not None:
                with self._engine.connect() as connection:
                    yield history.show_call(connection, call_id)
            elif behaviour.hang_up_after is not None and self._live and self.now >= behaviour.hang_up_after:
                self.hang_up()
            time.sleep(POLL_SECONDS)  # a command of its own; the journal in SQL sends no signal
        self.hang_up()
        raise Failed(
            f"the call has no verdict after {self.now:.0f} s; see the controller's log, and ari-app calls list"
        )

    @property
    def now(self) -> float:
        """Seconds since the call was placed."""
        return time.monotonic() - self._placed

    def _of_this_pair(self) -> list[history.JournalledCall]:
        with self._engine.connect() as connection:
            latest = history.list_calls(connection, limit=100)
        pair = (printable(self._dialled), printable(self._caller))
        return [call for call in latest if (call.dialled_raw, call.caller_raw) == pair]

    def _leaves_at(self, found: CallHistory, behaviour: Behaviour) -> float:
        """When the caller hangs up, in seconds since the call was placed, as far as the call has come."""
        times = [behaviour.patience]
        if behaviour.hang_up_after is not None:
            times.append(behaviour.hang_up_after)
        for event in found.events:
            if event.kind == Kind.CONNECTED:
                times.append(event.at_ms / 1000 + behaviour.talk)
            elif event.kind == Kind.RECORDING_BEGAN:
                times.append(event.at_ms / 1000 + behaviour.message)
        return min(times)

    def hang_up(self) -> None:
        """The caller hangs up; safe at any time."""
        if self._live:
            self._live = False
            with suppress(Refused, AsteriskUnavailable):
                self._ari.delete("channels", self._channel)

    def _why_unseen(self) -> str:
        self.hang_up()
        if self._ari.exists("applications", self._app):
            return (
                "the call did not come into the journal, although a controller is connected: it works with another "
                "database, or cannot write to this one; see its log, and ari-app doctor"
            )
        return (
            "no controller took the call, so the dialplan's fallback had it; start one: ari-app serve (or all of the "
            "demo: make run)"
        )

"""Sends what is due: takes messages in hand, lets each be judged, tries gateways, settles; asks about those in doubt.

A message is held by the random token of its lease, never by time: every step names the token, and does nothing once
another sender has it. Whether a sender has died is judged by the observer's own monotonic clock, so a wall clock that
jumps can hold a message up, but never double it.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable, Unclear, next_asking
from ari_app.core.messages import Channel
from ari_app.core.numbering import E164, masked
from ari_app.message_ports import Gateway, Letter
from ari_app.outbox_ports import (
    Attempted,
    Attended,
    Held,
    InHand,
    Lane,
    NotYet,
    OutboxStore,
    Passed,
    Question,
    Recordings,
    Released,
    StoreTrouble,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

DEAD_SECONDS = 90.0
"""A sending that nobody has touched for so long, by the observer's monotonic clock, is that of a dead sender."""

FRESH_SECONDS = 20.0
"""So long after its release a message may still be handed to a gateway: a process that was frozen must not send what
others have taken over meanwhile."""

REST_SECONDS = 10.0
"""A gateway that was not to be had is tried last for so long."""

NO_GATEWAY_SECONDS = 60.0
RECORDING_SECONDS = 60.0
"""So long a message waits for the mp3 of its recording; then it goes with the wav."""
RECORDING_RETRY_SECONDS = 5.0
SETTLE_RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Outbox:
    """One sender's work. ``clock`` tells the aware moment, ``monotonic`` seconds that no one sets; ``pause`` waits so
    many seconds, and is False when there is no more time for waiting. Every method may be called in several threads,
    but `rescue` in one at a time."""

    def __init__(
        self,
        store: OutboxStore,
        gateways: Iterable[Gateway],
        *,
        recordings: Recordings,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        pause: Callable[[float], bool],
    ) -> None:
        self._store = store
        self._gateways = tuple(gateways)
        self._by_name = {gateway.name: gateway for gateway in self._gateways}
        self._recordings = recordings
        self._clock = clock
        self._monotonic = monotonic
        self._pause = pause
        self._resting: dict[str, float] = {}
        self._seen: dict[int, tuple[str, float]] = {}
        self._budget_told = False

    def claim(self, room: Mapping[Lane, int]) -> Sequence[Held]:
        """Take due messages in hand, at most so many of each lane. Raises StoreTrouble."""
        return self._store.claim(self._clock(), room)

    def give_back(self, held: Sequence[Held]) -> None:
        """Let others have what was not begun. Raises StoreTrouble."""
        self._store.give_back(held)

    def keep(self, held: Sequence[Held]) -> None:
        """Show that this sender lives and holds these. Raises StoreTrouble."""
        self._store.keep(held, self._clock())

    def attend(self, held: Held) -> Attended:
        """Do what is to be done with a message: judge it, send it, settle it. Raises StoreTrouble, and then the message
        is out of hand.

        Returns:
            `NotYet` if the pace says that it is too early: the message is still in hand, to be attended to again.
        """
        gateways = self._gateways_for(held.channel)
        if not gateways and not self._store.writes_itself(held.channel):
            return self._no_gateway(held)
        attachment = self._attachment(held)
        if isinstance(attachment, Passed):
            return attachment
        began = self._monotonic()
        answer = self._release(held, gateways[0].name if gateways else "")
        if isinstance(answer, Passed):
            self._tell_passed(held, answer)
        if not isinstance(answer, Released):
            return answer
        self._budget_told = self._budget_told and held.channel is not Channel.SMS
        answer = replace(answer, letter=replace(answer.letter, attachment=attachment))
        return Attempted(self._send(answer, gateways, began))

    def _release(self, held: Held, gateway: str) -> Released | NotYet | Passed:
        try:
            return self._store.release(held, gateway, self._clock())
        except StoreTrouble:
            # It may have been committed all the same. Left so it would pass for sent, perhaps; and we know better.
            self._insisting(held, lambda: self._store.undo(held, self._clock()))
            raise

    def _send(self, released: Released, gateways: Sequence[Gateway], began: float) -> State | None:
        """Through the first gateway that has an answer; to the next only where it is known that nothing was sent.
        ``began`` is when the database was asked for leave, by the monotonic clock."""
        for place, gateway in enumerate(gateways):
            if place:
                began = self._monotonic()
                try:
                    ours = self._store.turn_to(released, gateway.name, self._clock())
                except StoreTrouble:
                    break  # nothing was sent, which is what is entered below
                if not ours:
                    return None
            outcome = self._try(gateway, released.letter, began)
            if not isinstance(outcome, Unavailable):
                break
        at = self._clock()
        ask_at = _ask_at(gateway, outcome, at)
        state = self._insisting(released.held, lambda: self._store.settle(released, outcome, at, ask_at))
        _tell_settled(released, gateway.name, outcome, state)
        return state

    def _try(self, gateway: Gateway, letter: Letter, began: float) -> Outcome:
        if self._monotonic() - began > FRESH_SECONDS:
            return Unavailable("the sender was held up before it could send")
        try:
            outcome = gateway.send(letter)
        except Exception as error:  # what a gateway that breaks its word has sent, nobody knows
            log.exception("gateway %s broke while it sent", gateway.name)
            return Unclear(f"the gateway's own code failed ({type(error).__name__})")
        if isinstance(outcome, Unavailable):
            self._rest(gateway, outcome)
        return outcome

    def _insisting(self, held: Held, entry: Callable[[], T]) -> T | None:
        """Enter what nobody else knows, however long the database takes; None when there is no more time."""
        for attempt in itertools.count():
            try:
                return entry()
            except StoreTrouble as trouble:
                if not attempt:
                    log.error("message %s: what became of it cannot be entered yet: %s", held.id, trouble)
                if not self._pause(SETTLE_RETRY_SECONDS[min(attempt, len(SETTLE_RETRY_SECONDS) - 1)]):
                    break
        log.error("message %s: what became of it was not entered; it will be found unknown", held.id)
        return None

    def _gateways_for(self, channel: Channel) -> Sequence[Gateway]:
        """In the order of the configuration, those that rest last."""
        now = self._monotonic()
        fit = (gateway for gateway in self._gateways if gateway.channel is channel)
        return sorted(fit, key=lambda gateway: self._resting.get(gateway.name, now) > now)

    def _rest(self, gateway: Gateway, outcome: Unavailable) -> None:
        seconds = max(REST_SECONDS, min(outcome.retry_after or 0.0, 300.0))
        self._resting[gateway.name] = self._monotonic() + seconds
        log.warning("gateway %s rests for %.0f s: %s", gateway.name, seconds, outcome.reason)

    def _no_gateway(self, held: Held) -> Passed:
        at = self._clock()
        reason = f"no gateway sends by {held.channel}; configure one in ARI_APP_GATEWAYS_FILE"
        self._store.postpone(held, at + timedelta(seconds=NO_GATEWAY_SECONDS), reason, at)
        log.error("message %s waits: %s", held.id, reason)
        return Passed(State.QUEUED, reason)

    def _attachment(self, held: Held) -> str | Passed:
        """The path of the message's recording, or empty; a new mp3 is waited for."""
        if not held.attachment:
            return ""
        path = self._recordings.find(held.attachment)
        at = self._clock()
        if (path and path.endswith(".mp3")) or at - held.created_at > timedelta(seconds=RECORDING_SECONDS):
            if path is None:
                log.error("message %s goes without its recording %s, which is gone", held.id, held.attachment)
            return path or ""
        reason = "the mp3 of its recording is still being made"
        self._store.postpone(held, at + timedelta(seconds=RECORDING_RETRY_SECONDS), reason, at)
        return Passed(State.QUEUED, reason)

    def _tell_passed(self, held: Held, passed: Passed) -> None:
        if passed.out_of_budget and not self._budget_told:
            self._budget_told = True
            log.error("no SMS is sent any more: %s; raise ARI_APP_SMS_MONTH_BUDGET or wait", passed.reason)
        elif passed.state is not None:
            log.info("message %s (%s) is %s: %s", held.id, held.channel, passed.state, passed.reason)

    def rescue(self) -> int:
        """Settle what dead senders have left; how many. Raises StoreTrouble.

        A sender counts as dead when nothing of its message has changed for `DEAD_SECONDS` of our own clock: two looks
        at least, so that neither a clock that jumps nor this process's own pause kills a living one.
        """
        now, found = self._monotonic(), self._store.in_hand()
        present = {each.id: each for each in found}
        self._seen = {id_: seen for id_, seen in self._seen.items() if id_ in present and present[id_].mark == seen[0]}
        rescued = 0
        for each in found:
            first_seen = self._seen.setdefault(each.id, (each.mark, now))[1]
            if now - first_seen >= DEAD_SECONDS:
                rescued += self._rescue(each)
        return rescued

    def _rescue(self, found: InHand) -> bool:
        gateway = self._by_name.get(found.gateway or "")
        at = self._clock()
        ask_at = at if gateway is not None and gateway.can_ask else None
        done = self._store.rescue(found, "its sender ended while it was sending", at, ask_at)
        if done:
            log.error("message %s was left by a sender that ended while it was sending", found.id)
        return done

    def ask(self, limit: int = 50) -> int:
        """Ask gateways how messages went; how many answers changed something. Raises StoreTrouble."""
        changed = 0
        for question in self._store.to_ask(self._clock(), limit):
            gateway = self._by_name.get(question.gateway)
            report = self._answer(gateway, question) if gateway else None
            if gateway and report:
                report = replace(report, ref=question.ref)
                changed += self._store.report(gateway.name, report, self._clock()) is not None
        return changed

    def _answer(self, gateway: Gateway, question: Question) -> Report | None:
        try:
            return gateway.ask(question.ref, question.gateway_id, question.recipient)
        except Exception:
            log.exception("gateway %s broke while it was asked", gateway.name)
            return None


def shown(recipient: str) -> str:
    """A recipient as logs show it: numbers masked, addresses by their domain, subscriptions not at all."""
    if E164.fullmatch(recipient):
        return masked(recipient)
    name, at, domain = recipient.rpartition("@")
    return f"{name[:1]}***@{domain}" if at and "{" not in recipient else "***"


def _ask_at(gateway: Gateway, outcome: Outcome, at: datetime) -> datetime | None:
    """When to ask first how it went: after the request has certainly been read, if it was."""
    match outcome:
        case Unclear() if gateway.can_ask:
            return next_asking(at, at)
        case Accepted(gateway_id) if gateway.can_ask or (gateway_id and gateway.channel is Channel.SMS):
            return next_asking(at, at)
    return None


def _tell_settled(released: Released, gateway: str, outcome: Outcome, state: State | None) -> None:
    held, to = released.held, shown(released.letter.recipient)
    match outcome:
        case _ if state is None:
            log.warning("message %s to %s through %s: another sender has settled it", held.id, to, gateway)
        case Accepted():
            log.info("message %s to %s: %s through %s", held.id, to, state, gateway)
        case Refused(reason) | Unavailable(reason):
            log.warning("message %s to %s: %s through %s: %s", held.id, to, state, gateway, reason)
        case Unclear(reason):
            log.error("message %s to %s: whether %s sent it is not known: %s", held.id, to, gateway, reason)

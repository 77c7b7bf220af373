"""The outbox in SQL: releases messages one transaction each, settles them, rescues what dead senders have left.

A message is released by a transaction that gathers the facts, judges, counts and commits the state ``sending``; only
then is a gateway told. Whoever is killed between that commit and the settling leaves a row that says so.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable, Unclear, backoff
from ari_app.core.messages import Channel
from ari_app.core.release import Later, Limits, Release, Withhold, judge
from ari_app.message_ports import Letter
from ari_app.outbox_ports import (
    PACED,
    Held,
    InHand,
    Lane,
    NotYet,
    Passed,
    Question,
    Released,
    StoreTrouble,
)
from ari_app.storage import outbox_claims
from ari_app.storage.columns import storable
from ari_app.storage.database import BUSY_SECONDS, open_database, writing
from ari_app.storage.outbox_begin import Begun, begin, queued
from ari_app.storage.outbox_counts import Pace, add, counts_of, forget_counts, take_turn
from ari_app.storage.outbox_facts import gather, waiting
from ari_app.storage.outbox_rows import MessageRow, become, change, note
from ari_app.storage.outbox_settling import rescue, settle, turn_to, undo
from ari_app.storage.receipts import apply_report, forget_early_reports

Writer = Callable[[sa.Connection, MessageRow, datetime], Outcome]
"""Writes a message into this very database, within the transaction that settles it: so it happens once."""

LEASE_SECONDS = 60.0
"""A claim holds so long by the wall clock, after which another sender may try; the token decides who sends."""
AGAIN_SECONDS = 0.02
"""Another sender has taken the turn, or the last of a count, meanwhile: the message is judged anew after so long."""


def open_for_sending(url: str | sa.URL, *, pool_size: int = 5) -> sa.Engine:
    """An engine for the sender. SQLite hands every commit to the disk: after a power cut it must not have forgotten
    that a message was sent. (The journal's connections do not, and lose the last moments of calls at worst.)"""
    engine = open_database(url, pool_size=pool_size)
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _connected(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA synchronous = FULL")

    return engine


class SqlOutbox:
    """The `ari_app.outbox_ports.OutboxStore` on SQLite and PostgreSQL, for any number of threads and processes.

    ``rate`` is messages a second to clients over each channel, ``rates`` to gateways by name, all senders together.
    ``sender`` is the name that SMS are sent under; ``writers`` are for channels that are tables of this database.
    """

    def __init__(
        self,
        engine: sa.Engine,
        limits: Limits,
        *,
        rate: float,
        rates: Mapping[str, float] | None = None,
        sender: str = "",
        writers: Mapping[Channel, Writer] | None = None,
    ) -> None:
        self._engine = engine
        self._to_write = writing(engine)
        self._limits = limits
        self._rate = rate
        self._rates = dict(rates or {})
        self._sender = sender
        self._writers = dict(writers or {})
        # SQLite lets one write at a time, and whoever has to wait for that sleeps and looks again, the longer the
        # oftener; threads of one process take turns instead.
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None

    def writes_itself(self, channel: Channel) -> bool:
        """Whether messages of this channel are rows of the same database."""
        return channel in self._writers

    def claim(self, at: datetime, room: Mapping[Lane, int]) -> Sequence[Held]:
        """Take due messages in hand, at most so many of each lane."""
        with self._reading() as connection:
            lanes = [lane for lane in outbox_claims.lanes_waiting(connection, at) if room.get(lane, 0) > 0]
        if not lanes:  # so that looking twice a second takes no lock
            return []
        with self._writing() as connection:
            return [
                held
                for lane in lanes
                for held in outbox_claims.claim_lane(connection, lane, at, LEASE_SECONDS, room[lane])
            ]

    def give_back(self, held: Sequence[Held]) -> None:
        """Let go of messages that were not begun."""
        with self._writing() as connection:
            outbox_claims.give_back(connection, held)

    def keep(self, held: Sequence[Held], at: datetime) -> None:
        """Show that these are in a living sender's hand."""
        with self._writing() as connection:
            outbox_claims.keep(connection, held, at + timedelta(seconds=LEASE_SECONDS))

    def postpone(self, held: Held, until: datetime, reason: str, at: datetime) -> None:
        """Put a message off that was not judged, until its expiry at most."""
        with self._writing() as connection:
            if message := queued(connection, held):
                self._put_off(connection, message, Later(until, reason), at)

    def release(self, held: Held, gateway: str, at: datetime) -> Released | NotYet | Passed:
        """Judge a message; if it may go, count it and commit that it is being sent through ``gateway``."""
        with self._writing() as connection:
            begun = begin(connection, held, self._paces(held, gateway))
            if begun is None:
                return Passed()
            if seconds := begun.seconds_to_wait(at):
                return NotYet(seconds)
            message = begun.message
            judgement = judge(waiting(message), gather(connection, begun, self._limits, at), self._limits)
            if not isinstance(judgement, Release):
                return self._withheld(connection, message, judgement, at)
            if message.channel in self._writers:
                return self._write(connection, message, at)
            if not self._take_turn(connection, begun, at):
                connection.rollback()
                return NotYet(AGAIN_SECONDS)
            return self._released(connection, message, held, gateway, at)

    def _withheld(
        self, connection: sa.Connection, message: MessageRow, judgement: Later | Withhold, at: datetime
    ) -> Passed:
        if isinstance(judgement, Later):
            self._put_off(connection, message, judgement, at)
            return Passed(State.QUEUED, judgement.reason, judgement.out_of_budget)
        become(connection, message, judgement.state, judgement.reason, at, lease=None, leased_until=None)
        return Passed(judgement.state, judgement.reason)

    def _put_off(self, connection: sa.Connection, message: MessageRow, later: Later, at: datetime) -> None:
        """It stays queued; told once for each reason, for it may be looked at often. One that can no more be sent in
        time is looked at once more when it has expired."""
        due_at = min(later.until, message.expires_at + timedelta(seconds=1))
        values = {"due_at": due_at, "reason": storable(later.reason), "lease": None, "leased_until": None}
        change(connection, message.id, values)
        if later.reason != message.reason:
            note(connection, message.id, State.QUEUED, later.reason, at)

    def _paces(self, held: Held, gateway: str) -> list[Pace]:
        """In an order that is always the same, so that two senders cannot each wait for the other."""
        paces = [Pace(held.channel.value, self._rate)] if held.lane in PACED else []
        return [*paces, Pace(f"gateway {gateway}", self._rates[gateway])] if gateway in self._rates else paces

    def _take_turn(self, connection: sa.Connection, begun: Begun, at: datetime) -> bool:
        """Count the message and take its turn; False if other senders were quicker: then all is to be undone."""
        message = begun.message
        if waiting(message).is_text_to_client:
            counts = counts_of(message.recipient, message.parts, self._limits, at)
            if not all(add(connection, count) for count in counts):
                return False
        return all(take_turn(connection, turn, at) for turn in begun.turns)

    def _released(
        self, connection: sa.Connection, message: MessageRow, held: Held, gateway: str, at: datetime
    ) -> Released:
        attempts = message.attempts + 1
        leased_until = at + timedelta(seconds=LEASE_SECONDS)
        columns = {"attempts": attempts, "gateway_id": None, "leased_until": leased_until, "ask_at": None}
        become(connection, message, State.SENDING, "", at, gateway=gateway, **columns)
        letter = Letter(
            ref=message.ref,
            channel=message.channel,
            recipient=message.recipient,
            text=message.text,
            subject=message.subject,
            sender=self._sender if message.channel is Channel.SMS else "",
        )
        return Released(held, letter, attempts, message.expires_at, at)

    def _write(self, connection: sa.Connection, message: MessageRow, at: datetime) -> Passed:
        """A message that is a row of this database: judged, written and settled in one transaction."""
        outcome: Outcome
        try:
            with connection.begin_nested():
                outcome = self._writers[message.channel](connection, message, at)
        except sa.exc.IntegrityError as error:
            outcome = Refused(f"the database refused it: {_cause(error)}")
        columns: dict[str, Any] = {"attempts": message.attempts + 1, "lease": None, "leased_until": None}
        match outcome:
            case Accepted():
                become(connection, message, State.DELIVERED, "", at, sent_at=at, **columns)
                return Passed(State.DELIVERED)
            case Refused(reason):
                become(connection, message, State.FAILED, reason, at, **columns)
                return Passed(State.FAILED, reason)
            case Unavailable(reason, retry_after):
                later = Later(at + backoff(message.attempts + 1, retry_after), reason)
                self._put_off(connection, message, later, at)
                return Passed(State.QUEUED, reason)
            case Unclear():
                raise AssertionError("what is written in a transaction is written or not")

    def undo(self, held: Held, at: datetime) -> None:
        """Queue a message again that `release` was to release, whether it did or not; no gateway was told."""
        with self._writing() as connection:
            undo(connection, held, at)

    def turn_to(self, released: Released, gateway: str, at: datetime) -> bool:
        """Commit that another gateway is tried; False: the message is no longer ours."""
        with self._writing() as connection:
            return turn_to(connection, released, gateway, at, at + timedelta(seconds=LEASE_SECONDS))

    def settle(self, released: Released, outcome: Outcome, at: datetime, ask_at: datetime | None) -> State | None:
        """Commit what came of the sending; the state it led to, None: the message is no longer ours."""
        with self._writing() as connection:
            return settle(connection, released, outcome, at, ask_at=ask_at, limits=self._limits)

    def in_hand(self) -> Sequence[InHand]:
        """All that is being sent, by any sender."""
        with self._reading() as connection:
            return outbox_claims.in_hand(connection)

    def rescue(self, found: InHand, reason: str, at: datetime, ask_at: datetime | None) -> bool:
        """Settle a message as unknown whose sender is dead; False if that sender has done something after all."""
        with self._writing() as connection:
            return rescue(connection, found, reason, at, ask_at=ask_at)

    def to_ask(self, at: datetime, limit: int) -> Sequence[Question]:
        """Messages about which it is time to ask; each is put off to its next time, so that nobody else asks now."""
        with self._reading() as connection:
            if not outbox_claims.questions_wait(connection, at):
                return []
        with self._writing() as connection:
            return list(outbox_claims.to_ask(connection, at, limit))

    def report(self, gateway: str, report: Report, at: datetime) -> State | None:
        """Apply what a gateway says; the state it led to, None: nothing changed."""
        with self._writing() as connection:
            return apply_report(connection, gateway, report, at)

    def tidy(self, at: datetime) -> None:
        """Remove what nobody will ask for: receipts of messages that are not ours, counts of years past."""
        with self._writing() as connection:
            forget_early_reports(connection, at)
            forget_counts(connection, at)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with _troubles_told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._in_turn(), _troubles_told(), self._to_write.begin() as connection:
            yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
        elif self._turn.acquire(timeout=BUSY_SECONDS):
            try:
                yield
            finally:
                self._turn.release()
        else:
            raise StoreTrouble("the database has been busy for too long; this sender's other workers wait for it too")


@contextmanager
def _troubles_told() -> Iterator[None]:
    try:
        yield
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        raise StoreTrouble(_cause(error)) from error


def _cause(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())

"""The desk of erasure: a client's data go when the client asks for it; what stays can be counted, and names nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.core.rights import Right, Subject
from ari_app.desk.base import Desk, Refused, Unconfirmed, needs
from ari_app.desk.cancelling import cancel_queued
from ari_app.desk.clients import call_ids, of_calls, of_messages
from ari_app.desk.erased import Scrub, core_digits, new_pseudonym
from ari_app.desk.recordings import files_of
from ari_app.desk.terms import Terms, not_a_number
from ari_app.storage.desk_schema import audit_log, clients
from ari_app.storage.message_schema import opt_outs
from ari_app.storage.outbox_rows import as_message, become
from ari_app.storage.outbox_schema import (
    early_reports,
    inbound_texts,
    message_events,
    messages,
    ticket_entries,
    tickets,
)
from ari_app.storage.records import call_events, calls, legs, owed_recordings, voicemail_messages
from ari_app.storage.refused import cards_of
from ari_app.storage.ring_schema import last_talks
from ari_app.storage.tables import metadata

_WHY = "the client's data were erased"
_LONGEST_CALL = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: ``rows`` by table, names of ``recordings`` whose files are gone. ``pseudonym`` stands for the
    client in what is left, which can still be counted."""

    pseudonym: str
    at: datetime
    by: str
    rows: dict[str, int]
    recordings: tuple[str, ...]
    cancelled: int
    refusals_kept: bool

    @property
    def nothing(self) -> bool:
        """Whether there was nothing of the client's."""
        return not any(self.rows.values()) and not self.recordings


@dataclass(frozen=True)
class ErasureDesk(Desk):
    """Erases, and looks for traces afterwards."""

    terms: Terms

    @needs(Subject.RECORDINGS, Right.DELETE)
    @needs(Subject.TICKETS, Right.DELETE)
    @needs(Subject.MESSAGES, Right.DELETE)
    @needs(Subject.CONSENT, Right.DELETE)
    def erase(self, client: str, *, keep_refusals: bool = False, confirmed: bool = False) -> Erasure:
        """Erase a client: texts, recordings, addresses and names go; their number becomes a pseudonym everywhere.

        Done again it finds nothing. ``keep_refusals`` keeps what the client has refused, and so the number there alone.

        Raises:
            Refused: no number; or a call or a message of theirs is under way at this moment.
            Unconfirmed: nobody has said yet that it shall be done; nothing was.
        """
        number = self.terms.number(client)
        if number is None:
            raise Refused(not_a_number(client))
        self._not_under_way(number)
        if not confirmed:
            raise Unconfirmed(self._warning(number, keep_refusals), "Erase it for good?")
        if self.connection.dialect.name == "sqlite":
            # What is removed is overwritten in the file, too, instead of lying there until its page is needed.
            self.connection.exec_driver_sql("PRAGMA secure_delete = ON")
        work = _Work(self.connection, number, self.now(), self.terms.messages_folder)
        cancelled = work.settle()
        recordings = work.remove_recordings()
        rows = dict(work.erase_rows(keep_refusals=keep_refusals))
        done = Erasure(work.pseudonym, work.at, self.actor.name, rows, recordings, cancelled, keep_refusals)
        if not done.nothing:
            self._write_down(Subject.CONSENT, "erase", work.pseudonym, rows=rows, recordings=len(recordings))
        return done

    @needs(Subject.CONSENT, Right.VIEW)
    def traces(self, client: str) -> dict[str, int]:
        """In which columns, of all there are, the number still stands, and how often; however it is written there.

        Every row is read, so it takes its time. Raises Refused.
        """
        number = self.terms.number(client)
        if number is None:
            raise Refused(not_a_number(client))
        if self.connection.dialect.name == "postgresql":
            self.connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        return {f"{column.table.name}.{column.name}": n for column, n in self._standing(core_digits(number)) if n}

    def _standing(self, digits: str) -> Iterator[tuple[sa.Column[Any], int]]:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if column.type.python_type in (str, dict):
                    there = sa.cast(column, sa.Text).contains(digits, autoescape=True)
                    counted = sa.select(sa.func.count()).select_from(table).where(there)
                    yield column, self.connection.execute(counted).scalar_one()

    def _not_under_way(self, number: str) -> None:
        live = of_calls(number) & calls.c.disposition.is_(None) & (calls.c.arrived_at > self.now() - _LONGEST_CALL)
        if self._any(calls, live):
            raise Refused("a call of this client is under way; erase when it is over")
        if self._any(messages, of_messages(number) & _in_hand(self.now())):
            raise Refused("a message of this client is being sent at this moment; try again in a minute")

    def _any(self, table: sa.Table, which: sa.ColumnElement[bool]) -> bool:
        return self.connection.scalar(sa.select(sa.literal(1)).select_from(table).where(which).limit(1)) is not None

    def _warning(self, number: str, keep_refusals: bool) -> str:
        refusals = sa.select(sa.func.count()).select_from(opt_outs).where(opt_outs.c.client == number)
        refused = self.connection.execute(refusals).scalar_one()
        told = f"Everything about {number} will be erased: texts, recordings, addresses, names. Nothing brings it back."
        if refused and not keep_refusals:
            told += (
                "\nThe client's refusals go too, so a list from elsewhere may have them written to again; "
                "--keep-refusals keeps those, with the number."
            )
        return told


def _in_hand(at: datetime) -> sa.ColumnElement[bool]:
    return (messages.c.state == State.SENDING.value) & (messages.c.leased_until > at)


@dataclass
class _Work:
    """One erasure under way."""

    connection: sa.Connection
    number: str
    at: datetime
    folder: Path
    pseudonym: str = field(default_factory=new_pseudonym)

    def settle(self) -> int:
        """Cancel what waits; what a dead sender left in hand is unknown for ever."""
        theirs = of_messages(self.number)
        left = sa.select(messages).where(theirs & (messages.c.state == State.SENDING.value)).with_for_update()
        for message in [as_message(row) for row in self.connection.execute(left)]:
            become(self.connection, message, State.UNKNOWN, _WHY, self.at, lease=None, leased_until=None)
        return cancel_queued(self.connection, theirs, _WHY, self.at)

    def remove_recordings(self) -> tuple[str, ...]:
        """Remove the files before their rows: what fails is found again. Raises Refused."""
        owed = sa.select(sa.func.count()).where(owed_recordings.c.call_id.in_(call_ids(self.number)))
        if self.connection.execute(owed).scalar_one():
            raise Refused(
                "a recording of theirs still waits in Asterisk's spool; `ari-app doctor` says why. Nothing was erased: "
                "do it again once the recording has been taken"
            )
        theirs = voicemail_messages.c.call_id.in_(call_ids(self.number))
        names = tuple(self.connection.scalars(sa.select(voicemail_messages.c.name).where(theirs)))
        try:
            for name in names:
                for path in files_of(self.folder, name).values():
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise Refused(f"{error.filename} cannot be removed: {error.strerror}; nothing else was erased") from None
        self.connection.execute(sa.delete(voicemail_messages).where(theirs))
        return names

    def erase_rows(self, *, keep_refusals: bool) -> Iterator[tuple[str, int]]:
        """Empty or remove every row; the tables, and how many rows of each."""
        card = cards_of(self.connection, [self.number]).get(self.number)
        words = (card.email, card.push) if card else ()
        raw = sa.select(calls.c.caller_raw).where(calls.c.caller == self.number).distinct()
        spoken = tuple(one for one in self.connection.scalars(raw) if len(one) > 4)
        scrub = Scrub(self.number, self.pseudonym, (*words, *spoken))
        yield "messages", self._messages(scrub, words)
        yield "calls", self._calls(scrub)
        yield (
            "inbound_texts",
            self._change(inbound_texts, inbound_texts.c.sender == self.number, sender=self.pseudonym, text=""),
        )
        yield "tickets", self._tickets()
        yield "clients", self.connection.execute(sa.delete(clients).where(clients.c.client == self.number)).rowcount
        yield (
            "last_talks",
            self.connection.execute(sa.delete(last_talks).where(last_talks.c.caller == self.number)).rowcount,
        )
        yield "audit_log", self._log(scrub)
        if not keep_refusals:
            gone = sa.delete(opt_outs).where(opt_outs.c.client == self.number)
            yield "opt_outs", self.connection.execute(gone).rowcount

    def _change(self, table: sa.Table, which: sa.ColumnElement[bool], **values: Any) -> int:
        return self.connection.execute(sa.update(table).where(which).values(values)).rowcount

    def _messages(self, scrub: Scrub, addresses: tuple[str, ...]) -> int:
        found = self.connection.execute(sa.select(messages).where(of_messages(self.number))).all()
        for row in found:
            own = row.audience == "client" or row.recipient in (self.number, *filter(None, addresses))
            if row.gateway_id is not None:
                reports = early_reports.c.gateway_id == row.gateway_id
                self.connection.execute(sa.delete(early_reports).where(reports))
            self._change(
                messages,
                messages.c.id == row.id,
                key=scrub.text(row.key),
                recipient=self.pseudonym if own else row.recipient,
                client=self.pseudonym,
                reason=scrub.text(row.reason),
                subject="",
                text="",
                **dict.fromkeys(("item", "attachment", "gateway_id", "ask_at")),
            )
            self._scrub(message_events, message_events.c.message_id == row.id, "reason", scrub)
        return len(found)

    def _calls(self, scrub: Scrub) -> int:
        theirs = list(self.connection.scalars(call_ids(self.number)))
        for call_id in theirs:
            self._scrub(call_events, call_events.c.call_id == call_id, "details", scrub)
            self._scrub(legs, legs.c.call_id == call_id, "destination", scrub)
            for column in ("caller", "caller_raw", "dialled", "dialled_raw", "answered_by"):
                self._scrub(calls, calls.c.id == call_id, column, scrub)
        return len(theirs)

    def _tickets(self) -> int:
        theirs = tickets.c.client == self.number
        entries = ticket_entries.c.ticket_id.in_(sa.select(tickets.c.id).where(theirs))
        self._change(ticket_entries, entries, text="")
        still_open = theirs & (tickets.c.state == "open")
        self._change(tickets, still_open, state="closed", closed_at=self.at)
        return self._change(tickets, theirs, client=self.pseudonym, subject="", external_id=None)

    def _log(self, scrub: Scrub) -> int:
        digits = core_digits(self.number)
        told = sa.cast(audit_log.c.details, sa.Text).contains(digits) | audit_log.c.target.contains(digits)
        found = self.connection.execute(sa.select(audit_log).where(told)).all()
        for row in found:
            details, target = scrub.value(row.details), scrub.text(row.target)
            self._change(audit_log, audit_log.c.id == row.id, details=details, target=target)
        return len(found)

    def _scrub(self, table: sa.Table, which: sa.ColumnElement[bool], name: str, scrub: Scrub) -> None:
        """Take the number out of one column of some rows; those without it are left alone."""
        column = table.c[name]
        key = list(table.primary_key)
        for row in self.connection.execute(sa.select(*key, column).where(which)).all():
            clean = scrub.value(row[-1])
            if clean != row[-1]:
                it = sa.and_(*(one == value for one, value in zip(key, row[:-1], strict=True)))
                self._change(table, it, **{name: clean})

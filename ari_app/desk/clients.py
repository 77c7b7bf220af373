"""The desk of clients: how they are called and reached, and everything that is known of one, for the one who asks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ari_app.core.numbering import printable
from ari_app.core.rights import Right, Subject
from ari_app.desk.base import Desk, Refused, needs
from ari_app.desk.terms import Terms, not_a_number
from ari_app.storage.desk_schema import audit_log, clients
from ari_app.storage.message_refusals import MESSAGE_MENDS
from ari_app.storage.message_schema import opt_outs
from ari_app.storage.outbox_schema import inbound_texts, message_events, messages, ticket_entries, tickets
from ari_app.storage.records import call_events, calls, legs, voicemail_messages
from ari_app.storage.refused import Card, cards_of
from ari_app.storage.ring_schema import last_talks


@dataclass(frozen=True, slots=True)
class ClientEdit:
    """What is to become different of a client's card; None leaves it, "" takes it away."""

    name: str | None = None
    email: str | None = None
    push: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a client, in figures."""

    card: Card
    calls: int
    messages: int
    texts: int
    tickets: int
    refusals: int
    recordings: int
    last_call_at: datetime | None


@dataclass(frozen=True)
class ClientDesk(Desk):
    """Clients, by their number."""

    terms: Terms

    @needs(Subject.CONSENT, Right.VIEW)
    def show(self, client: str) -> Known:
        """What is known of a client, in figures. Raises Refused."""
        number = self._number(client)
        last = self.connection.scalar(sa.select(sa.func.max(calls.c.arrived_at)).where(of_calls(number)))
        counted = {name: self._count(table, which) for name, (table, which) in _counted(number).items()}
        return Known(self._card(number), last_call_at=last, **counted)

    @needs(Subject.CONSENT, Right.EDIT)
    def set(self, client: str, edit: ClientEdit) -> Card:
        """Keep how a client is called and reached. Raises Refused with all that is wrong."""
        number = self._number(client)
        present = asdict(self._card(number))
        given = {name: " ".join(value.split()) for name, value in asdict(edit).items() if value is not None}
        card = Card(**{**present, **given})
        faults = list(_faults(card))
        if faults:
            raise Refused(*faults)
        self.connection.execute(sa.delete(clients).where(clients.c.client == number))
        self.connection.execute(sa.insert(clients).values(asdict(card)))
        self._write_down(Subject.CONSENT, "set client", number, changed=sorted(given))
        return card

    @needs(Subject.RECORDINGS, Right.VIEW)
    @needs(Subject.TICKETS, Right.VIEW)
    @needs(Subject.MESSAGES, Right.VIEW)
    @needs(Subject.CONSENT, Right.VIEW)
    def export(self, client: str) -> dict[str, Any]:
        """Everything that is kept of a client: rows by table, as JSON takes them, and the recordings' names.

        Raises:
            Refused: it is no number.
        """
        number = self._number(client)
        found = {name: self._rows(query) for name, query in _exported(number).items()}
        self._write_down(Subject.CONSENT, "export", number, rows={name: len(rows) for name, rows in found.items()})
        return {"client": number, "exported_at": self.now(), **found}

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        flags = {column.key for column in query.selected_columns if isinstance(column.type, sa.Boolean)}
        return [
            {str(name): bool(value) if name in flags else value for name, value in row._mapping.items()}
            for row in self.connection.execute(query)
        ]

    def _count(self, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
        return self.connection.execute(sa.select(sa.func.count()).select_from(table).where(which)).scalar_one()

    def _card(self, number: str) -> Card:
        return cards_of(self.connection, [number]).get(number, Card(number))

    def _number(self, written: str) -> str:
        number = self.terms.number(written)
        if number is None:
            raise Refused(not_a_number(written))
        return number


def of_calls(number: str) -> sa.ColumnElement[bool]:
    """The calls of a client: from them, or the company's own to them."""
    return (calls.c.caller == number) | ((calls.c.direction == "outbound") & (calls.c.dialled == number))


def call_ids(number: str) -> sa.Select[tuple[str]]:
    """The ids of those calls."""
    return sa.select(calls.c.id).where(of_calls(number))


def of_messages(number: str) -> sa.ColumnElement[bool]:
    """The messages that concern a client: to them, and to staff about them."""
    return (messages.c.client == number) | (messages.c.recipient == number)


def _counted(number: str) -> dict[str, tuple[sa.Table, sa.ColumnElement[bool]]]:
    return {
        "calls": (calls, of_calls(number)),
        "messages": (messages, of_messages(number)),
        "texts": (inbound_texts, inbound_texts.c.sender == number),
        "tickets": (tickets, tickets.c.client == number),
        "refusals": (opt_outs, opt_outs.c.client == number),
        "recordings": (voicemail_messages, voicemail_messages.c.call_id.in_(call_ids(number))),
    }


def _exported(number: str) -> dict[str, sa.Select[Any]]:
    theirs = call_ids(number)
    message_ids = sa.select(messages.c.id).where(of_messages(number))
    ticket_ids = sa.select(tickets.c.id).where(tickets.c.client == number)
    return {
        "clients": sa.select(clients).where(clients.c.client == number),
        "calls": sa.select(calls).where(of_calls(number)).order_by(calls.c.arrived_at),
        "call_events": sa.select(call_events)
        .where(call_events.c.call_id.in_(theirs))
        .order_by(*call_events.primary_key),
        "legs": sa.select(legs).where(legs.c.call_id.in_(theirs)).order_by(legs.c.id),
        "voicemail_messages": sa.select(voicemail_messages).where(voicemail_messages.c.call_id.in_(theirs)),
        "messages": sa.select(messages).where(of_messages(number)).order_by(messages.c.id),
        "message_events": sa.select(message_events)
        .where(message_events.c.message_id.in_(message_ids))
        .order_by(message_events.c.id),
        "inbound_texts": sa.select(inbound_texts).where(inbound_texts.c.sender == number).order_by(inbound_texts.c.at),
        "tickets": sa.select(tickets).where(tickets.c.client == number).order_by(tickets.c.id),
        "ticket_entries": sa.select(ticket_entries).where(ticket_entries.c.ticket_id.in_(ticket_ids)),
        "opt_outs": sa.select(opt_outs).where(opt_outs.c.client == number).order_by(opt_outs.c.id),
        "last_talks": sa.select(last_talks).where(last_talks.c.caller == number).order_by(last_talks.c.destination),
        "audit_log": sa.select(audit_log).where(audit_log.c.target == number).order_by(audit_log.c.id),
    }


def _faults(card: Card) -> list[str]:
    faults = []
    if card.name != printable(card.name, 100):
        faults.append("a client's name has 100 characters at most, all of them readable")
    local, _, domain = card.email.partition("@")
    if card.email and not (local and "." in domain and " " not in card.email and "@" not in domain):
        faults.append(MESSAGE_MENDS["email_is_an_address_like_anna_at_example_com"])
    if card.push and not _is_subscription(card.push):
        faults.append('a push subscription is the browser\'s JSON: {"endpoint": "https://...", "keys": {...}}')
    return faults


def _is_subscription(text: str) -> bool:
    try:
        read = json.loads(text)
    except ValueError:
        return False
    return (
        isinstance(read, dict)
        and str(read.get("endpoint", "")).startswith("https://")
        and isinstance(read.get("keys"), dict)
        and {"p256dh", "auth"} <= set(read["keys"])
    )

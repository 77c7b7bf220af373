"""What a client's text brings about: a refusal of SMS, its end, or the message that nobody works just now."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ari_app.core.consent import Word, word_of
from ari_app.core.deployment import Decided, Deployment
from ari_app.core.hours import is_out_of_hours
from ari_app.core.message_book import MessageBook
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.notices import RaisedEvent, of_event
from ari_app.core.numbering import masked, normalise
from ari_app.core.scheme import SchemeBook
from ari_app.desk.cancelling import cancel_queued
from ari_app.message_ports import InboundText
from ari_app.storage.columns import storable
from ari_app.storage.intents import take_in
from ari_app.storage.message_schema import opt_outs
from ari_app.storage.outbox_schema import inbound_texts, messages

log = logging.getLogger(__name__)

LONGEST_TEXT = 4000


class Place(Protocol):
    """What is needed to take a text in: the database, and what is in force."""

    @property
    def writing(self) -> sa.Engine:
        """For transactions that write."""

    @property
    def schemes(self) -> SchemeBook:
        """The schemes and numbers in force."""

    @property
    def rules(self) -> MessageBook:
        """What is in force about messages; raises while that is not known, and the text comes again."""

    @property
    def deployment(self) -> Deployment:
        """What is the same for every message."""

    def now(self) -> datetime:
        """The present moment, aware."""


def take_text(place: Place, gateway: str, text: InboundText) -> str:
    """Take a text in, once, and do what follows from it, in one transaction; what that was (``stop``, ``start``,
    ``out_of_hours`` or nothing)."""
    with place.writing.begin() as connection:
        if not _entered(connection, gateway, text):
            return ""
        effect = _effect(connection, place, text)
        if effect:
            this = sa.update(inbound_texts).where(inbound_texts.c.id == _id(gateway, text))
            connection.execute(this.values(effect=effect))
    log.info("a text from %s: %s", masked(text.sender), effect or "no effect")
    return effect


def _id(gateway: str, text: InboundText) -> str:
    return str(storable(f"{gateway}/{text.id}"))[:200]


def _entered(connection: sa.Connection, gateway: str, text: InboundText) -> bool:
    insert = (
        postgresql.insert(inbound_texts) if connection.dialect.name == "postgresql" else sqlite.insert(inbound_texts)
    )
    row = {
        "id": _id(gateway, text),
        "at": text.at,
        "sender": str(storable(text.sender))[:64],
        "recipient": str(storable(text.recipient))[:64],
        "text": str(storable(text.text))[:LONGEST_TEXT],
        "gateway": gateway,
    }
    once = insert.values(row).on_conflict_do_nothing(index_elements=["id"]).returning(inbound_texts.c.id)
    return connection.execute(once).scalar_one_or_none() is not None


def _effect(connection: sa.Connection, place: Place, text: InboundText) -> str:
    if normalise(text.sender, "ZZ") != text.sender:
        return ""  # a name or a short code: nobody whom we write to
    match word_of(text.text, (place.deployment.sender, text.recipient)):
        case Word.STOP:
            _refuse(connection, place, text)
            return "stop"
        case Word.START:
            _take_back(connection, text)
            return "start"
    decided = _out_of_hours(place, text)
    if decided is not None and decided.intents:
        take_in(connection, decided.intents, place.now())
        return "out_of_hours"
    return ""


def _refuse(connection: sa.Connection, place: Place, text: InboundText) -> None:
    """No SMS from now on, those that wait included."""
    insert = postgresql.insert(opt_outs) if connection.dialect.name == "postgresql" else sqlite.insert(opt_outs)
    row = {"client": text.sender, "channel": Channel.SMS.value, "kind": "", "bulk_only": False}
    once = insert.values(**row, source="STOP", at=text.at).on_conflict_do_nothing(index_elements=list(row))
    connection.execute(once)
    theirs = (
        (messages.c.recipient == text.sender)
        & (messages.c.channel == Channel.SMS.value)
        & (messages.c.audience == Audience.CLIENT.value)
    )
    cancel_queued(connection, theirs, "the client has refused SMS by a text of their own", place.now())


def _take_back(connection: sa.Connection, text: InboundText) -> None:
    """What STOP refused is wanted again; what else the client has refused stays so."""
    connection.execute(
        sa.delete(opt_outs).where(
            opt_outs.c.client == text.sender,
            opt_outs.c.channel == Channel.SMS.value,
            opt_outs.c.kind == "",
            opt_outs.c.bulk_only == sa.false(),
        )
    )


def _out_of_hours(place: Place, text: InboundText) -> Decided | None:
    book = place.rules
    team = book.team_of(text.recipient)
    if team is None or text.sender in book.numbers:
        return None
    if not is_out_of_hours(place.schemes, text.recipient, text.at):
        return None
    event = RaisedEvent(
        kind=MessageKind.TEXT_OUT_OF_HOURS,
        team=team.name,
        client=text.sender,
        values={"number": text.recipient},
        id=f"text/{text.id}",
    )
    return of_event(event, book, place.deployment, place.now())

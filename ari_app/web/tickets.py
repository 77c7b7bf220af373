"""Tickets, for helpdesks: made, found, closed. One made out of hours brings the team's message, if it came by web."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ari_app.core.messages import MessageKind
from ari_app.core.numbering import printable
from ari_app.core.rights import Actor, Right, Subject, require
from ari_app.storage.outbox_schema import ticket_entries, tickets
from ari_app.storage.schema import teams
from ari_app.web.access import Whoever
from ari_app.web.event_models import Addresses, OutOfHoursEvent, Source, Taken
from ari_app.web.events import raise_event
from ari_app.web.hours import is_out_of_hours, team_is_out_of_hours
from ari_app.web.problems import Refusal, documented
from ari_app.web.site import OurSite, Site
from ari_app.web.wire import E164Number, Key, Name, ShortLine, Strict

router = APIRouter(prefix="/v1/tickets", tags=["tickets"])


class TicketState(StrEnum):
    """Whether the client and the team are still about it."""

    OPEN = "open"
    CLOSED = "closed"


class NewTicket(Strict):
    """A ticket that a helpdesk has made."""

    team: Name = Field(description="name of the team whose ticket it is")
    client: E164Number
    external_id: Key = Field(description="the helpdesk's id of it; given twice, it is one ticket")
    subject: ShortLine = ""
    source: Source = Field(
        Source.OTHER, description="by what way it was made; web and mobile bring a message out of hours"
    )
    number: E164Number | None = Field(None, description="the company's number whose hours count; empty: the team's")
    addresses: Addresses = Addresses(email=None, push=None)


class TicketChange(Strict):
    """What becomes different of a ticket."""

    state: TicketState | None = None
    subject: ShortLine | None = None


class Entry(BaseModel):
    """What was written to a ticket."""

    at: datetime
    text: str
    call: str | None


class Ticket(BaseModel):
    """A ticket as it stands."""

    id: int
    team: str
    client: str
    subject: str
    kind: str = Field(description="missed_call if we made it, else given")
    state: TicketState
    opened_at: datetime
    closed_at: datetime | None
    external_id: str | None
    entries: list[Entry]


class MadeTicket(BaseModel):
    """A ticket, and what its making brought."""

    ticket: Ticket
    new: bool = Field(description="false: the helpdesk had told of it before")
    taken: Taken | None = Field(None, description="the message to the client, where it was made out of hours")


TicketId = Annotated[int, Field(ge=1, le=2**31 - 1)]


@router.post("", status_code=HTTPStatus.CREATED, summary="Tell of a ticket", responses=documented(HTTPStatus.FORBIDDEN))
def post_ticket(new: NewTicket, site: OurSite, actor: Whoever) -> MadeTicket:
    """Tell of a ticket that the helpdesk has made. Messages for clients with an open ticket go by it, and missed calls
    are written to it. Right: `tickets create`."""
    require(actor, Subject.TICKETS, Right.CREATE)
    with site.writing.begin() as connection:
        team_id = connection.scalar(sa.select(teams.c.id).where(teams.c.name == new.team))
        if team_id is None:
            detail = f"body.team: there is no team {printable(new.team)!r}; the table teams has them"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
        known = connection.scalar(sa.select(tickets.c.id).where(tickets.c.external_id == new.external_id))
        if known is not None:
            return MadeTicket(ticket=_ticket(connection, known), new=False, taken=None)
        ticket_id = _made(connection, new, team_id, site.now())
        # The message in the same transaction: told again after a crash, the ticket would be known, and nobody told.
        taken = _tell_client(connection, site, new, actor) if _is_out_of_hours(site, new) else None
        return MadeTicket(ticket=_ticket(connection, ticket_id), new=True, taken=taken)


@router.get("", summary="Find tickets", responses=documented(HTTPStatus.FORBIDDEN))
def get_tickets(
    *,
    site: OurSite,
    actor: Whoever,
    client: E164Number | None = None,
    state: TicketState | None = None,
    external_id: Key | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[Ticket]:
    """Tickets that fit, the latest first. Right: `tickets view`."""
    require(actor, Subject.TICKETS, Right.VIEW)
    query = sa.select(tickets.c.id).order_by(tickets.c.opened_at.desc(), tickets.c.id.desc()).limit(limit)
    for column, value in ((tickets.c.client, client), (tickets.c.state, state), (tickets.c.external_id, external_id)):
        if value is not None:
            query = query.where(column == str(value))
    with site.reading.begin() as connection:
        return [_ticket(connection, ticket_id) for ticket_id in connection.scalars(query).all()]


@router.get("/{ticket}", summary="One ticket", responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
def get_ticket(ticket: TicketId, site: OurSite, actor: Whoever) -> Ticket:
    """A ticket with what was written to it. Right: `tickets view`."""
    require(actor, Subject.TICKETS, Right.VIEW)
    with site.reading.begin() as connection:
        return _ticket(connection, ticket)


@router.patch("/{ticket}", summary="Close a ticket", responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
def patch_ticket(ticket: TicketId, change: TicketChange, site: OurSite, actor: Whoever) -> Ticket:
    """Close a ticket, open it again, or give it another subject. Right: `tickets edit`."""
    require(actor, Subject.TICKETS, Right.EDIT)
    with site.writing.begin() as connection:
        values: dict[str, Any] = {} if change.subject is None else {"subject": change.subject}
        present = _ticket(connection, ticket)
        if change.state is not None and change.state is not present.state:
            closed_at = site.now() if change.state is TicketState.CLOSED else None
            values |= {"state": change.state.value, "closed_at": closed_at}
        if values:
            connection.execute(sa.update(tickets).where(tickets.c.id == ticket).values(values))
        return _ticket(connection, ticket)


def _tell_client(connection: sa.Connection, site: Site, new: NewTicket, actor: Actor) -> Taken:
    event = OutOfHoursEvent(
        kind=MessageKind.TICKET_OUT_OF_HOURS,
        team=new.team,
        number=new.number,
        client=new.client,
        addresses=new.addresses,
        values={"item": new.subject} if new.subject else {},
        source=new.source,
        id=new.external_id,
        happened_at=None,
        send_at=None,
    )
    return raise_event(connection, event, f"ticket/{new.external_id}", site, actor)


def _is_out_of_hours(site: Site, new: NewTicket) -> bool:
    book, now = site.books.current, site.now()
    out = is_out_of_hours(book, new.number, now) if new.number else team_is_out_of_hours(book, new.team, now)
    return bool(out)


def _made(connection: sa.Connection, new: NewTicket, team_id: int, at: datetime) -> int:
    row = {
        "team_id": team_id,
        "client": new.client,
        "subject": new.subject,
        "opened_at": at,
        "external_id": new.external_id,
    }
    ticket_id: int = connection.execute(sa.insert(tickets).values(row).returning(tickets.c.id)).scalar_one()
    return ticket_id


def _ticket(connection: sa.Connection, ticket_id: int) -> Ticket:
    query = sa.select(tickets, teams.c.name.label("team")).join_from(tickets, teams).where(tickets.c.id == ticket_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "there is no ticket of this id; GET /v1/tickets lists those there are")
    entries = (
        sa.select(ticket_entries.c.at, ticket_entries.c.text, ticket_entries.c.call_id)
        .where(ticket_entries.c.ticket_id == ticket_id)
        .order_by(ticket_entries.c.id)
    )
    told = [Entry(at=at, text=text, call=call) for at, text, call in connection.execute(entries)]
    return Ticket(**{name: getattr(row, name) for name in Ticket.model_fields if name != "entries"}, entries=told)

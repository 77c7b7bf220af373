"""Tickets, for helpdesks: made, found, closed. One made out of hours brings the team's message, if it came by web."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from ari_app.core.hours import is_out_of_hours, team_is_out_of_hours
from ari_app.core.messages import MessageKind
from ari_app.core.rights import Actor, Right, Subject, require
from ari_app.desk.base import Refused
from ari_app.desk.tickets import TicketDesk
from ari_app.storage.outbox_schema import tickets
from ari_app.storage.tickets import show_ticket
from ari_app.web.access import Whoever
from ari_app.web.event_models import Addresses, OutOfHoursEvent, Source, Taken
from ari_app.web.events import raise_event
from ari_app.web.problems import documented
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

    state: TicketState


class Entry(BaseModel):
    """What was written to a ticket."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    text: str
    call_id: str | None


class Ticket(BaseModel):
    """A ticket as it stands."""

    model_config = ConfigDict(from_attributes=True)

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
    try:
        return _told(new, site, actor)
    except Refused:  # perhaps for a ticket that another request, of the same moment, has just made
        with site.reading.begin() as connection:
            known = _of_helpdesk(connection, new.external_id)
        if known is None:
            raise
        return MadeTicket(ticket=known, new=False, taken=None)


def _told(new: NewTicket, site: Site, actor: Actor) -> MadeTicket:
    with site.writing.begin() as connection:
        if known := _of_helpdesk(connection, new.external_id):
            return MadeTicket(ticket=known, new=False, taken=None)
        opened = TicketDesk(connection, actor, site.terms, now=site.now).open(
            team=new.team, client=new.client, subject=new.subject, external_id=new.external_id
        )
        # The message in the same transaction: told again after a crash, the ticket would be known, and nobody told.
        taken = _tell_client(connection, site, new, actor) if _is_out_of_hours(site, new) else None
        return MadeTicket(ticket=Ticket.model_validate(opened), new=True, taken=taken)


@router.get("", summary="Find tickets", responses=documented(HTTPStatus.FORBIDDEN))
def get_tickets(
    *,
    site: OurSite,
    actor: Whoever,
    team: Name | None = None,
    client: E164Number | None = None,
    state: TicketState | None = None,
    external_id: Key | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[Ticket]:
    """Tickets that fit, the latest first; what was written to them is told of each alone. Right: `tickets view`."""
    with site.reading.begin() as connection:
        desk = TicketDesk(connection, actor, site.terms, now=site.now)
        if external_id is not None:
            require(actor, Subject.TICKETS, Right.VIEW)
            found = _of_helpdesk(connection, external_id)
            return [found] if found else []
        fitting = desk.list(team=team or "", client=client or "", state=state or "", limit=limit)
    return [Ticket.model_validate(one) for one in fitting]


@router.get("/{ticket}", summary="One ticket", responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
def get_ticket(ticket: TicketId, site: OurSite, actor: Whoever) -> Ticket:
    """A ticket with what was written to it. Right: `tickets view`."""
    with site.reading.begin() as connection:
        return Ticket.model_validate(TicketDesk(connection, actor, site.terms, now=site.now).show(ticket))


@router.patch("/{ticket}", summary="Close a ticket", responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
def patch_ticket(ticket: TicketId, change: TicketChange, site: OurSite, actor: Whoever) -> Ticket:
    """Close a ticket, or open it again. Right: `tickets edit`."""
    with site.writing.begin() as connection:
        desk = TicketDesk(connection, actor, site.terms, now=site.now)
        changed = desk.close(ticket) if change.state is TicketState.CLOSED else desk.reopen(ticket)
    return Ticket.model_validate(changed)


def _of_helpdesk(connection: sa.Connection, external_id: str) -> Ticket | None:
    ours = connection.scalar(sa.select(tickets.c.id).where(tickets.c.external_id == external_id))
    found = show_ticket(connection, ours) if ours is not None else None
    return Ticket.model_validate(found) if found is not None else None


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

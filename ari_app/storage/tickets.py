"""Tickets of ours: missed calls are written to the client's open one, or make one; opened, closed, found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import Accepted, Refused
from ari_app.core.numbering import printable
from ari_app.storage.columns import storable
from ari_app.storage.outbox_rows import MessageRow
from ari_app.storage.outbox_schema import ticket_entries, tickets
from ari_app.storage.schema import teams

OPEN, CLOSED = "open", "closed"
MISSED_CALL, GIVEN = "missed_call", "given"
_AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """What was written to a ticket, and the call it was about."""

    at: datetime
    text: str
    call_id: str | None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it stands. ``kind`` is missed_call if we made it, else given."""

    id: int
    team: str
    client: str
    subject: str
    kind: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    external_id: str | None
    entries: tuple[Entry, ...] = ()


class NoSuchTeam(Exception):
    """There is no team of that name; the message says how to find those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no team {printable(name)!r}; the table teams has those there are")


def write_ticket(connection: sa.Connection, message: MessageRow, at: datetime) -> Accepted | Refused:
    """Write a missed call to its client's open ticket of the team, or make one where the team makes them.

    In the connection's transaction, which must be one that writes; a call is on a ticket once, however often it is
    asked for. Two of one team at the same time wait for each other.
    """
    team = _locked_team(connection, message.team)
    if team is None:
        return Refused(f"there is no team {printable(message.team or '')!r} any more")
    if message.client is None:
        return Refused("the client is not known")
    ticket_id = _of_call(connection, message.call_id)
    if ticket_id is not None:
        return _accepted(ticket_id)
    ticket_id = _open_one(connection, team.id, message.client)
    if ticket_id is None:
        refusal = _why_none_is_made(connection, team, at)
        if refusal:
            return Refused(refusal)
        ticket_id = _insert(
            connection, at, team_id=team.id, client=message.client, subject=message.subject, kind=MISSED_CALL
        )
    entry = {"ticket_id": ticket_id, "at": message.created_at, "text": message.text, "call_id": message.call_id}
    connection.execute(sa.insert(ticket_entries), entry)
    return _accepted(ticket_id)


def open_ticket(
    connection: sa.Connection,
    at: datetime,
    *,
    team: str,
    client: str,
    subject: str = "",
    external_id: str | None = None,
) -> int:
    """Open a ticket, as a person or a helpdesk does; its id. ``client`` is E.164.

    Raises:
        NoSuchTeam: no team is called so.
        sqlalchemy.exc.IntegrityError: ``external_id`` is another ticket's.
    """
    found = _locked_team(connection, team)
    if found is None:
        raise NoSuchTeam(team)
    return _insert(
        connection, at, team_id=found.id, client=client, subject=subject, kind=GIVEN, external_id=external_id
    )


def close_ticket(connection: sa.Connection, ticket_id: int, at: datetime) -> bool:
    """Close a ticket; False if it is closed already, or there is none."""
    closing = sa.update(tickets).where(tickets.c.id == ticket_id, tickets.c.state == OPEN)
    return bool(connection.execute(closing.values(state=CLOSED, closed_at=at)).rowcount)


def reopen_ticket(connection: sa.Connection, ticket_id: int) -> bool:
    """Open a closed ticket again; False if it is open, or there is none."""
    opening = sa.update(tickets).where(tickets.c.id == ticket_id, tickets.c.state == CLOSED)
    return bool(connection.execute(opening.values(state=OPEN, closed_at=None)).rowcount)


def list_tickets(
    connection: sa.Connection,
    *,
    team: str | None = None,
    client: str | None = None,
    state: str | None = None,
    limit: int = 50,
) -> list[Ticket]:
    """Tickets that fit, the latest first, without their entries."""
    wanted = ((teams.c.name, team), (tickets.c.client, client), (tickets.c.state, state))
    conditions = [column == value for column, value in wanted if value is not None]
    query = _TICKETS.where(*conditions).order_by(tickets.c.opened_at.desc(), tickets.c.id.desc()).limit(limit)
    return [Ticket(**row) for row in connection.execute(query).mappings()]


def show_ticket(connection: sa.Connection, ticket_id: int) -> Ticket | None:
    """One ticket with everything written to it; None if there is none of this id."""
    row = connection.execute(_TICKETS.where(tickets.c.id == ticket_id)).mappings().one_or_none()
    if row is None:
        return None
    query = (
        sa.select(ticket_entries.c.at, ticket_entries.c.text, ticket_entries.c.call_id)
        .where(ticket_entries.c.ticket_id == ticket_id)
        .order_by(ticket_entries.c.id)
    )
    return Ticket(**row, entries=tuple(Entry(*entry) for entry in connection.execute(query)))


_TICKETS = sa.select(
    tickets.c.id,
    teams.c.name.label("team"),
    tickets.c.client,
    tickets.c.subject,
    tickets.c.kind,
    tickets.c.state,
    tickets.c.opened_at,
    tickets.c.closed_at,
    tickets.c.external_id,
).join_from(tickets, teams)


def _locked_team(connection: sa.Connection, name: str | None) -> Any:
    """The team's row, kept from others who write tickets of it (SQLite has one writer anyway); edits that leave its id
    alone, and rows that refer to it, do not wait."""
    query = sa.select(teams.c.id, teams.c.name, teams.c.makes_tickets, teams.c.tickets_an_hour)
    return connection.execute(query.where(teams.c.name == name).with_for_update(key_share=True)).one_or_none()


def _of_call(connection: sa.Connection, call_id: str | None) -> int | None:
    if call_id is None:
        return None
    return connection.scalar(sa.select(ticket_entries.c.ticket_id).where(ticket_entries.c.call_id == call_id))


def _open_one(connection: sa.Connection, team_id: int, client: str) -> int | None:
    """The client's open ticket of the team, the latest if there are several."""
    theirs = (tickets.c.team_id == team_id, tickets.c.client == client, tickets.c.state == OPEN)
    latest = (tickets.c.opened_at.desc(), tickets.c.id.desc())
    return connection.scalar(sa.select(tickets.c.id).where(*theirs).order_by(*latest).limit(1))


def _why_none_is_made(connection: sa.Connection, team: Any, at: datetime) -> str | None:
    """Why a missed call makes no ticket, or None when it may."""
    if not team.makes_tickets:
        return f"the client has no open ticket, and team {printable(team.name)!r} makes none of missed calls"
    ours = (tickets.c.team_id == team.id, tickets.c.kind == MISSED_CALL, tickets.c.opened_at > at - _AN_HOUR)
    made = connection.scalar(sa.select(sa.func.count()).select_from(tickets).where(*ours)) or 0
    if made < team.tickets_an_hour:
        return None
    return f"team {printable(team.name)!r} makes {team.tickets_an_hour} tickets an hour at most, and has made {made}"


def _insert(
    connection: sa.Connection,
    at: datetime,
    *,
    team_id: int,
    client: str,
    subject: str,
    kind: str,
    external_id: str | None = None,
) -> int:
    row = {
        "team_id": team_id,
        "client": client,
        "subject": storable(subject),
        "kind": kind,
        "opened_at": at,
        "external_id": storable(external_id),
    }
    ticket_id: int = connection.execute(sa.insert(tickets).values(row).returning(tickets.c.id)).scalar_one()
    return ticket_id


def _accepted(ticket_id: int) -> Accepted:
    return Accepted(gateway_id=f"ticket {ticket_id}")

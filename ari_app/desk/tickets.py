"""The desk of tickets: what clients and teams are still about, opened, found and closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ari_app.core.rights import Right, Subject
from ari_app.desk.base import Desk, NotFound, Refused, needs
from ari_app.desk.terms import Terms, not_a_number
from ari_app.storage import tickets as storage
from ari_app.storage.tickets import Ticket


@dataclass(frozen=True)
class TicketDesk(Desk):
    """Tickets of every team. Numbers are read as people write them."""

    terms: Terms

    @needs(Subject.TICKETS, Right.VIEW)
    def list(self, *, team: str = "", client: str = "", state: str = "", limit: int = 50) -> list[Ticket]:
        """Tickets that fit, the latest first; what is empty does not narrow. Raises Refused."""
        number = self._number(client) if client else None
        return storage.list_tickets(self.connection, team=team or None, client=number, state=state or None, limit=limit)

    @needs(Subject.TICKETS, Right.VIEW)
    def show(self, ticket_id: int) -> Ticket:
        """One ticket with everything written to it. Raises NotFound."""
        return self._ticket(ticket_id)

    @needs(Subject.TICKETS, Right.CREATE)
    def open(self, *, team: str, client: str, subject: str = "", external_id: str = "") -> Ticket:
        """Open a ticket of a client. Raises Refused."""
        number, at = self._number(client), self.now()
        try:
            with self.connection.begin_nested():
                made = storage.open_ticket(
                    self.connection, at, team=team, client=number, subject=subject, external_id=external_id or None
                )
        except storage.NoSuchTeam as error:
            raise Refused(str(error)) from None
        except sa.exc.IntegrityError:
            raise Refused("the helpdesk's id is another ticket's already; leave it out, or find that ticket") from None
        self._write_down(Subject.TICKETS, "open", made, team=team)
        return self._ticket(made)

    @needs(Subject.TICKETS, Right.EDIT)
    def close(self, ticket_id: int) -> Ticket:
        """Close a ticket; one that is closed stays so. Raises NotFound."""
        at: datetime = self.now()
        self._ticket(ticket_id)
        if storage.close_ticket(self.connection, ticket_id, at):
            self._write_down(Subject.TICKETS, "close", ticket_id)
        return self._ticket(ticket_id)

    @needs(Subject.TICKETS, Right.EDIT)
    def reopen(self, ticket_id: int) -> Ticket:
        """Open a closed ticket again; one that is open stays so. Raises NotFound."""
        self._ticket(ticket_id)
        if storage.reopen_ticket(self.connection, ticket_id):
            self._write_down(Subject.TICKETS, "reopen", ticket_id)
        return self._ticket(ticket_id)

    def _ticket(self, ticket_id: int) -> Ticket:
        found = storage.show_ticket(self.connection, ticket_id)
        if found is None:
            raise NotFound(f"there is no ticket {ticket_id}; ari-app tickets list shows those there are")
        return found

    def _number(self, written: str) -> str:
        number: Any = self.terms.number(written)
        if number is None:
            raise Refused(not_a_number(written))
        return str(number)

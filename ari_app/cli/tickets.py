"""``ari-app tickets``: what clients and teams are still about, listed, shown, opened and closed."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from ari_app.cli.desks import Counter, counter_options
from ari_app.cli.screen import clean, is_narrow, json_option, print_json, screen, table
from ari_app.desk.tickets import TicketDesk
from ari_app.storage.tickets import OPEN, Ticket


@click.group(short_help="Tickets of clients: list, show, open, close.")
def tickets() -> None:
    """Tickets: a missed call is written to the open ticket of its caller, or makes one where the team makes them.

    \b
    Examples:
      ari-app tickets list --open
      ari-app tickets show 7
      ari-app tickets close 7
    """


@tickets.command("list")
@click.option("--client", default="", metavar="NUMBER", help="Only this client's.")
@click.option("--team", default="", metavar="NAME", help="Only this team's.")
@click.option("--open", "only_open", is_flag=True, help="Only those that are open.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many at most.")
@json_option
@counter_options
def list_tickets(*, client: str, team: str, only_open: bool, limit: int, as_json: bool, counter: Counter) -> None:
    """List tickets, the latest first.

    \b
    Examples:
      ari-app tickets list --open --team Sales
      ari-app tickets list --client +79160000001 --json | jq -r '.tickets[].id'
    """
    with counter.looking() as (connection, actor):
        desk = TicketDesk(connection, actor, counter.terms)
        found = desk.list(team=team, client=client, state=OPEN if only_open else "", limit=limit)
    if as_json:
        print_json({"tickets": [_as_json(ticket, entries=False) for ticket in found]})
        return
    narrow = is_narrow()
    shown = table("id", "opened", "", *(() if narrow else ("team",)), "client", "subject", right=("id",))
    for ticket in found:
        more = () if narrow else (clean(ticket.team),)
        opened = clean(f"{ticket.opened_at:%Y-%m-%d %H:%M}")
        shown.add_row(str(ticket.id), opened, _state(ticket), *more, clean(ticket.client), clean(ticket.subject))
    screen().print(shown if found else "No such tickets.")


@tickets.command()
@click.argument("ticket", type=click.IntRange(1))
@json_option
@counter_options
def show(*, ticket: int, as_json: bool, counter: Counter) -> None:
    """Show a ticket with what was written to it.

    \b
    Examples:
      ari-app tickets show 7
      ari-app tickets show 7 --json | jq -r '.entries[].text'
    """
    with counter.looking() as (connection, actor):
        found = TicketDesk(connection, actor, counter.terms).show(ticket)
    if as_json:
        print_json(_as_json(found))
        return
    _print(screen(), found)


@tickets.command("open")
@click.option("--team", required=True, metavar="NAME", help="Whose ticket it is.")
@click.option("--client", required=True, metavar="NUMBER", help="The client's number.")
@click.option("--subject", default="", metavar="TEXT", help="What it is about.")
@click.option("--external-id", default="", metavar="ID", help="The helpdesk's id of it.")
@json_option
@counter_options
def open_ticket(*, team: str, client: str, subject: str, external_id: str, as_json: bool, counter: Counter) -> None:
    """Open a ticket, to which missed calls of the client are written from then on.

    \b
    Examples:
      ari-app tickets open --team Sales --client +79160000001 --subject "Order 1207"
      ari-app tickets open --team Sales --client +79160000001 --external-id HD-1207 --json
    """
    with counter.changing() as (connection, actor):
        desk = TicketDesk(connection, actor, counter.terms)
        made = desk.open(team=team, client=client, subject=subject, external_id=external_id)
    if as_json:
        print_json(_as_json(made))
        return
    screen().print(f"Ticket {made.id} is open.")


@tickets.command()
@click.argument("ticket", type=click.IntRange(1))
@json_option
@counter_options
def close(*, ticket: int, as_json: bool, counter: Counter) -> None:
    """Close a ticket.

    \b
    Examples:
      ari-app tickets close 7
      ari-app tickets close 7 --json | jq -r .closed_at
    """
    with counter.changing() as (connection, actor):
        closed = TicketDesk(connection, actor, counter.terms).close(ticket)
    if as_json:
        print_json(_as_json(closed))
        return
    screen().print(f"Ticket {closed.id} is closed.")


def _print(console: Console, ticket: Ticket) -> None:
    console.print(clean(f"Ticket {ticket.id} of {ticket.client}, team {ticket.team}: {ticket.state}", "bold"))
    for label, value in (("subject", ticket.subject), ("helpdesk's id", ticket.external_id)):
        if value:
            console.print(clean(f"  {label}: {value}"))
    console.print(clean(f"  opened: {ticket.opened_at:%Y-%m-%d %H:%M} UTC"))
    if ticket.closed_at:
        console.print(clean(f"  closed: {ticket.closed_at:%Y-%m-%d %H:%M} UTC"))
    for entry in ticket.entries:
        call = f" (call {entry.call_id})" if entry.call_id else ""
        console.print(clean(f"  {entry.at:%Y-%m-%d %H:%M}  {entry.text}{call}"))


def _state(ticket: Ticket) -> Text:
    return clean(ticket.state, "green" if ticket.state == OPEN else "dim")


def _as_json(ticket: Ticket, *, entries: bool = True) -> dict[str, object]:
    told = asdict(ticket)
    if not entries:
        del told["entries"]
    return told

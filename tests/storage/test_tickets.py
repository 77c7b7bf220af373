"""A missed call is put on its client's ticket once, under the team's limit, whoever else writes at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from ari_app.core.delivery import Accepted, Refused
from ari_app.core.messages import Audience, Channel, Intent, MessageKind
from ari_app.storage.database import writing
from ari_app.storage.intents import take_in
from ari_app.storage.outbox_rows import MessageRow, as_message
from ari_app.storage.outbox_schema import messages, ticket_entries, tickets
from ari_app.storage.records import calls
from ari_app.storage.tickets import (
    NoSuchTeam,
    Ticket,
    close_ticket,
    list_tickets,
    open_ticket,
    show_ticket,
    write_ticket,
)
from tests.storage.admin import type_in

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CLIENT = "+79160000001"
_numbers = count(1)


@pytest.fixture(autouse=True)
def _a_team_that_makes_tickets(url: str) -> None:
    yes = "1" if url.startswith("sqlite") else "TRUE"
    type_in(
        url,
        f"INSERT INTO teams (name, makes_tickets, tickets_an_hour) VALUES ('Sales', {yes}, 2)",
        "INSERT INTO teams (name) VALUES ('Quiet')",
    )


def missed(engine: sa.Engine, client: str | None = CLIENT, team: str = "Sales") -> MessageRow:
    """The outbox's row of a missed call."""
    call_id = f"call-{next(_numbers)}"
    intent = Intent(
        key=call_id,
        kind=MessageKind.MISSED_CALL_TICKET,
        channel=Channel.TICKET,
        audience=Audience.SYSTEM,
        recipient=team,
        text=f"Missed {call_id}",
        subject="Missed call",
        due_at=NOW,
        expires_at=NOW + timedelta(hours=24),
        client=client,
        team=team,
        call_id=call_id,
    )
    with writing(engine).begin() as connection:
        opened = {"id": call_id, "arrived_at": NOW, "caller_raw": "", "dialled_raw": "", "channel": ""}
        connection.execute(sa.insert(calls), opened)
        (message_id,) = take_in(connection, [intent], NOW)
        return as_message(connection.execute(sa.select(messages).where(messages.c.id == message_id)).one())


def write(engine: sa.Engine, message: MessageRow, at: datetime = NOW) -> Accepted | Refused:
    with writing(engine).begin() as connection:
        return write_ticket(connection, message, at)


def found(engine: sa.Engine) -> list[Ticket]:
    """Every ticket with its entries, the first one first."""
    with engine.connect() as connection:
        listed = [show_ticket(connection, each.id) for each in reversed(list_tickets(connection))]
    return [each for each in listed if each is not None]


@pytest.mark.promise("POL-04")
def test_a_missed_call_is_written_to_the_clients_open_ticket(engine: sa.Engine) -> None:
    with writing(engine).begin() as connection:
        theirs = open_ticket(connection, NOW, team="Quiet", client=CLIENT, subject="Order 7", external_id="HD-7")
        open_ticket(connection, NOW, team="Quiet", client="+79160000002")
        open_ticket(connection, NOW, team="Sales", client=CLIENT)
    message = missed(engine, team="Quiet")
    assert write(engine, message) == Accepted(f"ticket {theirs}")
    (ticket, *others) = found(engine)
    assert [(entry.text, entry.call_id, entry.at) for entry in ticket.entries] == [(message.text, message.call_id, NOW)]
    assert (ticket.kind, ticket.external_id) == ("given", "HD-7")
    assert [other.entries for other in others] == [(), ()]


@pytest.mark.promise("POL-04")
def test_with_none_open_one_is_made_where_the_team_makes_them(engine: sa.Engine) -> None:
    message = missed(engine)
    assert isinstance(write(engine, message), Accepted)
    (ticket,) = found(engine)
    assert (ticket.team, ticket.client, ticket.kind, ticket.state) == ("Sales", CLIENT, "missed_call", "open")
    assert (ticket.subject, ticket.opened_at) == ("Missed call", NOW)
    again = missed(engine)
    write(engine, again)
    (ticket,) = found(engine)
    assert [entry.call_id for entry in ticket.entries] == [message.call_id, again.call_id]


@pytest.mark.promise("POL-04")
def test_with_the_teams_option_off_none_is_made(engine: sa.Engine) -> None:
    refused = write(engine, missed(engine, team="Quiet"))
    assert refused == Refused("the client has no open ticket, and team 'Quiet' makes none of missed calls")
    assert found(engine) == []


@pytest.mark.promise("POL-04")
def test_a_closed_ticket_is_closed(engine: sa.Engine) -> None:
    write(engine, missed(engine))
    (first,) = found(engine)
    with writing(engine).begin() as connection:
        assert close_ticket(connection, first.id, NOW)
        assert not close_ticket(connection, first.id, NOW)
    write(engine, missed(engine))
    assert [ticket.state for ticket in found(engine)] == ["closed", "open"]


@pytest.mark.promise("POL-04")
def test_a_team_makes_so_many_an_hour_and_no_more(engine: sa.Engine) -> None:
    with writing(engine).begin() as connection:
        for number in ("+79160000021", "+79160000022"):
            open_ticket(connection, NOW, team="Sales", client=number)  # those that people open do not count
    for number in ("+79160000011", "+79160000012"):
        assert isinstance(write(engine, missed(engine, number)), Accepted)
    third = missed(engine, "+79160000013")
    refused = write(engine, third, NOW + timedelta(minutes=59))
    assert refused == Refused("team 'Sales' makes 2 tickets an hour at most, and has made 2")
    assert isinstance(write(engine, missed(engine, "+79160000012")), Accepted), "to an open one it is written"
    assert isinstance(write(engine, third, NOW + timedelta(hours=1)), Accepted)


@pytest.mark.promise("POL-04")
def test_a_call_is_on_a_ticket_once(engine: sa.Engine) -> None:
    message = missed(engine)
    first = write(engine, message)
    assert write(engine, message) == first
    (ticket,) = found(engine)
    assert len(ticket.entries) == 1
    with writing(engine).begin() as connection:
        close_ticket(connection, ticket.id, NOW)
    assert write(engine, message) == first, "not on another one either, once that is closed"


def test_what_cannot_be_written_is_refused_with_the_reason(engine: sa.Engine) -> None:
    assert write(engine, replace(missed(engine), team="Gone")) == Refused("there is no team 'Gone' any more")
    assert write(engine, missed(engine, client=None)) == Refused("the client is not known")
    with pytest.raises(NoSuchTeam, match="there is no team 'Gone'"), writing(engine).begin() as connection:
        open_ticket(connection, NOW, team="Gone", client=CLIENT)


@pytest.mark.promise("POL-04")
def test_many_at_a_time_keep_to_the_limit_and_make_no_ticket_twice(engine: sa.Engine) -> None:
    """Eight senders at once: ten calls of two clients, and one of a third, whom the limit leaves without a ticket."""
    clients = ["+79160000011"] * 5 + ["+79160000012"] * 5
    rows = [missed(engine, client) for client in clients]
    with ThreadPoolExecutor(8) as senders:
        outcomes = list(senders.map(lambda row: write(engine, row), [*rows, *rows]))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(tickets)) == 2
        assert connection.scalar(sa.select(sa.func.count()).select_from(ticket_entries)) == 10
    others = [missed(engine, f"+7916000002{last}") for last in range(8)]
    with ThreadPoolExecutor(8) as senders:
        outcomes = list(senders.map(lambda row: write(engine, row), others))
    assert all(isinstance(outcome, Refused) for outcome in outcomes)


def test_many_new_clients_at_a_time_keep_to_the_limit(engine: sa.Engine) -> None:
    rows = [missed(engine, f"+7916000003{last}") for last in range(8)]
    with ThreadPoolExecutor(8) as senders:
        outcomes = list(senders.map(lambda row: write(engine, row), rows))
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 2


def test_tickets_are_found_by_team_client_and_state(engine: sa.Engine) -> None:
    with writing(engine).begin() as connection:
        first = open_ticket(connection, NOW, team="Sales", client=CLIENT)
        second = open_ticket(connection, NOW + timedelta(hours=1), team="Quiet", client="+79160000002")
        close_ticket(connection, first, NOW)

        def ids(**wanted: str) -> list[int]:
            return [ticket.id for ticket in list_tickets(connection, **wanted)]  # type: ignore[arg-type]

        assert ids() == [second, first]
        assert ids(team="Sales") == ids(client=CLIENT) == ids(state="closed") == [first]
        assert ids(team="Sales", state="open") == []
        assert show_ticket(connection, 999) is None

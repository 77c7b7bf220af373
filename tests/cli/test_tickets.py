"""`tickets`: what clients and teams are still about."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli

CLIENT = "+79160000001"
OPEN = ("tickets", "open", "--team", "Demo support", "--client")


@pytest.mark.promise("POL-04")
def test_a_ticket_is_opened_found_shown_and_closed(cli: Cli) -> None:
    made = cli.json(*OPEN, "8 916 000-00-01", "--subject", "Order 7", "--external-id", "HD-7")
    assert (made["client"], made["team"], made["state"], made["kind"]) == (CLIENT, "Demo support", "open", "given")
    assert cli(*OPEN, "+79160000002").stdout == "Ticket 2 is open.\n"
    assert [ticket["id"] for ticket in cli.json("tickets", "list")["tickets"]] == [2, 1]
    assert [ticket["id"] for ticket in cli.json("tickets", "list", "--client", CLIENT)["tickets"]] == [1]
    assert cli.json("tickets", "list", "--team", "Demo sales")["tickets"] == []
    assert cli("tickets", "close", "1").stdout == "Ticket 1 is closed.\n"
    assert [ticket["id"] for ticket in cli.json("tickets", "list", "--open")["tickets"]] == [2]
    closed = cli.json("tickets", "show", "1")
    assert closed["state"] == "closed"
    assert closed["closed_at"]
    assert closed["entries"] == []


def test_people_read_a_ticket(cli: Cli) -> None:
    cli(*OPEN, CLIENT, "--subject", "Order 7")
    cli.sql(
        "INSERT INTO ticket_entries (ticket_id, at, text) VALUES (1, '2026-03-02 09:00:00.000000', 'Missed at 12:00')"
    )
    told = cli("tickets", "show", "1").stdout
    assert f"Ticket 1 of {CLIENT}, team Demo support: open" in told
    assert "subject: Order 7" in told
    assert "2026-03-02 09:00  Missed at 12:00" in told
    listed = cli("tickets", "list").stdout
    assert CLIENT in listed
    assert "Order 7" in listed
    assert cli("tickets", "list", "--client", "+79160000009").stdout == "No such tickets.\n"


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (("tickets", "show", "9"), "there is no ticket 9; ari-app tickets list shows those there are"),
        (("tickets", "close", "9"), "there is no ticket 9"),
        (("tickets", "open", "--team", "Nobody", "--client", CLIENT), "there is no team 'Nobody'"),
        ((*OPEN, "nonsense"), "'nonsense' is not a telephone number"),
        (("tickets", "list", "--client", "nonsense"), "'nonsense' is not a telephone number"),
    ],
)
def test_what_cannot_be_done_is_told(cli: Cli, command: tuple[str, ...], complaint: str) -> None:
    assert complaint in cli(*command, code=1).stderr


def test_an_id_of_the_helpdesk_is_used_once(cli: Cli) -> None:
    cli(*OPEN, CLIENT, "--external-id", "HD-7")
    told = cli(*OPEN, "+79160000002", "--external-id", "HD-7", code=1).stderr
    assert "the helpdesk's id is another ticket's already" in told
    assert len(cli.json("tickets", "list")["tickets"]) == 1


@pytest.mark.promise("UIS-11")
def test_each_command_asks_for_its_right(cli: Cli) -> None:
    cli(*OPEN, CLIENT)
    cli.sql("INSERT INTO users (name) VALUES ('anna')")
    for command, right in (
        (("tickets", "list"), "view"),
        (("tickets", "show", "1"), "view"),
        ((*OPEN, "+79160000002"), "create"),
        (("tickets", "close", "1"), "edit"),
    ):
        assert f"anna may not {right} tickets" in cli(*command, "--as", "anna", code=1).stderr
    cli.sql("INSERT INTO grants (user_id, subject, \"right\") SELECT id, 'tickets', 'view' FROM users")
    assert len(cli.json("tickets", "list", "--as", "anna")["tickets"]) == 1

"""``ari-app clients``: how clients are reached, what they refuse, and all that is known of one, given out or erased."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, TextIO

import click
from rich.table import Table

from ari_app.cli.desks import Counter, ask_first, counter_options, yes_option
from ari_app.cli.faults import EXIT_NO
from ari_app.cli.kinds import choice
from ari_app.cli.screen import clean, count, json_option, print_json, screen, table, utc
from ari_app.core.messages import Channel, MessageKind
from ari_app.desk.clients import ClientDesk, ClientEdit, Known
from ari_app.desk.consent import ConsentDesk, Line, Refusal
from ari_app.desk.erasure import Erasure, ErasureDesk

CHANNEL = click.option("--channel", type=choice(Channel), help="This channel alone; all of them unless given.")
KIND = click.option("--kind", type=choice(MessageKind), metavar="KIND", help="This kind alone; all unless given.")
BULK = click.option("--advertising", "bulk_only", is_flag=True, help="Advertising to many, and nothing else.")


@click.group(short_help="What clients refuse; their data, given out or erased.")
def clients() -> None:
    """Clients, by their number: how they are reached, what they refuse, all that is known of one.

    \b
    Examples:
      ari-app clients show +79160000001
      ari-app clients refuse +79160000001 --channel sms
      ari-app clients export +79160000001 > client.json
      ari-app clients erase +79160000001
    """


@clients.command()
@click.argument("number")
@json_option
@counter_options
def show(*, number: str, as_json: bool, counter: Counter) -> None:
    """Show how a client is reached, what they refuse, and how much is known of them.

    \b
    Example:
      ari-app clients show +79160000001
    """
    with counter.looking() as (connection, actor):
        known = ClientDesk(connection, actor, counter.terms).show(number)
        refused = ConsentDesk(connection, actor, counter.terms).list(number)
    if as_json:
        print_json(asdict(known) | {"refused": [one.as_row() for one in refused]})
        return
    head = Table.grid(padding=(0, 2))
    for what, value in _told(known):
        head.add_row(clean(what, "dim"), clean(value))
    for one in refused:
        head.add_row(clean("refuses", "dim"), clean(f"{one.opt_out} ({one.source or 'unknown source'}, {utc(one.at)})"))
    screen().print(head)


def _told(known: Known) -> Iterable[tuple[str, str]]:
    card = known.card
    yield "client", f"{card.client} {card.name}".strip()
    yield "e-mail", card.email or "not known"
    yield "push", "known" if card.push else "not known"
    last = f", the last {utc(known.last_call_at)}" if known.last_call_at else ""
    yield "calls", f"{known.calls}{last}; {count(known.recordings, 'recording')}"
    yield "messages", f"{known.messages} to them or about them; {count(known.texts, 'text')} of theirs"
    yield "tickets", str(known.tickets)
    if not known.refusals:
        yield "refuses", "nothing"


@clients.command("set")
@click.argument("number")
@click.option("--name", help="How messages call them: {name}.")
@click.option("--email", help='Their e-mail address; "" takes it away.')
@click.option("--push", help="Their browser's push subscription, JSON.")
@counter_options
def set_client(*, number: str, counter: Counter, **given: Any) -> None:
    """Keep how a client is called and reached beside their number.

    \b
    Example:
      ari-app clients set +79160000001 --name Anna --email anna@example.com
    """
    edit = ClientEdit(**given)
    if edit == ClientEdit():
        raise click.UsageError("say what shall be kept: --name, --email or --push")
    with counter.changing() as (connection, actor):
        card = ClientDesk(connection, actor, counter.terms).set(number, edit)
    screen().print(
        clean(f"client {card.client} is kept: {card.name or 'no name'}, {card.email or 'no e-mail address'}")
    )


@clients.command()
@click.argument("number", required=False)
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
@json_option
@counter_options
def refusals(*, number: str | None, limit: int, as_json: bool, counter: Counter) -> None:
    """List what clients refuse, or what NUMBER does, the latest first.

    \b
    Examples:
      ari-app clients refusals
      ari-app clients refusals --json | jq -r '.refusals[].client'
    """
    with counter.looking() as (connection, actor):
        found = ConsentDesk(connection, actor, counter.terms).list(number, limit=limit)
    if as_json:
        print_json({"refusals": [one.as_row() for one in found]})
    else:
        screen().print(_table(found) if found else "Nobody has refused anything.")


def _table(found: list[Refusal]) -> Table:
    shown = table("client", "refuses", "known by", "since (UTC)")
    for one in found:
        shown.add_row(one.opt_out.client, clean(one.opt_out), clean(one.source), f"{one.at:%Y-%m-%d %H:%M}")
    return shown


@clients.command()
@click.argument("number", required=False)
@CHANNEL
@KIND
@BULK
@click.option("--from-file", type=click.File("r", encoding="utf-8-sig"), help="CSV: client,channel,kind,bulk_only.")
@counter_options
def refuse(*, number: str | None, from_file: TextIO | None, counter: Counter, **what: Any) -> None:
    """Keep that a client wants no messages: none at all, or none of a channel, of a kind, no advertising.

    Only the client can overrule it. A list from elsewhere is taken in whole or not at all.

    \b
    Examples:
      ari-app clients refuse +79160000001
      ari-app clients refuse +79160000001 --channel sms --advertising
      ari-app clients refuse --from-file refusals.csv
    """
    if (number is None) == (from_file is None):
        raise click.UsageError("give the client's number, or a list: --from-file FILE")
    with counter.changing() as (connection, actor):
        desk = ConsentDesk(connection, actor, counter.terms)
        if from_file is None:
            one = desk.refuse(number or "", what["channel"], what["kind"], bulk_only=what["bulk_only"])
            told = f"{one.client} refuses {one}"
        else:
            new = desk.take_in(_lines(from_file), from_file.name)
            told = f"{count(new, 'refusal')} taken in from {from_file.name}"
    screen().print(clean(told))


def _lines(file: TextIO) -> list[Line]:
    """The rows of a list, with or without a head."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]
    if rows and rows[0][0].lower() == "client":
        rows = rows[1:]
    return [Line(*row[:4]) for row in rows]


@clients.command()
@click.argument("number")
@CHANNEL
@KIND
@BULK
@counter_options
def allow(*, number: str, channel: Channel | None, kind: MessageKind | None, bulk_only: bool, counter: Counter) -> None:
    """Keep that a client wants messages again: exactly that refusal goes, or all of theirs.

    \b
    Examples:
      ari-app clients allow +79160000001
      ari-app clients allow +79160000001 --channel sms
    """
    with counter.changing() as (connection, actor):
        gone = ConsentDesk(connection, actor, counter.terms).allow(number, channel, kind, bulk_only=bulk_only)
    if not gone:
        screen().print("There was no such refusal.")
        raise click.exceptions.Exit(EXIT_NO)
    screen().print(clean(f"{gone[0].client} does not refuse any more: {'; '.join(map(str, gone))}"))


@clients.command()
@click.argument("number")
@counter_options
def export(*, number: str, counter: Counter) -> None:
    """Print everything that is kept of a client, as JSON: rows by table, names of recordings.

    \b
    Example:
      ari-app clients export +79160000001 > client.json
    """
    with counter.changing() as (connection, actor):
        print_json(ClientDesk(connection, actor, counter.terms).export(number))


@clients.command()
@click.argument("number")
@click.option("--keep-refusals", is_flag=True, help="Keep what they have refused, and so the number there alone.")
@yes_option
@json_option
@counter_options
def erase(*, number: str, keep_refusals: bool, yes: bool, as_json: bool, counter: Counter) -> None:
    """Erase a client: texts, recordings, addresses, names; a random name stands for the number in what can be counted.

    Messages that wait are cancelled. Afterwards every table is searched, and what was found is printed: exit code 1 if
    the number still stands anywhere.

    \b
    Examples:
      ari-app clients erase +79160000001
      ari-app clients erase +79160000001 --keep-refusals --yes --json > proof.json
    """

    def gone(confirmed: bool) -> Erasure:
        with counter.changing() as (connection, actor):
            desk = ErasureDesk(connection, actor, counter.terms)
            return desk.erase(number, keep_refusals=keep_refusals, confirmed=confirmed)

    done = ask_first(yes, gone)
    with counter.looking() as (connection, actor):
        traces = ErasureDesk(connection, actor, counter.terms).traces(number)
    if as_json:
        print_json(asdict(done) | {"traces": traces})
    else:
        _print_proof(done, traces)
    left = set(traces) - ({"opt_outs.client"} if keep_refusals else set())
    if left:
        raise click.exceptions.Exit(EXIT_NO)


def _print_proof(done: Erasure, traces: dict[str, int]) -> None:
    if done.nothing:
        screen().print("There was nothing of this client's.")
    else:
        rows = ", ".join(f"{table} {n}" for table, n in done.rows.items() if n)
        screen().print(clean(f"erased {utc(done.at)} by {done.by}; {done.pseudonym} stands for the client"))
        screen().print(clean(f"rows: {rows or 'none'}; {count(done.cancelled, 'queued message')} cancelled"))
        screen().print(clean(f"recordings removed: {', '.join(done.recordings) or 'none'}"))
    found = "; ".join(f"{place}: {n}" for place, n in traces.items())
    screen().print(clean(f"the number still stands in {found}" if found else "the number stands in no column any more"))

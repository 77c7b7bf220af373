"""``ari-app messages send``: messages by hand and advertising, to one client or to many."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import click

from ari_app.cli.desks import Counter, ask_first, counter_options, yes_option
from ari_app.cli.faults import EXIT_NO
from ari_app.cli.kinds import choice
from ari_app.cli.moments import MomentError, moment_at
from ari_app.cli.screen import count, json_option, print_json, screen, utc
from ari_app.core.messages import Channel
from ari_app.desk.by_hand import CHANNELS, Answer, HandDesk, Handwritten

CLIENTS_AT_ONCE = 1000


@click.command()
@click.option("--to", "clients", metavar="NUMBER", multiple=True, help="A client; one or more.")
@click.option(
    "--to-file", type=click.File("r", encoding="utf-8"), help="A file of clients, a number a line; - is stdin."
)
@click.option("--text", default="", help="What they read; {name}, {company} and more are put in.")
@click.option(
    "--channel", "channels", type=choice(Channel, CHANNELS), multiple=True, help="One or more  [default: sms]"
)
@click.option("--all-channels", is_flag=True, help="By SMS, e-mail and push, as far as each is reached by them.")
@click.option("--subject", default="", help="Of an e-mail; title of a push message.")
@click.option(
    "--at", metavar="TIME", help="When: 11:30, sat 11:30, 2026-01-31T11:30; in the zone of the sending hours."
)
@click.option("--advertising", is_flag=True, help="Advertising, which clients may refuse by itself.")
@click.option("--team", metavar="NAME", help="Whom it is from.")
@click.option("--item", metavar="ID", help="What it is about: the other system's id.")
@click.option("--reference", default="", metavar="WORD", help="The same one is never sent twice to a client.")
@yes_option
@json_option
@counter_options
def send(*, yes: bool, as_json: bool, counter: Counter, **given: Any) -> None:
    """Write to one client or to many, over one channel or several, now or at a time.

    It goes within the sending hours. What a client has refused is left out, and said; exit code 1 when nobody is left.

    \b
    Examples:
      ari-app messages send --to +79160000001 --text "Your order is ready. {company}"
      ari-app messages send --to-file all.txt --all-channels --at "sat 11:30" --text "New"
      ari-app messages send --to-file all.txt --advertising --text "Sale! Or reply STOP"
    """
    written = _written(counter, **given)

    def queue(confirmed: bool) -> list[Answer]:
        with counter.looking() as (connection, actor):
            HandDesk(connection, actor, counter.terms).check(written, confirmed=confirmed)
        return [answer for part in _parts(written) for answer in _queue(counter, part)]

    answers = ask_first(yes, queue)
    queued = [one for one in answers if one.message_id is not None]
    if as_json:
        print_json({"queued": len(queued), "messages": [asdict(one) for one in answers]})
    else:
        _tell(answers, queued)
    if not queued:
        raise click.exceptions.Exit(EXIT_NO)


def _parts(written: Handwritten) -> Iterator[Handwritten]:
    """So many clients at a time that the controller, which writes to the same database, need not wait."""
    for start in range(0, len(written.clients), CLIENTS_AT_ONCE):
        yield replace(written, clients=written.clients[start : start + CLIENTS_AT_ONCE])


def _queue(counter: Counter, written: Handwritten) -> list[Answer]:
    with counter.changing() as (connection, actor):
        return HandDesk(connection, actor, counter.terms).send(written, confirmed=True)


def _written(counter: Counter, **given: Any) -> Handwritten:
    if given["channels"] and given["all_channels"]:
        raise click.UsageError("give --channel or --all-channels, not both")
    channels = CHANNELS if given["all_channels"] else given["channels"] or (Channel.SMS,)
    listed = [line.split("#")[0].strip() for line in given["to_file"] or ()]
    clients = (counter.terms.number(one) or one for one in (*given["clients"], *filter(None, listed)))
    return Handwritten(
        tuple(dict.fromkeys(clients)),
        given["text"],
        tuple(channels),
        given["subject"],
        _moment(given["at"], counter),
        given["advertising"],
        given["team"],
        given["item"],
        # One for all parts: nobody gets it twice, whatever is written twice.
        given["reference"] or secrets.token_hex(16),
    )


def _moment(at: str | None, counter: Counter) -> datetime | None:
    if at is None:
        return None
    try:
        return moment_at(at, counter.terms.deployment.window.zone, datetime.now(UTC))
    except (MomentError, OverflowError) as error:
        raise click.UsageError(str(error)) from None


def _tell(answers: list[Answer], queued: list[Answer]) -> None:
    for one in answers:
        if one.refusal is not None:
            click.secho(f"not to {one.client} by {one.channel}: {one.refusal}", fg="yellow", err=True)
    if queued and queued[0].due_at:
        ids = f"{queued[0].message_id}" if len(queued) == 1 else f"{queued[0].message_id} to {queued[-1].message_id}"
        screen().print(f"{count(len(queued), 'message')} queued (id {ids}), due {utc(queued[0].due_at)}")
    else:
        screen().print("Nothing is queued.")

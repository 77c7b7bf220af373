"""``ari-app messages send``: messages by hand and advertising, to one client or to many."""

from __future__ import annotations

from dataclasses import asdict
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
        with counter.changing() as (connection, actor):
            return HandDesk(connection, actor, counter.terms).send(written, confirmed=confirmed)

    answers = ask_first(yes, queue)
    queued = [one for one in answers if one.message_id is not None]
    if as_json:
        print_json({"queued": len(queued), "messages": [asdict(one) for one in answers]})
    else:
        _tell(answers, queued)
    if not queued:
        raise click.exceptions.Exit(EXIT_NO)


def _written(counter: Counter, **given: Any) -> Handwritten:
    if given["channels"] and given["all_channels"]:
        raise click.UsageError("give --channel or --all-channels, not both")
    channels = CHANNELS if given["all_channels"] else given["channels"] or (Channel.SMS,)
    listed = [line.split("#")[0].strip() for line in given["to_file"] or ()]
    return Handwritten(
        (*given["clients"], *filter(None, listed)),
        given["text"],
        tuple(channels),
        given["subject"],
        _moment(given["at"], counter),
        given["advertising"],
        given["team"],
        given["item"],
        given["reference"],
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

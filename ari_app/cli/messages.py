"""``ari-app messages``: the one history of what was sent, what may be done about it, and messages by hand."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ari_app.cli.desks import Counter, counter_options
from ari_app.cli.kinds import SINCE, UNTIL, choice, number_of
from ari_app.cli.message_sending import send
from ari_app.cli.screen import clean, is_narrow, json_option, print_json, screen, table, utc
from ari_app.core.delivery import State
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.desk.messages import MOST_A_PAGE, MessageDesk, MessageStory
from ari_app.storage.message_history import Message, Sought

STYLES = {
    "queued": "cyan",
    "sending": "cyan",
    "sent": "green",
    "delivered": "bold green",
    "unknown": "yellow",
    "undelivered": "bold red",
    "failed": "bold red",
}


@click.group(short_help="What was sent: list, show, cancel, retry; send by hand.")
def messages() -> None:
    """Messages to clients, staff and admins: one history of them all, and messages by hand.

    \b
    Examples:
      ari-app messages list --state failed --since 24h
      ari-app messages show last
      ari-app messages send --to +79160000001 --text "Your order is ready. {company}"
    """


@messages.command("list")
@click.option("--client", metavar="NUMBER", help="Only those that concern this client.")
@click.option("--recipient", metavar="ADDRESS", help="Only those that went to this number or address.")
@click.option("--number", "dialled", metavar="NUMBER", help="Only those of calls to this number of the company's.")
@click.option("--call", "call_id", metavar="ID", help="Only those of this call.")
@click.option("--rule", metavar="NAME", help="Only those of this rule.")
@click.option("--kind", type=choice(MessageKind), metavar="KIND", help="Only of this kind: apology, by_hand ...")
@click.option("--channel", type=choice(Channel), help="Only over this channel.")
@click.option("--state", type=choice(State), metavar="STATE", help="Only in this state: queued, sent, failed ...")
@click.option("--audience", type=choice(Audience), help="Only those for these.")
@click.option("--team", metavar="NAME", help="Only those of this team.")
@click.option("--item", metavar="ID", help="Only those about this item.")
@click.option("--by", "asked_by", metavar="USER", help="Only those that this user asked for.")
@SINCE
@UNTIL
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, MOST_A_PAGE), help="A page has so many.")
@click.option("--page", "cursor", metavar="CURSOR", help="The page after the one that ended by naming this.")
@json_option
@counter_options
def list_messages(*, limit: int, cursor: str | None, as_json: bool, counter: Counter, **given: Any) -> None:
    """List messages, the latest first, page by page. Times are UTC.

    \b
    Examples:
      ari-app messages list
      ari-app messages list --client +79160000001 --since 7d
      ari-app messages list --audience staff --channel email
      ari-app messages list --state unknown --json | jq -r '.messages[].id'
    """
    for name in ("client", "dialled"):
        given[name] = number_of(given[name], counter.settings)
    sought = Sought(**{one.name: given[one.name] for one in fields(Sought)})
    with counter.looking() as (connection, actor):
        found = MessageDesk(connection, actor, counter.terms).list(sought, limit=limit, cursor=cursor)
    if as_json:
        print_json({"messages": [asdict(one) for one in found.messages], "next": found.next})
        return
    screen().print(_table(found.messages) if found.messages else "No such messages.")
    if found.next:
        click.echo(f"There are more: --page {found.next}", err=True)


def _table(found: tuple[Message, ...]) -> Table:
    narrow = is_narrow()
    more = () if narrow else ("parts", "rule or user", "why")
    shown = table("id", "taken in (UTC)", "kind", "channel", "to", *more, "state", right=("id", "parts"))
    for one in found:
        source = one.rule or one.asked_by or ""
        shown.add_row(
            str(one.id),
            f"{one.created_at:%m-%d %H:%M:%S}" if narrow else f"{one.created_at:%Y-%m-%d %H:%M:%S}",
            clean(one.kind.replace("_", " ")),
            clean(one.channel),
            clean(_recipient(one, 16 if narrow else 40)),
            *(() if narrow else (str(one.parts), clean(source), clean(one.reason))),
            clean(one.state, STYLES.get(one.state, "dim")),
        )
    return shown


def _recipient(one: Message, room: int) -> str:
    """Where it went; a push subscription is long and says nothing, so the client stands for it."""
    whom = one.client or "" if one.channel == Channel.PUSH else one.recipient
    return whom if len(whom) <= room else f"{whom[: room - 1]}…"


class MessageId(click.ParamType[int]):
    """A message's id, or "last"."""

    name = "ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The id; 0 for the last."""
        if value == "last":
            return 0
        try:
            return int(value)
        except ValueError:
            self.fail(f'{value!r} is no id of a message; ids are numbers, as in ari-app messages list, or "last"')


@messages.command()
@click.argument("message_id", metavar="ID", type=MessageId())
@json_option
@counter_options
def show(*, message_id: int, as_json: bool, counter: Counter) -> None:
    """Show a message with its text, what became of it step by step, and the call that brought it.

    ID is the message's id, or "last".

    \b
    Examples:
      ari-app messages show last
      ari-app messages show 12 --json | jq -r '.events[].state'
    """
    with counter.looking() as (connection, actor):
        desk = MessageDesk(connection, actor, counter.terms)
        found = desk.show(message_id or desk.latest())
    if as_json:
        call = asdict(found.call) if found.call else None
        print_json({"message": asdict(found.message), "events": [asdict(one) for one in found.events], "call": call})
    else:
        print_message(screen(), found)


def print_message(out: Console, found: MessageStory) -> None:
    """One message for people."""
    one = found.message
    head = Table.grid(padding=(0, 2))
    for what, value in (
        ("message", f"{one.id}, {one.kind.replace('_', ' ')} by {one.channel}"),
        ("to", f"{one.audience} {_recipient(one, 60)}"),
        ("taken in", utc(one.created_at)),
        ("due", f"{utc(one.due_at)}, not after {utc(one.expires_at)}"),
        ("state", f"{one.state}: {one.reason}" if one.reason else one.state),
        ("rule", one.rule or ""),
        ("by", one.asked_by),
        ("team", one.team or ""),
        ("item", one.item or ""),
        ("gateway", " ".join(filter(None, (one.gateway, one.gateway_id)))),
        ("call", f"{found.call.id}, from {found.call.caller or 'anonymous'}" if found.call else ""),
        ("subject", one.subject),
    ):
        if value:
            head.add_row(clean(what, "dim"), clean(value))
    out.print(head)
    out.print()
    for line in one.text.splitlines():
        out.print(clean(line))
    if found.events:
        out.print()
    for event in found.events:
        why = f": {event.reason}" if event.reason else ""
        through = f" ({event.gateway})" if event.gateway else ""
        out.print(clean(f"{utc(event.at)}  {event.state}{through}{why}"))


@messages.command()
@click.argument("message_id", metavar="ID", type=click.IntRange(1))
@counter_options
def cancel(*, message_id: int, counter: Counter) -> None:
    """Cancel a message that waits to be sent.

    \b
    Example:
      ari-app messages cancel 12
    """
    with counter.changing() as (connection, actor):
        MessageDesk(connection, actor, counter.terms).cancel(message_id)
    screen().print(f"message {message_id} is cancelled")


@messages.command()
@click.argument("message_id", metavar="ID", type=click.IntRange(1))
@counter_options
def retry(*, message_id: int, counter: Counter) -> None:
    """Send a message again that is known to have failed or not to have been delivered.

    One whose outcome is unknown may have arrived, and is never sent again.

    \b
    Example:
      ari-app messages retry 12
    """
    with counter.changing() as (connection, actor):
        again = MessageDesk(connection, actor, counter.terms).retry(message_id)
    screen().print(f"message {message_id} is queued again, due {utc(again.due_at)}")


@messages.command()
@SINCE
@UNTIL
@json_option
@counter_options
def stats(*, since: datetime | None, until: datetime | None, as_json: bool, counter: Counter) -> None:
    """Count messages by kind, channel and state, and say what the SMS sent have cost.

    \b
    Examples:
      ari-app messages stats --since 7d
      ari-app messages stats --since 2026-01-01 --until 2026-02-01 --json
    """
    with counter.looking() as (connection, actor):
        sums = MessageDesk(connection, actor, counter.terms).stats(since, until)
    if as_json:
        told: dict[str, Any] = {"since": since, "until": until, "messages": sums.messages()}
        told |= {"cost": str(sums.cost), "currency": sums.currency, "counts": [asdict(one) for one in sums.counts]}
        print_json(told)
        return
    shown = table("kind", "channel", "state", "messages", "parts", right=("messages", "parts"))
    for one in sums.counts:
        state = clean(one.state, STYLES.get(one.state, "dim"))
        shown.add_row(clean(one.kind.replace("_", " ")), one.channel, state, str(one.messages), str(one.parts))
    screen().print(shown if sums.counts else "No messages in that time.")
    if sums.cost:
        screen().print(clean(f"SMS have cost {sums.cost} {sums.currency}".rstrip()))


messages.add_command(send)

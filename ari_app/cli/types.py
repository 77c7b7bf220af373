"""``ari-app types``: each team's automatic messages, with their texts, optional parts and switches."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ari_app.cli.desks import Command, Counter, ask_first, counter_options, yes_option
from ari_app.cli.kinds import choice
from ari_app.cli.screen import clean, is_narrow, json_option, print_json, screen, table
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.desk.message_types import AUDIENCES, CHANNELS, TYPES, SavedType, TypeDesk, TypeEdit, TypeKey, TypeRow


def _which(command: Command) -> Command:
    """How a message type is named."""
    for option in (
        click.option("--channel", type=choice(Channel, CHANNELS), default="sms", show_default=True, help="By what."),
        click.option("--audience", type=choice(Audience, AUDIENCES), default="client", show_default=True, help="Whom."),
        click.argument("kind", type=choice(MessageKind, TYPES), metavar="KIND"),
        click.argument("team"),
    ):
        command = option(command)
    return command


@click.group(short_help="Automatic messages of teams: list, set, switch.")
def types() -> None:
    """Message types: what a team sends of itself when a call ends, a voicemail is left, an item is near.

    The kinds, and what brings each, are in docs/messages.md. A team has one message for each
    kind, audience and channel.

    \b
    Examples:
      ari-app types list --team Sales
      ari-app types set Sales missed --text "Sorry, we missed your call" --with-company
      ari-app types off Sales missed
    """


@types.command("list")
@click.option("--team", metavar="NAME", help="Only those of this team.")
@click.option("--kind", type=choice(MessageKind, TYPES), metavar="KIND", help="Only those of this kind.")
@json_option
@counter_options
def list_types(*, team: str | None, kind: MessageKind | None, as_json: bool, counter: Counter) -> None:
    """List message types, switched off ones too.

    \b
    Examples:
      ari-app types list
      ari-app types list --team Sales --json | jq -r '.types[].sample'
    """
    with counter.looking() as (connection, actor):
        found = TypeDesk(connection, actor, counter.terms).list(team, kind)
    if as_json:
        print_json({"types": [asdict(row) for row in found]})
        return
    narrow = is_narrow()
    more = () if narrow else ("due", "once in", "parts")
    shown = table("team", "kind", "to", "by", "", *more, "reads", right=("parts",))
    for row in found:
        figures = (_due(row), f"{row.once_in_hours} h" if row.once_in_hours else "-", str(row.parts))
        shown.add_row(
            clean(row.team, "bold"),
            clean(row.kind.replace("_", " ")),
            row.audience,
            row.channel,
            clean("on", "green") if row.enabled else clean("off", "yellow"),
            *(() if narrow else figures),
            clean(_short(row.sample, 30 if narrow else 60)),
        )
    screen().print(shown if found else "No message types yet; make one: ari-app types set TEAM KIND --text TEXT")


def _short(text: str, room: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= room else f"{line[: room - 1]}…"


def _due(row: TypeRow) -> str:
    if not row.offset_minutes:
        return "at once"
    return f"{abs(row.offset_minutes)} min {'before' if row.offset_minutes < 0 else 'after'}"


@types.command("set")
@_which
@click.option("--text", help="What is sent; a new one needs it.")
@click.option("--with-company/--without-company", default=None, help="Whether the company's name is added.")
@click.option("--with-team/--without-team", default=None, help="Whether the team's name is added.")
@click.option("--extra", help='More text, on a line of its own; "" takes it away.')
@click.option(
    "--offset", type=int, metavar="MINUTES", help="Due so long after the event, or (-) before an item's time."
)
@click.option("--once", type=int, metavar="HOURS", help="One to a recipient in so many; 0: no limit.")
@yes_option
@json_option
@counter_options
def set_type(*, team: str, kind: MessageKind, yes: bool, as_json: bool, counter: Counter, **given: Any) -> None:
    """Make the message KIND of TEAM, switched on, or change it; what is not given stays.

    \b
    Examples:
      ari-app types set Sales missed --text "Sorry, we missed your call" --with-company
      ari-app types set Sales item_reminder --offset -120 --text "We expect you: {item}"
      ari-app types set Sales voicemail_notice --audience staff --text "{caller} spoke"
    """
    key = TypeKey(team, kind, given["audience"], given["channel"])
    optional = {name: given[name] for name in ("text", "with_company", "with_team", "extra")}
    edit = TypeEdit(**optional, offset_minutes=given["offset"], once_in_hours=given["once"])

    def save(confirmed: bool) -> SavedType:
        with counter.changing() as (connection, actor):
            return TypeDesk(connection, actor, counter.terms).set(key, edit, confirmed=confirmed)

    saved = ask_first(yes, save)
    for warning in saved.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    if as_json:
        print_json({"type": asdict(saved.type), "warnings": saved.warnings})
        return
    screen().print(clean(f"{key}: saved, it is {'on' if saved.type.enabled else 'off'}. It reads:"))
    for line in saved.type.sample.splitlines():
        screen().print(clean(line))


@types.command("on")
@_which
@counter_options
def switch_on(*, team: str, kind: MessageKind, audience: Audience, channel: Channel, counter: Counter) -> None:
    """Switch the message KIND of TEAM on.

    \b
    Example:
      ari-app types on Sales missed
    """
    _switch(counter, TypeKey(team, kind, audience, channel), True)


@types.command("off")
@_which
@counter_options
def switch_off(*, team: str, kind: MessageKind, audience: Audience, channel: Channel, counter: Counter) -> None:
    """Switch the message KIND of TEAM off; it keeps its text.

    \b
    Example:
      ari-app types off Sales item_reminder --channel email
    """
    _switch(counter, TypeKey(team, kind, audience, channel), False)


def _switch(counter: Counter, key: TypeKey, enabled: bool) -> None:
    with counter.changing() as (connection, actor):
        TypeDesk(connection, actor, counter.terms).switch(key, enabled)
    screen().print(clean(f"{key}: {'on' if enabled else 'off'}"))


@types.command()
@_which
@yes_option
@counter_options
def remove(*, team: str, kind: MessageKind, yes: bool, counter: Counter, **given: Any) -> None:
    """Remove the message KIND of TEAM with its text; "off" would keep that.

    \b
    Example:
      ari-app types remove Sales missed --yes
    """
    key = TypeKey(team, kind, given["audience"], given["channel"])

    def gone(confirmed: bool) -> None:
        with counter.changing() as (connection, actor):
            TypeDesk(connection, actor, counter.terms).remove(key, confirmed=confirmed)

    ask_first(yes, gone)
    screen().print(clean(f"{key}: removed"))

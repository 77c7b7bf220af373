"""``ari-app rules``: apology rules, found, previewed, made, edited, switched and deleted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ari_app.cli.desks import Counter, ask_first, counter_options, yes_option
from ari_app.cli.screen import clean, count, is_narrow, json_option, print_json, screen, table
from ari_app.desk.base import Refused
from ari_app.desk.preview import Preview
from ari_app.desk.rules import Rule, RuleDesk, RuleDraft, RuleEdit, Saved

NUMBER = click.option("--number", "numbers", metavar="NUMBER", multiple=True, help="A dialled number; one or more.")
DELAY: Any = {"type": click.IntRange(0, 86400), "metavar": "SECONDS"}
ONCE: Any = {"type": click.IntRange(0, 8760), "metavar": "HOURS"}


@click.group(short_help="Apologies for lost calls: list, add, edit, switch, delete.")
def rules() -> None:
    """Apology rules: whose lost call brings which SMS.

    A rule has a name, the dialled numbers it is for, and the text that the caller is sent. Placeholders such as
    {company} or {number_name} are in docs/messages.md.

    \b
    Examples:
      ari-app rules add --name Sales --number +74950000101 --text "Sorry! {company}"
      ari-app rules list 495
      ari-app rules off Sales
    """


@rules.command("list")
@click.argument("search", default="")
@json_option
@counter_options
def list_rules(*, search: str, as_json: bool, counter: Counter) -> None:
    """List the rules; with SEARCH those whose name has it, or a dialled number of which it is a part.

    \b
    Examples:
      ari-app rules list
      ari-app rules list sales
      ari-app rules list 0101 --json | jq -r '.rules[].name'
    """
    with counter.looking() as (connection, actor):
        found = RuleDesk(connection, actor, counter.terms).list(search)
    if as_json:
        print_json({"rules": [asdict(rule) for rule in found]})
        return
    none = "No such rules." if search else "No rules yet; add one: ari-app rules add"
    screen().print(_table(found) if found else none)


def _table(found: list[Rule]) -> Table:
    narrow = is_narrow()
    shown = table("rule", "", "numbers", *(() if narrow else ("team", "due", "once in")), "text")
    for rule in found:
        more = (clean(rule.team or ""), f"{rule.delay_seconds} s", _once(rule)) if not narrow else ()
        some = ", ".join(rule.numbers[:2]) + (f" +{len(rule.numbers) - 2}" if len(rule.numbers) > 2 else "")
        shown.add_row(clean(rule.name, "bold"), _state(rule), clean(some), *more, clean(_short(rule.text)))
    return shown


def _state(rule: Rule) -> Any:
    return clean("on", "green") if rule.enabled else clean("off", "yellow")


def _once(rule: Rule) -> str:
    return f"{rule.once_in_hours} h" if rule.once_in_hours else "-"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:39]}…"


@rules.command()
@click.argument("name")
@json_option
@counter_options
def show(*, name: str, as_json: bool, counter: Counter) -> None:
    """Show the rule NAME with its whole text and what that takes.

    \b
    Examples:
      ari-app rules show Sales
      ari-app rules show Sales --json
    """
    with counter.looking() as (connection, actor):
        desk = RuleDesk(connection, actor, counter.terms)
        rule, trouble = desk.show(name), ""
        try:
            shown: Preview | None = desk.preview(rule.text)
        except Refused as refused:  # a text that came by plain SQL
            shown, trouble = None, str(refused)
    if as_json:
        print_json({"rule": asdict(rule), "preview": preview_json(shown) if shown else None})
    else:
        print_rule(screen(), rule, str(shown).removeprefix("takes ") if shown else trouble)


def preview_json(shown: Preview) -> dict[str, Any]:
    """The keys that ``--json`` promises of a preview; money is text, for it is no binary fraction."""
    return asdict(shown) | {"cost": str(shown.cost)}


def print_rule(out: Console, rule: Rule, takes: str) -> None:
    """One rule for people; ``takes`` is what its text takes as SMS, or what is wrong with it."""
    head = Table.grid(padding=(0, 2))
    for what, value in (
        ("rule", rule.name),
        ("state", "on" if rule.enabled else "off"),
        ("numbers", ", ".join(rule.numbers) or "none, so it is for no call"),
        ("team", rule.team or "everybody's"),
        ("due", f"{rule.delay_seconds} s after the call, within the sending hours"),
        ("once in", f"{rule.once_in_hours} h to one caller" if rule.once_in_hours else "no limit"),
        ("takes", takes),
    ):
        head.add_row(clean(what, "dim"), clean(value))
    out.print(head)
    out.print()
    for line in rule.text.splitlines():
        out.print(clean(line))


@rules.command()
@click.argument("text")
@json_option
@counter_options
def preview(*, text: str, as_json: bool, counter: Counter) -> None:
    """Tell what TEXT takes as SMS and costs, with an example for each placeholder.

    \b
    Examples:
      ari-app rules preview "Sorry we missed your call to {number_name}. {company}"
      ari-app rules preview "Извините!" --json | jq .parts
    """
    with counter.looking() as (connection, actor):
        shown = RuleDesk(connection, actor, counter.terms).preview(text)
    if as_json:
        print_json(preview_json(shown))
        return
    for line in shown.text.splitlines():
        screen().print(clean(line))
    screen().print()
    screen().print(clean(f"The text {shown}."))
    if shown.plainer:
        screen().print(clean(f"In fewer: {shown.plainer}"))


@rules.command()
@click.option("--name", default="", help="What people know it by.")
@NUMBER
@click.option("--text", default="", help="What the caller is sent.")
@click.option("--delay", default=60, show_default=True, help="How long after the call it is due.", **DELAY)
@click.option("--once", default=24, show_default=True, help="One to a caller in so many; 0: no limit.", **ONCE)
@click.option("--team", metavar="NAME", help="Whose it is; everybody's unless given.")
@click.option("--off", is_flag=True, help="Add it switched off.")
@yes_option
@json_option
@counter_options
def add(*, yes: bool, as_json: bool, counter: Counter, **given: Any) -> None:
    """Add a rule. A text of several SMS is shown, with its cost, and asked about first.

    \b
    Examples:
      ari-app rules add --name Sales --number +74950000101 --text "Sorry! {company}"
      ari-app rules add --name All --number 84950000101 --number 84950000102 --text "..."
    """
    figures = {"delay_seconds": given["delay"], "once_in_hours": given["once"]}
    draft = RuleDraft(
        given["name"], given["numbers"], given["text"], team=given["team"], enabled=not given["off"], **figures
    )

    def save(confirmed: bool) -> Saved:
        with counter.changing() as (connection, actor):
            return RuleDesk(connection, actor, counter.terms).create(draft, confirmed=confirmed)

    _told(ask_first(yes, save), "is added", as_json)


@rules.command()
@click.argument("name")
@click.option("--rename", metavar="NAME", help="Its new name.")
@NUMBER
@click.option("--text", help="What the caller is sent from now on.")
@click.option("--delay", help="How long after the call it is due.", **DELAY)
@click.option("--once", help="One to a caller in so many; 0: no limit.", **ONCE)
@click.option("--team", metavar="NAME", help='Whose it is; "" makes it everybody\'s.')
@yes_option
@json_option
@counter_options
def edit(*, name: str, yes: bool, as_json: bool, counter: Counter, **given: Any) -> None:
    """Change the rule NAME; what is not given stays. Numbers given replace those it has.

    \b
    Examples:
      ari-app rules edit Sales --text "We will call you back. {company}"
      ari-app rules edit Sales --number +74950000101 --number +74950000102
      ari-app rules edit Sales --rename "Sales, Moscow" --team ""
    """
    figures = {"delay_seconds": given["delay"], "once_in_hours": given["once"]}
    change = RuleEdit(given["rename"], given["numbers"] or None, given["text"], team=given["team"], **figures)
    if change == RuleEdit():
        raise click.UsageError("say what shall change: --text, --number, --rename, --delay, --once or --team")

    def save(confirmed: bool) -> Saved:
        with counter.changing() as (connection, actor):
            return RuleDesk(connection, actor, counter.terms).edit(name, change, confirmed=confirmed)

    _told(ask_first(yes, save), "is changed", as_json)


def _told(saved: Saved, what: str, as_json: bool) -> None:
    for warning in saved.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    if as_json:
        print_json({"rule": asdict(saved.rule), "warnings": saved.warnings})
        return
    state = "on" if saved.rule.enabled else "off"
    screen().print(clean(f"rule {saved.rule.name!r} {what}: {', '.join(saved.rule.numbers)}; it is {state}"))


@rules.command("on")
@click.argument("name")
@counter_options
def switch_on(*, name: str, counter: Counter) -> None:
    """Switch the rule NAME on.

    \b
    Example:
      ari-app rules on Sales
    """
    _switch(counter, name, True)


@rules.command("off")
@click.argument("name")
@counter_options
def switch_off(*, name: str, counter: Counter) -> None:
    """Switch the rule NAME off; it keeps its text, and messages of it that wait are not sent.

    \b
    Example:
      ari-app rules off Sales
    """
    _switch(counter, name, False)


def _switch(counter: Counter, name: str, enabled: bool) -> None:
    with counter.changing() as (connection, actor):
        rule = RuleDesk(connection, actor, counter.terms).switch(name, enabled)
    screen().print(clean(f"rule {rule.name!r} is {'on' if rule.enabled else 'off'}"))


@rules.command()
@click.argument("name")
@yes_option
@counter_options
def delete(*, name: str, yes: bool, counter: Counter) -> None:
    """Delete the rule NAME for good, after a warning; messages of it that wait are cancelled.

    \b
    Examples:
      ari-app rules delete Sales
      ari-app rules delete Sales --yes
    """

    def remove(confirmed: bool) -> int:
        with counter.changing() as (connection, actor):
            return RuleDesk(connection, actor, counter.terms).delete(name, confirmed=confirmed)

    cancelled = ask_first(yes, remove)
    screen().print(clean(f"rule {name!r} is deleted; {count(cancelled, 'queued message')} cancelled"))

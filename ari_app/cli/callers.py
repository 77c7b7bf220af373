"""``ari-app callers``: the block list, and callers whose calls go by another scheme."""

from __future__ import annotations

from pathlib import Path

import click

from ari_app.cli.desks import Counter
from ari_app.cli.screen import clean, json_option, print_json, screen, table
from ari_app.cli.site import env_file_option, settings_of
from ari_app.core.callers import CallerAction, CallerRuleDraft, rule_words
from ari_app.desk.callers import CallerDesk

NUMBER = click.option("--number", default="", metavar="NUMBER", help="For calls to this number of ours alone.")


@click.group()
def callers() -> None:
    """Refuse callers, or send their calls another way.

    Of several rules for a caller the most specific counts: a whole number, then the longest beginning; a rule for the
    dialled number goes before one for all. A rule is live for the next call within two seconds.

    \b
    Example:
      ari-app callers list
    """


@callers.command("list", short_help="List the rules.")
@json_option
@env_file_option
def list_rules(as_json: bool, env_file: Path | None) -> None:
    """List the rules by caller.

    \b
    Examples:
      ari-app callers list
      ari-app callers list --json | jq -r '.rules[].caller'
    """
    counter = Counter(settings_of(env_file), "")
    with counter.looking() as (connection, actor):
        rules = CallerDesk(connection, actor, counter.terms).list()
    if as_json:
        print_json({"rules": [rule._asdict() for rule in rules]})
        return
    shown = table("caller", "number", "what", "reason")
    for rule in rules:
        what = rule.action
        if rule.scheme:
            what = f"scheme {rule.scheme!r}" + (f", branch {rule.branch!r}" if rule.branch else "")
        shown.add_row(clean(rule.caller), clean(rule.number or "all"), clean(what), clean(rule.reason))
    screen().print(shown if rules else "There are no rules by caller.")


@callers.command("add", short_help="Refuse a caller, or send the calls another way.")
@click.argument("caller")
@NUMBER
@click.option("--answer", type=click.Choice(["busy", "decline"]), help="What the caller hears, who is refused.")
@click.option("--scheme", metavar="NAME", help="By which the caller's calls go.")
@click.option("--branch", default="", metavar="NAME", help="Its branch, whatever the hour.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for those who read a timeline.")
@env_file_option
def add(
    *, caller: str, number: str, answer: str | None, scheme: str | None, branch: str, reason: str, env_file: Path | None
) -> None:
    """Add a rule for CALLER: a number, the beginning of one and a star, or anonymous. It takes the place of another one
    for the same caller and number.

    \b
    Examples:
      ari-app callers add +79161112233 --answer busy --reason "rings every night"
      ari-app callers add "+7800*" --answer decline --number +74950000101
      ari-app callers add +79160000777 --scheme "Key accounts"
      ari-app callers add anonymous --scheme "Office Moscow" --branch Closed
    """
    if bool(answer) is bool(scheme) or (branch and not scheme):
        raise click.UsageError("say --answer busy or decline, or --scheme; --branch is one of a scheme")
    counter = Counter(settings_of(env_file), "")
    rule = CallerRuleDraft(caller, number, answer or CallerAction.SCHEME.value, scheme or "", branch, reason)
    with counter.changing() as (connection, actor):
        written = CallerDesk(connection, actor, counter.terms).put(rule)
    screen().print(clean(rule_words(written)))


@callers.command("remove", short_help="Remove a rule.")
@click.argument("caller")
@NUMBER
@env_file_option
def remove(caller: str, number: str, env_file: Path | None) -> None:
    """Remove the rule for CALLER, written as "callers list" shows it.

    \b
    Example:
      ari-app callers remove +79161112233
    """
    counter = Counter(settings_of(env_file), "")
    with counter.changing() as (connection, actor):
        CallerDesk(connection, actor, counter.terms).remove(caller, number)
    screen().print("The rule is gone.")

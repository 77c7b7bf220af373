"""``ari-app schemes export``, ``schema``, ``plan``, ``apply`` and ``copy``: schemes as text, and text as schemes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import sqlalchemy as sa

from ari_app.cli.desks import ask_first, operator, yes_option
from ari_app.cli.faults import Failed
from ari_app.cli.screen import clean, count, json_option, print_json, screen
from ari_app.cli.site import changing, env_file_option, reading, settings_of
from ari_app.core.checks import Problem, errors, problems
from ari_app.core.scheme_changes import Change, Sign
from ari_app.desk.base import Unconfirmed
from ari_app.settings import Settings
from ari_app.storage.applying import EditedMeanwhileError, carry_out, keep_others_out
from ari_app.storage.description import Description, DescriptionError, read_description
from ari_app.storage.description_schema import published
from ari_app.storage.description_writing import as_yaml, description_of
from ari_app.storage.planning import Plan, PlanError, Present, of_schemes, plan, read_present
from ari_app.storage.rows import Token
from ari_app.storage.sowing import NameMissingError
from ari_app.storage.versions import VersionNotFoundError, version_of

Command = TypeVar("Command", bound=Callable[..., Any])
EXIT_CHANGES = 3
"""There are changes, and ``--exit-code`` was given; 2 is taken by a wrong command line."""
_STYLES = {Sign.ADDED: "green", Sign.REMOVED: "red", Sign.CHANGED: "yellow"}
FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
PRUNE = click.option("--prune", is_flag=True, help="Remove the schemes that FILE does not have.")


@click.command("export", short_help="Print schemes as YAML.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--numbers", is_flag=True, help="With the numbers and callers that go by them.")
@click.option("--managers", is_flag=True, help="With the destinations of all managers.")
@click.option("--version", metavar="VERSION", help="As the one scheme was in this version; its first digits will do.")
@env_file_option
def export(names: tuple[str, ...], numbers: bool, managers: bool, version: str | None, env_file: Path | None) -> None:
    """Print the schemes called NAME, or all, as a description in YAML, with the greetings that they play.

    "schemes apply" reads it, and so does "ari-app seed". What is the default is left out.

    \b
    Examples:
      ari-app schemes export > schemes.yaml
      ari-app schemes export "Office Moscow" --numbers
      ari-app schemes export "Office Moscow" --version 36c8a0
    """
    settings = settings_of(env_file)
    if version is not None and (len(names) != 1 or numbers or managers):
        raise click.UsageError("--version is of one scheme, without its numbers: schemes export NAME --version VERSION")
    with reading(settings) as connection:
        if version is not None:
            click.echo(_old(connection, names[0], version), nl=False)
            return
        present = read_present(connection)
    chosen = [scheme_called(present, name) for name in names] or list(present.schemes.values())
    wanted = {draft.name for draft in chosen}
    listed = [entry for entry in present.numbers() if entry.scheme in wanted] if numbers else []
    for draft in chosen:
        if wrong := errors(problems(draft, settings.dial_policy)):
            click.secho(f"warning: apply will refuse it as it is: {wrong[0]}", fg="yellow", err=True)
    rules = present.configuration.callers if numbers else ()
    callers = [rule for rule in rules if rule.scheme in wanted or (not names and not rule.scheme)]
    everybody = present.configuration.managers if managers else ()
    click.echo(as_yaml(description_of(chosen, present.greetings, listed, callers, everybody)), nl=False)


def _old(connection: sa.Connection, name: str, version: str) -> str:
    try:
        return as_yaml(version_of(connection, name, version).description)
    except VersionNotFoundError as error:
        raise Failed(str(error)) from None


def scheme_called(present: Present, name: str) -> Any:
    """The scheme of this name. Raises Failed."""
    found = present.schemes.get(name)
    if found is None:
        raise Failed(f"there is no scheme {name!r}; ari-app schemes list shows those there are")
    return found


@click.command("schema", short_help="Print the JSON Schema of descriptions.")
def schema() -> None:
    """Print the JSON Schema of descriptions, by which an editor completes and checks them.

    Put it beside them; their first line, which "schemes export" writes, tells the editor.

    \b
    Example:
      ari-app schemes schema > description.schema.json
    """
    click.echo(published(), nl=False)


@click.command("plan", short_help="Say what a file would change.")
@FILE
@PRUNE
@click.option("--exit-code", is_flag=True, help=f"Exit with {EXIT_CHANGES} when there are changes.")
@json_option
@env_file_option
def plan_file(file: Path, prune: bool, exit_code: bool, as_json: bool, env_file: Path | None) -> None:
    """Say what "schemes apply" would change by FILE, a description ("-" is stdin), and change nothing.

    What FILE does not name stays as it is; of a scheme that it names it says everything. Exit code 0: it can be
    applied; 1: it has mistakes; 3: with --exit-code, it can be applied and would change something.

    \b
    Examples:
      ari-app schemes plan schemes.yaml
      ari-app schemes plan schemes.yaml --exit-code || echo "not as in the file"
    """
    settings = settings_of(env_file)
    asked = read_file(file, settings)
    with reading(settings) as connection:
        present = read_present(connection)
    planned = planned_or_failed(asked, present, settings, prune=prune)
    if as_json:
        print_json({"changes": changes_json(planned.changes), "warnings": [str(one) for one in planned.problems]})
    else:
        warn(planned.problems)
        print_changes(planned.changes)
        screen().print(_summary(planned.changes, "to"))
    if exit_code and planned.changes:
        raise click.exceptions.Exit(EXIT_CHANGES)


@click.command("apply", short_help="Change the database to what a file says.")
@FILE
@PRUNE
@yes_option
@env_file_option
def apply_file(file: Path, prune: bool, yes: bool, env_file: Path | None) -> None:
    """Change schemes, greetings and numbers to what FILE says, a description ("-" is stdin): all of it or nothing.

    A file with mistakes is refused, warnings are shown. It asks before it removes anything: a scheme, a branch, a
    step, a destination. Calls go by it within two seconds.

    \b
    Examples:
      ari-app schemes apply schemes.yaml
      ari-app schemes apply schemes.yaml --prune --yes
    """
    settings = settings_of(env_file)
    asked = read_file(file, settings)
    undertake(Undertaking(settings, "apply", str(file), lambda _: asked, prune=prune), yes)


@click.command("copy", short_help="Copy a scheme.")
@click.argument("name")
@click.argument("new")
@env_file_option
def copy(name: str, new: str, env_file: Path | None) -> None:
    """Copy the scheme called NAME to one called NEW, which lives its own life from then on. No number goes by it yet.

    \b
    Example:
      ari-app schemes copy "Office Moscow" "Office Moscow, summer"
    """

    def copied(present: Present) -> Description:
        draft = scheme_called(present, name)
        if new in present.schemes:
            raise Failed(f"there is a scheme {new!r} already; choose another name")
        return of_schemes([draft._replace(name=new)])

    undertake(Undertaking(settings_of(env_file), "copy", new, copied), yes=True)


# --- what the commands share ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Undertaking:
    """A change to be made: by which command, to what, and the description that it comes to on what is present."""

    settings: Settings
    action: str
    target: str
    description: Callable[[Present], Description]
    prune: bool = False


def undertake(what: Undertaking, yes: bool) -> Plan:
    """Plan it, show it, ask where it removes something, do it. Raises Failed."""
    shown: list[Token] = []

    def work(confirmed: bool) -> Plan:
        with changing(what.settings) as connection:
            keep_others_out(connection)
            present = read_present(connection)
            if shown and shown != [present.configuration.token]:
                raise Failed("the configuration was edited meanwhile, so nothing was changed; look at the plan again")
            planned = planned_or_failed(what.description(present), present, what.settings, prune=what.prune)
            if not shown:
                shown.append(present.configuration.token)
                warn(planned.problems)
                print_changes(planned.changes)
            if planned.removes and not confirmed:
                raise Unconfirmed("What is marked with - goes.", "Apply it?")
            if planned.changes:
                _carried_out(connection, planned, what)
            return planned

    done = ask_first(yes, work)
    screen().print(_summary(done.changes, "is"))
    return done


def _carried_out(connection: sa.Connection, planned: Plan, what: Undertaking) -> None:
    rules = what.settings.dial_policy
    try:
        carry_out(connection, planned, rules, action=what.action, actor=operator(), target=what.target)
    except (EditedMeanwhileError, NameMissingError) as error:
        raise Failed(str(error)) from None


def read_file(file: Path, settings: Settings) -> Description:
    """The description in the file; its warnings go to stderr. Raises Failed."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found, _warnings = read_description(text, settings.dial_policy, source=str(file), region=settings.region)
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Failed(f"{file} is no text in UTF-8: {error}") from None
    except DescriptionError as error:
        raise Failed(str(error)) from None
    return found


def planned_or_failed(asked: Description, present: Present, settings: Settings, *, prune: bool = False) -> Plan:
    """The plan. Raises Failed."""
    try:
        return plan(asked, present, settings.dial_policy, settings.default_greeting, prune=prune)
    except PlanError as error:
        raise Failed(str(error)) from None


def warn(found: Iterable[Problem]) -> None:
    """Tell what is doubtful, on stderr."""
    for problem in found:
        click.secho(f"warning: {problem}", fg="yellow", err=True)


def print_changes(changes: Iterable[Change], depth: int = 0) -> None:
    """Each change on a line, what is within it further in."""
    for change in changes:
        screen().print(clean("  " * depth + str(change), _STYLES[change.sign]))
        print_changes(change.within, depth + 1)


def changes_json(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """The keys that ``--json`` promises."""
    return [
        {
            "change": {Sign.ADDED: "added", Sign.REMOVED: "removed", Sign.CHANGED: "changed"}[change.sign],
            "what": change.what,
            "was": change.was,
            "now": change.now,
            "within": changes_json(change.within),
        }
        for change in changes
    ]


def _summary(changes: Iterable[Change], tense: str) -> str:
    signs = [change.sign for change in changes]
    if not signs:
        return "Nothing to change: the database is as described."
    words = {"to": ("to add", "to change", "to remove"), "is": ("added", "changed", "removed")}[tense]
    told = [f"{signs.count(sign)} {word}" for sign, word in zip(Sign, words, strict=True) if sign in signs]
    return f"{count(len(signs), 'change')}: {', '.join(told)}"

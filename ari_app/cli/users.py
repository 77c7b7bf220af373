"""``ari-app users``: who works with rules and messages, what each may do, their programs' tokens, and the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import click

from ari_app.cli.desks import Counter, ask_first, counter_options, yes_option
from ari_app.cli.kinds import choice
from ari_app.cli.screen import clean, count, json_option, print_json, screen, table
from ari_app.core.rights import Grant, Right, Subject
from ari_app.desk.people import PeopleDesk

SUBJECT = click.argument("subject", type=click.Choice(["all", *(one.value for one in Subject)]), metavar="SUBJECT")
RIGHTS = click.argument(
    "rights", type=click.Choice(["all", *(one.value for one in Right)]), metavar="RIGHT...", nargs=-1, required=True
)


def grants_of(subject: str, rights: Iterable[str]) -> list[Grant]:
    """What is meant by a subject, or all of them, and rights, or all of them."""
    subjects = list(Subject) if subject == "all" else [Subject(subject)]
    wanted = list(Right) if "all" in rights else [Right(one) for one in rights]
    return [Grant(one, right) for one in subjects for right in wanted]


def compact(grants: Iterable[str]) -> str:
    """Grants in words, by subject: ``rules edit view; messages view``."""
    by_subject: dict[str, list[str]] = {}
    for one in grants:
        subject, _, right = one.partition(" ")
        by_subject.setdefault(subject, []).append(right)
    return "; ".join(f"{subject} {' '.join(rights)}" for subject, rights in by_subject.items())


@click.group(short_help="Users: add, grant, revoke, give tokens; who changed what.")
def users() -> None:
    """Users: people, and programs that speak with the HTTP interface.

    Commands act as the machine's operator, who may do everything, unless --as USER or ARI_APP_USER names another.

    \b
    Subjects: rules, message-types, messages, consent, tickets, users, recordings, events.
    Rights: view, create, edit (switches included), delete.

    \b
    Examples:
      ari-app users add anna
      ari-app users grant anna rules view edit
      ari-app rules list --as anna
    """


@users.command("list")
@json_option
@counter_options
def list_users(*, as_json: bool, counter: Counter) -> None:
    """List the users, their roles, and what they may do by themselves and by those.

    \b
    Examples:
      ari-app users list
      ari-app users list --json | jq -r '.users[].name'
    """
    with counter.looking() as (connection, actor):
        found = PeopleDesk(connection, actor).users()
    if as_json:
        print_json({"users": [asdict(user) for user in found]})
        return
    shown = table("user", "", "token", "roles", "may")
    for user in found:
        state = clean("", "") if user.enabled else clean("disabled", "yellow")
        token = "yes" if user.has_token else ""
        shown.add_row(
            clean(user.name, "bold"),
            state,
            token,
            clean(", ".join(user.roles)),
            clean(compact(user.grants) or "nothing"),
        )
    screen().print(shown if found else "No users yet: whoever runs a command is the operator. ari-app users add NAME")


@users.command()
@click.argument("name")
@counter_options
def add(*, name: str, counter: Counter) -> None:
    """Add a user, who may do nothing yet.

    \b
    Example:
      ari-app users add anna
    """
    with counter.changing() as (connection, actor):
        PeopleDesk(connection, actor).add_user(name)
    screen().print(clean(f"user {name!r} is added; what they may do: ari-app users grant {name} SUBJECT RIGHT"))


@users.command()
@click.argument("name")
@SUBJECT
@RIGHTS
@counter_options
def grant(*, name: str, subject: str, rights: tuple[str, ...], counter: Counter) -> None:
    """Give a user rights over a subject; "all" is every one. Nobody gives what they have not got.

    \b
    Examples:
      ari-app users grant anna rules view edit
      ari-app users grant boss all all
    """
    with counter.changing() as (connection, actor):
        new = PeopleDesk(connection, actor).grant_user(name, grants_of(subject, rights))
    screen().print(clean(f"user {name!r} has {count(new, 'right')} more"))


@users.command()
@click.argument("name")
@SUBJECT
@RIGHTS
@counter_options
def revoke(*, name: str, subject: str, rights: tuple[str, ...], counter: Counter) -> None:
    """Take rights from a user; what a role of theirs gives stays.

    \b
    Example:
      ari-app users revoke anna rules edit
    """
    with counter.changing() as (connection, actor):
        gone = PeopleDesk(connection, actor).revoke_user(name, grants_of(subject, rights))
    screen().print(clean(f"user {name!r} has {count(gone, 'right')} less"))


@users.command()
@click.argument("name")
@click.option("--void", is_flag=True, help="Make the present one worthless, and no other.")
@json_option
@counter_options
def token(*, name: str, void: bool, as_json: bool, counter: Counter) -> None:
    """Print a new token of the user for the HTTP interface; it is shown this once, and the one before it is void.

    \b
    Examples:
      ari-app users token website
      ari-app users token website --void
    """
    with counter.changing() as (connection, actor):
        desk = PeopleDesk(connection, actor)
        made = desk.void_token(name) if void else desk.new_token(name)
    if as_json:
        print_json({"user": name, "token": made})
    elif made is None:
        screen().print(clean(f"user {name!r} has no token any more"))
    else:
        screen().print(clean(made))
        click.echo("Keep it now: only its hash is stored, and it is not shown again.", err=True)


@users.command()
@click.argument("name")
@counter_options
def disable(*, name: str, counter: Counter) -> None:
    """Keep a user out, and their token.

    \b
    Example:
      ari-app users disable anna
    """
    _enable(counter, name, False)


@users.command()
@click.argument("name")
@counter_options
def enable(*, name: str, counter: Counter) -> None:
    """Let a user in again, and their token.

    \b
    Example:
      ari-app users enable anna
    """
    _enable(counter, name, True)


def _enable(counter: Counter, name: str, enabled: bool) -> None:
    with counter.changing() as (connection, actor):
        PeopleDesk(connection, actor).enable(name, enabled)
    screen().print(clean(f"user {name!r} is {'enabled' if enabled else 'disabled'}"))


@users.command()
@click.argument("name")
@yes_option
@counter_options
def remove(*, name: str, yes: bool, counter: Counter) -> None:
    """Remove a user with their rights and token; what they did stays in the log.

    \b
    Example:
      ari-app users remove anna --yes
    """

    def gone(confirmed: bool) -> None:
        with counter.changing() as (connection, actor):
            PeopleDesk(connection, actor).remove_user(name, confirmed=confirmed)

    ask_first(yes, gone)
    screen().print(clean(f"user {name!r} is removed"))


@users.command()
@click.option("--by", metavar="USER", help="Only what this user did.")
@click.option("--subject", type=choice(Subject), metavar="SUBJECT", help="Only what was about this.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
@json_option
@counter_options
def log(*, by: str | None, subject: Subject | None, limit: int, as_json: bool, counter: Counter) -> None:
    """Tell who changed what, the latest first; who heard a recording or had a client's data, too.

    \b
    Examples:
      ari-app users log --by anna
      ari-app users log --subject rules --json
    """
    with counter.looking() as (connection, actor):
        found = PeopleDesk(connection, actor).changes(limit=limit, actor=by, subject=subject)
    if as_json:
        print_json({"changes": [asdict(one) for one in found]})
        return
    shown = table("when (UTC)", "who", "what", "which")
    for one in found:
        what = f"{one.subject.replace('-', ' ')}: {one.action}"
        shown.add_row(f"{one.at:%Y-%m-%d %H:%M:%S}", clean(one.actor), clean(what), clean(one.target))
    screen().print(shown if found else "No changes yet.")

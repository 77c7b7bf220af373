"""``ari-app roles``: sets of rights that users have together."""

from __future__ import annotations

from dataclasses import asdict

import click

from ari_app.cli.desks import Counter, ask_first, counter_options, yes_option
from ari_app.cli.screen import clean, count, json_option, print_json, screen, table
from ari_app.cli.users import RIGHTS, SUBJECT, compact, grants_of
from ari_app.desk.people import PeopleDesk


@click.group(short_help="Roles: sets of rights, given to users.")
def roles() -> None:
    """Roles: rights that users have together.

    \b
    Examples:
      ari-app roles add editor
      ari-app roles grant editor rules view edit
      ari-app roles give editor anna
    """


@roles.command("list")
@json_option
@counter_options
def list_roles(*, as_json: bool, counter: Counter) -> None:
    """List the roles, what they give, and who has them.

    \b
    Example:
      ari-app roles list
    """
    with counter.looking() as (connection, actor):
        found = PeopleDesk(connection, actor).roles()
    if as_json:
        print_json({"roles": [asdict(role) for role in found]})
        return
    shown = table("role", "users", "gives")
    for role in found:
        gives = compact(role.grants) or "nothing"
        shown.add_row(clean(role.name, "bold"), clean(", ".join(role.users)), clean(gives))
    screen().print(shown if found else "No roles yet; add one: ari-app roles add NAME")


@roles.command()
@click.argument("name")
@counter_options
def add(*, name: str, counter: Counter) -> None:
    """Add a role, without any right yet.

    \b
    Example:
      ari-app roles add editor
    """
    with counter.changing() as (connection, actor):
        PeopleDesk(connection, actor).add_role(name)
    screen().print(clean(f"role {name!r} is added; what it gives: ari-app roles grant {name} SUBJECT RIGHT"))


@roles.command()
@click.argument("name")
@SUBJECT
@RIGHTS
@counter_options
def grant(*, name: str, subject: str, rights: tuple[str, ...], counter: Counter) -> None:
    """Give a role rights over a subject, and so everybody who has it.

    \b
    Example:
      ari-app roles grant editor rules view create edit
    """
    with counter.changing() as (connection, actor):
        new = PeopleDesk(connection, actor).grant_role(name, grants_of(subject, rights))
    screen().print(clean(f"role {name!r} has {count(new, 'right')} more"))


@roles.command()
@click.argument("name")
@SUBJECT
@RIGHTS
@counter_options
def revoke(*, name: str, subject: str, rights: tuple[str, ...], counter: Counter) -> None:
    """Take rights from a role.

    \b
    Example:
      ari-app roles revoke editor rules create
    """
    with counter.changing() as (connection, actor):
        gone = PeopleDesk(connection, actor).revoke_role(name, grants_of(subject, rights))
    screen().print(clean(f"role {name!r} has {count(gone, 'right')} less"))


@roles.command()
@click.argument("role")
@click.argument("user")
@counter_options
def give(*, role: str, user: str, counter: Counter) -> None:
    """Give USER the role ROLE.

    \b
    Example:
      ari-app roles give editor anna
    """
    with counter.changing() as (connection, actor):
        PeopleDesk(connection, actor).give_role(role, user)
    screen().print(clean(f"user {user!r} has the role {role!r}"))


@roles.command()
@click.argument("role")
@click.argument("user")
@counter_options
def take(*, role: str, user: str, counter: Counter) -> None:
    """Take the role ROLE from USER.

    \b
    Example:
      ari-app roles take editor anna
    """
    with counter.changing() as (connection, actor):
        PeopleDesk(connection, actor).take_role(role, user)
    screen().print(clean(f"user {user!r} has not got the role {role!r} any more"))


@roles.command()
@click.argument("name")
@yes_option
@counter_options
def remove(*, name: str, yes: bool, counter: Counter) -> None:
    """Remove a role; those who had it lose its rights.

    \b
    Example:
      ari-app roles remove editor --yes
    """

    def gone(confirmed: bool) -> None:
        with counter.changing() as (connection, actor):
            PeopleDesk(connection, actor).remove_role(name, confirmed=confirmed)

    ask_first(yes, gone)
    screen().print(clean(f"role {name!r} is removed"))

"""How commands come to the desks: who acts, in which transaction, what a no looks like, and asking before a change."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import sqlalchemy as sa

from ari_app.cli.faults import EXIT_NO, Failed
from ari_app.cli.screen import clean, screen
from ari_app.cli.site import changing, env_file_option, reading, settings_of
from ari_app.core.rights import Actor, Forbidden
from ari_app.desk.base import DeskError, Unconfirmed
from ari_app.desk.people import OPERATOR, NotAUser, actor_of
from ari_app.desk.terms import Terms
from ari_app.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
Done = TypeVar("Done")


@dataclass(frozen=True)
class Counter:
    """Where a command stands: the deployment's settings, and the name it acts under ("" for the operator)."""

    settings: Settings
    acting: str

    @property
    def terms(self) -> Terms:
        """What the desks go by."""
        return Terms.of(self.settings)

    @contextmanager
    def looking(self) -> Iterator[tuple[sa.Connection, Actor]]:
        """A connection that sees one snapshot, and who acts. Raises Failed."""
        with reading(self.settings) as connection, _noes():
            yield connection, self._actor(connection)

    @contextmanager
    def changing(self) -> Iterator[tuple[sa.Connection, Actor]]:
        """A connection whose transaction is committed at the end, and who acts. Raises Failed."""
        with changing(self.settings) as connection, _noes():
            yield connection, self._actor(connection)

    def _actor(self, connection: sa.Connection) -> Actor:
        if not self.acting:
            return Actor.everything(operator())
        try:
            return actor_of(connection, self.acting)
        except NotAUser as error:
            raise Failed(str(error)) from None


def operator() -> str:
    """The name under which the machine's operator acts: whoever may read the database's file."""
    try:
        return f"{OPERATOR} {getpass.getuser()}"
    except (KeyError, OSError):  # a container's user need not have a name
        return OPERATOR


@contextmanager
def _noes() -> Iterator[None]:
    try:
        yield
    except Unconfirmed:
        raise
    except (DeskError, Forbidden) as error:
        raise Failed(str(error)) from None


def counter_options(command: Command) -> Command:
    """The options of every command that goes to a desk; it is called with ``counter`` instead of them."""
    acting = click.option(
        "--as", "acting", metavar="USER", help="Act as this user [else $ARI_APP_USER, else operator]."
    )

    def with_counter(*, acting: str | None, env_file: Path | None, **options: Any) -> Any:
        settings = settings_of(env_file)
        return command(counter=Counter(settings, settings.user if acting is None else acting), **options)

    with_counter.__name__, with_counter.__doc__ = command.__name__, command.__doc__
    vars(with_counter)["__click_params__"] = vars(command).get("__click_params__", [])
    wrapped: Any = acting(env_file_option(with_counter))
    return wrapped  # type: ignore[no-any-return]  # click keeps what it decorates, untyped


def yes_option(command: Command) -> Command:
    """The option by which scripts answer what people are asked."""
    return click.option("--yes", is_flag=True, help="Do it without asking.")(command)


def ask_first(yes: bool, work: Callable[[bool], Done]) -> Done:
    """Do ``work``, telling it whether it is confirmed: first by ``--yes`` alone, then by whoever was asked.

    Nobody is asked while a transaction is open: ``work`` opens its own each time. Raises Failed.
    """
    try:
        return work(yes)
    except Unconfirmed as unconfirmed:
        if not sys.stdin.isatty():
            mend = "Nothing was done, for nobody is here to be asked; --yes does it without asking."
            raise Failed(f"{unconfirmed.warning}\n{mend}") from None
        for line in unconfirmed.warning.splitlines():
            screen().print(clean(line))
        if not click.confirm(unconfirmed.question, default=False):
            screen().print("Nothing was changed.")
            raise click.exceptions.Exit(EXIT_NO) from None
    return work(True)

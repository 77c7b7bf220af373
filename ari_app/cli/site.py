"""What commands work on: the deployment's settings and its database, opened with errors that say the mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import sqlalchemy as sa

from ari_app.cli.faults import Failed, WrongSettings
from ari_app.settings import Settings, SettingsError, load
from ari_app.storage.book import Reading, load_book
from ari_app.storage.database import DatabaseUrlError, open_database, parse_url, snapshot, writing
from ari_app.storage.refusals import explain_integrity_error
from ari_app.storage.revisions import MigrationsMissingError, RevisionState, revision_state

Command = TypeVar("Command", bound=Callable[..., Any])


def env_file_option(command: Command) -> Command:
    """The option by which every command is told where its settings are."""
    option = click.option(
        "--env-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Settings file of mode 0600 [else $ARI_APP_ENV_FILE, ./ari-app.env, ./.run/ari-app.env].",
    )
    return option(command)


def settings_of(env_file: Path | None) -> Settings:
    """The deployment's settings. Raises WrongSettings."""
    try:
        settings = load(env_file)
        parse_url(settings.database_url)
    except SettingsError as error:
        raise WrongSettings(str(error)) from None
    except DatabaseUrlError as error:
        raise WrongSettings(f"ARI_APP_DATABASE_URL: {error}") from None
    return settings


def require_ari(settings: Settings) -> None:
    """Refuse to begin without what Asterisk asks for. Raises WrongSettings."""
    if not settings.ari_password.get_secret_value():
        raise WrongSettings(
            "ARI_APP_ARI_PASSWORD is empty; set it as in Asterisk's ari.conf, or name a file (mode 0600) with it "
            "in ARI_APP_ARI_PASSWORD_FILE"
        )
    try:
        _ = settings.ari
    except ValueError as error:
        raise WrongSettings(str(error)) from None


def shown_url(url: str) -> str:
    """A database's URL as it may be shown: without its password."""
    return parse_url(url).render_as_string(hide_password=True)


@contextmanager
def database(settings: Settings) -> Iterator[sa.Engine]:
    """The database, checked to be there and of this program's revision. Raises Failed, also for what happens inside."""
    require_file(settings)
    engine = open_database(settings.database_url)
    try:
        require_revision(revision_state(engine))
        yield engine
    except MigrationsMissingError as error:
        raise Failed(str(error)) from None
    except sa.exc.IntegrityError as error:
        raise Failed(f"the database refused it: {explain_integrity_error(error)}") from None
    except sa.exc.SQLAlchemyError as error:
        raise Failed(
            f"the database {shown_url(settings.database_url)} cannot be used: {cause_of(error)}\n"
            "See ari-app doctor; ARI_APP_DATABASE_URL says which database it is."
        ) from None
    finally:
        engine.dispose()


@contextmanager
def reading(settings: Settings) -> Iterator[sa.Connection]:
    """A connection that sees one snapshot of a database of the right revision. Raises Failed."""
    with database(settings) as engine, snapshot(engine).begin() as connection:
        yield connection


@contextmanager
def changing(settings: Settings) -> Iterator[sa.Connection]:
    """A connection whose transaction is committed at the end. Raises Failed."""
    with database(settings) as engine, writing(engine).begin() as connection:
        yield connection


def read_book(settings: Settings) -> Reading:
    """The configuration as the database has it now. Raises Failed."""
    with reading(settings) as connection:
        return load_book(connection, settings.dial_policy, settings.default_greeting)


def require_file(settings: Settings) -> None:
    """SQLite makes a missing file without a word; a command that reads must not."""
    url = parse_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise Failed(f"there is no database {url.database}; make it: ari-app db upgrade")


def require_revision(state: RevisionState) -> None:
    """Refuse to work with a database of another release. Raises Failed."""
    if problem := revision_problem(state):
        raise Failed(problem)


def revision_problem(state: RevisionState) -> str | None:
    """Why this program cannot work with a database of these revisions, and the mend; None when it can."""
    if state.unknown:
        unknown = ", ".join(state.unknown)
        return f"the database has {unknown}, which this release does not know; run the release that made it"
    if state.lacks and not state.present:
        return "the database has no tables yet; make them: ari-app db upgrade"
    if state.lacks:
        return f"the database lacks {', '.join(state.lacks)}; bring it up to date: ari-app db upgrade"
    return None


def cause_of(error: sa.exc.SQLAlchemyError) -> str:
    """The database's own words, on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())

"""``ari-app db``: makes the tables, brings them up to date, says what a database has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import sqlalchemy as sa
from alembic.util import CommandError

from ari_app.cli.faults import EXIT_NO, Failed
from ari_app.cli.screen import clean, json_option, print_json, screen
from ari_app.cli.site import cause_of, env_file_option, require_file, revision_problem, settings_of, shown_url
from ari_app.settings import Settings
from ari_app.storage import revisions
from ari_app.storage.database import open_for_migration
from ari_app.storage.seeds import SeedError


@click.group(short_help="Make the tables, bring them up to date.")
def db() -> None:
    """The database: make its tables, bring them up to date, say what it has.

    \b
    Examples:
      ari-app db upgrade
      ari-app db upgrade --demo
      ari-app db current
    """


@db.command()
@click.option("--seeds", is_flag=True, help="Add the deployment's seeds, too.")
@click.option("--demo", is_flag=True, help="Add the demo's numbers and schemes, too; not for production.")
@env_file_option
def upgrade(seeds: bool, demo: bool, env_file: Path | None) -> None:
    """Make the tables, or bring them up to this release; a database that is up to date is left as it is.

    \b
    Examples:
      ari-app db upgrade
      ari-app db upgrade --seeds
      ARI_APP_DATABASE_URL=postgresql://ari@localhost/ari ari-app db upgrade
    """
    settings = settings_of(env_file)
    targets = [revisions.SCHEMA_HEAD]
    targets += [revisions.SEEDS_HEAD] if seeds else []
    targets += [revisions.DEMO_HEAD] if demo else []
    with _told(settings):
        before = _state(settings).present
        revisions.upgrade(settings.database_url, *targets)
        added = _state(settings).present - before
    what = f"added {', '.join(sorted(added))}" if added else "is up to date"
    screen().print(clean(f"{shown_url(settings.database_url)}: {what}"))


@db.command()
@json_option
@env_file_option
def current(as_json: bool, env_file: Path | None) -> None:
    """Say which revisions the database has and lacks. Exit code 1 when this release cannot work with it.

    \b
    Examples:
      ari-app db current
      ari-app db current --json | jq .up_to_date
    """
    settings = settings_of(env_file)
    with _told(settings):
        require_file(settings)
        state = _state(settings)
    if as_json:
        print_json({
            "url": shown_url(settings.database_url),
            "up_to_date": state.up_to_date,
            "present": sorted(state.present),
            "lacks": state.lacks,
            "unknown": state.unknown,
        })  # fmt: skip
    else:
        out = screen()
        out.print(clean(f"database  {shown_url(settings.database_url)}"))
        out.print(clean(f"has       {', '.join(sorted(state.present)) or 'no tables yet'}"))
        out.print(clean(f"state     {revision_problem(state) or 'up to date'}"))
    if not state.up_to_date:
        raise click.exceptions.Exit(EXIT_NO)


@db.command()
@env_file_option
def url(env_file: Path | None) -> None:
    """Print which database the settings name (its password hidden), once it has answered.

    \b
    Example:
      ari-app db url
    """
    settings = settings_of(env_file)
    with _told(settings):
        require_file(settings)
        _state(settings)
    click.echo(shown_url(settings.database_url))


def _state(settings: Settings) -> revisions.RevisionState:
    engine = open_for_migration(settings.database_url)  # which may make the file
    try:
        return revisions.revision_state(engine)
    finally:
        engine.dispose()


@contextmanager
def _told(settings: Settings) -> Iterator[None]:
    """Whatever goes wrong with a database, in words."""
    try:
        yield
    except (revisions.MigrationsMissingError, SeedError) as error:
        raise Failed(str(error)) from None
    except CommandError as error:
        raise Failed(f"the database cannot be brought up to date: {error}") from None
    except sa.exc.SQLAlchemyError as error:
        where = shown_url(settings.database_url)
        raise Failed(
            f"the database {where} cannot be used: {cause_of(error)}; ARI_APP_DATABASE_URL says which it is"
        ) from None
    except OSError as error:
        raise Failed(f"{error.filename or 'the database'}: {error.strerror}") from None

"""``ari-app serve``: the controller itself."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click
import sqlalchemy as sa
import uvloop

from ari_app.cli.faults import Failed, WrongSettings
from ari_app.cli.log_lines import log_to_stderr
from ari_app.cli.site import (
    cause_of,
    env_file_option,
    require_ari,
    require_file,
    require_revision,
    settings_of,
    shown_url,
)
from ari_app.crm.configuration import CrmsError
from ari_app.service import serve as run_service
from ari_app.settings import Settings
from ari_app.storage.database import open_database
from ari_app.storage.revisions import MigrationsMissingError, revision_state
from ari_app.storage.snapshot import FILE_NAME

log = logging.getLogger(__name__)


@click.command(short_help="Run the controller.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    envvar="ARI_APP_LOG_FORMAT",
    show_envvar=True,
    show_default=True,
    help="How log lines look.",
)
@env_file_option
def serve(log_format: str, env_file: Path | None) -> None:
    """Run the controller until it is told to stop (Ctrl-C, SIGTERM); live calls are let finish.

    \b
    Examples:
      ari-app serve
      ari-app serve --env-file /etc/ari-app/ari-app.env
      ARI_APP_LOG_LEVEL=DEBUG ari-app serve --log-format json
    """
    settings = settings_of(env_file)
    require_ari(settings)
    log_to_stderr(settings.log_level, log_format)
    check_database(settings)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_service(settings))
    except CrmsError as error:
        raise WrongSettings(str(error)) from error
    except OSError as error:
        raise Failed(f"the controller cannot run: {error.filename or ''} {error.strerror or error}") from error


def check_database(settings: Settings) -> None:
    """A database that is wrong, being of another release, is refused. One that is away is not: callers are better off
    with the schemes that were last in force, or with the configured default, than with nobody."""
    kept = (settings.state / FILE_NAME).is_file()
    if not kept:
        require_file(settings)  # never made, for all that is known; with schemes kept, its disk is not mounted
    engine = open_database(settings.database_url)
    try:
        require_revision(revision_state(engine))
    except MigrationsMissingError as error:
        log.warning("the database's revision is not checked: %s", error)
    except sa.exc.SQLAlchemyError as error:
        log.error(
            "the database %s cannot be read, calls get %s until it can: %s",
            shown_url(settings.database_url),
            "the schemes that were last in force" if kept else "the configured default",
            cause_of(error),
        )
    finally:
        engine.dispose()

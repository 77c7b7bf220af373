"""``ari-app web``: the HTTP interface and the test inbox, in a process of their own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import uvloop

from ari_app.cli.faults import Failed, WrongSettings
from ari_app.cli.log_lines import log_to_stderr
from ari_app.cli.serve import check_database
from ari_app.cli.site import env_file_option, settings_of
from ari_app.gateways.configuration import GatewaysError
from ari_app.web.place import NotAllowedThere, check_place
from ari_app.web.server import serve


@click.command(short_help="Serve the HTTP interface and the test inbox.")
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
def web(log_format: str, env_file: Path | None) -> None:
    """Serve the HTTP interface until told to stop (Ctrl-C, SIGTERM).

    Other systems raise events by it, gateways push receipts and texts, programs look messages up; /docs describes it,
    /inbox shows what test mode would have sent. It is a process of its own: calls go on whatever happens to it.

    \b
    Examples:
      ari-app web
      ARI_APP_WEB_PORT=8080 ari-app web --log-format json
    """
    settings = settings_of(env_file)
    try:
        check_place(settings)
    except NotAllowedThere as error:
        raise WrongSettings(str(error)) from None
    log_to_stderr(settings.log_level, log_format)
    check_database(settings)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except GatewaysError as error:
        raise WrongSettings(str(error)) from None
    except OSError as error:
        raise Failed(
            f"the HTTP interface cannot listen at {settings.web_host}:{settings.web_port}: "
            f"{error.strerror or error}; ARI_APP_WEB_HOST and ARI_APP_WEB_PORT say where"
        ) from error

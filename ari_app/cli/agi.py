"""``ari-app agi``: the FastAGI server that a dialplan asks while no controller takes its calls."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click
import uvloop

from ari_app.agi.service import serve
from ari_app.cli.faults import Failed
from ari_app.cli.log_lines import log_to_stderr
from ari_app.cli.serve import check_database
from ari_app.cli.site import env_file_option, settings_of

log = logging.getLogger(__name__)


@click.command(short_help="Answer the dialplan while no controller does (FastAGI).")
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
def agi(log_format: str, env_file: Path | None) -> None:
    """Run the FastAGI server until it is told to stop (Ctrl-C, SIGTERM).

    It tells a dialplan what the schemes say: by agi://HOST:PORT/lookup, as channel variables. The fallback of our own
    dialplan asks it when no controller takes a call. It reads the database. When the controller dies, it sends
    callers who wait for it to the dialplan, over ARI.

    \b
    Examples:
      ari-app agi
      ARI_APP_AGI_PORT=4574 ari-app agi --log-format json
    """
    settings = settings_of(env_file)
    log_to_stderr(settings.log_level, log_format)
    check_database(settings)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except OSError as error:
        raise Failed(
            f"FastAGI cannot listen at {settings.agi_host}:{settings.agi_port}: {error.strerror or error}; "
            "ARI_APP_AGI_HOST and ARI_APP_AGI_PORT say where"
        ) from error

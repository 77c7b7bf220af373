"""``ari-app serve``: the controller itself."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click
import uvloop

from ari_app.service import serve as run_service
from ari_app.settings import SettingsError, load


@click.command()
@click.option("--env-file", type=click.Path(path_type=Path), help="Settings file (mode 0600); else ./ari-app.env.")
def serve(env_file: Path | None) -> None:
    """Run the controller until it is told to stop (Ctrl-C, SIGTERM); live calls are let finish."""
    try:
        settings = load(env_file)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)-7s %(message)s")
    for chatty in ("apscheduler", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_service(settings))

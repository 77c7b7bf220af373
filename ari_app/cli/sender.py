"""``ari-app sender``: the process that sends messages."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path

import click

from ari_app.cli.faults import Failed, WrongSettings
from ari_app.cli.log_lines import log_to_stderr
from ari_app.cli.site import database, env_file_option, settings_of
from ari_app.core.messages import Channel
from ari_app.core.window import SendingWindow
from ari_app.deliveries import Deliveries
from ari_app.gateways.base import BaseGateway
from ari_app.gateways.configuration import GatewaysError, load_gateways
from ari_app.monitoring.processes import SenderMonitor
from ari_app.outbox_ports import StoreTrouble
from ari_app.sender import Sender, limits_of
from ari_app.settings import Settings
from ari_app.storage.outbox import Writer, open_for_sending
from ari_app.storage.tickets import write_ticket

log = logging.getLogger(__name__)

WRITERS: dict[Channel, Writer] = {Channel.TICKET: write_ticket}
"""What is no gateway's business, but a row of the database."""


@click.command(short_help="Send the messages that are due.")
@click.option("--once", is_flag=True, help="Send what is due now, then end; for cron.")
@click.option("--workers", default=4, show_default=True, type=click.IntRange(1, 64), help="Messages sent side by side.")
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
def sender(*, once: bool, workers: int, log_format: str, env_file: Path | None) -> None:
    """Send messages until told to stop (Ctrl-C, SIGTERM); what is being sent is finished.

    A process of its own, so that no slow gateway is felt by calls. Several may run at once, on several machines: they
    share the work, and nothing is sent twice. Without ARI_APP_GATEWAYS_FILE it is test mode: nothing goes to anybody,
    and messages are found in ARI_APP_INBOX_FOLDER.

    \b
    Examples:
      ari-app sender
      ari-app sender --workers 16
      ari-app sender --once
    """
    settings = settings_of(env_file)
    log_to_stderr(settings.log_level, log_format)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a look that takes long is told by what it waits for
    gateways = gateways_of(settings)
    with database(settings):
        pass
    engine = open_for_sending(settings.database_url, pool_size=workers + 4)
    try:
        monitor = SenderMonitor(engine, limits_of(settings))
        process = Sender(settings, engine, gateways, WRITERS, workers=workers, watched=monitor.sendings.watched)
        run(process, settings, monitor, Deliveries(settings, engine, gateways), once=once)
    except StoreTrouble as trouble:
        raise Failed(f"the outbox cannot be used: {trouble}; see ari-app doctor") from None
    finally:
        engine.dispose()


def gateways_of(settings: Settings) -> tuple[BaseGateway, ...]:
    """The deployment's gateways. Raises WrongSettings, for limits and hours that make no sense too."""
    try:
        limits_of(settings)
        return load_gateways(settings.gateways_file, settings.inbox_folder)
    except (GatewaysError, ValueError) as error:
        raise WrongSettings(str(error)) from None


def run(process: Sender, settings: Settings, monitor: SenderMonitor, deliveries: Deliveries, *, once: bool) -> None:
    """Run until a signal, or until nothing is due."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("sender is running: %s", told(settings))
    try:
        if once:
            process.send_what_is_due()
        else:
            monitor.start(settings, lambda: process.trouble)
            process.start()
            deliveries.start()
            process.run_until(stop, monitor.pulse.beat)
            log.info("stopping")
    finally:
        process.stop(settings.shutdown_seconds)
        deliveries.stop()
        monitor.stop()


def told(settings: Settings) -> str:
    """How it sends, on one line."""
    window = SendingWindow.parse(settings.sending_hours, settings.sending_zone)
    how = f"{settings.sending_rate:g} messages a second to clients, {window}"
    if settings.gateways_file is None:
        return f"test mode, to {settings.inbox_folder}; {how}"
    return f"gateways of {settings.gateways_file}; {how}"

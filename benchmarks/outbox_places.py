"""Where the outbox is measured: a database of its own, the product's sending processes, a local gateway."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from ari_app.lab.errors import LabError
from ari_app.storage import revisions
from benchmarks.outbox_gateway import CONFIGURATION, LocalGateway
from tests.storage.postgres import PrivatePostgres

Kind = Literal["SQLite", "PostgreSQL"]
KINDS: tuple[Kind, Kind] = ("SQLite", "PostgreSQL")
COMMAND = (str(Path(sys.executable).with_name("ari-app")), "sender")
START_SECONDS, STOP_SECONDS = 20.0, 20.0
POSTGRES = {"shared_buffers": "256MB", "max_wal_size": "4GB"}
UNLIMITED = {"SENDING_HOURS": "00:00-24:00", "SMS_DAY_CAP": "10000000"}


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder."""
    path = Path(tempfile.mkdtemp(prefix="ari-app-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def database(kind: Kind) -> Iterator[str]:
    """The URL of an empty database with the product's schema, which is removed afterwards."""
    if kind == "SQLite":
        with folder() as place:
            yield _migrated(f"sqlite:///{place}/ari-app.sqlite3")
        return
    server = PrivatePostgres(POSTGRES)
    try:
        yield _migrated(server.url)
    finally:
        server.stop()


def _migrated(url: str) -> str:
    revisions.upgrade(url, revisions.SCHEMA_HEAD)
    return url


class SenderProcess:
    """``ari-app sender`` as it is run in production; send it away with `stop`. ``settings`` are those that differ from
    what is usual, without ARI_APP_."""

    def __init__(self, place: Path, name: str, url: str, gateway: LocalGateway, settings: Mapping[str, str]) -> None:
        self._log = place / f"{name}.log"
        gateways = place / "gateways.yaml"
        gateways.touch(mode=0o600)
        gateways.write_text(CONFIGURATION.format(port=gateway.port))
        own = {"DATABASE_URL": url, "GATEWAYS_FILE": str(gateways), "MESSAGES_FOLDER": str(place), **settings}
        env = {key: value for key, value in os.environ.items() if not key.startswith("ARI_APP_")}
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                COMMAND,
                cwd=place,
                env=env | {f"ARI_APP_{key}": value for key, value in own.items()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def wait_running(self) -> None:
        """Returns when it looks for messages. Raises LabError."""
        self._wait(lambda: " sender is running" in self._log.read_text(errors="replace"))

    def _wait(self, condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + START_SECONDS
        while not condition():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise LabError(f"the sender did not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in order."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def senders(number: int, url: str, gateway: LocalGateway, settings: Mapping[str, str]) -> Iterator[list[SenderProcess]]:
    """So many sending processes, all running."""
    with folder() as place:
        begun: list[SenderProcess] = []
        try:
            for count in range(number):
                begun.append(SenderProcess(place, f"sender-{count}", url, gateway, settings))
            for one in begun:
                one.wait_running()
            yield begun
        finally:
            for one in begun:
                one.stop()


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Look every 20 ms. Raises LabError after so many seconds."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise LabError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)

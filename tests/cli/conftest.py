"""A deployment for commands to work on: a migrated database with the demo, and, where asked for, all of it running."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from ari_app.cli import main
from ari_app.lab.asterisk import AsteriskInstance, choose
from ari_app.lab.demo import write_crm
from ari_app.storage.database import open_database
from ari_app.storage.revisions import DEMO_HEAD, SCHEMA_HEAD, upgrade
from tests.e2e.controller import Controller
from tests.e2e.ports import on_free_ports
from tests.monitoring.scraping import free_port


@dataclass(frozen=True)
class Cli:
    """The command line, run in this process as a shell would run it."""

    database: Path

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        """Run a command and hold it to its exit code; a traceback is never an answer."""
        result = CliRunner().invoke(main, list(arguments))
        told = f"{arguments}: exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
        assert result.exception is None or isinstance(result.exception, SystemExit), told
        assert result.exit_code == code, told
        return result

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What a command prints with ``--json``, which must be all of stdout."""
        return orjson.loads(self(*arguments, "--json", code=code).stdout)

    def sql(self, *statements: str) -> None:
        """Edit the database as an administrator does."""
        engine = open_database(f"sqlite:///{self.database}")
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))
        engine.dispose()


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the schema and the demo's numbers."""
    file = tmp_path_factory.mktemp("demo") / "demo.sqlite3"
    upgrade(f"sqlite:///{file}", SCHEMA_HEAD, DEMO_HEAD)
    return file


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A command line in an empty folder: no database yet, no settings but the database's place."""
    for name in (*os.environ,):
        if name.startswith("ARI_APP_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)
    database = tmp_path / "ari-app.sqlite3"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARI_APP_DATABASE_URL", f"sqlite:///{database}")
    return Cli(database)


@pytest.fixture
def cli(bare: Cli, demo_database: Path) -> Cli:
    """A command line on the demo's database."""
    shutil.copy(demo_database, bare.database)
    return bare


# --- all of it running -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Installation:
    """A running Asterisk with the lab in it, FastAGI, a controller (stopped or started) and their settings."""

    asterisk: AsteriskInstance
    controller: Controller
    settings: dict[str, object]
    database: Path

    def use(self, monkeypatch: pytest.MonkeyPatch) -> Cli:
        """A command line with this installation's settings."""
        for name, value in self.settings.items():
            monkeypatch.setenv(f"ARI_APP_{name.upper()}", str(value))
        return Cli(self.database)

    @property
    def recordings(self) -> Path:
        """Asterisk's folder of recordings."""
        return self.asterisk.instance_dir / "spool" / "recording"


@pytest.fixture(scope="session")
def installed(demo_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The demo, Asterisk running and the controller not."""
    folder = tmp_path_factory.mktemp("installation")
    database = folder / "ari-app.sqlite3"
    shutil.copy(demo_database, database)
    kind = choose(os.environ.get("ASTERISK") or "local")
    asterisk = AsteriskInstance(kind, folder / "asterisk", on_free_ports("ari-app", 22000))
    with asterisk:
        settings: dict[str, object] = {
            "database_url": f"sqlite:///{database}",
            "ari_url": asterisk.ari_url,
            "ari_password": asterisk.ari_password,
            "agi_port": asterisk.settings.agi_port,
            "number_template": "PJSIP/{number}@lab-trunk",
            "crm_file": write_crm(folder),
            "messages_folder": folder / "messages",
            "greetings_folder": asterisk.greetings,
            "shutdown_seconds": 2,
            "monitor_port": free_port(),
            "sender_monitor_port": 0,
            "agi_monitor_port": free_port(),
        }
        controller = Controller(folder / "controller", settings)
        agi = Controller(folder / "agi", settings, "agi")
        agi.start(until="FastAGI is ready")
        yield Installation(asterisk, controller, settings, database)
        controller.kill()
        agi.kill()


@pytest.fixture
def unattended(installed: Installation, bare: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A command line where Asterisk runs and no controller does."""
    if installed.controller.running:
        assert installed.controller.stop() == 0
    return installed.use(monkeypatch)


@pytest.fixture
def running(installed: Installation, bare: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A command line where everything runs."""
    cli = installed.use(monkeypatch)  # first: the environment wins over the controller's own file
    if not installed.controller.running:
        installed.controller.start()
    return cli


@pytest.fixture
def wav_file(tmp_path: Path) -> Callable[..., Path]:
    """Makes wav files of a tone."""

    def make(name: str = "tone.wav", *, seconds: float = 1.5, rate: int = 8000, channels: int = 1) -> Path:
        import wave

        import numpy as np

        samples = (np.sin(np.arange(int(seconds * rate)) * 440 * 2 * np.pi / rate) * 9000).astype("<i2")
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(np.repeat(samples, channels).tobytes())
        return tmp_path / name

    return make


from tests.cli.desks import both, demo_postgres, one  # noqa: E402, F401  # fixtures that stand on those above


@pytest.fixture
def mp3_file(tmp_path: Path) -> Callable[..., Path]:
    """Makes stereo mp3 files of a tone, under a name that says something else."""

    def make(seconds: float = 1.5) -> Path:
        import lameenc  # type: ignore[import-not-found]  # a compiled module without type hints
        import numpy as np

        tone = (np.sin(np.arange(int(seconds * 44100)) * 440 * 2 * np.pi / 44100) * 9000).astype("<i2")
        encoder = lameenc.Encoder()
        encoder.set_in_sample_rate(44100)
        encoder.set_channels(2)
        encoder.set_bit_rate(64)
        encoder.silence()
        file = tmp_path / "greeting.wav"
        file.write_bytes(bytes(encoder.encode(np.repeat(tone, 2).tobytes())) + bytes(encoder.flush()))
        return file

    return make

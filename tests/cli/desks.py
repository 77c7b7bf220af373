"""A command line on either database, and one at a real terminal where it can be answered."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ari_app.storage.database import open_database
from ari_app.storage.revisions import DEMO_HEAD, SCHEMA_HEAD, upgrade
from tests.cli.conftest import Cli
from tests.storage.postgres import PrivatePostgres

ARI_APP = str(Path(sys.executable).with_name("ari-app"))
LONG = "Извините, мы пропустили ваш звонок. Перезвоним вам в ближайшее время, ждите: {company}."
"""A text of two SMS."""


@dataclass(frozen=True)
class DeskCli(Cli):
    """A command line whose database is at ``url``."""

    url: str

    def sql(self, *statements: str) -> None:
        """Edit the database as an administrator does."""
        self.rows(*statements)

    def rows(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements; the rows of the last."""
        engine = open_database(self.url)
        with engine.begin() as connection:
            results = [connection.execute(sa.text(statement)) for statement in statements]
            found = [tuple(row) for row in results[-1]] if results[-1].returns_rows else []
        engine.dispose()
        return found


@pytest.fixture(scope="session")
def demo_postgres() -> Iterator[PrivatePostgres]:
    """A server with the demo in its first database, to be copied from."""
    server = PrivatePostgres()
    upgrade(server.url, SCHEMA_HEAD, DEMO_HEAD)
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, bare: Cli, demo_database: Path, monkeypatch: pytest.MonkeyPatch) -> DeskCli:
    """A command line on the demo's database, on SQLite and on PostgreSQL, with a price and a window always open."""
    url = f"sqlite:///{bare.database}"
    if request.param == "postgresql":
        url = copied(request.getfixturevalue("demo_postgres"))
    return deployed(bare, demo_database, monkeypatch, url)


@pytest.fixture
def one(bare: Cli, demo_database: Path, monkeypatch: pytest.MonkeyPatch) -> DeskCli:
    """The same on SQLite alone, for what concerns the screen and not the database."""
    return deployed(bare, demo_database, monkeypatch, f"sqlite:///{bare.database}")


def deployed(bare: Cli, demo_database: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> DeskCli:
    """The settings of a company, and none of the demo's own rules."""
    for name, value in {
        "COMPANY": "Acme",
        "SMS_PRICE": "3.50",
        "SMS_CURRENCY": "RUB",
        "SENDING_HOURS": "00:00-24:00",
        "MESSAGES_FOLDER": str(bare.database.parent / "messages"),
    }.items():
        monkeypatch.setenv(f"ARI_APP_{name}", value)
    shutil.copy(demo_database, bare.database)
    monkeypatch.setenv("ARI_APP_DATABASE_URL", url)
    found = DeskCli(bare.database, url)
    found.sql("DELETE FROM apology_rule_numbers", "DELETE FROM apology_rules", "DELETE FROM message_types")
    return found


def copied(server: PrivatePostgres) -> str:
    """A copy of the demo's database; the one before it goes."""
    place = sa.make_url(server.url).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(place.set(database="template1"), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS desk WITH (FORCE)"))
        connection.execute(sa.text(f"CREATE DATABASE desk TEMPLATE {place.database}"))
    return sa.make_url(server.url).set(database="desk").render_as_string(hide_password=False)


def at_a_terminal(*arguments: str, answer: str = "", columns: int = 80, **environment: str) -> tuple[int, str]:
    """Run the program on a terminal and give ``answer`` once it asks; its exit code and all that was on the screen."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", "NO_COLOR": "1", **environment}
    with subprocess.Popen([ARI_APP, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=variables) as process:
        os.close(theirs)
        told = b""
        answered = not answer
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # EIO: the other side has closed it
                break
            if not piece:
                break
            told += piece
            if not answered and b"[y/N]" in told:
                os.write(ours, f"{answer}\n".encode())
                answered = True
    os.close(ours)
    return process.returncode, told.decode().replace("\r\n", "\n")

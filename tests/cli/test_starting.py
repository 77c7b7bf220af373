"""A service refuses to start on a database that is wrong, never on one that is away when the schemes are kept."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
import sqlalchemy as sa

from ari_app.agi.client import ask
from ari_app.cli.faults import Failed
from ari_app.cli.serve import check_database
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting
from ari_app.settings import Settings
from ari_app.storage.database import open_database
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.revisions import SCHEMA_HEAD, upgrade
from ari_app.storage.snapshot import BookSnapshot
from tests.e2e.controller import Controller
from tests.storage.admin import OFFICE, type_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of an installation with a migrated database, whose schemes are kept on disk."""
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'ari-app.db'}", messages_folder=tmp_path / "messages", language="en"
    )
    upgrade(settings.database_url, SCHEMA_HEAD)
    type_in(settings.database_url, *OFFICE, "DELETE FROM schedule_entries")
    keep(settings)
    return settings


def keep(settings: Settings) -> None:
    """As a service does at each reading."""
    engine = open_database(settings.database_url)
    keeper = SchemeBookKeeper(
        engine, DialPolicy(), Greeting("universal", "beep"), snapshot=BookSnapshot(settings.state)
    )
    assert keeper.refresh()
    engine.dispose()


def take_away(settings: Settings) -> Path:
    """As when the disk that the database is on is not mounted."""
    file = Path(str(sa.make_url(settings.database_url).database))
    return file.rename(file.with_suffix(".away"))


@pytest.mark.fault("17")
def test_a_database_that_is_away_is_not_refused_while_schemes_are_kept(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    take_away(settings)
    check_database(settings)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "calls get the schemes that were last in force until it can" in record.getMessage()


def test_a_database_that_was_never_made_is_refused(settings: Settings) -> None:
    take_away(settings)
    for path in settings.state.iterdir():
        path.unlink()
    with pytest.raises(Failed, match="make it: ari-app db upgrade"):
        check_database(settings)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ("UPDATE alembic_version SET version_num = 'ffffffffffff'", "which this release does not know"),
        ("DELETE FROM alembic_version", "the database has no tables yet"),
    ],
)
def test_a_database_of_another_release_is_refused_whatever_is_kept(settings: Settings, edit: str, words: str) -> None:
    type_in(settings.database_url, edit)
    with pytest.raises(Failed, match=words):
        check_database(settings)


def test_a_server_that_cannot_be_reached_is_not_refused(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = "postgresql://ari:secret@127.0.0.1:1/away"
    check_database(settings.model_copy(update={"database_url": away}))
    check_database(settings.model_copy(update={"database_url": away, "state_folder": tmp_path / "nothing kept"}))
    schemes, default = (record.getMessage() for record in caplog.records)
    assert "the schemes that were last in force" in schemes
    assert "the configured default" in default
    assert "secret" not in caplog.text


@pytest.mark.fault("17")
def test_fastagi_started_without_the_database_goes_by_the_last_schemes(settings: Settings, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    away = take_away(settings)
    given = {"database_url": settings.database_url, "messages_folder": settings.messages_folder, "agi_port": port}
    agi = Controller(tmp_path / "agi", given, "agi")
    try:
        agi.start(until="FastAGI is ready")
        agi.said("are in force", seconds=1)
        told = ask("127.0.0.1", port, "+74950000101")
        assert (told["ARI_APP_ACTION"], told["ARI_APP_SCHEME"]) == ("dial", "Office")
        away.rename(away.with_suffix(".db"))
        agi.said("the database can be read again", seconds=10)
        assert agi.stop() == 0
    finally:
        agi.kill()

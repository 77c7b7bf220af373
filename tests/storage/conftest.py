"""Both databases, migrated once a session and emptied before every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ari_app.storage.database import open_database
from ari_app.storage.revisions import SCHEMA_HEAD, upgrade
from ari_app.storage.tables import metadata
from tests.storage.postgres import PrivatePostgres

BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    server = PrivatePostgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PrivatePostgres) -> str:
    upgrade(postgres.url, SCHEMA_HEAD)
    return postgres.url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    upgrade(f"sqlite:///{file}", SCHEMA_HEAD)
    return file


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    copy = tmp_path / "ari-app.db"
    shutil.copy(migrated_sqlite, copy)
    return f"sqlite:///{copy}"


@pytest.fixture
def postgresql_url(migrated_postgres: str) -> str:
    engine = open_database(migrated_postgres)
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        connection.execute(sa.text("DELETE FROM configuration_changes"))
    engine.dispose()
    return migrated_postgres


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database: each test that asks for it runs on both."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture(params=BACKENDS)
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without anything in it, for the migrations' own tests."""
    if request.param == "sqlite":
        (tmp_path / "bare.db").touch()
        yield f"sqlite:///{tmp_path / 'bare.db'}"
        return
    server: PrivatePostgres = request.getfixturevalue("postgres")
    admin = sa.create_engine(sa.make_url(server.url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS bare WITH (FORCE)"))
        connection.execute(sa.text("CREATE DATABASE bare"))
        yield sa.make_url(server.url).set(database="bare").render_as_string(hide_password=False)
    admin.dispose()

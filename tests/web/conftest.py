"""One furnished company a database, its interface running, for all tests of a session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.storage.conftest import BACKENDS, migrated_postgres, migrated_sqlite, postgres
from tests.web.house import House

__all__ = ["migrated_postgres", "migrated_sqlite", "postgres"]


FURNISHED = r"book \w+ in force: 4 numbers"


def empty_database(backend: str, request: pytest.FixtureRequest, folder: Path, name: str) -> str:
    """A migrated, empty database of its own."""
    if backend == "sqlite":
        copy = folder / f"{name}.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), copy)
        return f"sqlite:///{copy}"
    template = sa.make_url(request.getfixturevalue("migrated_postgres"))
    # A template must have nobody in it, so the connection is to another database of the same server.
    elsewhere = template.set(drivername="postgresql+psycopg", database="template1")
    admin = sa.create_engine(elsewhere, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{template.database}"'))
    admin.dispose()
    return template.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session", params=BACKENDS)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The company with its interface, on each database; tests share it, so each has clients of its own."""
    folder = tmp_path_factory.mktemp("house")
    house = House.build(folder, empty_database(request.param, request, folder, "house"))
    house.furnish()
    house.process.said(FURNISHED, seconds=15)
    yield house
    house.stop()


@pytest.fixture
def own_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A company on SQLite for one test alone; the fixture's parameter has settings of its own."""
    settings = getattr(request, "param", {})
    house = House.build(tmp_path, empty_database("sqlite", request, tmp_path, "own"), **settings)
    house.furnish()
    house.process.said(FURNISHED, seconds=15)
    yield house
    if house.process.running:
        house.stop()
    house.engine.dispose()

"""The schema comes into being by its revisions alone, is what the code thinks it is, and can be undone."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ari_app.storage.database import open_database
from ari_app.storage.revisions import (
    DEMO_HEAD,
    SCHEMA_HEAD,
    SEEDS_HEAD,
    alembic_config,
    downgrade,
    revision_state,
    upgrade,
)
from ari_app.storage.schema import CONFIGURATION, configuration_changes, numbers
from ari_app.storage.tables import metadata

ROOT = Path(__file__).parent.parent.parent


def test_migrated_database_is_what_the_code_thinks_it_is(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found = compare_metadata(context, metadata)
    if engine.dialect.name == "sqlite":
        # SQLite's primary keys number themselves: it has no word for an identity, and alembic misses it.
        found = [each for each in found if not (isinstance(each, list) and each[0][0] == "modify_default")]
    assert found == []


def test_migrated_database_has_every_constraint_by_name(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    for table in metadata.tables.values():
        expected = {
            str(constraint.name)
            for constraint in table.constraints
            if isinstance(constraint, sa.CheckConstraint)
            and (constraint._ddl_if is None or constraint._ddl_if.dialect == engine.dialect.name)
        }
        assert {check["name"] for check in inspector.get_check_constraints(table.name)} == expected, table.name


def test_constraint_names_fit_postgresql() -> None:
    names = [
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if constraint.name
    ]
    assert [name for name in names if len(name.encode()) > 63] == []


def test_each_check_is_written_alike_in_code_and_revision(engine: sa.Engine, tmp_path: Path) -> None:
    """Two databases, one made by the revisions and one by the metadata, hold the same rules word for word."""
    if engine.dialect.name == "postgresql":
        made: sa.Engine = engine.execution_options(schema_translate_map={None: "made"})
        with engine.begin() as connection:
            connection.execute(sa.text("DROP SCHEMA IF EXISTS made CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA made"))
        schema: str | None = "made"
    else:
        (tmp_path / "made.db").touch()
        made, schema = open_database(f"sqlite:///{tmp_path / 'made.db'}"), None
    metadata.create_all(made)
    inspector, other = sa.inspect(engine), sa.inspect(made)
    for table in metadata.tables:
        rules = {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table)}
        assert rules == {
            check["name"]: check["sqltext"] for check in other.get_check_constraints(table, schema=schema)
        }, table
    if schema:
        with engine.begin() as connection:
            connection.execute(sa.text("DROP SCHEMA made CASCADE"))
    made.dispose()


def test_production_gets_the_schema_and_no_demo(bare_url: str) -> None:
    upgrade(bare_url)
    engine = open_database(bare_url)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(numbers)) == 0
    assert revision_state(engine).up_to_date
    engine.dispose()


def test_seeds_bring_the_schema_with_them_and_leave_the_demo_out(bare_url: str) -> None:
    upgrade(bare_url, SEEDS_HEAD)
    engine = open_database(bare_url)
    state = revision_state(engine)
    assert "schema_0007" in state.present, "what the newest seed was written for; later schemas come by themselves"
    assert not [revision for revision in state.present if revision.startswith("demo")]
    upgrade(bare_url, SCHEMA_HEAD, SEEDS_HEAD)
    assert revision_state(engine).up_to_date
    engine.dispose()


def test_each_of_the_branches_has_one_head() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    for target in (SCHEMA_HEAD, SEEDS_HEAD, DEMO_HEAD):
        assert len(script.get_revisions(target)) == 1


def test_a_database_without_the_schema_is_told_by_revision(bare_url: str) -> None:
    engine = open_database(bare_url)
    state = revision_state(engine)
    assert not state.up_to_date
    assert state.lacks[0] == "schema_0001"
    engine.dispose()


def test_a_database_from_a_newer_version_is_told(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        present = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'from_the_future'"))
        connection.commit()
        try:
            assert revision_state(engine).unknown == ("from_the_future",)
        finally:
            back = sa.text("UPDATE alembic_version SET version_num = :present")
            connection.execute(back, {"present": present})
            connection.commit()


def test_all_can_be_undone_and_done_again(bare_url: str) -> None:
    upgrade(bare_url, SCHEMA_HEAD, DEMO_HEAD)
    downgrade(bare_url, "demo@base")
    engine = open_database(bare_url)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(numbers)) == 0
    downgrade(bare_url, "schema@base")
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    upgrade(bare_url, DEMO_HEAD)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(numbers)) == 26
    engine.dispose()


def test_a_revision_that_fails_leaves_nothing_behind(bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic.operations import Operations

    create_index = Operations.create_index

    def stumbling(self: Operations, name: str, *args: object, **options: object) -> None:
        if name == "calls_by_caller":
            raise RuntimeError("the power went")
        create_index(self, name, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Operations, "create_index", stumbling)
    with pytest.raises(RuntimeError, match="the power went"):
        upgrade(bare_url)
    monkeypatch.undo()
    engine = open_database(bare_url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_alembic_typed_by_hand_does_the_same(tmp_path: Path) -> None:
    """``alembic upgrade schema@head`` and ``seeds@head`` in the repository, as the documentation promises."""
    url = f"sqlite:///{tmp_path / 'by-hand.db'}"
    for head in ("schema@head", "seeds@head"):
        done = subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", head],
            cwd=ROOT,
            env={"ARI_APP_DATABASE_URL": url, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    engine = open_database(url)
    assert revision_state(engine).up_to_date
    engine.dispose()


@pytest.mark.parametrize("table", CONFIGURATION)
def test_every_kind_of_edit_of_every_configuration_table_is_noted(engine: sa.Engine, table: str) -> None:
    inspector = sa.inspect(engine)
    assert inspector.has_table(table)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            query = f"SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'note_%_of_{table}'"
            assert connection.scalar(sa.text(query)) == 3
        else:
            before = connection.execute(sa.select(sa.func.count()).select_from(configuration_changes)).scalar_one()
            connection.execute(sa.text(f"DELETE FROM {table}"))
            connection.execute(sa.text(f"UPDATE {table} SET id = id"))
            connection.execute(sa.text(f"INSERT INTO {table} SELECT * FROM {table} WHERE false"))
            after = connection.execute(sa.select(sa.func.count()).select_from(configuration_changes)).scalar_one()
            assert after == before + 3


def test_a_new_sqlite_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Callers' numbers will be in it; its write-ahead log is beside it with the same mode."""
    file = tmp_path / "new.sqlite3"
    upgrade(f"sqlite:///{file}")
    with open_database(f"sqlite:///{file}").begin() as connection:
        connection.execute(sa.text("INSERT INTO teams (name) VALUES ('sales')"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}
    assert len(modes) > 1

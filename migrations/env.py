"""alembic's entry: runs revisions on the configured database, all of them in one transaction."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from ari_app.settings import SettingsError, load
from ari_app.storage.database import open_for_migration, writing
from ari_app.storage.tables import metadata

MIGRATION_LOCK = 4_271_903
"""Any number of our own: two controllers that start together migrate one after the other."""

target_metadata = metadata


def database_url() -> str | sa.URL:
    """The URL given by code; typed by hand, that of the controller's own settings."""
    given: str | sa.URL | None = context.config.attributes.get("url")
    if given:
        return given
    try:
        return load().database_url
    except SettingsError as error:
        raise SystemExit(f"alembic: {error}") from None


def run() -> None:
    """Run the asked-for revisions, all of them or none."""
    engine = open_for_migration(database_url())
    try:
        with writing(engine).connect() as connection:
            context.configure(
                connection=connection,
                target_metadata=target_metadata,
                render_as_batch=connection.dialect.name == "sqlite",
                transactional_ddl=True,
            )
            with context.begin_transaction():
                if connection.dialect.name == "postgresql":
                    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
                context.run_migrations()
    finally:
        engine.dispose()


if context.is_offline_mode():
    raise SystemExit("alembic: --sql is not supported; the seeds look up names in the database")
run()

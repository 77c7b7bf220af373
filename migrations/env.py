"""alembic's entry: runs revisions on the configured database, or ARI_APP_DATABASE_URL's, in one transaction."""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import context

from ari_app.storage import records
from ari_app.storage.database import open_for_migration, writing

MIGRATION_LOCK = 4_271_903
"""Any number of our own: two controllers that start together migrate one after the other."""

target_metadata = records.metadata


def database_url() -> str | sa.URL:
    """The URL given by code, in alembic.ini, or in the environment."""
    given = context.config.attributes.get("url") or context.config.get_main_option("sqlalchemy.url")
    url = given or os.environ.get("ARI_APP_DATABASE_URL")
    if not url:
        raise SystemExit("alembic: set ARI_APP_DATABASE_URL, such as sqlite:////var/lib/ari-app/ari-app.db")
    return url  # type: ignore[no-any-return]


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

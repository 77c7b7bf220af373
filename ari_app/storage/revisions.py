"""Migrations from code: where the revisions are, bringing a database up to date, saying what it lacks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import ari_app

SCHEMA_HEAD = "schema@head"
SEEDS_HEAD = "seeds@head"
DEMO_HEAD = "demo@head"
BRANCHES = ("schema", "seeds", "demo")


class MigrationsMissingError(RuntimeError):
    """The folder of revisions is not where it should be; the message says where that is."""


def migrations_folder() -> Path:
    """Where the revisions are: ``ARI_APP_MIGRATIONS``, or ``migrations`` beside the package.

    Raises:
        MigrationsMissingError: there is no such folder.
    """
    beside = Path(ari_app.__file__).resolve().parent.parent / "migrations"
    folder = Path(os.environ.get("ARI_APP_MIGRATIONS") or beside)
    if not (folder / "env.py").is_file():
        raise MigrationsMissingError(
            f"no migrations in {folder}; set ARI_APP_MIGRATIONS to the folder that has env.py, schema and seeds"
        )
    return folder


def alembic_config(url: str | sa.URL | None = None) -> Config:
    """alembic's configuration, made here so that it works from any directory; ``url`` is None for reading alone."""
    folder = migrations_folder()
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    places = os.pathsep.join(str(folder / branch) for branch in BRANCHES)
    config.set_main_option("version_locations", places.replace("%", "%%"))
    config.attributes["url"] = url
    return config


def upgrade(url: str | sa.URL, *targets: str) -> None:
    """Bring the database up to ``targets`` (the schema alone unless told), each in one transaction."""
    config = alembic_config(url)
    for target in targets or (SCHEMA_HEAD,):
        command.upgrade(config, target)


def downgrade(url: str | sa.URL, target: str) -> None:
    """Take the database back to ``target`` (``demo@base`` removes the demo data)."""
    command.downgrade(alembic_config(url), target)


@dataclass(frozen=True, slots=True)
class RevisionState:
    """What a database has of the schema: its revisions, those it ``lacks`` (oldest first), those nobody here knows."""

    present: frozenset[str]
    lacks: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def up_to_date(self) -> bool:
        """Whether the controller of this version can work with the database."""
        return not self.lacks and not self.unknown


def revision_state(engine: sa.Engine) -> RevisionState:
    """Compare the database with the schema branch. Raises SQLAlchemy's OperationalError when it cannot be reached."""
    script = ScriptDirectory.from_config(alembic_config())
    with engine.connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    known = {revision.revision for revision in script.walk_revisions()}
    present = _with_ancestors(script, [head for head in heads if head in known])
    wanted = [revision.revision for revision in script.iterate_revisions(SCHEMA_HEAD, "base")]
    lacks = tuple(revision for revision in reversed(wanted) if revision not in present)
    return RevisionState(frozenset(present), lacks, tuple(head for head in heads if head not in known))


def _with_ancestors(script: ScriptDirectory, heads: list[str]) -> set[str]:
    """The revisions and all they stand on; alembic's table drops those that another one depends on."""
    found: set[str] = set()
    waiting = list(heads)
    while waiting:
        revision = script.get_revision(waiting.pop())
        if revision is None or revision.revision in found:
            continue
        found.add(revision.revision)
        for below in (revision.down_revision, revision.dependencies):
            waiting.extend([below] if isinstance(below, str) else below or ())
    return found

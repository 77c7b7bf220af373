"""Every version of every scheme: written once by whoever notices it, found again by the version that calls name."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ari_app.core.draft import SchemeDraft
from ari_app.storage.book import Reading
from ari_app.storage.columns import storable
from ari_app.storage.database import writing
from ari_app.storage.description_writing import description_of
from ari_app.storage.records import calls
from ari_app.storage.versions_schema import scheme_versions

log = logging.getLogger(__name__)

NOTICED = "noticed in the database"
_AT_ONCE = 500


class VersionNotFoundError(LookupError):
    """No version, or more than one, begins so; the message says which there are."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a scheme. Moments are UTC: when it first and when it last came into force; ``source`` says how.
    ``description`` is a whole description of that scheme and the greetings that it plays."""

    scheme: str
    version: str
    first_at: datetime
    in_force_at: datetime
    source: str
    description: dict[str, Any]


def moment_of(connection: sa.Connection) -> datetime:
    """Now by the database's clock, so that several controllers agree what came first; SQLite's is the machine's."""
    if connection.dialect.name != "postgresql":
        return datetime.now(UTC)
    now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return now


def record(connection: sa.Connection, drafts: Iterable[SchemeDraft], at: datetime, source: str = NOTICED) -> None:
    """Write that these versions were in force at ``at`` (aware); nothing is written of what is known to be.

    Any number of controllers may do so, in any order: a version is one row, and one that was read before the latest
    came into force does not become the latest.
    """
    waiting = iter({draft.name: draft for draft in drafts}.values())
    while some := list(islice(waiting, _AT_ONCE)):
        latest = _latest(connection, [draft.name for draft in some])
        rows = [
            {"scheme": draft.name, "version": draft.version, "first_at": at, "in_force_at": at, "source": source,
             "description": description_of([draft])}
            for draft in some
            if latest.get(draft.name) != draft.version
        ]  # fmt: skip
        if rows:
            connection.execute(_UPSERT[connection.dialect.name], rows)


def _latest(connection: sa.Connection, names: list[str]) -> dict[str, str]:
    """The version of each scheme that came into force last, as far as it is known."""
    table = scheme_versions.c
    query = sa.select(table.scheme, table.version).where(table.scheme.in_(names)).order_by(table.in_force_at)
    return {row.scheme: row.version for row in connection.execute(query)}


def _upsert(insert: Any) -> Any:
    """A version that is there already has come into force again, unless that is known and lies later."""
    statement = insert(scheme_versions)
    again = {name: statement.excluded[name] for name in ("in_force_at", "source")}
    return statement.on_conflict_do_update(
        index_elements=["scheme", "version"],
        set_=again,
        where=scheme_versions.c.in_force_at < statement.excluded.in_force_at,
    )


_UPSERT = {"sqlite": _upsert(sqlite.insert), "postgresql": _upsert(postgresql.insert)}


def versions_of(connection: sa.Connection, scheme: str) -> list[Version]:
    """All versions of the scheme of this name, the one that came into force last first."""
    table = scheme_versions
    query = sa.select(table).where(table.c.scheme == storable(scheme)).order_by(
        table.c.in_force_at.desc(), table.c.version
    )  # fmt: skip
    return [Version(**row._mapping) for row in connection.execute(query)]


def version_of(connection: sa.Connection, scheme: str, beginning: str) -> Version:
    """The version of the scheme that begins so.

    Raises:
        VersionNotFoundError: there is none, or there are several.
    """
    known = versions_of(connection, scheme)
    found = [version for version in known if beginning and version.version.startswith(beginning)]
    if len(found) == 1:
        return found[0]
    if not known:
        raise VersionNotFoundError(f"no version of scheme {scheme!r} is known; ari-app schemes list has the names")
    fitting = "several versions" if found else "no version"
    raise VersionNotFoundError(
        f"{fitting} of scheme {scheme!r} {'begin' if found else 'begins'} with {beginning!r}; there are "
        + ", ".join(version.version for version in (found or known)[:10])
    )


def calls_by_version(connection: sa.Connection, scheme: str) -> dict[str, int]:
    """How many calls of the journal went by each version of the scheme."""
    query = (
        sa.select(calls.c.scheme_version, sa.func.count().label("calls"))
        .where(calls.c.scheme == storable(scheme), calls.c.scheme_version.is_not(None))
        .group_by(calls.c.scheme_version)
    )
    return {row.scheme_version: row.calls for row in connection.execute(query)}


class VersionRecorder:
    """Notices new versions in the readings of one process, and writes them when the database takes them."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._owed: dict[datetime, dict[str, SchemeDraft]] = defaultdict(dict)
        self._told = False

    def notice(self, reading: Reading, at: datetime) -> None:
        """Take in what came into force at ``at``. A scheme that is refused, or part of a circle, has not."""
        for draft, version in in_force(reading):
            if self._known.get(draft.name) != version:
                self._known[draft.name] = version
                self._owed[at][draft.name] = draft

    @property
    def owes(self) -> bool:
        """Whether something is not written yet."""
        return bool(self._owed)

    def write(self, engine: sa.Engine) -> None:
        """Write what is owed, oldest first, some hundreds to a transaction, for the journal waits for SQLite's writer.
        What the database does not take stays owed. Never raises for that."""
        try:
            for at in sorted(self._owed):
                self._write_owed(engine, at)
        except sa.exc.SQLAlchemyError as error:
            if not self._told:
                cause = str(getattr(error, "orig", None) or error).strip()
                log.warning("new versions of schemes are in force, but cannot be written down yet: %s", cause)
            self._told = True
            return
        self._told = False

    def _write_owed(self, engine: sa.Engine, at: datetime) -> None:
        owed = self._owed[at]
        while some := list(islice(owed.values(), _AT_ONCE)):
            with writing(engine).begin() as connection:
                record(connection, some, at)
            for draft in some:
                del owed[draft.name]
        del self._owed[at]


def in_force(reading: Reading) -> Iterator[tuple[SchemeDraft, str]]:
    """The schemes that are in force as they are written, each with its version."""
    for judged in reading.judged.values():
        if judged.own is not None and judged.in_force is judged.own:
            yield judged.draft, judged.own.version

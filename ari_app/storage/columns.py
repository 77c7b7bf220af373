"""Column types that mean the same on SQLite and PostgreSQL, strict tables included."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

Flag = sa.Boolean().with_variant(sa.Integer(), "sqlite")
"""Yes or no; 1 or 0 where SQLite's strict tables know no booleans."""

PlainText = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that sorts by code point on both databases, so that an index serves a search by prefix."""


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware moment, kept in UTC: ``timestamptz`` on PostgreSQL, ``2026-01-31 08:30:00.000000`` on SQLite."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """The database's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """A moment as the database keeps it. Raises ValueError for a naive one: nobody knows when that was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} is naive; times are stored in UTC and must be aware")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.strftime("%Y-%m-%d %H:%M:%S.%f")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """What the database kept, as an aware moment in UTC."""
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class Details(sa.types.TypeDecorator[dict[str, Any]]):
    """A small flat object: ``jsonb`` on PostgreSQL, its text on SQLite (``json_extract`` reads it)."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """The database's own type."""
        return dialect.type_descriptor(postgresql.JSONB() if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> Any:
        """The object as the database keeps it."""
        if value is None or dialect.name == "postgresql":
            return value
        return orjson.dumps(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> dict[str, Any] | None:
        """What the database kept, as an object."""
        found: dict[str, Any] | None = orjson.loads(value) if isinstance(value, str) else value
        return found


def storable(value: Any) -> Any:
    """Text as both databases take it: no NUL, no half surrogates; numbers too long for either as text."""
    if not isinstance(value, str):
        return str(value) if isinstance(value, int) and value.bit_length() > 63 else value
    if type(value) is str and value.isascii() and "\0" not in value:
        return value  # nearly always, and sixty times a call
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()

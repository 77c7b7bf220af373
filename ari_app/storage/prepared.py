"""Statements compiled once and run with many rows: the journal's, where SQLAlchemy's care for each row is dear."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

Row = Mapping[str, Any]
Processor = Callable[[Any], Any]


class Prepared:
    """One statement for one dialect, its parameters named by ``names``.

    Values pass through the bind processors of their columns' types, as they would in SQLAlchemy, and nothing else is
    done to a row. An error of the driver comes wrapped by SQLAlchemy, one of a processor as it is.
    """

    def __init__(self, dialect: sa.Dialect, statement: sa.Insert | sa.Update, names: Iterable[str]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        self._text = str(compiled)
        self._order: Sequence[str] | None = getattr(compiled, "positiontup", None)
        self._processors: dict[str, Processor | None] = {
            name: _processor(parameter.type, dialect) for name, parameter in compiled.binds.items()
        }
        self._positioned = [(name, self._processors[name]) for name in self._order or ()]

    def execute(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Run it for all the rows, in the connection's transaction."""
        if self._order is None:
            named = [{name: _bound(row[name], by) for name, by in self._processors.items()} for row in rows]
            connection.exec_driver_sql(self._text, named)
        else:
            placed = [tuple([_bound(row[name], by) for name, by in self._positioned]) for row in rows]
            connection.exec_driver_sql(self._text, placed)


def _processor(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Processor | None:
    processor: Processor | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return processor


def _bound(value: Any, processor: Processor | None) -> Any:
    return value if processor is None else processor(value)

"""Draws the schema from its own tables, so that the drawing in the documentation cannot be another one.

``python -m ari_app.storage.drawing > docs/schema.md`` makes it anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import sqlalchemy as sa

from ari_app.storage.records import calls
from ari_app.storage.refusals import MENDS
from ari_app.storage.schema import CONFIGURATION
from ari_app.storage.tables import metadata

_HEAD = """\
# The schema

Made from the tables themselves by `python -m ari_app.storage.drawing > docs/schema.md`; a test compares the two.
How to work with it is in [admin.md](admin.md).

The upper part is yours: edit it by plain SQL. The lower part is the journal, written by the controller, yours to read.
Columns marked with `*` must be given; the others have the default shown, or may be empty.
"""


def drawing() -> str:
    """The whole of docs/schema.md."""
    journal = [table.name for table in metadata.sorted_tables if table.name not in CONFIGURATION]
    names = [*CONFIGURATION, *journal]
    parts = [_HEAD, *_diagram(names), "## Tables\n"]
    for name in names:
        parts.extend(_table(metadata.tables[name]))
    return "\n".join(parts).rstrip("\n") + "\n"


def _diagram(names: list[str]) -> Iterator[str]:
    yield "```mermaid\nerDiagram"
    for name in names:
        for key in sorted(metadata.tables[name].foreign_keys, key=lambda key: str(key.parent.name)):
            many = "|o" if key.parent.nullable else "||"
            yield f"    {key.column.table.name} {many}--o{{ {name} : {key.parent.name}"
    number = calls.c.number.name
    yield f"    numbers |o..o{{ calls : {number}"
    for name in names:
        yield f"    {name} {{"
        for column in metadata.tables[name].columns:
            yield f"        {_kind(column)} {column.name}{_role(column)}"
        yield "    }"
    yield "```\n"


def _kind(column: sa.Column[object]) -> str:
    name = type(column.type).__name__.lower()
    return {"utctime": "time", "details": "json", "biginteger": "integer"}.get(name, name)


def _role(column: sa.Column[object]) -> str:
    roles = [name for name, has in (("PK", column.primary_key), ("FK", column.foreign_keys)) if has]
    return f" {', '.join(roles)}" if roles else ""


def _table(table: sa.Table) -> Iterator[str]:
    yield f"### {table.name}\n\n{_sentence(table.comment)}\n"
    yield "| column | type | default | what it is |\n|---|---|---|---|"
    for column in table.columns:
        given = column.server_default is not None or column.nullable or column.primary_key
        star = "" if given and not (column.primary_key and column.server_default is None) else "*"
        yield f"| `{column.name}`{star} | {_kind(column)} | {_default(column)} | {column.comment} |"
    rules = sorted(
        str(constraint.name)
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint | sa.ForeignKeyConstraint | sa.UniqueConstraint)
    )
    if rules:
        yield "\nRefusals:\n"
        yield from (f"- `{name}`: {MENDS[name]}" for name in dict.fromkeys(rules))
    yield ""


def _default(column: sa.Column[object]) -> str:
    default = column.server_default
    if isinstance(default, sa.Identity) or (column.primary_key and isinstance(column.type, sa.Integer) and default):
        return "the next number"
    if not isinstance(default, sa.DefaultClause):
        return ""
    shown = str(default.arg if isinstance(default.arg, str) else default.arg.compile())
    return f"`{shown}`" if shown else "empty text"


def _sentence(text: str | None) -> str:
    words = text or ""
    return f"{words[:1].upper()}{words[1:]}."


if __name__ == "__main__":
    sys.stdout.write(drawing())

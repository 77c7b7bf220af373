"""What commands print on: tables and colour for people on a terminal, plain text down a pipe, JSON for programs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import IO, Any, TextIO, TypeVar, cast

import click
import orjson
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ari_app.core.numbering import printable

PIPED_WIDTH = 500
"""Wide enough that no line meant for grep is ever folded."""
WIDE = 120
"""From so many columns on, every column of every table has room."""
LONGEST_TEXT = 2000
_PADDING = re.compile(r" +(?=\n)")
Command = TypeVar("Command", bound=Callable[..., Any])


def screen() -> Console:
    """Standard output for people. Colours only on a terminal, and none when NO_COLOR is set (no-color.org)."""
    console = Console(
        file=cast(IO[str], _Trimmed(sys.stdout)), highlight=False, markup=False, emoji=False, color_system=_colours()
    )
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = PIPED_WIDTH
    return console


class _Trimmed:
    """A stream without the blanks that pad a table's lines: they fold on a terminal and are noise down a pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(_PADDING.sub("", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _colours() -> Any:
    return None if os.environ.get("NO_COLOR") else "auto"


def clean(text: object, style: str = "") -> Text:
    """Text that somebody else wrote, safe to show: no control characters, so that it cannot drive the terminal."""
    return Text(printable("" if text is None else str(text), LONGEST_TEXT), style=style)


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """An empty table; the columns named in ``right`` are of figures."""
    ruled = screen().is_terminal
    gap = (0, 1 if ruled else 2, 0, 0)
    made = Table(
        box=box.SIMPLE_HEAD if ruled else None, padding=gap, show_edge=False, pad_edge=False, header_style="bold"
    )
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def json_option(command: Command) -> Command:
    """The option that every reading command has."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
    return option(command)


def print_json(value: object) -> None:
    """The value as JSON: times are RFC 3339, keys stay as they are from release to release."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    click.echo(orjson.dumps(value, option=options), nl=False)


def is_narrow() -> bool:
    """Whether a terminal has no room for the columns that can be done without."""
    return screen().width < WIDE


def utc(at: datetime) -> str:
    """A moment as people read it, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 call``, ``2 calls``."""
    return f"{number} {one if number == 1 else many or one + 's'}"

"""``ari-app report``: what the journal says of many calls together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ari_app.cli.faults import Failed
from ari_app.cli.kinds import SINCE, UNTIL, choice
from ari_app.cli.screen import clean, count, json_option, print_json, screen, table
from ari_app.cli.site import env_file_option, reading, settings_of
from ari_app.cli.week_plot import week_plot
from ari_app.core.schedule import DAY_NAMES
from ari_app.core.unanswered import By, Key, Tally, Unanswered, tallied
from ari_app.storage.unanswered import ended_calls, zones

_BAR = 20
_FIGURES = ("calls", "unanswered", "left a message", "share")


@click.group(short_help="Report on many calls together.")
def report() -> None:
    """What the journal says of many calls together.

    \b
    Example:
      ari-app report unanswered --since 30d
    """


@report.command("unanswered", short_help="The share of calls that nobody answered.")
@SINCE
@UNTIL
@click.option("--by", "wanted", type=choice(By), multiple=True, help="Only by this; may be given again [else by all].")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.svg",
              help="Draw the hours of the week, too.")  # fmt: skip
@json_option
@env_file_option
def unanswered(
    *,
    since: datetime | None,
    until: datetime | None,
    wanted: tuple[By, ...],
    plot: Path | None,
    as_json: bool,
    env_file: Path | None,
) -> None:
    """Report the share of calls that nobody answered by number, scheme, branch, hour and weekday.

    A message left is no answer. Hours and weekdays are those of the scheme's time zone (UTC for calls without one).
    Calls that still last are not counted.

    \b
    Examples:
      ari-app report unanswered --since 30d
      ari-app report unanswered --by hour --by weekday --plot week.svg
      ari-app report unanswered --since 2026-01-01 --until 2026-02-01 --json
    """
    if plot is not None and plot.suffix != ".svg":
        raise click.BadParameter("the plot is an SVG; name a file that ends with .svg", param_hint="--plot")
    with reading(settings_of(env_file)) as connection:
        found = tallied(ended_calls(connection, since, until), zones(connection))
    if plot is not None:
        _draw(plot, found)
    shown = [by for by in By if not wanted or by in wanted]
    if as_json:
        rows = {f"by_{by}": [_row_json(by, *row) for row in found.rows[by].items()] for by in shown}
        print_json({"since": since, "until": until, **_figures(found.total), **rows})
        return
    screen().print(headline(found.total))
    for by in shown if found.total.calls else ():
        _print(by, found.rows[by].items())


def headline(total: Tally) -> str:
    """The share of all, in a sentence."""
    if total.share is None:
        return "No calls have ended in that time."
    return f"{total.unanswered} of {count(total.calls, 'call')} unanswered: {total.share:.1%}"


def _draw(plot: Path, found: Unanswered) -> None:
    try:
        plot.write_text(week_plot(found, headline(found.total)), encoding="utf-8")
    except OSError as error:
        raise Failed(f"the plot cannot be written: {plot}: {error.strerror}") from None


def _print(by: By, rows: Iterable[tuple[Key, Tally]]) -> None:
    names = ("scheme", "branch") if by is By.BRANCH else (by.value,)
    shown = table(*names, *_FIGURES, "", right=_FIGURES)
    for key, tally in rows:
        share = tally.share or 0.0
        figures = (str(tally.calls), str(tally.unanswered), str(tally.messages), f"{share:.1%}")
        shown.add_row(*(clean(part) for part in _words(by, key)), *figures, clean("▇" * round(share * _BAR), "red"))
    screen().print()
    screen().print(shown)


def _words(by: By, key: Key) -> tuple[str, ...]:
    match by:
        case By.HOUR:
            return (f"{key[0]:02d}:00",)
        case By.WEEKDAY:
            return (DAY_NAMES[int(key[0] or 1) - 1],)
        case By.NUMBER:
            return (str(key[0] or "no number"),)
        case By.SCHEME | By.BRANCH:
            none = ("the default", "none")
            return tuple(str(part or none[place]) for place, part in enumerate(key))


def _row_json(by: By, key: Key, tally: Tally) -> dict[str, Any]:
    names = ("scheme", "branch") if by is By.BRANCH else (by.value,)
    return {**dict(zip(names, key, strict=True)), **_figures(tally)}


def _figures(tally: Tally) -> dict[str, Any]:
    return {
        "calls": tally.calls,
        "unanswered": tally.unanswered,
        "messages_left": tally.messages,
        "share": tally.share,
    }

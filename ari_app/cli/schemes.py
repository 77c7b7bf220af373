"""``ari-app schemes`` and ``ari-app numbers``: what is configured, what it does, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from ari_app.cli.as_code import apply_file, copy, export, plan_file, schema
from ari_app.cli.problems import problems_about
from ari_app.cli.scheme_check import check
from ari_app.cli.scheme_days import override, show
from ari_app.cli.screen import clean, count, is_narrow, json_option, print_json, screen, table
from ari_app.cli.site import env_file_option, read_book, settings_of
from ari_app.cli.versions import diff, history, rollback
from ari_app.core.checks import errors
from ari_app.core.engine import describe
from ari_app.core.scheme import Branch, Number, Scheme
from ari_app.storage.book import Reading


def summary(scheme: Scheme) -> str:
    """What a scheme does, in one line: each branch with its hours and steps."""
    return "; ".join(_branches(scheme))


def _branches(scheme: Scheme) -> list[str]:
    if len(scheme.branches) == 1 and not scheme.branches[0].entries:
        return [_steps(scheme.branches[0])]
    return [f"{_hours(branch)}: {_steps(branch)}" for branch in scheme.branches]


def _hours(branch: Branch) -> str:
    hours = ", ".join(map(str, branch.entries)) or "always"
    return f"{hours} (out of hours)" if branch.out_of_hours else hours


def _steps(branch: Branch) -> str:
    return ", then ".join(map(describe, branch.steps))


@click.group(short_help="List, check, change, compare and override forwarding schemes.")
def schemes() -> None:
    """Forwarding schemes: list, show and check them, open or close them for a while, keep them as text, go back.

    \b
    Examples:
      ari-app schemes list
      ari-app schemes check
      ari-app schemes check "Office Moscow"
      ari-app schemes export > schemes.yaml
      ari-app schemes history "Office Moscow"
      ari-app schemes override "Office Moscow" closed --until 18:00
    """


@schemes.command("list")
@json_option
@env_file_option
def list_schemes(as_json: bool, env_file: Path | None) -> None:
    """List every scheme: its zone, its numbers, what it does, and whether it is in force.

    \b
    Examples:
      ari-app schemes list
      ari-app schemes list --json | jq -r '.schemes[].name'
    """
    reading = read_book(settings_of(env_file))
    rows = [_scheme_row(reading, scheme_id) for scheme_id in reading.judged]
    if as_json:
        print_json({"schemes": rows})
        return
    narrow = is_narrow()
    shown = table("scheme", *(() if narrow else ("zone", "numbers")), "state", "what it does", right=("numbers",))
    for row in rows:
        state, style = _state(row)
        more = () if narrow else (clean(row["time_zone"]), str(len(row["numbers"])))
        shown.add_row(clean(row["name"], "bold"), *more, clean(state, style), clean(row["does"]))
    screen().print(
        shown if rows else "No schemes yet: write one in SQL (docs), or try the demo: ari-app db upgrade --demo"
    )


def _scheme_row(reading: Reading, scheme_id: int) -> dict[str, Any]:
    judged = reading.judged[scheme_id]
    found = problems_about(reading, scheme=judged.draft.name)
    return {
        "name": judged.draft.name,
        "time_zone": judged.draft.time_zone,
        "version": judged.draft.version,
        "refused": bool(errors(found)),
        "warnings": len(found) - len(errors(found)),
        "numbers": [number for number, assigned in reading.assigned.items() if assigned == scheme_id],
        "does": summary(judged.own) if judged.own else "",
    }


def _state(row: dict[str, Any]) -> tuple[str, str]:
    if row["refused"]:
        return "refused", "bold red"
    return (count(row["warnings"], "warning"), "yellow") if row["warnings"] else ("in force", "green")


for _command in (check, show, override, export, schema, plan_file, apply_file, copy, history, diff, rollback):
    schemes.add_command(_command)


@click.group(short_help="List the company's own numbers.")
def numbers() -> None:
    """The company's own numbers.

    \b
    Example:
      ari-app numbers list
    """


@numbers.command("list")
@json_option
@env_file_option
def list_numbers(as_json: bool, env_file: Path | None) -> None:
    """List every number with its scheme, and what that does.

    \b
    Examples:
      ari-app numbers list
      ari-app numbers list --json | jq -r '.numbers[] | select(.scheme == null).number'
    """
    reading = read_book(settings_of(env_file))
    listed = [_number_row(number) for number in reading.book.numbers.values()]
    if as_json:
        print_json({"numbers": listed})
        return
    narrow = is_narrow()
    shown = table("number", "name", *(() if narrow else ("scheme",)), "what it does")
    for row in listed:
        more = () if narrow else (_scheme_cell(row),)
        shown.add_row(clean(row["number"], "bold"), clean(row["name"]), *more, clean(row["does"]))
    screen().print(shown if listed else "No numbers yet: enter them by SQL, or try the demo: ari-app db upgrade --demo")


def _number_row(number: Number) -> dict[str, Any]:
    served = number.scheme is not None and number.enabled
    return {
        "number": number.e164,
        "name": number.name,
        "enabled": number.enabled,
        "team": number.team,
        "scheme": number.scheme.name if number.scheme else None,
        "does": summary(number.scheme) if number.scheme and served else "the configured default",
    }


def _scheme_cell(row: dict[str, Any]) -> Text:
    if not row["enabled"]:
        return clean("switched off", "yellow")
    return clean(row["scheme"]) if row["scheme"] else clean("none in force", "yellow")

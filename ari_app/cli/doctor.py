"""``ari-app doctor``: examines everything that a call needs, and says how to mend what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ari_app.cli.doctor_asterisk import ASTERISK_CHECKS
from ari_app.cli.doctor_crm import CRM_CHECKS
from ari_app.cli.doctor_database import DATABASE_CHECKS
from ari_app.cli.doctor_machine import MACHINE_CHECKS
from ari_app.cli.doctor_weaknesses import WEAKNESS_CHECKS
from ari_app.cli.faults import EXIT_NO
from ari_app.cli.findings import Check, Finding, Patient, State, fault
from ari_app.cli.screen import clean, count, json_option, print_json, screen
from ari_app.cli.site import env_file_option

CHECKS: tuple[Check, ...] = (*DATABASE_CHECKS, *CRM_CHECKS, *ASTERISK_CHECKS, *WEAKNESS_CHECKS, *MACHINE_CHECKS)
_MARKS = {
    State.FINE: ("✔", "green"),
    State.WARNING: ("!", "yellow"),
    State.FAULT: ("✘", "red"),
    State.SKIPPED: ("-", "dim"),
}
NAME_WIDTH = 18


@click.command(short_help="Check everything, and say how to mend it.")
@json_option
@env_file_option
def doctor(as_json: bool, env_file: Path | None) -> None:
    """Check all that a call needs: settings, database, schemes, CRMs, Asterisk, its weaknesses, this machine.

    Each line is ✔ fine, ! a warning or ✘ a fault with its mend, or - not to be told yet. Exit code 1 when there is a
    fault.

    \b
    Examples:
      ari-app doctor
      ari-app doctor --json | jq -r '.checks[] | select(.state == "fault").mend'
    """
    out = screen()
    found: list[tuple[Check, Finding]] = []
    for check, finding in examined(Patient(env_file)):
        found.append((check, finding))
        if not as_json:
            _print(out, check, finding, first=len(found) == 1 or found[-2][0].about != check.about)
    faults = sum(finding.state is State.FAULT for _, finding in found)
    warnings = sum(finding.state is State.WARNING for _, finding in found)
    if as_json:
        print_json({"faults": faults, "warnings": warnings, "checks": [_as_json(*each) for each in found]})
    else:
        out.print()
        style = "bold red" if faults else "bold green"
        out.print(clean(f"{count(len(found), 'check')}: {count(faults, 'fault')}, {count(warnings, 'warning')}", style))
    if faults:
        raise click.exceptions.Exit(EXIT_NO)


def examined(patient: Patient) -> Iterator[tuple[Check, Finding]]:
    """Every check in its order, each with what it found; a check that breaks is a fault of its own."""
    try:
        for check in CHECKS:
            try:
                finding = check.examine(patient)
            except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
                finding = fault(f"the check itself broke: {error!r}", "report it, with this line")
            yield check, finding
    finally:
        if patient.ari is not None:
            patient.ari.__exit__(None, None, None)


def _as_json(check: Check, finding: Finding) -> dict[str, str]:
    return {
        "about": check.about,
        "name": check.name,
        "state": finding.state.value,
        "text": finding.text,
        "mend": finding.mend,
    }


def _print(out: Console, check: Check, finding: Finding, *, first: bool) -> None:
    if first:
        out.print(clean(check.about, "bold"))
    mark, style = _MARKS[finding.state]
    row = Table.grid(padding=(0, 1))
    row.add_column(width=2, justify="right", no_wrap=True)
    row.add_column(width=NAME_WIDTH, no_wrap=True)
    row.add_column(overflow="fold")
    text = clean(finding.text, "dim" if finding.state is State.SKIPPED else "")
    row.add_row(clean(mark, style), check.name, text)
    if finding.mend:
        row.add_row("", "", clean(f"mend: {finding.mend}", "bold"))
    out.print(row)

"""``ari-app managers``: where those are rung whom CRMs name as responsible for a caller."""

from __future__ import annotations

from pathlib import Path

import click

from ari_app.cli.screen import clean, json_option, print_json, screen, table
from ari_app.cli.site import env_file_option, read_book, settings_of


@click.group(short_help="Show where responsible managers are rung.")
def managers() -> None:
    """Show where those are rung whom a CRM names as responsible for a caller. The table manager_destinations has them;
    docs/crm.md says how to edit it.

    \b
    Example:
      ari-app managers list
    """


@managers.command("list", short_help="List managers and their destinations.")
@json_option
@env_file_option
def list_managers(as_json: bool, env_file: Path | None) -> None:
    """List managers, by CRM, with all the destinations that ring for them together.

    \b
    Examples:
      ari-app managers list
      ari-app managers list --json | jq -r '.managers[].manager'
    """
    book = read_book(settings_of(env_file)).book
    listed = sorted(book.managers.items())
    if as_json:
        print_json({
            "managers": [
                {
                    "crm": crm,
                    "manager": manager,
                    "destinations": [
                        {"kind": one.kind.value, "target": one.target, "timeout_seconds": one.timeout or None}
                        for one in rung
                    ],
                }
                for (crm, manager), rung in listed
            ]
        })  # fmt: skip
        return
    if not listed:
        click.echo("no manager has a destination; docs/crm.md says how to add one")
        return
    shown = table("CRM", "manager", "rung at")
    for (crm, manager), rung in listed:
        words = [f"{one.target} ({f'{one.timeout} s' if one.timeout else 'as long as asked'})" for one in rung]
        shown.add_row(clean(crm), clean(manager), clean(", ".join(words)))
    screen().print(shown)

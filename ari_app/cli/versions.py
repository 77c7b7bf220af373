"""``ari-app schemes history``, ``diff`` and ``rollback``: what a scheme was, what changed, and back to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from ari_app.cli.as_code import Undertaking, changes_json, print_changes, undertake
from ari_app.cli.faults import Failed
from ari_app.cli.screen import clean, json_option, print_json, screen, table, utc
from ari_app.cli.site import env_file_option, reading, settings_of
from ari_app.core.draft import SchemeDraft
from ari_app.core.scheme_changes import scheme_changes
from ari_app.settings import Settings
from ari_app.storage.description import AnyNumber, Description, DescriptionError, GreetingRow, read_description
from ari_app.storage.description_writing import as_yaml
from ari_app.storage.planning import Present, played, read_present
from ari_app.storage.versions import Version, VersionNotFoundError, calls_by_version, version_of, versions_of

NAME = click.argument("name")


@click.command("history", short_help="List the versions of a scheme.")
@NAME
@json_option
@env_file_option
def history(name: str, as_json: bool, env_file: Path | None) -> None:
    """List every version of the scheme called NAME that was in force, the latest first.

    A version is what "calls show" names; those that plain SQL made are here too. Calls are those of the journal.

    \b
    Examples:
      ari-app schemes history "Office Moscow"
      ari-app schemes history "Office Moscow" --json | jq -r '.versions[0].version'
    """
    with reading(settings_of(env_file)) as connection:
        known, by_version = versions_of(connection, name), calls_by_version(connection, name)
        present = read_present(connection).schemes.get(name)
    if not known and present is None:
        raise Failed(f"there is no scheme {name!r}, and never was; ari-app schemes list shows those there are")
    now = present.version if present else None
    rows = [_row(version, now, by_version.get(version.version, 0)) for version in known]
    if as_json:
        print_json({"scheme": name, "present": now, "versions": rows})
        return
    _print_history(rows)
    if now is None:
        screen().print("The scheme is not in the database any more; rollback brings it back.")
    elif now not in (row["version"] for row in rows):
        screen().print(f"The database has version {now}, which no controller has taken into force yet.")


def _row(version: Version, now: str | None, calls: int) -> dict[str, Any]:
    return {
        "version": version.version,
        "in_force_at": version.in_force_at,
        "first_at": version.first_at,
        "present": version.version == now,
        "calls": calls,
        "source": version.source,
    }


def _print_history(rows: list[dict[str, Any]]) -> None:
    shown = table("version", "since (UTC)", "calls", "how", right=("calls",))
    for row in rows:
        style = "bold green" if row["present"] else ""
        moment = utc(row["in_force_at"]).removesuffix(" UTC")
        how = f"{row['source']} (now)" if row["present"] else row["source"]
        shown.add_row(clean(row["version"], style), clean(moment), str(row["calls"]), clean(how))
    screen().print(shown)


@click.command("diff", short_help="Compare two versions of a scheme.")
@NAME
@click.argument("before", metavar="[A]", required=False)
@click.argument("after", metavar="[B]", required=False)
@json_option
@env_file_option
def diff(name: str, before: str | None, after: str | None, as_json: bool, env_file: Path | None) -> None:
    """Say what changed in the scheme called NAME from version A to version B, or to what is in the database now.

    Without A: from the version before. The first digits of a version will do.

    \b
    Examples:
      ari-app schemes diff "Office Moscow"
      ari-app schemes diff "Office Moscow" 36c8a0 9d1f22
    """
    with reading(settings_of(env_file)) as connection:
        present = read_present(connection).schemes.get(name)
        new = _draft(_version(connection, name, after)) if after else present
        old = _draft(_version(connection, name, before) if before else _before(connection, name, present))
    change = scheme_changes(old, new)
    changes = (change,) if change else ()
    if as_json:
        print_json({"changes": changes_json(changes)})
    elif changes:
        print_changes(changes)
    else:
        screen().print("No difference that a call would notice.")


def _version(connection: sa.Connection, name: str, beginning: str) -> Version:
    try:
        return version_of(connection, name, beginning)
    except VersionNotFoundError as error:
        raise Failed(str(error)) from None


def _before(connection: sa.Connection, name: str, present: SchemeDraft | None) -> Version:
    now = present.version if present else None
    for version in versions_of(connection, name):
        if version.version != now:
            return version
    raise Failed(f"no version of scheme {name!r} from before is known; ari-app schemes history shows those there are")


def _draft(version: Version) -> SchemeDraft:
    return _described(version, None).schemes[0]


def _described(version: Version, settings: Settings | None) -> Description:
    """The version as a description; with ``settings`` checked by the rules of today. Raises Failed."""
    rules = settings.dial_policy if settings else AnyNumber()
    try:
        return read_description(as_yaml(version.description), rules, source=f"version {version.version}")[0]
    except DescriptionError as error:
        raise Failed(f"the version cannot be used as it is: {error}") from None


@click.command("rollback", short_help="Go back to a version of a scheme.")
@NAME
@click.argument("version")
@env_file_option
def rollback(name: str, version: str, env_file: Path | None) -> None:
    """Bring the scheme called NAME back to VERSION, of which the first digits will do; it asks nothing.

    What is there now stays in the history, so this can be taken back in the same way. A greeting that other schemes
    play too keeps the sound it has now. A scheme that was removed is made anew; no number goes by it then.

    \b
    Example:
      ari-app schemes rollback "Office Moscow" 36c8a0
    """
    settings = settings_of(env_file)
    with reading(settings) as connection:
        found = _version(connection, name, version)
    asked = _described(found, settings)
    undertake(
        Undertaking(
            settings,
            f"rollback to {found.version}",
            name,
            lambda present: asked._replace(greetings=_restored(asked, present, name)),
        ),
        yes=True,
    )


def _restored(asked: Description, present: Present, name: str) -> tuple[GreetingRow, ...]:
    """The version's greetings, those that other schemes play as they are now."""
    others = {greeting for draft in present.schemes.values() if draft.name != name for greeting in played(draft)}
    rows = []
    for row in asked.greetings:
        now = present.greetings.get(row.name)
        if now and row.name in others and now.sound != row.sound:
            click.secho(
                f"warning: greeting {row.name!r} keeps its sound {now.sound} (it was {row.sound}), for other schemes "
                "play it too",
                fg="yellow",
                err=True,
            )
        rows.append(row if now is None else now if row.name in others else row._replace(team=now.team))
    return tuple(rows)

"""``ari-app calls``: the journal, as a list, call by call, and as the share that nobody answered."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ari_app.cli.faults import Failed
from ari_app.cli.kinds import SINCE, UNTIL
from ari_app.cli.listening import play
from ari_app.cli.screen import clean, count, is_narrow, json_option, print_json, screen, table
from ari_app.cli.site import env_file_option, reading, settings_of
from ari_app.cli.timeline import moments, print_timeline
from ari_app.core.numbering import normalise
from ari_app.core.verdict import Disposition
from ari_app.settings import Settings
from ari_app.storage import history
from ari_app.storage.history import CallHistory, JournalledCall

STYLES = {"answered": "green", "message_left": "cyan", "lost": "bold red"}


@click.group(short_help="The journal: list calls, show one, play a message.")
def calls() -> None:
    """The journal of calls: list them, show one, count the unanswered.

    \b
    Examples:
      ari-app calls list --disposition lost --since 24h
      ari-app calls show last
      ari-app calls play last --output message.mp3
      ari-app calls stats --since 7d
    """


@calls.command("list")
@click.option("--number", metavar="NUMBER", help="Only calls to this number.")
@click.option("--caller", metavar="NUMBER", help="Only calls from this number.")
@click.option("--disposition", type=click.Choice([one.value for one in Disposition]), help="Only calls that ended so.")
@SINCE
@UNTIL
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
@json_option
@env_file_option
def list_calls(
    *,
    number: str | None,
    caller: str | None,
    disposition: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
    env_file: Path | None,
) -> None:
    """List calls, the latest first.

    \b
    Examples:
      ari-app calls list
      ari-app calls list --disposition lost --since today
      ari-app calls list --number +74950000101 --json | jq -r '.calls[].id'
    """
    settings = settings_of(env_file)
    with reading(settings) as connection:
        found = history.list_calls(
            connection,
            number=_number(number, settings),
            caller=_number(caller, settings),
            disposition=Disposition(disposition) if disposition else None,
            since=since,
            until=until,
            limit=limit,
        )
    if as_json:
        print_json({"calls": [asdict(call) for call in found]})
    else:
        screen().print(_calls_table(found) if found else "No such calls.")


def _number(text: str | None, settings: Settings) -> str | None:
    if text is None:
        return None
    number = normalise(text, settings.region)
    if number is None:
        raise click.UsageError(f"{text!r} is not a telephone number such as +74950000101")
    return number


def _calls_table(found: list[JournalledCall]) -> Table:
    narrow = is_narrow()  # then without what can be told from the id, and without the reason
    arrived, why = (() if narrow else ("arrived (UTC)",)), (() if narrow else ("why",))
    shown = table(*arrived, "caller", "dialled", "ended", *why, "after", "id", right=("after",))
    for call in found:
        shown.add_row(
            *(f"{call.arrived_at:%Y-%m-%d %H:%M:%S}" for _ in arrived),
            clean(call.caller or call.caller_raw or "anonymous"),
            clean(call.dialled or call.dialled_raw),
            clean(_words(call.disposition, "under way"), STYLES.get(call.disposition or "", "yellow")),
            *(clean(_words(call.reason, "")) for _ in why),
            _after(call),
            clean(call.id, "dim"),
        )
    return shown


def _words(value: str | None, missing: str) -> str:
    return value.replace("_", " ") if value else missing


def _after(call: JournalledCall) -> str:
    return "" if call.ended_ms is None else f"{call.ended_ms / 1000:.1f} s"


@calls.command()
@click.argument("call_id", metavar="ID")
@json_option
@env_file_option
def show(call_id: str, as_json: bool, env_file: Path | None) -> None:
    """Tell what happened in a call and why: its timeline, legs, messages and verdict.

    ID is the call's id, a beginning of it that no other call has, or "last".

    \b
    Examples:
      ari-app calls show last
      ari-app calls show 20260131-0830
      ari-app calls show last --json | jq -r '.timeline[].sentence'
    """
    with reading(settings_of(env_file)) as connection:
        try:
            wanted = _latest(history.list_calls(connection, limit=1)) if call_id == "last" else call_id
            found = history.show_call(connection, wanted)
        except history.CallNotFoundError as error:
            raise Failed(str(error)) from None
    if as_json:
        print_json(call_json(found))
    else:
        print_call(screen(), found)


def _latest(found: list[JournalledCall]) -> str:
    if not found:
        raise Failed("the journal has no calls yet; place one: ari-app call --to NUMBER")
    return found[0].id


def call_json(found: CallHistory) -> dict[str, Any]:
    """The keys that ``--json`` promises for one call."""
    return {
        "call": asdict(found.call),
        "timeline": [moment.as_json() for moment in moments(found.events)],
        "legs": [asdict(leg) for leg in found.legs],
        "messages": [asdict(message) for message in found.messages],
    }


def print_call(out: Console, found: CallHistory) -> None:
    """One call for people."""
    call = found.call
    head = Table.grid(padding=(0, 2))
    scheme = f"{call.scheme} (version {call.scheme_version})" if call.scheme else "the configured default"
    for what, value in (
        ("call", call.id),
        ("arrived", f"{call.arrived_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("scheme", f"{scheme}, branch {call.branch}" if call.branch else scheme),
    ):
        head.add_row(clean(what, "dim"), clean(value))
    out.print(head)
    out.print()
    print_timeline(out, moments(found.events))
    for message in found.messages:
        out.print()
        out.print(clean(f"message: {message.name}.wav and .mp3, {message.length_ms / 1000:.1f} s"))
    if call.disposition is None:
        out.print(clean("The call is under way.", "yellow"))


@calls.command()
@SINCE
@UNTIL
@json_option
@env_file_option
def stats(since: datetime | None, until: datetime | None, as_json: bool, env_file: Path | None) -> None:
    """Report the share of calls that nobody answered; a message left is no answer.

    \b
    Examples:
      ari-app calls stats
      ari-app calls stats --since 7d
      ari-app calls stats --since 2026-01-01 --until 2026-02-01 --json
    """
    with reading(settings_of(env_file)) as connection:
        share = history.unanswered_share(connection, since, until)
    if as_json:
        print_json(
            {"since": since, "until": until, "calls": share.calls, "unanswered": share.unanswered, "share": share.share}
        )
    elif share.share is None:
        screen().print("No calls have ended in that time.")
    else:
        screen().print(f"{share.unanswered} of {count(share.calls, 'call')} unanswered: {share.share:.1%}")


calls.add_command(play)

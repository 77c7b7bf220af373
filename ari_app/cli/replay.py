"""``ari-app replay``: what a draft of schemes would have made of calls that there were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ari_app import replaying
from ari_app.cli.as_code import planned_or_failed, read_file, warn
from ari_app.cli.kinds import PAST, UNTIL
from ari_app.cli.screen import clean, count, is_narrow, json_option, print_json, screen, table
from ari_app.cli.site import env_file_option, reading, settings_of
from ari_app.core.verdict import Disposition
from ari_app.replaying import Draft, Replayed
from ari_app.storage.book import Reading, compile_book
from ari_app.storage.past_calls import past_calls
from ari_app.storage.planning import read_present

_WORDS = {Disposition.ANSWERED: "answered", Disposition.MESSAGE_LEFT: "message left", Disposition.LOST: "lost"}


@click.command("replay", short_help="Play past calls through a draft of schemes.")
@click.option("--draft", "draft", required=True, type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
              help="A description, as schemes apply takes it.")  # fmt: skip
@click.option("--since", required=True, type=PAST, help="Calls from then on: 7d, 2026-01-31, 2026-01-31T11:30.")
@UNTIL
@click.option("--limit", default=50, show_default=True, type=click.IntRange(0, 100_000), help="List at most so many.")
@json_option
@env_file_option
def replay(
    *, draft: Path, since: datetime, until: datetime | None, limit: int, as_json: bool, env_file: Path | None
) -> None:
    """Play calls of the journal through the schemes as they would be with DRAFT, by the engine of live calls.

    Says how many would ring elsewhere, be newly lost, be newly answered, and which. Destinations are taken to do what
    they did in that call, callers to be as patient as they were. What the call does not show, such as what a
    destination would have done that was not rung, is not guessed: it is unknown, and said to be. Nothing is changed.

    \b
    Examples:
      ari-app replay --draft schemes.yaml --since 7d
      ari-app replay --draft schemes.yaml --since 2026-01-01 --until 2026-02-01 --json
    """
    settings = settings_of(env_file)
    asked = read_file(draft, settings)
    with reading(settings) as connection:
        planned = planned_or_failed(asked, read_present(connection), settings)
        book = compile_book(planned.target, settings.dial_policy, settings.default_greeting, Reading()).book
        through = Draft(book, settings.default_steps, settings.max_call_seconds)
        found = [replaying.replay(past, through) for past in past_calls(connection, since, until)]
    if as_json:
        print_json(_as_json(found, since, until))
        return
    warn(planned.problems)
    _print(found, limit)


def _is_told(one: Replayed) -> bool:
    """Whether there is anything to say of the call."""
    return one.elsewhere is not False or one.disposition is None or one.newly is not None


def _counts(found: Sequence[Replayed]) -> dict[str, int]:
    return {
        "calls": len(found),
        "elsewhere": sum(one.elsewhere is True for one in found),
        "elsewhere_unknown": sum(one.elsewhere is None for one in found),
        "newly_answered": sum(one.newly is Disposition.ANSWERED for one in found),
        "newly_message_left": sum(one.newly is Disposition.MESSAGE_LEFT for one in found),
        "newly_lost": sum(one.newly is Disposition.LOST for one in found),
        "outcome_unknown": sum(one.disposition is None for one in found),
    }


def _print(found: Sequence[Replayed], limit: int) -> None:
    counts, out = _counts(found), screen()
    would = f"{counts['elsewhere']} would ring elsewhere, {counts['newly_lost']} would be newly lost"
    newly = f"{counts['newly_answered']} newly answered, {counts['newly_message_left']} newly left a message"
    out.print(f"{count(counts['calls'], 'call')}: {would}, {newly}.")
    if counts["outcome_unknown"] or counts["elsewhere_unknown"]:
        whether = f"of {counts['elsewhere_unknown']} whether they would ring elsewhere"
        out.print(f"Not to be known: of {counts['outcome_unknown']} how they would end, {whether}.")
    told = [one for one in found if _is_told(one)]
    narrow = is_narrow()
    shown = table("call", *(() if narrow else ("dialled",)), "was", "would be", "elsewhere", "not known")
    for one in told[:limit]:
        shown.add_row(
            clean(one.call.id, "dim"),
            *(() if narrow else (clean(one.call.opened.dialled or one.call.opened.dialled_raw),)),
            clean(_WORDS[one.call.disposition]),
            clean(_would_be(one), _style(one)),
            {True: "yes", False: "no", None: "unknown"}[one.elsewhere],
            clean("; ".join(one.doubts)),
        )
    if shown.row_count:
        out.print()
        out.print(shown)
    if len(told) > limit:
        out.print(f"and {count(len(told) - limit, 'call')} more; --limit lists them, --json has all")


def _would_be(one: Replayed) -> str:
    if one.disposition is not None:
        return _WORDS[one.disposition]
    return " or ".join(_WORDS[end] for end in Disposition if end in one.ends)


def _style(one: Replayed) -> str:
    if one.newly is not None:
        return {Disposition.ANSWERED: "green", Disposition.MESSAGE_LEFT: "cyan", Disposition.LOST: "bold red"}[
            one.newly
        ]
    return "yellow" if one.disposition is None else ""


def _as_json(found: Sequence[Replayed], since: datetime, until: datetime | None) -> dict[str, Any]:
    return {"since": since, "until": until, **_counts(found), "changed": [_row(one) for one in found if _is_told(one)]}


def _row(one: Replayed) -> dict[str, Any]:
    call = one.call
    return {
        "id": call.id,
        "arrived_at": call.at,
        "caller": call.opened.caller,
        "dialled": call.opened.dialled,
        "was": call.disposition.value,
        "answered_by": call.answered_by,
        "would_be": one.disposition.value if one.disposition else None,
        "may_be": sorted(end.value for end in one.ends),
        "would_be_answered_by": next(iter(one.answerers)) if len(one.answerers) == 1 else None,
        "elsewhere": one.elsewhere,
        "rung": sorted({leg.destination for leg in call.legs}),
        "would_ring": [sorted(rung) for rung in one.rung],
        "unknown": list(one.doubts),
    }

"""``ari-app simulate``: what would happen to a call, by the engine that handles real ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding

from ari_app import simulation
from ari_app.cli.checked_call import Setting
from ari_app.cli.moments import MomentError, moment_at
from ari_app.cli.problems import problem_json, problems_about
from ari_app.cli.screen import clean, json_option, print_json, screen
from ari_app.cli.site import env_file_option, settings_of
from ari_app.cli.timeline import legs_of, moments, print_timeline
from ari_app.core.checks import Problem
from ari_app.core.messages import Channel, Intent
from ari_app.core.numbering import normalise, printable
from ari_app.core.scheme import KEYS, SchemeBook
from ari_app.ports import CallOpened
from ari_app.scripted_managers import parse_manager
from ari_app.settings import Settings
from ari_app.storage.book import Reading

LAB_CALLER = "+79161112233"


@click.command(short_help="Say what would happen to a call.")
@click.option("--to", "dialled", required=True, metavar="NUMBER", help="The number dialled.")
@click.option("--from", "caller", default=LAB_CALLER, metavar="NUMBER", show_default=True, help="Who calls.")
@click.option("--at", "when", metavar="TIME", help="The moment of the call; now unless given. See below.")
@click.option("--outcome", "outcomes", default="", metavar="WORDS", help="What each leg does, in the order dialed.")
@click.option("--hang-up-at", type=click.FloatRange(min=0), metavar="S", help="The caller leaves after S seconds.")
@click.option("--message", default=8.0, type=click.FloatRange(min=0), metavar="S", show_default=True,
              help="Seconds that the caller speaks into voicemail.")  # fmt: skip
@click.option("--talk", default=30.0, type=click.FloatRange(min=0), metavar="S", show_default=True,
              help="Seconds that an answered destination talks.")  # fmt: skip
@click.option("--keys", default="", metavar="KEYS", callback=lambda _, __, keys: _keys(keys),
              help="What the caller presses in menus.")  # fmt: skip
@click.option("--manager", default="", metavar="WHO", help="Whom CRMs name as responsible for the caller. See below.")
@json_option
@env_file_option
def simulate(
    *,
    dialled: str,
    caller: str,
    when: str | None,
    outcomes: str,
    hang_up_at: float | None,
    message: float,
    talk: float,
    keys: str,
    manager: str,
    as_json: bool,
    env_file: Path | None,
) -> None:
    """Say what would happen to a call, without placing one.

    The scheme is the one in the database now, the engine that of real calls, and so is the timeline. Times are virtual:
    an hour of ringing takes no time.

    TIME is 2026-01-31T11:30 (in the zone of the number's scheme), 2026-01-31T11:30+03:00, 11:30 (today) or
    "sat 11:30" (the next Saturday, today included).

    WORDS are busy, declined, noanswer, unknown, unreachable, failed, answer and carrier (a voicemail that picks up
    and presses no key), a comma between them; answer@7 answers after 7 seconds. Legs that have no word do not answer.

    KEYS are those of a telephone, one for each time that a menu asks, such as 2 or 9,2 (the first time 9, then 2); - is
    none. Without them nothing is pressed.

    WHO is the manager's id in the CRM or e-mail address; none: there is nobody; slow or down: the CRM is no help. No
    CRM is asked.

    \b
    Examples:
      ari-app simulate --to +74950000101
      ari-app simulate --to +74950000101 --at "sat 11:30"
      ari-app simulate --to +74950000101 --outcome busy,noanswer,answer@7
      ari-app simulate --to +74950000131 --keys 2
      ari-app simulate --to +74950000101 --manager olga@example.com
      ari-app simulate --to +74950000101 --hang-up-at 4 --json
    """
    settings = settings_of(env_file)
    legs = _legs(outcomes)
    setting = Setting.now(settings)
    reading, turns = setting.reading, setting.turns
    opened = _arrival(dialled, caller, when, settings, reading.book)
    script = simulation.CallerScript(hang_up_at, talk, message, keys)
    result = simulation.simulate(
        opened,
        reading.book,
        settings.default_steps,
        legs,
        script,
        max_call_seconds=settings.max_call_seconds,
        messages=reading.messages,
        deployment=settings.deployment,
        turns=turns,
        managers=parse_manager(manager),
    )
    doubts = _doubts(reading, opened.dialled)
    if as_json:
        print_json(_as_json(opened, result, doubts))
        return
    for problem in doubts:
        click.secho(f"{problem.severity.value}: {problem}", fg="yellow", err=True)
    console = screen()
    print_timeline(console, moments(result.timeline))
    _print_texts(console, result.intents)


def _legs(outcomes: str) -> tuple[simulation.LegScript, ...]:
    try:
        return simulation.parse_outcomes(outcomes)
    except simulation.ScriptError as error:
        raise click.BadParameter(str(error), param_hint="--outcome") from None


def _keys(text: str) -> str:
    keys = text.replace(",", "").replace(" ", "")
    if unknown := sorted(set(keys) - {*KEYS, simulation.NO_KEY}):
        raise click.BadParameter(f"{unknown[0]!r} is no key; use 0 to 9, * and #, or {simulation.NO_KEY} for none")
    return keys


def _arrival(dialled: str, caller: str, when: str | None, settings: Settings, book: SchemeBook) -> CallOpened:
    """The call as the controller would see it arrive."""
    number = normalise(dialled, settings.region)
    now = datetime.now(UTC)
    return CallOpened(
        call_id="simulated",
        at=_moment(when, _zone(book, number), now),
        caller=normalise(caller, settings.region),
        caller_raw=printable(caller),
        dialled=number,
        dialled_raw=printable(dialled),
    )


def _moment(when: str | None, zone: tzinfo, now: datetime) -> datetime:
    try:
        moment = moment_at(when, zone, now) if when else now
    except MomentError as error:
        raise click.BadParameter(str(error), param_hint="--at") from None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise click.BadParameter(f"{when!r} is too far away", param_hint="--at") from None


def _zone(book: SchemeBook, number: str | None) -> tzinfo:
    listed = book.numbers.get(number) if number else None
    return listed.scheme.zone if listed and listed.scheme else UTC


def _doubts(reading: Reading, number: str | None) -> tuple[Problem, ...]:
    """What is wrong with the scheme this call goes by, or should go by."""
    scheme_id = reading.assigned.get(number or "")
    if scheme_id is None:
        return problems_about(reading, number=number)
    return problems_about(reading, scheme=reading.judged[scheme_id].draft.name, number=number)


def _print_texts(console: Console, intents: Iterable[Intent]) -> None:
    """What people would read; events for systems are in ``--json``."""
    for intent in intents:
        if intent.channel is not Channel.WEBHOOK:
            parts = f", {intent.parts} parts" if intent.parts > 1 else ""
            console.print()
            console.print(clean(f"  {intent.kind.replace('_', ' ')} to {intent.recipient} ({intent.channel}{parts}):"))
            for line in intent.text.splitlines():
                console.print(Padding(clean(line), (0, 0, 0, 4)))


def _message_json(intent: Intent) -> dict[str, Any]:
    return {
        "kind": intent.kind.value,
        "channel": intent.channel.value,
        "audience": intent.audience.value,
        "recipient": intent.recipient,
        "rule": intent.rule,
        "text": intent.text,
        "parts": intent.parts,
        "due_at": intent.due_at,
    }


def _as_json(opened: CallOpened, result: simulation.Simulated, doubts: tuple[Problem, ...]) -> dict[str, Any]:
    told = moments(result.timeline)
    verdict = result.verdict
    return {
        "call": {
            "arrived_at": opened.at,
            "caller": opened.caller,
            "caller_raw": opened.caller_raw,
            "dialled": opened.dialled,
            "dialled_raw": opened.dialled_raw,
        },
        "verdict": {
            "disposition": verdict.disposition.value,
            "reason": verdict.reason.value,
            "answered_by": verdict.answered_by,
        },
        "timeline": [moment.as_json() for moment in told],
        "legs": [leg.as_json() for leg in legs_of(told)],
        "messages": [_message_json(intent) for intent in result.intents],
        "problems": [problem_json(problem) for problem in doubts],
    }

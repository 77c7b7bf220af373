"""``ari-app schemes show`` and ``override``: what holds now, days out of the ordinary, open or closed for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import click
import sqlalchemy as sa
from rich.padding import Padding

from ari_app.cli.desks import Counter
from ari_app.cli.faults import Failed
from ari_app.cli.moments import MomentError, moment_at
from ari_app.cli.screen import clean, json_option, print_json, screen
from ari_app.cli.site import env_file_option, read_book, settings_of
from ari_app.core.branch_choice import choose
from ari_app.core.calendar import Calendar, DayRule, Override
from ari_app.core.checks import is_zone
from ari_app.core.engine import describe
from ari_app.core.explain import sentence
from ari_app.core.schedule import MINUTES_A_DAY, clock
from ari_app.core.scheme import Scheme
from ari_app.core.timeline import Entry
from ari_app.desk.overrides import OverrideDesk
from ari_app.storage.schema import schemes


class SpecialDate(NamedTuple):
    """One date out of the ordinary."""

    day: date
    hours: str
    name: str
    goes: str
    source: str

    def as_json(self) -> dict[str, str]:
        """The keys that ``--json`` promises."""
        return self._asdict() | {"day": self.day.isoformat()}


def special_dates(calendar: Calendar | None, since: date, days: int) -> Iterator[SpecialDate]:
    """The dates out of the ordinary in so many days, own ones before the public holiday of their day."""
    if calendar is None:
        return
    for ahead in range(days):
        day = since + timedelta(days=ahead)
        for own in calendar.own:
            if own.first <= day <= own.last:
                yield SpecialDate(day, _hours(own.opens, own.closes), own.name, str(own.treatment), "own")
        if public := calendar.public.get(day):
            yield SpecialDate(day, _hours(0, MINUTES_A_DAY - 1), public.name, str(public.treatment), calendar.holidays)


def _hours(opens: int, closes: int) -> str:
    return f"{clock(opens)}-{clock(closes)}"


@click.command()
@click.argument("name")
@click.option("--days", default=90, type=click.IntRange(0, 1000), show_default=True, help="How far ahead to look.")
@json_option
@env_file_option
def show(name: str, days: int, as_json: bool, env_file: Path | None) -> None:
    """Show the scheme called NAME: which branch holds now and why, its branches, and its days out of the ordinary.

    \b
    Examples:
      ari-app schemes show "Office Moscow"
      ari-app schemes show "Office Moscow" --days 365 --json | jq -r '.days[].day'
    """
    reading = read_book(settings_of(env_file))
    scheme_id = next((its_id for its_id, judged in reading.judged.items() if judged.draft.name == name), None)
    if scheme_id is None:
        raise Failed(f"there is no scheme {name!r}; ari-app schemes list shows those there are")
    scheme = reading.scheme(scheme_id)
    if scheme is None:
        raise Failed(f"scheme {name!r} is not in force; ari-app schemes check {name!r} says why")
    now = datetime.now(UTC)
    told = _as_json(scheme, now, days)
    told["numbers"] = [number for number, assigned in reading.assigned.items() if assigned == scheme_id]
    if as_json:
        print_json(told)
        return
    _print(told)


def _as_json(scheme: Scheme, now: datetime, days: int) -> dict[str, Any]:
    choice = choose(scheme, now)
    today = now.astimezone(scheme.zone).date()
    return {
        "name": scheme.name,
        "time_zone": scheme.zone.key,
        "version": scheme.version,
        "holidays": scheme.calendar.holidays if scheme.calendar else "",
        "outside_calls_a_day": scheme.outside_calls_a_day,
        "override": _override_json(scheme.override, now),
        "branch_now": choice.branch.name if choice.branch else None,
        "why": [sentence(Entry(0, note.kind, note.details)) for note in choice.notes],
        "branches": [
            {
                "name": branch.name,
                "hours": [str(entry) for entry in branch.entries],
                "out_of_hours": branch.out_of_hours,
                "steps": [describe(step) for step in branch.steps],
            }
            for branch in scheme.branches
        ],
        "days": [each.as_json() for each in special_dates(scheme.calendar, today, days)],
    }


def _override_json(override: Override | None, now: datetime) -> dict[str, Any] | None:
    if override is None or override.ends <= now:
        return None
    return {
        "goes": str(override.treatment),
        "begins_at": override.begins,
        "ends_at": override.ends,
        "reason": override.reason,
    }


def _print(told: dict[str, Any]) -> None:
    out = screen()
    out.print(clean(f"{told['name']} ({told['time_zone']}), version {told['version']}", "bold"))
    lines = [f"numbers: {', '.join(told['numbers']) or 'none'}"]
    lines += [f"now: {why}" for why in told["why"] if "passed over" not in why] or ["now: no branch holds"]
    for branch in told["branches"]:
        hours = ", ".join(branch["hours"]) or "always"
        closed = " (out of hours)" if branch["out_of_hours"] else ""
        lines.append(f"{branch['name']}{closed}, {hours}: {', then '.join(branch['steps'])}")
    if told["outside_calls_a_day"] is not None:
        lines.append(f"numbers outside: rung {told['outside_calls_a_day']} times a day at most")
    if told["holidays"]:
        lines.append(f"public holidays: {told['holidays']}")
    for day in told["days"]:
        hours = "" if day["hours"] == "00:00-23:59" else f" {day['hours']}"
        lines.append(f"{date.fromisoformat(day['day']):%a %Y-%m-%d}{hours}: {day['goes']} ({day['name']})")
    for line in lines:
        out.print(Padding(clean(line), (0, 0, 0, 2)))


@click.command()
@click.argument("name")
@click.argument("state", required=False, type=click.Choice([DayRule.OPEN.value, DayRule.CLOSED.value]))
@click.option("--branch", metavar="BRANCH", help="Go by this branch, instead of open or closed.")
@click.option(
    "--until", metavar="TIME", help="When it ends: 18:00, 'mon 09:00', 2026-12-31T18:00; in the scheme's zone."
)
@click.option("--reason", default="", help="Why, for those who read a timeline.")
@click.option("--end", is_flag=True, help="End the override now.")
@env_file_option
def override(
    *,
    name: str,
    state: str | None,
    branch: str | None,
    until: str | None,
    reason: str,
    end: bool,
    env_file: Path | None,
) -> None:
    """Open or close the scheme called NAME for a while, or put it on one branch, whatever week and holidays say.

    Closed means its out-of-hours branches, open its working ones. It is live within two seconds, is over by itself at
    its end, and takes the place of an override that the scheme has.

    \b
    Examples:
      ari-app schemes override "Office Moscow" closed --until 18:00 --reason "fire drill"
      ari-app schemes override "Office Moscow" open --until "mon 09:00"
      ari-app schemes override "Office Moscow" --branch Stocktaking --until 2026-12-31T18:00
      ari-app schemes override "Office Moscow" --end
    """
    counter = Counter(settings_of(env_file), "")
    wanted = [each for each in (state, branch, end) if each]
    if len(wanted) != 1 or end == bool(until):
        raise click.UsageError("say open or closed, or --branch, and --until when; or --end alone")
    if end:
        with counter.changing() as (connection, actor):
            ended = OverrideDesk(connection, actor).end(name)
        screen().print(clean(f"{name}: " + ("the override is over" if ended else "nothing overrides it")))
        return
    rule = DayRule(state) if state else DayRule.BRANCH
    with counter.changing() as (connection, actor):
        zone = _zone(connection, name)
        ends_at = _moment(until or "", zone)
        OverrideDesk(connection, actor).put(name, rule, ends_at, branch=branch or "", reason=reason)
    what = state or f"branch {branch!r}"
    screen().print(clean(f"{name}: {what} until {ends_at.astimezone(zone):%a %Y-%m-%d %H:%M} {zone.key}"))


def _zone(connection: sa.Connection, name: str) -> ZoneInfo:
    """The scheme's zone; UTC where there is no such scheme, which the desk says."""
    found = connection.scalar(sa.select(schemes.c.time_zone).where(schemes.c.name == name))
    return ZoneInfo(found if found and is_zone(found) else "UTC")


def _moment(until: str, zone: ZoneInfo) -> datetime:
    try:
        return moment_at(until, zone, datetime.now(UTC)).astimezone(UTC)
    except (MomentError, OverflowError) as error:
        raise click.BadParameter(str(error), param_hint="--until") from None

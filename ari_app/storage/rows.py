"""Reads the configuration's rows, in few statements, into drafts and plain numbers; judges nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa

from ari_app.core.calendar_draft import OverrideDraft
from ari_app.core.callers import CallerRuleDraft
from ari_app.core.draft import (
    BranchDraft,
    ChoiceDraft,
    DestinationDraft,
    EntryDraft,
    GreetingDraft,
    SchemeDraft,
    StepDraft,
)
from ari_app.core.manager_draft import ManagerDraft
from ari_app.storage.calendar_rows import read_calendars
from ari_app.storage.caller_rows import read_callers
from ari_app.storage.manager_schema import manager_destinations
from ari_app.storage.message_rows import MessageRows, read_messages
from ari_app.storage.schema import (
    branches,
    choices,
    configuration_changes,
    destinations,
    greetings,
    numbers,
    schedule_entries,
    schemes,
    steps,
    teams,
)

Token = tuple[int, int]
"""How many changes are noted and the latest; differs after every committed edit, whatever order they commit in."""


class NumberRow(NamedTuple):
    """One listed number; ``scheme_id`` may be None, or dangle where constraints were off."""

    e164: str
    name: str
    enabled: bool
    scheme_id: int | None
    team: str | None


class Configuration(NamedTuple):
    """Everything the admin wrote, as of one moment; schemes by their id, and overrides by that of their scheme."""

    token: Token
    schemes: dict[int, SchemeDraft]
    numbers: list[NumberRow]
    messages: MessageRows = MessageRows()
    overrides: Mapping[int, OverrideDraft] = MappingProxyType({})
    callers: tuple[CallerRuleDraft, ...] = ()
    managers: tuple[ManagerDraft, ...] = ()


_CHANGES = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(configuration_changes.c.id), 0)).select_from(
    configuration_changes
)
_SCHEMES = sa.select(
    schemes.c.id,
    schemes.c.name,
    schemes.c.time_zone,
    schemes.c.holidays,
    schemes.c.outside_calls_a_day,
    schemes.c.caller_id,
).order_by(schemes.c.id)
_BRANCHES = sa.select(branches.c.id, branches.c.scheme_id, branches.c.name, branches.c.out_of_hours).order_by(
    branches.c.position, branches.c.id
)
_ENTRIES = sa.select(
    schedule_entries.c.branch_id,
    schedule_entries.c.first_day,
    schedule_entries.c.last_day,
    schedule_entries.c.opens,
    schedule_entries.c.closes,
).order_by(schedule_entries.c.first_day, schedule_entries.c.opens, schedule_entries.c.id)
_STEPS = (
    sa.select(
        steps.c.id,
        steps.c.branch_id,
        steps.c.kind,
        steps.c.strategy,
        greetings.c.name,
        greetings.c.sound,
        steps.c.max_seconds,
        steps.c.silence_seconds,
        steps.c.min_seconds,
        steps.c.label,
        steps.c.retries,
        steps.c.wait_seconds,
        steps.c.otherwise,
        steps.c.last_adviser_days,
    )
    .select_from(steps.outerjoin(greetings))
    .order_by(steps.c.position, steps.c.id)
)
_CHOICES = sa.select(choices.c.step_id, choices.c.key, choices.c.goal).order_by(choices.c.key)
_DESTINATIONS = sa.select(
    destinations.c.step_id,
    destinations.c.kind,
    destinations.c.target,
    destinations.c.timeout_seconds,
    destinations.c.delay_seconds,
    destinations.c.weight,
    destinations.c.caller_id,
    destinations.c.confirm_seconds,
).order_by(destinations.c.position, destinations.c.id)
_NUMBERS = (
    sa.select(numbers.c.e164, numbers.c.name, numbers.c.enabled, numbers.c.scheme_id, teams.c.name)
    .select_from(numbers.outerjoin(teams))
    .order_by(numbers.c.e164)
)
_MANAGERS = sa.select(
    manager_destinations.c.crm,
    manager_destinations.c.manager,
    manager_destinations.c.kind,
    manager_destinations.c.target,
    manager_destinations.c.timeout_seconds,
).order_by(manager_destinations.c.crm, manager_destinations.c.manager, manager_destinations.c.id)


def read_token(connection: sa.Connection) -> Token:
    """The present token; cheap enough to ask for twice a second."""
    count, latest = connection.execute(_CHANGES).one()
    return count, latest


def read_configuration(connection: sa.Connection) -> Configuration:
    """All of it. The connection must be in a transaction that sees one snapshot."""
    token = read_token(connection)
    rung = _grouped(connection, _DESTINATIONS, DestinationDraft)
    hours = _grouped(connection, _ENTRIES, EntryDraft)
    done = _steps(connection, rung)
    held: dict[int, list[BranchDraft]] = defaultdict(list)
    for branch_id, scheme_id, name, closed in connection.execute(_BRANCHES):
        entries = tuple(hours.get(branch_id, ()))
        held[scheme_id].append(BranchDraft(name, entries, tuple(done.get(branch_id, ())), bool(closed)))
    days, overrides = read_calendars(connection)
    drafts = {
        scheme_id: SchemeDraft(
            name, zone, tuple(held.get(scheme_id, ())), holidays, days.get(scheme_id, ()), cap, shown
        )
        for scheme_id, name, zone, holidays, cap, shown in connection.execute(_SCHEMES)
    }
    listed = [_number(row) for row in connection.execute(_NUMBERS)]
    managers = tuple(ManagerDraft(*row) for row in connection.execute(_MANAGERS))
    messages, callers = read_messages(connection), read_callers(connection)
    return Configuration(token, drafts, listed, messages, overrides, callers, managers)


def _steps(
    connection: sa.Connection, rung: Mapping[int, Sequence[DestinationDraft]]
) -> Mapping[int, Sequence[StepDraft]]:
    """The steps of each branch by its id."""
    chosen = _grouped(connection, _CHOICES, ChoiceDraft)
    done: dict[int, list[StepDraft]] = defaultdict(list)
    for step_id, branch_id, kind, strategy, greeting, sound, *rest in connection.execute(_STEPS):
        longest, silence, shortest, label, *menu = rest
        prompt = None if greeting is None else GreetingDraft(greeting, sound)
        seconds = (longest, silence, shortest)
        destinations, keys = tuple(rung.get(step_id, ())), tuple(chosen.get(step_id, ()))
        done[branch_id].append(StepDraft(kind, strategy, destinations, prompt, *seconds, label, keys, *menu))
    return done


def _grouped(connection: sa.Connection, query: sa.Select[Any], draft: Any) -> dict[int, list[Any]]:
    """Rows by their first column, the rest of each made a draft."""
    groups: dict[int, list[Any]] = defaultdict(list)
    make = draft._make
    for parent, *rest in connection.execute(query):
        groups[parent].append(make(rest))
    return groups


def _number(row: Sequence[Any]) -> NumberRow:
    e164, name, enabled, scheme_id, team = row
    return NumberRow(e164, name, bool(enabled), scheme_id, team)

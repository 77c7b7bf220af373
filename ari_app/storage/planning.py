"""What a description would change in the database: planned without writing anything, told as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import sqlalchemy as sa

from ari_app.core.callers import CallerRuleDraft, rule_words
from ari_app.core.checks import DialRules, Problem, Severity
from ari_app.core.draft import SchemeDraft
from ari_app.core.manager_draft import ManagerDraft, by_manager, target_words
from ari_app.core.scheme import Greeting
from ari_app.core.scheme_changes import Change, Sign, scheme_changes
from ari_app.storage import schema
from ari_app.storage.book import Reading, compile_book
from ari_app.storage.description import Description, GreetingRow, NumberEntry
from ari_app.storage.rows import Configuration, NumberRow, read_configuration


class PlanError(Exception):
    """The description cannot be brought about; the message has a line for each reason, with its mend."""


class Present(NamedTuple):
    """The configuration as the database has it, with what drafts do not tell: every greeting and every team."""

    configuration: Configuration
    greetings: Mapping[str, GreetingRow]
    teams: frozenset[str]

    @property
    def schemes(self) -> dict[str, SchemeDraft]:
        """The schemes by name."""
        return {draft.name: draft for draft in self.configuration.schemes.values()}

    def numbers(self) -> Iterator[NumberEntry]:
        """The numbers as a description has them."""
        for row in self.configuration.numbers:
            scheme = self.configuration.schemes.get(row.scheme_id) if row.scheme_id is not None else None
            yield NumberEntry(row.e164, row.name, row.enabled, scheme.name if scheme else "", row.team or "")


_GREETINGS = (
    sa.select(schema.greetings.c.name, schema.greetings.c.sound, schema.teams.c.name)
    .select_from(schema.greetings.outerjoin(schema.teams))
    .order_by(schema.greetings.c.name)
)


def read_present(connection: sa.Connection) -> Present:
    """All of it. The connection's transaction must see one snapshot, or keep others from editing."""
    greetings = {name: GreetingRow(name, sound, team or "") for name, sound, team in connection.execute(_GREETINGS)}
    return Present(
        read_configuration(connection), greetings, frozenset(connection.scalars(sa.select(schema.teams.c.name)))
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: rows to add, to change and to remove; ``changes`` tells it, ``target`` is what comes of it.

    ``problems`` are the warnings and errors of the target that were not there before.
    """

    target: Configuration
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    teams: tuple[str, ...] = ()
    greetings: tuple[GreetingRow, ...] = ()
    schemes: Mapping[int, SchemeDraft] = field(default_factory=dict)
    """New and changed ones by id; those of new ones are below 0."""
    numbers: tuple[NumberEntry, ...] = ()
    removed: frozenset[int] = frozenset()
    callers: tuple[CallerRuleDraft, ...] = ()
    managers: Mapping[tuple[str, str], tuple[ManagerDraft, ...]] = field(default_factory=dict)
    """New and changed ones, by CRM and manager."""

    @property
    def removes(self) -> bool:
        """Whether anything goes by it: a scheme, a branch, a step, a destination."""
        return any(change.removes for change in self.changes)


def plan(
    asked: Description, present: Present, rules: DialRules, default_greeting: Greeting, *, prune: bool = False
) -> Plan:
    """How to get from what is present to what is asked for. What the description does not name stays as it is; with
    ``prune`` schemes that it does not name go.

    Raises:
        PlanError: it names what is not there, speaks of messages, or what came of it would have new errors.
    """
    planner = _Planner(asked, present)
    planned = planner.plan(prune)
    if planner.faults:
        raise PlanError("\n".join(planner.faults))
    found = _new_problems(present.configuration, planned.target, rules, default_greeting)
    if wrong := [str(problem) for problem in found if problem.severity is Severity.ERROR]:
        raise PlanError("\n".join(wrong))
    return replace(planned, problems=found)


def _new_problems(
    before: Configuration, after: Configuration, rules: DialRules, default_greeting: Greeting
) -> tuple[Problem, ...]:
    """Such as a circle that the numbers and schemes make only together."""
    known = set(compile_book(before, rules, default_greeting, Reading()).problems)
    found = compile_book(after, rules, default_greeting, Reading()).problems
    return tuple(problem for problem in found if problem not in known)


class _Planner:
    """Makes one plan; goes on after a fault, to find the others."""

    def __init__(self, asked: Description, present: Present) -> None:
        self.faults: list[str] = []
        self._asked = asked
        self._present = present
        self._teams = present.teams | {team.name for team in asked.teams}
        self._greetings = {**present.greetings, **{row.name: row for row in asked.greetings}}
        self._changes: list[Change] = []

    def plan(self, prune: bool) -> Plan:
        teams, greetings = self._new_teams(), self._changed_greetings()
        schemes, removed = self._schemes(), self._removed() if prune else frozenset[int]()
        before = self._present.configuration
        after = {its_id: draft for its_id, draft in (before.schemes | schemes).items() if its_id not in removed}
        after = {its_id: self._resounded(draft) for its_id, draft in after.items()}
        numbers, rows = self._numbers({draft.name: its_id for its_id, draft in after.items()}, removed)
        callers = self._callers()
        managers = self._managers()
        by_caller = _put(before.callers, callers)
        return Plan(
            target=before._replace(schemes=after, numbers=rows, callers=by_caller, managers=self._with(managers)),
            changes=tuple(self._changes),
            teams=teams,
            greetings=greetings,
            schemes=schemes,
            numbers=numbers,
            removed=removed,
            callers=callers,
            managers=managers,
        )

    def _new_teams(self) -> tuple[str, ...]:
        for team in self._asked.teams:
            if team.extend or team.options or team.types or team.contacts:
                self.faults.append(
                    f"team {team.name!r}: its options, message types and contacts are not applied; keep the name "
                    "alone here, and use ari-app types, SQL or ari-app seed for the rest"
                )
        if self._asked.rules:
            self.faults.append("apology rules are not applied; use ari-app rules, or ari-app seed")
        new = tuple(team.name for team in self._asked.teams if team.name not in self._present.teams)
        self._changes.extend(Change(Sign.ADDED, f"team {name!r}") for name in new)
        return new

    def _changed_greetings(self) -> tuple[GreetingRow, ...]:
        changed = []
        for row in self._asked.greetings:
            before = self._present.greetings.get(row.name)
            if before == row:
                continue
            self._known_team(row.team, f"greeting {row.name!r}")
            changed.append(row)
            what = f"greeting {row.name!r}"
            if before is None:
                self._changes.append(Change(Sign.ADDED, f"{what} ({row.sound})"))
                continue
            within = _changed(("sound", before.sound, row.sound), ("team", before.team, row.team))
            self._changes.append(Change(Sign.CHANGED, what, within=within))
        return tuple(changed)

    def _known_team(self, name: str, where: str) -> None:
        if name and name not in self._teams:
            self.faults.append(f"{where} names the team {name!r}, which is neither described nor in the database")

    def _schemes(self) -> dict[int, SchemeDraft]:
        ids = {draft.name: its_id for its_id, draft in self._present.configuration.schemes.items()}
        found: dict[int, SchemeDraft] = {}
        for place, draft in enumerate(self._asked.schemes, start=1):
            self._known_greetings(draft)
            its_id = ids.get(draft.name)
            before = self._resounded(self._present.configuration.schemes[its_id]) if its_id is not None else None
            after = self._resounded(draft)
            change = scheme_changes(before, after)
            if change is not None:
                self._changes.append(change)
                found[-place if its_id is None else its_id] = after
        return found

    def _known_greetings(self, draft: SchemeDraft) -> None:
        for name in sorted(played(draft) - self._greetings.keys()):
            self.faults.append(
                f"scheme {draft.name!r} plays the greeting {name!r}, which is neither described nor in the database; "
                "add it to greetings"
            )

    def _resounded(self, draft: SchemeDraft) -> SchemeDraft:
        """The scheme with its greetings' sounds as they will be: a description may name them without."""
        sounds = {name: row.sound for name, row in self._greetings.items()}
        if all(
            step.greeting is None or sounds.get(step.greeting.name) == step.greeting.sound
            for branch in draft.branches
            for step in branch.steps
        ):
            return draft
        branches = tuple(
            branch._replace(
                steps=tuple(
                    step._replace(greeting=step.greeting._replace(sound=sounds[step.greeting.name]))
                    if step.greeting and step.greeting.name in sounds
                    else step
                    for step in branch.steps
                )
            )
            for branch in draft.branches
        )
        return draft._replace(branches=branches)

    def _callers(self) -> tuple[CallerRuleDraft, ...]:
        there = {(rule.caller, rule.number): rule for rule in self._present.configuration.callers}
        changed = tuple(rule for rule in self._asked.callers if there.get((rule.caller, rule.number)) != rule)
        for rule in changed:
            before = there.get((rule.caller, rule.number))
            if before is None:
                self._changes.append(Change(Sign.ADDED, rule_words(rule)))
            else:
                self._changes.append(Change(Sign.CHANGED, "rule by caller", rule_words(before), rule_words(rule)))
        return changed

    def _removed(self) -> frozenset[int]:
        named = {draft.name for draft in self._asked.schemes}
        gone = {i: draft for i, draft in self._present.configuration.schemes.items() if draft.name not in named}
        self._changes.extend(change for draft in gone.values() if (change := scheme_changes(draft, None)))
        return frozenset(gone)

    def _numbers(
        self, ids: Mapping[str, int], removed: frozenset[int]
    ) -> tuple[tuple[NumberEntry, ...], list[NumberRow]]:
        """The numbers to add or change, and all as they will be."""
        rows = {row.e164: row for row in self._present.configuration.numbers}
        listed = {entry.e164: entry for entry in self._present.numbers()}
        changed = []
        for entry in self._asked.numbers:
            where, before = f"number {entry.e164}", listed.get(entry.e164)
            if before == entry:
                continue
            self._known_team(entry.team, where)
            if entry.scheme and entry.scheme not in ids:
                self.faults.append(
                    f"{where} names the scheme {entry.scheme!r}, which is neither described nor in the database"
                )
            changed.append(entry)
            self._changes.append(_number_change(before, entry))
            its_id = ids.get(entry.scheme)
            rows[entry.e164] = NumberRow(entry.e164, entry.name, entry.enabled, its_id, entry.team or None)
        for row in rows.values():
            if row.scheme_id in removed:
                name = self._present.configuration.schemes[row.scheme_id].name
                self.faults.append(f"scheme {name!r} cannot go: {row.e164} goes by it; give that number another one")
        return tuple(changed), sorted(rows.values())

    def _managers(self) -> dict[tuple[str, str], tuple[ManagerDraft, ...]]:
        """Those whose destinations are to be others. Of a manager whom the description names it says all of them."""
        before = by_manager(self._present.configuration.managers)
        changed = {}
        for key, rung in by_manager(self._asked.managers).items():
            was = before.get(key, ())
            if set(was) == set(rung):
                continue
            changed[key] = rung
            within = [Change(Sign.REMOVED, target_words(one)) for one in was if one not in rung]
            within += [Change(Sign.ADDED, target_words(one)) for one in rung if one not in was]
            what = f"manager {key[1]!r} of {key[0]!r}"
            self._changes.append(Change(Sign.CHANGED if was else Sign.ADDED, what, within=tuple(within)))
        return changed

    def _with(self, managers: Mapping[tuple[str, str], tuple[ManagerDraft, ...]]) -> tuple[ManagerDraft, ...]:
        """Everybody's destinations as they will be."""
        after = {**by_manager(self._present.configuration.managers), **managers}
        return tuple(draft for _, rung in sorted(after.items()) for draft in rung)


def _put(rules: tuple[CallerRuleDraft, ...], changed: tuple[CallerRuleDraft, ...]) -> tuple[CallerRuleDraft, ...]:
    """The rules with those in their place that are for the same caller and number."""
    kept = {(rule.caller, rule.number): rule for rule in (*rules, *changed)}
    return tuple(kept[key] for key in sorted(kept))


def played(draft: SchemeDraft) -> set[str]:
    """The names of the greetings that the scheme plays."""
    return {step.greeting.name for branch in draft.branches for step in branch.steps if step.greeting}


def _number_change(before: NumberEntry | None, after: NumberEntry) -> Change:
    if before is None:
        what = f"number {after.e164} ({after.name}), {f'scheme {after.scheme!r}' if after.scheme else 'no scheme'}"
        return Change(Sign.ADDED, what)
    within = _changed(
        ("name", before.name, after.name),
        ("scheme", before.scheme, after.scheme),
        ("team", before.team, after.team),
        ("in use", "yes" if before.enabled else "no", "yes" if after.enabled else "no"),
    )
    return Change(Sign.CHANGED, f"number {after.e164}", within=within)


def _changed(*told: tuple[str, str, str]) -> tuple[Change, ...]:
    return tuple(Change(Sign.CHANGED, what, was, now) for what, was, now in told if was != now)


def of_schemes(drafts: Iterable[SchemeDraft], greetings: Iterable[GreetingRow] = ()) -> Description:
    """A description of schemes that are drafts already."""
    return Description((), tuple(greetings), tuple(drafts), ())

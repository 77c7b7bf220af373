"""Compiles the configuration into the book that calls go by; what makes no sense keeps its last good version."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

import sqlalchemy as sa

from ari_app.core.calendar import DayRule
from ari_app.core.calendar_draft import OverrideDraft, override_of, unknown_branch
from ari_app.core.callers import CallerRuleDraft, fault, rules_of
from ari_app.core.checks import DialRules, Problem, Severity, circles, errors, problems
from ari_app.core.draft import SchemeDraft, compiled
from ari_app.core.manager_draft import Managers
from ari_app.core.manager_draft import judged as judged_managers
from ari_app.core.message_book import MessageBook
from ari_app.core.numbering import normalise, printable
from ari_app.core.schedule import ScheduleError
from ari_app.core.scheme import DialStep, Greeting, Number, Scheme, SchemeBook, TargetKind
from ari_app.storage.message_judging import JudgedMessages, judge_messages, message_book
from ari_app.storage.public_holidays import public_days, refusal
from ari_app.storage.rows import Configuration, NumberRow, Token, read_configuration


class _Judged(NamedTuple):
    """A scheme's draft, what it compiles to (None when refused), what is in force, and what was said of it."""

    draft: SchemeDraft
    own: Scheme | None
    in_force: Scheme | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of the database: the books in force, of schemes and of messages, every problem found, and what the
    next reading builds on.

    ``recompiled`` counts the schemes that had changed; ``token`` is that of `ari_app.storage.rows`. ``year`` is the one
    around which public holidays are known.
    """

    book: SchemeBook = field(default_factory=lambda: SchemeBook(loaded=False))
    problems: tuple[Problem, ...] = ()
    recompiled: int = 0
    token: Token = (-1, -1)
    year: int = 0
    judged: Mapping[int, _Judged] = field(default_factory=dict, repr=False)
    assigned: Mapping[str, int | None] = field(default_factory=dict, repr=False)
    overridden: Mapping[int, Scheme] = field(default_factory=dict, repr=False)
    messages: MessageBook = field(default_factory=lambda: MessageBook(loaded=False))
    judged_messages: JudgedMessages = field(default_factory=JudgedMessages, repr=False)

    def scheme(self, scheme_id: int) -> Scheme | None:
        """The scheme as it is in force, with its override if it has one."""
        return self.overridden.get(scheme_id, self.judged[scheme_id].in_force)


def load_book(
    connection: sa.Connection, rules: DialRules, default_greeting: Greeting, previous: Reading | None = None
) -> Reading:
    """Read one snapshot and compile it; schemes that did not change since ``previous`` are taken from it.

    A scheme with an error stays as it was in ``previous``; if it was not there, its numbers get the configured default.
    The connection's transaction must see one snapshot (`ari_app.storage.database.snapshot`).

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be read.
    """
    return compile_book(read_configuration(connection), rules, default_greeting, previous or Reading())


def compile_book(
    configuration: Configuration,
    rules: DialRules,
    default_greeting: Greeting,
    previous: Reading,
    year: int | None = None,
) -> Reading:
    """The part of `load_book` without SQL: total, whatever the rows say. ``year`` is the present one unless given."""
    year = datetime.now(UTC).year if year is None else year
    judged: dict[int, _Judged] = {}
    recompiled = 0
    for scheme_id, draft in configuration.schemes.items():
        before = previous.judged.get(scheme_id)
        if before is not None and before.draft == draft and (previous.year == year or not draft.holidays):
            judged[scheme_id] = before._replace(in_force=before.own or before.in_force)
            continue
        recompiled += 1
        judged[scheme_id] = _judge(draft, rules, default_greeting, before.in_force if before else None, year)
    listed, doubts = _listed(configuration.numbers, judged, previous.assigned)
    assigned, loops = _uncircled(listed, judged, previous)
    overridden, mistakes = _overridden(configuration.overrides, judged)
    callers, wrong = _callers(configuration.callers, judged, overridden)
    managers, faults = judged_managers(configuration.managers, rules, assigned.keys())
    book = _book(configuration.numbers, assigned, judged, overridden, callers=callers, managers=managers)
    rows = configuration.messages
    messages = judge_messages(rows, book.numbers.keys(), previous.judged_messages)
    told = [problem for scheme in judged.values() for problem in scheme.problems]
    return Reading(
        book=book,
        problems=(*told, *mistakes, *doubts, *loops, *wrong, *faults, *messages.problems),
        recompiled=recompiled,
        token=configuration.token,
        year=year,
        judged=judged,
        assigned=assigned,
        overridden=overridden,
        messages=message_book(rows, messages, book.numbers),
        judged_messages=messages,
    )


def _judge(
    draft: SchemeDraft, rules: DialRules, default_greeting: Greeting, last_good: Scheme | None, year: int
) -> _Judged:
    found = problems(draft, rules)
    if refused := refusal(draft.holidays):
        found = (*found, Problem(Severity.ERROR, f"scheme {printable(draft.name)!r}", refused))
    if errors(found):
        return _Judged(draft, None, last_good, found)
    try:
        scheme = compiled(draft, default_greeting, public_days(draft.holidays, year))
    except (ValueError, TypeError, LookupError, OSError) as error:
        # The checks should have seen it. That they did not must not take the other schemes down.
        trouble = Problem(Severity.ERROR, f"scheme {printable(draft.name)!r}", f"it cannot be read: {error}")
        return _Judged(draft, None, last_good, (*found, trouble))
    return _Judged(draft, scheme, scheme, found)


def _overridden(
    drafts: Mapping[int, OverrideDraft], judged: Mapping[int, _Judged]
) -> tuple[dict[int, Scheme], list[Problem]]:
    """The schemes in force that have an override, with it; and what is wrong with others, which do not count."""
    overridden: dict[int, Scheme] = {}
    told: list[Problem] = []
    for scheme_id, draft in drafts.items():
        scheme = judged[scheme_id].in_force if scheme_id in judged else None
        if scheme is None:
            continue
        where = f"scheme {printable(scheme.name)!r}, override"
        try:
            override = override_of(draft)
        except ScheduleError as error:
            told.append(Problem(Severity.ERROR, where, str(error)))
            continue
        if override.treatment.rule is DayRule.BRANCH and draft.branch not in {each.name for each in scheme.branches}:
            told.append(Problem(Severity.ERROR, where, unknown_branch(draft.branch)))
            continue
        if override.treatment.rule is DayRule.CLOSED and not any(each.out_of_hours for each in scheme.branches):
            text = "no branch is marked as out of hours, so calls get the configured default; mark one"
            told.append(Problem(Severity.WARNING, where, text))
        overridden[scheme_id] = replace(scheme, override=override)
    return overridden, told


def _listed(
    numbers: list[NumberRow], judged: Mapping[int, _Judged], known: Collection[str]
) -> tuple[dict[str, int | None], list[Problem]]:
    """Each number that is one, with the id of its scheme if there is such a scheme; and what is wrong with the rest.
    Those ``known`` from the reading before need not be read again: ten thousand take most of a second."""
    listed: dict[str, int | None] = {}
    doubts: list[Problem] = []
    for number in numbers:
        where = f"number {printable(number.e164)!r}"
        if number.e164 not in known and normalise(number.e164, "ZZ") != number.e164:
            text = "it is not an E.164 number such as +74950000101, so no call can be for it"
            doubts.append(Problem(Severity.ERROR, where, text))
            continue
        listed[number.e164] = number.scheme_id
        if number.scheme_id is not None and number.scheme_id not in judged:
            text = f"its scheme (id {number.scheme_id}) does not exist; the configured default is used"
            doubts.append(Problem(Severity.ERROR, where, text))
            listed[number.e164] = None
    return listed, doubts


def _uncircled(
    listed: dict[str, int | None], judged: dict[int, _Judged], previous: Reading
) -> tuple[dict[str, int | None], list[Problem]]:
    """Break every circle of forwarding: first by the schemes' last good versions, then by the numbers' last good
    schemes, at last by the default. Changes ``judged`` where a scheme goes back."""
    told: list[Problem] = []
    for number, way in _circles(listed, judged).items():
        scheme_id = listed[number]
        if scheme_id is None:
            continue
        present, before = judged[scheme_id], previous.judged.get(scheme_id)
        told.append(_circle(f"scheme {printable(present.draft.name)!r}, number {number}", way))
        if before is not None and before.in_force is not None:
            judged[scheme_id] = present._replace(in_force=before.in_force)
    for number in _circles(listed, judged):
        listed[number] = previous.assigned.get(number)
        if listed[number] not in judged:
            listed[number] = None
    for number in _circles(listed, judged):
        listed[number] = None
    return listed, told


def _circle(where: str, way: tuple[str, ...]) -> Problem:
    return Problem(Severity.ERROR, where, f"its calls would come back to it ({' -> '.join(way)}); dial another number")


def _circles(listed: Mapping[str, int | None], judged: Mapping[int, _Judged]) -> dict[str, tuple[str, ...]]:
    schemes = {number: str(scheme_id) for number, scheme_id in listed.items() if scheme_id is not None}
    dialed = {
        str(scheme_id): own
        for scheme_id, scheme in judged.items()
        if scheme.in_force is not None and (own := _own_numbers(scheme.in_force, listed))
    }
    return circles(schemes, dialed) if dialed else {}


def _own_numbers(scheme: Scheme, listed: Mapping[str, int | None]) -> tuple[str, ...]:
    """Which of the company's own numbers the scheme dials."""
    return tuple(
        destination.target
        for branch in scheme.branches
        for step in branch.steps
        if isinstance(step, DialStep)
        for destination in step.destinations
        if destination.kind is TargetKind.NUMBER and destination.target in listed
    )


def _book(
    numbers: list[NumberRow],
    assigned: Mapping[str, int | None],
    judged: Mapping[int, _Judged],
    overridden: Mapping[int, Scheme],
    *,
    callers: Mapping[CallerRuleDraft, Scheme | None],
    managers: Managers,
) -> SchemeBook:
    digest = hashlib.sha256()
    listed: dict[str, Number] = {}
    for row in numbers:
        if row.e164 not in assigned:
            continue
        scheme_id = assigned[row.e164]
        scheme = None if scheme_id is None else overridden.get(scheme_id, judged[scheme_id].in_force)
        listed[row.e164] = Number(row.e164, row.name, row.enabled, scheme, row.team)
        told: tuple[object, ...] = (row.e164, row.name, row.enabled, scheme.version if scheme else None, row.team)
        if scheme is not None and scheme.override is not None:
            told = (*told, scheme.override)
        digest.update(repr(told).encode("utf-8", "backslashreplace"))
    for rule, scheme in callers.items():
        digest.update(repr((rule, scheme.version if scheme else None)).encode("utf-8", "backslashreplace"))
    if managers:
        digest.update(repr(managers).encode("utf-8", "backslashreplace"))
    return SchemeBook(
        MappingProxyType(listed),
        digest.hexdigest()[:12],
        callers=rules_of(callers),
        managers=MappingProxyType(dict(managers)),
    )


def _callers(
    drafts: tuple[CallerRuleDraft, ...], judged: Mapping[int, _Judged], overridden: Mapping[int, Scheme]
) -> tuple[dict[CallerRuleDraft, Scheme | None], list[Problem]]:
    """The rules by caller that make sense, each with its scheme in force; and what is wrong with others, which do not
    count."""
    named: dict[str, Scheme] = {}
    for scheme_id, each in judged.items() if drafts else ():
        if (scheme := overridden.get(scheme_id, each.in_force)) is not None:
            named[each.draft.name] = scheme
    rules: dict[CallerRuleDraft, Scheme | None] = {}
    told: list[Problem] = []
    for draft in drafts:
        scheme = named.get(draft.scheme)
        if wrong := fault(draft, scheme):
            told.append(Problem(Severity.ERROR, f"rule for caller {printable(draft.caller)!r}", wrong))
        else:
            rules[draft] = scheme
    return rules, told

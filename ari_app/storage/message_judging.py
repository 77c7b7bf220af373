"""Compiles what the admin wrote about messages into the book that calls go by; nonsense keeps its last good version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from ari_app.core.checks import Problem, errors
from ari_app.core.message_book import ApologyRule, Contact, MessageBook, MessageType, OwnNumber, TeamProfile
from ari_app.core.message_checks import contact_problems, rule_problems, shadowed, type_problems
from ari_app.core.message_draft import (
    ContactDraft,
    RuleDraft,
    TypeDraft,
    compiled_contact,
    compiled_rule,
    compiled_type,
)
from ari_app.core.scheme import Number
from ari_app.storage.message_rows import MessageRows

D = TypeVar("D", bound=tuple[Any, ...])
T = TypeVar("T")


class Judged(NamedTuple, Generic[D, T]):
    """A draft, what is in force of it (None: nothing, for it never made sense), and what was said of it."""

    draft: D
    in_force: T | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class JudgedMessages:
    """What one reading found, by the rows' ids, ``listed`` being the company's own numbers then; the next reading
    builds on it."""

    rules: Mapping[int, Judged[RuleDraft, ApologyRule]] = field(default_factory=dict)
    types: Mapping[int, Judged[TypeDraft, MessageType]] = field(default_factory=dict)
    contacts: Mapping[int, Judged[ContactDraft, Contact]] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    listed: frozenset[str] = frozenset()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that was found wrong."""
        kinds: Iterable[Mapping[int, Judged[Any, Any]]] = (self.rules, self.types, self.contacts)
        return (*(problem for kind in kinds for each in kind.values() for problem in each.problems), *self.warnings)


def judge_messages(rows: MessageRows, listed: Collection[str], previous: JudgedMessages) -> JudgedMessages:
    """Judge every row; ``listed`` are the company's own numbers. What did not change is not compiled again."""
    now_listed = frozenset(listed)
    rules = {draft.id: draft for draft in rows.rules}
    # Which numbers are listed is all that is said of a rule beside the rule itself.
    known = previous.rules if now_listed == previous.listed else {}
    judged = _judged(rules, previous.rules, known, lambda draft: rule_problems(draft, now_listed), compiled_rule)
    return JudgedMessages(
        {key: _switched(rule) for key, rule in judged.items()},
        _judged(dict(rows.types), previous.types, previous.types, type_problems, compiled_type),
        _judged(dict(rows.contacts), previous.contacts, previous.contacts, contact_problems, compiled_contact),
        tuple(shadowed(rows.rules)),
        now_listed,
    )


def _judged(
    drafts: Mapping[int, D],
    previous: Mapping[int, Judged[D, T]],
    known: Mapping[int, Judged[D, T]],
    problems: Callable[[D], tuple[Problem, ...]],
    compiled: Callable[[D], T],
) -> dict[int, Judged[D, T]]:
    """Each draft judged; one that stands in ``known`` as it is now is not judged again."""
    found: dict[int, Judged[D, T]] = {}
    for its_id, draft in drafts.items():
        before = previous.get(its_id)
        if its_id in known and known[its_id].draft == draft:
            found[its_id] = known[its_id]
            continue
        said = problems(draft)
        last_good = before.in_force if before is not None else None
        found[its_id] = Judged(draft, last_good if errors(said) else compiled(draft), said)
    return found


def _switched(rule: Judged[RuleDraft, ApologyRule]) -> Judged[RuleDraft, ApologyRule]:
    """A switch works at once, whatever else is wrong: whoever switches a rule off wants no more of its messages."""
    if rule.in_force is None or rule.draft.enabled or not rule.in_force.enabled:
        return rule
    return rule._replace(in_force=replace(rule.in_force, enabled=False))


def message_book(rows: MessageRows, judged: JudgedMessages, numbers: Mapping[str, Number]) -> MessageBook:
    """The book of what is in force."""
    types, contacts = _by_team(judged.types), _by_team(judged.contacts)
    profiles = {
        team.name: TeamProfile(*team, tuple(types.get(team.name, ())), tuple(contacts.get(team.name, ())))
        for team in rows.teams
    }
    in_force = (rule.in_force for rule in judged.rules.values() if rule.in_force is not None)
    rules = tuple(sorted(in_force, key=lambda rule: (rule.name, rule.id)))
    own = {
        e164: OwnNumber(number.name, number.team, number.scheme.zone if number.scheme else None)
        for e164, number in numbers.items()
    }
    told = (
        [(sorted(rule.numbers), astuple(replace(rule, numbers=frozenset()))) for rule in rules],
        sorted(profiles.items()),
        sorted((e164, each.name, each.team, str(each.zone)) for e164, each in own.items()),
    )
    return MessageBook(rules, MappingProxyType(profiles), MappingProxyType(own), _version(told))


def _by_team(judged: Mapping[int, Judged[Any, T]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for each in judged.values():
        if each.in_force is not None:
            found.setdefault(each.draft.team, []).append(each.in_force)
    return found


def _version(told: object) -> str:
    return hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).hexdigest()[:12]

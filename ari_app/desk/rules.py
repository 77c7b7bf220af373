"""The desk of apology rules: found, made, edited, switched and deleted, each with its own right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import Any

import sqlalchemy as sa

from ari_app.core import message_draft
from ari_app.core.checks import Severity
from ari_app.core.message_checks import rule_problems, shadowed
from ari_app.core.numbering import printable
from ari_app.core.rights import Right, Subject
from ari_app.desk.base import Desk, NotFound, Refused, Unconfirmed, needs
from ari_app.desk.cancelling import cancel_queued, count_queued
from ari_app.desk.preview import Preview, preview
from ari_app.desk.terms import Terms, not_a_number
from ari_app.storage.message_refusals import MESSAGE_MENDS
from ari_app.storage.message_schema import apology_rule_numbers, apology_rules
from ari_app.storage.outbox_schema import messages
from ari_app.storage.schema import numbers, teams

_DIGITS = re.compile(r"\+?[\d\s()./-]+")


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as somebody wants it. Name, numbers and text must be given; ``numbers`` are those dialled, as people write
    them. ``team`` of None makes it everybody's."""

    name: str = ""
    numbers: tuple[str, ...] = ()
    text: str = ""
    delay_seconds: int = 60
    once_in_hours: int = 24
    team: str | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class RuleEdit:
    """What is to become different of a rule; None leaves it, and ``team`` of "" makes it everybody's."""

    name: str | None = None
    numbers: tuple[str, ...] | None = None
    text: str | None = None
    delay_seconds: int | None = None
    once_in_hours: int | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that there is. ``numbers`` are E.164, sorted."""

    id: int
    name: str
    numbers: tuple[str, ...]
    text: str
    delay_seconds: int
    once_in_hours: int
    team: str | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """A rule as it was saved, and what is doubtful about it."""

    rule: Rule
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleDesk(Desk):
    """Apology rules; `Terms` price their texts and read their numbers."""

    terms: Terms

    @needs(Subject.RULES, Right.VIEW)
    def list(self, search: str = "") -> list[Rule]:
        """The rules, by name: those whose name has the words searched for, or that have the dialled number, or one
        with such a part."""
        wanted = search.strip()
        return [rule for rule in self._all() if not wanted or self._fits(rule, wanted)]

    def _fits(self, rule: Rule, wanted: str) -> bool:
        if wanted.casefold() in rule.name.casefold():
            return True
        if not _DIGITS.fullmatch(wanted):
            return False
        part = re.sub(r"\D", "", wanted)
        whole = self.terms.number(wanted)
        return whole in rule.numbers or (bool(part) and any(part in number for number in rule.numbers))

    @needs(Subject.RULES, Right.VIEW)
    def show(self, name: str) -> Rule:
        """The rule of this name. Raises NotFound."""
        return self._named(name)

    @needs(Subject.RULES, Right.VIEW)
    def preview(self, text: str) -> Preview:
        """What a text takes and costs, before it is saved. Raises Refused."""
        return preview(text, self.terms)

    @needs(Subject.RULES, Right.CREATE)
    def create(self, draft: RuleDraft, *, confirmed: bool = False) -> Saved:
        """Save a new rule.

        Raises:
            Refused: what is missing or wrong, all of it at once.
            Unconfirmed: its text takes several SMS, which somebody must have been shown.
        """
        ready = self._ready(draft, None)
        _confirm_parts(preview(ready.text, self.terms), confirmed)
        row = self._row(ready) | {"enabled": ready.enabled}
        rule_id = self.connection.execute(sa.insert(apology_rules).values(row).returning(apology_rules.c.id))
        return self._saved(int(rule_id.scalar_one()), ready, "create")

    @needs(Subject.RULES, Right.EDIT)
    def edit(self, name: str, edit: RuleEdit, *, confirmed: bool = False) -> Saved:
        """Save a rule otherwise than it was.

        Raises:
            NotFound: there is no such rule.
            Refused: what is missing or wrong, all of it at once.
            Unconfirmed: a new text takes several SMS, which somebody must have been shown.
        """
        rule = self._named(name)
        ready = self._ready(_edited(rule, edit), rule)
        if ready.text != rule.text:
            _confirm_parts(preview(ready.text, self.terms), confirmed)
        self.connection.execute(sa.update(apology_rules).where(apology_rules.c.id == rule.id).values(self._row(ready)))
        return self._saved(rule.id, ready, "edit")

    @needs(Subject.RULES, Right.EDIT)
    def switch(self, name: str, enabled: bool) -> Rule:
        """Switch a rule on or off; messages of it that wait go only if it is on when they are due. Raises NotFound."""
        rule = self._named(name)
        one = sa.update(apology_rules).where(apology_rules.c.id == rule.id)
        self.connection.execute(one.values(enabled=enabled))
        self._write_down(Subject.RULES, "switch on" if enabled else "switch off", rule.name)
        return replace(rule, enabled=enabled)

    @needs(Subject.RULES, Right.DELETE)
    def delete(self, name: str, *, confirmed: bool = False) -> int:
        """Remove a rule and cancel its messages that wait to be sent; how many those were.

        Raises:
            NotFound: there is no such rule.
            Unconfirmed: nobody has said yet that it shall go; nothing was done.
        """
        rule = self._named(name)
        its_own = messages.c.rule_id == rule.id
        if not confirmed:
            raise Unconfirmed(_loss(rule, count_queued(self.connection, its_own)), f"Delete the rule {rule.name!r}?")
        cancelled = cancel_queued(self.connection, its_own, f"rule {rule.name!r} was deleted", self.now())
        self.connection.execute(sa.delete(apology_rules).where(apology_rules.c.id == rule.id))
        self._write_down(Subject.RULES, "delete", rule.name, cancelled=cancelled, text=rule.text)
        return cancelled

    def _saved(self, rule_id: int, ready: RuleDraft, action: str) -> Saved:
        self.connection.execute(sa.delete(apology_rule_numbers).where(apology_rule_numbers.c.rule_id == rule_id))
        self.connection.execute(
            sa.insert(apology_rule_numbers), [{"rule_id": rule_id, "e164": number} for number in ready.numbers]
        )
        self._write_down(Subject.RULES, action, ready.name, numbers=ready.numbers, text=ready.text, team=ready.team)
        rule = self._named(ready.name)
        return Saved(rule, tuple(self._doubts(rule)))

    def _doubts(self, rule: Rule) -> Iterator[str]:
        """What makes sense and may still not be meant: placeholders without a value, a number of several rules."""
        drafts = [message_draft.RuleDraft(**asdict(one)) for one in self._all()]
        own = message_draft.RuleDraft(**asdict(rule))
        found = [problem.text for problem in rule_problems(own, own.numbers) if problem.severity is Severity.WARNING]
        found += [str(problem) for problem in shadowed(drafts) if problem.text.startswith(rule.numbers)]
        yield from found

    # --- what may be saved ------------------------------------------------------------------------------------------

    def _ready(self, draft: RuleDraft, present: Rule | None) -> RuleDraft:
        """The draft as it is to be kept. Raises Refused with everything that is wrong about it."""
        name, team = printable(draft.name, 200).strip(), draft.team or None
        normal = tuple(dict.fromkeys(self.terms.number(one) or one for one in draft.numbers if one.strip()))
        ready = replace(draft, name=name, numbers=normal, text=draft.text.strip(), team=team)
        faults = [*self._faults_of_name(name, present), *self._faults_of_numbers(normal), *self._faults_of_text(ready)]
        faults += [*self._faults_of_team(team), *_faults_of_figures(ready)]
        if faults:
            raise Refused(*faults)
        return ready

    def _faults_of_name(self, name: str, present: Rule | None) -> Iterator[str]:
        if not name:
            yield "the rule has no name: give one that people will know it by"
        elif (present is None or name != present.name) and any(rule.name == name for rule in self._all()):
            yield f"a rule called {name!r} exists: choose another name or edit that one"

    def _faults_of_numbers(self, wanted: tuple[str, ...]) -> Iterator[str]:
        if not wanted:
            yield "the rule has no dialled number: give one or more of the company's own"
            return
        off = sa.select(numbers.c.e164, teams.c.name, teams.c.sales_tools).outerjoin_from(numbers, teams)
        listed = {row.e164: row for row in self.connection.execute(off)}
        for number in wanted:
            row = listed.get(number)
            if row is None:
                yield _unlisted(number, listed) if self.terms.number(number) else not_a_number(number)
            elif row.name is not None and not row.sales_tools:
                yield f"{number} is of the team {row.name!r}, which has not got sales tools, and so no apologies"

    def _faults_of_text(self, draft: RuleDraft) -> Iterator[str]:
        if not draft.text:
            yield "the rule has no text: write what the caller is to be sent"
            return
        try:
            preview(draft.text, self.terms)
        except Refused as refused:
            yield from refused.faults

    def _faults_of_team(self, team: str | None) -> Iterator[str]:
        if team is None:
            return
        known = {row.name: bool(row.sales_tools) for row in self.connection.execute(sa.select(teams))}
        if team not in known:
            yield f"there is no team {printable(team)!r}; those there are: {', '.join(sorted(known)) or 'none'}"
        elif not known[team]:
            yield f"the team {team!r} has not got sales tools, and so no apologies; set its sales_tools first"

    def _row(self, ready: RuleDraft) -> dict[str, Any]:
        team = sa.select(teams.c.id).where(teams.c.name == ready.team).scalar_subquery()
        return {
            "name": ready.name,
            "text": ready.text,
            "delay_seconds": ready.delay_seconds,
            "once_in_hours": ready.once_in_hours,
            "team_id": team if ready.team else None,
        }

    # --- what there is ----------------------------------------------------------------------------------------------

    def _all(self) -> Iterable[Rule]:
        dialled: dict[int, set[str]] = {}
        for rule_id, number in self.connection.execute(
            sa.select(apology_rule_numbers.c.rule_id, apology_rule_numbers.c.e164)
        ):
            dialled.setdefault(rule_id, set()).add(number)
        query = sa.select(apology_rules, teams.c.name.label("team")).outerjoin_from(apology_rules, teams)
        found = (_rule(row, dialled.get(row.id, set())) for row in self.connection.execute(query))
        return sorted(found, key=lambda rule: rule.name)

    def _named(self, name: str) -> Rule:
        rules = {rule.name: rule for rule in self._all()}
        if name in rules:
            return rules[name]
        near = get_close_matches(name, rules, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise NotFound(f"there is no rule {printable(name)!r}{meant or '; ari-app rules list shows those there are'}")


def _rule(row: sa.Row[Any], dialled: set[str]) -> Rule:
    figures = (row.delay_seconds, row.once_in_hours)
    return Rule(row.id, row.name, tuple(sorted(dialled)), row.text, *figures, row.team, bool(row.enabled))


def _edited(rule: Rule, edit: RuleEdit) -> RuleDraft:
    given = {name: value for name in RuleEdit.__dataclass_fields__ if (value := getattr(edit, name)) is not None}
    present = {name: getattr(rule, name) for name in RuleDraft.__dataclass_fields__}
    return RuleDraft(**(present | given))


def _faults_of_figures(draft: RuleDraft) -> Iterator[str]:
    if not 0 <= draft.delay_seconds <= 86400:
        yield MESSAGE_MENDS["delay_of_the_rule_is_0_to_86400_seconds"]
    if not 0 <= draft.once_in_hours <= 8760:
        yield MESSAGE_MENDS["once_in_hours_is_0_to_8760"]


def _confirm_parts(shown: Preview, confirmed: bool) -> None:
    if shown.parts > 1 and not confirmed:
        shorter = "\nIn fewer: " + shown.plainer if shown.plainer else ""
        raise Unconfirmed(f"{shown.text}\n\nThe text {shown}.{shorter}", f"Save it, at {shown.parts} SMS a message?")


def _unlisted(number: str, listed: Iterable[str]) -> str:
    near = get_close_matches(number, listed, n=3, cutoff=0.75)
    meant = f"did you mean {' or '.join(near)}?" if near else "ari-app numbers list shows those there are"
    return f"{number} is not one of the company's numbers; {meant}"


def _loss(rule: Rule, waiting: int) -> str:
    lost = "No message of it waits to be sent."
    if waiting:
        one = "1 message of it waits" if waiting == 1 else f"{waiting} messages of it wait"
        lost = f"{one} to be sent and will be cancelled."
    return f"The rule {rule.name!r} for {', '.join(rule.numbers) or 'no number'} will be deleted for good. {lost}"

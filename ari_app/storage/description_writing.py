"""Writes schemes as a description, the YAML that seeds and `schemes apply` read; what is the default is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ari_app.core.calendar_draft import DayDraft, dates_words, rule_words
from ari_app.core.callers import CallerRuleDraft
from ari_app.core.draft import BranchDraft, DestinationDraft, SchemeDraft, StepDraft
from ari_app.core.manager_draft import ManagerDraft, by_manager
from ari_app.core.scheme_changes import canonical, entry_words, strategy_words
from ari_app.storage.description import GreetingRow, NumberEntry
from ari_app.storage.description_callers import described_caller
from ari_app.storage.description_schema import SCHEMA_FILE

Described = dict[str, Any]
"""A description, or a part of it, of plain dictionaries, lists and words."""

_WIDTH = 120
_HEAD = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"


def description_of(
    schemes: Iterable[SchemeDraft],
    greetings: Mapping[str, GreetingRow] | None = None,
    numbers: Iterable[NumberEntry] = (),
    callers: Iterable[CallerRuleDraft] = (),
    managers: Iterable[ManagerDraft] = (),
) -> Described:
    """The schemes with the greetings that they play, the numbers with the teams that they name, rules by caller, the
    managers.

    Whose a greeting is, ``greetings`` say; without them nobody's is.
    """
    schemes, numbers = tuple(schemes), tuple(numbers)
    played = {
        step.greeting.name: GreetingRow(step.greeting.name, step.greeting.sound, "")
        for scheme in map(canonical, schemes)
        for branch in scheme.branches
        for step in branch.steps
        if step.greeting
    }
    rows = [(greetings or {}).get(name, row) for name, row in sorted(played.items())]
    teams = sorted(({row.team for row in rows} | {entry.team for entry in numbers}) - {""})
    parts: Described = {
        "teams": teams,
        "greetings": [_greeting(row) for row in rows],
        "schemes": [described(scheme) for scheme in schemes],
        "numbers": [_number(entry) for entry in numbers],
        "callers": [described_caller(rule) for rule in callers],
        "managers": [_manager(crm, who, rung) for (crm, who), rung in by_manager(managers).items()],
    }
    return {name: part for name, part in parts.items() if part}


def as_yaml(description: Described) -> str:
    """The description as YAML, an editor told where its JSON Schema is."""
    if not description:
        return f"{_HEAD}# there is nothing to describe\n"
    return _HEAD + "\n".join(_part({name: part}) for name, part in description.items())


def _part(part: Described) -> str:
    written: str = yaml.dump(
        part, Dumper=_Indented, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=None
    )
    return written


class _Indented(yaml.SafeDumper):
    """Lists stand further in than the key they belong to, and nothing is an alias of something before it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """Whatever could count as a line's end or a blank is escaped: between single quotes it would be folded."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if data.isprintable() else '"')

    def nothing(self, _: None) -> yaml.ScalarNode:
        """``voicemail:``, as people write it."""
        return self.represent_scalar("tag:yaml.org,2002:null", "")


_Indented.add_representer(str, _Indented.text)
_Indented.add_representer(type(None), _Indented.nothing)


def described(scheme: SchemeDraft) -> Described:
    """One scheme."""
    draft = canonical(scheme)
    parts: Described = {"name": draft.name, "time zone": draft.time_zone}
    parts |= {"holidays": draft.holidays} if draft.holidays else {}
    parts |= {"exceptional days": [_day(day) for day in draft.days]} if draft.days else {}
    parts |= {"outside calls a day": draft.outside_calls_a_day} if draft.outside_calls_a_day is not None else {}
    parts |= {"caller id": draft.caller_id} if draft.caller_id else {}
    return {**parts, "branches": [_branch(each) for each in draft.branches]}


def _day(day: DayDraft) -> Described:
    whole = (day.opens, day.closes) == ("00:00", "23:59")
    hours = {} if whole else {"hours": f"{day.opens}-{day.closes}"}
    return {"on": dates_words(day), "is": rule_words(day), **hours, "name": day.name}


def _branch(branch: BranchDraft) -> Described:
    parts: Described = {"name": branch.name}
    if branch.entries:
        parts["hours"] = [entry_words(entry) for entry in branch.entries]
    if branch.out_of_hours:
        parts["out of hours"] = True
    return {**parts, "steps": [_labelled(step) for step in branch.steps]}


def _labelled(step: StepDraft) -> Described | str:
    written = _step(step)
    if not step.label:
        return written
    return {"label": step.label} | (written if isinstance(written, dict) else {written: None})


def _step(step: StepDraft) -> Described | str:
    match step.kind:
        case "menu":
            return {"menu": _menu(step)}
        case "dial":
            return {"dial": _dial(step)}
        case "greeting":
            return {"greeting": step.greeting.name if step.greeting else ""}
        case "voicemail":
            options: Described = {"greeting": step.greeting.name} if step.greeting else {}
            for key, value, default in (
                ("max seconds", step.max_seconds, 180),
                ("silence seconds", step.silence_seconds, 5),
                ("min seconds", step.min_seconds, 2),
            ):
                options |= {key: value} if value != default else {}
            return {"voicemail": options} if options else "voicemail"
    return step.kind.replace("_", " ")


def _menu(step: StepDraft) -> Described:
    choices = {choice.key: choice.goal for choice in step.choices}
    parts: Described = {"greeting": step.greeting.name if step.greeting else "", "choices": choices}
    for key, value, default in (
        ("retries", step.retries, 2),
        ("wait seconds", step.wait_seconds, 5),
        ("otherwise", step.otherwise, ""),
    ):
        parts |= {key: value} if value != default else {}
    return parts


def _dial(step: StepDraft) -> Described:
    timeouts = {destination.timeout for destination in step.destinations}
    common = timeouts.pop() if len(timeouts) == 1 else None
    parts: Described = {"ring": strategy_words(step)}
    parts |= {"timeout": common} if common is not None else {}
    parts |= {"last adviser days": step.last_adviser_days} if step.last_adviser_days else {}
    return {**parts, "to": [_destination(each, common) for each in step.destinations]}


def _destination(destination: DestinationDraft, common: int | None) -> Described | str:
    parts: Described = {"to": destination.target}
    if destination.kind == "manager":
        crm, _, entities = destination.target.partition(":")
        parts = {"manager": crm} | ({"search": entities.split(",")} if entities else {})
    parts |= {"timeout": destination.timeout} if destination.timeout != common else {}
    parts |= {"delay": destination.delay} if destination.delay else {}
    parts |= {"weight": destination.weight} if destination.weight != 1 else {}
    parts |= {"caller id": destination.caller_id} if destination.caller_id else {}
    parts |= {"confirm": destination.confirm_seconds} if destination.confirm_seconds else {}
    return destination.target if list(parts) == ["to"] else parts


def _manager(crm: str, who: str, rung: Iterable[ManagerDraft]) -> Described:
    at = [{"to": one.target, "timeout": one.timeout} if one.timeout is not None else one.target for one in rung]
    return {"crm": crm, "manager": who, "rung at": at}


def _greeting(row: GreetingRow) -> Described:
    return {"name": row.name, "sound": row.sound} | ({"team": row.team} if row.team else {})


def _number(entry: NumberEntry) -> Described:
    parts: Described = {"number": entry.e164, "name": entry.name}
    parts |= {"scheme": entry.scheme} if entry.scheme else {}
    parts |= {"team": entry.team} if entry.team else {}
    return parts | ({} if entry.enabled else {"enabled": False})

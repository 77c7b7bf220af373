"""Reads the schemes of a description: branches, hours, steps, destinations, every mistake with its line."""

from __future__ import annotations

import re

import yaml

from ari_app.core.checks import DialRules, Problem, Severity, problems
from ari_app.core.draft import (
    BranchDraft,
    DestinationDraft,
    EntryDraft,
    GreetingDraft,
    SchemeDraft,
    StepDraft,
    entry_of,
)
from ari_app.core.numbering import ENDPOINT_NAME
from ari_app.core.schedule import ScheduleError
from ari_app.core.scheme import RingStrategy
from ari_app.storage.description_calendar import CalendarReader, weekday
from ari_app.storage.description_menu import MenuReader
from ari_app.storage.yaml_reading import (
    Complaints,
    Node,
    e164,
    items,
    mapping,
    meant,
    most,
    required,
    seconds,
    switch,
    title,
    whole,
    word,
)

_STRATEGIES = {strategy.words: strategy.value for strategy in RingStrategy}
_SCHEME = ("name", "time zone", "holidays", "exceptional days", "outside calls a day", "caller id", "branches")
_DESTINATION = ("to", "manager", "search", "timeout", "delay", "weight", "caller id", "confirm")
_STEPS = ("dial", "greeting", "menu", "voicemail", "hang up")
_HOURS = re.compile(r"(?:(?P<first>[A-Za-z]+)(?:\s*[-–]\s*(?P<last>[A-Za-z]+))?\s+)?(?P<hours>\d.*)")
_ELSEWHERE = "ru/greeting"
"""Stands for the sound of a greeting that the database has and the description only names."""


class SchemeReader:
    """Reads schemes; goes on after a mistake, to find the others. ``sounds`` are those of the greetings described, by
    name; warnings are put to ``warnings``."""

    def __init__(
        self, complaints: Complaints, rules: DialRules, region: str, sounds: dict[str, str], warnings: list[Problem]
    ) -> None:
        self._complaints = complaints
        self._rules = rules
        self._region = region
        self._sounds = sounds
        self._warnings = warnings
        self._calendar = CalendarReader(complaints)
        self._menu = MenuReader(complaints, self._greeting)

    def read(self, node: Node) -> SchemeDraft:
        """One scheme, checked once all of it could be read."""
        values = mapping(node, _SCHEME, "a scheme", self._complaints)
        name = required(node, values, "name", "a scheme", self._complaints)
        zone = required(node, values, "time zone", "a scheme", self._complaints)
        before = len(self._complaints.lines)
        branches = tuple(
            self._branch(each) for each in items(values.get("branches"), "a scheme's branches", self._complaints)
        )
        holidays, days = self._calendar.read(values.get("holidays"), values.get("exceptional days"))
        cap = most(values.get("outside calls a day"), "outside calls a day", self._complaints)
        shown = word(values.get("caller id"), "the caller id", self._complaints)
        draft = SchemeDraft(name, zone, branches, holidays, days, cap, shown)
        if len(self._complaints.lines) == before and name and zone:
            self._judge(draft, node)
        return draft

    def _judge(self, draft: SchemeDraft, node: Node) -> None:
        """What the scheme's own checks say; only once all of it could be read."""
        for problem in problems(draft, self._rules):
            if problem.severity is Severity.ERROR:
                self._complaints.at(node, str(problem))
            else:
                self._warnings.append(problem)

    def _branch(self, node: Node) -> BranchDraft:
        values = mapping(node, ("name", "hours", "out of hours", "steps"), "a branch", self._complaints)
        name = required(node, values, "name", "a branch", self._complaints)
        hours = values.get("hours")
        lines = [hours] if isinstance(hours, yaml.ScalarNode) else items(hours, "hours", self._complaints)
        entries = [entry for line in lines if (entry := self._entry(line)) is not None]
        steps = items(values.get("steps"), "a branch's steps", self._complaints)
        closed = switch(values.get("out of hours"), "out of hours", False, self._complaints)
        return BranchDraft(name, tuple(entries), tuple(self._step(step) for step in steps), closed)

    def _entry(self, node: Node) -> EntryDraft | None:
        text = word(node, "hours", self._complaints)
        match = _HOURS.fullmatch(text)
        if match is None:
            self._complaints.at(node, f"hours {text!r} cannot be read; write them as Mon-Fri 09:00-17:59")
            return None
        first = self._day(match["first"], node, 1)
        last = first if match["first"] and not match["last"] else self._day(match["last"], node, 7)
        opens, _, closes = match["hours"].replace("–", "-").partition("-")
        entry = EntryDraft(first, last, opens.strip().rjust(5, "0"), closes.strip().rjust(5, "0"))
        try:
            entry_of(entry)
        except ScheduleError as error:
            self._complaints.at(node, str(error))
            return None
        return entry

    def _day(self, name: str | None, node: Node, default: int) -> int:
        return default if name is None else weekday(name, node, default, self._complaints)

    def _step(self, node: Node) -> StepDraft:
        """``voicemail``, or ``dial: {...}``; with a label beside it where a menu leads to it."""
        if isinstance(node, yaml.MappingNode) and len(node.value) == 2:
            labels = [value for key, value in node.value if key.value == "label"]
            rest = [(key, value) for key, value in node.value if key.value != "label"]
            if labels and rest:
                bare = yaml.MappingNode(node.tag, rest, node.start_mark, node.end_mark)
                return self._unlabelled(bare)._replace(label=title(labels[0], "a label", self._complaints))
        return self._unlabelled(node)

    def _unlabelled(self, node: Node) -> StepDraft:
        inner: Node | None = None
        if isinstance(node, yaml.ScalarNode):
            kind = str(node.value).strip().lower().replace("_", " ")
        elif isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            key, inner = node.value[0]
            kind = str(key.value).strip().lower().replace("_", " ")
        else:
            self._complaints.at(node, f"a step is one of {', '.join(_STEPS)}; begin each with a hyphen of its own")
            return StepDraft("hang_up")
        if kind == "dial":
            return self._dial(node, inner)
        if kind in ("greeting", "voicemail"):
            return self._prompt(node, kind, inner)
        if kind == "menu":
            return self._menu.read(node, inner)
        if kind != "hang up":
            self._complaints.at(node, f"{kind!r} is no kind of step; {meant(kind, list(_STEPS))}")
        return StepDraft("hang_up")

    def _prompt(self, node: Node, kind: str, inner: Node | None) -> StepDraft:
        if inner is None or isinstance(inner, yaml.ScalarNode):
            values: dict[str, Node] = {"greeting": inner} if inner is not None and inner.value else {}
        else:
            known = ("greeting", "max seconds", "silence seconds", "min seconds")
            values = mapping(inner, known if kind == "voicemail" else ("greeting",), f"a {kind} step", self._complaints)
        prompt = self._greeting(values.get("greeting"))
        if kind == "greeting" and prompt is None:
            self._complaints.at(node, "a greeting step names its greeting: - greeting: Sales welcome")
        longest, silence, shortest = (
            seconds(values.get(key), key, default, self._complaints)
            for key, default in (("max seconds", 180), ("silence seconds", 5), ("min seconds", 2))
        )
        return StepDraft(kind, greeting=prompt, max_seconds=longest, silence_seconds=silence, min_seconds=shortest)

    def _greeting(self, node: Node | None) -> GreetingDraft | None:
        name = title(node, "the greeting", self._complaints)
        return GreetingDraft(name, self._sounds.get(name) or _ELSEWHERE) if name else None

    def _dial(self, node: Node, inner: Node | None) -> StepDraft:
        if inner is None:
            self._complaints.at(node, "a dial step says whom: - dial: {to: [reception]}")
            return StepDraft("hang_up")
        values = mapping(inner, ("ring", "to", "timeout", "last adviser days"), "a dial step", self._complaints)
        ring = word(values.get("ring"), "ring", self._complaints, "in turn").replace("_", " ")
        if ring not in _STRATEGIES:
            self._complaints.at(values["ring"], f"{ring!r} is no way to ring; {meant(ring, list(_STRATEGIES))}")
        timeout = seconds(values.get("timeout"), "the timeout", 20, self._complaints)
        days = whole(values.get("last adviser days"), "the last adviser's days", 0, self._complaints)
        to = values.get("to")
        targets = [to] if isinstance(to, yaml.ScalarNode | yaml.MappingNode) else items(to, "to", self._complaints)
        destinations = tuple(self._destination(target, timeout) for target in targets)
        return StepDraft("dial", _STRATEGIES.get(ring, "in_turn"), destinations, last_adviser_days=days)

    def _destination(self, node: Node, timeout: int) -> DestinationDraft:
        if isinstance(node, yaml.ScalarNode):
            return self.target(node, timeout, 0)
        values = mapping(node, _DESTINATION, "a destination", self._complaints)
        own = seconds(values.get("timeout"), "the timeout", timeout, self._complaints)
        delay = seconds(values.get("delay"), "the delay", 0, self._complaints)
        weight = whole(values.get("weight"), "the weight", 1, self._complaints)
        shown = word(values.get("caller id"), "the caller id", self._complaints)
        confirm = seconds(values.get("confirm"), "the time to press 1", 0, self._complaints)
        if ("to" in values) == ("manager" in values):
            self._complaints.at(node, "a destination needs 'to', a number or an endpoint's name, or 'manager', a CRM's")
            return DestinationDraft("endpoint", "nobody", own, delay)
        if "manager" in values:
            return DestinationDraft("manager", self._asked(values), own, delay, weight, shown, confirm)
        return self.target(values["to"], own, delay)._replace(weight=weight, caller_id=shown, confirm_seconds=confirm)

    def _asked(self, values: dict[str, Node]) -> str:
        """``manager: crm``, and ``search: [lead, contact]``, as a target."""
        crm = word(values["manager"], "a manager's CRM", self._complaints)
        search = values.get("search")
        nodes = [search] if isinstance(search, yaml.ScalarNode) else items(search, "search", self._complaints)
        entities = ",".join(filter(None, (word(each, "a kind of record", self._complaints) for each in nodes)))
        return f"{crm}:{entities}" if entities else crm

    def target(self, node: Node, timeout: int, delay: int) -> DestinationDraft:
        """A number, or an endpoint's name."""
        text = word(node, "a destination", self._complaints)
        if ENDPOINT_NAME.fullmatch(text):
            return DestinationDraft("endpoint", text, timeout, delay)
        return DestinationDraft(
            "number", e164(node, text, "a number or an endpoint's name", self._region, self._complaints), timeout, delay
        )

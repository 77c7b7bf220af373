"""A readable description of teams, greetings, schemes and numbers, read from YAML with every mistake explained."""

from __future__ import annotations

import re
from typing import NamedTuple

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
from ari_app.core.numbering import ENDPOINT_NAME, normalise
from ari_app.core.schedule import DAY_NAMES, ScheduleError
from ari_app.core.sounds import sound_refusal
from ari_app.storage.yaml_reading import (
    Complaints,
    Node,
    compose,
    items,
    mapping,
    meant,
    required,
    seconds,
    switch,
    word,
)

_STRATEGIES = {"in turn": "in_turn", "all at once": "all_at_once", "staggered": "staggered"}
_STEPS = ("dial", "greeting", "voicemail", "hang up")
_HOURS = re.compile(r"(?:(?P<first>[A-Za-z]+)(?:\s*[-–]\s*(?P<last>[A-Za-z]+))?\s+)?(?P<hours>\d.*)")
_ELSEWHERE = "ru/greeting"
"""Stands for the sound of a greeting that the database has and the description only names."""

TEMPLATE = """\
# Describe what to add; `make seed m="What this adds" from=THIS_FILE` makes a revision of it. Nothing here is required.
teams:
  - name: Sales

greetings:
  - name: Sales welcome
    sound: ru/greeting            # in the catalogue: ru, uk, pl, en/greeting, or own/NAME

schemes:
  - name: Office
    time zone: Europe/Moscow
    branches:                     # the first whose hours cover the moment of the call
      - name: Working hours
        hours: [Mon-Fri 09:00-17:59]
        steps:
          - dial:
              ring: in turn       # or: all at once, staggered
              timeout: 20         # seconds, for each
              to: [+74950000001, {to: reception, timeout: 30}]
          - voicemail: {greeting: Sales welcome, max seconds: 120}
      - name: Out of hours        # no hours: always
        steps: [voicemail]

numbers:
  - number: +74950000002
    name: Advertised on the website
    scheme: Office
    team: Sales
"""


class DescriptionError(ValueError):
    """The description has mistakes; the message has a line for each: where it is, what is wrong, how to mend it."""


class TeamRow(NamedTuple):
    """A team to add."""

    name: str


class GreetingRow(NamedTuple):
    """A greeting to add; ``team`` is a name or empty."""

    name: str
    sound: str
    team: str


class NumberEntry(NamedTuple):
    """A number to add; ``scheme`` and ``team`` are names or empty."""

    e164: str
    name: str
    enabled: bool
    scheme: str
    team: str


class Description(NamedTuple):
    """All that a description asks for; what it names without adding must be in the database already."""

    teams: tuple[TeamRow, ...]
    greetings: tuple[GreetingRow, ...]
    schemes: tuple[SchemeDraft, ...]
    numbers: tuple[NumberEntry, ...]


def read_description(
    text: str, rules: DialRules, *, source: str = "description", region: str = "RU"
) -> tuple[Description, tuple[Problem, ...]]:
    """Read and check a description; also the warnings about its schemes.

    ``rules`` say which numbers may be dialed, ``region`` how to propose a number that is written without ``+``.

    Raises:
        DescriptionError: with every mistake there is.
    """
    reader = _Reader(Complaints(source), rules, region)
    root = compose(text, reader.complaints)
    found = reader.read(root) if root is not None else Description((), (), (), ())
    if reader.complaints.lines:
        raise DescriptionError(str(reader.complaints))
    return found, tuple(reader.warnings)


class _Reader:
    """Reads one description; goes on after a mistake, to find the others."""

    def __init__(self, complaints: Complaints, rules: DialRules, region: str) -> None:
        self.complaints = complaints
        self.warnings: list[Problem] = []
        self._rules = rules
        self._region = region
        self._sounds: dict[str, str] = {}

    def read(self, root: Node) -> Description:
        parts = mapping(root, ("teams", "greetings", "schemes", "numbers"), "a description", self.complaints)
        lists = {name: items(node, name, self.complaints) for name, node in parts.items()}
        found = Description(
            tuple(self._team(node) for node in lists.get("teams", [])),
            tuple(self._greeting(node) for node in lists.get("greetings", [])),
            tuple(self._scheme(node) for node in lists.get("schemes", [])),
            tuple(self._number(node) for node in lists.get("numbers", [])),
        )
        for part, names in (
            ("teams", [team.name for team in found.teams]),
            ("greetings", [greeting.name for greeting in found.greetings]),
            ("schemes", [scheme.name for scheme in found.schemes]),
            ("numbers", [number.e164 for number in found.numbers]),
        ):
            self._once(names, lists.get(part, []), part)
        return found

    def _once(self, names: list[str], nodes: list[Node], part: str) -> None:
        seen: set[str] = set()
        for name, node in zip(names, nodes, strict=True):
            if name and name in seen:
                self.complaints.at(node, f"{name!r} is there twice among the {part}; remove or rename one")
            seen.add(name)

    def _team(self, node: Node) -> TeamRow:
        if isinstance(node, yaml.ScalarNode) and node.value:
            return TeamRow(str(node.value).strip())
        values = mapping(node, ("name",), "a team", self.complaints)
        return TeamRow(required(node, values, "name", "a team", self.complaints))

    def _greeting(self, node: Node) -> GreetingRow:
        values = mapping(node, ("name", "sound", "team"), "a greeting", self.complaints)
        name = required(node, values, "name", "a greeting", self.complaints)
        sound = required(node, values, "sound", "a greeting", self.complaints)
        refusal = sound_refusal(sound) if sound else None
        if refusal:
            self.complaints.at(values["sound"], refusal)
        self._sounds[name] = sound
        return GreetingRow(name, sound, word(values.get("team"), "a greeting's team", self.complaints))

    def _scheme(self, node: Node) -> SchemeDraft:
        values = mapping(node, ("name", "time zone", "branches"), "a scheme", self.complaints)
        name = required(node, values, "name", "a scheme", self.complaints)
        zone = required(node, values, "time zone", "a scheme", self.complaints)
        before = len(self.complaints.lines)
        branches = tuple(
            self._branch(each) for each in items(values.get("branches"), "a scheme's branches", self.complaints)
        )
        draft = SchemeDraft(name, zone, branches)
        if len(self.complaints.lines) == before and name and zone:
            self._judge(draft, node)
        return draft

    def _judge(self, draft: SchemeDraft, node: Node) -> None:
        """What the scheme's own checks say; only once all of it could be read."""
        for problem in problems(draft, self._rules):
            if problem.severity is Severity.ERROR:
                self.complaints.at(node, str(problem))
            else:
                self.warnings.append(problem)

    def _branch(self, node: Node) -> BranchDraft:
        values = mapping(node, ("name", "hours", "steps"), "a branch", self.complaints)
        name = required(node, values, "name", "a branch", self.complaints)
        hours = values.get("hours")
        lines = [hours] if isinstance(hours, yaml.ScalarNode) else items(hours, "hours", self.complaints)
        entries = [entry for line in lines if (entry := self._entry(line)) is not None]
        steps = items(values.get("steps"), "a branch's steps", self.complaints)
        return BranchDraft(name, tuple(entries), tuple(self._step(step) for step in steps))

    def _entry(self, node: Node) -> EntryDraft | None:
        text = word(node, "hours", self.complaints)
        match = _HOURS.fullmatch(text)
        if match is None:
            self.complaints.at(node, f"hours {text!r} cannot be read; write them as Mon-Fri 09:00-17:59")
            return None
        first = self._day(match["first"], node, 1)
        last = first if match["first"] and not match["last"] else self._day(match["last"], node, 7)
        opens, _, closes = match["hours"].replace("–", "-").partition("-")
        entry = EntryDraft(first, last, opens.strip().rjust(5, "0"), closes.strip().rjust(5, "0"))
        try:
            entry_of(entry)
        except ScheduleError as error:
            self.complaints.at(node, str(error))
            return None
        return entry

    def _day(self, name: str | None, node: Node, default: int) -> int:
        if name is None:
            return default
        short = name[:3].title()
        if short not in DAY_NAMES:
            self.complaints.at(node, f"{name!r} is no weekday; {meant(short, list(DAY_NAMES))}")
            return default
        return DAY_NAMES.index(short) + 1

    def _step(self, node: Node) -> StepDraft:
        """``voicemail``, or ``dial: {...}``."""
        inner: Node | None = None
        if isinstance(node, yaml.ScalarNode):
            kind = str(node.value).strip().lower().replace("_", " ")
        elif isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            key, inner = node.value[0]
            kind = str(key.value).strip().lower().replace("_", " ")
        else:
            self.complaints.at(node, f"a step is one of {', '.join(_STEPS)}; begin each with a hyphen of its own")
            return StepDraft("hang_up")
        if kind == "dial":
            return self._dial(node, inner)
        if kind in ("greeting", "voicemail"):
            return self._prompt(node, kind, inner)
        if kind != "hang up":
            self.complaints.at(node, f"{kind!r} is no kind of step; {meant(kind, list(_STEPS))}")
        return StepDraft("hang_up")

    def _prompt(self, node: Node, kind: str, inner: Node | None) -> StepDraft:
        if inner is None or isinstance(inner, yaml.ScalarNode):
            values: dict[str, Node] = {"greeting": inner} if inner is not None and inner.value else {}
        else:
            known = ("greeting", "max seconds", "silence seconds", "min seconds")
            values = mapping(inner, known if kind == "voicemail" else ("greeting",), f"a {kind} step", self.complaints)
        name = word(values.get("greeting"), "the greeting", self.complaints)
        if kind == "greeting" and not name:
            self.complaints.at(node, "a greeting step names its greeting: - greeting: Sales welcome")
        longest, silence, shortest = (
            seconds(values.get(key), key, default, self.complaints)
            for key, default in (("max seconds", 180), ("silence seconds", 5), ("min seconds", 2))
        )
        prompt = GreetingDraft(name, self._sounds.get(name) or _ELSEWHERE) if name else None
        return StepDraft(kind, greeting=prompt, max_seconds=longest, silence_seconds=silence, min_seconds=shortest)

    def _dial(self, node: Node, inner: Node | None) -> StepDraft:
        if inner is None:
            self.complaints.at(node, "a dial step says whom: - dial: {to: [reception]}")
            return StepDraft("hang_up")
        values = mapping(inner, ("ring", "to", "timeout"), "a dial step", self.complaints)
        ring = word(values.get("ring"), "ring", self.complaints, "in turn").replace("_", " ")
        if ring not in _STRATEGIES:
            self.complaints.at(values["ring"], f"{ring!r} is no way to ring; {meant(ring, list(_STRATEGIES))}")
        timeout = seconds(values.get("timeout"), "the timeout", 20, self.complaints)
        to = values.get("to")
        targets = [to] if isinstance(to, yaml.ScalarNode | yaml.MappingNode) else items(to, "to", self.complaints)
        destinations = tuple(self._destination(target, timeout) for target in targets)
        return StepDraft("dial", _STRATEGIES.get(ring, "in_turn"), destinations)

    def _destination(self, node: Node, timeout: int) -> DestinationDraft:
        if isinstance(node, yaml.ScalarNode):
            return self._target(node, timeout, 0)
        values = mapping(node, ("to", "timeout", "delay"), "a destination", self.complaints)
        own = seconds(values.get("timeout"), "the timeout", timeout, self.complaints)
        delay = seconds(values.get("delay"), "the delay", 0, self.complaints)
        if "to" not in values:
            self.complaints.at(node, "a destination needs 'to': a number or an endpoint's name")
            return DestinationDraft("endpoint", "nobody", own, delay)
        return self._target(values["to"], own, delay)

    def _target(self, node: Node, timeout: int, delay: int) -> DestinationDraft:
        text = word(node, "a destination", self.complaints)
        if ENDPOINT_NAME.fullmatch(text):
            return DestinationDraft("endpoint", text, timeout, delay)
        return DestinationDraft("number", self._e164(node, text, "a number or an endpoint's name"), timeout, delay)

    def _e164(self, node: Node, text: str, what: str) -> str:
        """The number as it must be written; another way of writing it is answered with the right one."""
        digits = ("+" if text.startswith("+") else "") + re.sub(r"[\s()+.-]", "", text)
        proposed = normalise(digits, self._region)
        if proposed != text:
            mend = f"write {proposed}" if proposed else "write a number such as +74950000101"
            self.complaints.at(node, f"{text!r} is not {what}; {mend}")
        return text

    def _number(self, node: Node) -> NumberEntry:
        values = mapping(node, ("number", "name", "scheme", "team", "enabled"), "a number", self.complaints)
        text = required(node, values, "number", "a number", self.complaints)
        if text:
            self._e164(values["number"], text, "an E.164 number")
        return NumberEntry(
            text,
            word(values.get("name"), "a number's name", self.complaints, "unnamed"),
            switch(values.get("enabled"), "enabled", True, self.complaints),
            word(values.get("scheme"), "a number's scheme", self.complaints),
            word(values.get("team"), "a number's team", self.complaints),
        )

"""A readable description of teams, greetings, schemes and numbers, read from YAML with every mistake explained."""

from __future__ import annotations

from typing import NamedTuple

import yaml

from ari_app.core.callers import CallerRuleDraft
from ari_app.core.checks import DialRules, Problem
from ari_app.core.draft import SchemeDraft
from ari_app.core.manager_draft import ManagerDraft
from ari_app.core.message_draft import ContactDraft, RuleDraft, TypeDraft
from ari_app.core.sounds import sound_refusal
from ari_app.storage.description_callers import read_caller
from ari_app.storage.description_managers import ManagerReader
from ari_app.storage.description_messages import MessageReader
from ari_app.storage.description_schemes import SchemeReader
from ari_app.storage.yaml_reading import (
    Complaints,
    Node,
    compose,
    e164,
    items,
    mapping,
    required,
    switch,
    title,
    whole,
)

_PARTS = ("teams", "greetings", "schemes", "numbers", "managers", "apology rules", "callers")
_TEAM = ("name", "extend", "sales tools", "makes tickets", "tickets an hour", "message types", "contacts")

TEMPLATE = """\
# Describe what to add; `make seed m="What this adds" from=THIS_FILE` makes a revision of it. Nothing here is required.
teams:
  - name: Sales
    sales tools: yes              # it has apologies for lost calls at all
    makes tickets: no             # a missed call of a client without an open ticket makes one
    message types:                # kinds, audiences, channels and {placeholders}: docs/messages.md
      - kind: missed
        text: "We missed your call to {number} and will call you back."
        company: yes              # begin with the company's name
    contacts:
      - {to: staff, by: e-mail, address: sales@example.com}

greetings:
  - name: Sales welcome
    sound: ru/greeting            # in the catalogue: ru, uk, pl, en/greeting, or own/NAME

schemes:
  - name: Office
    time zone: Europe/Moscow
    holidays: RU                  # or DE-BY: public holidays are closed, the Saturdays worked for them are worked
    exceptional days:             # they go before public holidays
      - {on: 2026-12-31, is: closed, hours: 15:00-23:59, name: New Year's Eve}
      - {on: 2027-01-08 to 2027-01-09, is: like Sat}     # or: open, branch Closed
    outside calls a day: 500      # so often its numbers outside are rung at most; none: as the settings say
    branches:                     # the first whose hours cover the moment of the call
      - name: Working hours
        hours: [Mon-Fri 09:00-17:59]
        steps:
          - dial:
              ring: in turn       # or: all at once, staggered
              timeout: 20         # seconds, for each
              to: [+74950000001, {to: reception, timeout: 30}]
          - voicemail: {greeting: Sales welcome, max seconds: 120}
      - name: Closed              # no hours: always
        out of hours: yes         # its calls count as such, for the messages that they bring
        steps: [voicemail]

numbers:
  - number: +74950000002
    name: Advertised on the website
    scheme: Office
    team: Sales

managers:                         # where those are rung whom a CRM names, by {manager: crm} in a dial step
  - crm: crm
    manager: olga@example.com     # or the id in the CRM
    rung at: [+74950000003, {to: reception, timeout: 15}]

apology rules:                    # what callers are sent whose call was lost; the first by name counts
  - name: Website
    numbers: [+74950000002]
    text: "Sorry that we missed your call of {time}. We will call you back."
    delay: 60                     # seconds
    once in hours: 24

callers:                          # of several rules for a caller the most specific counts
  - {caller: +79160000666, answer: busy, reason: "rings every night"}     # or: decline
  - {caller: +7800*, scheme: Office, branch: Closed}                      # a beginning; anonymous: without a number
"""


class DescriptionError(ValueError):
    """The description has mistakes; the message has a line for each: where it is, what is wrong, how to mend it."""


class AnyNumber:
    """Rules for what was checked when it was written; what may be dialed now is looked at when the book is loaded."""

    def refusal(self, _e164: str) -> None:
        """None is refused."""
        return


class TeamRow(NamedTuple):
    """A team to add, or to ``extend``: then it is in the database already. Options that are None are left alone."""

    name: str
    extend: bool = False
    sales_tools: bool | None = None
    makes_tickets: bool | None = None
    tickets_an_hour: int | None = None
    types: tuple[TypeDraft, ...] = ()
    contacts: tuple[ContactDraft, ...] = ()

    @property
    def options(self) -> dict[str, bool | int]:
        """Those that are said."""
        options = {name: getattr(self, name) for name in ("sales_tools", "makes_tickets", "tickets_an_hour")}
        return {name: value for name, value in options.items() if value is not None}


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
    rules: tuple[RuleDraft, ...] = ()
    callers: tuple[CallerRuleDraft, ...] = ()
    managers: tuple[ManagerDraft, ...] = ()


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
        self._region = region
        self._sounds: dict[str, str] = {}
        self._schemes = SchemeReader(complaints, rules, region, self._sounds, self.warnings)
        self._messages = MessageReader(complaints, region, self.warnings)
        self._managers = ManagerReader(complaints, self._schemes, rules)

    def read(self, root: Node) -> Description:
        parts = mapping(root, _PARTS, "a description", self.complaints)
        lists = {name: items(node, name, self.complaints) for name, node in parts.items()}
        found = Description(
            tuple(self._team(node) for node in lists.get("teams", [])),
            tuple(self._greeting(node) for node in lists.get("greetings", [])),
            tuple(self._schemes.read(node) for node in lists.get("schemes", [])),
            tuple(self._number(node) for node in lists.get("numbers", [])),
            tuple(self._messages.rule(node) for node in lists.get("apology rules", [])),
            tuple(read_caller(node, self._region, self.complaints) for node in lists.get("callers", [])),
            self._managers.read(lists.get("managers", [])),
        )
        for part, names in (
            ("teams", [team.name for team in found.teams]),
            ("greetings", [greeting.name for greeting in found.greetings]),
            ("schemes", [scheme.name for scheme in found.schemes]),
            ("numbers", [number.e164 for number in found.numbers]),
            ("apology rules", [rule.name for rule in found.rules]),
            ("callers", [f"{rule.caller} {rule.number}".strip() for rule in found.callers]),
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
            return TeamRow(title(node, "a team's name", self.complaints))
        said = self.complaints
        values = mapping(node, _TEAM, "a team", said)
        name = required(node, values, "name", "a team", said)
        an_hour = values.get("tickets an hour")
        return TeamRow(
            name,
            switch(values.get("extend"), "extend", False, said),
            self._option(values, "sales tools"),
            self._option(values, "makes tickets"),
            whole(an_hour, "tickets an hour", 60, said) if an_hour else None,
            tuple(self._messages.type(each, name) for each in items(values.get("message types"), "types", said)),
            tuple(self._messages.contact(each, name) for each in items(values.get("contacts"), "contacts", said)),
        )

    def _option(self, values: dict[str, Node], key: str) -> bool | None:
        return switch(values[key], key, True, self.complaints) if key in values else None

    def _greeting(self, node: Node) -> GreetingRow:
        values = mapping(node, ("name", "sound", "team"), "a greeting", self.complaints)
        name = required(node, values, "name", "a greeting", self.complaints)
        sound = required(node, values, "sound", "a greeting", self.complaints)
        refusal = sound_refusal(sound) if sound else None
        if refusal:
            self.complaints.at(values["sound"], refusal)
        self._sounds[name] = sound
        return GreetingRow(name, sound, title(values.get("team"), "a greeting's team", self.complaints))

    def _number(self, node: Node) -> NumberEntry:
        values = mapping(node, ("number", "name", "scheme", "team", "enabled"), "a number", self.complaints)
        text = required(node, values, "number", "a number", self.complaints)
        if text:
            e164(values["number"], text, "an E.164 number", self._region, self.complaints)
        return NumberEntry(
            text,
            title(values.get("name"), "a number's name", self.complaints, "unnamed"),
            switch(values.get("enabled"), "enabled", True, self.complaints),
            title(values.get("scheme"), "a number's scheme", self.complaints),
            title(values.get("team"), "a number's team", self.complaints),
        )

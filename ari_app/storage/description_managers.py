"""Reads what a description says of managers: at which destinations those are rung whom a CRM names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import yaml

from ari_app.core.checks import DialRules
from ari_app.core.manager_draft import ManagerDraft, judged
from ari_app.storage.description_schemes import SchemeReader
from ari_app.storage.yaml_reading import Complaints, Node, items, mapping, required, seconds, title


class ManagerReader:
    """Reads managers; goes on after a mistake, to find the others."""

    def __init__(self, complaints: Complaints, schemes: SchemeReader, rules: DialRules) -> None:
        self._complaints = complaints
        self._schemes = schemes
        self._rules = rules

    def read(self, nodes: Iterable[Node]) -> tuple[ManagerDraft, ...]:
        """All of them, each destination a draft of its own."""
        seen: set[tuple[str, str]] = set()
        found: list[ManagerDraft] = []
        for node in nodes:
            values = mapping(node, ("crm", "manager", "rung at"), "a manager", self._complaints)
            crm, manager = (required(node, values, key, "a manager", self._complaints) for key in ("crm", "manager"))
            who = (crm, manager and title(values.get("manager"), "a manager", self._complaints))
            if all(who) and (who[0], who[1].lower()) in seen:
                self._complaints.at(node, f"the manager {who[1]!r} of {who[0]!r} is there twice; write one entry")
            seen.add((who[0], who[1].lower()))
            before = len(self._complaints.lines)
            drafts = [ManagerDraft(who[0], who[1], *rung) for rung in self._rung(node, values.get("rung at"))]
            if all(who) and len(self._complaints.lines) == before:
                for problem in judged(drafts, self._rules, ())[1]:
                    self._complaints.at(node, str(problem))
            found += drafts
        return tuple(found)

    def _rung(self, owner: Node, node: Node | None) -> Iterator[tuple[str, str, int | None]]:
        whole = isinstance(node, yaml.ScalarNode | yaml.MappingNode)
        nodes = [node] if whole and node is not None else items(node, "rung at", self._complaints)
        if not nodes:
            self._complaints.at(owner, "a manager needs 'rung at': numbers or endpoints' names")
        told: set[str] = set()
        for each in nodes:
            target, timeout = each, None
            if isinstance(each, yaml.MappingNode):
                values = mapping(each, ("to", "timeout"), "a destination", self._complaints)
                if "to" not in values:
                    self._complaints.at(each, "a destination needs 'to': a number or an endpoint's name")
                    continue
                target = values["to"]
                if "timeout" in values:
                    timeout = seconds(values["timeout"], "the timeout", 20, self._complaints)
            draft = self._schemes.target(target, 20, 0)
            if draft.target in told:
                self._complaints.at(each, f"{draft.target!r} is there twice; remove one")
            told.add(draft.target)
            yield draft.kind, draft.target, timeout

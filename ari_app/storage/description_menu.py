"""Reads the menus of a description."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from ari_app.core.draft import ChoiceDraft, GreetingDraft, StepDraft
from ari_app.storage.yaml_reading import Complaints, Node, mapping, seconds, title, whole

_KEYS = ("greeting", "choices", "retries", "wait seconds", "otherwise")


class MenuReader:
    """Goes on after a mistake, to find the others; ``greeting`` reads the name of one."""

    def __init__(self, complaints: Complaints, greeting: Callable[[Node | None], GreetingDraft | None]) -> None:
        self._complaints = complaints
        self._greeting = greeting

    def read(self, node: Node, inner: Node | None) -> StepDraft:
        """``{greeting: Welcome, choices: {1: sales, 2: support}}``; what keys and labels make sense the checks know."""
        if inner is None:
            self._complaints.at(node, "a menu says what the keys do: - menu: {greeting: Welcome, choices: {1: sales}}")
            return StepDraft("hang_up")
        values = mapping(inner, _KEYS, "a menu", self._complaints)
        return StepDraft(
            "menu",
            greeting=self._greeting(values.get("greeting")),
            choices=self._choices(values.get("choices"), inner),
            retries=whole(values.get("retries"), "retries", 2, self._complaints),
            wait_seconds=seconds(values.get("wait seconds"), "wait seconds", 5, self._complaints),
            otherwise=title(values.get("otherwise"), "otherwise", self._complaints),
        )

    def _choices(self, node: Node | None, menu: Node) -> tuple[ChoiceDraft, ...]:
        if not isinstance(node, yaml.MappingNode):
            self._complaints.at(
                node or menu, "choices are keys with the labels that they lead to: {1: sales, 2: support}"
            )
            return ()
        return tuple(
            sorted(
                ChoiceDraft(str(key.value).strip(), title(goal, "a choice", self._complaints))
                for key, goal in node.value
            )
        )

"""Reads what a description says of messages: apology rules, and message types and contacts of teams."""

from __future__ import annotations

from collections.abc import Iterable

from ari_app.core.checks import Problem, Severity
from ari_app.core.message_checks import contact_problems, rule_problems, type_problems
from ari_app.core.message_draft import ContactDraft, RuleDraft, TypeDraft
from ari_app.storage.yaml_reading import Complaints, Node, e164, items, mapping, required, seconds, switch, whole, word

_RULE = ("name", "numbers", "text", "delay", "once in hours", "team", "enabled")
_TYPE = ("kind", "to", "by", "text", "enabled", "company", "team", "extra", "offset minutes", "once in hours")
_CONTACT = ("to", "by", "address")


class MessageReader:
    """Reads rules, types and contacts; goes on after a mistake, to find the others."""

    def __init__(self, complaints: Complaints, region: str, warnings: list[Problem]) -> None:
        self._complaints = complaints
        self._region = region
        self._warnings = warnings

    def rule(self, node: Node) -> RuleDraft:
        """One apology rule."""
        said, what = self._complaints, "an apology rule"
        values = mapping(node, _RULE, what, said)
        before = len(said.lines)
        draft = RuleDraft(
            id=0,
            name=required(node, values, "name", what, said),
            text=required(node, values, "text", what, said),
            numbers=tuple(self._number(each) for each in items(values.get("numbers"), "numbers", said)),
            enabled=switch(values.get("enabled"), "enabled", True, said),
            delay_seconds=seconds(values.get("delay"), "the delay", 60, said),
            once_in_hours=whole(values.get("once in hours"), "once in hours", 24, said),
            team=word(values.get("team"), "a rule's team", said) or None,
        )
        # Which numbers are listed, the database knows.
        self._judge(node, before, rule_problems(draft, draft.numbers))
        return draft

    def type(self, node: Node, team: str) -> TypeDraft:
        """One message type of a team."""
        said, what = self._complaints, "a message type"
        values = mapping(node, _TYPE, what, said)
        before = len(said.lines)
        draft = TypeDraft(
            team=team,
            kind=required(node, values, "kind", what, said).lower().replace(" ", "_"),
            audience=word(values.get("to"), "to", said, "client"),
            channel=_channel(word(values.get("by"), "by", said, "sms")),
            enabled=switch(values.get("enabled"), "enabled", True, said),
            text=required(node, values, "text", what, said),
            with_company=switch(values.get("company"), "company", False, said),
            with_team=switch(values.get("team"), "team", False, said),
            extra=word(values.get("extra"), "extra", said),
            offset_minutes=whole(values.get("offset minutes"), "offset minutes", 0, said),
            once_in_hours=whole(values.get("once in hours"), "once in hours", 0, said),
        )
        self._judge(node, before, type_problems(draft))
        return draft

    def contact(self, node: Node, team: str) -> ContactDraft:
        """One contact of a team."""
        said, what = self._complaints, "a contact"
        values = mapping(node, _CONTACT, what, said)
        before = len(said.lines)
        draft = ContactDraft(
            team=team,
            audience=word(values.get("to"), "to", said, "staff"),
            channel=_channel(required(node, values, "by", what, said)),
            address=required(node, values, "address", what, said),
        )
        self._judge(node, before, contact_problems(draft))
        return draft

    def _number(self, node: Node) -> str:
        text = word(node, "a dialled number", self._complaints)
        return e164(node, text, "an E.164 number", self._region, self._complaints)

    def _judge(self, node: Node, before: int, found: Iterable[Problem]) -> None:
        """What the checks say, unless what they would say has been said already."""
        for problem in found if len(self._complaints.lines) == before else ():
            if problem.severity is Severity.ERROR:
                self._complaints.at(node, str(problem))
            else:
                self._warnings.append(problem)


def _channel(text: str) -> str:
    return text.lower().replace("e-mail", "email")

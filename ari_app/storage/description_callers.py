"""Reads and writes the rules by caller of a description."""

from __future__ import annotations

from typing import Any

from ari_app.core.callers import ANONYMOUS, PATTERN, CallerAction, CallerRuleDraft
from ari_app.storage.yaml_reading import Complaints, Node, e164, mapping, meant, required, title, word

_KEYS = ("caller", "number", "answer", "scheme", "branch", "reason")
_ANSWERS = [action.value for action in CallerAction if action is not CallerAction.SCHEME]


def read_caller(node: Node, region: str, complaints: Complaints) -> CallerRuleDraft:
    """One rule: a caller, and what he hears or which scheme he goes by."""
    values = mapping(node, _KEYS, "a caller's rule", complaints)
    caller = required(node, values, "caller", "a caller's rule", complaints)
    if caller and caller != ANONYMOUS and not PATTERN.fullmatch(caller):
        e164(
            values["caller"], caller, "a number, the beginning of one such as +7916*, or anonymous", region, complaints
        )
    number = word(values.get("number"), "the number", complaints)
    if number:
        e164(values["number"], number, "an E.164 number", region, complaints)
    scheme = title(values.get("scheme"), "the scheme", complaints)
    answer = word(values.get("answer"), "the answer", complaints)
    if answer and answer not in _ANSWERS:
        complaints.at(values["answer"], f"{answer!r} is no answer to a caller; {meant(answer, _ANSWERS)}")
    if bool(answer) is bool(scheme):
        complaints.at(node, "a caller's rule has either an answer, busy or decline, or a scheme")
    branch = title(values.get("branch"), "the branch", complaints)
    if branch and not scheme:
        complaints.at(values["branch"], "a branch is one of a scheme; name that, too")
    reason = title(values.get("reason"), "the reason", complaints)
    return CallerRuleDraft(caller, number, "scheme" if scheme else answer, scheme, branch, reason)


def described_caller(rule: CallerRuleDraft) -> dict[str, Any]:
    """The rule as `read_caller` reads it."""
    answer = {} if rule.scheme else {"answer": rule.action}
    parts = {"caller": rule.caller, "number": rule.number, **answer, "scheme": rule.scheme}
    return {name: part for name, part in {**parts, "branch": rule.branch, "reason": rule.reason}.items() if part}

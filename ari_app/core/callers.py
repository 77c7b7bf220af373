"""Rules by caller: who is not let in, and whose calls go another way than the number's; the most specific counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ari_app.core.outcomes import HangUpCause

if TYPE_CHECKING:
    from ari_app.core.scheme import Scheme  # which has rules by caller in its book

ANONYMOUS = "anonymous"
"""Stands for every caller without a number that could be read."""
PATTERN = re.compile(r"\+[1-9][0-9]{6,14}|\+[1-9][0-9]{0,13}\*|" + ANONYMOUS)


class CallerAction(StrEnum):
    """What becomes of the call. It is refused with a cause, so that the caller hears it: never silence."""

    BUSY = "busy"
    DECLINE = "decline"
    SCHEME = "scheme"


class CallerRuleDraft(NamedTuple):
    """A rule as somebody wrote it. ``caller`` is a number such as +79161112233, the beginning of one such as +7916*, or
    anonymous; ``number`` is one of the company's own, or empty for all. ``scheme`` and ``branch`` are names."""

    caller: str
    number: str = ""
    action: str = "busy"
    scheme: str = ""
    branch: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CallerRule:
    """A rule that makes sense. ``branch``: this one of the scheme's, whatever the hour; empty: the one that holds."""

    caller: str
    action: CallerAction
    reason: str = ""
    scheme: Scheme | None = None
    branch: str = ""

    @property
    def refusal(self) -> HangUpCause | None:
        """With what the call is refused; None: it is let in."""
        return _REFUSALS.get(self.action)


_REFUSALS = {CallerAction.BUSY: HangUpCause.BUSY, CallerAction.DECLINE: HangUpCause.NORMAL}


@dataclass(frozen=True, slots=True)
class CallerRules:
    """Those in force, by the caller they are about and the number (empty: all); ``longest``: of a beginning, digits."""

    rules: Mapping[tuple[str, str], CallerRule] = field(default_factory=lambda: MappingProxyType({}))
    longest: int = 0

    def rule_for(self, caller: str | None, number: str | None) -> CallerRule | None:
        """The rule for a call: by the whole number, then by the longest beginning; a rule for the dialled number goes
        before one for all."""
        if not self.rules:
            return None
        for pattern in _patterns(caller, self.longest):
            for of in (number or "", ""):
                if (found := self.rules.get((pattern, of))) is not None:
                    return found
        return None

    @property
    def schemes(self) -> Iterator[Scheme]:
        """Those that callers go by."""
        return (rule.scheme for rule in self.rules.values() if rule.scheme is not None)


def _patterns(caller: str | None, longest: int) -> tuple[str, ...]:
    """Whatever a rule for this caller may say, the most specific first."""
    if caller is None:
        return (ANONYMOUS,)
    return (caller, *(f"{caller[:end]}*" for end in range(min(len(caller), longest), 1, -1)))


def rules_of(drafts: Mapping[CallerRuleDraft, Scheme | None]) -> CallerRules:
    """The rules that `fault` has nothing against, each with the scheme that it names."""
    rules = {
        (draft.caller, draft.number): CallerRule(
            draft.caller, CallerAction(draft.action), draft.reason, scheme, draft.branch
        )
        for draft, scheme in drafts.items()
    }
    longest = max((len(caller) - 1 for caller, _ in rules if caller.endswith("*")), default=0)
    return CallerRules(MappingProxyType(rules), longest)


def fault(draft: CallerRuleDraft, scheme: Scheme | None) -> str | None:
    """What is wrong with a rule, and the mend; ``scheme`` is the one in force of the name it has. None: nothing."""
    if not PATTERN.fullmatch(draft.caller):
        return "it is about no caller; write a number such as +79161112233, a beginning such as +7916*, or anonymous"
    if draft.action not in [action.value for action in CallerAction]:
        return f"{draft.action!r} is no action; write {', '.join(CallerAction)}"
    return _fault_of_scheme(draft, scheme)


def _fault_of_scheme(draft: CallerRuleDraft, scheme: Scheme | None) -> str | None:
    if (draft.action == CallerAction.SCHEME) is not bool(draft.scheme):
        return "a scheme is named with the action scheme, and with no other"
    if not draft.scheme:
        return "a branch is named with the action scheme, and with no other" if draft.branch else None
    if scheme is None:
        return f"there is no scheme {draft.scheme!r} in force; name one that is"
    if draft.branch and draft.branch not in [branch.name for branch in scheme.branches]:
        return f"branch {draft.branch!r} is none of scheme {draft.scheme!r}; name one of its own"
    return None


def rule_words(draft: CallerRuleDraft) -> str:
    """A rule in a line."""
    what = draft.action
    if draft.action == CallerAction.SCHEME:
        what = f"scheme {draft.scheme!r}" + (f", branch {draft.branch!r}" if draft.branch else "")
    to = f" to {draft.number}" if draft.number else ""
    return f"caller {draft.caller}{to}: {what}" + (f" ({draft.reason})" if draft.reason else "")

"""The destinations of those whom CRMs name, as somebody wrote them, judged and made ready to be rung."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from ari_app.core.checks import (
    MOST_DESTINATIONS,
    TIMEOUT_SECONDS,
    DialRules,
    Problem,
    Severity,
    target_refusal,
)
from ari_app.core.numbering import printable
from ari_app.core.responsible import ENTITY_NAME, Manager
from ari_app.core.scheme import Destination, TargetKind

Managers = Mapping[tuple[str, str], tuple[Destination, ...]]
"""As `ari_app.core.scheme.SchemeBook.managers`."""


class ManagerDraft(NamedTuple):
    """One destination of a manager: the CRM's name in the configuration, the manager's id there or e-mail, whom to
    ring, for how long (None: as long as the destination that asks for the manager)."""

    crm: str
    manager: str
    kind: str
    target: str
    timeout: int | None = None


def by_manager(drafts: Iterable[ManagerDraft]) -> dict[tuple[str, str], tuple[ManagerDraft, ...]]:
    """The drafts of each manager, by CRM and manager as they are written."""
    found: defaultdict[tuple[str, str], list[ManagerDraft]] = defaultdict(list)
    for draft in drafts:
        found[draft.crm, draft.manager].append(draft)
    return {key: tuple(rung) for key, rung in found.items()}


def judged(
    drafts: Iterable[ManagerDraft], rules: DialRules, own_numbers: Collection[str]
) -> tuple[dict[tuple[str, str], tuple[Destination, ...]], tuple[Problem, ...]]:
    """What may be rung, and everything wrong with the rest. Total: any draft can be judged."""
    found: defaultdict[tuple[str, str], list[Destination]] = defaultdict(list)
    told: list[Problem] = []
    for draft in drafts:
        wrong = [Problem(Severity.ERROR, _where(draft), fault) for fault in _faults(draft, rules, own_numbers)]
        rung = found[draft.crm, draft.manager.strip().lower()]
        if not wrong and len(rung) == MOST_DESTINATIONS:
            fault = f"the manager has more than {MOST_DESTINATIONS} destinations; this one is not rung"
            wrong = [Problem(Severity.ERROR, _where(draft), fault)]
        if not wrong:
            rung.append(Destination(TargetKind(draft.kind), draft.target, draft.timeout or 0))
        told += wrong
    return {key: tuple(rung) for key, rung in found.items() if rung}, tuple(told)


def _where(draft: ManagerDraft) -> str:
    who, target = printable(draft.manager), printable(draft.target)
    return f"manager {who!r} of {printable(draft.crm)!r}, destination {target!r}"


def _faults(draft: ManagerDraft, rules: DialRules, own_numbers: Collection[str]) -> Iterator[str]:
    if not ENTITY_NAME.fullmatch(draft.crm):
        yield "its CRM is none; write its name, as in the CRMs' configuration"
    if not draft.manager.strip():
        yield "it has no manager; write the id in the CRM, or the e-mail address"
    elif draft.manager != draft.manager.strip() or not draft.manager.isprintable():
        yield "its manager has blanks at an end, or what cannot be seen; write the id as the CRM gives it"
    if draft.kind == TargetKind.MANAGER:
        yield "a manager is rung at numbers and endpoints; another manager is none"
    elif refusal := target_refusal(draft.kind, draft.target, rules):
        yield refusal
    elif draft.target in own_numbers:
        yield "it is one of our own numbers, so its calls could come back; write where the manager is rung"
    if draft.timeout is not None and draft.timeout not in TIMEOUT_SECONDS:
        yield f"the timeout is {draft.timeout} s; it must be {TIMEOUT_SECONDS.start} to {TIMEOUT_SECONDS.stop - 1}"


def destinations_of(managers: Managers, crm: str, manager: Manager, asking: Destination) -> tuple[Destination, ...]:
    """All that this manager is rung at, by id or by e-mail, on behalf of the destination that ``asking`` is."""
    keys = dict.fromkeys((crm, who) for who in (manager.id.strip().lower(), manager.email.strip().lower()) if who)
    rung = {(one.kind, one.target): one for key in keys for one in managers.get(key, ())}
    on_behalf = (
        replace(one, timeout=one.timeout or asking.timeout, confirm_seconds=asking.confirm_seconds)
        for one in rung.values()
    )
    return tuple(on_behalf)[:MOST_DESTINATIONS]


def target_words(draft: ManagerDraft) -> str:
    """One destination as a change tells it."""
    return f"{draft.target} ({f'{draft.timeout} s' if draft.timeout is not None else 'for as long as is asked'})"


def told(destinations: Iterable[Destination]) -> str:
    """The destinations as a timeline keeps them, so that another process can go on with the call."""
    return " ".join(
        f"{one.kind}/{one.target}/{one.timeout}" + (f"+{one.confirm_seconds}" if one.confirm_seconds else "")
        for one in destinations
    )


def understood(text: str) -> tuple[Destination, ...]:
    """What `told` made the text of; what it cannot have made is passed over."""
    return tuple(one for word in text.split() if (one := _understood(word)) is not None)


def _understood(word: str) -> Destination | None:
    kind, _, rest = word.partition("/")
    target, _, times = rest.rpartition("/")
    timeout, _, confirm = times.partition("+")
    if kind not in (TargetKind.NUMBER, TargetKind.ENDPOINT) or not target:
        return None
    seconds = int(timeout) if timeout.isascii() and timeout.isdecimal() and len(timeout) < 5 else 0
    if seconds not in TIMEOUT_SECONDS:
        return None
    asked_for = int(confirm) if confirm.isascii() and confirm.isdecimal() and len(confirm) < 3 else 0
    return Destination(TargetKind(kind), target, seconds, confirm_seconds=asked_for)

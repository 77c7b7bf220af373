"""Whether a caller whose call was lost is sent an apology, by which rule, and why or why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ari_app.core.endings import CallFacts, Ending, Point
from ari_app.core.message_book import ApologyRule, MessageBook
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.writing import Addressed, Desk, parsed

_WHICH = MessageKind.APOLOGY, Channel.SMS, Audience.CLIENT


def apologise(desk: Desk, facts: CallFacts, ending: Ending, book: MessageBook, at: datetime) -> bool:
    """Queue the apology that the call deserves, or say why it gets none; whether one was queued.

    ``at`` is the aware moment of the call's end; the rule's delay runs from there, and then the sending window counts.
    """
    why_none = _why_none(facts, ending, book)
    rule = None if why_none else _rule(desk, facts, book)
    if why_none:
        desk.pass_over(*_WHICH, why_none, number=facts.dialled)
    if rule is None:
        return False
    caller = facts.caller or facts.caller_raw
    refusal = desk.deployment.text_policy.refusal(caller, book.numbers.keys())
    if refusal:
        desk.pass_over(*_WHICH, refusal if caller else "anonymous", rule=rule.name)
        return False
    before = len(desk.intents)
    _queue(desk, rule, caller, at)
    return len(desk.intents) > before


def _why_none(facts: CallFacts, ending: Ending, book: MessageBook) -> str | None:
    """What about the call itself forbids it."""
    if facts.outbound:
        return "outbound"
    if not ending.lost:
        return "answered" if ending.point is Point.ANSWERED else "message_left"
    if ending.quiet:
        return ending.quiet
    return None if book.loaded else "not_loaded"


def _rule(desk: Desk, facts: CallFacts, book: MessageBook) -> ApologyRule | None:
    """The first rule by name that has the dialled number, is switched on, and whose team may; each that is passed over
    is told."""
    rules = book.rules_for(facts.dialled)
    if not rules:
        desk.pass_over(*_WHICH, "no_rule", number=facts.dialled or "no number of ours")
    numbers_team = book.team_of(facts.dialled)
    for rule in rules:
        teams = (numbers_team, book.teams.get(rule.team) if rule.team else None)
        without = next((team.name for team in teams if team and not team.sales_tools), None)
        if not rule.enabled:
            desk.pass_over(*_WHICH, "rule_off", rule=rule.name)
        elif without:
            desk.pass_over(*_WHICH, "no_sales_tools", team=without, rule=rule.name)
        else:
            return rule
    return None


def _queue(desk: Desk, rule: ApologyRule, caller: str, at: datetime) -> None:
    text = parsed(rule.text).render(desk.cause.values)
    due_at = desk.deployment.window.next_opening(at + timedelta(seconds=rule.delay_seconds))
    intent = desk.draft(Addressed(*_WHICH, caller, text), due_at)
    desk.add(
        replace(
            intent,
            rule_id=rule.id,
            rule=rule.name,
            team=rule.team or intent.team,
            once_in_hours=rule.once_in_hours,
            withdraw_if_reached=True,
        )
    )

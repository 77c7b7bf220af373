"""What stands in the outbox: how many in which state, what waits longest, what has been sent and spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.core.release import Limits
from ari_app.storage.outbox_counts import read_counts
from ari_app.storage.outbox_schema import messages


@dataclass(frozen=True, slots=True)
class OutboxStats:
    """``states`` has every state, 0 included. ``oldest_due`` is the moment since which the first of those that could go
    now has been due, ``next_due`` that of the first that waits. ``sent_today`` are SMS to clients, ``spent_this_month``
    money, by the window's clock."""

    states: Mapping[State, int]
    oldest_due: datetime | None
    next_due: datetime | None
    oldest_unknown: datetime | None
    sent_today: int
    spent_this_month: Decimal
    out_of_budget: int


def outbox_stats(connection: sa.Connection, limits: Limits, at: datetime) -> OutboxStats:
    """How things stand ``at`` (aware). Counting is by an index, but takes longer the more history there is."""
    by_state = sa.select(messages.c.state, sa.func.count()).group_by(messages.c.state)
    counted = {State(state): number for state, number in connection.execute(by_state)}
    queued = messages.c.state == State.QUEUED.value
    first = sa.select(sa.func.min(messages.c.due_at))
    doubted = sa.select(sa.func.min(messages.c.created_at)).where(messages.c.state == State.UNKNOWN.value)
    held_up = sa.select(sa.func.count()).where(queued, messages.c.reason == "the month's budget is used up")
    sent = read_counts(connection, "", limits, at)
    return OutboxStats(
        states={state: counted.get(state, 0) for state in State},
        oldest_due=connection.scalar(first.where(queued, messages.c.due_at <= at)),
        next_due=connection.scalar(first.where(queued, messages.c.due_at > at)),
        oldest_unknown=connection.scalar(doubted),
        sent_today=sent.today,
        spent_this_month=sent.spent,
        out_of_budget=connection.execute(held_up).scalar_one(),
    )

"""Counts what is sent, for the caps and the budget, and keeps all senders together at one pace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ari_app.core.release import Limits
from ari_app.storage.outbox_schema import sending_counts, sending_pace

ALL = "all"
BUDGET = "budget"
MONEY_UNIT = Decimal("0.0001")
"""What the budget is counted in."""
LATENESS = timedelta(milliseconds=50)
"""A sender that wakes so much too late makes up for it; else the rate would never be reached."""


_ROUNDING = timedelta(milliseconds=1)


class Count(NamedTuple):
    """What one sending adds to a count, and what that may come to; None: there is no such limit."""

    period: str
    scope: str
    amount: int
    most: int | None


class Sent(NamedTuple):
    """What has been sent to clients by SMS: today, today to one prefix, and this month in money."""

    today: int
    to_prefix: int
    spent: Decimal


def in_units(money: Decimal) -> int:
    """Money as it is counted, rounded up."""
    return int((money / MONEY_UNIT).to_integral_value(ROUND_UP))


def counts_of(recipient: str, parts: int, limits: Limits, at: datetime) -> Iterator[Count]:
    """What sending an SMS of so many parts ``at`` (aware) adds to which counts; in an order that is always the same,
    so that two senders cannot each wait for the other."""
    day = limits.window.day_of(at).isoformat()
    yield Count(day, ALL, 1, limits.day_cap)
    if limits.prefix_cap:
        yield Count(day, limits.prefix_of(recipient), 1, limits.prefix_cap)
    if cost := in_units(limits.price * parts):
        yield Count(day[:7], BUDGET, cost, in_units(limits.month_budget) or None)


def read_counts(connection: sa.Connection, recipient: str, limits: Limits, at: datetime) -> Sent:
    """What has been sent, at ``at`` (aware)."""
    day = limits.window.day_of(at).isoformat()
    keys = ((day, ALL), (day, limits.prefix_of(recipient)), (day[:7], BUDGET))
    query = sa.select(sending_counts).where(
        sa.or_(*(sa.and_(sending_counts.c.period == period, sending_counts.c.scope == scope) for period, scope in keys))
    )
    found = {(row.period, row.scope): row.amount for row in connection.execute(query)}
    today, to_prefix, spent = (found.get(key, 0) for key in keys)
    return Sent(today, to_prefix, spent * MONEY_UNIT)


def add(connection: sa.Connection, count: Count) -> bool:
    """Add to a count, unless that would exceed what it may come to: then False, and nothing is added."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    total = sending_counts.c.amount + count.amount
    statement = insert(sending_counts).values(period=count.period, scope=count.scope, amount=count.amount)
    adding = statement.on_conflict_do_update(
        index_elements=["period", "scope"],
        set_={"amount": total},
        where=None if count.most is None else total <= count.most,
    ).returning(sending_counts.c.amount)
    return connection.execute(adding).scalar_one_or_none() is not None


def take_back(connection: sa.Connection, count: Count) -> None:
    """Of a message that is known not to have been sent."""
    connection.execute(
        sa.update(sending_counts)
        .where(sending_counts.c.period == count.period, sending_counts.c.scope == count.scope)
        .values(amount=sending_counts.c.amount - count.amount)
    )


class Pace(NamedTuple):
    """What goes at a ``rate`` (messages a second), all senders together: what clients are sent over a channel, or all
    that a gateway is given."""

    name: str
    rate: float

    @property
    def apart(self) -> timedelta:
        """From one message to the next."""
        return timedelta(seconds=1 / self.rate)


def seconds_to_wait(connection: sa.Connection, paces: Sequence[Pace], at: datetime) -> float:
    """How long until all the paces let the next message go; 0: now. A pace further ahead than one message was set
    before the clock was set back, and holds no more."""
    pace_of = {pace.name: pace for pace in paces}
    rows = connection.execute(sa.select(sending_pace).where(sending_pace.c.channel.in_(list(pace_of))))
    ahead = [row.next_at - at for row in rows if at < row.next_at <= at + pace_of[row.channel].apart + _ROUNDING]
    return max(ahead, default=timedelta()).total_seconds()


def take_turn(connection: sa.Connection, pace: Pace, at: datetime) -> bool:
    """Take the turn of one message, if it is still to be had: False when another sender was quicker."""
    its_row = sending_pace.c.channel == pace.name
    query = sa.select(sending_pace.c.next_at).where(its_row).with_for_update()
    next_at: datetime | None = connection.scalar(query)
    if next_at is None:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(sending_pace).values(channel=pace.name, next_at=at).on_conflict_do_nothing())
        next_at = connection.execute(query).scalar_one()
    if at < next_at <= at + pace.apart + _ROUNDING:
        return False
    made_up = next_at if at - max(pace.apart, LATENESS) < next_at <= at else at
    connection.execute(sa.update(sending_pace).where(its_row).values(next_at=made_up + pace.apart))
    return True


def forget_counts(connection: sa.Connection, at: datetime) -> None:
    """Remove the counts of days and months more than a year ago."""
    connection.execute(sa.delete(sending_counts).where(sending_counts.c.period < f"{at.year - 1:04}-{at.month:02}"))

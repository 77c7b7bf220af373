"""Counts what is sent, for the caps and the budget, and keeps all senders together at one pace."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import Any, NamedTuple

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


def _amount(period: str, scope: sa.ColumnElement[str] | str) -> sa.ScalarSelect[int]:
    its_row = (sending_counts.c.period == sa.bindparam(period), sending_counts.c.scope == scope)
    return sa.select(sending_counts.c.amount).where(*its_row).scalar_subquery()


COUNTS = (
    _amount("day", ALL).label("today"),
    _amount("day", sa.bindparam("prefix", type_=sa.Text)).label("to_prefix"),
    _amount("month", BUDGET).label("spent"),
)
"""Columns of a statement, which `sent_of` makes a `Sent` of; `periods_of` has their values."""
_COUNTS = sa.select(*COUNTS)


def periods_of(recipient: str, limits: Limits, at: datetime) -> dict[str, str]:
    """The values that `COUNTS` are asked with, ``at`` (aware)."""
    day = limits.window.day_of(at).isoformat()
    return {"day": day, "month": day[:7], "prefix": limits.prefix_of(recipient)}


def sent_of(row: Mapping[Any, Any]) -> Sent:
    """What a row with `COUNTS` says has been sent."""
    return Sent(row["today"] or 0, row["to_prefix"] or 0, (row["spent"] or 0) * MONEY_UNIT)


def read_counts(connection: sa.Connection, recipient: str, limits: Limits, at: datetime) -> Sent:
    """What has been sent, at ``at`` (aware)."""
    return sent_of(connection.execute(_COUNTS, periods_of(recipient, limits, at)).mappings().one())


@functools.cache
def _adding(dialect: str, *, capped: bool) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(sending_counts).values(
        period=sa.bindparam("of"), scope=sa.bindparam("what"), amount=sa.bindparam("more")
    )
    total = sending_counts.c.amount + statement.excluded.amount
    return statement.on_conflict_do_update(
        index_elements=["period", "scope"],
        set_={"amount": total},
        where=total <= sa.bindparam("most") if capped else None,
    ).returning(sending_counts.c.amount)


def add(connection: sa.Connection, count: Count) -> bool:
    """Add to a count, unless that would exceed what it may come to: then False, and nothing is added."""
    adding = _adding(connection.dialect.name, capped=count.most is not None)
    values = {"of": count.period, "what": count.scope, "more": count.amount, "most": count.most}
    return connection.execute(adding, values).scalar_one_or_none() is not None


_TAKING_BACK = (
    sa.update(sending_counts)
    .where(sending_counts.c.period == sa.bindparam("of"), sending_counts.c.scope == sa.bindparam("what"))
    .values(amount=sending_counts.c.amount - sa.bindparam("less"))
)


def take_back(connection: sa.Connection, count: Count) -> None:
    """Of a message that is known not to have been sent."""
    connection.execute(_TAKING_BACK, {"of": count.period, "what": count.scope, "less": count.amount})


class Pace(NamedTuple):
    """What goes at a ``rate`` (messages a second), all senders together: what clients are sent over a channel, or all
    that a gateway is given."""

    name: str
    rate: float

    @property
    def apart(self) -> timedelta:
        """From one message to the next."""
        return timedelta(seconds=1 / self.rate)


class Turn(NamedTuple):
    """A pace, and when it lets the next message go; None: there has been none."""

    pace: Pace
    next_at: datetime | None

    def seconds_to_wait(self, at: datetime) -> float:
        """How long from ``at`` (aware) until its time; 0: it has come. One further ahead than one message was set
        before the clock was set back, and holds no more."""
        if self.next_at is None or not at < self.next_at <= at + self.pace.apart + _ROUNDING:
            return 0.0
        return (self.next_at - at).total_seconds()

    def after(self, at: datetime) -> datetime:
        """When the next may go, once this turn is taken ``at`` (aware)."""
        in_time = self.next_at is not None and at - max(self.pace.apart, LATENESS) < self.next_at <= at
        return (self.next_at if self.next_at is not None and in_time else at) + self.pace.apart


def next_at(pace: str) -> sa.ScalarSelect[datetime]:
    """A column of a statement: when the pace of the name that is its parameter ``pace`` lets the next message go."""
    its_row = sending_pace.c.channel == sa.bindparam(pace)
    return sa.select(sending_pace.c.next_at).where(its_row).scalar_subquery()


_OF_PACE = sending_pace.c.channel == sa.bindparam("pace")
_ITS_TURN = sa.select(sending_pace.c.next_at).where(_OF_PACE).with_for_update()
_TAKING = (
    sa.update(sending_pace)
    .where(_OF_PACE, sending_pace.c.next_at == sa.bindparam("seen"))
    .values(next_at=sa.bindparam("later"))
)


def take_turn(connection: sa.Connection, turn: Turn, at: datetime) -> bool:
    """Take the turn of one message, if it is still to be had: False when another sender was quicker."""
    while not turn.seconds_to_wait(at):
        if turn.next_at is not None:
            values = {"pace": turn.pace.name, "seen": turn.next_at, "later": turn.after(at)}
            if connection.execute(_TAKING, values).rowcount:
                return True
        turn = Turn(turn.pace, _locked_turn(connection, turn.pace, at))
    return False


def _locked_turn(connection: sa.Connection, pace: Pace, at: datetime) -> datetime:
    """Another sender has taken it since it was looked at, or there was none: as it is now, and stays until the end of
    the transaction."""
    its_turn: datetime | None = connection.scalar(_ITS_TURN, {"pace": pace.name})
    if its_turn is None:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(sending_pace).values(channel=pace.name, next_at=at).on_conflict_do_nothing())
        its_turn = connection.execute(_ITS_TURN, {"pace": pace.name}).scalar_one()
    return its_turn


def forget_counts(connection: sa.Connection, at: datetime) -> None:
    """Remove the counts of days and months more than a year ago."""
    connection.execute(sa.delete(sending_counts).where(sending_counts.c.period < f"{at.year - 1:04}-{at.month:02}"))

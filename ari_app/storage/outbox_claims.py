"""Takes due messages in hand, lane by lane, each for one sender; finds what is being sent and what to ask about."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import State, next_asking
from ari_app.core.messages import Audience, Channel
from ari_app.outbox_ports import Held, InHand, Lane, Question
from ari_app.storage.outbox_schema import messages

# Written out, for a partial index serves only a query whose own words imply its condition: a parameter does not.
_QUEUED = sa.text("messages.state = 'queued'")
_TO_CLIENT = sa.text("messages.audience = 'client'")
_TO_OTHERS = sa.text("messages.audience <> 'client'")
_IN_HAND = sa.text("messages.state = 'sending'")
_TO_ASK = sa.text("messages.ask_at IS NOT NULL")

LANES: tuple[Lane, ...] = (None, *Channel)


def moments(at: datetime) -> dict[str, datetime]:
    """The values that a lane is looked at with, ``at`` (aware)."""
    return {"now": at, "too_far": at + timedelta(hours=1)}


def _waiting_in(lane: Lane) -> list[Any]:
    """What makes a message of a lane one that may be claimed now.

    A lease that ends further ahead than any is given was given before the clock was set back: it holds no more.
    Tokens, not leases, keep a message from being sent twice.
    """
    of_lane = [_TO_OTHERS] if lane is None else [_TO_CLIENT, messages.c.channel == lane.value]
    free = sa.or_(
        messages.c.leased_until.is_(None),
        messages.c.leased_until <= sa.bindparam("now"),
        messages.c.leased_until > sa.bindparam("too_far"),
    )
    return [_QUEUED, *of_lane, messages.c.due_at <= sa.bindparam("now"), free]


def _first(lane: Lane, limit: int | sa.BindParameter[int]) -> sa.Select[tuple[int]]:
    query = sa.select(messages.c.id).where(*_waiting_in(lane))
    return query.order_by(messages.c.due_at, messages.c.id).limit(limit)


# The first by due_at, and not whether any exists: for that PostgreSQL, where much is queued, begins to read the table
# from its oldest page in the hope of finding one soon, and history stands there.
_LANES_WAITING = sa.select(*(_first(lane, 1).scalar_subquery().is_not(None) for lane in LANES))


def lanes_waiting(connection: sa.Connection, at: datetime) -> list[Lane]:
    """The lanes in which something is due: one query, on indexes that hold nothing but what waits."""
    found = connection.execute(_LANES_WAITING, moments(at)).one()
    return [lane for lane, waits in zip(LANES, found, strict=True) if waits]


def _claiming(lane: Lane) -> sa.Executable:
    due = _first(lane, sa.bindparam("room", type_=sa.Integer))
    return (
        sa.update(messages)
        .where(messages.c.id.in_(sa.select(due.with_for_update(skip_locked=True).cte("due").c.id)))
        .values(lease=sa.bindparam("its_lease"), leased_until=sa.bindparam("until"))
        .returning(
            messages.c.id,
            messages.c.lease,
            messages.c.channel,
            messages.c.audience,
            messages.c.created_at,
            messages.c.attachment,
            messages.c.due_at,
        )
    )


CLAIMING = {lane: _claiming(lane) for lane in LANES}
"""The statements that take the longest due messages of a lane; rows in other hands are passed over."""


def claim_lane(connection: sa.Connection, lane: Lane, at: datetime, seconds: float, limit: int) -> list[Held]:
    """Take at most ``limit`` messages of a lane in hand for so many seconds, the longest due first."""
    lease = secrets.token_hex(16)
    values = {"its_lease": lease, "until": at + timedelta(seconds=seconds), "room": limit, **moments(at)}
    rows = connection.execute(CLAIMING[lane], values).all()
    return [
        Held(row.id, row.lease, Channel(row.channel), Audience(row.audience), row.created_at, row.attachment)
        for row in sorted(rows, key=lambda row: (row.due_at, row.id))
    ]


_OURS = (messages.c.id == sa.bindparam("message"), messages.c.lease == sa.bindparam("its_lease"))
_GIVING_BACK = (
    sa.update(messages).where(*_OURS, messages.c.state == State.QUEUED.value).values(lease=None, leased_until=None)
)
_KEEPING = (
    sa.update(messages)
    .where(*_OURS, sa.or_(messages.c.state == State.QUEUED.value, messages.c.state == State.SENDING.value))
    .values(leased_until=sa.bindparam("until"))
)
_SENDING = sa.select(
    messages.c.id,
    messages.c.lease,
    messages.c.attempts,
    messages.c.leased_until,
    messages.c.channel,
    messages.c.gateway,
).where(_IN_HAND)


def give_back(connection: sa.Connection, held: Sequence[Held]) -> None:
    """Let go of messages that were not begun."""
    # One by one: of a list of ids SQLite thinks less than of the index of states, which has all that is queued.
    for each in held:
        connection.execute(_GIVING_BACK, {"message": each.id, "its_lease": each.lease})


def keep(connection: sa.Connection, held: Sequence[Held], until: datetime) -> None:
    """Show that messages are in a living sender's hand."""
    for each in held:
        connection.execute(_KEEPING, {"message": each.id, "its_lease": each.lease, "until": until})


def in_hand(connection: sa.Connection) -> list[InHand]:
    """All that is being sent; the mark has everything that a living sender changes."""
    return [
        InHand(row.id, mark(row.lease, row.attempts, row.leased_until, row.gateway), Channel(row.channel), row.gateway)
        for row in connection.execute(_SENDING)
    ]


def mark(lease: str | None, attempts: int, leased_until: datetime | None, gateway: str | None) -> str:
    """What changes whenever the sender of a message does something, or shows that it lives."""
    return f"{lease} {attempts} {leased_until} {gateway}"


_DUE_TO_ASK = sa.select(messages).where(_TO_ASK, messages.c.ask_at <= sa.bindparam("now")).order_by(messages.c.ask_at)
_FIRST_TO_ASK = _DUE_TO_ASK.with_only_columns(messages.c.id).limit(1)  # for the reason told at `_LANES_WAITING`
_TO_ASK_NOW = _DUE_TO_ASK.limit(sa.bindparam("most", type_=sa.Integer)).with_for_update(skip_locked=True)
_ASK_LATER = sa.update(messages).where(messages.c.id == sa.bindparam("message")).values(ask_at=sa.bindparam("later"))


def questions_wait(connection: sa.Connection, at: datetime) -> bool:
    """Whether there is a message to ask about."""
    return connection.scalar(_FIRST_TO_ASK, {"now": at}) is not None


def to_ask(connection: sa.Connection, at: datetime, limit: int) -> Iterator[Question]:
    """Claim the questions that are due: each is put off to its next time before it is asked."""
    for row in connection.execute(_TO_ASK_NOW, {"now": at, "most": limit}).all():
        later = next_asking(row.sent_at or row.settled_at or row.created_at, at)
        connection.execute(_ASK_LATER, {"message": row.id, "later": later})
        if row.state in (State.SENT, State.UNKNOWN) and row.gateway:
            yield Question(row.id, row.gateway, row.ref, row.gateway_id or "", row.recipient)

"""Gathers, within the transaction that releases a message, what the decision about it goes by; nothing that it needs
not."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from ari_app.core.consent import OptOut
from ari_app.core.delivery import State
from ari_app.core.messages import CALL_KINDS, ITEM_KINDS, RAISED_KINDS, Channel, MessageKind
from ari_app.core.release import Facts, Limits, Reached, Switch, Waiting
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition
from ari_app.storage.message_schema import apology_rules, message_types, opt_outs
from ari_app.storage.outbox_begin import Begun
from ari_app.storage.outbox_counts import COUNTS, Sent, periods_of, sent_of
from ari_app.storage.outbox_rows import MessageRow
from ari_app.storage.outbox_schema import messages, tickets
from ari_app.storage.records import call_events, calls
from ari_app.storage.schema import numbers, teams

LONGEST_CALL = timedelta(hours=24)
LONGEST_WAIT = timedelta(minutes=15)
"""A call that is on record as open, and has been for longer without anybody talking, is one whose end was missed."""
LONGEST_IN_QUEUE = timedelta(days=62)
"""No message waits longer: thirty days until it is due, and as many until it expires."""

_OF_A_TYPE = (*CALL_KINDS, *RAISED_KINDS, *ITEM_KINDS)
_GONE_OUT = (State.SENDING, State.SENT, State.DELIVERED, State.UNDELIVERED, State.UNKNOWN)


def waiting(message: MessageRow) -> Waiting:
    """A message as the decision sees it."""
    return Waiting(
        kind=message.kind,
        channel=message.channel,
        audience=message.audience,
        recipient=message.recipient,
        expires_at=message.expires_at,
        rule=message.rule if message.rule_id is not None else None,
        team=message.team,
        parts=message.parts,
        once_in_hours=message.once_in_hours,
        withdraw_if_reached=message.withdraw_if_reached,
        needs_ticket=message.needs_ticket,
        forced=message.forced,
        bulk=message.bulk,
    )


class _Shape(NamedTuple):
    """What there is to ask about a message: one statement serves all messages of a shape, and is built once."""

    text: bool
    to_client: bool
    by_rule: bool
    by_type: bool
    in_team: bool
    once: bool
    reached: bool
    needs_ticket: bool
    is_ticket: bool


def _shape(message: MessageRow, seen: Waiting) -> _Shape:
    of_a_type = message.kind in _OF_A_TYPE or message.kind is MessageKind.VOICEMAIL_NOTICE
    by_type = of_a_type and message.channel in (Channel.SMS, Channel.EMAIL, Channel.PUSH)
    return _Shape(
        text=seen.is_text_to_client,
        to_client=seen.to_client,
        by_rule=message.rule_id is not None,
        by_type=message.rule_id is None and message.team is not None and by_type,
        in_team=message.team is not None,
        once=bool(message.once_in_hours),
        reached=message.withdraw_if_reached and message.client is not None,
        needs_ticket=message.needs_ticket,
        is_ticket=message.channel is Channel.TICKET,
    )


def gather(connection: sa.Connection, begun: Begun, limits: Limits, at: datetime) -> Facts:
    """What is the case ``at`` (aware): one statement for what nearly always is not, others for the particulars of what
    is. Of two messages to the same recipient the second to be begun sees what the first has decided (`Begun`)."""
    message, seen = begun.message, waiting(begun.message)
    shape = _shape(message, seen)
    values = _values(message, begun.since, limits, at)
    query = _query(shape)
    found = connection.execute(query, values).mappings().one() if query is not None else {}
    sent = sent_of(found) if shape.text else Sent(0, 0, limits.price * 0)
    reached, calling = _reached(connection, message, found, values, at)
    ticket_open = bool(found.get("ticket_open"))
    return Facts(
        at=at,
        switch=_switch(message, shape, found),
        opt_outs=_opt_outs(connection, values) if found.get("refused") else (),
        own_number=bool(found.get("own_number")),
        another=bool(found.get("another")),
        reached=reached,
        calling=calling,
        ticket_open=message.needs_ticket and ticket_open,
        # Of one without a team whoever writes it says why not.
        ticket_wanted=not (shape.is_ticket and shape.in_team) or ticket_open or bool(found["makes_tickets"]),
        sent_today=sent.today,
        sent_today_to_prefix=sent.to_prefix,
        spent_this_month=sent.spent,
    )


def _values(message: MessageRow, since: datetime, limits: Limits, at: datetime) -> dict[str, Any]:
    """What the statements ask with; each takes what it needs."""
    within = at - timedelta(hours=message.once_in_hours)
    return {
        "message": message.id,
        "recipient": message.recipient,
        "client": message.client,
        "kind": message.kind.value,
        "channel": message.channel.value,
        "audience": message.audience.value,
        "rule": message.rule_id,
        "team": message.team,
        "call": message.call_id,
        "since": since,
        "a_call_before": since - LONGEST_CALL,
        "within": within,
        "a_wait_before": within - LONGEST_IN_QUEUE,
        **periods_of(message.recipient, limits, at),
    }


@functools.cache
def _query(shape: _Shape) -> sa.Select[Any] | None:
    """What is to be known of a message of such a shape, in one row; None: nothing."""
    columns: list[sa.ColumnElement[Any]] = [*COUNTS, _OWN_NUMBER] if shape.text else []
    if shape.to_client:
        columns.append(_REFUSED)
    if shape.by_rule:
        columns += _RULE
    if shape.by_type:
        columns.append(_TYPE)
    if shape.once:
        columns.append(_another(_OF_RULE if shape.by_rule else _OF_TEAM if shape.in_team else _OF_NO_TEAM))
    if shape.reached:
        columns += [_CALLED_BACK, _CALLED]
    if shape.needs_ticket or shape.is_ticket:
        columns.append(_ticket_open(in_team=shape.in_team))
    if shape.is_ticket and shape.in_team:
        columns.append(_MAKES_TICKETS)
    return sa.select(*columns) if columns else None


_OWN_NUMBER = sa.exists().where(numbers.c.e164 == sa.bindparam("recipient")).label("own_number")

_OPT_OUTS = sa.select(opt_outs).where(opt_outs.c.client.in_([sa.bindparam("client"), sa.bindparam("recipient")]))
_REFUSED = _OPT_OUTS.exists().label("refused")

_BY_RULE = sa.select(apology_rules.c.enabled).where(apology_rules.c.id == sa.bindparam("rule"))
_TOOLS_OF_RULE = (
    sa.select(teams.c.sales_tools)
    .select_from(apology_rules.join(teams, apology_rules.c.team_id == teams.c.id))
    .where(apology_rules.c.id == sa.bindparam("rule"))
)
_TOOLS_OF_TEAM = sa.select(teams.c.sales_tools).where(teams.c.name == sa.bindparam("team"))
_RULE = (
    _BY_RULE.scalar_subquery().label("enabled"),
    _TOOLS_OF_RULE.scalar_subquery().label("tools_of_rule"),
    _TOOLS_OF_TEAM.scalar_subquery().label("tools_of_team"),
)
_TYPE = (
    sa.select(message_types.c.enabled)
    .select_from(message_types.join(teams, message_types.c.team_id == teams.c.id))
    .where(
        teams.c.name == sa.bindparam("team"),
        message_types.c.kind == sa.bindparam("kind"),
        message_types.c.audience == sa.bindparam("audience"),
        message_types.c.channel == sa.bindparam("channel"),
    )
    .scalar_subquery()
    .label("enabled")
)


def _switch(message: MessageRow, shape: _Shape, found: Mapping[Any, Any]) -> Switch:
    if not (shape.by_rule or shape.by_type):
        return Switch.ON
    if found["enabled"] is None:
        # Notices to staff need no type: they have a text that ships with the product.
        needed = shape.by_rule or (message.kind in _OF_A_TYPE and not message.forced)
        return Switch.REMOVED if needed else Switch.ON
    tools = (found.get("tools_of_rule"), found.get("tools_of_team"))
    if any(has is not None and not has for has in tools):
        return Switch.NO_SALES_TOOLS
    return Switch.ON if found["enabled"] else Switch.OFF


def _opt_outs(connection: sa.Connection, values: Mapping[str, Any]) -> tuple[OptOut, ...]:
    return tuple(
        OptOut(
            row.client,
            Channel(row.channel) if row.channel else None,
            MessageKind(row.kind) if row.kind else None,
            bool(row.bulk_only),
        )
        for row in connection.execute(_OPT_OUTS, values)
    )


_OF_RULE = messages.c.rule_id == sa.bindparam("rule")
_OF_TEAM = messages.c.team == sa.bindparam("team")
_OF_NO_TEAM = messages.c.team.is_(None)


def _another(of_the_same: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether the same rule or type has another one for the recipient that counts: one that went out within the hours,
    or one taken in before this that still waits. So of several that wait the first goes, whoever looks when."""
    went_at = sa.func.coalesce(messages.c.sent_at, messages.c.settled_at, messages.c.created_at)
    earlier = sa.and_(messages.c.state == State.QUEUED.value, messages.c.id < sa.bindparam("message"))
    has_gone = messages.c.state.in_([sa.literal(state.value) for state in _GONE_OUT])
    gone_out = sa.and_(has_gone, went_at > sa.bindparam("within"))
    query = sa.exists().where(
        messages.c.recipient == sa.bindparam("recipient"),
        messages.c.kind == sa.bindparam("kind"),
        messages.c.channel == sa.bindparam("channel"),
        messages.c.created_at >= sa.bindparam("a_wait_before"),
        of_the_same,
        messages.c.id != sa.bindparam("message"),
        sa.or_(earlier, gone_out),
    )
    return query.label("another")


_CALLED_BACK = (
    sa.exists()
    .where(
        calls.c.dialled == sa.bindparam("client"),
        calls.c.direction == "outbound",
        calls.c.arrived_at > sa.bindparam("a_call_before"),
        calls.c.ended_at > sa.bindparam("since"),
        # Not by the index of dispositions, which SQLite would as soon take: it has the day's answered calls of all.
        sa.func.coalesce(calls.c.disposition, "") == Disposition.ANSWERED.value,
    )
    .label("called_back")
)
_TALKS = sa.exists().where(call_events.c.call_id == calls.c.id, call_events.c.kind == Kind.CONNECTED.value)
_LATER_CALLS = (
    calls.c.caller == sa.bindparam("client"),
    calls.c.direction == "inbound",
    calls.c.arrived_at > sa.bindparam("a_call_before"),
    sa.or_(calls.c.ended_at.is_(None), calls.c.ended_at > sa.bindparam("since")),
    calls.c.id != sa.func.coalesce(sa.bindparam("call", type_=sa.Text), ""),
)
_CALLED = sa.exists().where(*_LATER_CALLS).label("called")
_CALLS = sa.select(calls.c.arrived_at, calls.c.ended_at, calls.c.disposition, _TALKS.label("talks")).where(
    *_LATER_CALLS
)


def _reached(
    connection: sa.Connection, message: MessageRow, found: Mapping[Any, Any], values: Mapping[str, Any], at: datetime
) -> tuple[Reached | None, bool]:
    """How client and company have talked since the call that brought the message, and whether the client calls now."""
    if found.get("called_back"):
        return Reached.CALLED_BACK, False
    calling = False
    for call in connection.execute(_CALLS, values) if found.get("called") else ():
        if call.disposition == Disposition.ANSWERED.value:
            return Reached.CALLED_AGAIN, False
        if call.ended_at is None and call.talks and at - call.arrived_at < LONGEST_CALL:
            return Reached.TALKING, False
        calling = calling or (call.ended_at is None and at - call.arrived_at < LONGEST_WAIT)
    return None, calling


def _ticket_open(*, in_team: bool) -> sa.ColumnElement[bool]:
    query = sa.exists().where(tickets.c.client == sa.bindparam("client"), tickets.c.state == "open")
    if in_team:
        query = query.where(tickets.c.team_id.in_(sa.select(teams.c.id).where(teams.c.name == sa.bindparam("team"))))
    return query.label("ticket_open")


_MAKES_TICKETS = (
    sa.exists().where(teams.c.name == sa.bindparam("team"), teams.c.makes_tickets == sa.true()).label("makes_tickets")
)

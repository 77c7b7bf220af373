"""Gathers, within the transaction that releases a message, what the decision about it goes by; nothing that it needs
not."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ari_app.core.consent import OptOut
from ari_app.core.delivery import State
from ari_app.core.messages import CALL_KINDS, ITEM_KINDS, RAISED_KINDS, Channel, MessageKind
from ari_app.core.release import Facts, Limits, Reached, Switch, Waiting
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition
from ari_app.storage.message_schema import apology_rules, message_types, opt_outs
from ari_app.storage.outbox_counts import Sent, read_counts
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
_GONE_OUT = [state.value for state in (State.SENDING, State.SENT, State.DELIVERED, State.UNDELIVERED, State.UNKNOWN)]


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


def gather(connection: sa.Connection, message: MessageRow, limits: Limits, at: datetime) -> Facts:
    """What is the case ``at`` (aware). Before it looks for another message to the same recipient it waits for whoever
    does the same for that one: of two, the second sees what the first has decided."""
    seen = waiting(message)
    text = seen.is_text_to_client
    sent = read_counts(connection, message.recipient, limits, at) if text else Sent(0, 0, limits.price * 0)
    reached, calling = _calls(connection, message, at) if message.withdraw_if_reached else (None, False)
    return Facts(
        at=at,
        switch=_switch(connection, message),
        opt_outs=_opt_outs(connection, message) if seen.to_client else (),
        own_number=text and _exists(connection, sa.select(1).where(numbers.c.e164 == message.recipient)),
        another=bool(message.once_in_hours) and _another(connection, message, at),
        reached=reached,
        calling=calling,
        ticket_open=message.needs_ticket and _ticket_open(connection, message),
        ticket_wanted=message.channel is not Channel.TICKET or _ticket_wanted(connection, message),
        sent_today=sent.today,
        sent_today_to_prefix=sent.to_prefix,
        spent_this_month=sent.spent,
    )


def _exists(connection: sa.Connection, query: sa.Select[tuple[int]]) -> bool:
    return connection.scalar(query.limit(1)) is not None


def _switch(connection: sa.Connection, message: MessageRow) -> Switch:
    if message.rule_id is not None:
        return _switch_of_rule(connection, message)
    if message.kind not in _OF_A_TYPE and message.kind is not MessageKind.VOICEMAIL_NOTICE:
        return Switch.ON
    if message.team is None or message.channel not in (Channel.SMS, Channel.EMAIL, Channel.PUSH):
        return Switch.ON
    its_type = (
        message_types.c.kind == message.kind.value,
        message_types.c.audience == message.audience.value,
        message_types.c.channel == message.channel.value,
    )
    joined = message_types.join(teams, message_types.c.team_id == teams.c.id)
    query = sa.select(message_types.c.enabled).select_from(joined).where(teams.c.name == message.team, *its_type)
    enabled = connection.scalar(query)
    if enabled is None:  # notices to staff need no type: they have a text that ships with the product
        return Switch.REMOVED if message.kind in _OF_A_TYPE and not message.forced else Switch.ON
    return Switch.ON if enabled else Switch.OFF


def _switch_of_rule(connection: sa.Connection, message: MessageRow) -> Switch:
    joined = apology_rules.outerjoin(teams, apology_rules.c.team_id == teams.c.id)
    query = sa.select(apology_rules.c.enabled, teams.c.sales_tools).select_from(joined)
    found = connection.execute(query.where(apology_rules.c.id == message.rule_id)).one_or_none()
    if found is None:
        return Switch.REMOVED
    own = connection.scalar(sa.select(teams.c.sales_tools).where(teams.c.name == message.team))
    if any(tools is not None and not tools for tools in (found.sales_tools, own)):
        return Switch.NO_SALES_TOOLS
    return Switch.ON if found.enabled else Switch.OFF


def _opt_outs(connection: sa.Connection, message: MessageRow) -> tuple[OptOut, ...]:
    whose = [client for client in (message.client, message.recipient) if client]
    rows = connection.execute(sa.select(opt_outs).where(opt_outs.c.client.in_(whose)))
    return tuple(
        OptOut(
            row.client,
            Channel(row.channel) if row.channel else None,
            MessageKind(row.kind) if row.kind else None,
            bool(row.bulk_only),
        )
        for row in rows
    )


def _another(connection: sa.Connection, message: MessageRow, at: datetime) -> bool:
    """Whether the same rule or type has another one for the recipient that counts: one that went out within the hours,
    or one taken in before this that still waits. So of several that wait the first goes, whoever looks when."""
    if connection.dialect.name == "postgresql":
        whom = f"once {message.kind} {message.channel} {message.recipient}"
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(whom, 0))))
    since = at - timedelta(hours=message.once_in_hours)
    went_at = sa.func.coalesce(messages.c.sent_at, messages.c.settled_at, messages.c.created_at)
    query = sa.select(1).where(
        messages.c.recipient == message.recipient,
        messages.c.kind == message.kind.value,
        messages.c.channel == message.channel.value,
        messages.c.created_at >= since - LONGEST_IN_QUEUE,
        messages.c.rule_id == message.rule_id if message.rule_id is not None else messages.c.team == message.team,
        messages.c.id != message.id,
        sa.or_(
            sa.and_(messages.c.state == State.QUEUED.value, messages.c.id < message.id),
            sa.and_(messages.c.state.in_(_GONE_OUT), went_at > since),
        ),
    )
    return _exists(connection, query)


def _calls(connection: sa.Connection, message: MessageRow, at: datetime) -> tuple[Reached | None, bool]:
    """How client and company have talked since the call that brought the message, and whether the client calls now."""
    if message.client is None:
        return None, False
    since = connection.scalar(sa.select(calls.c.arrived_at).where(calls.c.id == message.call_id)) or message.created_at
    if _called_back(connection, message.client, since):
        return Reached.CALLED_BACK, False
    talks = sa.exists().where(call_events.c.call_id == calls.c.id, call_events.c.kind == Kind.CONNECTED.value)
    query = sa.select(
        calls.c.id, calls.c.arrived_at, calls.c.ended_at, calls.c.disposition, talks.label("talks")
    ).where(
        calls.c.caller == message.client,
        calls.c.direction == "inbound",
        calls.c.arrived_at > since - LONGEST_CALL,
        sa.or_(calls.c.ended_at.is_(None), calls.c.ended_at > since),
    )
    calling = False
    for call in connection.execute(query):
        if call.id == message.call_id:
            continue
        if call.disposition == Disposition.ANSWERED.value:
            return Reached.CALLED_AGAIN, False
        if call.ended_at is None and call.talks and at - call.arrived_at < LONGEST_CALL:
            return Reached.TALKING, False
        calling = calling or (call.ended_at is None and at - call.arrived_at < LONGEST_WAIT)
    return None, calling


def _called_back(connection: sa.Connection, client: str, since: datetime) -> bool:
    query = sa.select(1).where(
        calls.c.dialled == client,
        calls.c.direction == "outbound",
        calls.c.arrived_at > since - LONGEST_CALL,
        calls.c.ended_at > since,
        # Not by the index of dispositions, which SQLite would as soon take: it has the day's answered calls of all.
        sa.func.coalesce(calls.c.disposition, "") == Disposition.ANSWERED.value,
    )
    return _exists(connection, query)


def _ticket_open(connection: sa.Connection, message: MessageRow) -> bool:
    query = sa.select(1).where(tickets.c.client == message.client, tickets.c.state == "open")
    if message.team is not None:
        query = query.where(tickets.c.team_id.in_(sa.select(teams.c.id).where(teams.c.name == message.team)))
    return _exists(connection, query)


def _ticket_wanted(connection: sa.Connection, message: MessageRow) -> bool:
    if message.team is None:
        return True  # whoever writes it says why not
    makes = sa.select(1).where(teams.c.name == message.team, teams.c.makes_tickets == sa.true())
    return _ticket_open(connection, message) or _exists(connection, makes)

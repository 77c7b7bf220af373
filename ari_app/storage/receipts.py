"""Applies what gateways report of messages: pushed or asked for, in any order, twice, and before we know the message.

Whoever takes pushes in calls `apply_report` in a transaction of ``writing(engine)``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ari_app.core.delivery import Report, State, backoff, may_become
from ari_app.storage.columns import storable
from ari_app.storage.outbox_rows import MessageRow, become, locked, locking
from ari_app.storage.outbox_schema import early_reports, messages

KEPT = timedelta(days=4)
"""A report of a message that is not known is kept so long: the answer to its sending may be on its way."""

_LOCK_GATEWAY_ID = sa.select(
    sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("its_gateway_id", type_=sa.Text), 1))
)
_BY_REF = locking(messages.c.ref == sa.bindparam("its_ref"))
_BY_GATEWAY_ID = locking(
    # The newest: providers use their ids again, in years.
    messages.c.id
    == sa.select(sa.func.max(messages.c.id))
    .where(messages.c.gateway_id == sa.bindparam("its_gateway_id"), messages.c.gateway == sa.bindparam("its_gateway"))
    .scalar_subquery()
)
_KEPT_REPORTS = (
    early_reports.c.gateway == sa.bindparam("its_gateway"),
    early_reports.c.gateway_id == sa.bindparam("its_gateway_id"),
)
_EARLY = sa.select(early_reports).where(*_KEPT_REPORTS).order_by(early_reports.c.id)
_APPLIED = sa.delete(early_reports).where(*_KEPT_REPORTS)


def apply_report(connection: sa.Connection, gateway_name: str, report: Report, at: datetime) -> State | None:
    """Bring a message to the state that a gateway reports, ``at`` (aware), if it may go there from where it is.

    Returns:
        The state it came to; None if nothing changed: it is there already, has gone further, or is not known.
    """
    lock_gateway_id(connection, report.gateway_id)
    message = _find(connection, gateway_name, report)
    if message is None:
        if report.gateway_id and not report.ref:
            _keep(connection, gateway_name, report, at)
        return None
    if not _believable(message, gateway_name, report):
        return None
    become(connection, message, report.state, report.reason, at, gateway=gateway_name, **_columns(message, report, at))
    return report.state


def lock_gateway_id(connection: sa.Connection, gateway_id: str) -> None:
    """Let the answer to a sending and a receipt of the same message wait for each other, whichever is first: else each
    might look for what the other is about to write. SQLite has one writer at a time anyway."""
    if gateway_id and connection.dialect.name == "postgresql":
        connection.execute(_LOCK_GATEWAY_ID, {"its_gateway_id": storable(gateway_id)})


def _find(connection: sa.Connection, gateway_name: str, report: Report) -> MessageRow | None:
    if report.ref:
        return locked(connection, _BY_REF, its_ref=storable(report.ref))
    if not report.gateway_id:
        return None
    known_by = storable(report.gateway_id)
    return locked(connection, _BY_GATEWAY_ID, its_gateway_id=known_by, its_gateway=gateway_name)


def _believable(message: MessageRow, gateway_name: str, report: Report) -> bool:
    """What has arrived has arrived, whoever says so; all else only the gateway says that was tried last, and never of
    a message that is about to be sent anew."""
    if not may_become(message.state, report.state):
        return False
    if report.state is State.DELIVERED:
        return True
    if message.gateway != gateway_name or message.state is State.QUEUED:
        return False
    # "I never had it" counts only where nobody is sending it.
    return report.state is not State.QUEUED or message.state is State.UNKNOWN


def _columns(message: MessageRow, report: Report, at: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if report.gateway_id and not message.gateway_id:
        columns["gateway_id"] = storable(report.gateway_id)
    if report.state is State.QUEUED:
        # Later and later, as after any other failure: what lost it may lose it again.
        due_at = min(at + backoff(max(message.attempts, 1)), message.expires_at + timedelta(seconds=1))
        return {**columns, "due_at": due_at, "lease": None, "leased_until": None, "ask_at": None}
    if report.state is not State.FAILED and message.sent_at is None:
        columns["sent_at"] = at
    if report.state is not State.SENT:
        columns["ask_at"] = None
    return columns


def _keep(connection: sa.Connection, gateway_name: str, report: Report, at: datetime) -> None:
    row = {
        "at": at,
        "gateway": gateway_name,
        "gateway_id": storable(report.gateway_id),
        "state": report.state.value,
        "reason": storable(report.reason),
    }
    connection.execute(sa.insert(early_reports), row)


def apply_early_reports(connection: sa.Connection, gateway_name: str, gateway_id: str, at: datetime) -> State | None:
    """Apply what was reported of a message before its sending was entered; the state it led to, None: none was."""
    of_message = {"its_gateway": gateway_name, "its_gateway_id": storable(gateway_id)}
    rows = connection.execute(_EARLY, of_message).all()
    state = None
    for row in rows:
        report = Report(State(row.state), gateway_id=gateway_id, reason=row.reason)
        state = apply_report(connection, gateway_name, report, at) or state
    if rows:
        connection.execute(_APPLIED, of_message)
    return state


def forget_early_reports(connection: sa.Connection, at: datetime) -> None:
    """Remove those whose message never came: they are of somebody else's."""
    connection.execute(sa.delete(early_reports).where(early_reports.c.at < at - KEPT))

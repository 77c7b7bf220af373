"""Reads calls that are over out of the journal, with all that they show of those who called and those who were rung."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ari_app.core.outcomes import LegOutcome
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition
from ari_app.ports import CallOpened
from ari_app.replaying import PastCall, PastLeg
from ari_app.storage.records import call_events, calls, legs, voicemail_messages

_AT_ONCE = 500


def past_calls(connection: sa.Connection, since: datetime, until: datetime | None) -> Iterator[PastCall]:
    """The inbound calls that arrived between ``since`` (included) and ``until`` (not) and are over, oldest first.

    The connection's transaction must see one snapshot.
    """
    wanted = [calls.c.direction == "inbound", calls.c.disposition.is_not(None), calls.c.arrived_at >= since]
    wanted += [] if until is None else [calls.c.arrived_at < until]
    rows = connection.execute(sa.select(calls).where(*wanted).order_by(calls.c.arrived_at, calls.c.id)).all()
    for begin in range(0, len(rows), _AT_ONCE):
        yield from _with_particulars(connection, rows[begin : begin + _AT_ONCE])


def _with_particulars(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> Iterator[PastCall]:
    ids = [row.id for row in rows]
    rung = _legs(connection, ids)
    prompts = _by_call(
        connection,
        sa.select(call_events.c.call_id, sa.func.max(call_events.c.at_ms)).where(
            call_events.c.call_id.in_(ids), call_events.c.kind == Kind.PROMPT_BEGAN.value
        ).group_by(call_events.c.call_id),
    )  # fmt: skip
    spoken = _by_call(
        connection,
        sa.select(voicemail_messages.c.call_id, sa.func.max(voicemail_messages.c.length_ms)).where(
            voicemail_messages.c.call_id.in_(ids)
        ).group_by(voicemail_messages.c.call_id),
    )  # fmt: skip
    for row in rows:
        yield PastCall(
            opened=CallOpened(
                row.id, row.arrived_at, row.caller, row.caller_raw, row.dialled, row.dialled_raw, row.channel
            ),
            scheme=row.scheme,
            version=row.scheme_version,
            branch=row.branch,
            disposition=Disposition(row.disposition),
            reason=row.reason or "",
            answered_by=row.answered_by,
            seconds=(row.ended_ms or 0) / 1000,
            legs=tuple(rung.get(row.id, ())),
            answered_seconds=_seconds(row.answered_ms),
            prompt_seconds=_seconds(prompts.get(row.id)),
            message_seconds=_seconds(spoken.get(row.id)),
        )


def _by_call(connection: sa.Connection, query: sa.Select[Any]) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(query)}


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _legs(connection: sa.Connection, ids: list[str]) -> dict[str, list[PastLeg]]:
    """Each call's, in the order they were dialed."""
    found: dict[str, list[PastLeg]] = defaultdict(list)
    query = sa.select(legs).where(legs.c.call_id.in_(ids)).order_by(legs.c.dialed_ms, legs.c.id)
    for row in connection.execute(query):
        outcome = _outcome(row)
        ended_ms = row.answered_ms if outcome is LegOutcome.ANSWERED and row.answered_ms is not None else row.ended_ms
        found[row.call_id].append(PastLeg(row.destination, outcome, (ended_ms - row.dialed_ms) / 1000, row.cause))
    return found


def _outcome(row: sa.Row[Any]) -> LegOutcome:
    """What it did; one that picked up when another had won would have answered, too."""
    if row.answered_ms is not None and row.outcome != LegOutcome.NOT_ACCEPTED:
        return LegOutcome.ANSWERED
    try:
        return LegOutcome(row.outcome)
    except ValueError:  # of a newer release
        return LegOutcome.NO_ANSWER

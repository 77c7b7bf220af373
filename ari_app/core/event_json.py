"""The JSON by which webhooks are told of calls and messages; its schema is in docs/messages.md, and only grows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ari_app.core.endings import CallFacts, Ending

SCHEMA = 1
"""Raised when a field goes or changes its meaning; a field that is added leaves it."""


def call_ended(facts: CallFacts, ending: Ending, *, number_name: str, team: str) -> str:
    """The event of a call that is over, as compact JSON."""
    verdict = facts.verdict
    return _event(
        "call.ended",
        facts.at + timedelta(milliseconds=facts.ended_ms),
        "call",
        {
            "id": facts.call_id,
            "direction": "outbound" if facts.outbound else "inbound",
            "arrived_at": moment(facts.at),
            "caller": facts.caller or facts.caller_raw or None,
            "number": facts.dialled,
            "number_name": number_name,
            "team": team,
            "disposition": verdict.disposition.value,
            "reason": verdict.reason.value,
            "answered_by": verdict.answered_by,
            "out_of_hours": ending.out_of_hours,
            "voicemail": ending.recording,
            "seconds": round(facts.ended_ms / 1000, 1),
        },
    )


def message_changed(at: datetime, message: Mapping[str, object]) -> str:
    """The event of a message that came to a state, as compact JSON. ``message`` has the fields of docs/messages.md,
    moments among them aware."""
    told = {name: moment(value) if isinstance(value, datetime) else value for name, value in message.items()}
    return _event("message.changed", at, "message", told)


def moment(at: datetime) -> str:
    """An aware moment as events write it: UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event(kind: str, at: datetime, subject: str, told: Mapping[str, object]) -> str:
    event = {"schema": SCHEMA, "event": kind, "at": moment(at), subject: told}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))

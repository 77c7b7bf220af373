"""What happened in a call and why: the one record that journal, explanation and verdict are read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Scalar = str | int | float | bool | None
Details = Mapping[str, Scalar]


class Kind(StrEnum):
    """What an entry of the timeline is about."""

    ARRIVED = "arrived"
    FALLBACK_TOOK = "fallback_took"
    FALLBACK_ALONE = "fallback_alone"
    NUMBER_FOUND = "number_found"
    DEFAULT_USED = "default_used"
    CALLER_BLOCKED = "caller_blocked"
    CALLER_KNOWN = "caller_known"
    LOOP_STOPPED = "loop_stopped"
    TURNED_AWAY = "turned_away"
    SPECIAL_DAY = "special_day"
    BRANCH_PASSED_OVER = "branch_passed_over"
    BRANCH_CHOSEN = "branch_chosen"
    STEP_BEGAN = "step_began"
    RING_ORDER = "ring_order"
    MANAGER_FOUND = "manager_found"
    NO_MANAGER = "no_manager"
    LEG_DIALED = "leg_dialed"
    LEG_RANG = "leg_rang"
    LEG_ANSWERED = "leg_answered"
    ACCEPT_ASKED = "accept_asked"
    ACCEPTED = "accepted"
    LEG_ENDED = "leg_ended"
    CONNECTED = "connected"
    TALK_ENDED = "talk_ended"
    ANSWERED_BY_SYSTEM = "answered_by_system"
    PROMPT_BEGAN = "prompt_began"
    PROMPT_ENDED = "prompt_ended"
    KEY_PRESSED = "key_pressed"
    NO_KEY = "no_key"
    RECORDING_BEGAN = "recording_began"
    RECORDING_ENDED = "recording_ended"
    RECORDING_OWED = "recording_owed"
    RECORDING_CAME = "recording_came"
    MESSAGE_LEFT = "message_left"
    MESSAGE_DISCARDED = "message_discarded"
    STEPS_ENDED = "steps_ended"
    CALLER_LEFT = "caller_left"
    LIMIT_REACHED = "limit_reached"
    TROUBLE = "trouble"
    RECOVERED = "recovered"
    HANDED_ON = "handed_on"
    HUNG_UP = "hung_up"
    VERDICT = "verdict"
    MESSAGE_QUEUED = "message_queued"
    NO_MESSAGE = "no_message"
    MESSAGE_WITHHELD = "message_withheld"
    MESSAGE_SENT = "message_sent"
    MESSAGE_FAILED = "message_failed"
    MESSAGE_UNCLEAR = "message_unclear"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, ``at_ms`` milliseconds after the call arrived."""

    at_ms: int
    kind: Kind
    details: Details = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """A decision of the engine, not yet given its time."""

    kind: Kind
    details: Details = field(default_factory=dict)

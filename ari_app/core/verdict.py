"""The verdict on a call, derived once from its timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ari_app.core.outcomes import CallerEnd
from ari_app.core.timeline import Entry, Kind, Scalar

ENDING_TROUBLE = ("program", "line")
"""What trouble is with, as its entry says, when it ended the call; after any other trouble the call goes on."""


class Disposition(StrEnum):
    """What became of a call. ``LOST`` is what an apology is for."""

    ANSWERED = "answered"
    MESSAGE_LEFT = "message_left"
    LOST = "lost"


class Reason(StrEnum):
    """Why the disposition is what it is."""

    TALKED = "talked"
    MESSAGE = "message"
    HUNG_UP_RINGING = "hung_up_while_ringing"
    HUNG_UP_IN_GREETING = "hung_up_in_greeting"
    HUNG_UP_IN_MENU = "hung_up_in_menu"
    NO_MESSAGE = "no_message"
    NOBODY_ANSWERED = "nobody_answered"
    ENDED_BY_SCHEME = "ended_by_scheme"
    BLOCKED = "blocked"
    LOOP = "loop"
    OVERLOAD = "overload"
    LIMIT_REACHED = "limit_reached"
    LINE_LOST = "line_lost"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a call ended and why. ``answered_by`` is the destination that talked with the caller."""

    disposition: Disposition
    reason: Reason
    answered_by: str | None = None


def derive(timeline: Iterable[Entry]) -> Verdict:
    """Read the verdict off a call's whole timeline; total, so that every call has exactly one.

    A call counts as answered when a destination was connected, unless the caller had cancelled by then: a cancelled
    call may look answered from our side for an instant (the CANCEL and the 200 cross on the wire), yet nobody heard us.
    """
    entries = tuple(timeline)
    left = next((entry.details.get("how") for entry in entries if entry.kind is Kind.CALLER_LEFT), None)
    connected = next((entry for entry in entries if entry.kind is Kind.CONNECTED), None)
    if connected is not None and left != CallerEnd.CANCELLED.value:
        return Verdict(Disposition.ANSWERED, Reason.TALKED, str(connected.details["destination"]))
    kinds = {entry.kind for entry in entries}
    if Kind.MESSAGE_LEFT in kinds:
        return Verdict(Disposition.MESSAGE_LEFT, Reason.MESSAGE)
    return Verdict(Disposition.LOST, _why_lost(entries, kinds, left))


def _why_lost(entries: tuple[Entry, ...], kinds: set[Kind], left: Scalar) -> Reason:
    """The most telling of the reasons that hold."""
    if Kind.TURNED_AWAY in kinds:
        return Reason.OVERLOAD
    if Kind.CALLER_BLOCKED in kinds:
        return Reason.BLOCKED
    if left == CallerEnd.LINE_LOST.value:
        return Reason.LINE_LOST
    return _why_in_hand(entries, kinds, left)


def _why_in_hand(entries: tuple[Entry, ...], kinds: set[Kind], left: Scalar) -> Reason:
    if Kind.RECORDING_BEGAN in kinds:
        return Reason.NO_MESSAGE
    if left is not None:
        return _where_left(entries)
    if _broken_off(entries, kinds):
        return Reason.TROUBLE
    for kind, reason in (
        (Kind.LOOP_STOPPED, Reason.LOOP),
        (Kind.LIMIT_REACHED, Reason.LIMIT_REACHED),
        (Kind.LEG_DIALED, Reason.NOBODY_ANSWERED),
        (Kind.TROUBLE, Reason.TROUBLE),
    ):
        if kind in kinds:
            return reason
    return Reason.ENDED_BY_SCHEME


def _broken_off(entries: tuple[Entry, ...], kinds: set[Kind]) -> bool:
    """Whether trouble ended the call before its steps did: then nobody was given the time to answer."""
    ended = any(entry.kind is Kind.TROUBLE and entry.details.get("what") in ENDING_TROUBLE for entry in entries)
    return ended and Kind.HUNG_UP not in kinds


def _where_left(entries: tuple[Entry, ...]) -> Reason:
    if last_step_kind(entries) == "menu":
        return Reason.HUNG_UP_IN_MENU
    return Reason.HUNG_UP_IN_GREETING if _in_prompt(entries) else Reason.HUNG_UP_RINGING


def last_step_kind(entries: Sequence[Entry]) -> str:
    """The kind of the step that the timeline broke off in; empty before the first."""
    began = (entry for entry in reversed(entries) if entry.kind is Kind.STEP_BEGAN)
    return str(next((entry.details.get("kind") for entry in began), ""))


def _in_prompt(entries: tuple[Entry, ...]) -> bool:
    """Whether the step the timeline broke off in had begun a prompt: the moment before the recording counts to it."""
    last = next((entry.kind for entry in reversed(entries) if entry.kind in _PROMPT_OR_STEP), None)
    return last is Kind.PROMPT_BEGAN


_PROMPT_OR_STEP = (Kind.PROMPT_BEGAN, Kind.STEP_BEGAN)

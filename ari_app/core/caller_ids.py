"""Whose number a forwarded leg shows, and who is said to have forwarded the call."""

from __future__ import annotations

from dataclasses import replace

from ari_app.core.numbering import normalise
from ari_app.core.scheme import Destination, DialStep, TargetKind

CALLER, DIALLED = "caller", "dialled"


def caller_id_fault(text: str) -> str | None:
    """Why this is no caller id to show, or None; empty is what stands above it, at last the caller's own."""
    if text in ("", CALLER, DIALLED) or normalise(text, "ZZ") == text:
        return None
    return "write caller, dialled, or a number of yours as E.164, such as +74950000101"


def presented(step: DialStep, dialled: str | None) -> DialStep:
    """The step, each of its destinations with the very number that it is shown: ``dialled`` (E.164) where the scheme
    says so, nothing for the caller's own. Whoever is rung outside with a caller's number, which is not ours to
    give, is told that it was ``dialled`` which forwarded the call (RFC 5806)."""
    return replace(step, destinations=tuple(_presented(each, dialled or "") for each in step.destinations))


def _presented(destination: Destination, dialled: str) -> Destination:
    if destination.caller_id not in ("", CALLER):
        own = dialled if destination.caller_id == DIALLED else destination.caller_id
        return replace(destination, caller_id=own)
    diverted = dialled if destination.kind is not TargetKind.ENDPOINT else ""
    return replace(destination, caller_id="", diverted_from=diverted)


def presented_as(one: Destination, manager: Destination) -> Destination:
    """Where a manager is rung at, shown what the scheme says of whoever is ``manager``."""
    diverted = manager.diverted_from if one.kind is TargetKind.NUMBER else ""
    return replace(one, caller_id=manager.caller_id, diverted_from=diverted)

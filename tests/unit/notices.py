"""A company with rules and types for every kind of message, and calls that end in every way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ari_app.core.endings import CallFacts
from ari_app.core.message_book import ApologyRule, Contact, MessageBook, MessageType, OwnNumber, TeamProfile
from ari_app.core.messages import CALL_KINDS, Audience, Channel, Intent, MessageKind
from ari_app.core.notices import Decided, Deployment, of_call
from ari_app.core.outcomes import CallerEnd
from ari_app.core.timeline import Details, Entry, Kind, Scalar
from ari_app.core.verdict import derive

CALLER = "+79160000001"
SALES = "+74950000101"
NIGHT = "+74950000108"
UNLISTED = "+74950000999"
NOON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Noon in Moscow, a Monday."""

RULE = ApologyRule(7, "Sorry", "Sorry, {caller}, we missed you on {number} at {time}.", frozenset((SALES, UNLISTED)))
TYPES = tuple(
    MessageType(kind, Audience.CLIENT, Channel.SMS, f"{kind} of {{time}}", with_company=True) for kind in CALL_KINDS
)
CONTACTS = (
    Contact(Audience.STAFF, Channel.SMS, "+79160000003"),
    Contact(Audience.STAFF, Channel.EMAIL, "sales@example.com"),
    Contact(Audience.ADMIN, Channel.EMAIL, "admin@example.com"),
    Contact(Audience.STAFF, Channel.WEBHOOK, "helpdesk"),
)
TEAM = TeamProfile("Sales", types=TYPES, contacts=CONTACTS)
BOOK = MessageBook(
    (RULE,), {"Sales": TEAM}, {SALES: OwnNumber("the site", "Sales"), NIGHT: OwnNumber("night", "Sales")}
)
DEPLOYMENT = Deployment(company="Acme", language="en")


Happened = tuple[Kind, Details]


def told(*kinds: Kind | Happened) -> tuple[Entry, ...]:
    """A timeline, an entry a second."""
    pairs = ((kind, {}) if isinstance(kind, Kind) else kind for kind in kinds)
    return tuple(Entry(1000 * number, kind, details) for number, (kind, details) in enumerate(pairs))


def step(kind: str) -> Happened:
    return Kind.STEP_BEGAN, {"step": 1, "kind": kind, "what": kind, "why": "first_step"}


def left(how: CallerEnd = CallerEnd.HUNG_UP) -> Happened:
    return Kind.CALLER_LEFT, {"how": how.value}


ARRIVED: tuple[Kind, ...] = (Kind.ARRIVED,)
CLOSED: Happened = (Kind.BRANCH_CHOSEN, {"branch": "night", "out_of_hours": True})
UNCOVERED: Happened = (Kind.DEFAULT_USED, {"why": "no_branch_covers"})
CONNECTED: Happened = (Kind.CONNECTED, {"destination": "desk"})
KEPT: Happened = (Kind.MESSAGE_LEFT, {"seconds": 4.2, "name": "k3jd9.wav"})

RINGING = told(Kind.ARRIVED, step("dial"), Kind.LEG_DIALED, Kind.LEG_RANG, left(CallerEnd.CANCELLED))
GREETED = told(Kind.ARRIVED, step("greeting"), Kind.PROMPT_BEGAN, left())
RINGING_AFTER_GREETING = told(
    Kind.ARRIVED, step("greeting"), Kind.PROMPT_BEGAN, Kind.PROMPT_ENDED, step("dial"), Kind.LEG_DIALED, left()
)
PROMPTED = told(Kind.ARRIVED, step("voicemail"), Kind.PROMPT_BEGAN, left())
SAID_NOTHING = told(Kind.ARRIVED, step("voicemail"), Kind.PROMPT_BEGAN, Kind.PROMPT_ENDED, Kind.RECORDING_BEGAN, left())
ALL_BUSY = told(Kind.ARRIVED, step("dial"), Kind.LEG_DIALED, Kind.LEG_ENDED, Kind.STEPS_ENDED, Kind.HUNG_UP)
TROUBLED = told(Kind.ARRIVED, (Kind.TROUBLE, {"what": "line", "why": "gone"}))
CIRCLING = told(Kind.ARRIVED, Kind.LOOP_STOPPED, Kind.HUNG_UP)
ANSWERED = told(Kind.ARRIVED, step("dial"), Kind.LEG_DIALED, CONNECTED, Kind.TALK_ENDED, left())
CANCELLED_AS_ANSWERED = told(Kind.ARRIVED, step("dial"), Kind.LEG_DIALED, CONNECTED, left(CallerEnd.CANCELLED))
VOICEMAIL = told(Kind.ARRIVED, step("voicemail"), Kind.RECORDING_BEGAN, left(), KEPT)
LOST = (RINGING, GREETED, RINGING_AFTER_GREETING, PROMPTED, SAID_NOTHING, ALL_BUSY, TROUBLED, CANCELLED_AS_ANSWERED)


def at_night(timeline: Sequence[Entry], how: Any = CLOSED) -> tuple[Entry, ...]:
    """The same call out of hours."""
    kind, details = how
    return (timeline[0], Entry(0, kind, details), *timeline[1:])


def facts(timeline: Sequence[Entry], **more: Any) -> CallFacts:
    """A call of this timeline."""
    call = CallFacts(
        call_id="20260302-090000-abc",
        at=NOON,
        caller=CALLER,
        caller_raw=CALLER,
        dialled=SALES,
        verdict=derive(timeline),
        timeline=timeline,
        ended_ms=1000 * len(timeline),
    )
    return replace(call, **more)


def decide(
    timeline: Sequence[Entry], book: MessageBook = BOOK, deployment: Deployment = DEPLOYMENT, **more: Any
) -> Decided:
    """What the call brings."""
    call = facts(timeline, **more)
    return of_call(call, book, deployment, call.at + timedelta(milliseconds=call.ended_ms))


def texts_to_client(decided: Decided) -> list[Intent]:
    return [each for each in decided.intents if (each.audience, each.channel) == (Audience.CLIENT, Channel.SMS)]


def only(decided: Decided, kind: MessageKind) -> list[Intent]:
    return [each for each in decided.intents if each.kind is kind]


def why_no_apology(decided: Decided) -> list[Scalar]:
    return [
        note.details["why"]
        for note in decided.notes
        if note.kind is Kind.NO_MESSAGE and note.details["message"] == MessageKind.APOLOGY
    ]


def with_team(**changes: Any) -> MessageBook:
    """The book, its team changed."""
    return replace(BOOK, teams={"Sales": replace(TEAM, **changes)})


def with_rules(*rules: ApologyRule) -> MessageBook:
    return replace(BOOK, rules=rules)


NO_RULES = with_rules()

"""`POST /v1/events`: what another system tells of becomes messages, or a row of the journal; once, and with reasons."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Header

from ari_app.core.deployment import Decided
from ari_app.core.explain import sentence
from ari_app.core.hours import is_out_of_hours
from ari_app.core.messages import Channel, MessageKind
from ari_app.core.notices import RaisedEvent, of_event
from ari_app.core.numbering import printable
from ari_app.core.rights import Actor, Right, Subject, require
from ari_app.core.timeline import Entry
from ari_app.storage.intents import take_in
from ari_app.storage.outbox_schema import messages
from ari_app.storage.refused import Card, cards_of
from ari_app.web.access import Whoever
from ari_app.web.event_models import (
    ClientEvent,
    Event,
    ItemEvent,
    MessageEvent,
    OutboundCall,
    OutOfHoursEvent,
    Source,
    Taken,
    TakenMessage,
)
from ari_app.web.outbound import journal_outbound
from ari_app.web.problems import Fault, Refusal, documented
from ari_app.web.site import OurSite, Site
from ari_app.web.wire import Key

router = APIRouter(prefix="/v1", tags=["events"])

AHEAD = timedelta(minutes=5)
"""So far other systems' clocks may be ahead of ours."""
_BRINGS_A_MESSAGE = {
    MessageKind.TEXT_OUT_OF_HOURS: (Source.SMS, Source.WHATSAPP),
    MessageKind.TICKET_OUT_OF_HOURS: (Source.WEB, Source.MOBILE),
}


@router.post(
    "/events",
    status_code=HTTPStatus.ACCEPTED,
    summary="Tell of an event",
    responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT),
)
def post_event(
    event: Event,
    site: OurSite,
    actor: Whoever,
    idempotency_key: Annotated[Key | None, Header(description="your id of the event, if the body has none")] = None,
) -> Taken:
    """Tell of something that happened. Telling the same again, by its id, changes nothing and is answered alike, so
    whoever is not sure of having been heard tells again. The answer has each message that was queued, and the reason
    for each that was not. Right: `events create`."""
    require(actor, Subject.EVENTS, Right.CREATE)
    told = _id_of(event, idempotency_key)
    if isinstance(event, OutboundCall):
        return _outbound(event, told, site, actor)
    event_id = told or (event.item if isinstance(event, ItemEvent) and not event.by_hand else None)
    if event_id is None:
        raise _missing(
            "id", "give your id of the event, here or in the header Idempotency-Key: told twice, it counts once"
        )
    with site.writing.begin() as connection:
        return raise_event(connection, event, event_id, site, actor)


def _id_of(event: ClientEvent | OutOfHoursEvent | ItemEvent | OutboundCall, header: str | None) -> str | None:
    if header and event.id and header != event.id:
        raise _missing("id", "the body and the header Idempotency-Key name different ids; give one, or the same")
    return event.id or header


def _missing(field: str, what: str) -> Refusal:
    return Refusal(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"body.{field}: {what}", faults=[Fault(where=f"body.{field}", what=what)]
    )


def raise_event(connection: sa.Connection, event: MessageEvent, event_id: str, site: Site, actor: Actor) -> Taken:
    """Decide of an event and take its messages in, in the connection's transaction."""
    now = site.now()
    if why := _why_nothing(event, site, now):
        return Taken(id=event_id, repeated=False, messages=[], reasons=[why], call=None)
    # An id is unique to the system that gives it, and each has a user of its own.
    card = cards_of(connection, [event.client]).get(event.client, Card(event.client))
    raised = _raised(event, f"{actor.name}/{event_id}", _team_of(event, site), actor, card)
    return _taken(connection, of_event(raised, site.rules, site.deployment, now), event_id, now)


def _team_of(event: MessageEvent, site: Site) -> str:
    book = site.rules
    if event.team is None:
        team = book.team_of(event.number)
        if team is None:
            raise _missing("number", "this is none of the company's numbers, or it belongs to no team; name the team")
        return team.name
    if event.team not in book.teams:
        raise _missing("team", f"there is no team {printable(event.team)!r}; the table teams has them")
    return event.team


def _why_nothing(event: MessageEvent, site: Site, now: datetime) -> str | None:
    """Why an event of this kind brings nothing at all, as a sentence; None: its types decide."""
    if not isinstance(event, OutOfHoursEvent):
        return None
    sources = _BRINGS_A_MESSAGE[event.kind]
    if event.source not in sources:
        what = event.kind.value.replace("_", " ")
        return f"no message {what!r}: it is for {' and '.join(sources)} only, and this came by {event.source}"
    moment = event.happened_at or now
    if event.number and is_out_of_hours(site.books.current, event.number, moment) is False:
        return f"no message {event.kind.value.replace('_', ' ')!r}: the company works at that moment"
    return None


def _raised(event: MessageEvent, event_id: str, team: str, actor: Actor, card: Card) -> RaisedEvent:
    """What the event leaves out and we know of the client, the client's card says."""
    known = {channel: address for channel in (Channel.EMAIL, Channel.PUSH) if (address := card.address(channel))}
    of_item = event if isinstance(event, ItemEvent) else None
    by_hand = of_item is not None and of_item.by_hand
    return RaisedEvent(
        kind=event.kind,
        team=team,
        client=event.client,
        values={"number": event.number or "", "name": card.name, **event.values},
        addresses={**known, **event.addresses.by_channel()},
        item=of_item.item if of_item else None,
        item_time=of_item.item_time if of_item else None,
        at=event.send_at,
        forced=event.force_sms,
        channels=frozenset(event.channels),
        by_hand=by_hand,
        asked_by=actor.name if by_hand else "",
        id=event_id,
    )


def _taken(connection: sa.Connection, decided: Decided, event_id: str, now: datetime) -> Taken:
    """Take in what was decided, and tell of it; what was asked for before is told as it stands."""
    new = set(take_in(connection, decided.intents, now))
    rows = _of_keys(connection, [intent.key for intent in decided.intents])
    told = [
        TakenMessage(
            id=row.id,
            kind=row.kind,
            channel=row.channel,
            audience=row.audience,
            state=row.state,
            due_at=row.due_at,
            text=row.text,
            parts=row.parts,
            new=row.id in new,
        )
        for row in rows
    ]
    reasons = [sentence(Entry(0, note.kind, note.details)) for note in decided.notes]
    return Taken(id=event_id, repeated=bool(told) and not new, messages=told, reasons=reasons, call=None)


def _of_keys(connection: sa.Connection, keys: list[str]) -> list[sa.Row[tuple[object, ...]]]:
    query = sa.select(messages).where(messages.c.key.in_(keys)).order_by(messages.c.id)
    return list(connection.execute(query)) if keys else []


def _outbound(event: OutboundCall, told: str | None, site: Site, actor: Actor) -> Taken:
    if event.at > site.now() + AHEAD:
        raise _missing(
            "at", "this is in the future; tell of a call once it has begun, or set the clock of your system right"
        )
    event_id = told or hashlib.sha256(f"{event.client}/{event.number}/{event.at.isoformat()}".encode()).hexdigest()[:32]
    with site.writing.begin() as connection:
        call = journal_outbound(connection, event, f"{actor.name}/{event_id}")
    return Taken(id=event_id, repeated=not call.new, messages=[], reasons=[call.reason], call=call.id)

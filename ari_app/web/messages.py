"""The one history of messages over HTTP; messages by hand, taken back and sent again. The desk asks for the rights."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from ari_app.core.delivery import State
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.rights import Actor
from ari_app.desk.base import Refused
from ari_app.desk.by_hand import HandDesk, Handwritten
from ari_app.desk.messages import MessageDesk
from ari_app.storage.message_history import Message, Sought
from ari_app.web.access import Whoever
from ari_app.web.event_models import ClientChannel
from ari_app.web.problems import Refusal, documented
from ari_app.web.site import OurSite, Site
from ari_app.web.wire import E164Number, Key, Line, Moment, Name, ShortLine, Strict, Text, Written

router = APIRouter(prefix="/v1", tags=["messages"])

MOST_CLIENTS = 1000
MessageId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class OneMessage(BaseModel):
    """A message as the history has it. Moments are UTC; ``asked_by`` is empty for one that came of itself."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    created_at: datetime
    kind: str
    channel: str
    audience: str
    recipient: str
    client: str | None
    subject: str
    text: str
    parts: int
    rule: str | None
    team: str | None
    call_id: str | None
    item: str | None
    bulk: bool
    asked_by: str
    due_at: datetime
    expires_at: datetime
    state: str = Field(description=f"one of {', '.join(State)}")
    reason: str
    attempts: int
    gateway: str | None
    price: str | None
    sent_at: datetime | None
    settled_at: datetime | None


class Step(BaseModel):
    """What became of a message: when, which state, why."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    state: str
    reason: str
    gateway: str


class WholeMessage(OneMessage):
    """A message with all that became of it."""

    steps: list[Step]


class PageOfMessages(BaseModel):
    """Messages, the latest first."""

    messages: list[OneMessage]
    next: str | None = Field(description="the cursor of the next page; null on the last")


class ItemMessages(BaseModel):
    """The messages of one item, and where its reminder and its review request stand."""

    item: str
    reminder: OneMessage | None = Field(description="to the client; null: none was asked for")
    repeat_reminder: OneMessage | None
    review_request: OneMessage | None
    messages: list[OneMessage]
    next: str | None


def _by_sms() -> list[ClientChannel]:
    return [Channel.SMS]


class ByHand(Strict):
    """A message as a person writes it."""

    clients: list[Written] = Field(min_length=1, max_length=MOST_CLIENTS)
    text: Text = Field(description="with {caller} {name} {company} {team} {item}, where wanted")
    channels: list[ClientChannel] = Field(default_factory=_by_sms, min_length=1, max_length=3)
    subject: ShortLine = Field("", description="of e-mail and push messages")
    at: Moment | None = Field(None, description="when it is to go, within the sending hours; empty: as soon as may be")
    advertising: bool = Field(False, description="what clients may refuse by itself")
    team: Name | None = None
    item: Key | None = None
    reference: Key | None = Field(None, description="yours; the same is sent once. Or the header Idempotency-Key")


class HandAnswer(BaseModel):
    """What came of one client and channel: the message that is queued, or why there is none."""

    model_config = ConfigDict(from_attributes=True)

    client: str
    channel: str
    message_id: int | None
    due_at: datetime | None
    parts: int
    refusal: str | None


class Filters(BaseModel):
    """Which messages; what is left out narrows nothing."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    client: E164Number | None = None
    recipient: Annotated[str, Field(max_length=300), Line] | None = None
    dialled: E164Number | None = Field(None, description="the number that was called")
    call_id: Key | None = None
    rule: Name | None = None
    kind: MessageKind | None = None
    channel: Channel | None = None
    state: State | None = None
    audience: Audience | None = None
    team: Name | None = None
    item: Key | None = None
    asked_by: Name | None = None
    since: Moment | None = Field(None, description="included")
    until: Moment | None = Field(None, description="not included")
    limit: int = Field(50, ge=1, le=200)
    cursor: Annotated[str, Field(max_length=50), Line] | None = Field(None, description="`next` of the page before")


def _desk(connection: sa.Connection, actor: Actor, site: Site) -> MessageDesk:
    return MessageDesk(connection, actor, site.terms, now=site.now)


def _shown(message: Message) -> OneMessage:
    return OneMessage.model_validate(message)


@router.get("/messages", summary="Find messages", responses=documented(HTTPStatus.FORBIDDEN))
def get_messages(filters: Annotated[Filters, Query()], site: OurSite, actor: Whoever) -> PageOfMessages:
    """Every message there was, those to staff and admins too. Right: `messages view`."""
    sought = Sought(**filters.model_dump(exclude={"limit", "cursor"}))
    with site.reading.begin() as connection:
        page = _desk(connection, actor, site).list(sought, limit=filters.limit, cursor=filters.cursor)
    return PageOfMessages(messages=[_shown(one) for one in page.messages], next=page.next)


@router.get(
    "/messages/{message}", summary="One message", responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
)
def get_message(message: MessageId, site: OurSite, actor: Whoever) -> WholeMessage:
    """A message, and what became of it step by step. Right: `messages view`."""
    with site.reading.begin() as connection:
        story = _desk(connection, actor, site).show(message)
    steps = [Step.model_validate(event) for event in story.events]
    return WholeMessage(**_shown(story.message).model_dump(), steps=steps)


@router.get(
    "/items/{item:path}/messages",
    summary="The messages of an item",
    responses=documented(HTTPStatus.FORBIDDEN),
)
def get_item_messages(
    item: Annotated[Key, Path(description="your id of the item")], site: OurSite, actor: Whoever
) -> ItemMessages:
    """Where an item's reminder and review request stand, and every message about it. Right: `messages view`."""
    with site.reading.begin() as connection:
        page = _desk(connection, actor, site).list(Sought(item=item), limit=200)
    shown = [_shown(one) for one in page.messages]

    def latest(kind: MessageKind) -> OneMessage | None:
        return next((one for one in shown if (one.kind, one.audience) == (kind, Audience.CLIENT)), None)

    return ItemMessages(
        item=item,
        reminder=latest(MessageKind.ITEM_REMINDER),
        repeat_reminder=latest(MessageKind.ITEM_REPEAT_REMINDER),
        review_request=latest(MessageKind.ITEM_REVIEW_REQUEST),
        messages=shown,
        next=page.next,
    )


@router.post(
    "/messages",
    status_code=HTTPStatus.ACCEPTED,
    summary="Write to clients",
    responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT),
)
def post_message(
    written: ByHand,
    site: OurSite,
    actor: Whoever,
    confirmed: Annotated[bool, Query(description="yes, though it is for several or takes several SMS")] = False,
    idempotency_key: Annotated[Key | None, Header(description="the reference, if the body has none")] = None,
) -> list[HandAnswer]:
    """Write to one client or many, over one channel or several, now or at a time. What goes to several clients or takes
    several SMS is sent only once `confirmed`: the warning says to how many, in how many SMS, and at what cost. Right:
    `messages create`."""
    by_hand = Handwritten(
        clients=tuple(written.clients),
        text=written.text,
        channels=tuple(written.channels),
        subject=written.subject,
        at=written.at,
        advertising=written.advertising,
        team=written.team,
        item=written.item,
        reference=written.reference or idempotency_key or "",
    )
    with site.writing.begin() as connection:
        answers = HandDesk(connection, actor, site.terms, now=site.now).send(by_hand, confirmed=confirmed)
    return [HandAnswer.model_validate(one) for one in answers]


_CHANGED = documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@router.post("/messages/{message}/cancel", summary="Take a message back", responses=_CHANGED)
def post_cancel(message: MessageId, site: OurSite, actor: Whoever) -> OneMessage:
    """A message that waits to be sent is not. Right: `messages edit`."""
    with site.writing.begin() as connection:
        try:
            return _shown(_desk(connection, actor, site).cancel(message))
        except Refused as refused:
            raise Refusal(HTTPStatus.CONFLICT, str(refused)) from None


@router.post("/messages/{message}/retry", summary="Send a message again", responses=_CHANGED)
def post_retry(message: MessageId, site: OurSite, actor: Whoever) -> OneMessage:
    """A message that is known not to have arrived is queued again; no other. Right: `messages edit`."""
    with site.writing.begin() as connection:
        try:
            return _shown(_desk(connection, actor, site).retry(message))
        except Refused as refused:
            raise Refusal(HTTPStatus.CONFLICT, str(refused)) from None

"""What other systems tell of, and are answered: events about clients and items, calls that the company made."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from ari_app.core.messages import Channel, MessageKind
from ari_app.core.placeholders import PLACEHOLDERS
from ari_app.web.wire import E164Number, Key, Line, Moment, Name, Strict


class Source(StrEnum):
    """By what way a client wrote."""

    SMS = "sms"
    WHATSAPP = "whatsapp"
    WEB = "web"
    MOBILE = "mobile"
    EMAIL = "email"
    PHONE = "phone"
    CHAT = "chat"
    OTHER = "other"


ClientChannel = Literal[Channel.SMS, Channel.EMAIL, Channel.PUSH]


class Addresses(Strict):
    """How the client is reached beside the number."""

    email: Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"), Line] | None = None
    push: Annotated[str, Field(min_length=2, max_length=4000), Line] | None = Field(
        None, description="a Web Push subscription, as the browser gave it (JSON)"
    )

    def by_channel(self) -> dict[Channel, str]:
        """Those that are given."""
        given = {Channel.EMAIL: self.email, Channel.PUSH: self.push}
        return {channel: address for channel, address in given.items() if address}


class _AboutAClient(Strict):
    """What all events have that bring messages."""

    team: Name | None = Field(None, description="name of the team whose message types count; or give `number`")
    number: E164Number | None = Field(
        None, description="the company's number concerned; its team counts, and its hours"
    )
    client: E164Number = Field(description="the client's number")
    addresses: Addresses = Addresses(email=None, push=None)
    values: dict[str, Annotated[str, Field(max_length=500), Line]] = Field(
        default_factory=dict,
        max_length=len(PLACEHOLDERS),
        description=f"what the placeholders of the team's texts stand for: {', '.join(PLACEHOLDERS)}",
    )
    channels: frozenset[ClientChannel] = Field(
        frozenset(), max_length=3, description="only over these; empty: over all that the team has"
    )
    send_at: Moment | None = Field(None, description="when to send this one, instead of the type's own time")
    force_sms: bool = Field(
        False, description="send the SMS even where the type is off; what the client refused stays refused"
    )

    @field_validator("values")
    @classmethod
    def _known_placeholders(cls, given: dict[str, str]) -> dict[str, str]:
        unknown = [name for name in given if name not in PLACEHOLDERS]
        if unknown:
            named = ", ".join(ascii(name[:40]) for name in sorted(unknown))
            raise ValueError(f"unknown placeholder {named}; there are {', '.join(PLACEHOLDERS)}")
        return given

    @model_validator(mode="after")
    def _somebodys(self) -> _AboutAClient:
        if not self.team and not self.number:
            raise ValueError("team or number is missing; name the team, or the company's number concerned")
        return self


class ClientEvent(_AboutAClient):
    """Something about a client that the team has a message for."""

    kind: Literal[
        MessageKind.RATE_ADVISER,
        MessageKind.WAS_IT_SOLVED,
        MessageKind.FIRST_CHAT,
        MessageKind.ASK_FOR_PHOTO,
        MessageKind.SHARE_CONTACTS,
        MessageKind.ASK_FOR_APPROVAL,
        MessageKind.ASK_FOR_PAYMENT,
    ]
    id: Key | None = Field(None, description="your id of the event; or the header Idempotency-Key")


class OutOfHoursEvent(_AboutAClient):
    """A client wrote, or a ticket was made, while nobody works. Given a `number`, the hours known of it count."""

    kind: Literal[MessageKind.TEXT_OUT_OF_HOURS, MessageKind.TICKET_OUT_OF_HOURS]
    id: Key | None = Field(None, description="your id of the event; or the header Idempotency-Key")
    source: Source = Field(description="texts: sms and whatsapp bring a message; tickets: web and mobile do")
    happened_at: Moment | None = Field(None, description="when; empty: now")


class ItemEvent(_AboutAClient):
    """Something about an item of a client's, such as an appointment. Each of an item's messages is asked for once,
    however often the item is made."""

    kind: Literal[
        MessageKind.ITEM_CREATED,
        MessageKind.ITEM_CONFIRM,
        MessageKind.ITEM_REMINDER,
        MessageKind.ITEM_REPEAT_REMINDER,
        MessageKind.ITEM_REVIEW_REQUEST,
    ]
    item: Key = Field(description="your id of the item")
    item_time: Moment | None = Field(None, description="when the item takes place; reminders go by it")
    id: Key | None = Field(None, description="your id of the event; needed when a person asks, by hand")
    by_hand: bool = Field(False, description="a person asks for it; such as item_confirm, which nothing else brings")


class OutboundCall(Strict):
    """A call that the company made to a client, told by its own telephone system. If the two talked, an apology that
    still waits is not sent."""

    kind: Literal["outbound_call"]
    id: Key | None = Field(None, description="your id of the call; or the header Idempotency-Key")
    client: E164Number
    number: E164Number = Field(description="the company's number, as the client saw it")
    answered: bool = Field(description="whether the client picked up")
    at: Moment = Field(description="when the call began")
    seconds: int = Field(0, ge=0, le=86_400, description="how long it took")


Event = Annotated[ClientEvent | OutOfHoursEvent | ItemEvent | OutboundCall, Field(discriminator="kind")]
MessageEvent = ClientEvent | OutOfHoursEvent | ItemEvent


class TakenMessage(BaseModel):
    """A message that the event brought, this time or when it came first."""

    id: int
    kind: str
    channel: str
    audience: str
    state: str
    due_at: datetime
    text: str
    parts: int
    new: bool = Field(description="false: the same was asked for before, and is not sent again")


class Taken(BaseModel):
    """What was decided, and why."""

    id: str = Field(description="the id by which the same event is known again")
    repeated: bool = Field(description="every message of it was asked for before")
    messages: list[TakenMessage]
    reasons: list[str] = Field(description="a sentence for each message, and for each that there is not")
    call: str | None = Field(None, description="the journal's id of an outbound call")

"""What a message is before it is sent: its kind, channel and audience, and the intent that the outbox keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Channel(StrEnum):
    """The way a message goes. ``TICKET`` writes to a ticket of ours, ``WEBHOOK`` tells another system."""

    SMS = "sms"
    EMAIL = "email"
    PUSH = "push"
    TICKET = "ticket"
    WEBHOOK = "webhook"


class Audience(StrEnum):
    """Whom a message is for."""

    CLIENT = "client"
    STAFF = "staff"
    ADMIN = "admin"
    SYSTEM = "system"


class MessageKind(StrEnum):
    """Why a message is sent. All but the apology, which has rules, are types that a team switches on and off."""

    APOLOGY = "apology"
    # Of a call, told apart by how it ended.
    HUNG_UP = "hung_up"
    MISSED = "missed"
    VOICEMAIL_LEFT = "voicemail_left"
    ANSWERED_WITH_TICKET = "answered_with_ticket"
    CALL_OUT_OF_HOURS = "call_out_of_hours"
    # Raised from outside, through the HTTP API.
    TEXT_OUT_OF_HOURS = "text_out_of_hours"
    TICKET_OUT_OF_HOURS = "ticket_out_of_hours"
    RATE_ADVISER = "rate_adviser"
    WAS_IT_SOLVED = "was_it_solved"
    FIRST_CHAT = "first_chat"
    ASK_FOR_PHOTO = "ask_for_photo"
    SHARE_CONTACTS = "share_contacts"
    ASK_FOR_APPROVAL = "ask_for_approval"
    ASK_FOR_PAYMENT = "ask_for_payment"
    # Of an item, such as an appointment, that another system keeps.
    ITEM_CREATED = "item_created"
    ITEM_CONFIRM = "item_confirm"
    ITEM_REMINDER = "item_reminder"
    ITEM_REPEAT_REMINDER = "item_repeat_reminder"
    ITEM_REVIEW_REQUEST = "item_review_request"
    # To people and systems of the company.
    VOICEMAIL_NOTICE = "voicemail_notice"
    MISSED_CALL_TICKET = "missed_call_ticket"
    EVENT = "event"
    # Written by a person.
    BY_HAND = "by_hand"
    ADVERTISING = "advertising"


CALL_KINDS = (
    MessageKind.HUNG_UP,
    MessageKind.MISSED,
    MessageKind.VOICEMAIL_LEFT,
    MessageKind.ANSWERED_WITH_TICKET,
    MessageKind.CALL_OUT_OF_HOURS,
)
"""What the end of a call may raise."""

RAISED_KINDS = (
    MessageKind.TEXT_OUT_OF_HOURS,
    MessageKind.TICKET_OUT_OF_HOURS,
    MessageKind.RATE_ADVISER,
    MessageKind.WAS_IT_SOLVED,
    MessageKind.FIRST_CHAT,
    MessageKind.ASK_FOR_PHOTO,
    MessageKind.SHARE_CONTACTS,
    MessageKind.ASK_FOR_APPROVAL,
    MessageKind.ASK_FOR_PAYMENT,
)
"""What another system may raise about a client."""

ITEM_KINDS = (
    MessageKind.ITEM_CREATED,
    MessageKind.ITEM_CONFIRM,
    MessageKind.ITEM_REMINDER,
    MessageKind.ITEM_REPEAT_REMINDER,
    MessageKind.ITEM_REVIEW_REQUEST,
)
"""What another system may raise about an item of a client."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A message that is to be sent, as the outbox takes it in.

    ``key`` is the same whenever the same cause asks for the same message again, so that it is taken in once. ``client``
    is the E.164 number of whom it concerns, whatever the channel. Moments are aware. ``due_at`` is the earliest moment
    of sending, ``expires_at`` the latest. ``attachment`` names a voicemail message. ``once_in_hours``: not if the same
    rule or type has sent the same recipient one in that time; 0: no such limit. ``withdraw_if_reached``: not if the
    client and the company have talked since the call. ``forced`` overrules that the type is off (SMS alone), never a
    client's refusal. ``bulk`` is advertising to many. ``parts`` is how
    many SMS parts the text takes.
    """

    key: str
    kind: MessageKind
    channel: Channel
    audience: Audience
    recipient: str
    text: str
    due_at: datetime
    expires_at: datetime
    client: str | None = None
    subject: str = ""
    rule_id: int | None = None
    rule: str | None = None
    team: str | None = None
    call_id: str | None = None
    item: str | None = None
    attachment: str | None = None
    once_in_hours: int = 0
    withdraw_if_reached: bool = False
    needs_ticket: bool = False
    forced: bool = False
    bulk: bool = False
    asked_by: str = ""
    parts: int = 1

"""The desk of messages: their history, and what may still be done about one of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ari_app.core.delivery import State
from ari_app.core.messages import Audience, Channel
from ari_app.core.rights import Right, Subject
from ari_app.desk.base import Desk, NotFound, Refused, needs
from ari_app.desk.cancelling import cancel_queued
from ari_app.desk.erased import is_erased
from ari_app.desk.terms import Terms
from ari_app.storage import history, message_history
from ari_app.storage.history import JournalledCall
from ari_app.storage.message_history import Count, CursorError, Event, Message, Page, Sought
from ari_app.storage.outbox_rows import BY_ID, MessageRow, become, locked
from ari_app.storage.outbox_schema import messages

MOST_A_PAGE = 1000

RETRIED = (State.FAILED, State.UNDELIVERED)
"""Known not to have arrived. What is unknown may have, and is never sent again: fault 28 of docs/promises.md."""

_NOT_RETRIED = {
    State.QUEUED: "it waits to be sent anyway",
    State.SENDING: "it is being sent at this moment",
    State.SENT: "the gateway has it, and has not said that it failed",
    State.DELIVERED: "it has arrived",
    State.UNKNOWN: "nobody knows whether it arrived, and nobody shall get it twice; "
    "if they asked for it again, write it anew: ari-app messages send",
    State.CANCELLED: "it was cancelled for a reason; write it anew: ari-app messages send",
    State.EXPIRED: "its time is past; write it anew: ari-app messages send",
}


@dataclass(frozen=True, slots=True)
class MessageStory:
    """A message, what became of it step by step, and the call that brought it."""

    message: Message
    events: tuple[Event, ...]
    call: JournalledCall | None


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts by kind, channel and state, and what the SMS sent have cost by the configured price."""

    counts: tuple[Count, ...]
    cost: Decimal
    currency: str

    def messages(self, *states: State) -> int:
        """How many there are in these states, or in all."""
        return sum(one.messages for one in self.counts if not states or one.state in states)


@dataclass(frozen=True)
class MessageDesk(Desk):
    """The one history of all messages, those to staff and admins included."""

    terms: Terms

    @needs(Subject.MESSAGES, Right.VIEW)
    def list(self, sought: Sought, *, limit: int = 50, cursor: str | None = None) -> Page:
        """The latest messages that fit, or the page after ``cursor``. Raises Refused."""
        if not 1 <= limit <= MOST_A_PAGE:
            raise Refused(f"a page has 1 to {MOST_A_PAGE} messages")
        try:
            return message_history.page(self.connection, sought, limit=limit, cursor=cursor)
        except CursorError as error:
            raise Refused(str(error)) from None

    @needs(Subject.MESSAGES, Right.VIEW)
    def show(self, message_id: int) -> MessageStory:
        """Everything about one message. Raises NotFound."""
        message = self._one(message_id)
        call = history.call_of_id(self.connection, message.call_id) if message.call_id else None
        return MessageStory(message, message_history.events_of(self.connection, message_id), call)

    @needs(Subject.MESSAGES, Right.VIEW)
    def latest(self) -> int:
        """The id of the message that was taken in last. Raises NotFound."""
        found = message_history.latest_id(self.connection)
        if found is None:
            raise NotFound("there are no messages yet")
        return found

    @needs(Subject.MESSAGES, Right.VIEW)
    def stats(self, since: datetime | None = None, until: datetime | None = None) -> Sums:
        """How many messages were taken in between two moments, ``since`` included, and what became of them."""
        found = tuple(message_history.counts(self.connection, since, until))
        return Sums(found, self.terms.price * _parts_sent(found), self.terms.currency)

    @needs(Subject.MESSAGES, Right.EDIT)
    def cancel(self, message_id: int) -> Message:
        """Take back a message that waits to be sent.

        Raises:
            NotFound: there is none of this id.
            Refused: it waits no longer.
        """
        message = self._one(message_id)
        reason = f"cancelled by {self.actor.name}"
        if not cancel_queued(self.connection, messages.c.id == message_id, reason, self.now()):
            present = self._one(message_id)
            raise Refused(f"message {message_id} is {present.state}; only one that is queued can be cancelled")
        self._write_down(Subject.MESSAGES, "cancel", message_id, client=message.client)
        return self._one(message_id)

    @needs(Subject.MESSAGES, Right.EDIT)
    def retry(self, message_id: int) -> Message:
        """Queue a message again that is known not to have arrived; gateways take it for another one.

        Raises:
            NotFound: there is none of this id.
            Refused: it has arrived, or may have, or may yet.
        """
        self._one(message_id)
        message = locked(self.connection, BY_ID, message=message_id)
        if message is None or message.state not in RETRIED:
            state = message.state if message else State.EXPIRED
            raise Refused(f"message {message_id} is not sent again: {_NOT_RETRIED[state]}")
        if is_erased(message.client):
            raise Refused(f"message {message_id} is not sent again: its client's data were erased")
        at = self.now()
        due_at = self._due(message, at)
        again: dict[str, Any] = {
            # A gateway that passes over what it knows must not know this one, nor settle it by the old one's receipt.
            "ref": secrets.token_hex(16),
            "due_at": due_at,
            "expires_at": due_at + self.terms.deployment.expiry,
            "attempts": 0,
            **dict.fromkeys(("gateway_id", "lease", "leased_until", "sent_at", "settled_at", "ask_at")),
        }
        reason = f"to be sent again, asked for by {self.actor.name}"
        become(self.connection, message, State.QUEUED, reason, at, **again)
        self._write_down(Subject.MESSAGES, "retry", message_id, client=message.client, was=message.state)
        return self._one(message_id)

    def _due(self, message: MessageRow, at: datetime) -> datetime:
        to_client = message.audience is Audience.CLIENT and message.channel not in (Channel.TICKET, Channel.WEBHOOK)
        return self.terms.deployment.window.next_opening(at) if to_client else at

    def _one(self, message_id: int) -> Message:
        found = message_history.one(self.connection, message_id) if 0 < message_id < 2**63 else None
        if found is None:
            raise NotFound(f"there is no message {message_id}; ari-app messages list shows those there are")
        return found


def _parts_sent(counts: Iterable[Count]) -> int:
    paid = (State.SENT, State.DELIVERED, State.UNDELIVERED, State.UNKNOWN)
    return sum(one.parts for one in counts if one.channel == Channel.SMS and one.state in paid)

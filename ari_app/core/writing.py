"""Writes messages: their texts, the keys by which a doubled cause is one message, and the reason for each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from ari_app.core.deployment import Decided, Deployment
from ari_app.core.message_book import MessageType
from ari_app.core.messages import Audience, Channel, Intent, MessageKind
from ari_app.core.placeholders import Template, compose
from ari_app.core.segments import EmptyText, TextError, segments
from ari_app.core.timeline import Kind, Note, Scalar

parsed = lru_cache(maxsize=1024)(Template.parse)
"""The template of a text, read once."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What brings messages: ``key`` tells one cause from all others, ``values`` are those of the placeholders."""

    key: str
    why: str
    client: str | None
    team: str | None
    values: Mapping[str, str]
    call_id: str | None = None
    item: str | None = None
    asked_by: str = ""


@dataclass(frozen=True, slots=True)
class Addressed:
    """Which message it is, and to whom; ``text`` is ready."""

    kind: MessageKind
    channel: Channel
    audience: Audience
    recipient: str
    text: str
    subject: str = ""


@dataclass(slots=True)
class Desk:
    """Gathers what is decided about one cause, ``at`` an aware moment."""

    cause: Cause
    deployment: Deployment
    at: datetime
    intents: list[Intent] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def draft(self, message: Addressed, due_at: datetime) -> Intent:
        """The message as an intent, due at an aware moment; whoever needs more of it replaces fields before `add`."""
        cause = self.cause
        whom = "" if message.audience is Audience.CLIENT else f"/{digest(message.recipient)}"
        return Intent(
            key=f"{cause.key}/{message.kind}/{message.audience}/{message.channel}{whom}",
            kind=message.kind,
            channel=message.channel,
            audience=message.audience,
            recipient=message.recipient,
            text=message.text,
            due_at=due_at,
            expires_at=due_at + self.deployment.expiry,
            client=cause.client,
            subject=message.subject,
            team=cause.team,
            call_id=cause.call_id,
            item=cause.item,
            asked_by=cause.asked_by,
        )

    def add(self, intent: Intent) -> None:
        """Have the message sent, and say why; one that cannot go as it is, is passed over."""
        which = intent.kind, intent.channel, intent.audience
        try:
            parts = _parts(intent)
        except TextError as error:
            self.pass_over(*which, str(error))
            return
        self.intents.append(replace(intent, parts=parts))
        self._note(
            Kind.MESSAGE_QUEUED,
            *which,
            rule=intent.rule,
            why=self.cause.why,
            due=self._due(intent),
            needs_ticket=intent.needs_ticket or None,
            asked_by=self.cause.asked_by or None,
        )

    def _due(self, intent: Intent) -> str | None:
        """When it is due, by the clock of the sending window; None: at once."""
        if intent.audience is not Audience.CLIENT and intent.due_at <= self.at:
            return None
        return intent.due_at.astimezone(self.deployment.window.zone).isoformat(timespec="seconds")

    def pass_over(self, kind: MessageKind, channel: Channel, audience: Audience, why: str, **details: Scalar) -> None:
        """Say why a message is not sent."""
        self._note(Kind.NO_MESSAGE, kind, channel, audience, why=why, **details)

    def _note(self, kind: Kind, message: MessageKind, channel: Channel, audience: Audience, **details: Scalar) -> None:
        told = {name: value for name, value in details.items() if value is not None}
        self.notes.append(
            Note(kind, {"message": message.value, "channel": channel.value, "audience": audience.value, **told})
        )

    def decided(self) -> Decided:
        """All of it."""
        return Decided(tuple(self.intents), tuple(self.notes))

    def text_of(self, kind: MessageType) -> str:
        """The text of a team's message type with everything put in; empty when there is nothing to say."""
        values = self.cause.values
        return compose(
            parsed(kind.text).render(values),
            company=values.get("company") if kind.with_company else None,
            team=values.get("team") if kind.with_team else None,
            extra=parsed(kind.extra).render(values),
        )


def _parts(intent: Intent) -> int:
    """How many SMS it takes; 1 for other channels. Raises `TextError` where there is nothing to send, or too much."""
    if intent.channel is Channel.SMS:
        return segments(intent.text).parts
    if not intent.text.strip():
        raise EmptyText("nothing is left of its text")
    return 1


def digest(*words: str) -> str:
    """Words told apart from others without being told: keys outlive the erasure of a client's data."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "backslashreplace")).hexdigest()[:16]

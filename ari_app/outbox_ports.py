"""What the outbox needs of the database and of the recordings, as small Protocols, and what passes between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ari_app.core.delivery import Outcome, Report, State
from ari_app.core.messages import Audience, Channel
from ari_app.message_ports import Letter

Lane = Channel | None
"""A queue of messages: those to clients by channel, and (None) all the others."""

PACED = (Channel.SMS, Channel.EMAIL, Channel.PUSH)
"""The lanes that go at the deployment's rate; None, which is for the company's own people, and rows of ours do not."""


class StoreTrouble(Exception):
    """The database could not do what the outbox needs; the message says why. It may be tried again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A due message that a sender has in hand by ``lease``."""

    id: int
    lease: str
    channel: Channel
    audience: Audience
    created_at: datetime
    attachment: str | None = None

    @property
    def lane(self) -> Lane:
        """The queue in which it waits."""
        return self.channel if self.audience is Audience.CLIENT else None


@dataclass(frozen=True, slots=True)
class Released:
    """A message that is being sent: committed as such before the gateway hears of it."""

    held: Held
    letter: Letter
    attempts: int
    expires_at: datetime
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class NotYet:
    """The pace says: so many seconds later. Nothing was written."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Passed:
    """It is not sent now: put off, withheld, written by the database itself, or taken by another sender (empty)."""

    state: State | None = None
    reason: str = ""
    out_of_budget: bool = False


@dataclass(frozen=True, slots=True)
class Attempted:
    """A gateway was tried, and what came of it is entered; ``state`` is None if the message was no longer ours."""

    state: State | None


Attended = NotYet | Passed | Attempted


@dataclass(frozen=True, slots=True)
class InHand:
    """A message that some sender is sending. ``mark`` changes whenever that sender shows that it lives."""

    id: int
    mark: str
    channel: Channel
    gateway: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """A message that a gateway is to be asked about."""

    id: int
    gateway: str
    ref: str
    gateway_id: str
    recipient: str


class OutboxStore(Protocol):
    """The outbox's table. Every method is one transaction or less, and raises `StoreTrouble`; moments are aware.

    What names a `Held` or `Released` does nothing once its lease is another's.
    """

    def claim(self, at: datetime, room: Mapping[Lane, int]) -> Sequence[Held]:
        """Take due messages in hand, at most so many of each lane."""

    def give_back(self, held: Sequence[Held]) -> None:
        """Let go of messages that were not begun."""

    def keep(self, held: Sequence[Held], at: datetime) -> None:
        """Show that these are in a living sender's hand."""

    def postpone(self, held: Held, until: datetime, reason: str, at: datetime) -> None:
        """Put a message off that was not judged, until its expiry at most."""

    def release(self, held: Held, gateway: str, at: datetime) -> Released | NotYet | Passed:
        """Judge a message; if it may go, count it and commit that it is being sent through ``gateway``."""

    def undo(self, held: Held, at: datetime) -> None:
        """Queue a message again that `release` was to release, whether it did or not; no gateway was told."""

    def turn_to(self, released: Released, gateway: str, at: datetime) -> bool:
        """Commit that another gateway is tried; False: the message is no longer ours."""

    def settle(self, released: Released, outcome: Outcome, at: datetime, ask_at: datetime | None) -> State | None:
        """Commit what came of the sending; the state it led to, None: the message is no longer ours."""

    def in_hand(self) -> Sequence[InHand]:
        """All that is being sent, by any sender."""

    def rescue(self, found: InHand, reason: str, at: datetime, ask_at: datetime | None) -> bool:
        """Settle a message as unknown whose sender is dead; False if that sender has done something after all."""

    def to_ask(self, at: datetime, limit: int) -> Sequence[Question]:
        """Messages about which it is time to ask; each is put off to its next time, so that nobody else asks now."""

    def report(self, gateway: str, report: Report, at: datetime) -> State | None:
        """Apply what a gateway says; the state it led to, None: nothing changed."""

    def writes_itself(self, channel: Channel) -> bool:
        """Whether messages of this channel are rows of the same database, written as they are released."""


class Recordings(Protocol):
    """Where voicemail messages are kept."""

    def find(self, name: str) -> str | None:
        """The path of its mp3, else of its wav, else None."""

"""What sending messages needs of the outside, as small Protocols: gateways, and what they are told and tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ari_app.core.delivery import Outcome, Report
from ari_app.core.messages import Channel


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as a gateway takes it.

    ``ref`` is our id: 32 hexadecimal digits, the same at every attempt. ``recipient`` is E.164 for SMS, an address for
    e-mail, a subscription (JSON) for push. ``attachment`` is the path of an mp3 or wav on this machine.
    ``sender`` is the deployment's one sender name; empty: the gateway's own default.
    """

    ref: str
    channel: Channel
    recipient: str
    text: str
    subject: str = ""
    sender: str = ""
    attachment: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """An HTTP request that a gateway made to us. ``headers`` have names in small letters; ``path`` is what the provider
    called, as it signed it (scheme, host and query included)."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text that a client sent to one of our numbers, E.164 both. ``id`` is the gateway's, the same if it is pushed
    again; ``at`` is aware."""

    id: str
    sender: str
    recipient: str
    text: str
    at: datetime
    whatsapp: bool = False


class NotAuthentic(Exception):
    """A push does not carry the proof that it is the gateway's; nothing of it is to be believed."""


class Malformed(Exception):
    """A push is authentic but cannot be read; the message says what is wrong with it."""


class Gateway(Protocol):
    """One way to send. Methods are called in worker threads and may block, for at most the gateway's own time-outs;
    none raises for what a provider does wrong."""

    @property
    def name(self) -> str:
        """The gateway's name in the configuration: small letters, digits, hyphens."""

    @property
    def channel(self) -> Channel:
        """What it sends."""

    @property
    def can_ask(self) -> bool:
        """Whether `ask` finds a message by our own ``ref`` alone, so that an unclear sending can be cleared up."""

    def send(self, letter: Letter) -> Outcome:
        """Try once."""

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """Ask for the state of a message sent; None when nothing new is known (or this gateway cannot be asked).
        ``gateway_id`` is empty after an unclear sending."""

    def reports(self, push: Push) -> Sequence[Report]:
        """Read delivery receipts from what the gateway pushed. Raises `NotAuthentic`, `Malformed`."""

    def texts(self, push: Push) -> Sequence[InboundText]:
        """Read inbound texts from what the gateway pushed. Raises `NotAuthentic`, `Malformed`."""

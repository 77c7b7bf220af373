"""What all gateways have in common: what the configuration says of them, and the answers of those that stay silent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ari_app.core.delivery import Outcome, Report
from ari_app.core.messages import Channel
from ari_app.gateways.settings import GatewaySettings
from ari_app.message_ports import InboundText, Letter, Malformed, Push

TakeIn = Callable[[Sequence[Report], Sequence[InboundText]], None]
"""Keeps receipts and texts for good before it returns; raises if it cannot, and they come again."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a provider wants to hear when its push has been taken in; with anything else it pushes again."""

    content_type: str = "text/plain"
    body: str = ""


class BaseGateway(ABC):
    """A gateway that cannot be asked and pushes nothing; each kind overrides what it can do more."""

    can_ask: bool = False
    listens: bool = False
    """Whether `listen` brings anything."""
    acknowledgement = Acknowledgement()

    def __init__(self, settings: GatewaySettings, channel: Channel) -> None:
        self._named = settings
        self._channel = channel

    @property
    def name(self) -> str:
        """As in the configuration."""
        return self._named.name

    @property
    def channel(self) -> Channel:
        """What it sends."""
        return self._channel

    @property
    def rate(self) -> float:
        """Messages a second that it may be given."""
        return self._named.rate

    @property
    def price(self) -> Decimal | None:
        """Of one part, in the deployment's money; None: the deployment's own."""
        return self._named.price

    @abstractmethod
    def send(self, letter: Letter) -> Outcome:
        """Try once."""

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """Nothing: this gateway cannot be asked."""
        return None

    def reports(self, push: Push) -> Sequence[Report]:
        """Raises Malformed: this gateway pushes no receipts."""
        raise Malformed(f"{self.name} pushes no receipts over HTTP; take its address out of the provider's settings")

    def texts(self, push: Push) -> Sequence[InboundText]:
        """Raises Malformed: this gateway pushes no texts."""
        raise Malformed(f"{self.name} pushes no texts over HTTP; take its address out of the provider's settings")

    def listen(self, take: TakeIn) -> None:
        """Give ``take``, in a thread of the gateway's, what comes over a connection of its own, from now until `close`.

        Most have none, and nothing comes: their providers push over HTTP.
        """
        return

    def close(self) -> None:
        """Let go of what is held open between two letters: nothing, unless the kind says otherwise."""
        return

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def digits(number: str) -> str:
    """An E.164 number without its plus, as most providers want it."""
    return number.removeprefix("+")


def e164(number: str) -> str:
    """A number as providers write it, with its plus; short codes and names stay as they are."""
    bare = number.removeprefix("+")
    return f"+{bare}" if bare.isascii() and bare.isdigit() and 7 <= len(bare) <= 15 else number

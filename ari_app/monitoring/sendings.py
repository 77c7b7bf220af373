"""Measures gateways, by a gateway that passes each letter on to the real one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.message_ports import Gateway, InboundText, Letter, Push
from ari_app.monitoring import catalogue
from ari_app.monitoring.meters import Meters

_OUTCOMES: dict[type[Outcome], str] = {
    Accepted: "accepted",
    Refused: "refused",
    Unavailable: "unavailable",
    Unclear: "unclear",
}
BROKE = "broke"
"""The gateway's own code failed."""


class Sendings:
    """What goes through gateways, counted."""

    def __init__(self, meters: Meters) -> None:
        self.attempts = meters.counter(catalogue.SENDINGS)
        self.seconds = meters.histogram(catalogue.GATEWAY)

    def watched(self, gateway: Gateway) -> Gateway:
        """The gateway, its sendings counted from now on."""
        for outcome in (*_OUTCOMES.values(), BROKE):
            self.attempts.labels(gateway.name, outcome)
        return WatchedGateway(gateway, self._tell)

    def _tell(self, gateway: str, outcome: Outcome | None, seconds: float) -> None:
        self.attempts.labels(gateway, BROKE if outcome is None else _OUTCOMES[type(outcome)]).inc()
        self.seconds.labels(gateway).observe(seconds)


class WatchedGateway:
    """An `ari_app.message_ports.Gateway` that tells of each sending of another: name, outcome (None: it raised),
    seconds."""

    def __init__(self, gateway: Gateway, tell: Callable[[str, Outcome | None, float], None]) -> None:
        self._gateway = gateway
        self._tell = tell

    @property
    def name(self) -> str:
        """As the other's."""
        return self._gateway.name

    @property
    def channel(self) -> Channel:
        """As the other's."""
        return self._gateway.channel

    @property
    def can_ask(self) -> bool:
        """As the other's."""
        return self._gateway.can_ask

    def send(self, letter: Letter) -> Outcome:
        """Try once, and tell of it."""
        began, outcome = time.monotonic(), None
        try:
            outcome = self._gateway.send(letter)
        finally:
            self._tell(self.name, outcome, time.monotonic() - began)
        return outcome

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """As the other."""
        return self._gateway.ask(ref, gateway_id, recipient)

    def reports(self, push: Push) -> Sequence[Report]:
        """As the other."""
        return self._gateway.reports(push)

    def texts(self, push: Push) -> Sequence[InboundText]:
        """As the other."""
        return self._gateway.texts(push)

"""Measures the requests to ARI, and tells of the connection."""

from __future__ import annotations

from ari_app.ari.connection import AriConnection
from ari_app.ari.rest import Request
from ari_app.monitoring import catalogue
from ari_app.monitoring.meters import Meters

NOUNS = frozenset({"applications", "asterisk", "bridges", "channels", "events", "playbacks", "recordings"})
OTHER = "other"
WAYS = ("websocket", "http")


class AriRequests:
    """An `ari_app.ari.rest.Answered` that keeps time and counts what failed."""

    def __init__(self, meters: Meters) -> None:
        self._seconds = meters.histogram(catalogue.ARI_REQUEST)
        self._failures = meters.counter(catalogue.ARI_FAILURES)
        self._observe = {
            (noun, way): self._seconds.labels(noun, way).observe for noun in sorted(NOUNS | {OTHER}) for way in WAYS
        }
        for noun in sorted(NOUNS):
            self._failures.labels(noun, "RequestTimeout")

    def __call__(self, request: Request, way: str, seconds: float, error: BaseException | None) -> None:
        """A request was answered, refused or given up."""
        noun = request.path.partition("/")[0]
        noun = noun if noun in NOUNS else OTHER
        self._observe[noun, way](seconds)
        if error is not None:
            self._failures.labels(noun, type(error).__name__).inc()


def read_connection(meters: Meters, connection: AriConnection) -> None:
    """Let the connection's state be read at each scrape."""
    meters.read(catalogue.ARI_CONNECTED, lambda: connection.connected)
    meters.read(catalogue.ARI_REPLACED, lambda: connection.replaced)
    meters.read(catalogue.ARI_CONNECTIONS, lambda: connection.connections)
    meters.read(catalogue.ARI_ATTEMPTS_FAILED, lambda: connection.failures)

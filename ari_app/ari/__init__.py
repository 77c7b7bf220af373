"""The way to Asterisk: a thin ARI client of our own (why: docs/decisions/0001-own-ari-client.md)."""

from ari_app.ari.client import AriClient
from ari_app.ari.connection import AriConnection
from ari_app.ari.errors import (
    AriError,
    BadRequest,
    Conflict,
    Disconnected,
    Forbidden,
    NotConnected,
    NotFound,
    Refused,
    RequestTimeout,
    ServerError,
    Unauthorised,
    Unprocessable,
    WrongState,
)
from ari_app.ari.events import Event
from ari_app.ari.settings import AriSettings

__all__ = [
    "AriClient",
    "AriConnection",
    "AriError",
    "AriSettings",
    "BadRequest",
    "Conflict",
    "Disconnected",
    "Event",
    "Forbidden",
    "NotConnected",
    "NotFound",
    "Refused",
    "RequestTimeout",
    "ServerError",
    "Unauthorised",
    "Unprocessable",
    "WrongState",
]

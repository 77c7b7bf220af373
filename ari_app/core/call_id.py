"""How calls are named in the journal. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime


def named(at: datetime, what: str) -> str:
    """``20261126-175831-242f20af11``: the second (UTC) of the arrival, ten hexadecimal digits of ``what``."""
    return f"{at:%Y%m%d-%H%M%S}-{hashlib.sha256(what.encode()).hexdigest()[:10]}"


def call_id(made: datetime, application: str, channel: str) -> str:
    """The id of the call of a channel, ``made`` by Asterisk's clock (UTC), that a controller has: the same whoever
    receives or enters it, and when."""
    return named(made, f"{application}/{channel}")

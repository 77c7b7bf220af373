"""Where Asterisk's REST interface is and how patient we are with it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field

UNUSED_EVENTS: tuple[str, ...] = (
    "BridgeCreated",
    "BridgeDestroyed",
    "CallClaimed",
    "ChannelCallerId",
    "ChannelConnectedLine",
    "ChannelCreated",
    "ChannelDialplan",
    "ChannelEnteredBridge",
    "ChannelHold",
    "ChannelLeftBridge",
    "ChannelStateChange",
    "ChannelUnhold",
    "ChannelVarset",
    "PlaybackStarted",
    "RecordingStarted",
)
"""Event types that come and that the controller has no use for (names: Asterisk 22, rest-api/events.json).

The list is no longer than it must be: Asterisk tells the whole of it in its answer to every subscription.
"""


@dataclass(frozen=True, slots=True)
class AriSettings:
    """How to reach ARI; times in seconds."""

    url: str
    """Such as http://127.0.0.1:8088/ari, without a user or password in it."""
    user: str
    password: str = field(repr=False)
    app: str
    """The Stasis application that the dialplan names in StasisBroadcast() or Stasis()."""
    request_timeout: float = 2.0
    slow_after: float = 0.5
    """A REST request waiting longer than this sends those after it over HTTP."""
    stuck_after: float = 60.0
    """A REST websocket whose oldest request has waited longer than this is opened anew: that one is lost."""
    http_connections: int = 20
    """At most so many at once: Asterisk's sessionlimit is 100 by default, and is shared."""
    heartbeat: float = 3.0
    """A ping after so long a silence; half of it again without an answer and the connection counts as dead."""
    connect_timeout: float = 2.0
    backoff_first: float = 0.1
    backoff_most: float = 2.0
    unused_events: tuple[str, ...] = UNUSED_EVENTS

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")) or "@" in self.url:
            raise ValueError("the ARI url must be http://HOST:PORT/ari or https://..., with no user or password in it")
        if not self.user or not self.password:
            raise ValueError("the ARI user and password must not be empty: set both as in Asterisk's ari.conf")
        if not self.app or not self.app.replace("_", "").replace("-", "").isalnum():
            raise ValueError("the ARI application's name may have letters, digits, - and _ only, and must not be empty")

    def authorization(self) -> str:
        """The Authorization header's value (aiohttp deprecates BasicAuth); never log it."""
        return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


def own_id(app: str, what: str) -> str:
    """An id at Asterisk by which an application knows its own: no name has a colon, so none is another's beginning."""
    return f"{app}:{what}"

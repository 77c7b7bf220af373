"""What can go wrong between us and Asterisk; each error's docstring is the message it shows."""

from __future__ import annotations


class AriError(Exception):
    """Asterisk's REST interface failed."""

    def __str__(self) -> str:
        said = "; ".join(str(part) for part in self.args if part)
        message = (type(self).__doc__ or "").strip()
        return f"{message} ({said})" if said else message


class NotConnected(AriError):
    """There is no connection to Asterisk yet."""


class RequestTimeout(AriError):
    """Asterisk did not answer in time: whether it acted is unknown, so read the state again before repeating."""


class Disconnected(AriError):
    """The connection to Asterisk was lost before it answered.

    `reached` is False when the request certainly never got to Asterisk, else whether it acted is unknown.
    """

    def __init__(self, request: str, reason: str, *, reached: bool) -> None:
        super().__init__(request, reason)
        self.reached = reached

    def __str__(self) -> str:
        outcome = "whether it acted is unknown" if self.reached else "the request was never sent"
        return f"The connection to Asterisk was lost: {outcome} ({self.args[0]}; {self.args[1]})"


class Refused(AriError):
    """Asterisk refused the request."""

    def __init__(self, request: str, status: int, reason: str) -> None:
        super().__init__(request, f"{status} {reason}")
        self.request = request
        self.status = status
        self.reason = reason


class BadRequest(Refused):
    """Asterisk found a parameter missing or wrong, or a channel named in it gone (400)."""


class Unauthorised(Refused):
    """Asterisk refused the ARI user or password: make ours the same as in its ari.conf (401)."""


class Forbidden(Refused):
    """The ARI user may only read: set read_only=no for it in Asterisk's ari.conf (403)."""


class NotFound(Refused):
    """What was asked for is not, or no longer, there (404)."""


class Conflict(Refused):
    """The id is in use, or the channel is not in a state, or an application, where this is possible (409)."""


class WrongState(Refused):
    """The channel has left the state where this is possible (412)."""


class Unprocessable(Refused):
    """Asterisk cannot do this with that channel, format or source (422)."""


class ServerError(Refused):
    """Asterisk failed while doing it, or is still starting or stopping (5xx)."""


_BY_STATUS: dict[int, type[Refused]] = {
    400: BadRequest,
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: WrongState,
    422: Unprocessable,
}


def refusal(request: str, status: int, reason: str) -> Refused:
    """The error for an HTTP status of 400 and more; an unknown one is a ServerError from 500 on, else plain Refused."""
    return _BY_STATUS.get(status, ServerError if status >= 500 else Refused)(request, status, reason)

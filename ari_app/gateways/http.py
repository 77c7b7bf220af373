"""What gateways over HTTP have in common: their client, and what HTTP itself says of a message."""

from __future__ import annotations

from ari_app.core.delivery import Unavailable, Unclear
from ari_app.gateways.base import BaseGateway
from ari_app.http_client.client import Answer, HttpClient


class HttpGateway(BaseGateway):
    """A gateway with one such client."""

    _client: HttpClient

    def close(self) -> None:
        """Close this thread's connection."""
        self._client.close()


def not_taken(answer: Answer) -> Unavailable | Unclear:
    """What an answer means that the provider's own documentation does not explain: HTTP's own meaning, RFC 9110.

    A 4xx says that the request was not acted on. 429 may say when to come back; so may 503, and if it does, it speaks
    of not having begun. Any other 5xx may follow a message that was sent on already. Redirects are not followed, lest
    a provider's server send our credentials elsewhere; 303 alone tells that the request was acted on.
    """
    status = answer.status
    if status in (401, 403, 407):
        return Unavailable(f"it does not accept our credentials (HTTP {status}); correct them in the configuration")
    if status == 429 or (status == 503 and answer.retry_after is not None):
        return Unavailable(f"it asks to come back later (HTTP {status})", answer.retry_after)
    if status in (301, 302, 307, 308):
        return Unavailable(f"it redirects (HTTP {status}), which is not followed; write its final address as url:")
    if 400 <= status < 500:
        return Unavailable(f"it does not take the request (HTTP {status})")
    return Unclear(f"it answered in a way that it does not document (HTTP {status}); it may have the message")

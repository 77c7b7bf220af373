"""Who asks: bearer tokens, throttled where they fail and paced where they do not."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ari_app.core.rights import Actor
from ari_app.desk.people import actor_by_token
from ari_app.web.problems import Refusal
from ari_app.web.site import OurSite, Site

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="The token of a user, as `ari-app users token` gives it out. It is shown once and kept as its hash.",
)
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="ari-app"'}


def peer(request: Request) -> str:
    """The address of who asks; through a proxy, what the proxy says of it."""
    return request.client.host if request.client else "unknown"


def refuse_if_failing(site: Site, request: Request) -> None:
    """Whoever has failed too often lately is not even looked at. Raises Refusal (429)."""
    if seconds := site.failures.wait(peer(request)):
        raise Refusal(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"too many requests from this address had no valid proof of who asks; come back in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )


def _actor(
    request: Request, site: OurSite, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Actor:
    token = credentials.credentials if credentials else ""
    proof = hashlib.sha256(token.encode()).hexdigest()
    if not site.trusted(proof):
        refuse_if_failing(site, request)
    actor = _known(site, token) if token else None
    if actor is None:
        site.failures.take(peer(request))
        site.distrust(proof)
        raise Refusal(HTTPStatus.UNAUTHORIZED, _how_to_prove(token), headers=_CHALLENGE)
    site.trust(proof)
    request.state.user = actor.name
    if seconds := site.requests.take(actor.name):
        raise Refusal(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"this user has asked too often; go on in {seconds} s, or have ARI_APP_WEB_RATE raised",
            headers={"Retry-After": str(seconds)},
        )
    return actor


def _known(site: Site, token: str) -> Actor | None:
    """Tokens are compared as hashes, so the time it takes tells nothing of them."""
    with site.reading.begin() as connection:
        return actor_by_token(connection, token)


def _how_to_prove(token: str) -> str:
    if token:
        return "the token is nobody's; ask an admin for a new one (ari-app users token NAME)"
    return "send the header Authorization: Bearer TOKEN; an admin gives tokens out (ari-app users token NAME)"


Whoever = Annotated[Actor, Depends(_actor)]
"""Who asks, as a parameter of an endpoint."""

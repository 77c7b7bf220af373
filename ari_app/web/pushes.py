"""What gateways push: receipts of messages, and texts of clients. The gateway's own proof is asked for, no token."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from ari_app.gateways.base import BaseGateway
from ari_app.inbound import take_text
from ari_app.message_ports import Malformed, NotAuthentic, Push
from ari_app.storage.receipts import apply_report
from ari_app.web.access import peer, refuse_if_failing
from ari_app.web.problems import Refusal, documented
from ari_app.web.site import OurSite, Site

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1", tags=["gateways"])
Read = TypeVar("Read")


async def _pushed(request: Request, site: OurSite) -> Push:
    """The request as the gateway made it. Through a proxy the address it called is the proxy's, and that it signed."""
    query = f"?{request.url.query}" if request.url.query else ""
    called = site.settings.web_url or f"{request.url.scheme}://{request.url.netloc}"
    return Push(
        method=request.method,
        url=f"{called}{request.scope['raw_path'].decode('ascii', 'replace')}{query}",
        headers={name.lower(): value for name, value in request.headers.items()},
        query=dict(request.query_params),
        body=await request.body(),
    )


Pushed = Annotated[Push, Depends(_pushed)]
GatewayName = Annotated[
    str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="as in the gateways' configuration")
]
_ANSWERS = {
    200: {"description": "Taken in", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
}
_ANY_BODY = {
    "security": [],
    "requestBody": {
        "required": False,
        "description": "as the gateway documents it",
        "content": {
            "application/x-www-form-urlencoded": {"schema": {"type": "object", "additionalProperties": True}},
            "application/json": {"schema": {}},
        },
    },
}


@router.post("/receipts/{gateway}", summary="A receipt", responses=_ANSWERS, openapi_extra=_ANY_BODY)
def post_receipts(gateway: GatewayName, push: Pushed, request: Request, site: OurSite) -> Response:
    """Where a gateway pushes delivery receipts, as its provider documents them; give it this address. Each is believed
    only with the gateway's own proof (a signature, or the configured key in the address)."""
    return _receipts(gateway, push, request, site)


@router.get("/receipts/{gateway}", summary="A receipt, by GET", responses=_ANSWERS, openapi_extra={"security": []})
def get_receipts(gateway: GatewayName, push: Pushed, request: Request, site: OurSite) -> Response:
    """The same, for providers that push by GET."""
    return _receipts(gateway, push, request, site)


@router.post("/texts/{gateway}", summary="A client's text", responses=_ANSWERS, openapi_extra=_ANY_BODY)
def post_texts(gateway: GatewayName, push: Pushed, request: Request, site: OurSite) -> Response:
    """Where a gateway pushes the texts that clients send. STOP and its like, in English, Russian, Ukrainian and Polish,
    refuse all SMS from then on and cancel those that wait; START takes that back. Another text gets the team's
    message `text_out_of_hours`, if no working branch of the number's scheme holds at that moment."""
    return _texts(gateway, push, request, site)


@router.get("/texts/{gateway}", summary="A client's text, by GET", responses=_ANSWERS, openapi_extra={"security": []})
def get_texts(gateway: GatewayName, push: Pushed, request: Request, site: OurSite) -> Response:
    """The same, for providers that push by GET."""
    return _texts(gateway, push, request, site)


def _receipts(name: str, push: Push, request: Request, site: Site) -> Response:
    gateway = _gateway(name, site)
    reports = _read(gateway.reports, push, request, site)
    with site.writing.begin() as connection:
        for report in reports:
            apply_report(connection, gateway.name, report, site.now())
    return _acknowledged(gateway)


def _texts(name: str, push: Push, request: Request, site: Site) -> Response:
    gateway = _gateway(name, site)
    for text in _read(gateway.texts, push, request, site):
        take_text(site, gateway.name, text)
    return _acknowledged(gateway)


def _gateway(name: str, site: Site) -> BaseGateway:
    found = site.gateways.get(name)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "there is no gateway of this name; the gateways' configuration has them")
    return found


def _read(read: Callable[[Push], Sequence[Read]], push: Push, request: Request, site: Site) -> Sequence[Read]:
    refuse_if_failing(site, request)
    try:
        return read(push)
    except NotAuthentic as error:
        site.failures.take(peer(request))
        log.warning("a push from %s is not believed: %s", peer(request), error)
        raise Refusal(HTTPStatus.FORBIDDEN, f"this is not believed to be the gateway's: {error}") from None
    except Malformed as error:
        log.warning("a push cannot be read: %s", error)
        raise Refusal(HTTPStatus.BAD_REQUEST, f"this cannot be read: {error}") from None


def _acknowledged(gateway: BaseGateway) -> Response:
    """What the provider wants to hear; with anything else it pushes again."""
    said = gateway.acknowledgement
    return Response(said.body, media_type=said.content_type)

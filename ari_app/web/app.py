"""Puts the endpoints together, and describes them (OpenAPI)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from ari_app import __version__
from ari_app.web import calls, events, health, inbox, messages, pages, problems, pushes, reference, rules, tickets
from ari_app.web.front import Front
from ari_app.web.problems import Fault, Problem, documented
from ari_app.web.site import Site

_ABOUT = """\
Other systems tell of what happened, and of calls that the company made; gateways push receipts and clients' texts;
helpdesks keep tickets; people look messages up, write and take back. Whoever asks sends `Authorization: Bearer TOKEN`;
an admin gives tokens and rights out by `ari-app users`. Errors are RFC 9457 problems that say the mend. How it is used
is told in docs/api.md."""

_ALWAYS = documented(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_ROUTERS = (events, pushes, messages, rules, tickets, calls, health)
_PAGES = (pages, inbox, reference)


def application(site: Site) -> Front:
    """The whole interface over ``site``."""
    app = _Described(
        title="ari-app",
        version=__version__,
        description=" ".join(_ABOUT.split()),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses=_ALWAYS,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.site = site
    for part in (*_ROUTERS, *_PAGES):
        app.include_router(part.router)
    problems.install(app)
    return Front(app)


class _Described(FastAPI):
    """FastAPI, whose description has our problems among its components."""

    def openapi(self) -> dict[str, Any]:
        """The description; made once."""
        if self.openapi_schema is None:
            described = self.openapi_schema = super().openapi()
            schemas = described["components"]["schemas"]
            for model in (Problem, Fault):
                schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas[model.__name__].pop("$defs", None)
        return self.openapi_schema


def _operation_id(route: APIRoute) -> str:
    return route.name

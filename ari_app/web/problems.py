"""What the interface answers when it refuses: RFC 9457 problem details, each with the way to mend it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ari_app.core.messages import MessageKind
from ari_app.core.numbering import printable
from ari_app.core.rights import Forbidden
from ari_app.desk.base import NotFound, Refused, Unconfirmed
from ari_app.storage.refusals import MENDS, constraint_name, explain_integrity_error

log = logging.getLogger(__name__)

_KINDS = frozenset((*MessageKind, "outbound_call"))
PROBLEM_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="the field concerned, such as body.client")
    what: str = Field(description="what is wrong with it, and what to write instead")


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = Field("about:blank", description="always about:blank: the status says what kind of problem it is")
    title: str = Field(description="the status in words")
    status: int
    detail: str = Field(description="what is wrong and how to mend it")
    errors: list[Fault] = Field(default_factory=list, description="each fault of the request, where there are several")


class Refusal(Exception):
    """An endpoint refuses: the status, the mend, and headers to go with them."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = list(faults)
        self.headers = headers


def problem(
    status: HTTPStatus, detail: str, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer that tells of a problem."""
    told = Problem(title=status.phrase, status=status, detail=detail, errors=list(faults))
    return Response(told.model_dump_json(), status, headers, media_type=PROBLEM_TYPE)


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these refusals; for an endpoint's ``responses``."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {int(one): {"description": one.phrase, "content": {PROBLEM_TYPE: {"schema": schema}}} for one in statuses}


def _refused(_request: Request, error: Refusal) -> Response:
    return problem(error.status, error.detail, error.faults, error.headers)


def _forbidden(_request: Request, error: Forbidden) -> Response:
    return problem(HTTPStatus.FORBIDDEN, str(error))


def _invalid(_request: Request, error: RequestValidationError) -> Response:
    """What pydantic found wrong; the values themselves are not repeated, for they may be anything."""
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem(HTTPStatus.BAD_REQUEST, "the body is no JSON; check its quotes, commas and encoding (UTF-8)")
    faults = [Fault(where=_place(one["loc"]), what=_sentence(one)) for one in found[:20]]
    told = "; ".join(f"{fault.where}: {fault.what}" for fault in faults[:3])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, told or "the request is not as described in /docs", faults)


def _place(location: Sequence[int | str]) -> str:
    """Where in the request; the kind of event by which the body was read is no part of it."""
    parts = [str(part) for place, part in enumerate(location) if place != 1 or part not in _KINDS]
    return printable(".".join(parts), 100) or "body"


def _sentence(error: Mapping[str, Any]) -> str:
    text = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        text = "there is no such field; take it out, or check its spelling"
    return printable(" ".join(text.split()), 500)


def _desk_refused(_request: Request, error: Refused) -> Response:
    faults = [Fault(where="body", what=fault) for fault in error.faults]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(error.faults), faults if len(faults) > 1 else ())


def _not_found(_request: Request, error: NotFound) -> Response:
    return problem(HTTPStatus.NOT_FOUND, str(error))


def _unconfirmed(_request: Request, error: Unconfirmed) -> Response:
    detail = f"{error.warning}\n\n{error.question} If so, send the same again with ?confirmed=true"
    return problem(HTTPStatus.CONFLICT, detail)


def _http(_request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    mends = {
        HTTPStatus.NOT_FOUND: "there is nothing at this address; /docs lists what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take this method; /docs says which it takes",
    }
    return problem(status, mends.get(status, str(error.detail)), headers=error.headers)


def _conflict(_request: Request, error: sa.exc.DBAPIError) -> Response:
    if isinstance(error, sa.exc.IntegrityError) and constraint_name(error) in MENDS:
        return problem(HTTPStatus.CONFLICT, explain_integrity_error(error))
    log.error("the database failed a request: %s", " ".join(str(error.orig).split()))
    return unavailable()


def _database(_request: Request, error: sa.exc.SQLAlchemyError) -> Response:
    log.error("the database failed a request: %s", " ".join(str(error).split())[:500])
    return unavailable()


def unavailable() -> Response:
    """The database cannot be used just now."""
    detail = "the database cannot be used just now; send the same request again, with the same Idempotency-Key or id"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "5"})


def _failed(request: Request, _error: Exception) -> Response:
    """A fault of ours. What it was is for the log alone."""
    detail = f"something is wrong here, not with your request; the log has it under request {request.state.request}"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)


_ANSWERS: Mapping[type[Exception], Callable[[Request, Any], Response]] = {
    Refusal: _refused,
    Forbidden: _forbidden,
    Refused: _desk_refused,
    NotFound: _not_found,
    Unconfirmed: _unconfirmed,
    RequestValidationError: _invalid,
    HTTPException: _http,
    sa.exc.DBAPIError: _conflict,
    sa.exc.SQLAlchemyError: _database,
    Exception: _failed,
}


def install(app: FastAPI) -> None:
    """Make the application answer by these."""
    for error, answer in _ANSWERS.items():
        app.add_exception_handler(error, answer)

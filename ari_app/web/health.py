"""Whether the interface can do its work, for whoever watches it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from ari_app import __version__
from ari_app.web.problems import documented, unavailable
from ari_app.web.site import OurSite

router = APIRouter(prefix="/v1", tags=["health"])


class Health(BaseModel):
    """All is well; if it were not, the answer would be 503."""

    status: Literal["ok"] = "ok"
    version: str = Field(__version__)


@router.get(
    "/health",
    summary="Is it well?",
    response_model=Health,
    responses=documented(HTTPStatus.SERVICE_UNAVAILABLE),
    openapi_extra={"security": []},
)
def get_health(site: OurSite) -> Response | Health:
    """200 if the database can be read, else 503. Asks for no token, and tells nothing of anybody."""
    try:
        with site.engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        return unavailable()
    return Health()

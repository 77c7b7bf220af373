"""Apology rules over HTTP; the desk asks for the rights and says what is wrong."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from ari_app.core.rights import Actor
from ari_app.desk.rules import Rule, RuleDesk, RuleDraft, RuleEdit, Saved
from ari_app.web.access import Whoever
from ari_app.web.problems import documented
from ari_app.web.site import OurSite, Site
from ari_app.web.wire import Name, ShortLine, Strict, Text, Written

router = APIRouter(prefix="/v1/rules", tags=["rules"])

RuleName = Annotated[str, Path(min_length=1, max_length=200, description="the rule's name")]
Numbers = Annotated[list[Written], Field(max_length=1000)]
Confirmed = Annotated[bool, Query(description="yes, though it warns; without it a warning is 409 and nothing is done")]


class NewRule(Strict):
    """A rule as it is wanted."""

    name: Name
    numbers: Numbers = Field(description="the dialled numbers that it is for, of the company's own")
    text: Text = Field(description="what the caller is sent; {placeholders} as in docs/messages.md")
    delay_seconds: int = Field(60, ge=0, le=86_400)
    once_in_hours: int = Field(24, ge=0, le=8760, description="a caller gets one in so many hours; 0: no limit")
    team: Name | None = None
    enabled: bool = True


class RuleChange(Strict):
    """What becomes different of a rule; what is left out stays."""

    name: Name | None = None
    numbers: Numbers | None = None
    text: Text | None = None
    delay_seconds: int | None = Field(None, ge=0, le=86_400)
    once_in_hours: int | None = Field(None, ge=0, le=8760)
    team: ShortLine | None = Field(None, description='"" makes it everybody\'s')
    enabled: bool | None = None


class OneRule(BaseModel):
    """A rule as it is."""

    id: int
    name: str
    numbers: list[str]
    text: str
    delay_seconds: int
    once_in_hours: int
    team: str | None
    enabled: bool
    warnings: list[str] = Field(default_factory=list, description="what is doubtful about it")


def _desk(connection: sa.Connection, actor: Actor, site: Site) -> RuleDesk:
    return RuleDesk(connection, actor, site.terms, now=site.now)


def _shown(rule: Rule, warnings: tuple[str, ...] = ()) -> OneRule:
    of_rule = {name: getattr(rule, name) for name in OneRule.model_fields if name != "warnings"}
    return OneRule.model_validate({**of_rule, "numbers": list(rule.numbers), "warnings": list(warnings)})


@router.get("", summary="Find rules", responses=documented(HTTPStatus.FORBIDDEN))
def get_rules(
    site: OurSite,
    actor: Whoever,
    search: Annotated[str, Query(max_length=200, description="words of the name, or a part of a dialled number")] = "",
) -> list[OneRule]:
    """The rules by name, all or those searched for. Right: `rules view`."""
    with site.reading.begin() as connection:
        return [_shown(rule) for rule in _desk(connection, actor, site).list(search)]


@router.get("/{name:path}", summary="One rule", responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
def get_rule(name: RuleName, site: OurSite, actor: Whoever) -> OneRule:
    """Right: `rules view`."""
    with site.reading.begin() as connection:
        return _shown(_desk(connection, actor, site).show(name))


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Make a rule",
    responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT),
)
def post_rule(rule: NewRule, site: OurSite, actor: Whoever, confirmed: Confirmed = False) -> OneRule:
    """A text that takes several SMS is saved only once `confirmed`: the warning says how many and at what cost. Right:
    `rules create`."""
    draft = RuleDraft(**{**rule.model_dump(), "numbers": tuple(rule.numbers)})
    with site.writing.begin() as connection:
        saved = _desk(connection, actor, site).create(draft, confirmed=confirmed)
    return _shown(saved.rule, saved.warnings)


@router.patch(
    "/{name:path}",
    summary="Change a rule, or switch it",
    responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def patch_rule(
    name: RuleName, change: RuleChange, site: OurSite, actor: Whoever, confirmed: Confirmed = False
) -> OneRule:
    """What is left out stays as it is. Right: `rules edit`."""
    given = change.model_dump(exclude={"enabled"}, exclude_none=True)
    if change.numbers is not None:
        given["numbers"] = tuple(change.numbers)
    with site.writing.begin() as connection:
        desk = _desk(connection, actor, site)
        saved = desk.edit(name, RuleEdit(**given), confirmed=confirmed) if given else None
        if change.enabled is not None:
            saved = Saved(desk.switch(change.name or name, change.enabled), saved.warnings if saved else ())
        return _shown(saved.rule, saved.warnings) if saved else _shown(desk.show(name))


@router.delete(
    "/{name:path}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Delete a rule",
    responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def delete_rule(name: RuleName, site: OurSite, actor: Whoever, confirmed: Confirmed = False) -> Response:
    """Without `confirmed` nothing is done, and the warning says what would be lost. Right: `rules delete`."""
    with site.writing.begin() as connection:
        _desk(connection, actor, site).delete(name, confirmed=confirmed)
    return Response(status_code=HTTPStatus.NO_CONTENT)

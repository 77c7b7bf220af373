"""Pipedrive: REST API v2, and v1 for what v2 does not have (leads, users).

https://developers.pipedrive.com/docs/api/v1/Persons#searchPersons, .../Deals#getDeals, .../Leads#getLeads,
.../Users#getUser; https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting (429, x-ratelimit-reset: seconds),
https://pipedrive.readme.io/docs/marketplace-oauth-authorization (token renewal, by Basic).

Open: a deal of status open, a lead that is not archived, any person. A lead or deal is found by its person. Persons
come without their age, so the highest id is taken to be the newest. That the search finds a number however it is
punctuated is not documented; it does say that a part of the kept value is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from ari_app.crm.base import Manager
from ari_app.crm.http import Asking, Fixed, HttpCrm
from ari_app.crm.oauth import OAuthSettings
from ari_app.crm.phones import national
from ari_app.crm.shapes import Row, at, email, ident, key, needed, newest, number, rows, text, values
from ari_app.http_client.client import Answer
from ari_app.http_client.settings import Secret

MOST_PERSONS = 3
"""With one number; of more, the newest ones' leads and deals are looked at."""


class PipedriveSettings(OAuthSettings):
    """``url`` is of the company: https://COMPANY.pipedrive.com. Either ``api_token`` (personal, from the account's
    settings), or the application's id, secret and refresh token (scopes contacts:read, deals:read, leads:read,
    users:read)."""

    kind: Literal["pipedrive"]
    known: ClassVar[tuple[str, ...]] = ("lead", "deal", "contact")
    instead: ClassVar[str] = "api_token"
    renewed_at: ClassVar[str] = "https://oauth.pipedrive.com/oauth/token"
    api_token: Secret | None = None

    def build(self) -> Pipedrive:
        """The CRM."""
        return Pipedrive(self)


class Pipedrive(HttpCrm):
    """Finds persons by phone, then their leads and deals."""

    def __init__(self, settings: PipedriveSettings) -> None:
        token = settings.api_token
        credentials = (
            Fixed({"x-api-token": token.get_secret_value()}) if token is not None else settings.tokens(style="basic")
        )
        super().__init__(settings, credentials)

    def _limit(self, answer: Answer) -> float | None:
        seconds = super()._limit(answer)
        reset = answer.headers.get("x-ratelimit-reset", "")
        told = answer.retry_after is None and reset.isascii() and reset.isdigit()
        return float(reset[:9]) if seconds is not None and told else seconds

    def _complaint(self, answer: Answer) -> str:
        return text(answer.object(), "error") if answer.status != 200 else ""

    def _find(self, ask: Asking, entity: str, phone: str) -> Manager | None:
        persons = self._persons(ask, phone)
        owners = {
            "contact": lambda: [ident(one, "owner", "id") for one in persons],
            "deal": lambda: [ident(one, "owner_id") for one in self._deals(ask, persons)],
            "lead": lambda: [ident(one, "owner_id") for one in self._leads(ask, persons)],
        }[entity]()
        owner = next((one for one in owners if one), None)
        return self._user(ask, owner) if owner else None

    def _persons(self, ask: Asking, phone: str) -> Sequence[Row]:
        """Those with this number, newest first."""
        query = {"term": national(phone), "fields": "phone", "limit": "100"}
        found: list[Row] = []
        for _ in ask.pages():
            page = ask.get("/api/v2/persons/search", query)
            persons = [needed(one, "item") for one in rows(page, "data", "items")]
            found += [one for one in persons if any(self._is(kept, phone) for kept in values(one, "phones"))]
            cursor = text(page, "additional_data", "next_cursor", longest=1000)
            if not cursor:
                break
            query["cursor"] = cursor
        return sorted(found, key=lambda one: number(one, "id") or 0, reverse=True)

    def _deals(self, ask: Asking, persons: Sequence[Row]) -> Sequence[Row]:
        query = {"status": "open", "sort_by": "add_time", "sort_direction": "desc", "limit": "10"}
        found = [
            deal
            for person in persons[:MOST_PERSONS]
            for deal in rows(ask.get("/api/v2/deals", {"person_id": key(person, "id"), **query}), "data")
            if text(deal, "status") == "open"
        ]
        return newest(found, "add_time")

    def _leads(self, ask: Asking, persons: Sequence[Row]) -> Sequence[Row]:
        query = {"sort": "add_time DESC", "limit": "10"}
        found = [
            lead
            for person in persons[:MOST_PERSONS]
            for lead in rows(ask.get("/api/v1/leads", {"person_id": key(person, "id"), **query}), "data")
            if at(lead, "is_archived") is not True
        ]
        return newest(found, "add_time")

    def _ask_user(self, ask: Asking, user: str) -> Manager:
        found = ask.get(f"/api/v1/users/{user}")
        return Manager(user, text(found, "data", "name"), email(found, "data", "email"))

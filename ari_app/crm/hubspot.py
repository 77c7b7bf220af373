"""HubSpot: CRM API v3, with a private app's token.

https://developers.hubspot.com/docs/guides/api/crm/search (filter groups, of which one must fit; sorting; paging by
``after``), .../guides/api/crm/owners, .../guides/api/crm/pipelines (ticketState),
https://developers.hubspot.com/docs/guides/apps/api-usage/usage-details (429 with policyName; searches have a limit of
a few a second and no headers that tell it; others tell X-HubSpot-RateLimit-Interval-Milliseconds).

Telephone numbers are searched in ``hs_searchable_calculated_phone_number`` and its sister for mobiles, which hold the
digits without country code, and literally. Open: a deal whose ``hs_is_closed`` is not true, a ticket in a stage whose
ticketState is OPEN, any contact and company. Leads of the Sales Hub are not searched: which of their stages are open is
not documented. Newly made records can be found after some seconds only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, Literal

from ari_app.crm.base import Manager
from ari_app.crm.http import Asking, Fixed, HttpCrm
from ari_app.crm.http_settings import HttpCrmSettings
from ari_app.crm.oauth import bearer
from ari_app.crm.phones import national
from ari_app.crm.shapes import Row, email, ident, key, rows, text
from ari_app.http_client.client import Answer
from ari_app.http_client.settings import Secret

MOST_CONTACTS = 5
"""With one number; a search may have so many filter groups."""
STAGES_SECONDS = 600.0
DAILY = "DAILY"
"""The policy whose limit lasts until midnight; what is left of the day is not told."""
DAILY_SECONDS = 600.0
_PHONES = {"contact": ("phone", "mobilephone"), "company": ("phone",)}
_CALCULATED = {"contact": ("phone_number", "mobile_number"), "company": ("phone_number",)}
_OBJECTS = {"contact": "contacts", "company": "companies", "deal": "deals", "ticket": "tickets"}


class HubSpotSettings(HttpCrmSettings):
    """A private app's ``token``, with the scopes crm.objects.contacts.read, crm.objects.companies.read,
    crm.objects.deals.read, crm.objects.owners.read and tickets."""

    kind: Literal["hubspot"]
    known: ClassVar[tuple[str, ...]] = ("ticket", "deal", "contact", "company")
    default_url: ClassVar[str] = "https://api.hubapi.com"
    token: Secret

    def build(self) -> HubSpot:
        """The CRM."""
        return HubSpot(self)


class HubSpot(HttpCrm):
    """Finds contacts and companies by phone, then the contacts' deals and tickets."""

    def __init__(self, settings: HubSpotSettings) -> None:
        super().__init__(settings, Fixed(bearer(settings.token)))
        self._open: tuple[float, frozenset[str]] = (0.0, frozenset())

    def _limit(self, answer: Answer) -> float | None:
        seconds = super()._limit(answer)
        if seconds is None or answer.retry_after is not None:
            return seconds
        if text(answer.object(), "policyName") == DAILY:
            return DAILY_SECONDS
        interval = answer.headers.get("x-hubspot-ratelimit-interval-milliseconds", "")
        return int(interval[:9]) / 1000 if interval.isascii() and interval.isdigit() else 1.0

    def _complaint(self, answer: Answer) -> str:
        return text(answer.object(), "message") if answer.status != 200 else ""

    def _find(self, ask: Asking, entity: str, phone: str) -> Manager | None:
        if entity in _PHONES:
            found = self._with_phone(ask, entity, phone)
        else:
            contacts = [key(one, "id") for one in islice(self._with_phone(ask, "contact", phone), MOST_CONTACTS)]
            found = self._of(ask, entity, contacts) if contacts else iter(())
        owner = next((owner for one in found if (owner := ident(one, "properties", "hubspot_owner_id"))), None)
        return self._user(ask, owner) if owner else None

    def _with_phone(self, ask: Asking, entity: str, phone: str) -> Iterator[Row]:
        """Contacts or companies with this number, newest first."""
        names, digits = _PHONES[entity], f"*{national(phone)}"
        loosely = [
            {"propertyName": f"hs_searchable_calculated_{name}", "operator": "CONTAINS_TOKEN", "value": digits}
            for name in _CALCULATED[entity]
        ]
        literally = [{"propertyName": name, "operator": "EQ", "value": phone} for name in names]
        for one in self._search(ask, entity, [{"filters": [part]} for part in (*loosely, *literally)], names):
            if any(self._is(text(one, "properties", name), phone) for name in names):
                yield one

    def _of(self, ask: Asking, entity: str, contacts: Sequence[str]) -> Iterator[Row]:
        """Open deals or tickets of any of the contacts, newest first."""
        of_them: list[Row] = [
            {"propertyName": "associations.contact", "operator": "EQ", "value": one} for one in contacts
        ]
        if entity == "deal":
            still_open: Row = {"propertyName": "hs_is_closed", "operator": "EQ", "value": "false"}
            groups = [{"filters": [one, still_open]} for one in of_them]
            for deal in self._search(ask, entity, groups, ["hs_is_closed"]):
                if text(deal, "properties", "hs_is_closed") != "true":
                    yield deal
            return
        stages = self._open_stages(ask)
        for ticket in self._search(ask, entity, [{"filters": [one]} for one in of_them], ["hs_pipeline_stage"]):
            if text(ticket, "properties", "hs_pipeline_stage") in stages:
                yield ticket

    def _search(self, ask: Asking, entity: str, groups: Sequence[Any], names: Sequence[str]) -> Iterator[Row]:
        body: dict[str, Any] = {
            "filterGroups": groups,
            "properties": ["hubspot_owner_id", "createdate", *names],
            "sorts": [{"propertyName": "createdate", "direction": "DESCENDING"}],
            "limit": 100,
        }
        for _ in ask.pages():
            page = ask.post(f"/crm/v3/objects/{_OBJECTS[entity]}/search", body)
            yield from rows(page, "results")
            after = text(page, "paging", "next", "after")
            if not after:
                return
            body["after"] = after

    def _open_stages(self, ask: Asking) -> frozenset[str]:
        """The stages of tickets that count as open; they seldom change."""
        told, stages = self._open
        if not stages or time.monotonic() - told > STAGES_SECONDS:
            stages = frozenset(
                text(stage, "id")
                for pipeline in rows(ask.get("/crm/v3/pipelines/tickets"), "results")
                for stage in rows(pipeline, "stages")
                if text(stage, "metadata", "ticketState").upper() == "OPEN"
            )
            self._open = (time.monotonic(), stages)
        return stages

    def _ask_user(self, ask: Asking, user: str) -> Manager:
        found = ask.get(f"/crm/v3/owners/{user}")
        name = f"{text(found, 'firstName')} {text(found, 'lastName')}".strip()
        return Manager(user, name, email(found, "email"))

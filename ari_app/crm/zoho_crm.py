"""Zoho CRM: REST API v8.

https://www.zoho.com/crm/developer/docs/api/v8/search-records.html (``phone`` looks into every telephone field; 204 says
that nothing was found; leads that were converted are left out), .../get-related-records.html (a contact's deals),
.../api-limits.html (429 TOO_MANY_REQUESTS), .../status-codes.html (401 INVALID_TOKEN, 401 OAUTH_SCOPE_MISMATCH).

Open: a lead that is not converted, a deal in none of the stages that close it (those that Zoho ships, unless configured
otherwise); any contact and account. A deal is found by its contact. That ``phone`` finds a number however it is written
is not documented, so it is searched as it is kept most often: with its country code, as it is dialled, without either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ari_app.crm.base import Manager
from ari_app.crm.http import Asking, HttpCrm
from ari_app.crm.phones import forms
from ari_app.crm.shapes import Row, at, email, ident, key, newest, rows, text
from ari_app.crm.zoho import SCHEME, SCOPES, ZohoSettings
from ari_app.http_client.client import Answer

MOST_CONTACTS = 3
"""With one number; of more, the newest ones' deals are looked at."""
_MODULES = {
    "lead": ("Leads", ("Phone", "Mobile")),
    "contact": ("Contacts", ("Phone", "Mobile", "Home_Phone", "Other_Phone")),
    "company": ("Accounts", ("Phone",)),
}


class ZohoCrmSettings(ZohoSettings):
    """An application with the scopes ZohoCRM.modules.leads.READ, .contacts.READ, .accounts.READ, .deals.READ and
    ZohoSearch.securesearch.READ. ``closed_stages`` are the stages of deals that are over."""

    kind: Literal["zoho_crm"]
    known: ClassVar[tuple[str, ...]] = ("lead", "deal", "contact", "company")
    default_url: ClassVar[str] = "https://www.zohoapis.com"
    closed_stages: frozenset[str] = Field(
        frozenset({"Closed Won", "Closed Lost", "Closed-Lost to Competition"}), max_length=50
    )

    def build(self) -> ZohoCrm:
        """The CRM."""
        return ZohoCrm(self)


class ZohoCrm(HttpCrm):
    """Finds leads, contacts and accounts by phone, then the contacts' deals."""

    def __init__(self, settings: ZohoCrmSettings) -> None:
        super().__init__(settings, settings.tokens(SCHEME))
        self._closed_stages = settings.closed_stages

    def _expired(self, answer: Answer) -> bool:
        return super()._expired(answer) and not self._forbids(answer)

    def _forbids(self, answer: Answer) -> bool:
        return super()._forbids(answer) or text(answer.object(), "code") in SCOPES

    def _complaint(self, answer: Answer) -> str:
        found = answer.object()
        return f"{text(found, 'code')} {text(found, 'message')}".strip() if answer.status >= 400 else ""

    def _find(self, ask: Asking, entity: str, phone: str) -> Manager | None:
        if entity == "deal":
            contacts = [key(one, "id") for one in self._with_phone(ask, "contact", phone)][:MOST_CONTACTS]
            found = newest([deal for one in contacts for deal in self._deals(ask, one)], "Created_Time")
        else:
            found = self._with_phone(ask, entity, phone)
        return next((owner for one in found if (owner := _owner(one))), None)

    def _with_phone(self, ask: Asking, entity: str, phone: str) -> Sequence[Row]:
        """Records with this number, newest first."""
        module, names = _MODULES[entity]
        for form in forms(phone, self._common.region):
            query = {"phone": form, "fields": ",".join(("Owner", "Created_Time", *names))}
            if found := [
                one
                for one in self._pages(ask, f"/crm/v8/{module}/search", query)
                if any(self._is(text(one, name), phone) for name in names) and at(one, "$converted") is not True
            ]:
                return newest(found, "Created_Time")
        return ()

    def _deals(self, ask: Asking, contact: str) -> Iterator[Row]:
        query = {"fields": "Owner,Stage,Created_Time", "sort_by": "Created_Time", "sort_order": "desc"}
        for one in self._pages(ask, f"/crm/v8/Contacts/{contact}/Deals", query):
            if text(one, "Stage") not in self._closed_stages:
                yield one

    def _pages(self, ask: Asking, path: str, query: dict[str, str]) -> Iterator[Row]:
        for page_number in ask.pages():
            page = ask.get(path, {**query, "per_page": "200", "page": str(page_number + 1)})
            yield from rows(page, "data")
            if at(page, "info", "more_records") is not True:
                return


def _owner(one: Row) -> Manager | None:
    """Records name their owner whole."""
    user = ident(one, "Owner", "id")
    return Manager(user, text(one, "Owner", "name"), email(one, "Owner", "email")) if user else None

"""Zoho Desk: REST API v1.

https://desk.zoho.com/DeskAPIDocument#Search_SearchContacts (``_all`` looks into every field), #Search_SearchTickets
(``contactId`` takes several, sorted by ``-createdTime``; 204 says that nothing was found; ``from`` counts from 0),
#Agents_Getagent, #APIThrottling (429, Retry-After); https://github.com/zoho/zohodesk-oas (Search.json, Agent.json).
Every request names the organisation in ``orgId``.

Open: a ticket whose statusType is not Closed; any contact. A ticket is found by its contact; responsible is the agent
that it is assigned to. The search finds whole words, so a number is searched as it is kept most often: with its country
code, as it is dialled, without either; one that is kept with spaces or brackets in it may not be found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ari_app.crm.base import Manager
from ari_app.crm.http import Asking, HttpCrm
from ari_app.crm.phones import forms
from ari_app.crm.shapes import Row, email, ident, key, newest, rows, text
from ari_app.crm.zoho import SCHEME, SCOPES, ZohoSettings
from ari_app.http_client.client import Answer

MOST_CONTACTS = 20
"""With one number; of more, the newest ones' tickets are looked at."""
PAGE = 50


class ZohoDeskSettings(ZohoSettings):
    """An application with the scopes Desk.search.READ, Desk.contacts.READ, Desk.tickets.READ and Desk.agents.READ,
    and the organisation's id."""

    kind: Literal["zoho_desk"]
    known: ClassVar[tuple[str, ...]] = ("ticket", "contact")
    default_url: ClassVar[str] = "https://desk.zoho.com"
    org_id: int = Field(gt=0)

    def build(self) -> ZohoDesk:
        """The CRM."""
        return ZohoDesk(self)


class ZohoDesk(HttpCrm):
    """Finds contacts by phone, then their tickets."""

    def __init__(self, settings: ZohoDeskSettings) -> None:
        super().__init__(settings, settings.tokens(SCHEME))
        self._always = {"orgId": str(settings.org_id)}

    def _expired(self, answer: Answer) -> bool:
        return super()._expired(answer) and not self._forbids(answer)

    def _forbids(self, answer: Answer) -> bool:
        return super()._forbids(answer) or text(answer.object(), "errorCode") in SCOPES

    def _complaint(self, answer: Answer) -> str:
        found = answer.object()
        return f"{text(found, 'errorCode')} {text(found, 'message')}".strip() if answer.status >= 400 else ""

    def _find(self, ask: Asking, entity: str, phone: str) -> Manager | None:
        contacts = self._contacts(ask, phone)
        if entity == "contact":
            owners = (ident(one, "ownerId") for one in contacts)
        else:
            found = [key(one, "id") for one in contacts[:MOST_CONTACTS]]
            owners = (ident(one, "assigneeId") for one in (self._tickets(ask, found) if found else ()))
        owner = next((one for one in owners if one), None)
        return self._user(ask, owner) if owner else None

    def _contacts(self, ask: Asking, phone: str) -> Sequence[Row]:
        """Those with this number, newest first."""
        for form in forms(phone, self._common.region):
            if found := [
                one
                for one in self._pages(ask, "/api/v1/contacts/search", {"_all": form})
                if any(self._is(text(one, name), phone) for name in ("phone", "mobile"))
            ]:
                return newest(found, "createdTime")
        return ()

    def _tickets(self, ask: Asking, contacts: Sequence[str]) -> Iterator[Row]:
        """Those of any of the contacts that are open, newest first."""
        query = {"contactId": ",".join(contacts), "sortBy": "-createdTime"}
        for one in self._pages(ask, "/api/v1/tickets/search", query):
            if (text(one, "statusType") or text(one, "status")) != "Closed":
                yield one

    def _pages(self, ask: Asking, path: str, query: dict[str, str]) -> Iterator[Row]:
        """Desk does not say whether there is more: a page that is full may be followed by another."""
        for page_number in ask.pages():
            page = ask.get(path, {**query, "from": str(page_number * PAGE), "limit": str(PAGE)})
            found = rows(page, "data")
            yield from found
            if len(found) < PAGE:
                return

    def _ask_user(self, ask: Asking, user: str) -> Manager:
        found = ask.get(f"/api/v1/agents/{user}")
        name = text(found, "name") or f"{text(found, 'firstName')} {text(found, 'lastName')}".strip()
        return Manager(user, name, email(found, "emailId"))

"""Zoho CRM, as https://www.zoho.com/crm/developer/docs/api/v8 documents it."""

from __future__ import annotations

from typing import Any

from ari_app.crm.zoho_crm import ZohoCrmSettings
from tests.crm.vendors.base import CLIENT_SECRET, REFRESHING, Driver, Fake, Record, when
from tests.gateways.providers import Act, Received, Reply

_MODULES = {"Leads": "lead", "Contacts": "contact", "Accounts": "company"}


class FakeZohoCrm(Fake):
    expired = Reply(401, {"code": "INVALID_TOKEN", "details": {}, "message": "invalid oauth token", "status": "error"})
    refused = Reply(200, {"error": "invalid_code"})

    def admits(self, received: Received) -> bool:
        return received.headers.get("authorization") == f"Zoho-oauthtoken {self.token}"

    def renewed(self, received: Received) -> Act:
        """The refresh token lasts, and is in no answer but the first."""
        form = received.form
        ours = form.get("client_id") == "our-app" and form.get("client_secret") == CLIENT_SECRET
        if not ours or form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh:
            return self.refused
        self.token = f"1000.{len(self.renewals):032x}"
        return Reply(200, self.tokens())

    def tokens(self) -> dict[str, Any]:
        domain = {"api_domain": "https://www.zohoapis.com", "scope": "ZohoCRM.modules.ALL", "token_type": "Bearer"}
        return {"access_token": self.token, "expires_in": 3600, **domain}

    def answer(self, received: Received) -> Act:
        query = received.query
        if not query.get("fields") or int(query["per_page"]) > 200:
            return Reply(400, {"code": "REQUIRED_PARAM_MISSING", "message": "fields", "status": "error"})
        match received.path.strip("/").split("/"):
            case ["crm", "v8", module, "search"] if module in _MODULES:
                entity = _MODULES[module]
                found = [one for one in self.alike(entity, query["phone"]) if one.open]
                return self._page(received, [self._row(one) for one in found])
            case ["crm", "v8", "Contacts", contact, "Deals"]:
                found = [one for one in self.of_kind("deal") if int(contact) in one.of]
                return self._page(received, [self._row(one) for one in found])
        return self.nowhere(received)

    def _page(self, received: Received, found: list[dict[str, Any]]) -> Reply:
        number = int(received.query["page"])
        part = found[(number - 1) * self.page : number * self.page]
        info = {
            "per_page": self.page,
            "count": len(part),
            "page": number,
            "more_records": number * self.page < len(found),
        }
        return Reply(200, {"data": part, "info": info}) if part else Reply(204)

    def _row(self, one: Record) -> dict[str, Any]:
        user = self.users.get(one.owner)
        owner = {"name": user.name, "id": str(user.id), "email": user.email} if user else None
        stage = {"Stage": "Qualification" if one.open else "Closed Won"} if one.entity == "deal" else {}
        phones = {"Phone": one.phones[0]} if one.phones else {}
        return {"id": str(one.id), "Owner": owner, "Created_Time": when(one).replace("Z", "+00:00"), **stage, **phones}


ZOHO_CRM = Driver(
    "zoho-crm",
    FakeZohoCrm,
    ZohoCrmSettings,
    REFRESHING,
    phoned=("contact", "lead", "company"),
    closes=("lead", "deal"),
    forbidden=Reply(401, {"code": "OAUTH_SCOPE_MISMATCH", "message": "invalid oauth scope", "status": "error"}),
    limited=(
        (Reply(429, {"code": "TOO_MANY_REQUESTS", "message": "Too many requests fired", "status": "error"}), 10.0),
        (Reply(429, {"code": "TOO_MANY_REQUESTS"}, {"Retry-After": "7"}), 7.0),
    ),
    renews=True,
    names_owners=True,
)

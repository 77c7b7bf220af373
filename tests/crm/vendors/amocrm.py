"""amoCRM, as https://www.amocrm.ru/developers/content/crm_platform documents it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ari_app.crm.amocrm import AmoCrmSettings
from tests.crm.vendors.base import CLIENT_SECRET, REFRESHING, SECRET, Driver, Fake, Record
from tests.gateways.providers import Act, Received, Reply


class FakeAmoCrm(Fake):
    expired = Reply(401, {"title": "Unauthorized", "type": "https://httpstatus.es/401", "status": 401, "detail": "No"})
    refused = Reply(400, {"hint": "Token has been revoked", "title": "Некорректный запрос", "status": 400})

    def admits(self, received: Received) -> bool:
        return received.headers.get("authorization") == f"Bearer {self.token}"

    def grant(self, received: Received) -> Mapping[str, Any]:
        given: dict[str, Any] = received.json
        ours = given["client_id"] == "our-app" and given["client_secret"] == CLIENT_SECRET
        return given if ours and given["redirect_uri"] == "https://calls.example.com/amocrm" else {}

    def answer(self, received: Received) -> Act:
        query = received.query
        match received.path.strip("/").split("/"):
            case ["api", "v4", "contacts" | "companies" as plural] if query.get("order[id]") == "desc":
                entity = {"contacts": "contact", "companies": "company"}[plural]
                found = sorted(self.alike(entity, query["query"]), key=lambda one: one.id, reverse=True)
                return self._page(received, plural, [self._contact(one) for one in found])
            case ["api", "v4", "leads"]:
                wanted = {value for name, value in query.items() if name.startswith("filter[id]")}
                found = [one for one in self.of_kind("lead") if str(one.id) in wanted]
                return self._page(received, "leads", [self._lead(one) for one in found])
            case ["api", "v4", "users", user] if int(user) in self.users:
                one = self.users[int(user)]
                return Reply(200, {"id": one.id, "name": one.name, "email": one.email, "lang": "ru"})
        return self.nowhere(received)

    def _page(self, received: Received, plural: str, found: list[dict[str, Any]]) -> Reply:
        number, limit = int(received.query["page"]), min(self.page, int(received.query["limit"]))
        part = found[(number - 1) * limit : number * limit]
        links = {"self": {"href": "https://x"}} | (
            {"next": {"href": "https://x"}} if number * limit < len(found) else {}
        )
        if not part:
            return Reply(204)
        return Reply(200, {"_page": number, "_links": links, "_embedded": {plural: part}})

    def _contact(self, one: Record) -> dict[str, Any]:
        values = [{"value": phone, "enum_id": 1, "enum_code": "WORK"} for phone in one.phones]
        leads = [{"id": lead.id} for lead in self.of_kind("lead") if one.id in lead.of]
        return {
            "id": one.id,
            "responsible_user_id": one.owner,
            "created_at": 1709280000 + one.day,
            "custom_fields_values": [{"field_id": 3, "field_code": "PHONE", "values": values}] if values else None,
            "_embedded": {"leads": leads, "tags": []},
        }

    def _lead(self, one: Record) -> dict[str, Any]:
        return {
            "id": one.id,
            "responsible_user_id": one.owner,
            "status_id": 39990 if one.open else 143,
            "pipeline_id": 5,
            "created_at": 1709280000 + one.day,
            "is_deleted": False,
        }


LIMITED = (
    (Reply(429, {"title": "Too Many Requests", "status": 429, "detail": ""}), 10.0),
    (Reply(403, b"<html><center>403 Forbidden</center></html>"), 300.0),
    (Reply(429, {}, {"Retry-After": "7"}), 7.0),
)
FORBIDDEN = Reply(403, {"title": "Forbidden", "type": "https://httpstatus.es/403", "status": 403, "detail": ""})
PHONED = ("contact", "company")
TOKEN = Driver(
    "amocrm", FakeAmoCrm, AmoCrmSettings, {"token": SECRET}, PHONED, ("lead",), forbidden=FORBIDDEN, limited=LIMITED,
    chained="lead",
)  # fmt: skip
OAUTH = Driver(
    "amocrm-oauth", FakeAmoCrm, AmoCrmSettings, {**REFRESHING, "redirect_uri": "https://calls.example.com/amocrm"},
    PHONED, ("lead",), forbidden=FORBIDDEN, limited=LIMITED, renews=True, chained="lead",
)  # fmt: skip

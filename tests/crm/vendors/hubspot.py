"""HubSpot, as https://developers.hubspot.com/docs/guides/api/crm/search documents it."""

from __future__ import annotations

from typing import Any

from ari_app.crm.hubspot import HubSpotSettings
from tests.crm.vendors.base import SECRET, Driver, Fake, Record, when
from tests.gateways.providers import Act, Received, Reply

_KINDS = {"contacts": "contact", "companies": "company", "deals": "deal", "tickets": "ticket"}


class FakeHubSpot(Fake):
    expired = Reply(401, {"status": "error", "message": "Authentication credentials not found", "category": "INVALID"})

    def admits(self, received: Received) -> bool:
        return received.headers.get("authorization") == f"Bearer {self.token}"

    def answer(self, received: Received) -> Act:
        match received.path.strip("/").split("/"):
            case ["crm", "v3", "objects", plural, "search"] if received.method == "POST":
                return self._search(received, _KINDS[plural])
            case ["crm", "v3", "pipelines", "tickets"]:
                stages = [
                    {"id": "1", "label": "New", "metadata": {"ticketState": "OPEN", "isClosed": "false"}},
                    {"id": "4", "label": "Closed", "metadata": {"ticketState": "CLOSED", "isClosed": "true"}},
                ]
                return Reply(200, {"results": [{"id": "0", "label": "Support", "stages": stages}]})
            case ["crm", "v3", "owners", user] if int(user) in self.users:
                one = self.users[int(user)]
                first, _, last = one.name.partition(" ")
                return Reply(200, {"id": user, "email": one.email, "firstName": first, "lastName": last})
        return self.nowhere(received)

    def _search(self, received: Received, entity: str) -> Act:
        body = received.json
        if len(body["filterGroups"]) > 5 or body["limit"] > 200:
            return Reply(400, {"status": "error", "message": "too many filter groups", "category": "VALIDATION_ERROR"})
        if body["sorts"] != [{"propertyName": "createdate", "direction": "DESCENDING"}]:
            return self.nowhere(received)
        found = {one.id: one for group in body["filterGroups"] for one in self._fitting(entity, group["filters"])}
        ordered = sorted(found.values(), key=when, reverse=True)
        start = int(body.get("after", "0"))
        answer: dict[str, Any] = {
            "total": len(ordered),
            "results": [self._object(one, body["properties"]) for one in ordered[start : start + self.page]],
        }
        if start + self.page < len(ordered):
            answer["paging"] = {"next": {"after": str(start + self.page), "link": "?after=x"}}
        return Reply(200, answer)

    def _fitting(self, entity: str, filters: list[dict[str, str]]) -> list[Record]:
        found = self.of_kind(entity)
        for one in filters:
            match one:
                case {"propertyName": "associations.contact", "operator": "EQ", "value": value}:
                    found = [record for record in found if int(value) in record.of]
                case {"propertyName": "hs_is_closed", "operator": "EQ", "value": "false"}:
                    found = [record for record in found if record.open]
                case {"propertyName": name, "operator": "CONTAINS_TOKEN", "value": value} if "calculated" in name:
                    found = self.alike(entity, value)
                case {"propertyName": "phone" | "mobilephone", "operator": "EQ", "value": value}:
                    found = [record for record in found if value in record.phones]
        return found

    def _object(self, one: Record, names: list[str]) -> dict[str, Any]:
        known = {
            "hubspot_owner_id": str(one.owner) if one.owner else None,
            "createdate": when(one),
            "phone": one.phones[0] if one.phones else None,
            "mobilephone": one.phones[1] if len(one.phones) > 1 else None,
            "hs_is_closed": str(not one.open).lower(),
            "hs_pipeline_stage": "1" if one.open else "4",
        }
        return {"id": str(one.id), "properties": {name: known[name] for name in names}, "archived": False}


HUBSPOT = Driver(
    "hubspot",
    FakeHubSpot,
    HubSpotSettings,
    {"token": SECRET},
    phoned=("contact", "company"),
    closes=("deal", "ticket"),
    forbidden=Reply(403, {"status": "error", "message": "requires all of [crm.objects.owners.read]"}),
    limited=(
        (Reply(429, {"status": "error", "policyName": "TEN_SECONDLY_ROLLING", "errorType": "RATE_LIMIT"}), 1.0),
        (Reply(429, {"policyName": "SECONDLY"}, {"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}), 10.0),
        (Reply(429, {"status": "error", "policyName": "DAILY", "errorType": "RATE_LIMIT"}), 600.0),
        (Reply(429, {}, {"Retry-After": "7"}), 7.0),
    ),
)

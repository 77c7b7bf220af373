"""RetailCRM, as https://docs.retailcrm.ru/Developers/API/APIVersions/APIv5 documents it."""

from __future__ import annotations

from typing import Any

from ari_app.crm.retailcrm import RetailCrmSettings
from tests.crm.vendors.base import SECRET, Driver, Fake, Record
from tests.gateways.providers import Act, Received, Reply


class FakeRetailCrm(Fake):
    expired = Reply(403, {"success": False, "errorMsg": 'Wrong "apiKey" value.'})

    def admits(self, received: Received) -> bool:
        return received.headers.get("x-api-key") == self.token

    def answer(self, received: Received) -> Act:
        query = received.query
        match received.path.strip("/").split("/"):
            case ["api", "v5", "customers"] if "filter[name]" in query:
                found = [self._customer(one) for one in self.alike("customer", query["filter[name]"])]
                return self._page(received, "customers", found)
            case ["api", "v5", "orders"] if "filter[customer]" in query:
                found = [self._order(one) for one in self.alike("order", query["filter[customer]"])]
                return self._page(received, "orders", found)
            case ["api", "v5", "reference", "statuses"]:
                statuses = {
                    "new": {"name": "Новый", "code": "new", "active": True, "group": "new"},
                    "sent": {"name": "Выполнен", "code": "sent", "active": True, "group": "complete"},
                }
                return Reply(200, {"success": True, "statuses": statuses})
            case ["api", "v5", "users", user] if int(user) in self.users:
                one = self.users[int(user)]
                first, _, last = one.name.partition(" ")
                data = {"id": one.id, "firstName": first, "lastName": last, "email": one.email, "active": True}
                return Reply(200, {"success": True, "user": data})
        return self.nowhere(received)

    def _page(self, received: Received, plural: str, found: list[dict[str, Any]]) -> Reply:
        if received.query["limit"] not in ("20", "50", "100"):
            return Reply(400, {"success": False, "errorMsg": "Errors in the input parameters"})
        number = int(received.query["page"])
        pages = -(-len(found) // self.page)
        part = found[(number - 1) * self.page : number * self.page]
        counted = {"limit": 100, "totalCount": len(found), "currentPage": number, "totalPageCount": pages}
        return Reply(200, {"success": True, "pagination": counted, plural: part})

    def _customer(self, one: Record) -> dict[str, Any]:
        numbers = [{"number": phone} for phone in one.phones]
        manager = {"managerId": one.owner} if one.owner else {}
        return {"id": one.id, "createdAt": f"2024-03-{one.day:02} 10:00:00", "phones": numbers, **manager}

    def _order(self, one: Record) -> dict[str, Any]:
        manager = {"managerId": one.owner} if one.owner else {}
        return {
            "id": one.id,
            "createdAt": f"2024-03-{one.day:02} 10:00:00",
            "phone": one.phones[0],
            "status": "new" if one.open else "sent",
            "customer": {"id": 5, "phones": []},
            **manager,
        }


RETAILCRM = Driver(
    "retailcrm",
    FakeRetailCrm,
    RetailCrmSettings,
    {"api_key": SECRET},
    phoned=("customer", "order"),
    closes=("order",),
    forbidden=Reply(403, {"success": False, "errorMsg": "Access denied."}),
    limited=(
        (Reply(503, b"<html>Service Temporarily Unavailable"), 1.0),
        (Reply(429, {"success": False, "errorMsg": "Too many requests"}), 10.0),
        (Reply(503, b"", {"Retry-After": "7"}), 7.0),
    ),
    chained="order",
)

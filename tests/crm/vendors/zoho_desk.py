"""Zoho Desk, as https://desk.zoho.com/DeskAPIDocument documents it."""

from __future__ import annotations

from typing import Any

from ari_app.crm.zoho_desk import ZohoDeskSettings
from tests.crm.vendors.base import REFRESHING, Driver, Record, when
from tests.crm.vendors.zoho_crm import FakeZohoCrm
from tests.gateways.providers import Act, Received, Reply


class FakeZohoDesk(FakeZohoCrm):
    expired = Reply(401, {"errorCode": "INVALID_OAUTH", "message": "The OAuth Token you provided is invalid."})

    def answer(self, received: Received) -> Act:
        if received.headers.get("orgid") != "2389290":
            return Reply(403, {"errorCode": "FORBIDDEN", "message": "no such organisation"})
        match received.path.strip("/").split("/"):
            case ["api", "v1", "contacts", "search"]:
                alike = self.alike("contact", received.query["_all"])
                return self._from(received, [self._contact(one) for one in alike])
            case ["api", "v1", "tickets", "search"] if received.query.get("sortBy") == "-createdTime":
                contacts = {int(one) for one in received.query["contactId"].split(",")}
                found = [one for one in self.of_kind("ticket") if contacts & set(one.of)]
                found.sort(key=when, reverse=True)
                return self._from(received, [self._ticket(one) for one in found])
            case ["api", "v1", "agents", user] if int(user) in self.users:
                one = self.users[int(user)]
                first, _, last = one.name.partition(" ")
                return Reply(200, {"id": user, "firstName": first, "lastName": last, "emailId": one.email})
        return self.nowhere(received)

    def _from(self, received: Received, found: list[dict[str, Any]]) -> Reply:
        start, limit = int(received.query["from"]), int(received.query["limit"])
        if limit > 100 or start > 999:
            return Reply(422, {"errorCode": "UNPROCESSABLE_ENTITY", "message": "limit"})
        part = found[start : start + limit]
        return Reply(200, {"data": part, "count": len(found)}) if part else Reply(204)

    def _contact(self, one: Record) -> dict[str, Any]:
        owner = str(one.owner) if one.owner else None
        return {"id": str(one.id), "mobile": one.phones[0], "phone": None, "ownerId": owner, "createdTime": when(one)}

    def _ticket(self, one: Record) -> dict[str, Any]:
        kind = "On Hold" if one.open else "Closed"
        assignee = str(one.owner) if one.owner else None
        times = {"createdTime": when(one), "ticketNumber": "101"}
        return {"id": str(one.id), "status": "Waiting", "statusType": kind, "assigneeId": assignee, **times}


ZOHO_DESK = Driver(
    "zoho-desk",
    FakeZohoDesk,
    ZohoDeskSettings,
    {**REFRESHING, "org_id": 2389290},
    closes=("ticket",),
    forbidden=Reply(403, {"errorCode": "SCOPE_MISMATCH", "message": "The OAuth scope does not fit."}),
    limited=(
        (Reply(429, {"errorCode": "THRESHOLD_EXCEEDED", "message": "You crossed the permissible limit"}), 10.0),
        (Reply(429, {"errorCode": "TOO_MANY_REQUESTS"}, {"Retry-After": "7"}), 7.0),
    ),
    renews=True,
    chained="ticket",
)

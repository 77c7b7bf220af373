"""Pipedrive, as https://developers.pipedrive.com/docs/api/v1 documents it (paths of v2 where there are)."""

from __future__ import annotations

from typing import Any

from ari_app.crm.pipedrive import PipedriveSettings
from tests.crm.vendors.base import REFRESHING, SECRET, Driver, Fake, Record, when
from tests.gateways.providers import Act, Received, Reply


class FakePipedrive(Fake):
    expired = Reply(401, {"success": False, "error": "unauthorized access", "errorCode": 401})

    def admits(self, received: Received) -> bool:
        bearer = received.headers.get("authorization") == f"Bearer {self.token}"
        return bearer or received.headers.get("x-api-token") == self.token

    def answer(self, received: Received) -> Act:
        query = received.query
        match received.path.strip("/").split("/"):
            case ["api", "v2", "persons", "search"] if query.get("fields") == "phone" and len(query["term"]) >= 2:
                start = int(query.get("cursor", "0"))
                found = self.alike("contact", query["term"])
                return self._page([self._person(one) for one in found[start : start + self.page]], start, len(found))
            case ["api", "v2", "deals"] if query.get("sort_by") == "add_time" and query.get("status") == "open":
                found = [one for one in self.of_kind("deal") if int(query["person_id"]) in one.of and one.open]
                found.sort(key=when, reverse=query.get("sort_direction") == "desc")
                return Reply(200, {"success": True, "data": [self._deal(one) for one in found[: int(query["limit"])]]})
            case ["api", "v1", "leads"] if query.get("sort") == "add_time DESC":
                found = sorted(self.of_kind("lead"), key=when, reverse=True)
                mine = [self._lead(one) for one in found if int(query["person_id"]) in one.of]
                return Reply(200, {"success": True, "data": mine[: int(query["limit"])]})
            case ["api", "v1", "users", user] if int(user) in self.users:
                one = self.users[int(user)]
                data = {"id": one.id, "name": one.name, "email": one.email, "active_flag": True}
                return Reply(200, {"success": True, "data": data})
        return self.nowhere(received)

    def _page(self, items: list[dict[str, Any]], start: int, total: int) -> Reply:
        more = str(start + self.page) if start + self.page < total else None
        data = {"items": [{"result_score": 0.5, "item": one} for one in items]}
        return Reply(200, {"success": True, "data": data, "additional_data": {"next_cursor": more}})

    def _person(self, one: Record) -> dict[str, Any]:
        owner = {"id": one.owner} if one.owner else None
        return {"id": one.id, "type": "person", "name": "N", "phones": list(one.phones), "emails": [], "owner": owner}

    def _deal(self, one: Record) -> dict[str, Any]:
        status = "open" if one.open else "won"
        return {"id": one.id, "title": "D", "owner_id": one.owner or None, "status": status, "add_time": when(one)}

    def _lead(self, one: Record) -> dict[str, Any]:
        number = f"adf21080-0e10-11eb-879b-05d71fb4{one.id:04}"
        return {"id": number, "owner_id": one.owner or None, "is_archived": not one.open, "add_time": when(one)}


TOKEN = Driver(
    "pipedrive",
    FakePipedrive,
    PipedriveSettings,
    {"api_token": SECRET},
    closes=("deal", "lead"),
    limited=(
        (Reply(429, {"success": False, "error": "request over limit"}), 10.0),
        (Reply(429, {"success": False, "error": "request over limit"}, {"x-ratelimit-reset": "2"}), 2.0),
        (Reply(429, {}, {"Retry-After": "7", "x-ratelimit-reset": "2"}), 7.0),
    ),
)
OAUTH = Driver("pipedrive-oauth", FakePipedrive, PipedriveSettings, REFRESHING, closes=("deal", "lead"), renews=True)

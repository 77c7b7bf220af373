"""Bitrix24, as https://apidocs.bitrix24.com documents it."""

from __future__ import annotations

from typing import Any

from ari_app.crm.bitrix24 import Bitrix24Settings
from tests.crm.vendors.base import SECRET, Driver, Fake, Record
from tests.gateways.providers import Act, Received, Reply

TIME = {
    "start": 1750684060.6,
    "finish": 1750684060.7,
    "duration": 0.05,
    "operating_reset_at": 1750684660,
    "operating": 0,
}


class FakeBitrix24(Fake):
    expired = Reply(401, {"error": "INVALID_CREDENTIALS", "error_description": "Invalid request credentials"})

    def admits(self, received: Received) -> bool:
        return received.path.startswith(f"/rest/1/{self.token}/") and received.method == "POST"

    def answer(self, received: Received) -> Act:
        body = received.json
        match received.path.rpartition("/")[2].split("."):
            case ["crm", "duplicate", "findbycomm"] if body["type"] == "PHONE" and len(body["values"]) <= 20:
                kind = body["entity_type"]
                found = {one.id for value in body["values"] for one in self.alike(kind.lower(), value)}
                return self._result({kind: sorted(found)[:20]} if found else [])
            case ["crm", "lead" | "contact" | "company" | "deal" as entity, "list"]:
                return self._list(received, entity)
            case ["user", "get"]:
                one = self.users[int(body["ID"])]
                first, _, last = one.name.partition(" ")
                return self._result([{"ID": body["ID"], "NAME": first, "LAST_NAME": last, "EMAIL": one.email}])
        return self.nowhere(received)

    def _list(self, received: Received, entity: str) -> Act:
        body = received.json
        found = self.of_kind(entity)
        for name, value in body["filter"].items():
            match name:
                case "@ID":
                    found = [one for one in found if one.id in value]
                case "@CONTACT_ID":
                    found = [one for one in found if {str(contact) for contact in one.of} & set(value)]
                case "STATUS_SEMANTIC_ID" | "STAGE_SEMANTIC_ID" if value == "P" and entity in ("lead", "deal"):
                    found = [one for one in found if one.open]
                case _:
                    return self.nowhere(received)
        if body["order"] != {"DATE_CREATE": "DESC"}:
            return self.nowhere(received)
        found.sort(key=lambda one: one.day, reverse=True)
        start = body.get("start", 0)
        rows = [self._row(one, body["select"]) for one in found[start : start + self.page]]
        more = {"next": start + self.page} if start + self.page < len(found) else {}
        return Reply(200, {"result": rows, "total": len(found), **more, "time": TIME})

    def _row(self, one: Record, select: list[str]) -> dict[str, Any]:
        known = {
            "ID": str(one.id),
            "ASSIGNED_BY_ID": str(one.owner),
            "DATE_CREATE": f"2024-03-{one.day:02}T13:00:00+03:00",
            "STATUS_SEMANTIC_ID": "P" if one.open else "S",
            "STAGE_SEMANTIC_ID": "P" if one.open else "F",
            "PHONE": [{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": phone, "TYPE_ID": "PHONE"} for phone in one.phones],
        }
        return {name: known[name] for name in select if name != "PHONE" or one.phones}

    def _result(self, result: Any) -> Reply:
        return Reply(200, {"result": result, "time": TIME})


BITRIX24 = Driver(
    "bitrix24",
    FakeBitrix24,
    Bitrix24Settings,
    {"user": 1, "secret": SECRET},
    phoned=("contact", "lead", "company"),
    closes=("lead", "deal"),
    forbidden=Reply(401, {"error": "insufficient_scope", "error_description": "Higher privileges"}),
    limited=(
        (Reply(503, {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}), 2.0),
        (Reply(429, {"error": "OPERATION_TIME_LIMIT", "error_description": "Method is blocked"}), 60.0),
        (Reply(200, {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}), 2.0),
        (Reply(429, {}), 10.0),
    ),
)

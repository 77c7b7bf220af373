"""RetailCRM, which is Simla outside Russia: API v5.

https://docs.retailcrm.ru/Developers/API/APIVersions/APIv5 (customers, orders, reference/statuses, users; X-API-KEY),
https://docs.retailcrm.ru/Developers/API/APIRules (ten requests a second: 503). ``filter[name]`` of customers and
``filter[customer]`` of orders take a name or a telephone number.

Open: an order whose status is in no group of those that close it (complete and cancel, unless configured otherwise);
any customer. Times are local to the account, which is enough to tell the newest. Errors come with ``success: false``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from ari_app.crm.base import Manager
from ari_app.crm.http import Asking, Fixed, HttpCrm
from ari_app.crm.http_settings import HttpCrmSettings
from ari_app.crm.phones import national
from ari_app.crm.shapes import Misshapen, Row, at, email, ident, newest, number, rows, text
from ari_app.http_client.client import Answer
from ari_app.http_client.settings import Secret

BUSY_SECONDS = 1.0
STATUSES_SECONDS = 600.0


class RetailCrmSettings(HttpCrmSettings):
    """``url`` is the account's: https://ACCOUNT.retailcrm.ru. ``api_key`` needs the rights to read customers, orders,
    references and users. ``closed_groups`` are the groups of statuses whose orders are closed."""

    kind: Literal["retailcrm"]
    known: ClassVar[tuple[str, ...]] = ("order", "customer")
    api_key: Secret
    closed_groups: frozenset[str] = Field(frozenset({"complete", "cancel"}), max_length=50)

    def build(self) -> RetailCrm:
        """The CRM."""
        return RetailCrm(self)


class RetailCrm(HttpCrm):
    """Finds customers and orders by phone."""

    def __init__(self, settings: RetailCrmSettings) -> None:
        super().__init__(settings, Fixed({"X-API-KEY": settings.api_key.get_secret_value()}))
        self._closed_groups = settings.closed_groups
        self._groups: tuple[float, Mapping[str, str]] = (0.0, {})

    def _limit(self, answer: Answer) -> float | None:
        seconds = super()._limit(answer)
        return BUSY_SECONDS if seconds is None and answer.status == 503 else seconds

    def _complaint(self, answer: Answer) -> str:
        found = answer.object()
        return text(found, "errorMsg") or "no success" if found.get("success") is False else ""

    def _find(self, ask: Asking, entity: str, phone: str) -> Manager | None:
        found = self._orders(ask, phone) if entity == "order" else self._customers(ask, phone)
        owner = next((owner for one in newest(found, "createdAt") if (owner := ident(one, "managerId"))), None)
        return self._user(ask, owner) if owner else None

    def _customers(self, ask: Asking, phone: str) -> Iterator[Row]:
        for one in self._pages(ask, "customers", {"filter[name]": national(phone)}):
            if self._has(one, phone):
                yield one

    def _orders(self, ask: Asking, phone: str) -> Iterator[Row]:
        for one in self._pages(ask, "orders", {"filter[customer]": national(phone)}):
            customer = at(one, "customer") or {}
            own = any(self._is(text(one, name), phone) for name in ("phone", "additionalPhone"))
            if (own or self._has(customer, phone)) and self._group(ask, text(one, "status")) not in self._closed_groups:
                yield one

    def _has(self, customer: Any, phone: str) -> bool:
        return any(self._is(text(kept, "number"), phone) for kept in rows(customer, "phones"))

    def _pages(self, ask: Asking, plural: str, query: dict[str, str]) -> Iterator[Row]:
        for page_number in ask.pages():
            page = ask.get(f"/api/v5/{plural}", {**query, "limit": "100", "page": str(page_number + 1)})
            yield from rows(page, plural)
            if (number(page, "pagination", "totalPageCount") or 0) <= page_number + 1:
                return

    def _group(self, ask: Asking, status: str) -> str:
        """The group of a status, empty for one that is new; they seldom change."""
        told, groups = self._groups
        if not groups or time.monotonic() - told > STATUSES_SECONDS:
            statuses = at(ask.get("/api/v5/reference/statuses"), "statuses") or {}
            if not isinstance(statuses, dict):
                raise Misshapen("statuses")
            groups = {code: text(one, "group") for code, one in statuses.items()}
            self._groups = (time.monotonic(), groups)
        return groups.get(status, "")

    def _ask_user(self, ask: Asking, user: str) -> Manager:
        found = at(ask.get(f"/api/v5/users/{user}"), "user")
        return Manager(user, f"{text(found, 'firstName')} {text(found, 'lastName')}".strip(), email(found, "email"))

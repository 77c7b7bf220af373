"""Bitrix24: REST API by an inbound webhook.

https://apidocs.bitrix24.com/api-reference/crm/duplicates/crm-duplicate-find-by-comm.html,
.../crm/leads/crm-lead-list.html, .../crm/deals/crm-deal-list.html, .../crm/contacts/crm-contact-list.html,
.../user/user-get.html; https://apidocs.bitrix24.com/limits.html (503 QUERY_LIMIT_EXCEEDED: requests leak away at two a
second; 429 OPERATION_TIME_LIMIT: the method has taken 480 of the last 600 seconds).

Open: a lead whose STATUS_SEMANTIC_ID is P (in progress), a deal whose STAGE_SEMANTIC_ID is P; any contact and company.
A deal is found by its contact. Of more than 20 records with one number crm.duplicate.findbycomm gives the oldest 20
alone. Errors come in the body, with whatever status.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from ari_app.crm.base import Manager
from ari_app.crm.http import Asking, Fixed, HttpCrm
from ari_app.crm.http_settings import HttpCrmSettings
from ari_app.crm.phones import forms
from ari_app.crm.shapes import Misshapen, Row, at, email, ident, key, newest, number, rows, text, values
from ari_app.http_client.client import Answer
from ari_app.http_client.settings import Secret

IN_PROGRESS = "P"
QUERY_SECONDS = 2.0
OPERATION_SECONDS = 60.0
_SEMANTICS = {"lead": "STATUS_SEMANTIC_ID", "deal": "STAGE_SEMANTIC_ID"}
_REFUSED_SCOPES = frozenset({"insufficient_scope", "user_access_error"})


class Bitrix24Settings(HttpCrmSettings):
    """An inbound webhook https://PORTAL/rest/``user``/``secret``/, with the rights crm and user."""

    kind: Literal["bitrix24"]
    known: ClassVar[tuple[str, ...]] = ("lead", "deal", "contact", "company")
    user: int = Field(gt=0)
    secret: Secret

    def build(self) -> Bitrix24:
        """The CRM."""
        return Bitrix24(self)


class Bitrix24(HttpCrm):
    """Finds leads, contacts and companies by phone, then the contacts' deals."""

    def __init__(self, settings: Bitrix24Settings) -> None:
        super().__init__(settings, Fixed({}))
        self._base = f"/rest/{settings.user}/{settings.secret.get_secret_value()}/"

    def _limit(self, answer: Answer) -> float | None:
        found = answer.object()
        match text(found, "error"):
            case "QUERY_LIMIT_EXCEEDED":
                return QUERY_SECONDS
            case "OPERATION_TIME_LIMIT":
                again = number(found.get("time") if isinstance(found.get("time"), dict) else {}, "operating_reset_at")
                return max(1.0, again - time.time()) if again else OPERATION_SECONDS
        return super()._limit(answer)

    def _forbids(self, answer: Answer) -> bool:
        return super()._forbids(answer) or text(answer.object(), "error") in _REFUSED_SCOPES

    def _complaint(self, answer: Answer) -> str:
        found = answer.object()
        return f"{text(found, 'error')} {text(found, 'error_description')}".strip() if "error" in found else ""

    def _find(self, ask: Asking, entity: str, phone: str) -> Manager | None:
        if entity == "deal":
            contacts = [key(one, "ID") for one in self._with_phone(ask, "contact", phone)]
            found = self._list(ask, "deal", {"@CONTACT_ID": contacts}) if contacts else iter(())
        else:
            found = self._with_phone(ask, entity, phone)
        owner = next((owner for one in found if (owner := ident(one, "ASSIGNED_BY_ID"))), None)
        return self._user(ask, owner) if owner else None

    def _with_phone(self, ask: Asking, entity: str, phone: str) -> Iterator[Row]:
        """Records with this number, newest first."""
        body = {"type": "PHONE", "values": forms(phone, self._common.region), "entity_type": entity.upper()}
        result = at(ask.post(f"{self._base}crm.duplicate.findbycomm", body), "result")
        ids = () if result == [] else values(result, entity.upper())  # nothing, in PHP, is a list
        if not all(isinstance(one, int | str) for one in ids):
            raise Misshapen("result")
        for one in self._list(ask, entity, {"@ID": list(ids)}) if ids else ():
            if any(self._is(text(kept, "VALUE"), phone) for kept in rows(one, "PHONE")):
                yield one

    def _list(self, ask: Asking, entity: str, which: dict[str, Sequence[Any]]) -> Iterator[Row]:
        """Open records, newest first."""
        semantics = _SEMANTICS.get(entity)
        body: dict[str, Any] = {
            "filter": {**which, **({semantics: IN_PROGRESS} if semantics else {})},
            "select": ["ID", "ASSIGNED_BY_ID", "DATE_CREATE", "PHONE", *([semantics] if semantics else [])],
            "order": {"DATE_CREATE": "DESC"},
        }
        for _ in ask.pages():
            page = ask.post(f"{self._base}crm.{entity}.list", body)
            for one in newest(rows(page, "result"), "DATE_CREATE"):
                if semantics is None or text(one, semantics) == IN_PROGRESS:
                    yield one
            following = number(page, "next")
            if following is None:
                return
            body["start"] = following

    def _ask_user(self, ask: Asking, user: str) -> Manager:
        [found, *_] = rows(ask.post(f"{self._base}user.get", {"ID": user}), "result") or ({},)
        return Manager(user, f"{text(found, 'NAME')} {text(found, 'LAST_NAME')}".strip(), email(found, "EMAIL"))

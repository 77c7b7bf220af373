"""amoCRM, which is Kommo outside Russia: API v4.

https://www.amocrm.ru/developers/content/crm_platform/contacts-api, .../leads-api, .../companies-api, .../users-api (all
also at https://developers.kommo.com/reference); https://www.amocrm.ru/developers/content/oauth/step-by-step (each
renewal brings a new refresh token, of three months; the old one is good no more); https://developers.kommo.com/docs/limitations
(seven requests a second: 429; of who goes on, the address is blocked: 403). 204 says that nothing was found.

``query`` looks into every field. Open: a lead (that is amoCRM's deal) in neither of the stages 142 (won) and 143 (lost)
that every pipeline has; any contact and company. A lead is found by its contact. Reading users takes an administrator's
rights: without them the manager is known by id alone. How a block for good shows itself is not documented: a 403 that
is no JSON is taken for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from ari_app.crm.base import Manager
from ari_app.crm.http import Asking, Fixed, HttpCrm
from ari_app.crm.oauth import OAuthSettings, bearer
from ari_app.crm.phones import national
from ari_app.crm.shapes import Row, at, email, ident, key, newest, number, rows, text
from ari_app.http_client.client import Answer
from ari_app.http_client.settings import Address, Secret

CLOSED = frozenset({142, 143})
BLOCKED_SECONDS = 300.0
MOST_LEADS = 100
_PLURAL = {"contact": "contacts", "company": "companies"}


class AmoCrmSettings(OAuthSettings):
    """``url`` is the account's: https://ACCOUNT.amocrm.ru, or .kommo.com. Either a long-lived ``token`` of a private
    integration, or the integration's id, secret and refresh token, with the ``redirect_uri`` that it is registered
    with."""

    kind: Literal["amocrm"]
    known: ClassVar[tuple[str, ...]] = ("lead", "contact", "company")
    instead: ClassVar[str] = "token"
    renewed_at: ClassVar[str] = "/oauth2/access_token"
    token: Secret | None = None
    redirect_uri: Address = "https://example.com"

    def build(self) -> AmoCrm:
        """The CRM."""
        return AmoCrm(self)


class AmoCrm(HttpCrm):
    """Finds contacts and companies by phone, then the contacts' leads."""

    def __init__(self, settings: AmoCrmSettings) -> None:
        super().__init__(
            settings,
            Fixed(bearer(settings.token))
            if settings.token is not None
            else settings.tokens(style="json", redirect_uri=settings.redirect_uri),
        )

    def _limit(self, answer: Answer) -> float | None:
        blocked = answer.status == 403 and not isinstance(answer.json(), dict)
        return BLOCKED_SECONDS if blocked else super()._limit(answer)

    def _complaint(self, answer: Answer) -> str:
        found = answer.object()
        return f"{text(found, 'title')} {text(found, 'detail')}".strip() if answer.status >= 400 else ""

    def _find(self, ask: Asking, entity: str, phone: str) -> Manager | None:
        if entity == "lead":
            contacts = self._with_phone(ask, "contact", phone)
            leads = [key(one, "id") for contact in contacts for one in rows(contact, "_embedded", "leads")]
            found = self._open(ask, leads[:MOST_LEADS]) if leads else iter(())
        else:
            found = self._with_phone(ask, entity, phone)
        owner = next((owner for one in found if (owner := ident(one, "responsible_user_id"))), None)
        return self._user(ask, owner) if owner else None

    def _with_phone(self, ask: Asking, entity: str, phone: str) -> Iterator[Row]:
        """Contacts or companies with this number, newest first."""
        query = {"query": national(phone), "with": "leads", "order[id]": "desc", "limit": "50"}
        for one in self._pages(ask, _PLURAL[entity], query):
            fields = [kept for kept in rows(one, "custom_fields_values") if text(kept, "field_code") == "PHONE"]
            if any(self._is(text(kept, "value"), phone) for field in fields for kept in rows(field, "values")):
                yield one

    def _open(self, ask: Asking, leads: list[str]) -> Iterator[Row]:
        """Those of the leads that are open, newest first."""
        query = {f"filter[id][{place}]": lead for place, lead in enumerate(leads)}
        query |= {"order[created_at]": "desc", "limit": "250"}
        for one in newest(self._pages(ask, "leads", query), "created_at"):
            if number(one, "status_id") not in CLOSED and at(one, "is_deleted") is not True:
                yield one

    def _pages(self, ask: Asking, plural: str, query: dict[str, str]) -> Iterator[Row]:
        for page_number in ask.pages():
            page: Any = ask.get(f"/api/v4/{plural}", {**query, "page": str(page_number + 1)})
            yield from rows(page, "_embedded", plural)
            if not at(page, "_links", "next"):
                return

    def _ask_user(self, ask: Asking, user: str) -> Manager:
        found = ask.get(f"/api/v4/users/{user}")
        return Manager(user, text(found, "name"), email(found, "email"))

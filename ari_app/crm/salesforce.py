"""Salesforce: REST API, SOSL to find telephone numbers and SOQL for what belongs to a contact.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_search.htm, .../resources_query.htm,
.../errorcodes.htm (401 INVALID_SESSION_ID, 403 REQUEST_LIMIT_EXCEEDED: of the last 24 hours);
https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl (FIND ... IN PHONE FIELDS; an index that is
some seconds behind); https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_jwt_flow.htm (RFC 7523: RS256,
three minutes), ...remoteaccess_oauth_refresh_token_flow.htm.

Open: a lead that is not converted, an opportunity and a case that are not closed; any contact and account.
Opportunities are found by their contact roles, cases by their contact. A record of a queue has nobody who is
responsible. How long a session lasts is not said: it is renewed when it is refused. Words of a search are parted by
punctuation, so a punctuated number is searched as a phrase of its country's usual groups.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import Field

from ari_app.crm.base import Manager
from ari_app.crm.http import Asking, Credentials, HttpCrm, client_of
from ari_app.crm.oauth import OAuthSettings
from ari_app.crm.phones import forms, grouped
from ari_app.crm.shapes import Row, at, email, ident, key, newest, rows, text
from ari_app.crm.tokens import RenewedTokens
from ari_app.http_client.client import Answer, Request
from ari_app.http_client.settings import Address, PrivateFile

ASSERTION_SECONDS = 180
LIMIT_SECONDS = 600.0
"""How long it is left alone after the calls of a day are used up; they come back little by little."""
USER_PREFIX = "005"
"""What ids of users begin with; others that own records are queues."""
_OBJECTS = {
    "lead": ("Lead", ("Phone", "MobilePhone"), " WHERE IsConverted = false"),
    "contact": ("Contact", ("Phone", "MobilePhone", "HomePhone", "OtherPhone"), ""),
    "company": ("Account", ("Phone",), ""),
}
_OF_CONTACTS = {
    "deal": "Opportunity WHERE IsClosed = false AND Id IN"
    " (SELECT OpportunityId FROM OpportunityContactRole WHERE ContactId IN ({ids}))",
    "ticket": "Case WHERE IsClosed = false AND ContactId IN ({ids})",
}


class SalesforceSettings(OAuthSettings):
    """``url`` is the organisation's My Domain: https://ACME.my.salesforce.com. Either a refresh token, or a connected
    app's ``private_key_file`` (PEM, RSA) with the ``username`` whose rights it has; scope api. ``audience`` is
    https://test.salesforce.com for a sandbox."""

    kind: Literal["salesforce"]
    known: ClassVar[tuple[str, ...]] = ("lead", "deal", "ticket", "contact", "company")
    renewed_at: ClassVar[str] = "/services/oauth2/token"
    version: str = Field("62.0", pattern=r"^[0-9]{2,3}\.0$")
    private_key_file: PrivateFile | None = None
    username: str | None = Field(None, min_length=3, max_length=254)
    audience: Address = "https://login.salesforce.com"

    def check_parts(self) -> None:
        """As the base class's, where no key stands in for secret and refresh token."""
        if self.private_key_file is None:
            return super().check_parts()
        if self.client_secret is not None or self.refresh_token is not None:
            raise ValueError("private_key_file: stands in for client_secret and refresh_token; take those out")
        if missing := [name for name in ("client_id", "username", "tokens_file") if getattr(self, name) is None]:
            raise ValueError(f"{', '.join(missing)}: missing; write them")
        self.key()
        return None

    def key(self) -> rsa.RSAPrivateKey:
        """The key that signs for us. Raises ValueError: the file holds none."""
        assert self.private_key_file is not None  # noqa: S101  # asked for where there is one
        try:
            key = serialization.load_pem_private_key(self.private_key_file.read_bytes(), None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"private_key_file: {self.private_key_file} holds no RSA private key in PEM") from None
        return key

    def credentials(self) -> Credentials:
        """By a signed assertion, or by the refresh token."""
        if self.private_key_file is None:
            return self.tokens()
        assert self.tokens_file is not None  # noqa: S101  # as checked above
        key, url = self.key(), self.token_url or self.url + self.renewed_at

        def ask(_: str) -> Request:
            grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._assertion(key)}
            return Request("POST", url, form=grant)

        client = client_of(self, urlsplit(url).hostname or "")
        return RenewedTokens(client, ask, self.tokens_file, f"{self.client_id} {self.username}")

    def _assertion(self, key: rsa.RSAPrivateKey) -> str:
        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int(time.time()) + ASSERTION_SECONDS,
        }
        signed = f"{_base64(orjson.dumps({'alg': 'RS256'}))}.{_base64(orjson.dumps(claims))}"
        return f"{signed}.{_base64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def build(self) -> Salesforce:
        """The CRM."""
        return Salesforce(self)


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Salesforce(HttpCrm):
    """Finds leads, contacts and accounts by phone, then the contacts' opportunities and cases."""

    def __init__(self, settings: SalesforceSettings) -> None:
        super().__init__(settings, settings.credentials())
        self._base = f"/services/data/v{settings.version}"

    def _limit(self, answer: Answer) -> float | None:
        return LIMIT_SECONDS if _code(answer) == "REQUEST_LIMIT_EXCEEDED" else super()._limit(answer)

    def _complaint(self, answer: Answer) -> str:
        return f"{_code(answer)} {text(_error(answer), 'message')}".strip() if answer.status >= 400 else ""

    def _find(self, ask: Asking, entity: str, phone: str) -> Manager | None:
        if entity in _OBJECTS:
            found = self._with_phone(ask, entity, phone)
        else:
            contacts = [key(one, "Id") for one in self._with_phone(ask, "contact", phone)]
            found = self._of(ask, entity, contacts) if contacts else ()
        owners = (ident(one, "OwnerId") for one in found)
        owner = next((one for one in owners if one.startswith(USER_PREFIX)), None)
        return self._user(ask, owner) if owner else None

    def _with_phone(self, ask: Asking, entity: str, phone: str) -> Sequence[Row]:
        """Records with this number, newest first. Only digits and quotes get into the search: nothing to escape."""
        name, fields, where = _OBJECTS[entity]
        digits = (form.removeprefix("+") for form in forms(phone, self._common.region))
        terms = " OR ".join(f'"{words}"' for words in dict.fromkeys((*digits, grouped(phone))))
        wanted = f"{name}(Id, OwnerId, CreatedDate, {', '.join(fields)}{where} ORDER BY CreatedDate DESC LIMIT 100)"
        query = f"FIND {{{terms}}} IN PHONE FIELDS RETURNING {wanted}"
        found = rows(ask.get(f"{self._base}/search/", {"q": query}), "searchRecords")
        theirs = [one for one in found if any(self._is(text(one, field), phone) for field in fields)]
        return newest(theirs, "CreatedDate")

    def _of(self, ask: Asking, entity: str, contacts: Sequence[str]) -> Sequence[Row]:
        """Open opportunities or cases of any of the contacts, newest first. Ids have been checked to be no more."""
        ids = ", ".join(f"'{one}'" for one in contacts)
        source = _OF_CONTACTS[entity].format(ids=ids)
        query = f"SELECT Id, OwnerId, CreatedDate, IsClosed FROM {source} ORDER BY CreatedDate DESC LIMIT 100"  # noqa: S608
        found = rows(ask.get(f"{self._base}/query/", {"q": query}), "records")
        return newest([one for one in found if at(one, "IsClosed") is not True], "CreatedDate")

    def _ask_user(self, ask: Asking, user: str) -> Manager:
        query = f"SELECT Id, Name, Email FROM User WHERE Id = '{user}'"  # noqa: S608  # an id that was checked
        found = next(iter(rows(ask.get(f"{self._base}/query/", {"q": query}), "records")), {})
        return Manager(user, text(found, "Name"), email(found, "Email"))


def _error(answer: Answer) -> Row:
    """Errors come as a list of one."""
    found: Any = answer.json() if answer.status >= 400 else None
    first = found[0] if isinstance(found, list) and found else found
    return first if isinstance(first, dict) else {}


def _code(answer: Answer) -> str:
    return text(_error(answer), "errorCode")

"""Salesforce, as https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest documents it."""

from __future__ import annotations

import base64
import json
import re
import time
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ari_app.crm.salesforce import SalesforceSettings
from tests.crm.vendors.base import CLIENT_SECRET, REFRESHING, Driver, Fake, Record
from tests.gateways.providers import Act, Received, Reply

_PREFIXES = {"user": "005", "contact": "003", "lead": "00Q", "company": "001", "deal": "006", "ticket": "500"}
_OBJECTS = {"Lead": "lead", "Contact": "contact", "Account": "company", "Opportunity": "deal", "Case": "ticket"}
QUEUE = "00G000000000001AAA"


def own(kind: str, number: int) -> str:
    return f"{_PREFIXES[kind]}{number:012}AAA"


def user_id(number: int) -> str:
    return own("user", number)


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def keep_key(folder: Path) -> None:
    pem = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "salesforce.pem").touch(0o600)
    (folder / "salesforce.pem").write_bytes(pem)


class FakeSalesforce(Fake):
    expired = Reply(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
    refused = Reply(400, {"error": "invalid_grant", "error_description": "expired access/refresh token"})

    def admits(self, received: Received) -> bool:
        return received.headers.get("authorization") == f"Bearer {self.token}"

    def renewed(self, received: Received) -> Act:
        form = received.form
        good = {
            "refresh_token": lambda: form["refresh_token"] == self.refresh and form["client_secret"] == CLIENT_SECRET,
            "urn:ietf:params:oauth:grant-type:jwt-bearer": lambda: self.is_ours(form["assertion"]),
        }[form["grant_type"]]()
        if not good:
            return self.refused
        self.token = f"00D!AQ{len(self.renewals)}"
        return Reply(200, self.tokens())

    def tokens(self) -> dict[str, Any]:
        return {"access_token": self.token, "instance_url": "https://evil.example", "id": "x", "token_type": "Bearer"}

    def is_ours(self, assertion: str) -> bool:
        head, body, proof = assertion.split(".")
        signed = f"{head}.{body}".encode()
        key().public_key().verify(_octets(proof), signed, padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(_octets(body))
        fresh = 0 < claims["exp"] - time.time() <= 180
        names = (claims["iss"], claims["sub"], claims["aud"])
        return fresh and names == ("our-app", "calls@example.com", "https://login.salesforce.com")

    def answer(self, received: Received) -> Act:
        query = received.query.get("q", "")
        if received.path == "/services/data/v62.0/search/":
            found = re.fullmatch(
                r"FIND \{([0-9\" OR]+)\} IN PHONE FIELDS RETURNING (\w+)\(([\w, ]+?)( WHERE IsConverted = false)?"
                r" ORDER BY CreatedDate DESC LIMIT (\d+)\)",
                query,
            )
            return self._search(found) if found else self.nowhere(received)
        if received.path == "/services/data/v62.0/query/":
            return self._query(received, query)
        return self.nowhere(received)

    def _search(self, found: re.Match[str]) -> Reply:
        entity = _OBJECTS[found[2]]
        phrases = [re.findall("[0-9]+", term) for term in found[1].split(" OR ")]
        records = [one for one in self.of_kind(entity) if any(_has(one, phrase) for phrase in phrases)]
        open_ones = [one for one in records if one.open or not found[4]]
        open_ones.sort(key=lambda one: one.day, reverse=True)
        return Reply(200, {"searchRecords": [self._row(one, found[3].split(", ")) for one in open_ones]})

    def _query(self, received: Received, query: str) -> Reply:
        if user := re.fullmatch(r"SELECT Id, Name, Email FROM User WHERE Id = '005(\d{12})AAA'", query):
            one = self.users[int(user[1])]
            rows = [{"attributes": {"type": "User"}, "Id": user_id(one.id), "Name": one.name, "Email": one.email}]
            return Reply(200, {"totalSize": 1, "done": True, "records": rows})
        found = re.fullmatch(
            r"SELECT ([\w, ]+) FROM (Opportunity|Case) WHERE IsClosed = false AND (?:ContactId IN \((.+?)\)|Id IN"
            r" \(SELECT OpportunityId FROM OpportunityContactRole WHERE ContactId IN \((.+?)\)\))"
            r" ORDER BY CreatedDate DESC LIMIT 100",
            query,
        )
        if not found:
            return self.nowhere(received)
        contacts = {int(one) for one in re.findall(r"'003(\d{12})AAA'", found[3] or found[4])}
        records = [one for one in self.of_kind(_OBJECTS[found[2]]) if contacts & set(one.of) and one.open]
        rows = [self._row(one, found[1].split(", ")) for one in sorted(records, key=lambda one: -one.day)]
        return Reply(200, {"totalSize": len(rows), "done": True, "records": rows})

    def _row(self, one: Record, fields: list[str]) -> dict[str, Any]:
        known = {
            "Id": own(one.entity, one.id),
            "OwnerId": user_id(one.owner) if one.owner else QUEUE,
            "CreatedDate": f"2024-03-{one.day:02}T10:00:00.000+0000",
            "IsClosed": not one.open,
            "Phone": one.phones[0] if one.phones else None,
        }
        kind = {"type": one.entity, "url": "/services/data/v62.0/sobjects/x"}
        return {"attributes": kind, **{name: known.get(name) for name in fields}}


def _has(record: Record, phrase: list[str]) -> bool:
    """Whether its number has these words in a row, or ends in the last digits of the last one."""
    for phone in record.phones:
        words = re.findall("[0-9]+", phone)
        places = range(len(words) - len(phrase) + 1)
        if words[-1][-4:] == phrase[-1][-4:] or any(words[at : at + len(phrase)] == phrase for at in places):
            return True
    return False


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


LIMITED = (
    (Reply(403, [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]), 600.0),
    (Reply(503, [{"errorCode": "SERVER_UNAVAILABLE"}], {"Retry-After": "7"}), 7.0),
    (Reply(429, []), 10.0),
)
FORBIDDEN = Reply(403, [{"message": "The REST API is not enabled", "errorCode": "API_DISABLED_FOR_ORG"}])
PHONED = ("contact", "lead", "company")
CLOSES = ("lead", "deal", "ticket")
REFRESH = Driver(
    "salesforce", FakeSalesforce, SalesforceSettings, REFRESHING, PHONED, CLOSES, forbidden=FORBIDDEN, limited=LIMITED,
    renews=True, own_id=user_id,
)  # fmt: skip
JWT = Driver(
    "salesforce-jwt", FakeSalesforce, SalesforceSettings,
    {"client_id": "our-app", "username": "calls@example.com", "private_key_file": "salesforce.pem"},
    PHONED, CLOSES, forbidden=FORBIDDEN, limited=LIMITED, renews=True, own_id=user_id, prepare=keep_key,
)  # fmt: skip

"""What all CRMs over HTTP have in common: one look-up's requests, all within its time, and what their answers mean."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson

from ari_app.core.numbering import masked, normalise
from ari_app.crm.base import CrmLimited, CrmTrouble, Manager
from ari_app.crm.http_settings import HttpCrmSettings
from ari_app.crm.phones import same_phone
from ari_app.http_client.client import Answer, HttpClient, Request
from ari_app.http_client.words import said

LARGEST_ANSWER = 1024 * 1024
"""Octets of one page."""
MOST_PAGES = 5
"""A caller's number that is not among so many pages of what it found is not looked for further."""
LIMITED_SECONDS = 10.0
"""How long a CRM is left alone that says we ask too often, and not for how long."""
LONGEST_LIMIT = 24 * 3600.0
USER_SECONDS = 600.0
"""How long a user's name and e-mail are taken to be what they were."""
MOST_USERS = 2000


class CrmForbidden(CrmTrouble):
    """Our credentials are good, but not for this."""


class CrmAbsent(CrmTrouble):
    """What was asked for is not there: no such path, or a user that has been removed."""


class Credentials(Protocol):
    """How we prove who asks."""

    def headers(self, deadline: float) -> Mapping[str, str]:
        """What to send along, by ``deadline`` (of the monotonic clock). Raises `CrmTrouble`: it cannot be had."""

    def renew(self, refused: Mapping[str, str], deadline: float) -> bool:
        """After ``refused`` was: whether there is something newer to try. Raises `CrmTrouble`: it was not given."""


class Fixed:
    """Credentials that stay what they are."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def headers(self, deadline: float) -> Mapping[str, str]:
        """The same every time."""
        return self._headers

    def renew(self, refused: Mapping[str, str], deadline: float) -> bool:
        """There is nothing newer."""
        return False


class HttpCrm(ABC):
    """A CRM with one client. Each kind says which records it has, how they are found, and how it refuses."""

    def __init__(self, settings: HttpCrmSettings, credentials: Credentials, *more_hosts: str) -> None:
        self._common = settings
        self._credentials = credentials
        self._always: Mapping[str, str] = {}
        self._users: dict[str, tuple[float, Manager]] = {}
        self._client = client_of(settings, *more_hosts)

    @property
    def name(self) -> str:
        """As in the configuration."""
        return self._common.name

    @property
    def entities(self) -> tuple[str, ...]:
        """As configured; else all that it has, in the order that is sensible."""
        return self._common.entities or self._common.known

    def find(self, entity: str, phone: str, within_seconds: float) -> Manager | None:
        """The one responsible for the newest open record of this kind that has this phone; None: there is none.

        Raises:
            CrmTrouble: it could not be asked, or not in time. `CrmLimited`: asked too often.
        """
        if entity not in self._common.known:
            raise CrmTrouble(f"it has no {said(entity)!r}; it has {', '.join(self._common.known)}")
        if normalise(phone, "ZZ") != phone:
            raise CrmTrouble(f"{masked(phone)} is no telephone number such as +74950000101")
        return self._find(Asking(self, time.monotonic() + within_seconds), entity, phone)

    @abstractmethod
    def _find(self, ask: Asking, entity: str, phone: str) -> Manager | None:
        """As `find`."""

    def close(self) -> None:
        """Close this thread's connections; those of others end with their threads."""
        self._client.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def _is(self, kept: object, phone: str) -> bool:
        """Whether a number that it keeps is the caller's."""
        return same_phone(kept, phone, self._common.region)

    def _expired(self, answer: Answer) -> bool:
        """Whether it says that the token is not, or no longer, good."""
        return answer.status == 401

    def _forbids(self, answer: Answer) -> bool:
        """Whether it says that our credentials are good, but not for this."""
        return answer.status == 403

    def _limit(self, answer: Answer) -> float | None:
        """For how many seconds it wants to be left alone, if that is what it says."""
        if answer.status == 429 or (answer.status == 503 and answer.retry_after is not None):
            return LIMITED_SECONDS if answer.retry_after is None else answer.retry_after
        return None

    def _complaint(self, answer: Answer) -> str:
        """What it says is wrong; empty if nothing is, or nothing is said."""
        return ""

    def _user(self, ask: Asking, user: str) -> Manager:
        """Who a user is, by its id; without name and e-mail where our credentials may not read users, or it is gone."""
        known = self._users.get(user)
        if known is not None and time.monotonic() - known[0] < USER_SECONDS:
            return known[1]
        try:
            found = self._ask_user(ask, user)
        except (CrmForbidden, CrmAbsent):
            found = Manager(user)
        if len(self._users) >= MOST_USERS:
            self._users.clear()
        self._users[user] = (time.monotonic(), found)
        return found

    def _ask_user(self, ask: Asking, user: str) -> Manager:
        """Ask it who a user is, where its records say the id alone."""
        return Manager(user)


def client_of(settings: HttpCrmSettings, *more_hosts: str) -> HttpClient:
    """A client that speaks to the CRM's own host, and to no other but ``more_hosts``."""
    return HttpClient(
        (urlsplit(settings.url).hostname or "", *more_hosts),
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        allow_private=settings.allow_private,
        ca_file=settings.ca_file,
        largest=LARGEST_ANSWER,
    )


class Asking:
    """The requests of one look-up: each has what is left of its time, and a token that has expired is renewed once."""

    def __init__(self, crm: HttpCrm, deadline: float) -> None:
        self._crm = crm
        self._deadline = deadline
        self._renewed = False

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The JSON at a path; None: it says that there is nothing (204)."""
        return self._ask(Request("GET", self._crm._common.url + path, query))

    def post(self, path: str, body: Any) -> Any:
        """The JSON that comes for JSON."""
        return self._ask(Request("POST", self._crm._common.url + path, json=body))

    def pages(self) -> Iterator[int]:
        """The numbers of the pages that may be asked for, from 0 on."""
        return iter(range(MOST_PAGES))

    def _ask(self, request: Request) -> Any:
        headers = self._crm._credentials.headers(self._deadline)
        answer = self._send(request, headers)
        if self._crm._expired(answer) and not self._renewed:
            self._renewed = True
            if self._crm._credentials.renew(headers, self._deadline):
                answer = self._send(request, self._crm._credentials.headers(self._deadline))
        return self._read(answer)

    def _send(self, request: Request, headers: Mapping[str, str]) -> Answer:
        left = self._deadline - time.monotonic()
        place = urlsplit(request.url).hostname or "?"
        if left <= 0:
            raise CrmTrouble(f"{place} took longer than the look-up may last; give it more time, or search less")
        answer = self._crm._client.ask(replace(request, headers={**self._crm._always, **headers}), left)
        if not isinstance(answer, Answer):
            raise CrmTrouble(answer.reason)
        return answer

    def _read(self, answer: Answer) -> Any:
        crm, status = self._crm, answer.status
        complaint = crm._complaint(answer)
        what = f"HTTP {status}" + (f", {said(complaint)}" if complaint else "")
        if (seconds := crm._limit(answer)) is not None:
            raise CrmLimited(f"it is asked too often ({what})", min(max(seconds, 0.0), LONGEST_LIMIT))
        if crm._forbids(answer):
            raise CrmForbidden(f"our credentials may not do this ({what}); give them the rights that are documented")
        if status == 401 or crm._expired(answer):
            raise CrmTrouble(f"it does not accept our credentials ({what}); correct them in the configuration")
        if 300 <= status < 400:
            raise CrmTrouble(f"it redirects ({what}), which is not followed; write its final address as url:")
        if status == 204:
            return None
        if status == 404:
            raise CrmAbsent(f"it has nothing at the address that is documented ({what}); check url:")
        if complaint or not 200 <= status < 300:
            raise CrmTrouble(f"it does not answer as documented ({what}); look at its own status page, and check url:")
        return _json(answer)


def _json(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise CrmTrouble(f"it answered with no JSON (HTTP {answer.status}); check url:") from None

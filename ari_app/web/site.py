"""What endpoints work on: settings, database, schemes, gateways, clock; and how one of them gets at it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Protocol

import sqlalchemy as sa
from fastapi import Depends, Request

from ari_app.core.deployment import Deployment
from ari_app.core.message_book import MessageBook
from ari_app.core.scheme import SchemeBook
from ari_app.desk.terms import Terms
from ari_app.gateways.base import BaseGateway
from ari_app.settings import Settings
from ari_app.storage.database import snapshot, writing
from ari_app.web.problems import Refusal
from ari_app.web.throttle import Throttle

FAILURES_A_SECOND = 0.1
FAILURES_AT_ONCE = 10
MOST_TRUSTED = 1000


class Books(Protocol):
    """The configuration in force, as its keeper last read it."""

    @property
    def current(self) -> SchemeBook:
        """The schemes and numbers."""

    @property
    def messages(self) -> MessageBook:
        """Rules, message types and contacts."""

    @property
    def trouble(self) -> str:
        """Why the database could not be read last time; empty when it could."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Site:
    """One deployment, as the HTTP interface sees it."""

    settings: Settings
    engine: sa.Engine
    books: Books
    gateways: Mapping[str, BaseGateway]
    clock: Callable[[], datetime] = _now
    requests: Throttle = field(default_factory=lambda: Throttle(20.0, 100.0))
    failures: Throttle = field(default_factory=lambda: Throttle(FAILURES_A_SECOND, FAILURES_AT_ONCE))
    _trusted: OrderedDict[str, None] = field(default_factory=OrderedDict, repr=False)

    def trusted(self, proof: str) -> bool:
        """Whether this proof was good lately: its bearer is let in also from where others fail, such as our proxy."""
        return proof in self._trusted

    def trust(self, proof: str) -> None:
        """Remember a proof that was good; those longest unseen are forgotten."""
        self._trusted[proof] = None
        if len(self._trusted) > MOST_TRUSTED:
            self._trusted.popitem(last=False)

    def distrust(self, proof: str) -> None:
        """Forget a proof that is good no more."""
        self._trusted.pop(proof, None)

    def now(self) -> datetime:
        """The present moment, aware."""
        return self.clock()

    @property
    def schemes(self) -> SchemeBook:
        """The schemes and numbers in force."""
        return self.books.current

    @property
    def rules(self) -> MessageBook:
        """What is in force about messages. Raises Refusal (503) until it has been read once: whoever decided without
        would say no for ever to what is told now."""
        book = self.books.messages
        if not book.loaded:
            detail = "the configuration could not be read from the database yet; send the same request again"
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "5"})
        return book

    @cached_property
    def deployment(self) -> Deployment:
        """What is the same for every message."""
        return self.settings.deployment

    @cached_property
    def terms(self) -> Terms:
        """What of the deployment the desks go by."""
        chosen = self.settings
        return Terms(self.deployment, chosen.sms_price, chosen.sms_currency, chosen.region, chosen.messages_folder)

    @property
    def reading(self) -> sa.Engine:
        """For transactions that read."""
        return snapshot(self.engine)

    @property
    def writing(self) -> sa.Engine:
        """For transactions that write."""
        return writing(self.engine)


def _site(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


OurSite = Annotated[Site, Depends(_site)]
"""The site, as a parameter of an endpoint."""

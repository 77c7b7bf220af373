"""Who is responsible for a caller: what a CRM is asked, what may come of it, and how often one that fails is asked."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST_ENTITIES = 10
"""In one question: each is a request of its own."""
ENTITY_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_TARGET = re.compile(
    rf"(?P<crm>{ENTITY_NAME.pattern})(?::(?P<entities>{ENTITY_NAME.pattern}(,{ENTITY_NAME.pattern})*))?"
)


@dataclass(frozen=True, slots=True)
class Manager:
    """Who the CRM says is responsible. ``id`` is the CRM's own of its user, as text; ``name`` is as the CRM shows them,
    and hostile until it has been made printable; ``email`` is in lower case, empty if unknown."""

    id: str
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Who is responsible for ``phone`` (E.164; None: the caller withholds it). ``entities`` are the kinds of records
    that are searched, in their order; none: as the CRM's configuration says."""

    crm: str
    entities: tuple[str, ...] = ()
    phone: str | None = None


class Why(StrEnum):
    """Why nobody is named."""

    NONE = "none"
    NO_NUMBER = "no_number"
    NO_DESTINATIONS = "no_destinations"
    NO_CRM = "no_crm"
    SLOW = "slow"
    LIMITED = "limited"
    FAILED = "failed"
    PAUSED = "paused"
    BUSY = "busy"
    NOT_ASKED = "not_asked"

    @property
    def is_known(self) -> bool:
        """Whether the CRM has said so: it was neither slow nor broken."""
        return self in (Why.NONE, Why.NO_DESTINATIONS)


@dataclass(frozen=True, slots=True)
class Named:
    """The CRM names somebody, by a record of this kind."""

    manager: Manager
    entity: str


@dataclass(frozen=True, slots=True)
class Nobody:
    """Nobody is named; ``text`` says more, in words."""

    why: Why
    text: str = ""


Said = Named | Nobody


class AskedError(ValueError):
    """What should say which CRM is asked does not; the message says what to write."""


def asked(target: str, phone: str | None = None) -> Question:
    """The question that a destination's target stands for: ``crm``, or ``crm:lead,contact``.

    Raises:
        AskedError: it is none.
    """
    match = _TARGET.fullmatch(target)
    if match is None:
        raise AskedError(
            "it is not a CRM's name, or one with the kinds of records to search: crm, or crm:lead,contact,deal "
            "(small letters, digits, hyphens and underscores)"
        )
    entities = tuple(match["entities"].split(",")) if match["entities"] else ()
    if len(entities) > MOST_ENTITIES or len(set(entities)) < len(entities):
        raise AskedError(f"it searches kinds of records twice, or more than {MOST_ENTITIES}; name each once")
    return Question(match["crm"], entities, phone)


class Memory(Generic[K, V]):
    """What is believed for some seconds, ``most`` things at once; what has not been asked for longest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K, now: float) -> V | None:
        """What is believed at ``now``."""
        found = self._kept.get(key)
        if found is None:
            return None
        until, value = found
        if until <= now:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return value

    def keep(self, key: K, value: V, until: float) -> None:
        """Believe it ``until`` then."""
        self._kept[key] = (until, value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Patience:
    """After so many ``failures`` one after another a CRM is left alone for ``pause`` seconds."""

    failures: int = 3
    pause: float = 30.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of the way to one CRM, a circuit breaker: closed while it answers; open, until ``paused_until`` (by any
    clock), once it has failed too often; then one question is let through, whose answer decides."""

    failures: int = 0
    paused_until: float = 0.0

    def is_open(self, now: float) -> bool:
        """Whether it is not to be asked now."""
        return now < self.paused_until

    def trying(self, now: float, patience: Patience) -> Circuit:
        """It is about to be asked, for it may be: while it is not known to have recovered, once in a pause."""
        return replace(self, paused_until=now + patience.pause) if self.failures >= patience.failures else self

    def failed(self, now: float, patience: Patience, retry_after: float = 0.0) -> Circuit:
        """It was slow or failed, or asks to be left alone for ``retry_after`` seconds."""
        failures = self.failures + 1
        pause = patience.pause if failures >= patience.failures else 0.0
        return Circuit(failures, max(self.paused_until, now + max(pause, retry_after)))

    def answered(self) -> Circuit:
        """It has answered."""
        return Circuit()

"""Who may do what: rights over subjects, given to users, and the one place that asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from ari_app.core.numbering import printable


class Right(StrEnum):
    """What may be done. None includes another: who edits but may not view changes what somebody else shows them."""

    VIEW = "view"
    CREATE = "create"
    EDIT = "edit"
    """Switching on and off included; sending again, too."""
    DELETE = "delete"


class Subject(StrEnum):
    """What it may be done to."""

    RULES = "rules"
    MESSAGE_TYPES = "message-types"
    MESSAGES = "messages"
    CONSENT = "consent"
    TICKETS = "tickets"
    USERS = "users"
    RECORDINGS = "recordings"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Grant:
    """One right over one subject."""

    subject: Subject
    right: Right

    def __str__(self) -> str:
        return f"{self.subject} {self.right}"


EVERY_GRANT = frozenset(Grant(subject, right) for subject, right in product(Subject, Right))


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever asks: a user of the command line or of the admin site, or the key of another system."""

    name: str
    grants: frozenset[Grant] = frozenset()

    @classmethod
    def everything(cls, name: str) -> Actor:
        """An actor who may do all there is."""
        return cls(name, EVERY_GRANT)

    def may(self, subject: Subject, right: Right) -> bool:
        """Whether the actor has the right; for what is merely not shown to those who have not."""
        return Grant(subject, right) in self.grants


class Forbidden(Exception):
    """The actor has not got the right; the message says which, and how it is given."""

    def __init__(self, actor: Actor, grant: Grant) -> None:
        self.actor = actor
        self.grant = grant
        name = printable(actor.name)
        super().__init__(
            f"{name} may not {grant.right} {grant.subject.replace('-', ' ')}; "
            f"an admin grants it with: ari-app users grant {name} {grant}"
        )


def require(actor: Actor, subject: Subject, right: Right) -> None:
    """Go on only if ``actor`` has ``right`` over ``subject``.

    Raises:
        Forbidden: the right has not been granted.
    """
    if not actor.may(subject, right):
        raise Forbidden(actor, Grant(subject, right))

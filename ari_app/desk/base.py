"""What every desk has: a connection, an actor whose rights are asked for first, a clock, a log of changes, its noes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from ari_app.core.rights import Actor, Grant, Right, Subject, require
from ari_app.storage.columns import storable
from ari_app.storage.desk_schema import audit_log


class DeskError(Exception):
    """The desk did nothing; the message says why and how to mend it."""


class Refused(DeskError):
    """What is asked for cannot be; ``faults`` has a sentence for each thing that is wrong, all of them at once."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class NotFound(DeskError):
    """There is nothing of that name or id; the message says where to look."""


class Unconfirmed(DeskError):
    """It is done only once somebody who has read this says so: ask again with ``confirmed``."""

    def __init__(self, warning: str, question: str) -> None:
        self.warning = warning
        self.question = question
        super().__init__(warning)


Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")
AnyDesk = TypeVar("AnyDesk", bound="Desk")
Method = Callable[Concatenate[AnyDesk, Asked], Answer]


def needs(
    subject: Subject, *rights: Right
) -> Callable[[Method[AnyDesk, Asked, Answer]], Method[AnyDesk, Asked, Answer]]:
    """A method of a desk is entered only by actors who have these rights; more than one subject: put one on another.

    What it needs can be read from its attribute ``grants``. Entering without raises `Forbidden`.
    """

    def guard(method: Method[AnyDesk, Asked, Answer]) -> Method[AnyDesk, Asked, Answer]:
        @functools.wraps(method)
        def guarded(desk: AnyDesk, /, *args: Asked.args, **named: Asked.kwargs) -> Answer:
            for right in rights:
                require(desk.actor, subject, right)
            return method(desk, *args, **named)

        vars(guarded)["grants"] = (*(Grant(subject, right) for right in rights), *vars(method).get("grants", ()))
        return guarded

    return guard


def utc_now() -> datetime:
    """The present, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Desk:
    """One place where something is looked at and changed, in the transaction of ``connection``, by ``actor``."""

    connection: sa.Connection
    actor: Actor
    now: Callable[[], datetime] = field(default=utc_now, kw_only=True)

    def _write_down(self, subject: Subject, action: str, target: object, **details: Any) -> None:
        """Say in the log of changes what was done, in the transaction that does it."""
        row = {
            "at": self.now(),
            "actor": storable(self.actor.name),
            "subject": subject.value,
            "action": action,
            "target": storable(str(target)),
            "details": {name: _plain(value) for name, value in details.items()},
        }
        self.connection.execute(sa.insert(audit_log), row)


def _plain(value: Any) -> Any:
    """A value as the log's JSON keeps it."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence | frozenset | set) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return (
        storable(value) if isinstance(value, str) else value if value is None or isinstance(value, int) else str(value)
    )

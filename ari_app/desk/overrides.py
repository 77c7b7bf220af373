"""The desk of overrides: a scheme opened, closed or put on one branch for a while, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ari_app.core.calendar import DayRule
from ari_app.core.calendar_draft import unknown_branch
from ari_app.core.numbering import printable
from ari_app.core.rights import Actor
from ari_app.desk.base import NotFound, Refused, utc_now
from ari_app.storage.calendar_schema import overrides
from ari_app.storage.columns import storable
from ari_app.storage.desk_schema import audit_log
from ari_app.storage.schema import branches, schemes


@dataclass(frozen=True)
class OverrideDesk:
    """For whoever may edit schemes: who has the database. It is no `Desk`, for schemes have no rights to ask for.
    ``actor`` stands in the log of changes."""

    connection: sa.Connection
    actor: Actor
    now: Callable[[], datetime] = field(default=utc_now, kw_only=True)

    def put(self, scheme: str, rule: DayRule, until: datetime, *, branch: str = "", reason: str = "") -> None:
        """Override the scheme from now until the aware moment ``until``, in place of what overrides it now.

        Raises:
            NotFound: no such scheme.
            Refused: the end is past, or the scheme has no such branch.
        """
        scheme_id, now = self._scheme(scheme), self.now()
        if until <= now:
            raise Refused(f"{until:%Y-%m-%d %H:%M %Z} is past; give an end that is to come")
        row = {
            "scheme_id": scheme_id,
            "rule": rule.value,
            "branch_id": self._branch(scheme_id, branch) if rule is DayRule.BRANCH else None,
            "begins_at": now,
            "ends_at": until,
            "reason": storable(printable(reason, 200)),
        }
        self.connection.execute(sa.delete(overrides).where(overrides.c.scheme_id == scheme_id))
        self.connection.execute(sa.insert(overrides), row)
        details = {"rule": rule.value, "branch": storable(branch), "until": until.isoformat(), "reason": row["reason"]}
        self._log("override", scheme, details)

    def end(self, scheme: str) -> bool:
        """End what overrides the scheme; False when nothing does. Raises NotFound."""
        there = overrides.c.scheme_id == self._scheme(scheme)
        ends_at = self.connection.scalar(sa.select(overrides.c.ends_at).where(there))
        if ends_at is None:
            return False
        self.connection.execute(sa.delete(overrides).where(there))
        self._log("end override", scheme, {})
        return bool(ends_at > self.now())

    def _scheme(self, name: str) -> int:
        found: int | None = self.connection.scalar(sa.select(schemes.c.id).where(schemes.c.name == storable(name)))
        if found is None:
            raise NotFound(f"there is no scheme {name!r}; ari-app schemes list shows those there are")
        return found

    def _branch(self, scheme_id: int, name: str) -> int:
        wanted = sa.select(branches.c.id).where(branches.c.scheme_id == scheme_id, branches.c.name == storable(name))
        found: int | None = self.connection.scalar(wanted.order_by(branches.c.position, branches.c.id))
        if found is None:
            raise Refused(unknown_branch(name))
        return found

    def _log(self, action: str, scheme: str, details: dict[str, Any]) -> None:
        row = {"at": self.now(), "actor": storable(self.actor.name), "subject": "schemes", "action": action}
        self.connection.execute(sa.insert(audit_log), row | {"target": storable(scheme), "details": details})

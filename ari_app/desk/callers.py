"""The desk of callers: who is refused, who goes by another scheme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from ari_app.core.callers import ANONYMOUS, PATTERN, CallerAction, CallerRuleDraft, rule_words
from ari_app.core.numbering import printable
from ari_app.core.rights import Actor
from ari_app.desk.base import NotFound, Refused, utc_now
from ari_app.desk.terms import Terms, not_a_number
from ari_app.storage.caller_rows import put_caller, read_callers, remove_caller
from ari_app.storage.columns import storable
from ari_app.storage.desk_schema import audit_log
from ari_app.storage.schema import branches, schemes


@dataclass(frozen=True)
class CallerDesk:
    """For whoever may edit schemes: who has the database. ``actor`` stands in the log of changes."""

    connection: sa.Connection
    actor: Actor
    terms: Terms
    now: Callable[[], datetime] = field(default=utc_now, kw_only=True)

    def list(self) -> tuple[CallerRuleDraft, ...]:
        """All rules, in the order of their callers."""
        return read_callers(self.connection)

    def put(self, rule: CallerRuleDraft) -> CallerRuleDraft:
        """Add the rule, in the place of one for the same caller and number; as it is written down.

        Raises:
            Refused: it makes no sense, or names what is not there.
        """
        clean = rule._replace(caller=self._caller(rule.caller), number=self._number(rule.number))
        clean = clean._replace(reason=storable(printable(rule.reason, 200)))
        if clean.action == CallerAction.SCHEME:
            self._known(clean.scheme, clean.branch)
        put_caller(self.connection, clean)
        self._log("add rule", clean.caller, rule_words(clean))
        return clean

    def remove(self, caller: str, number: str = "") -> None:
        """Remove the rule for this caller and number. Raises Refused, NotFound."""
        rule = CallerRuleDraft(self._caller(caller), self._number(number))
        if not remove_caller(self.connection, rule):
            to = f" to {rule.number}" if rule.number else ""
            raise NotFound(f"there is no rule for {rule.caller}{to}; ari-app callers list shows those there are")
        self._log("remove rule", rule.caller, f"{rule.caller} {rule.number}".strip())

    def _caller(self, written: str) -> str:
        text = written.strip()
        if text == ANONYMOUS or (text.endswith("*") and PATTERN.fullmatch(text)):
            return text
        if (found := self.terms.number(text)) is not None:
            return found
        raise Refused(
            f"{printable(written)!r} is no caller; write a number such as +79161112233, a beginning such as '+7916*', "
            "or anonymous"
        )

    def _number(self, written: str) -> str:
        if not written.strip():
            return ""
        if (found := self.terms.number(written)) is not None:
            return found
        raise Refused(not_a_number(written))

    def _known(self, scheme: str, branch: str) -> None:
        found = self.connection.scalar(sa.select(schemes.c.id).where(schemes.c.name == storable(scheme)))
        if found is None:
            raise NotFound(f"there is no scheme {scheme!r}; ari-app schemes list shows those there are")
        own = sa.select(branches.c.id).where(branches.c.scheme_id == found, branches.c.name == storable(branch))
        if branch and self.connection.scalar(own.limit(1)) is None:
            raise Refused(f"branch {printable(branch)!r} is none of scheme {scheme!r}; name one of its own")

    def _log(self, action: str, target: str, what: str) -> None:
        row = {"at": self.now(), "actor": storable(self.actor.name), "subject": "schemes", "action": action}
        details = {"rule": storable(what)}
        self.connection.execute(sa.insert(audit_log), row | {"target": storable(target), "details": details})

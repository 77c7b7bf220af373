"""The desk of consent: what clients refuse is kept here by hand, looked at and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ari_app.core.consent import OptOut
from ari_app.core.messages import Channel, MessageKind
from ari_app.core.rights import Right, Subject
from ari_app.desk.base import Desk, Refused, needs
from ari_app.desk.terms import Terms, not_a_number
from ari_app.storage.columns import storable
from ari_app.storage.message_schema import opt_outs
from ari_app.storage.refused import opt_out


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal as it is kept: what of, how we know, since when (UTC)."""

    opt_out: OptOut
    source: str
    at: datetime

    def as_row(self) -> dict[str, Any]:
        """Flat, for programs; None: all of them."""
        one = self.opt_out
        what = {"client": one.client, "channel": one.channel, "kind": one.kind, "bulk_only": one.bulk_only}
        return {**what, "what": str(one), "source": self.source, "at": self.at}


@dataclass(frozen=True, slots=True)
class Line:
    """A refusal as a list from elsewhere has it, all of it text; what is empty narrows nothing."""

    client: str
    channel: str = ""
    kind: str = ""
    bulk_only: str = ""


@dataclass(frozen=True)
class ConsentDesk(Desk):
    """Refusals of clients; nothing overrules one but the client, whom somebody must have heard."""

    terms: Terms

    @needs(Subject.CONSENT, Right.VIEW)
    def list(self, client: str | None = None, *, limit: int = 1000) -> list[Refusal]:
        """The refusals of one client, or the latest of all. Raises Refused."""
        query = sa.select(opt_outs).order_by(opt_outs.c.at.desc(), opt_outs.c.id.desc()).limit(limit)
        if client is not None:
            query = query.where(opt_outs.c.client == self._number(client))
        return [Refusal(opt_out(row), row.source, row.at) for row in self.connection.execute(query)]

    @needs(Subject.CONSENT, Right.CREATE)
    def refuse(
        self,
        client: str,
        channel: Channel | None = None,
        kind: MessageKind | None = None,
        *,
        bulk_only: bool = False,
    ) -> OptOut:
        """Keep that a client does not want this; with nothing more said, nothing at all. Raises Refused."""
        one = OptOut(self._number(client), channel, kind, bulk_only)
        self._keep([one], self.actor.name)
        self._write_down(Subject.CONSENT, "refuse", one.client, what=str(one))
        return one

    @needs(Subject.CONSENT, Right.CREATE)
    def take_in(self, lines: Iterable[Line], source: str) -> int:
        """Keep a list from elsewhere, all of it or nothing; how many refusals are new.

        Raises:
            Refused: what is wrong, by line from 1.
        """
        read, faults = [], []
        for place, line in enumerate(lines, 1):
            try:
                read.append(self._read(line))
            except Refused as refused:
                faults += [f"line {place}: {fault}" for fault in refused.faults]
        if faults:
            raise Refused(*faults)
        new = self._keep(read, source)
        self._write_down(Subject.CONSENT, "take in", source, lines=len(read), new=new)
        return new

    def _read(self, line: Line) -> OptOut:
        channel, kind = line.channel.strip().lower(), line.kind.strip().lower()
        bulk = line.bulk_only.strip().lower()
        faults = [] if not channel or channel in set(Channel) else [f"{channel!r} is no channel such as sms"]
        faults += [] if not kind or kind in set(MessageKind) else [f"{kind!r} is no kind such as apology"]
        faults += [] if bulk in _YES | _NO else [f"{bulk!r} is neither yes nor no"]
        number = self.terms.number(line.client)
        if faults or number is None:
            raise Refused(*faults, *([] if number else [not_a_number(line.client)]))
        return OptOut(number, Channel(channel) if channel else None, MessageKind(kind) if kind else None, bulk in _YES)

    @needs(Subject.CONSENT, Right.DELETE)
    def allow(
        self, client: str, channel: Channel | None = None, kind: MessageKind | None = None, *, bulk_only: bool = False
    ) -> tuple[OptOut, ...]:
        """The client wants messages again: exactly that refusal goes, or with nothing more said every one; those gone.

        Raises:
            Refused: it is no number.
        """
        number = self._number(client)
        gone = opt_outs.c.client == number
        if channel or kind or bulk_only:
            gone &= (opt_outs.c.channel == (channel or "")) & (opt_outs.c.kind == (kind or ""))
            gone &= opt_outs.c.bulk_only == sa.literal(bulk_only, opt_outs.c.bulk_only.type)
        rows = self.connection.execute(sa.delete(opt_outs).where(gone).returning(opt_outs))
        removed = tuple(opt_out(row) for row in rows)
        self._write_down(Subject.CONSENT, "allow", number, what=[str(one) for one in removed])
        return removed

    def _keep(self, wanted: Iterable[OptOut], source: str) -> int:
        insert = postgresql.insert if self.connection.dialect.name == "postgresql" else sqlite.insert
        statement = insert(opt_outs).on_conflict_do_nothing()
        new = 0
        for one in wanted:
            named = {"channel": one.channel or "", "kind": one.kind or "", "bulk_only": one.bulk_only}
            row = {"client": one.client, **named, "source": storable(source), "at": self.now()}
            new += len(self.connection.execute(statement.values(row).returning(opt_outs.c.id)).all())
        return new

    def _number(self, written: str) -> str:
        number = self.terms.number(written)
        if number is None:
            raise Refused(not_a_number(written))
        return number


_YES = frozenset({"yes", "true", "1", "y"})
_NO = frozenset({"", "no", "false", "0", "n"})

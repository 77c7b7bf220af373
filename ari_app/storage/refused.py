"""What clients have refused, and how they are reached beside their number: read for many clients at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from ari_app.core.consent import OptOut
from ari_app.core.messages import Channel, MessageKind
from ari_app.storage.desk_schema import clients
from ari_app.storage.message_schema import opt_outs

AT_ONCE = 500
"""So many clients in one statement; SQLite takes a limited number of values."""


@dataclass(frozen=True, slots=True)
class Card:
    """How a client is called and reached beside the number; what is empty is not known. ``push`` is JSON."""

    client: str
    name: str = ""
    email: str = ""
    push: str = ""

    def address(self, channel: Channel) -> str:
        """Where the client is reached over a channel; empty if nowhere."""
        return {Channel.SMS: self.client, Channel.EMAIL: self.email, Channel.PUSH: self.push}.get(channel, "")


def opt_out(row: sa.Row[Any]) -> OptOut:
    """A row of ``opt_outs``."""
    channel, kind = Channel(row.channel) if row.channel else None, MessageKind(row.kind) if row.kind else None
    return OptOut(row.client, channel, kind, bool(row.bulk_only))


def opt_outs_of(connection: sa.Connection, wanted: Iterable[str]) -> dict[str, tuple[OptOut, ...]]:
    """The refusals of each of the clients (E.164) who has any."""
    found: dict[str, tuple[OptOut, ...]] = {}
    for some in _chunks(wanted):
        for row in connection.execute(sa.select(opt_outs).where(opt_outs.c.client.in_(some)).order_by(opt_outs.c.id)):
            found[row.client] = (*found.get(row.client, ()), opt_out(row))
    return found


def cards_of(connection: sa.Connection, wanted: Iterable[str]) -> dict[str, Card]:
    """The card of each of the clients (E.164) who has one."""
    rows = (
        row
        for some in _chunks(wanted)
        for row in connection.execute(sa.select(clients).where(clients.c.client.in_(some)))
    )
    return {row.client: Card(row.client, row.name, row.email, row.push) for row in rows}


def _chunks(wanted: Iterable[str]) -> Iterator[Sequence[str]]:
    waiting = iter(wanted)
    while some := list(islice(waiting, AT_ONCE)):
        yield some

"""The desks on both databases, as the tests of storage have them, in a company with two teams and a few numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ari_app.core.deployment import Deployment
from ari_app.core.messages import Audience, Channel, Intent, MessageKind
from ari_app.core.rights import Actor
from ari_app.desk.terms import Terms
from ari_app.storage.database import writing
from ari_app.storage.intents import take_in
from ari_app.storage.outbox_schema import messages
from ari_app.storage.schema import numbers, teams
from tests.storage.conftest import (  # noqa: F401
    engine,
    migrated_postgres,
    migrated_sqlite,
    postgres,
    postgresql_url,
    sqlite_url,
    url,
)

NOON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday, 12:00 by the clock of the sending window."""
CLIENT, ANOTHER = "+79160000001", "+79160000002"
SALES, SUPPORT, FREE = "+74950000101", "+74950000102", "+74950000103"


@dataclass
class Office:
    """A connection to a database with that company, what its desks go by, and a clock to set."""

    connection: sa.Connection
    folder: Path
    at: datetime = NOON
    actor: Actor = field(default_factory=lambda: Actor.everything("anna"))

    def now(self) -> datetime:
        """The present, as the desks are told."""
        return self.at

    @property
    def terms(self) -> Terms:
        """What the desks go by."""
        return Terms(Deployment(company="Acme"), Decimal("3.50"), "RUB", "RU", self.folder)

    def desk(self, kind: Any, actor: Actor | None = None) -> Any:
        """A desk of this kind."""
        needs_terms = "terms" in kind.__dataclass_fields__
        rest = (self.terms,) if needs_terms else ()
        return kind(self.connection, actor or self.actor, *rest, now=self.now)

    def message(self, key: str, **changes: Any) -> int:
        """A message in the outbox, taken in now; its id. State and the like are given as columns."""
        columns = {name: changes.pop(name) for name in list(changes) if name not in Intent.__dataclass_fields__}
        wanted: dict[str, Any] = {
            "kind": MessageKind.APOLOGY,
            "channel": Channel.SMS,
            "audience": Audience.CLIENT,
            "recipient": CLIENT,
            "client": CLIENT,
            "text": "Sorry!",
            "due_at": self.at,
            "expires_at": self.at + timedelta(hours=24),
        }
        (found,) = take_in(self.connection, [Intent(key=key, **(wanted | changes))], self.at)
        if columns:
            self.connection.execute(sa.update(messages).where(messages.c.id == found).values(columns))
        return found

    def state(self, message_id: int) -> str:
        """Where a message stands."""
        return str(self.connection.scalar(sa.select(messages.c.state).where(messages.c.id == message_id)))

    def sql(self, statement: str, **values: Any) -> Any:
        """Run a statement of an admin's."""
        return self.connection.execute(sa.text(statement), values)


@pytest.fixture
def office(engine: sa.Engine, tmp_path: Path) -> Iterator[Office]:  # noqa: F811
    """Sales and Support with a number each, a number of nobody's, and a team without sales tools."""
    with writing(engine).begin() as connection:
        add = sa.insert(teams).returning(teams.c.id)
        sales = connection.execute(add.values(name="Sales")).scalar_one()
        support = connection.execute(add.values(name="Support")).scalar_one()
        connection.execute(add.values(name="Basic", sales_tools=False))
        connection.execute(
            sa.insert(numbers),
            [
                {"e164": SALES, "name": "Sales line", "team_id": sales},
                {"e164": SUPPORT, "name": "Support line", "team_id": support},
                {"e164": FREE, "name": "Nobody's", "team_id": None},
            ],
        )
        folder = tmp_path / "messages"
        folder.mkdir()
        yield Office(connection, folder)

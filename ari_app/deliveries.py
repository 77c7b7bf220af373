"""What gateways deliver over connections of their own: receipts and texts, entered before they are confirmed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa

from ari_app.core.delivery import Report
from ari_app.core.deployment import Deployment
from ari_app.core.message_book import MessageBook
from ari_app.core.scheme import SchemeBook
from ari_app.gateways.base import BaseGateway
from ari_app.inbound import take_text
from ari_app.message_ports import InboundText
from ari_app.settings import Settings
from ari_app.storage.database import writing
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.receipts import apply_report


class NotReadYet(Exception):
    """The rules have not been read from the database yet; what is delivered now comes again."""


class Deliveries:
    """Takes in what the ``gateways`` that listen are delivered, in their threads.

    The configuration is read only where some gateway listens: the others' providers push to the HTTP interface.
    """

    def __init__(
        self,
        settings: Settings,
        engine: sa.Engine,
        gateways: Sequence[BaseGateway],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._listening = [gateway for gateway in gateways if gateway.listens]
        self._engine = engine
        self._clock = clock
        self._keeper = SchemeBookKeeper(engine, settings.dial_policy, settings.default_greeting)
        self._deployment = settings.deployment

    def start(self) -> None:
        """Have the gateways listen."""
        if not self._listening:
            return
        self._keeper.start()
        for gateway in self._listening:
            gateway.listen(partial(self.take, gateway.name))

    def stop(self) -> None:
        """End reading the configuration; gateways are closed by whoever sends by them."""
        self._keeper.stop()

    def take(self, gateway: str, reports: Sequence[Report], texts: Sequence[InboundText]) -> None:
        """Enter all of it, receipts in one transaction, each text in its own. Raises what the database raises, and
        NotReadYet: then it is delivered again, and what was entered is not entered twice."""
        if reports:
            with self.writing.begin() as connection:
                for report in reports:
                    apply_report(connection, gateway, report, self.now())
        for text in texts:
            take_text(self, gateway, text)

    @property
    def writing(self) -> sa.Engine:
        """For transactions that write."""
        return writing(self._engine)

    @property
    def schemes(self) -> SchemeBook:
        """The schemes and numbers in force."""
        return self._keeper.current

    @property
    def rules(self) -> MessageBook:
        """What is in force about messages. Raises NotReadYet."""
        if not self._keeper.messages.loaded:
            raise NotReadYet("the rules have not been read from the database yet")
        return self._keeper.messages

    @property
    def deployment(self) -> Deployment:
        """What is the same for every message."""
        return self._deployment

    def now(self) -> datetime:
        """The present moment, aware."""
        return self._clock()

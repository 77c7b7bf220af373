"""What an SMSC delivers over the sender's session: receipts applied, STOP heeded, and only then confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from ari_app.core.messages import Channel
from ari_app.deliveries import Deliveries
from ari_app.gateways.base import BaseGateway
from ari_app.gateways.configuration import load_gateways
from ari_app.settings import Settings
from ari_app.storage.message_schema import opt_outs
from ari_app.storage.outbox_schema import inbound_texts, messages
from tests.gateways.smsc import RealSmsc
from tests.outbox.messages import queue, text

OK, TEMPORARY = 0, 0x64
RECEIPT = b"id:%s sub:001 dlvrd:001 submit date:2603020900 done date:2603020901 stat:%s err:000 text:"
CLIENT = "+79161234567"


@pytest.fixture
def smsc() -> Iterator[RealSmsc]:
    with RealSmsc() as started:
        yield started


@contextmanager
def listening(engine: sa.Engine, smsc: RealSmsc, folder: Path, *, reading: bool = True) -> Iterator[BaseGateway]:
    file = folder / "gateways.yaml"
    file.touch(mode=0o600)
    file.write_text(
        f"gateways: [{{name: smsc, kind: smpp, host: 127.0.0.1, port: {smsc.port}, system_id: us, password: secret}}]"
    )
    gateways = load_gateways(file, folder / "inbox")
    deliveries = Deliveries(Settings(_env_file=None), engine, gateways)
    deliveries.start()
    if reading:
        assert deliveries._keeper.wait_loaded(5)
    try:
        yield gateways[0]
    finally:
        for gateway in gateways:
            gateway.close()
        deliveries.stop()


@pytest.mark.promise("FLD-13")
def test_a_receipt_is_applied_before_it_is_confirmed(engine: sa.Engine, smsc: RealSmsc, tmp_path: Path) -> None:
    queue(engine, text(1))
    with engine.begin() as connection:
        connection.execute(sa.update(messages).values(state="sent", gateway="smsc", gateway_id="id-1"))
    with listening(engine, smsc, tmp_path):
        esme = smsc.bound.get(timeout=5)
        assert smsc.deliver(esme, RECEIPT % (b"id-1", b"DELIVRD"), esm_class=4) == OK
        with engine.connect() as connection:
            assert connection.scalars(sa.select(messages.c.state)).one() == "delivered"


@pytest.mark.promise("FLD-12")
def test_stop_by_smpp_is_heeded_and_what_waits_is_not_sent(engine: sa.Engine, smsc: RealSmsc, tmp_path: Path) -> None:
    queue(engine, text(1, recipient=CLIENT, client=CLIENT))
    with listening(engine, smsc, tmp_path):
        assert smsc.deliver(smsc.bound.get(timeout=5), b"Stop!") == OK
        with engine.connect() as connection:
            refused = connection.execute(sa.select(opt_outs.c.client, opt_outs.c.channel)).one()
            states = connection.scalars(sa.select(messages.c.state)).all()
            effects = connection.scalars(sa.select(inbound_texts.c.effect)).all()
    assert (tuple(refused), states, effects) == ((CLIENT, Channel.SMS.value), ["cancelled"], ["stop"])


def test_what_cannot_be_entered_stays_with_the_smsc(engine: sa.Engine, smsc: RealSmsc, tmp_path: Path) -> None:
    with listening(engine, smsc, tmp_path):
        esme = smsc.bound.get(timeout=5)
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE inbound_texts RENAME TO away"))
        assert smsc.deliver(esme, b"STOP") == TEMPORARY
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE away RENAME TO inbound_texts"))
        assert smsc.deliver(esme, b"STOP") == OK
    with engine.connect() as connection:
        assert connection.scalars(sa.select(inbound_texts.c.effect)).all() == ["stop"]

"""The whole controller on the fake Asterisk, told to stop: what is owed to a message and to the journal is done."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from ari_app.service import Service
from ari_app.settings import Settings
from ari_app.storage.database import open_database
from ari_app.storage.history import list_calls
from ari_app.storage.records import call_events
from ari_app.storage.revisions import upgrade
from tests.fakes.fake_asterisk import FakeAsterisk


def journalled(url: str) -> set[str]:
    """The kinds of events that the journal has by now."""
    with closing(open_database(url).connect()) as connection:
        return set(connection.scalars(sa.select(call_events.c.kind)))


@pytest.mark.fault("25")
async def test_a_second_signal_while_a_message_is_recorded_settles_it_and_keeps_the_verdict(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    await asyncio.to_thread(upgrade, url)
    spool, kept = tmp_path / "spool", tmp_path / "messages"
    spool.mkdir()
    async with FakeAsterisk(spool) as fake:
        fake.switch.sounds = {"sound:ari-app/ru/greeting": 0.0, "sound:ari-app/beep": 0.0}
        password = SecretStr(fake.password)
        service = Service(Settings(database_url=url, ari_url=fake.url, ari_password=password, messages_folder=kept))
        await service.start()
        await service.telephony.connection.wait_connected(5.0)
        fake.incoming("+74950000101", "+79160000001")
        while "recording_began" not in await asyncio.to_thread(journalled, url):
            pass
        stopping = asyncio.ensure_future(service.stop(patience_seconds=60.0))
        await asyncio.sleep(0)
        service.telephony.hurry()
        await stopping
    with closing(open_database(url).connect()) as connection:
        (call,) = list_calls(connection)
    assert (call.disposition, call.reason) == ("lost", "no_message")
    assert list(kept.iterdir()) == []
    assert list(spool.iterdir()) == [], "what is settled here has left Asterisk's spool"

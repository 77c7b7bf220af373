"""What no Asterisk should ever send, and mistakes of our own, cost no connection and leave nobody waiting."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ari_app.ari.connection import AriConnection
from ari_app.ari.errors import AriError, Disconnected, RequestTimeout
from ari_app.ari.settings import AriSettings
from tests.contract.rigs import APP
from tests.fakes.fake_asterisk import FakeAsterisk


def settings(fake: FakeAsterisk) -> AriSettings:
    return AriSettings(fake.url, fake.user, fake.password, APP)


async def answered(fake: FakeAsterisk, content: bytes, *, apart: bool) -> Any:
    """What the client makes of an answer of that content."""
    usual = fake.rest.handle

    async def handle(method: str, path: str, *more: Any) -> tuple[int, Any]:
        return (200, content) if path == "asterisk/info" else await usual(method, path, *more)

    fake.rest.handle = handle  # type: ignore[method-assign, assignment]
    async with AriConnection(settings(fake), lambda _: None) as ari:
        await ari.wait_connected(5)
        return await ari.client.send("GET", "asterisk", "info", apart=apart)


async def test_an_answer_that_is_no_json_is_an_error_of_ari(tmp_path: Path) -> None:
    async with FakeAsterisk(tmp_path) as fake:
        with pytest.raises(AriError, match="GET asterisk/info; its answer is no JSON"):
            await answered(fake, b"<html>", apart=True)


async def test_bytes_that_are_no_text_are_replaced_over_http_too(tmp_path: Path) -> None:
    """A caller chooses his name, and a list of channels may go over HTTP."""
    async with FakeAsterisk(tmp_path) as fake:
        assert await answered(fake, b'{"name":"\xff"}', apart=True) == {"name": "\ufffd"}


@pytest.mark.fault("10")
async def test_a_request_that_is_never_answered_costs_the_websocket_once_and_not_its_use(tmp_path: Path) -> None:
    """Those behind it are lost with it; those after it go over a new one."""
    async with asyncio.timeout(10), FakeAsterisk(tmp_path) as fake:
        usual = fake.rest.handle

        async def handle(method: str, path: str, *more: Any) -> tuple[int, Any]:
            await (asyncio.Event().wait() if path == "asterisk/info" else asyncio.sleep(0))
            return await usual(method, path, *more)

        fake.rest.handle = handle  # type: ignore[method-assign, assignment]
        hasty = replace(settings(fake), stuck_after=0.3, backoff_most=0.01)
        async with AriConnection(hasty, lambda _: None) as ari:
            await ari.wait_connected(5)
            with pytest.raises(RequestTimeout):
                await ari.client.send("GET", "asterisk", "info", timeout=0.1)
            with pytest.raises(Disconnected):
                await ari.client.asterisk.ping()
            over_websocket = ari.rest.sent_over_websocket
            while ari.rest.sent_over_websocket == over_websocket:
                await ari.client.asterisk.ping()


async def test_neither_a_mistake_of_ours_nor_a_senseless_event_ends_the_reconnecting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connected = asyncio.Queue[str]()

    async def up() -> None:
        connected.put_nowait("up")

    def lost(_reason: str) -> None:
        raise KeyError("a mistake of ours")

    async with (
        asyncio.timeout(10),
        FakeAsterisk(tmp_path) as fake,
        AriConnection(settings(fake), lambda _: None, on_connected=up, on_disconnected=lost) as ari,
    ):
        for _ in range(2):
            assert await connected.get() == "up"
            await ari.wait_connected(5)
            for socket in tuple(fake._sockets):
                fake._put(socket, {"senseless": 1})
            await ari.client.asterisk.ping()  # it costs no connection
            for socket in tuple(fake._sockets):
                await socket.close()
        assert await connected.get() == "up"
    assert "An ARI message that is no event" in caplog.text
    assert "The handler of a lost connection failed" in caplog.text
